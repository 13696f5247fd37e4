"""Planning and judging by rules: no model, no key, the same answer each time."""
