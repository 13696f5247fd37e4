"""Queries: as planned, as approved, as run."""

from __future__ import annotations

import hashlib
from typing import Literal

from .base import UtcTime, Value
from .costs import Estimate, Scanned

__all__ = [
    "AnyOf",
    "ApprovedQuery",
    "Condition",
    "Coverage",
    "Diagnostic",
    "Operator",
    "PlannedQuery",
    "QueryRecord",
    "QueryStatus",
    "Scalar",
    "Shape",
    "TypedQuery",
    "asked_key",
]

Scalar = str | int | float | bool

Operator = Literal[
    "==", "!=", "=~", "!~", "has", "!has", "has_any", "contains", "!contains", "startswith", "!startswith",
    "endswith", "!endswith", "in", "in~", "!in", "!in~", "<", "<=", ">", ">=", "isempty", "isnotempty",
]  # fmt: skip

Shape = Literal["rows", "coverage", "values"]
"""rows: the rows themselves. coverage: one row with Rows (long), First and Last (datetime). values: the distinct
values of one column with their Rows, most frequent first."""

QueryStatus = Literal["ok", "empty", "partial", "refused", "failed", "skipped"]


class Diagnostic(Value):
    """Why something was refused or failed; offsets are in code points of the KQL text given, 0 and 0 where none was."""

    code: str
    message: str
    start: int = 0
    length: int = 0
    hint: str = ""


class Condition(Value):
    """One test of one column. Only `has_any` and the `in` family take several values; `isempty` takes none."""

    column: str
    op: Operator
    values: tuple[Scalar, ...] = ()


class AnyOf(Value):
    """At least one of these conditions holds."""

    conditions: tuple[Condition, ...]


class TypedQuery(Value):
    """A query as data: no KQL text from outside ever enters it but as a value."""

    table: str
    start: UtcTime
    end: UtcTime
    where: tuple[AnyOf, ...] = ()
    """All of these hold."""
    columns: tuple[str, ...] = ()
    """Columns to return; empty means all that policy allows."""
    shape: Shape = "rows"
    values_of: str = ""
    """The column whose distinct values are wanted, for the shape `values`."""
    limit: int | None = None
    """A wish below the policy's row cap; the newest rows are kept."""


class PlannedQuery(Value):
    """What a planner proposes: a typed query or KQL text, never both; with the reason for asking."""

    id: str
    purpose: str
    hypothesis: str = ""
    typed: TypedQuery | None = None
    kql: str | None = None
    leads_from: str = ""
    """The finding or lead this query follows, empty for the question itself."""


def asked_key(query: PlannedQuery) -> str:
    """Return a digest of what is asked, whatever it is called and why, to notice the same question asked twice."""
    asked = query.typed.model_dump_json() if query.typed is not None else query.kql or ""
    return hashlib.sha256(asked.encode()).hexdigest()[:32]


class ApprovedQuery(Value):
    """The only thing a backend runs. Only the guard makes one."""

    id: str
    kql: str
    """Canonical text, rendered from our own tree."""
    tables: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]
    """The columns each table's view exposes."""
    start: UtcTime
    end: UtcTime
    row_cap: int
    """Rows that may be kept; the text asks for one more, so that truncation is noticed."""
    shape: Shape | Literal["free"] = "rows"
    """`free` where the text shapes its own result."""
    policy_hash: str
    estimate: Estimate | None = None
    """What its window holds in its tables, where that was looked up; no part of what was proved."""


class QueryRecord(Value):
    """What became of a planned query. Rows and text are in the evidence store under their digests."""

    id: str
    round: int
    purpose: str
    table: str
    key: str
    """Digest of what was asked, to notice the same question asked twice."""
    status: QueryStatus
    kql_digest: str = ""
    rows_digest: str = ""
    rows: int = 0
    truncated: bool = False
    oldest: UtcTime | None = None
    """The time of the oldest row of a truncated result."""
    requests: int = 1
    """How often the workspace was asked for it: more than once where it was asked in parts."""
    elapsed_ms: float = 0.0
    diagnostics: tuple[Diagnostic, ...] = ()
    hypothesis: str = ""
    leads_from: str = ""
    start: UtcTime | None = None
    end: UtcTime | None = None
    estimate: Estimate | None = None
    """What it was expected to read, before it ran."""
    scanned: Scanned | None = None
    """What the service says that it did read."""
    shape: Literal["rows", "made"] = "rows"
    """rows: whole events of the table. made: a table that the query made, by aggregating, joining or picking values."""
    tables: tuple[str, ...] = ()
    """All tables that it read, `table` first."""

    @property
    def evidence_name(self) -> str:
        """Return under which name its rows are evidence: those of one table together, what a query made by itself."""
        return self.table if self.shape == "rows" else f"{self.table} ({self.id})"


class Coverage(Value):
    """Whether a table had anything to see in the window; null rows mean that nobody could look."""

    table: str
    rows_in_window: int | None = None
    first: UtcTime | None = None
    last: UtcTime | None = None
    note: str = ""
    subject_rows: int | None = None
    """Rows about the host or account asked for, whatever else was asked of them; null where nobody counted."""
    last_before: UtcTime | None = None
    """The newest row before a window that holds none; null where policy lets see none before it."""
    unsettled_from: UtcTime | None = None
    """From where on rows of the window may not have come in yet; null where all should have."""
    seen_from: UtcTime | None = None
    """Where the part of the window begins that policy lets be seen; null where that is all of it."""
