"""The explanations under test, and where the evidence leaves them; the benign one competes from the start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from soc_analyst.state.findings import EXPLAINED, EvidenceRef, Finding, Hypothesis, Outcome
from soc_analyst.state.queries import PlannedQuery, QueryRecord

__all__ = ["BENIGN", "competing", "stated", "weighed"]

BENIGN = "What was seen is ordinary work."
CITED = 3


def competing(queries: Sequence[PlannedQuery]) -> tuple[Hypothesis, ...]:
    """Return the explanations that a first plan sets against each other, all open: ordinary work among them."""
    asked = dict.fromkeys(_sentence(query.hypothesis) for query in queries if query.hypothesis)
    return tuple(Hypothesis(statement=statement) for statement in (BENIGN, *asked)) if asked else ()


def weighed(records: Sequence[QueryRecord], findings: Sequence[Finding], outcome: Outcome) -> tuple[Hypothesis, ...]:
    """Return the benign hypothesis and one for each kind of attack that a query asked about."""
    serious = [finding for finding in findings if finding.confidence != "Low"]
    explained = [finding for finding in findings if EXPLAINED in finding.tags]
    return (_benign(serious, explained, outcome), *_malicious(records, serious, outcome))


def stated(told: Sequence[Hypothesis], others: Sequence[Hypothesis]) -> tuple[Hypothesis, ...]:
    """Return the hypotheses that code weighed, with those of a model that it did not; each statement once."""
    known = {_plain(one.statement): one for one in told}
    for one in others:
        known.setdefault(_plain(one.statement), one)
    return tuple(known.values())


def _plain(statement: str) -> str:
    return statement.casefold().rstrip(". ")


def _benign(serious: Sequence[Finding], explained: Sequence[Finding], outcome: Outcome) -> Hypothesis:
    if serious:
        return Hypothesis(statement=BENIGN, status="refuted", evidence=_cited(serious))
    status: Literal["open", "supported"] = "open" if outcome == "could_not_look" else "supported"
    return Hypothesis(statement=BENIGN, status=status, evidence=_cited(explained))


def _malicious(records: Sequence[QueryRecord], serious: Sequence[Finding], outcome: Outcome) -> tuple[Hypothesis, ...]:
    tables: dict[str, set[str]] = {}
    for record in records:
        if record.hypothesis:
            tables.setdefault(record.hypothesis, set()).add(record.table)
    return tuple(_one(statement, own, serious, outcome) for statement, own in tables.items())


def _one(statement: str, tables: set[str], serious: Sequence[Finding], outcome: Outcome) -> Hypothesis:
    bearing = [finding for finding in serious if any(ref.table in tables for ref in finding.evidence)]
    by_absence: Mapping[bool, Literal["open", "refuted"]] = {True: "open", False: "refuted"}
    status = "supported" if bearing else by_absence[outcome == "could_not_look"]
    return Hypothesis(statement=_sentence(statement), status=status, evidence=_cited(bearing, tables))


def _sentence(hypothesis: str) -> str:
    return f"{hypothesis[0].upper()}{hypothesis[1:]}."


def _cited(findings: Sequence[Finding], tables: set[str] | None = None) -> tuple[EvidenceRef, ...]:
    refs = [ref for finding in findings for ref in finding.evidence if tables is None or ref.table in tables]
    return tuple(dict.fromkeys(refs))[:CITED]
