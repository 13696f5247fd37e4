"""Signals weighed by what speaks for ordinary work: lowered where enough does, with every reason told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from soc_analyst.state.findings import Detection, EvidenceRef
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.reasoning.past import Past

from .actors import acting_account, by_agent, by_vendor, is_service
from .applications import by_own_application
from .deployment import by_installation
from .devices import by_own_device
from .floor import is_agents_work, may_be_lowered
from .keepers import by_keeper
from .plainness import is_plain
from .platform import by_platform
from .prevalence import Lookup, Seen, by_habit, by_season, rarity
from .reasons import Reason
from .scanning import by_schedule
from .scripts import by_script
from .sessions import Signals, by_session
from .undoing import by_undoing

__all__ = ["weighed"]

PROVING_ANYTHING = ("usual", "means", "scan", "session", "device", "own", "platform", "undone")
"""Kinds of proof that hold for whatever was done; who did it proves only what such agents do all day."""
ALERTS = frozenset({"AlertInfo", "AlertEvidence"})


def weighed(detections: Iterable[Detection], evidence: Evidence, past: Past | None = None) -> tuple[Detection, ...]:
    """Return the detections; those that ordinary work explains are of level low, and all say why.

    A medium is lowered by one reason that proves, or by how usual it is and another reason; a high only by a proof and
    by how usual it is. Nothing is lowered whose technique is no way of working, nor what hides what it does: a name
    or a folder is chosen by whoever writes it, what a workspace has seen for days is not.
    """
    held = tuple(detections)
    looked, signals = Lookup(evidence, past or Past()), Signals(held, evidence)
    return tuple(_weighed(each, looked, signals) for each in held)


def _weighed(detection: Detection, looked: Lookup, signals: Signals) -> Detection:
    if detection.level not in ("medium", "high"):
        return detection
    pairs = [(ref.table, row) for ref in detection.rows if (row := looked.evidence.row(ref)) is not None]
    rows, known = [row for _, row in pairs], looked.seen(pairs)
    reasons = list(_reasons(detection, rows, known, looked))
    reasons += [*by_keeper(rows), *by_own_device(pairs, looked.evidence)]
    reasons += by_session(detection, looked.evidence, signals)
    reasons += [*by_own_application(pairs, looked.evidence, signals), *by_platform(pairs)]
    reasons += by_undoing(pairs, looked.evidence)
    told = list(filter(None, [rarity(known), *(reason.text for reason in reasons)]))
    why = _why_lowered(detection, rows, reasons)
    notes = [f"Context: {'; '.join(told)}."] if told else []
    notes += [f"Lowered from {detection.level} to low, since {why}."] if why else []
    level = "low" if why else detection.weighed_as
    return detection.model_copy(update={"weighed_as": level, "notes": (*detection.notes, *notes)})


def _reasons(
    detection: Detection,
    rows: Sequence[Mapping[str, Any]],
    known: Sequence[Seen | None],
    looked: Lookup,
) -> Iterator[Reason]:
    tables = {ref.table for ref in detection.rows}
    yield from chain(by_habit(known, tables), by_season(known), by_agent(rows), by_installation(rows))
    yield from chain(by_vendor(rows), _by_service(rows, known), by_script(rows, known))
    yield from chain(by_schedule(detection, looked.evidence, looked.past), _by_notice(detection.rows, looked.evidence))


def _by_service(rows: Sequence[Mapping[str, Any]], known: Sequence[Seen | None]) -> Iterator[Reason]:
    """Yield that a service account did it; its name counts where it does the same at the same hour on several days."""
    if not rows or not all(is_service(acting_account(row)) for row in rows):
        return
    regular = bool(known) and all(one is not None and one.regular for one in known)
    when = ", at the same hour day by day" if regular else ""
    yield Reason("actor", f"done by the service account {acting_account(rows[0])}{when}", counts=regular)


def _by_notice(refs: Sequence[EvidenceRef], evidence: Evidence) -> Iterator[Reason]:
    """Yield that the product that raised all alerts cited holds them for information only."""
    alerts = evidence.get("AlertInfo")
    if alerts is None or not refs or any(ref.table not in ALERTS for ref in refs):
        return
    severity = dict(zip(alerts.strings("AlertId"), map(str.lower, alerts.strings("Severity")), strict=True))
    cited = {str((evidence.row(ref) or {}).get("AlertId") or "") for ref in refs}
    if "" not in cited and all(severity.get(each) == "informational" for each in cited):
        yield Reason("notice", "the product that raised the alert holds it for information", proves=True)


def _why_lowered(detection: Detection, rows: Sequence[Mapping[str, Any]], reasons: Sequence[Reason]) -> str:
    """Return why a signal is lowered, or nothing where it is not."""
    notice = next((each.text for each in reasons if each.kind == "notice"), "")
    if notice:
        return notice
    if not rows or not may_be_lowered(detection) or not all(map(is_plain, rows)):
        return ""
    usual = any(each.kind == "usual" for each in reasons)
    agents = is_agents_work(detection)
    proof = next((each.text for each in reasons if each.proves and (agents or each.kind in PROVING_ANYTHING)), "")
    other = next((each.text for each in reasons if each.counts and each.kind != "usual"), "")
    if detection.level == "high":
        alone = next((each.text for each in reasons if each.proves_high), "")
        return alone or (f"it is usual here and {proof}" if usual and proof else "")
    return proof or (f"it is usual here and {other}" if usual and other else "")
