"""executor: runs what was approved, keeps the rows outside the state, and learns what the tables cover."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from langgraph.runtime import Runtime

from soc_analyst.graph.approval.asking import is_allowed
from soc_analyst.graph.approval.proving import may_ask, refused_record
from soc_analyst.graph.context import Context
from soc_analyst.graph.desk.budgets import Stopwatch, queries_left, rows_left, seconds_left, used_up
from soc_analyst.graph.desk.desk import Desk, open_desk
from soc_analyst.graph.looking.parting import MOST_PARTS, hit_a_limit, in_parts
from soc_analyst.graph.looking.probing import count_of, cover, known_values, like, same_name
from soc_analyst.graph.looking.widening import to_widen
from soc_analyst.graph.telling import tell_finished, tell_started
from soc_analyst.state.case import CaseState
from soc_analyst.state.entities import Entity
from soc_analyst.state.plans import Feedback
from soc_analyst.state.queries import ApprovedQuery, Coverage, Diagnostic, PlannedQuery, QueryRecord, asked_key
from soc_analyst.state.report import STOP
from soc_analyst.tools.evidence.store import ROWS
from soc_analyst.tools.guard import recheck, returns_events
from soc_analyst.tools.logs.base import QueryResult, Workspace
from soc_analyst.tools.reasoning.by_rules.matching import conditions_for
from soc_analyst.tools.records.cases import CaseFolder

__all__ = ["executor"]

LEAD = "lead "
"""How the origin of a query that follows a lead begins: what such a query does not find was not asked for."""
AT_ONCE = 4
"""Queries that run at the same time."""
NO_TIME = Diagnostic(code="no-time", message="no time was left to ask it")
QUERY_TIMEOUT = 120.0
"""Seconds a query may take, less where the budget has less."""


async def executor(state: CaseState, runtime: Runtime[Context]) -> dict[str, Any]:
    """Return a record of each query, the coverage of each table, and feedback where the planner should try again."""
    watch = Stopwatch()
    context = runtime.context or Context()
    if not state["approved"]:
        return {"approved": (), "feedback": (), "usage": watch.added_to(state["usage"])}
    async with open_desk(context, state.get("lacking")) as desk, desk.workspace() as workspace:
        if not await asyncio.to_thread(is_allowed, state, desk):
            return _without_a_yes(state)
        round_ = _Round(state, runtime, desk, workspace, watch)
        records = await round_.run()
        coverage = await round_.covered(records)
        feedback, warnings = await round_.feedback(records, coverage)
        warnings = (*warnings, *_parted(records))
    usage = watch.added_to(
        state["usage"],
        queries=sum(r.requests for r in records if r.status != "refused"),
        rows=sum(r.rows for r in records),
    )
    spent: CaseState = {**state, "usage": usage}
    skipped = any(record.status == "skipped" for record in records)
    reached = used_up(spent, context) if feedback or skipped else ""
    return {
        "approved": (),
        "records": records,
        "coverage": coverage,
        "feedback": feedback,
        "usage": usage,
        "warnings": warnings,
        "budget_reached": state["budget_reached"] or (_out_of_time(reached) if skipped else reached),
    }


def _out_of_time(reached: str) -> str:
    """Return why there was no time for a query: a person wanted it to end, or the seconds were used up."""
    return reached if reached == STOP else "seconds"


def _faults(query: ApprovedQuery, desk: Desk) -> tuple[Diagnostic, ...]:
    return recheck(query, policy=desk.policy, tables=desk.tables, may_ask=may_ask(desk))


def _without_a_yes(state: CaseState) -> dict[str, Any]:
    """Return the records of queries that only a person can allow and nobody has."""
    why = (
        Diagnostic(
            code="no-yes", message="nobody said yes to this very query", hint="approve the plan as it stands now"
        ),
    )
    ids = {query.id for query in state["approved"]}
    planned = (query for query in state["plan"].queries if query.id in ids)
    records = tuple(refused_record(query, why, state["plan"].round) for query in planned)
    said = f"{len(records)} queries did not run: a person's yes was to other ones, or there was none."
    return {"approved": (), "feedback": (), "records": records, "warnings": (said,), "declined": True}


@dataclass(frozen=True)
class _Round:
    """One round of queries."""

    state: CaseState
    runtime: Runtime[Context]
    desk: Desk
    workspace: Workspace
    watch: Stopwatch

    async def run(self) -> tuple[QueryRecord, ...]:
        """Run the approved queries side by side, in the order planned."""
        places = asyncio.Semaphore(AT_ONCE)
        records = await asyncio.gather(*(self._one(query, places) for query in self.state["approved"]))
        return await asyncio.to_thread(self._within_rows, records)

    def _within_rows(self, records: Sequence[QueryRecord]) -> tuple[QueryRecord, ...]:
        """Keep as many rows as the budget has left, in the order planned; what is cut off is said."""
        left, kept = rows_left(self.state, self.desk.context), []
        for record in records:
            if record.rows > left:
                rows = self.desk.data.evidence.rows(record.rows_digest).slice(0, left)
                digest = self.desk.data.evidence.put_rows(rows) if left else ""
                cut = {"rows": left, "rows_digest": digest, "truncated": True, "status": "partial"}
                record = record.model_copy(update={**cut, "oldest": _oldest(rows)})
            left -= record.rows
            kept.append(record)
        return tuple(kept)

    async def _one(self, query: ApprovedQuery, places: asyncio.Semaphore) -> QueryRecord:
        planned = next(p for p in self.state["plan"].queries if p.id == query.id)
        folder = self.desk.case(self.state)
        key = _ledger_key(query, self.desk.context.workspace)
        async with places:
            # Proved first: rows kept from an earlier run are no more allowed than rows fetched anew.
            tampered = await asyncio.to_thread(_faults, query, self.desk)
            if tampered:
                return refused_record(planned, tampered, self.state["plan"].round)
            kept = await asyncio.to_thread(folder.kept, key)
            if kept is not None and await asyncio.to_thread(self._intact, kept):
                return kept.model_copy(update={"id": query.id, "round": self.state["plan"].round})
            return await self._run(query, planned, folder, key)

    def _intact(self, kept: QueryRecord) -> bool:
        """Return whether the rows that a query returned are as they were kept."""
        return not (kept.rows_digest and self.desk.data.evidence.fault(kept.rows_digest, ROWS))

    async def _run(self, query: ApprovedQuery, planned: PlannedQuery, folder: CaseFolder, key: str) -> QueryRecord:
        left = seconds_left(self.state, self.desk.context) - self.watch.seconds
        if left <= 0:
            return self._record(query, planned).model_copy(update={"status": "skipped", "diagnostics": (NO_TIME,)})
        tell_started(self.runtime, query, planned.purpose)
        result = await self._whole_or_parts(query, planned, folder, key)
        record = await asyncio.to_thread(self._stored, query, planned, result, folder, key)
        tell_finished(self.runtime, record)
        return record

    async def _whole_or_parts(
        self, query: ApprovedQuery, planned: PlannedQuery, folder: CaseFolder, key: str
    ) -> QueryResult:
        """Run a query; a text that hits a limit is asked in parts, of which none is asked twice.

        A typed query that hits one goes back to the planner, which parts it.
        """
        limit = f"{key}-limit"
        known = await asyncio.to_thread(folder.kept, limit)
        result = await self._asked(query) if known is None else await asyncio.to_thread(self._again, known)
        if planned.kql is None or not hit_a_limit(result):
            return result
        if known is None:
            await asyncio.to_thread(self._stored, query, planned, result, folder, limit, even_failed=True)

        async def part(one: ApprovedQuery) -> QueryResult:
            own = _ledger_key(one, self.desk.context.workspace)
            kept = await asyncio.to_thread(folder.kept, own)
            if kept is not None:
                return await asyncio.to_thread(self._again, kept)
            found = await self._asked(one)
            await asyncio.to_thread(self._stored, one, planned, found, folder, own)
            return found

        return await in_parts(query, result, self.desk, part, most=self._parts_left())

    async def _asked(self, query: ApprovedQuery) -> QueryResult:
        left = seconds_left(self.state, self.desk.context) - self.watch.seconds
        if left <= 0:
            return QueryResult.failed(NO_TIME)
        return await self.workspace.run(query, timeout=min(QUERY_TIMEOUT, left))

    def _again(self, record: QueryRecord) -> QueryResult:
        """Return the result of which a record was kept."""
        rows = self.desk.data.evidence.rows(record.rows_digest) if record.rows_digest else pa.table({})
        assert record.status in ("ok", "empty", "partial", "failed")
        return QueryResult(
            record.status,
            rows,
            record.truncated,
            record.elapsed_ms,
            record.diagnostics,
            record.scanned,
            record.requests,
        )

    def _parts_left(self) -> int:
        """Return the requests that each query of the round may take for its parts."""
        asked = len(self.state["approved"])
        return min(MOST_PARTS, (queries_left(self.state, self.desk.context) - asked) // asked)

    def _record(self, query: ApprovedQuery, planned: PlannedQuery) -> QueryRecord:
        return QueryRecord(
            id=query.id,
            round=self.state["plan"].round,
            purpose=planned.purpose,
            table=query.tables[0],
            key=asked_key(planned),
            status="ok",
            kql_digest=self.desk.data.evidence.put_text(query.kql),
            hypothesis=planned.hypothesis,
            leads_from=planned.leads_from,
            start=query.start,
            end=query.end,
            estimate=query.estimate,
            shape="rows" if returns_events(query, self.desk.tables) else "made",
            tables=query.tables,
        )

    def _stored(
        self,
        query: ApprovedQuery,
        planned: PlannedQuery,
        result: QueryResult,
        folder: CaseFolder,
        key: str,
        *,
        even_failed: bool = False,
    ) -> QueryRecord:
        rows = result.rows.num_rows
        record = self._record(query, planned).model_copy(
            update={
                "status": result.status,
                "rows_digest": self.desk.data.evidence.put_rows(result.rows) if rows else "",
                "rows": rows,
                "truncated": result.truncated,
                "oldest": _oldest(result.rows) if result.truncated else None,
                "elapsed_ms": round(result.elapsed_ms, 1),
                "diagnostics": tuple(result.diagnostics),
                "scanned": result.scanned,
                "requests": result.requests,
            }
        )
        if even_failed or record.status != "failed":
            folder.keep(key, record)
        return record

    async def covered(self, records: Sequence[QueryRecord]) -> tuple[Coverage, ...]:
        """Return the coverage of the tables asked, and how many rows are about the subject."""
        known = {entry.table: entry for entry in self.state["coverage"]}
        asked = dict.fromkeys(r.table for r in records if r.table and not r.leads_from.startswith(LEAD))
        new = [table for table in asked if table not in known]
        found = await asyncio.gather(*(self._cover(table) for table in new))
        known.update((entry.table, entry) for entry in found)
        rows = {table: sum(r.rows for r in records if r.table == table and r.shape == "rows") for table in asked}
        counted = await asyncio.gather(*(self._subject_rows(known[table], rows[table]) for table in asked))
        return (*counted, *await self._elsewhere(counted))

    async def _cover(self, table: str) -> Coverage:
        window, volumes = self.state["reading"].window, self.state.get("volumes", ())
        return await cover(table, window, self.desk, self.workspace, volumes)

    async def _elsewhere(self, counted: Sequence[Coverage]) -> tuple[Coverage, ...]:
        """Look for a host unknown to the tables asked in the others: one row tells silence from a blind spot."""
        host = next((entity for entity in self._subjects() if entity.kind == "host"), None)
        if host is None or not counted or any(entry.subject_rows != 0 for entry in counted):
            return ()
        window, seen = self.state["reading"].window, {entry.table for entry in (*counted, *self.state["coverage"])}
        for table, schema in self.desk.tables.items():
            test = None if table in seen else conditions_for(host, schema)
            if test is not None and await count_of(table, window, self.desk, self.workspace, test):
                return (await self._subject_rows(await self._cover(table), 0),)
        return ()

    async def _subject_rows(self, entry: Coverage, rows: int) -> Coverage:
        if entry.subject_rows is not None:
            return entry
        tests = [t for subject in self._subjects() if (t := conditions_for(subject, self.desk.tables[entry.table]))]
        if not tests:
            return entry
        window = self.state["reading"].window
        count = rows or await count_of(entry.table, window, self.desk, self.workspace, tests[0])
        return entry.model_copy(update={"subject_rows": count})

    def _subjects(self) -> tuple[Entity, ...]:
        return tuple(e for e in self.state["reading"].entities if e.kind in ("host", "account"))

    async def feedback(
        self, records: Sequence[QueryRecord], coverage: Sequence[Coverage]
    ) -> tuple[tuple[Feedback, ...], tuple[str, ...]]:
        """Return why the planner should try again, if it should, and what the user should know."""
        planned = {query.id: query for query in self.state["plan"].queries}
        rows_about = {entry.table: entry.subject_rows for entry in coverage}
        back = [*self.state["feedback"], *_unsatisfied(records, planned)]
        widen = to_widen(records, self.state["records"])
        found = any(record.rows for record in (*records, *self.state["records"]))
        nearest, warnings = ((), ()) if found else await self._nearest()
        back += [
            Feedback(
                kind="empty",
                query=planned[record.id],
                message=f"{record.table} returned nothing for {record.id}",
                subject_rows=rows_about.get(record.table),
                known_values=nearest,
            )
            for record in widen
        ]
        return tuple(back), warnings

    async def _nearest(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the known names nearest to a subject that no log knows, and say so."""
        subject = next(iter(self._subjects()), None)
        if subject is None:
            return (), ()
        end = self.state["reading"].window.end
        found = await known_values((subject.kind,), end, self.desk, self.workspace)
        known = found.of(subject.kind)
        if same_name(subject, known):
            return (), ()
        nearest = like(subject.value, known)
        hint = f"; names like it that do occur: {', '.join(nearest)}" if nearest else ""
        if not found.whole:
            return nearest, (
                f"Whether a log names {subject.kind} {subject.value} could not be looked up in all{hint}.",
            )
        days = min(self.desk.policy.days_of(table) for table in self.desk.tables)
        return nearest, (f"No log of the last {days:g} days names {subject.kind} {subject.value}{hint}.",)


