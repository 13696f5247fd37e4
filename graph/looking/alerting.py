"""An investigation that starts from an alert: its things, its time and its claim, read from the alert's own rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from soc_analyst.state.entities import Alert, Entity, EntityKind, Reading, TimeWindow
from soc_analyst.state.errors import OperatorError, UnreachableError
from soc_analyst.state.queries import AnyOf, Condition
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.logs.base import Workspace
from soc_analyst.tools.proof.leads import is_anybody, same_thing
from soc_analyst.tools.reasoning.by_rules.matching import ID_COLUMN

from ..desk.desk import Desk
from .probing import rows_where

__all__ = ["alert_named", "question_about", "started_from"]

ALERTS = ("AlertInfo", "AlertEvidence")
MARGIN = timedelta(days=1)
"""How long before and after the alert is looked at."""
TECHNIQUE = re.compile(r"\bT\d{4}(?:\.\d{3})?\b")
MOST_SUBJECTS = 6
MOST_THINGS = 40
WHO: tuple[EntityKind, ...] = ("host", "account")
THINGS: tuple[EntityKind, ...] = ("process", "hash", "file", "ip", "domain", "url", "registry_key")


async def alert_named(alert_id: str, now: datetime, desk: Desk, workspace: Workspace) -> Reading:
    """Return what an investigation of an alert is about; raise OperatorError where there is no such alert."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for table in ALERTS:
        rows[table] = await _rows(alert_id, table, now, desk, workspace)
    every = [*rows["AlertInfo"], *rows["AlertEvidence"]]
    if not every:
        days = max(desk.policy.days_of(table) for table in ALERTS)
        raise OperatorError(
            f"no alert has this id in the {days:g} days up to {now:%Y-%m-%d %H:%M} UTC; it is the column AlertId of "
            "AlertInfo",
            where=f"--alert {alert_id[:60]!r}",
        )
    times = [row["TimeGenerated"] for row in every]
    info = next(iter(rows["AlertInfo"]), every[0])
    named = tuple(_named(rows["AlertEvidence"], desk.tables["AlertEvidence"]))
    alert = Alert(
        id=str(info.get("AlertId") or alert_id),
        title=str(info.get("Title") or ""),
        severity=str(info.get("Severity") or ""),
        techniques=_techniques(every),
        first=min(times),
        last=max(times),
        things=tuple(one for one in named if one.kind in THINGS)[:MOST_THINGS],
    )
    window = TimeWindow(start=alert.first - MARGIN, end=min(now, alert.last + MARGIN))
    return Reading(window=window, entities=_subjects(named), alert=alert, suspicion=True)


def question_about(alert_id: str) -> str:
    """Return the question where none was asked."""
    return f"Is alert {alert_id} right, and what else belongs to it?"


def started_from(about: Reading, asked: Reading) -> Reading:
    """Return the reading of a question with the things and the time of the alert, where it states no time itself."""
    assert about.alert is not None
    stated = asked.window.basis != "assumed"
    notes = [note for note in asked.notes if stated or not note.startswith("the question names no time")]
    if not stated:
        notes.append(f"the window is a day to each side of alert {about.alert.id}")
    return asked.model_copy(
        update={
            "window": asked.window if stated else about.window,
            "entities": tuple(dict.fromkeys([*about.entities, *asked.entities])),
            "candidates": (),
            "topics": (),
            "terms": (),
            "themes": (),
            "broad": True,
            "suspicion": True,
            "alert": about.alert,
            "notes": tuple(notes),
        }
    )


async def _rows(alert_id: str, table: str, now: datetime, desk: Desk, workspace: Workspace) -> list[dict[str, Any]]:
    if table not in desk.tables or workspace.lacking.get(table) == ():
        held = "the workspace has no such table" if table in desk.tables else "policy does not allow the table"
        raise OperatorError(f"an alert cannot be read: {held} {table}", where="--alert")
    test = AnyOf(conditions=(Condition(column="AlertId", op="=~", values=(alert_id,)),))
    window = TimeWindow(start=now - timedelta(days=desk.policy.days_of(table)), end=now)
    found, why = await rows_where(test, table, window, desk, workspace)
    if found is None:
        raise UnreachableError(f"--alert: {table} cannot be read: {why}; `soc-analyst doctor` tells what to do")
    return list(found.to_pylist())


def _named(rows: Sequence[Mapping[str, Any]], schema: TableSchema) -> Iterator[Entity]:
    """Yield what the alert's evidence names, each thing once."""
    told: set[tuple[EntityKind, str]] = set()
    for kind in (*WHO, *THINGS):
        columns = [name for name in schema.columns_of(kind) if schema.columns[name].type == "string"]
        for value in (value for row in rows for value in _values(row, columns)):
            if value and (kind, value.casefold()) not in told:
                told.add((kind, value.casefold()))
                yield Entity(kind=kind, value=value)


def _values(row: Mapping[str, Any], columns: Iterable[str]) -> Iterator[str]:
    """Yield the values of these columns; identifiers of a thing only where the row names it by nothing else."""
    held = {column: str(row.get(column) or "").strip() for column in columns}
    names = [value for column, value in held.items() if value and not ID_COLUMN.search(column)]
    yield from names or filter(None, held.values())


def _subjects(named: Iterable[Entity]) -> tuple[Entity, ...]:
    """Return whom the alert is about: hosts and accounts, or addresses where it names neither."""
    kept: list[Entity] = []
    names = [one for one in named if not is_anybody(one.value)]
    for one in (one for one in names if one.kind in WHO):
        if not any(same_thing(one, other) for other in kept):
            kept.append(one)
    return tuple(kept[:MOST_SUBJECTS]) or tuple(one for one in names if one.kind == "ip")[:MOST_SUBJECTS]


def _techniques(rows: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the ids in the lists of techniques, which hold them as `Name (T1059.001)` or bare."""
    found: dict[str, None] = {}
    for row in rows:
        found.update(dict.fromkeys(TECHNIQUE.findall(str(row.get("AttackTechniques") or ""))))
    return tuple(found)
