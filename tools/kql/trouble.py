"""What stops the reading of a text."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from soc_analyst.state.queries import Diagnostic

from .tree import Span

__all__ = ["MAX_DIAGNOSTICS", "Trouble", "diagnose", "instead", "nearest"]

MAX_DIAGNOSTICS = 50
"""Faults reported of one text."""


def diagnose(code: str, message: str, span: Span, hint: str = "") -> Diagnostic:
    """Return a diagnostic about a stretch of the text."""
    return Diagnostic(code=code, message=message, start=span.start, length=span.length, hint=hint)


class Trouble(Exception):
    """Carry one diagnostic up to where reading can go on."""

    def __init__(self, code: str, message: str, span: Span, hint: str = "") -> None:
        super().__init__(message)
        self.span = span
        self.diagnostic = diagnose(code, message, span, hint)


def instead(reason: str) -> str:
    """Return what the reason of a refusal names to write instead, or to leave out what is refused."""
    return reason.partition("; ")[2] or (reason if reason.startswith("use ") else "leave it out")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `did you mean X?` for the name most like this one, or an empty text."""
    by_lower = {one.lower(): one for one in known}
    found = difflib.get_close_matches(name.lower()[:80], by_lower, n=1, cutoff=0.6)
    return f"did you mean {by_lower[found[0]]}?" if found else ""