def _unsatisfied(records: Iterable[QueryRecord], planned: dict[str, PlannedQuery]) -> Iterable[Feedback]:
    for record in records:
        if record.status == "failed" or (record.status == "partial" and not _cut(record)):
            message = record.diagnostics[0].message if record.diagnostics else "no reason was given"
            yield Feedback(
                kind="failed",
                query=planned[record.id],
                message=f"{record.table}: {message}",
                diagnostics=record.diagnostics,
            )
        elif record.truncated:
            message = f"{record.table} held more rows than the {record.rows} that may be fetched at once"
            yield Feedback(kind="truncated", query=planned[record.id], message=message, oldest=record.oldest)


def _parted(records: Iterable[QueryRecord]) -> Iterable[str]:
    """Say which queries were asked in parts, and which could not be."""
    for record in records:
        for why in record.diagnostics:
            if why.code in ("in-parts", "not-in-parts"):
                yield f"Query {record.id}: {why.message}."


def _cut(record: QueryRecord) -> bool:
    """Return whether the rows that came are the newest ones: then the older can be asked for where they end."""
    return record.truncated and all(why.code == "too-large" for why in record.diagnostics)


def _oldest(rows: pa.Table) -> datetime | None:
    """Return the oldest time of rows that come newest first."""
    if not rows.num_rows or "TimeGenerated" not in rows.column_names:
        return None
    oldest: datetime | None = pc.min(rows["TimeGenerated"]).as_py()
    return oldest


def _ledger_key(query: ApprovedQuery, workspace: str) -> str:
    return hashlib.sha256(f"{workspace}\n{query.row_cap}\n{query.kql}".encode()).hexdigest()[:32]
