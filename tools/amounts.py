"""Amounts in words."""

from __future__ import annotations

__all__ = ["counted"]


def counted(amount: int, noun: str, plural: str = "") -> str:
    """Return an amount with its noun."""
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"
