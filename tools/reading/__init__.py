"""Reading the question without a model: the stretch of time, the things it names, what it asks about."""

from __future__ import annotations

from .question import read_question

__all__ = ["read_question"]
