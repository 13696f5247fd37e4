"""What a brief itself says inside its cells: always between angle brackets, which no fenced value of a row has."""

from __future__ import annotations

__all__ = ["NAMED_BESIDE", "NOTHING", "PART", "left_out", "more"]

NOTHING = "<>"
"""Stands for a cell without a value; an empty cell is as the one above."""
PART = "<*>"
"""Stands for a part of an identifier, of encoded text or of a browser's name."""
NAMED_BESIDE = "<=>"
"""Stands for a file's name that the path or the command line of the same line tells."""


def left_out(characters: int | str) -> str:
    """Return what stands where so many characters were left out."""
    return f"<{characters} left out>"


def more(values: int) -> str:
    """Return what follows a value beside which the rows of a group hold so many others."""
    return f" <+{values}>"
