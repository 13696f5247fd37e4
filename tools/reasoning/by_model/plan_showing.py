"""What a planning model sees of a case: the question as data, and what code computed. No text of any row.

Names that come from rows (of findings, leads, values that occur) stand as single fenced values, under their pseudonyms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Finding, Hypothesis
from soc_analyst.state.plans import Feedback, Lead
from soc_analyst.state.queries import Coverage, Diagnostic, PlannedQuery, QueryRecord, TypedQuery
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.privacy import Pseudonyms, data_block, fenced
from soc_analyst.tools.reasoning.base import Situation

from .tables_shown import catalogue_text

__all__ = ["shown"]

LONGEST_QUESTION = 2_000
MOST_RECORDS = 60
MOST_FINDINGS = 20
MOST_ENTITIES = 8
MOST_LEADS = 20
MOST_FEEDBACK = 20
MOST_DIAGNOSTICS = 5
SHORT_QUESTION, SHORT_LIST = 400, 4
"""Characters of the question and lines of a list that a small model sees."""
NOTHING = "none"


def shown(situation: Situation, pseudonyms: Pseudonyms, *, short: bool = False) -> dict[str, str]:
    """Return the variables of the prompt `plan`. Lists are cut where they grow long, and say so."""
    pseudonyms.learn(Evidence(()), _named(situation))
    show = _Show(pseudonyms)
    reading = situation.reading

    def lines(listed: Iterable[str], most: int = 40) -> str:
        return _lines(listed, most=min(most, SHORT_LIST) if short else most)

    return {
        "catalogue": catalogue_text(situation.tables),
        "question": data_block(
            "question", show.text(situation.question, SHORT_QUESTION if short else LONGEST_QUESTION)
        ),
        "window": show.window(situation),
        "entities": show.entities(reading.entities) or NOTHING,
        "topics": _topics(situation),
        "coverage": lines(map(show.coverage, situation.coverage)),
        "tried": lines(map(show.record, situation.records), most=MOST_RECORDS),
        "feedback": lines(map(show.feedback, situation.feedback), most=MOST_FEEDBACK),
        "findings": lines(map(show.finding, situation.findings), most=MOST_FINDINGS),
        "leads": lines(map(show.lead, situation.leads), most=MOST_LEADS),
        "hypotheses": lines(map(show.hypothesis, situation.hypotheses)),
        "round": str(situation.round),
        "queries_left": str(situation.queries_left),
    }


class _Show:
    """Writes values under their pseudonyms, fenced."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self.pseudonyms = pseudonyms

    def text(self, text: str, limit: int = 120) -> str:
        return fenced(self.pseudonyms.hide_text(text), limit=limit)

    def window(self, situation: Situation) -> str:
        window = situation.reading.window
        phrase = f", from the words {self.text(window.phrase)!r}" if window.phrase else ""
        return f"{_time(window.start)} to {_time(window.end)} ({window.basis}{phrase})"

    def entities(self, entities: Iterable[Entity]) -> str:
        listed = [f"{entity.kind} {self.text(entity.value)}" for entity in entities]
        more = f" and {len(listed) - MOST_ENTITIES} more" if len(listed) > MOST_ENTITIES else ""
        return ", ".join(listed[:MOST_ENTITIES]) + more

    def coverage(self, one: Coverage) -> str:
        if one.rows_in_window is None:
            return f"{one.table}: nobody could look: {self.text(one.note)}"
        about = f", {one.subject_rows} about the subject" if one.subject_rows is not None else ""
        span = f", {_time(one.first)} to {_time(one.last)}" if one.first and one.last else ""
        seen = f", seen from {_time(one.seen_from)} on only" if one.seen_from else ""
        return f"{one.table}: {one.rows_in_window} rows{about}{span}{seen}"

    def record(self, one: QueryRecord) -> str:
        cut = ", cut" if one.truncated else ""
        return f"{one.id} {one.table or 'KQL'}: {one.status}, {one.rows} rows{cut}: {self.text(one.purpose, 160)}"

    def feedback(self, one: Feedback) -> str:
        parts = [f"{one.query.id} was {one.kind}: {self.text(one.message, 200)}", self.query(one.query)]
        parts += map(self.diagnostic, one.diagnostics[:MOST_DIAGNOSTICS])
        if one.oldest is not None:
            parts.append(f"the oldest row that came back is of {_time(one.oldest)}")
        if one.subject_rows is not None:
            parts.append(f"{one.subject_rows} rows of the table are about the subject")
        if one.fits:
            windows = ", ".join(f"{_time(fit.start)} to {_time(fit.end)}" for fit in one.fits)
            parts.append(f"parts of its time that are not too much to read: {windows}")
        if one.known_values:
            parts.append(f"names like it that occur: {', '.join(map(self.text, one.known_values[:MOST_ENTITIES]))}")
        return "\n    ".join(parts)

    def diagnostic(self, one: Diagnostic) -> str:
        hint = f" (hint: {self.text(one.hint, 200)})" if one.hint else ""
        return f"{one.code}: {self.text(one.message, 200)}{hint}"

    def query(self, one: PlannedQuery) -> str:
        if one.typed is None:
            return f"asked: {self.text(one.kql or '', 600)}"
        return f"asked: {self.text(_as_text(one.typed), 600)}"

    def finding(self, one: Finding) -> str:
        technique = " ".join(filter(None, (one.mitre.id, one.mitre.technique))) or "no technique"
        rows = f"{len(one.evidence)} rows in {', '.join(sorted({ref.table for ref in one.evidence})) or 'no table'}"
        about = self.entities(one.entities) or "nothing named"
        return f"{one.id} {technique}, {one.confidence}, {_time(one.time)}, {rows}: {about}"

    def lead(self, one: Lead) -> str:
        thing = f"{one.entity.kind} {self.text(one.entity.value)}"
        return f"{thing}, from {one.finding_id} at {_time(one.time)}, {one.depth} step(s) from the question"

    def hypothesis(self, one: Hypothesis) -> str:
        return f"{one.status}, {len(one.evidence)} rows: {self.text(one.statement, 240)}"


