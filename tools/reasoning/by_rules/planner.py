"""The planner that needs no model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from soc_analyst.state.entities import Entity, TimeWindow
from soc_analyst.state.plans import Feedback, Lead, Plan
from soc_analyst.state.queries import AnyOf, PlannedQuery, TypedQuery
from soc_analyst.tools.reasoning.base import Situation

from .questions import queries_about, queries_for

__all__ = ["RulesPlanner"]

MAX_SPLITS = 3
"""How often a failed result is asked again in halves: eight parts in all."""
MAX_PAGES = 4
"""How often a cut result is gone on with: five pages in all."""
MAX_RELAXED = 2
NO_SMALLER = frozenset(
    {
        "denied", "foreign-answer", "no-column", "no-credential", "no-table", "no-workspace", "other-policy",
        "server", "throttled", "unreachable", "wrong-query",
    }
)  # fmt: skip
"""Why a result failed, where a narrower query would fail in the same way."""
SHORTEST_SPLIT = timedelta(minutes=1)
LEAD_MARGIN = timedelta(hours=1)


class RulesPlanner:
    """Ask every table that can answer; then mend what did not come back, then follow leads."""

    def plan(self, situation: Situation) -> Plan:
        """Return the next round's queries, none of which was asked before."""
        if situation.guidance or (not situation.records and not situation.feedback):
            return self._first(situation)
        if situation.feedback:
            return self._mended(situation)
        return self._following(situation)

    def _first(self, situation: Situation) -> Plan:
        of_any = situation.reading.alert is not None or situation.reading.follows == "elsewhere"
        queries = queries_for(situation.reading, situation.tables, round_=situation.round, either=of_any)
        return Plan(round=situation.round, queries=queries, rationale="Every table that can answer the question.")

    def _mended(self, situation: Situation) -> Plan:
        queries: list[PlannedQuery] = []
        given_up: list[str] = []
        for feedback in situation.feedback:
            mended = tuple(_mend(feedback, situation))
            queries.extend(mended)
            if not mended and feedback.kind != "empty":
                given_up.append(f"{feedback.query.id}: {feedback.message}")
        return Plan(
            round=situation.round,
            queries=_renumbered(queries, situation.round),
            rationale="; ".join(dict.fromkeys(feedback.message for feedback in situation.feedback)),
            given_up=tuple(given_up),
        )

    def _following(self, situation: Situation) -> Plan:
        queries: list[PlannedQuery] = []
        for lead in situation.leads:
            queries.extend(_about_lead(lead, situation, first_id=len(queries) + 1))
        named = ", ".join(f"{lead.entity.kind} {lead.entity.value}" for lead in situation.leads)
        return Plan(round=situation.round, queries=tuple(queries), rationale=f"Following leads: {named}.")


def _mend(feedback: Feedback, situation: Situation) -> Iterator[PlannedQuery]:
    if feedback.query.typed is None:
        return iter(())
    if feedback.kind == "refused":
        return _allowed(feedback.query, feedback.query.typed, feedback, situation)
    if feedback.kind == "empty":
        return _relaxed(feedback.query.typed, feedback, situation)
    if feedback.kind == "truncated":
        return _next_page(feedback.query, feedback.query.typed, feedback)
    if any(why.code in NO_SMALLER for why in feedback.diagnostics):
        return iter(())
    return _split(feedback.query, feedback.query.typed)


def _allowed(
    query: PlannedQuery, typed: TypedQuery, feedback: Feedback, situation: Situation
) -> Iterator[PlannedQuery]:
    """Take out what the guard refused: a window too long is shortened or parted, an unknown column is left out."""
    if feedback.fits:
        yield from _parts(query, typed, ((one.start, one.end) for one in feedback.fits))
        return
    codes = {diagnostic.code for diagnostic in feedback.diagnostics}
    start, where = typed.start, typed.where
    if any("window" in code for code in codes):
        start = max(start, typed.end - timedelta(days=situation.max_window_days))
    schema = situation.tables.get(typed.table)
    if schema is None:
        return
    where = tuple(
        AnyOf(conditions=kept)
        for test in where
        if (kept := tuple(c for c in test.conditions if c.column in schema.columns))
    )
    mended = typed.model_copy(update={"start": start, "where": where})
    if mended != typed and len(where) == len(typed.where):
        yield query.model_copy(update={"typed": mended})


