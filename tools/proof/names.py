"""The name of a host or account that all its spellings share."""

from __future__ import annotations

import re

from soc_analyst.state.entities import Entity, EntityKind

__all__ = ["bare_name", "short_name"]

NO_NAME = re.compile(r"[\d.]+|.*:.*|/.*")
"""Addresses and paths, whose dots part no domain from a name."""


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