def _named(situation: Situation) -> Iterator[Entity]:
    """Yield what is named anywhere in what is shown, so that it stands under one pseudonym everywhere."""
    yield from situation.reading.entities
    yield from situation.pursued
    yield from (lead.entity for lead in situation.leads)
    yield from (entity for finding in situation.findings for entity in finding.entities)
    subject = next((e.kind for e in situation.reading.entities if e.kind in ("host", "account")), None)
    if subject is not None:
        yield from (Entity(kind=subject, value=v) for back in situation.feedback for v in back.known_values)


def _topics(situation: Situation) -> str:
    reading = situation.reading
    asked = "anything suspicious" if reading.broad else ", ".join(reading.topics) or "no topic recognised"
    themes = f"; ATT&CK: {', '.join(reading.themes)}" if reading.themes else ""
    outcomes = f"; results: {', '.join(reading.outcomes)}" if reading.outcomes else ""
    return f"{asked}{themes}{outcomes}"


def _as_text(query: TypedQuery) -> str:
    tests = " and ".join(
        "("
        + " or ".join(f"{c.column} {c.op} {', '.join(map(str, c.values[:5]))}".strip() for c in any_of.conditions)
        + ")"
        for any_of in query.where
    )
    shape = "" if query.shape == "rows" else f" as {query.shape} {query.values_of}".rstrip()
    return f"{query.table} {_time(query.start)} to {_time(query.end)}{shape}{f' where {tests}' if tests else ''}"


def _lines(lines: Iterable[str], *, most: int = 40) -> str:
    """Return a list, the newest entries where it is too long."""
    listed = list(lines)
    left_out = [f"- {len(listed) - most} earlier ones are left out"] if len(listed) > most else []
    return "\n".join([*left_out, *(f"- {line}" for line in listed[-most:])]) or NOTHING


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
