"""Checkpoints: how a case is written at each step, where to, and how it is read by a later version."""

from .opening import open_checkpoints
from .reading import require_readable
from .serializing import CaseSerializer, case_types, checkpoint_serializer

__all__ = ["CaseSerializer", "case_types", "checkpoint_serializer", "open_checkpoints", "require_readable"]
