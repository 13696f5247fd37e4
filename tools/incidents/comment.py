"""The evidence of a finding as one comment: what was claimed, the rows that prove it, and how to find them again.

All text that is not ours stands in fenced blocks, one line a thing, with nothing in it that could end the block.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from soc_analyst.state.findings import Finding
from soc_analyst.state.report import Report
from soc_analyst.tools.evidence.describing import describe

from .wording import Inert, cut, units

__all__ = ["Comment", "evidence_of"]

MOST = 30_000
"""Characters of a comment (Microsoft Sentinel service limits)."""
MOST_ENTITIES = 4_000
MOST_CLAIMS = 4_000
MOST_RULES = 2_000
MOST_QUERIES = 5_000
LONGEST_LINE = 400
LONGEST_ROW = 2_000
"""Characters of one row; what is longer is shortened and says by how much."""
FENCE = "```"
HEAD = (
    "**Evidence.** Rows as the queries returned them; links, domains and addresses are written so that nothing opens."
)

_OPERATOR = re.compile("[\u2039\u203a](?=[ =])")


@dataclass(frozen=True)
class Comment:
    """The text, and what it leaves out."""

    text: str
    cuts: tuple[str, ...]


@dataclass(frozen=True)
class _Block:
    text: str
    missing: int


def evidence_of(finding: Finding, report: Report, inert: Inert) -> Comment:
    """Return the comment; the rows get the room that the rest leaves."""
    before = [
        _block("Entities and indicators", _things(finding, inert), MOST_ENTITIES),
        _block("Claims, evaluated on the rows", _claims(finding, inert), MOST_CLAIMS),
        _block("Rules", _rules(finding, inert), MOST_RULES),
    ]
    queries = _block("Queries that returned the rows", _queries(finding, report, inert), MOST_QUERIES)
    taken = units(HEAD) + sum(units(one.text) + 2 for one in [*before, queries])
    rows = _block(f"Rows ({len(finding.log_lines)})", _rows(finding, inert), MOST - taken - 2, per=2)
    parts = [HEAD, *(one.text for one in [*before, rows, queries] if one.text)]
    return Comment("\n\n".join(parts), tuple(_cuts(finding, rows, [*before, queries])))


def _cuts(finding: Finding, rows: _Block, others: Iterable[_Block]) -> Iterator[str]:
    if rows.missing:
        yield f"{rows.missing} of {len(finding.log_lines)} rows are not in the comment."
    longer = sum(len(line) > LONGEST_ROW for line in finding.log_lines[: len(finding.log_lines) - rows.missing])
    if longer:
        yield f"{longer} row(s) of the comment are shortened to {LONGEST_ROW:,} characters."
    other = sum(one.missing for one in others)
    if other:
        yield f"{other} further line(s) on entities, claims, rules or queries are not in the comment."


def _block(title: str, lines: Iterable[str], most: int, *, per: int = 1) -> _Block:
    """Return lines under a title, `per` of them to a thing, whole things only, within `most` code units."""
    given = list(lines)
    if not given:
        return _Block("", 0)
    head, end = f"**{title}**\n{FENCE}text\n", f"{FENCE}"
    room = most - units(head) - units(end) - len("… and 1000000 more in the case's report\n")
    kept: list[str] = []
    for start in range(0, len(given), per):
        thing = "".join(f"{line}\n" for line in given[start : start + per])
        if units(thing) > room and kept:
            break
        thing = thing if units(thing) <= room else f"{cut(thing, max(room - 1, 40))}\n"
        room -= units(thing)
        kept.append(thing)
    missing = (len(given) + per - 1) // per - len(kept)
    more = f"… and {missing} more in the case's report\n" if missing else ""
    return _Block(f"{head}{''.join(kept)}{more}{end}", missing)


def _things(finding: Finding, inert: Inert) -> Iterator[str]:
    for entity in finding.entities:
        yield f"{entity.kind:<12} {inert(entity.value, limit=LONGEST_LINE)}"
    for indicator in finding.indicators_of_compromise:
        yield f"{'indicator':<12} {inert(indicator, limit=LONGEST_LINE)}"


def _claims(finding: Finding, inert: Inert) -> Iterator[str]:
    for claim in finding.claims:
        held = "holds   " if claim.verified else "DOES NOT HOLD"
        detail = f" ({inert(claim.detail, limit=120)})" if claim.detail else ""
        yield f"{held} {inert(claim.statement, limit=LONGEST_LINE)}{detail}"


def _rules(finding: Finding, inert: Inert) -> Iterator[str]:
    for rule in finding.detections:
        told = f"{rule.title} · level {rule.level} · {rule.author or 'author unknown'} · {rule.license} · {rule.id}"
        yield inert(told, limit=LONGEST_LINE)


def _rows(finding: Finding, inert: Inert) -> Iterator[str]:
    """Yield two lines a row: when, where from and what it says; then all of it as JSON."""
    for number, (ref, line) in enumerate(zip(finding.evidence, finding.log_lines, strict=True), 1):
        when = ref.time.isoformat().replace("+00:00", "Z") if ref.time else "no time"
        told = inert(describe(ref.table, json.loads(line)), limit=LONGEST_LINE)
        yield f"[{number}] {when} {inert(ref.table)}, {inert(ref.query_id)} row {ref.row}: {told}"
        yield f"    {inert(line, limit=LONGEST_ROW)}"


def _queries(finding: Finding, report: Report, inert: Inert) -> Iterator[str]:
    cited = dict.fromkeys(ref.query_id for ref in finding.evidence)
    for query in report.queries:
        if query.id in cited:
            yield f"// {inert(query.id)}: {inert(query.purpose, limit=LONGEST_LINE)}"
            yield from (_compared(inert(line, limit=LONGEST_ROW)) for line in query.kql.splitlines() if line.strip())


def _compared(line: str) -> str:
    """Give a line of KQL its comparisons back: before a blank or `=` a bracket opens nothing."""
    return _OPERATOR.sub(lambda found: "<" if found[0] == "\u2039" else ">", line)
