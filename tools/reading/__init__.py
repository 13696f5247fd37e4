"""Reading the question without a model: the stretch of time, the things it names, what it asks about."""

from __future__ import annotations

from .following_up import carried_on, guided
from .question import read_question

__all__ = ["carried_on", "guided", "read_question"]
