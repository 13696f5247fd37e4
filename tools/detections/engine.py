"""Run the rules and the statistics over the rows of a case."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from soc_analyst.state.findings import Claim, Detection
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.evidence import Evidence, TableRows

from .alerts import no_graver_than_their_alerts
from .columns import TableViews
from .correlating import Matches, correlated
from .evaluating import rows_meeting
from .fields import field_map
from .grouping import Grouping
from .resolving import Never, Node, missing_fields, resolve
from .ruleset import CompiledRule, RuleSet
from .statistics import counted

__all__ = ["Examination", "detect", "examine", "fired_again"]

STATISTIC = "stat-"
"""What the ids of statistics begin with."""


@dataclass(frozen=True)
class Examination:
    """What fired, and how many rules could not see what they look for, by the reason."""

    detections: tuple[Detection, ...]
    skipped: Mapping[str, int]


def detect(
    evidence: Evidence, *, rules: RuleSet, tables: Mapping[str, TableSchema] | None = None
) -> tuple[Detection, ...]:
    """Return what the rules and the statistics find in the rows, one detection for each rule and subject."""
    return tuple(_fired(evidence, rules, tables or {}, None))


def examine(evidence: Evidence, *, rules: RuleSet, tables: Mapping[str, TableSchema] | None = None) -> Examination:
    """Run rules and statistics, and say which rules were skipped because the rows lack their fields."""
    skipped: Counter[str] = Counter()
    detections = tuple(_fired(evidence, rules, tables or {}, skipped))
    return Examination(detections, dict(skipped))


def fired_again(
    ids: Collection[str], evidence: Evidence, *, rules: RuleSet, tables: Mapping[str, TableSchema] | None = None
) -> dict[str, dict[str, Detection]]:
    """Run these rules alone over the rows; return what they say by the rule's id and the statement of its claim."""
    again: dict[str, dict[str, Detection]] = {}
    if not ids:
        return again
    few = RuleSet(tuple(_needed(ids, rules)))
    statistics = any(id.startswith(STATISTIC) for id in ids)
    for detection in _fired(evidence, few, tables or {}, None, statistics=statistics):
        for claim in detection.claims:
            if claim.rule in ids:
                again.setdefault(claim.rule, {})[claim.statement] = detection
    return again


def _needed(ids: Collection[str], rules: RuleSet) -> Iterator[CompiledRule]:
    """Yield the rules of these ids, and those whose matches a correlation among them speaks of."""
    referred = {
        reference
        for rule in rules.rules
        if rule.correlation and rule.id in ids
        for reference in rule.correlation["rules"]
    }
    for rule in rules.rules:
        if rule.id in ids or rule.id in referred or (rule.name and rule.name in referred):
            yield rule


def _fired(
    evidence: Evidence,
    rules: RuleSet,
    tables: Mapping[str, TableSchema],
    skipped: Counter[str] | None,
    *,
    statistics: bool = True,
) -> Iterator[Detection]:
    found = _seen(evidence, rules, tables, skipped, statistics)
    return no_graver_than_their_alerts(found, evidence)


def _seen(
    evidence: Evidence,
    rules: RuleSet,
    tables: Mapping[str, TableSchema],
    skipped: Counter[str] | None,
    statistics: bool,
) -> Iterator[Detection]:
    by_table: dict[str, list[CompiledRule]] = defaultdict(list)
    for rule in rules.rules:
        if rule.correlation is None:
            by_table[rule.table].append(rule)
    correlations = [rule for rule in rules.rules if rule.correlation]
    related = _Related(correlations, rules.rules)
    for table, rows in evidence.items():
        if len(rows) and by_table[table]:
            yield from _of_table(rows, by_table[table], tables.get(table), skipped, related)
    for rule in correlations:
        yield from map(_claimed, correlated(rule, related.matches(rule)))
    # What was kept for correlations holds the columns of whole tables.
    del related
    if statistics:
        yield from map(_claimed, counted(evidence))


def _claimed(detection: Detection) -> Detection:
    """Return a detection that claims what it says in its own numbers, beside what it claims of rows."""
    rule = detection.rule
    own = Claim(kind="detected", statement=f"{rule.title}: {detection.statement}", rule=rule.id)
    return detection.model_copy(update={"claims": (own, *detection.claims)})


def _of_table(
    rows: TableRows,
    rules: list[CompiledRule],
    schema: TableSchema | None,
    skipped: Counter[str] | None,
    related: _Related,
) -> Iterator[Detection]:
    views = TableViews(rows, field_map())
    runnable: list[tuple[CompiledRule, Node]] = []
    for rule in rules:
        node = resolve(rule.tree, views)
        if not isinstance(node, Never):
            runnable.append((rule, node))
        elif skipped is not None:
            skipped[f"{rows.table} without {', '.join(missing_fields(rule.tree, views)[:3])}"] += 1
    grouping = Grouping(views, field_map().subjects[rows.table], schema)
    for (rule, _), matched in zip(runnable, rows_meeting([node for _, node in runnable], views), strict=True):
        related.note(Matches(rule, views, grouping, matched))
        if rule.id not in related.silent:
            yield from grouping.detections(rule, matched)


class _Related:
    """The matches that correlations ask for, kept while the tables go by."""

    def __init__(self, correlations: Iterable[CompiledRule], rules: Iterable[CompiledRule]) -> None:
        told = [rule.correlation for rule in correlations if rule.correlation]
        wanted = {reference for one in told for reference in one["rules"]}
        generating = {reference for one in told if one["generate"] for reference in one["rules"]}
        self._named = {key: rule.id for rule in rules for key in (rule.id, rule.name) if key in wanted}
        self._found: dict[str, Matches] = {}
        self.silent = {self._named[reference] for reference in wanted - generating if reference in self._named}
        """Rules that speak only through a correlation."""

    def note(self, matches: Matches) -> None:
        """Keep the matches of a rule that a correlation speaks of."""
        if matches.rule.id in self._named.values():
            self._found[matches.rule.id] = matches

    def matches(self, rule: CompiledRule) -> dict[str, Matches]:
        """Return what was found of the rules that a correlation speaks of, by its own references."""
        told = rule.correlation or {}
        found = {ref: self._found.get(self._named.get(ref, "")) for ref in told["rules"]}
        return {reference: one for reference, one in found.items() if one is not None}
