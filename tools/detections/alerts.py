"""How grave an alert is by the word of the product that raised it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from soc_analyst.state.findings import Detection, EvidenceRef, Level
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.evidence.packing import is_text

__all__ = ["no_graver_than_their_alerts"]

ALERTS = frozenset({"AlertInfo", "AlertEvidence"})
LEVELS: tuple[Level, ...] = ("informational", "low", "medium", "high", "critical")
MOST: Mapping[str, Level] = {"informational": "low", "low": "low", "medium": "medium"}
"""What a detection can be at most, by the severity of its alert; a high one caps nothing."""


def no_graver_than_their_alerts(detections: Iterable[Detection], evidence: Evidence) -> Iterator[Detection]:
    """Yield the detections; one that rests on alerts alone is no graver than the gravest of them says itself.

    An alert whose severity the rows do not tell caps nothing.
    """
    told = _severities(evidence)
    for detection in detections:
        most = _most(detection.rows, evidence, told) if told else None
        if most is None or LEVELS.index(detection.rule.level) <= LEVELS.index(most):
            yield detection
        else:
            yield detection.model_copy(update={"rule": detection.rule.model_copy(update={"level": most})})


def _most(refs: tuple[EvidenceRef, ...], evidence: Evidence, told: Mapping[str, str]) -> Level | None:
    """Return the level that the alerts of these rows allow, or nothing where one is unknown or no alert at all."""
    if not refs or any(ref.table not in ALERTS for ref in refs):
        return None
    ids = {str((evidence.row(ref) or {}).get("AlertId") or "") for ref in refs}
    allowed = [MOST.get(told.get(id, "")) for id in ids]
    known = [level for level in allowed if level is not None]
    return max(known, key=LEVELS.index) if len(known) == len(allowed) else None


def _severities(evidence: Evidence) -> dict[str, str]:
    """Return the severity of each alert by its id, in lower case."""
    alerts = evidence.get("AlertInfo")
    if alerts is None or not {"AlertId", "Severity"} <= set(alerts.rows.column_names):
        return {}
    ids, severities = (alerts.rows[name] for name in ("AlertId", "Severity"))
    if not (is_text(ids.type) and is_text(severities.type)):
        return {}
    pairs = zip(ids.to_pylist(), severities.to_pylist(), strict=True)
    return {str(id): str(severity or "").lower() for id, severity in pairs if id}