def _relaxed(typed: TypedQuery, feedback: Feedback, situation: Situation) -> Iterator[PlannedQuery]:
    """Ask for less: the things named in any combination, then without the words, then by values that do occur."""
    attempts = sum(record.leads_from == f"relaxed {typed.table}" for record in situation.records)
    if attempts >= MAX_RELAXED or feedback.subject_rows == 0:
        return
    subject_only = tuple(queries_for(situation.reading.model_copy(update={"broad": True}), situation.tables, round_=0))
    any_of = tuple(queries_for(situation.reading, situation.tables, round_=0, either=True))
    for wider in (*any_of, *subject_only):
        if wider.typed is not None and wider.typed.table == typed.table and wider.typed.where != typed.where:
            yield wider.model_copy(
                update={
                    "purpose": f"{wider.purpose}, asked more widely since nothing matched",
                    "leads_from": f"relaxed {typed.table}",
                }
            )
            return


def _next_page(query: PlannedQuery, typed: TypedQuery, feedback: Feedback) -> Iterator[PlannedQuery]:
    """Go on where a cut result stopped: its newest rows came back, the older ones are asked for next."""
    pages = query.leads_from.count("part of ")
    if pages >= MAX_PAGES or feedback.oldest is None or not typed.start < feedback.oldest < typed.end:
        return
    # Rows of the very instant at which the page ended come again, and stand once among the evidence.
    older = typed.model_copy(update={"end": feedback.oldest + timedelta(microseconds=1)})
    yield query.model_copy(update={"typed": older, "leads_from": f"part of {query.id} {query.leads_from}".strip()})


def _split(query: PlannedQuery, typed: TypedQuery) -> Iterator[PlannedQuery]:
    """Ask for a failed result again in two halves of its window."""
    depth = query.leads_from.count("part of ")
    width = typed.end - typed.start
    if depth >= MAX_SPLITS or width < 2 * SHORTEST_SPLIT:
        return
    middle = typed.start + width / 2
    yield from _parts(query, typed, ((typed.start, middle), (middle, typed.end)))


def _parts(
    query: PlannedQuery, typed: TypedQuery, windows: Iterable[tuple[datetime, datetime]]
) -> Iterator[PlannedQuery]:
    for start, end in windows:
        part = typed.model_copy(update={"start": start, "end": end})
        yield query.model_copy(update={"typed": part, "leads_from": f"part of {query.id} {query.leads_from}".strip()})


def _about_lead(lead: Lead, situation: Situation, *, first_id: int) -> tuple[PlannedQuery, ...]:
    window = _around(lead, situation.reading.window)
    tables = {name: schema for name, schema in situation.tables.items() if not lead.tables or name in lead.tables}
    return queries_about(
        lead.entity,
        window,
        tables,
        first_id=first_id,
        round_=situation.round,
        why=f"lead {lead.entity.kind} {lead.entity.value}",
        excluded=situation.reading.excluded,
    )


def _around(lead: Lead, window: TimeWindow) -> TimeWindow:
    """Look where the lead says, else an hour to each side, but not outside the window of the question."""
    start = max(window.start, lead.start or lead.time - LEAD_MARGIN)
    end = min(window.end, lead.end or lead.time + LEAD_MARGIN)
    return window.model_copy(update={"start": start, "end": max(end, start + SHORTEST_SPLIT)})


def _renumbered(queries: Iterable[PlannedQuery], round_: int) -> tuple[PlannedQuery, ...]:
    return tuple(query.model_copy(update={"id": f"r{round_}q{i}"}) for i, query in enumerate(queries, 1))


def pursued_by(situation: Situation) -> tuple[Entity, ...]:
    """Return the things this round looks into."""
    if situation.round == 1:
        return situation.reading.entities
    return tuple(lead.entity for lead in situation.leads)
