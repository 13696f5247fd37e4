"""The plain answer to a plain question: what the rows asked for say, counted by code."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.state.findings import Claim, Finding
from soc_analyst.state.queries import Condition
from soc_analyst.tools.evidence import TableRows
from soc_analyst.tools.evidence.rows import row_json
from soc_analyst.tools.reasoning.base import CaseFile

__all__ = ["answer", "answer_claims", "observation"]

RESULT_COLUMN: Mapping[str, str] = {
    "DeviceLogonEvents": "ActionType",
    "SigninLogs": "ResultType",
    "AuditLogs": "Result",
    "AzureActivity": "ActivityStatusValue",
    "AzureNetworkAnalytics_CL": "FlowStatus_s",
}
MEANING: Mapping[tuple[str, str], str] = {
    ("SigninLogs", "0"): "succeeded",
    ("AzureNetworkAnalytics_CL", "A"): "allowed",
    ("AzureNetworkAnalytics_CL", "D"): "blocked",
    ("DeviceLogonEvents", "LogonSuccess"): "succeeded",
    ("DeviceLogonEvents", "LogonFailed"): "failed",
}
ACTOR_COLUMN: Mapping[str, str] = {
    "AuditLogs": "Identity",
    "AzureActivity": "Caller",
    "AzureNetworkAnalytics_CL": "NSGRule_s",
}
SHOWN = 4
CITED = 10


def answer(case: CaseFile) -> str:
    """Return how many rows each table gave and with which results, most frequent first."""
    parts = [_of_table(rows) for rows in case.evidence.values() if len(rows)]
    return " ".join(parts)


def answer_claims(case: CaseFile) -> tuple[Claim, ...]:
    """Return what the answer says in numbers and times, as claims over the rows it is about."""
    return tuple(claim for rows in case.evidence.values() if len(rows) for claim in _claims(rows))


def observation(case: CaseFile) -> Finding | None:
    """Return what was asked about as a Low finding where it did happen and no rule fired on it."""
    if case.reading.broad or case.reading.suspicion:
        return None
    rows = max(case.evidence.values(), key=len, default=None)
    if rows is None or not len(rows):
        return None
    refs = rows.refs(range(min(CITED, len(rows))))
    first = row_json(rows.row(0))
    return Finding(
        id=f"f-{hashlib.sha256(f'observation {rows.table} {first}'.encode()).hexdigest()[:16]}",
        title=f"What was asked about occurred: {len(rows)} rows in {rows.table}",
        description=f"{answer(case)} No detection fired on them.",
        confidence="Low",
        recommendations=("ignore",),
        tags=("observation",),
        time=min(ref.time for ref in refs if ref.time) if any(ref.time for ref in refs) else case.reading.window.start,
        entities=case.reading.entities,
        evidence=refs,
        claims=(
            Claim(kind="exists", statement=f"The {len(refs)} cited rows were returned by the queries.", rows=refs),
            *answer_claims(case),
        ),
    )


def _of_table(rows: TableRows) -> str:
    results = _results(rows)
    shown = [f"{count} {_said(rows.table, value)}" for value, count in results.most_common(SHOWN)]
    missed = sum(count for value, count in results.items() if value != "0") if rows.table == "SigninLogs" else 0
    details = [f"{missed} failed or interrupted" if missed else "", ", ".join(shown), _by_whom(rows), _between(rows)]
    told = "; ".join(detail for detail in details if detail)
    return f"{rows.table}: {len(rows)} {'row' if len(rows) == 1 else 'rows'}{f' ({told})' if told else ''}."


def _by_whom(rows: TableRows) -> str:
    """Name the callers of operations, or the rules that decided on flows, most frequent first."""
    column = ACTOR_COLUMN.get(rows.table)
    if column is None:
        return ""
    counted = Counter(value for value in rows.strings(column) if value)
    named = ", ".join(f"{value} {count}" for value, count in counted.most_common(SHOWN))
    return f"by {named}{' and others' if len(counted) > SHOWN else ''}" if named else ""


def _between(rows: TableRows) -> str:
    if "TimeGenerated" not in rows.rows.column_names:
        return ""
    span = pc.min_max(rows.rows["TimeGenerated"]).as_py()
    first, last = span["min"], span["max"]
    if first is None:
        return ""
    return f"first {first:%Y-%m-%d %H:%M:%S}" + (f", last {last:%Y-%m-%d %H:%M:%S}" if last != first else "")


def _results(rows: TableRows) -> Counter[str]:
    column = RESULT_COLUMN.get(rows.table)
    if column is None or column not in rows.rows.column_names:
        return Counter()
    counted = pc.value_counts(rows.rows[column].combine_chunks()).to_pylist()
    return Counter({str(entry["values"]): entry["counts"] for entry in counted if entry["values"] not in (None, "")})


def _said(table: str, value: str) -> str:
    if meaning := MEANING.get((table, value)):
        return meaning
    return f"failed with {value}" if table == "SigninLogs" else value


def _claims(rows: TableRows) -> Iterator[Claim]:
    yield _count(rows.table, len(rows), f"{len(rows)} rows of {rows.table} were returned.")
    results = _results(rows)
    column = RESULT_COLUMN.get(rows.table, "")
    if rows.table == "SigninLogs" and results:
        missed = sum(count for value, count in results.items() if value != "0")
        where = Condition(column=column, op="!in", values=("0", ""))
        yield _count(rows.table, missed, f"{missed} rows of {rows.table} have another {column} than 0.", where)
    yield from _holding(rows.table, column, results)
    actor = ACTOR_COLUMN.get(rows.table, "")
    yield from _holding(rows.table, actor, Counter(value for value in rows.strings(actor) if value))
    yield from _ends(rows)


def _holding(table: str, column: str, counted: Counter[str]) -> Iterator[Claim]:
    for value, count in counted.most_common(SHOWN):
        where = Condition(column=column, op="==", values=(value,))
        yield _count(table, count, f"{count} rows of {table} have {column} {value}.", where)


def _count(table: str, count: int, statement: str, *where: Condition) -> Claim:
    return Claim(kind="count", statement=statement, table=table, where=where, expected=count)


def _ends(rows: TableRows) -> Iterator[Claim]:
    """Yield the first and the last row, as the answer tells their times."""
    if "TimeGenerated" not in rows.rows.column_names:
        return
    times = rows.rows["TimeGenerated"]
    span = pc.min_max(times).as_py()
    if span["min"] is None:
        return
    ends: tuple[tuple[Literal["first", "last"], str], ...] = (("first", "min"), ("last", "max"))
    for kind, end in ends:
        ref = rows.ref(pc.index(times, pa.scalar(span[end], times.type)).as_py())
        told = f"The {kind} row of {rows.table} is of {span[end]:%Y-%m-%d %H:%M:%S}."
        yield Claim(kind=kind, statement=told, table=rows.table, rows=(ref,))
