"""What the workspace tells of earlier days: a few counts, for the signals that ordinary work could explain."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.findings import Detection
from soc_analyst.state.queries import PlannedQuery, QueryRecord, asked_key
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.guard import check
from soc_analyst.tools.logs.base import Workspace
from soc_analyst.tools.reasoning.by_rules.ordinary import Question, questions
from soc_analyst.tools.reasoning.past import Past
from soc_analyst.tools.records.cases import CaseFolder

from ..desk.desk import Desk

__all__ = ["MOST_QUESTIONS", "recalled", "to_ask"]

DAYS = 14
"""How far back is looked, from the start of the case's window; less where policy shows less."""
MOST_QUESTIONS = 8
"""Questions of one analysis; each is asked once a case."""
AT_ONCE = 4
MOST_ROWS = 5_000
"""Hours of a place and account that one answer may hold; what is cut off makes things look rarer, never more usual."""
TIMEOUT = 30.0
"""Seconds that a question may take."""


async def to_ask(detections: Sequence[Detection], evidence: Evidence, desk: Desk) -> tuple[Question, ...]:
    """Return what is worth asking; mostly nothing, where nothing fired that could be lowered."""
    return await asyncio.to_thread(questions, detections, evidence, desk.tables, MOST_QUESTIONS)


async def recalled(
    asked: Sequence[Question],
    window: TimeWindow,
    desk: Desk,
    opened: Callable[[], AbstractAsyncContextManager[Workspace]] | None,
    case: CaseFolder | None = None,
) -> Past:
    """Return what the workspace tells of earlier days. What cannot be told is left out, which lowers nothing.

    What the case has on record is not asked again; without a workspace to open, nothing is.
    """
    longest = timedelta(days=desk.policy.max_window_days)
    start = max(window.start - timedelta(days=DAYS), window.end - longest)
    recall = _Recall(desk, TimeWindow(start=start, end=window.end), case)
    told = {
        question: rows for question in asked if (rows := await asyncio.to_thread(recall.recorded, question)) is not None
    }
    left = [question for question in asked if question not in told]
    if left and opened is not None:
        async with opened() as workspace:
            gate = asyncio.Semaphore(AT_ONCE)
            answers = await asyncio.gather(*(recall.answer(each, workspace, gate) for each in left))
        told |= {question: rows for question, rows in zip(left, answers, strict=True) if rows is not None}
    return _past((question, told[question]) for question in asked if question in told)


@dataclass(frozen=True)
class _Recall:
    """Earlier days of one workspace, and the case that keeps what it said of them."""

    desk: Desk
    window: TimeWindow
    case: CaseFolder | None

    def recorded(self, question: Question) -> pa.Table | None:
        """Return the answer on record. Blocks."""
        known = self.case.kept(self._key(question)) if self.case is not None else None
        return self.desk.data.evidence.rows(known.rows_digest) if known is not None else None

    async def answer(self, question: Question, workspace: Workspace, gate: asyncio.Semaphore) -> pa.Table | None:
        """Ask the workspace, through the guard, and keep what it says."""
        planned, desk = _planned(question), self.desk
        verdict = await asyncio.to_thread(
            check, planned, policy=desk.policy, tables=desk.tables, window=self.window, row_cap=MOST_ROWS
        )
        if verdict.approved is None:
            return None
        async with gate:
            result = await workspace.run(verdict.approved, timeout=TIMEOUT)
        if result.status == "failed":
            return None
        await asyncio.to_thread(self._keep, question, result.rows)
        return result.rows

    def _keep(self, question: Question, rows: pa.Table) -> None:
        if self.case is None:
            return
        key, planned = self._key(question), _planned(question)
        record = QueryRecord(
            id=planned.id, round=0, purpose=planned.purpose, table=question.table, key=key, status="ok",
            rows_digest=self.desk.data.evidence.put_rows(rows), rows=rows.num_rows,
            start=self.window.start, end=self.window.end,
        )  # fmt: skip
        self.case.keep(key, record)

    def _key(self, question: Question) -> str:
        told = f"past {asked_key(_planned(question))} {self.window.model_dump_json()}"
        return hashlib.sha256(told.encode()).hexdigest()[:32]


def _planned(question: Question) -> PlannedQuery:
    return PlannedQuery(id=f"past-{question.table}", purpose="what was usual before", kql=question.kql)


def _past(answers: Iterable[tuple[Question, pa.Table]]) -> Past:
    rows: dict[str, list[pa.Table]] = {}
    places: dict[str, int] = {}
    reached = {}
    for question, table in answers:
        if not table.num_rows:
            continue
        if question.kind == "like":
            rows.setdefault(question.table, []).append(table)
        elif question.kind == "places":
            places[question.table] = int(table["Places"][0].as_py() or 0)
        else:
            hours = zip(table["TimeGenerated"].to_pylist(), table["Targets"].to_pylist(), strict=True)
            reached[question.table, question.source] = tuple((hour, int(count)) for hour, count in hours if hour)
    return Past(
        {name: pa.concat_tables(parts, promote_options="permissive") for name, parts in rows.items()}, places, reached
    )
