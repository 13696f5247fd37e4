"""The ATT&CK matrix of a report: what was found, and what the tables that were asked could have shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from soc_analyst.state.report import Report
from soc_analyst.tools.attack import AttackCatalog
from soc_analyst.tools.attack.catalog import KILL_CHAIN
from soc_analyst.tools.detections.techniques import techniques_by_table

from .events import WEIGHT

__all__ = ["Found", "Matrix", "Possible", "Tactic", "matrix_of"]

ASKED = ("ok", "empty", "partial")
"""What becomes of a query that looked into its table."""


@dataclass(frozen=True, slots=True)
class Found:
    """A technique that findings name, with their numbers on the page."""

    id: str
    name: str
    confidence: str
    findings: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Possible:
    """A technique that rules over these tables look for and nothing showed, with how many of its sub-techniques."""

    id: str
    name: str
    subs: int


@dataclass(frozen=True, slots=True)
class Tactic:
    """A column of the matrix."""

    name: str
    found: tuple[Found, ...]
    possible: tuple[Possible, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The tactics in kill-chain order, those without anything apart."""

    tactics: tuple[Tactic, ...]
    silent: tuple[str, ...]
    """Tactics that no rule over these tables looks for."""
    blind: tuple[str, ...]
    """Tables that were asked and held nothing, or that nobody could see, so that nothing could show in them."""
    found: int


def matrix_of(report: Report) -> Matrix:
    """Return the matrix by the catalogue that ships with the product."""
    catalog = AttackCatalog.bundled()
    asked = {query.table for query in report.queries if query.status in ASKED and query.table}
    blind = {entry.table for entry in report.coverage if entry.table in asked and not entry.rows_in_window}
    tables = asked - blind
    by_table = techniques_by_table()
    possible = sorted({technique for table in tables for technique in by_table.get(table, ())})
    found = _found(report)
    names = [*(catalog.tactic_name(short) for short in KILL_CHAIN)]
    others = sorted({tactic for tactic, _ in found} - set(names))
    columns = [
        Tactic(
            name or "Without a tactic",
            tuple(one for (tactic, _), one in found.items() if tactic == name),
            _possible(catalog, short, possible, [id for _, id in found]),
        )
        for short, name in [*zip(KILL_CHAIN, names, strict=True), *(("", other) for other in others)]
    ]
    told = tuple(column for column in columns if column.found or column.possible)
    silent = tuple(column.name for column in columns if not (column.found or column.possible))
    return Matrix(told, silent, tuple(sorted(blind)), len({id for _, id in found}))


def _found(report: Report) -> dict[tuple[str, str], Found]:
    """Return the techniques by tactic and id, the surest first."""
    numbers: dict[tuple[str, str], list[int]] = {}
    for number, finding in enumerate(report.findings, 1):
        if finding.mitre.id:
            numbers.setdefault((finding.mitre.tactic, finding.mitre.id), []).append(number)
    found = {key: _technique(report, key[1], told) for key, told in numbers.items()}
    return dict(sorted(found.items(), key=lambda item: (-WEIGHT[item[1].confidence], item[0])))


def _technique(report: Report, id: str, numbers: Sequence[int]) -> Found:
    findings = [report.findings[number - 1] for number in numbers]
    mitre = findings[0].mitre
    surest = max((finding.confidence for finding in findings), key=WEIGHT.__getitem__)
    return Found(id, mitre.sub_technique or mitre.technique, surest, tuple(numbers))


def _possible(
    catalog: AttackCatalog, tactic: str, techniques: Iterable[str], found: Sequence[str]
) -> tuple[Possible, ...]:
    """Return the techniques of a tactic that were not found, sub-techniques counted under their own."""
    subs: dict[str, int] = {}
    for id in techniques:
        technique = catalog.current(id)
        if technique is None or tactic not in technique.tactics or technique.id in found:
            continue
        parent = technique.parent_id or technique.id
        subs[parent] = subs.get(parent, 0) + bool(technique.parent_id)
    named = {id: catalog.current(id) for id in subs if id not in found}
    return tuple(Possible(id, one.name, subs[id]) for id, one in sorted(named.items()) if one is not None)
