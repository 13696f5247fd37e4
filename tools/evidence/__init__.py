"""Rows by handle: what queries returned, kept outside the state."""

from .rows import Evidence, TableRows
from .store import EvidenceStore

__all__ = ["Evidence", "EvidenceStore", "TableRows"]
