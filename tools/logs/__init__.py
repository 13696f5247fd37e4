"""Where the logs are: the tables that are known, and the workspaces that hold them."""
