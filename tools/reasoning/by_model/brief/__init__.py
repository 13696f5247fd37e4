"""What the analyst model reads of a case: rows by template, hits first, within a token budget."""

from .base import Brief, Group
from .filling import build_brief, parts

__all__ = ["Brief", "Group", "build_brief", "parts"]
