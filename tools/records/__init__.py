"""What is kept of a case: its folder, its report, and the findings log."""
