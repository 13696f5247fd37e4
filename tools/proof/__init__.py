"""What is said, held against the rows: claims, findings, outcomes and leads."""
