"""Planning and judging. By rules or by a model, behind the same two protocols."""
