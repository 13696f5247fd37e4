"""What a language model may see: pseudonyms for personal data, fences around untrusted text."""
