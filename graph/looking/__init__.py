"""What is looked up beside the plan: coverage, values, earlier days, whole tables, parts of a window."""
