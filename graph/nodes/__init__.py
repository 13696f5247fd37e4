"""The five nodes; each is a file with its own name."""
