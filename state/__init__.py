"""What a case is: frozen values and merge rules. No input or output, and no import of ours but its own."""
