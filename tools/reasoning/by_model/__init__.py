"""A language model plans and analyses; code around it proves, and goes on by rules where it fails."""
