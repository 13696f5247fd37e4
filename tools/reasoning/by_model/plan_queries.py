"""From a model's answer to planned queries: well-formed, inside the window, with names in place of tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.queries import PlannedQuery, Shape, TypedQuery
from soc_analyst.tools.privacy import Pseudonyms, fenced
from soc_analyst.tools.reasoning.base import Situation

from .plan_answer import SHAPES, PlanAnswer, QueryAnswer, ReadAnswer, Test, WindowAnswer
from .plan_conditions import filters

__all__ = ["Proposed", "proposed", "window_read"]

_SHAPES: dict[str, Shape] = {"rows": "rows", "coverage": "coverage", "values": "values"}
_FENCED_URL = re.compile(r"\b(hxx|fx)(ps?://)", re.IGNORECASE)
"""Addresses as a fence shows them; in a query they are what the rows hold."""
_BREAKS_OUT = re.compile(r"[\"'\\\n\r;|`]")


@dataclass(frozen=True)
class Proposed:
    """The queries of an answer that can be asked, and what was left out of it."""

    queries: tuple[PlannedQuery, ...]
    said: tuple[str, ...]


def window_read(answer: PlanAnswer, situation: Situation, pseudonyms: Pseudonyms) -> tuple[TimeWindow | None, str]:
    """Return the window that a model read from the question where code assumed one, and what to say of it.

    The phrase must be the user's own words; the window ends no later than the assumed one and is no longer than policy
    allows.
    """
    assumed, given = situation.reading.window, answer.window
    if given is None or assumed.basis != "assumed" or situation.round > 1:
        return None, ""
    phrase = pseudonyms.reveal(given.phrase).strip()
    if not phrase or _folded(phrase) not in _folded(situation.question):
        return None, "A window that the model gave was not used: the question does not say it."
    window = _bounded(given, assumed, situation.max_window_days)
    if window is None:
        return None, f"A window that the model read from {fenced(phrase)!r} was not used: it is no stretch of the past."
    said = f"The window is a language model's reading of {fenced(phrase)!r}: give --since and --until to fix it."
    return window.model_copy(update={"phrase": phrase}), said


def _bounded(given: WindowAnswer, assumed: TimeWindow, most_days: float) -> TimeWindow | None:
    start, end = _moment(given.start), _moment(given.end)
    if start is None or end is None:
        return None
    end = min(end, assumed.end)
    if not start < end:
        return None
    start = max(start, end - timedelta(days=most_days))
    return TimeWindow(start=start, end=end, basis="stated")


def proposed(answer: PlanAnswer, window: TimeWindow, situation: Situation, pseudonyms: Pseudonyms) -> Proposed:
    """Return the queries of an answer as they can be asked."""
    maker = _Maker(answer, window, situation, pseudonyms)
    queries = tuple(query for number, one in enumerate(answer.queries, 1) for query in maker.made(number, one))
    return Proposed(queries, tuple(dict.fromkeys(maker.said)))


class _Maker:
    """Makes the queries of one answer, and remembers what it left out."""

    def __init__(self, answer: PlanAnswer, window: TimeWindow, situation: Situation, pseudonyms: Pseudonyms) -> None:
        self.answer, self.window, self.situation, self.pseudonyms = answer, window, situation, pseudonyms
        self.said: list[str] = []

    def made(self, number: int, one: QueryAnswer) -> Iterator[PlannedQuery]:
        where = f"Query {number} of the model's plan of round {self.situation.round}"
        if invented := self.pseudonyms.invented(one.model_dump_json()):
            self.said.append(f"{where} was left out: it names {', '.join(invented[:3])}, which stands for nothing.")
            return
        typed = None if one.read is None else self._typed(where, one, one.read)
        kql = None if one.read is not None or not one.kql or not one.kql.strip() else self._kql(where, one.kql)
        if typed is None and kql is None:
            if one.read is None and not (one.kql or "").strip():
                self.said.append(f"{where} was left out: it asks nothing.")
            return
        yield PlannedQuery(
            id=f"r{self.situation.round}q{number}",
            purpose=self._line(one.purpose) or "A query of the model",
            hypothesis=self._hypothesis(one),
            typed=typed,
            kql=kql,
        )

    def _typed(self, where: str, one: QueryAnswer, read: ReadAnswer) -> TypedQuery | None:
        schema = self.situation.tables.get(read.table)
        if schema is None:
            self.said.append(f"{where} was left out: {fenced(read.table, limit=60)} is no table that can be read.")
            return None
        tests = [[self._revealed(test) for test in group] for group in read.where]
        kept, dropped = filters(tests, schema)
        if dropped:
            shown = ", ".join(fenced(self.pseudonyms.reveal(test)) for test in dropped[:4])
            self.said.append(f"{where} lost tests that {read.table} cannot answer: {shown}.")
        if dropped and not kept:
            self.said.append(f"{where} was left out: nothing of its filter remains.")
            return None
        columns = tuple(dict.fromkeys(name for name in read.columns if name in schema.columns))
        if unknown := [name for name in read.columns if name not in schema.columns]:
            self.said.append(f"{where} lost columns that {read.table} does not have: {fenced(', '.join(unknown[:4]))}.")
        start, end = self._span(where, one)
        shape, values_of, columns = _shaped(one.shape, columns)
        return TypedQuery(
            table=read.table, start=start, end=end, where=kept, columns=columns, shape=shape, values_of=values_of,
            limit=one.limit if one.limit and 1 <= one.limit <= 1_000_000 else None,
        )  # fmt: skip

    def _span(self, where: str, one: QueryAnswer) -> tuple[datetime, datetime]:
        """Return the part of the window that is asked for; all of it where the answer's times do not meet it."""
        start = (_moment(one.start) if one.start else None) or self.window.start
        end = (_moment(one.end) if one.end else None) or self.window.end
        within = max(start, self.window.start), min(end, self.window.end)
        if within[0] >= within[1]:
            self.said.append(f"{where} asked for a time outside the window and looks at all of the window instead.")
            return self.window.start, self.window.end
        if within != (start, end):
            self.said.append(f"{where} was kept inside the window.")
        return within

    def _kql(self, where: str, kql: str) -> str | None:
        """Return a KQL text with names in place of tokens; a name that would end its literal takes the query along."""
        revealed = self.pseudonyms.reveal(kql)
        if len(_BREAKS_OUT.findall(revealed)) != len(_BREAKS_OUT.findall(kql)):
            self.said.append(f"{where} was left out: a name in it cannot stand in KQL text.")
            return None
        return revealed.strip()

    def _revealed(self, test: Test) -> Test:
        values = [self._unfenced(value) if isinstance(value, str) else value for value in test.values]
        return test.model_copy(update={"values": values})

    def _unfenced(self, value: str) -> str:
        opened = _FENCED_URL.sub(lambda found: ("htt" if len(found[1]) == 3 else "ft") + found[2], value)
        return self.pseudonyms.reveal(opened)

    def _line(self, text: str) -> str:
        return fenced(self.pseudonyms.reveal(text), limit=240)

    def _hypothesis(self, one: QueryAnswer) -> str:
        at = one.refutes
        known = self.answer.hypotheses
        return self._line(known[at - 1].statement) if at is not None and 1 <= at <= len(known) else ""


def _shaped(shape: str, columns: tuple[str, ...]) -> tuple[Shape, str, tuple[str, ...]]:
    """Return the shape, the column whose values are wanted, and the columns to return."""
    wanted = _SHAPES[shape] if shape in SHAPES else "rows"
    if wanted == "values" and columns:
        return "values", columns[0], ()
    if wanted != "rows" or not columns:
        return ("coverage" if wanted == "coverage" else "rows"), "", ()
    timed = columns if "TimeGenerated" in columns else ("TimeGenerated", *columns)
    return "rows", "", timed


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
