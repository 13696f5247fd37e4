"""What a language model may see: pseudonyms for personal data, fences around untrusted text."""

from .fencing import data_block, fenced
from .pseudonyms import Mode, Pseudonyms

__all__ = ["Mode", "Pseudonyms", "data_block", "fenced"]
