"""Reading the question without a model: the stretch of time, the things it names, what it asks about."""

from __future__ import annotations

from .following_up import Earlier, carried_on, guided, leaves_out
from .question import read_question

__all__ = ["Earlier", "carried_on", "guided", "leaves_out", "read_question"]
