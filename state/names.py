"""The name of a host or account that all its spellings share, as people write it and as Windows does."""

from __future__ import annotations

import re

from .entities import Entity, EntityKind

__all__ = ["bare_name", "computer_name", "short_name", "told_computer"]

NO_NAME = re.compile(r"[\d.]+|.*:.*|/.*")
"""Addresses and paths, whose dots part no domain from a name."""
NETBIOS = 15
"""Letters of a computer's name that its account and its older protocols keep."""


def short_name(entity: Entity) -> str:
    """Return the name of a host or account as `bare_name` does; another thing's as it is, in lower case."""
    return bare_name(entity.value, entity.kind)


def bare_name(name: str, kind: EntityKind) -> str:
    """Return the name of a host or account without domain, group or address, in lower case; others as they are.

    A host's domain stands behind a dot, an account's before a bar or behind an at: `j.doe` and `j.roe` are two.
    """
    folded = name.casefold()
    if kind not in ("host", "account") or (kind == "host" and NO_NAME.fullmatch(folded)):
        return folded
    alone = re.split(r"[\\/]", folded)[-1]
    return alone.partition("." if kind == "host" else "@")[0] or alone


def computer_name(name: str) -> str:
    """Return the name of a machine or of its account as NetBIOS knows it, in lower case."""
    return name.lower().partition(".")[0].rstrip("$")[:NETBIOS]


def told_computer(name: str) -> str:
    """Return `computer_name` of what a machine calls itself, empty where a dash stands for none."""
    return computer_name(name.strip("\\")).strip("-") if name else ""
