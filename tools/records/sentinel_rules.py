"""The rules behind confirmed findings as Microsoft Sentinel scheduled analytics rules."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.findings import Finding, Level, Rule
from soc_analyst.state.report import Report
from soc_analyst.tools.detections import CompiledRule
from soc_analyst.tools.detections.as_kql import kql_of, sentinel_yaml, table_of
from soc_analyst.tools.detections.tree import Unsupported
from soc_analyst.tools.guard import check_text

from .reproducing import Ground
from .safe_text import inert

__all__ = ["AnalyticsRule", "NoRule", "analytics_rules", "as_sentinel_rules"]

STATISTIC = "stat-"
LEVELS: Sequence[Level] = ("critical", "high", "medium", "low", "informational")


@dataclass(frozen=True)
class AnalyticsRule:
    """A rule for Sentinel, and the findings that rest on it."""

    name: str
    """A file name without its ending."""
    findings: tuple[Finding, ...]
    text: str


@dataclass(frozen=True)
class NoRule:
    """A finding that no rule could be written for, and why; of each rule that it rests on, if there are any."""

    finding: Finding
    reason: str

    @property
    def line(self) -> str:
        """Return it in one line."""
        return " ".join(inert(f"{self.finding.id}: {self.finding.title}: {self.reason}").split())


def as_sentinel_rules(report: Report, ground: Ground) -> str:
    """Return all rules in one YAML stream, below comments that name the findings that have none."""
    rules, without = analytics_rules(report, ground)
    notes = [f"# No rule for {one.line}\n" for one in without]
    if not report.confirmed:
        outcome = report.outcome.replace("_", " ")
        notes.append(f"# No rules: the outcome is {outcome}, and rules are written of confirmed findings only.\n")
    return "".join(notes) + "---\n".join(_commented(rule) for rule in rules)


def analytics_rules(report: Report, ground: Ground) -> tuple[tuple[AnalyticsRule, ...], tuple[NoRule, ...]]:
    """Return the rules of the confirmed findings, each once, and the findings that have none.

    A finding gives the gravest of its rules that KQL can say; one of low level would fire on ordinary work all day.
    """
    if not report.confirmed:
        return (), ()
    writer = _Writer(report, ground)
    written: dict[str, AnalyticsRule] = {}
    without: list[NoRule] = []
    for finding in report.confirmed:
        rule = writer.gravest(finding)
        if isinstance(rule, NoRule):
            without.append(rule)
        else:
            known = written.get(rule.name, rule)
            written[rule.name] = replace(known, findings=tuple(dict.fromkeys((*known.findings, finding))))
    return tuple(written.values()), tuple(without)


def _commented(rule: AnalyticsRule) -> str:
    told = (" ".join(inert(f"{one.id}, {one.confidence}: {one.title}").split()) for one in rule.findings)
    return "".join(f"# Of finding {line}\n" for line in told) + rule.text


class _Writer:
    """Writes rules under what the case stood on; raises Unsupported, with the reason, where one cannot be."""

    def __init__(self, report: Report, ground: Ground) -> None:
        self.ground = ground
        self.every = ground.rules().rules
        self.by_id: Mapping[str, CompiledRule] = {rule.id: rule for rule in self.every}
        longest = timedelta(days=ground.policy.max_window_days)
        end = report.window.end
        self.window = TimeWindow(start=max(report.window.start, end - longest), end=end)

    def gravest(self, finding: Finding) -> AnalyticsRule | NoRule:
        """Return the rule of a finding, or why there is none."""
        reasons = []
        for rule in sorted(finding.detections, key=lambda one: LEVELS.index(one.level)):
            try:
                name, text = self._written(rule)
            except Unsupported as reason:
                reasons.append(f"“{rule.title}” is {reason}")
            else:
                return AnalyticsRule(name, (finding,), text)
        return NoRule(finding, "; ".join(reasons) or "it rests on no rule")

    def _written(self, named: Rule) -> tuple[str, str]:
        if named.level not in LEVELS[:3]:
            raise Unsupported(f"a rule of {named.level} level, which would fire on ordinary work")
        if named.id.startswith(STATISTIC):
            raise Unsupported("a statistic, which is no query over rows")
        rule = self.by_id.get(named.id)
        if rule is None:
            raise Unsupported("a rule that is not in force here")
        tables = self.ground.tables
        try:
            kql = kql_of(rule, tables, self.every)
        except Unsupported as reason:
            raise Unsupported(f"a rule that KQL cannot say: {reason}") from reason
        verdict = check_text(kql, policy=self.ground.policy, tables=tables, window=self.window)
        if not verdict.allowed:
            raise Unsupported(f"a rule that the guard refuses: {verdict.diagnostics[0].message}")
        table = tables[table_of(rule, self.every)]
        return _name(rule), sentinel_yaml(rule, kql, table, self.ground.catalog())


def _name(rule: CompiledRule) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", rule.title.casefold()).strip("-")[:60].strip("-") or "rule"
    return f"{words}-{re.sub(r'[^a-z0-9-]+', '', rule.id.casefold())[:8]}"
