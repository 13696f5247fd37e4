"""What a node works with: policy, tables, workspace, rules and model of its run, and what is left to spend."""
