"""One's own application: who made it an hour ago gives it its first secret, its owner and its addresses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.tools.evidence import Evidence

from .reasons import Reason
from .sessions import Signals

__all__ = ["by_own_application"]

Row = Mapping[str, Any]
Pair = tuple[str, Row]
SOON = timedelta(days=1)
MOST = 1_000
MADE = "add application"
SET_UP = (
    "update application", "update service principal", "add service principal credentials", "add owner to application",
    "add owner to service principal", "add service principal", "add federated identity credential", MADE,
)  # fmt: skip
GRANTS = (
    "consent to application", "add app role assignment to", "add delegated permission grant", "add member to role",
    "add role assignment", "add eligible member to role",
)  # fmt: skip


def by_own_application(pairs: Sequence[Pair], evidence: Evidence, signals: Signals) -> Iterator[Reason]:
    """Yield that all of it set up an application that the same account had made within the day before.

    A secret of one's own new application opens nothing until it is given rights: where the account grants any that a
    rule speaks of, nothing is explained.
    """
    if not pairs or any(table != "AuditLogs" or not _operation(row).startswith(SET_UP) for table, row in pairs):
        return
    rows = evidence.get("AuditLogs")
    if rows is None or not {"OperationName", "InitiatedBy", "TargetResources", "TimeGenerated"} <= set(
        rows.rows.column_names
    ):
        return
    names = pc.utf8_lower(rows.rows["OperationName"].cast("string"))
    made = [each for _, each in _rows(rows.rows, names, (MADE,))]
    if made and all(_is_own(row, made) for _, row in pairs) and not _grants(pairs, rows.rows, names, signals):
        yield Reason("own", "the set-up of an application that the same account had just made", proves=True,
                     proves_high=True)  # fmt: skip


def _grants(pairs: Sequence[Pair], rows: pa.Table, names: pa.ChunkedArray, signals: Signals) -> bool:
    """Return whether one of these accounts grants rights that a rule speaks of."""
    actors = {_actor(row) for _, row in pairs}
    granted = (at for at, each in _rows(rows, names, GRANTS) if _actor(each) in actors)
    return any(("AuditLogs", at) in signals.levels for at in granted)


def _rows(rows: pa.Table, names: pa.ChunkedArray, starts: Sequence[str]) -> list[tuple[int, Row]]:
    """Return the rows of operations that begin so, with their places."""
    wanted = pc.starts_with(names, starts[0])
    for each in starts[1:]:
        wanted = pc.or_(wanted, pc.starts_with(names, each))
    places = pc.indices_nonzero(pc.fill_null(wanted, False))[:MOST]
    columns = ["OperationName", "InitiatedBy", "TargetResources", "TimeGenerated"]
    return list(zip(places.to_pylist(), rows.select(columns).take(places).to_pylist(), strict=True))


def _is_own(row: Row, made: Sequence[Row]) -> bool:
    """Return whether the account made the application of this row, or any where the row names none."""
    applications = _applications(row)
    return any(
        _actor(each) == _actor(row) != "" and _before(each, row)
        and (not applications or bool(applications & _applications(each)))
        for each in made
    )  # fmt: skip


def _before(made: Row, row: Row) -> bool:
    first, then = made.get("TimeGenerated"), row.get("TimeGenerated")
    return isinstance(first, datetime) and isinstance(then, datetime) and timedelta() <= then - first <= SOON


def _applications(row: Row) -> frozenset[str]:
    """Return the names of applications among the things that a row changes."""
    things = _read(row.get("TargetResources"))
    listed = [each for each in things if isinstance(each, dict)] if isinstance(things, list) else []
    kinds = {"application", "serviceprincipal"}
    return frozenset(
        str(each.get("displayName")).lower()
        for each in listed
        if str(each.get("type")).lower() in kinds and each.get("displayName")
    )


def _actor(row: Row) -> str:
    told = _read(row.get("InitiatedBy"))
    user, app = (told.get("user"), told.get("app")) if isinstance(told, dict) else (None, None)
    if isinstance(user, dict) and user.get("userPrincipalName"):
        return str(user["userPrincipalName"]).lower()
    return str(app.get("servicePrincipalId") or app.get("appId") or "").lower() if isinstance(app, dict) else ""


def _operation(row: Row) -> str:
    return str(row.get("OperationName") or "").lower()


def _read(value: object) -> object:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None
