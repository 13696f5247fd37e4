"""What a person is asked about a plan before it runs."""

from __future__ import annotations

from .base import Value

__all__ = ["Awaiting"]


class Awaiting(Value):
    """A plan that waits for a person's answer."""

    digest: str
    """Hash of exactly what would run; an answer is bound to it."""
    plan: str
    """Hash of the plan that it came from: where that is changed, it is proved and put down anew."""
    why: str
    """Why somebody is asked."""
    refused: str = ""
    """Why the last answer was none to this plan, empty where there was no such answer."""
