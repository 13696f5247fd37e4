"""From a confirmed finding to the incident that would be written. The same finding gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from soc_analyst.state.errors import OperatorError
from soc_analyst.state.findings import Finding, Level
from soc_analyst.state.report import Report

from .comment import evidence_of
from .draft import Draft, Severity
from .wording import Inert, cut

__all__ = ["chosen", "draft_of"]

MOST_TITLE = 250
"""The service takes titles of any length; a queue shows some dozen characters."""
MOST_DESCRIPTION = 5_000
"""Characters of a description (Microsoft Sentinel service limits)."""
MOST_LABEL = 60
MOST_LABELS = 12
OURS = "soc-analyst"
SEVERITIES: Mapping[Level, Severity] = {
    "critical": "High", "high": "High", "medium": "Medium", "low": "Low", "informational": "Informational",
}  # fmt: skip
NO_RULE: Severity = "Medium"
"""Where no rule says how bad it is: confidence tells how sure it is, not how bad."""


def chosen(report: Report, wanted: tuple[str, ...]) -> tuple[Finding, ...]:
    """Return the findings to write: those named, or all that are confirmed; raise OperatorError for any other."""
    confirmed = {finding.id: finding for finding in report.confirmed}
    listed = ", ".join(confirmed) or "none"
    for name in wanted:
        found = next((finding for finding in report.findings if finding.id == name), None)
        if found is None:
            raise OperatorError(f"the case has no finding {name[:60]!r}; confirmed are: {listed}", where="--finding")
        if name not in confirmed:
            raise OperatorError(
                f"{name} is held with {found.confidence} confidence and is not confirmed; incidents are made of "
                f"confirmed findings only, which are: {listed}",
                where="--finding",
            )
    if not confirmed:
        raise OperatorError(
            f"the outcome is {report.outcome.replace('_', ' ')}; incidents are made of confirmed findings only",
            where=f"thread {report.thread_id}",
        )
    return tuple(confirmed[name] for name in dict.fromkeys(wanted)) or tuple(confirmed.values())


def draft_of(finding: Finding, report: Report, *, workspace: str) -> Draft:
    """Return the incident of a finding; `workspace` is what was looked into, in words."""
    inert = Inert(finding.entities, finding.indicators_of_compromise)
    comment = evidence_of(finding, report, inert)
    whole = "\n".join(_description(finding, report, inert, workspace)).strip()
    description = cut(whole, MOST_DESCRIPTION)
    times = [ref.time for ref in finding.evidence if ref.time is not None] or [finding.time]
    return Draft(
        finding_id=finding.id,
        title=cut(inert(finding.title, limit=MOST_TITLE) or f"Finding {finding.id}", MOST_TITLE),
        description=description,
        severity=_severity(finding),
        labels=tuple(_labels(finding, inert)),
        first=min(times),
        last=max(times),
        message=comment.text,
        cuts=(*(("The description is cut.",) if description != whole else ()), *comment.cuts),
    )


def _severity(finding: Finding) -> Severity:
    """Return how bad the gravest rule says it is."""
    order = list(SEVERITIES)
    levels = sorted((rule.level for rule in finding.detections), key=order.index)
    return SEVERITIES[levels[0]] if levels else NO_RULE


def _labels(finding: Finding, inert: Inert) -> Iterator[str]:
    """Yield labels: whose it is, then techniques and tactics, which an incident of the API cannot hold elsewhere."""
    said = [tag.removeprefix("attack.") for tag in finding.tags if tag.startswith("attack.")]
    techniques = [finding.mitre.id, *(tag.upper() for tag in said if tag[:1] == "t" and tag[1:2].isdigit())]
    tactics = [finding.mitre.tactic, *(tag.replace("-", " ").title() for tag in said if tag.upper() not in techniques)]
    tactics = [one.replace(" And ", " and ") for one in tactics]
    shown = (cut(inert(label, limit=MOST_LABEL), MOST_LABEL) for label in (OURS, *techniques, *tactics))
    yield from list(dict.fromkeys(filter(None, shown)))[:MOST_LABELS]


def _description(finding: Finding, report: Report, inert: Inert, workspace: str) -> Iterator[str]:
    """Yield lines of plain text: what happened, to whom, and where to read on."""
    mitre = finding.mitre
    technique = " · ".join(filter(None, (mitre.id, mitre.technique, mitre.sub_technique, mitre.tactic)))
    entities = ", ".join(f"{one.kind} {inert(one.value, limit=120)}" for one in finding.entities[:20])
    yield inert(finding.description, limit=2_000)
    yield ""
    yield f"Confidence: {finding.confidence} ({report.outcome}); every claim was evaluated on the rows."
    if technique:
        yield f"ATT&CK: {inert(technique)}"
    if entities:
        yield f"Entities: {entities}{_more(len(finding.entities), 20)}"
    if finding.indicators_of_compromise:
        shown = ", ".join(inert(one, limit=120) for one in finding.indicators_of_compromise[:10])
        yield f"Indicators: {shown}{_more(len(finding.indicators_of_compromise), 10)}"
    if finding.notes:
        yield f"Notes: {inert(finding.notes, limit=800)}"
    yield f"Recommended: {', '.join(finding.recommendations) or 'nothing'}"
    yield f"Asked: {inert(report.question, limit=300)}"
    yield f"Looked into: {inert(workspace)}"
    yield f"Case {report.thread_id}, finding {finding.id}, model {inert(report.model)}"
    yield "Domains, addresses and links are written so that nothing opens them. The evidence is in the first comment."


def _more(count: int, shown: int) -> str:
    return f" and {count - shown} more" if count > shown else ""
