"""Bare names of a question, confirmed against the data."""

from __future__ import annotations

from soc_analyst.state.entities import Entity, EntityKind, Reading
from soc_analyst.tools.logs.base import Workspace

from ..desk.desk import Desk
from .probing import known_values, same_name

__all__ = ["confirmed"]

KINDS: tuple[EntityKind, ...] = ("host", "account")


async def confirmed(reading: Reading, desk: Desk, workspace: Workspace) -> Reading:
    """Return the reading with each candidate that names a host or account in the logs made an entity."""
    if not reading.candidates:
        return reading
    known = await known_values(KINDS, reading.window.end, desk, workspace)
    found: list[Entity] = []
    for word in reading.candidates:
        kind = next((k for k in KINDS if same_name(Entity(kind=k, value=word), known.of(k))), None)
        if kind is not None:
            found.append(Entity(kind=kind, value=word))
    entities = tuple(dict.fromkeys([*reading.entities, *found]))
    unsure = [word for word in reading.candidates if word not in {entity.value for entity in found}]
    notes = (*reading.notes, *([_UNSURE.format(", ".join(unsure))] if unsure and not known.whole else []))
    return reading.model_copy(update={"entities": entities, "candidates": (), "notes": notes})


_UNSURE = "Whether {} names a host or an account could not be looked up in all logs; name its kind to be sure."
