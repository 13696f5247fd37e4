"""What the analyst model reads of a case: rows by template, hits first, within a token budget."""

from .base import Brief, Group
from .filling import build_brief, parts
from .reading import columns_read

__all__ = ["Brief", "Group", "build_brief", "columns_read", "parts"]
