"""Signals on one subject at one time are one story: weak ones can be a finding together; findings name each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from soc_analyst.state.findings import Detection, Finding
from soc_analyst.tools.attack import KILL_CHAIN

__all__ = ["SPAN", "Chain", "chains", "told_together"]

SPAN = timedelta(hours=1)
"""How far apart the signals of one story may be."""
RULES, TACTICS = 4, 3
"""Weak signals, and tactics among them, that are a finding together."""
PREPARING = frozenset({"reconnaissance", "execution", "discovery", "stealth"})
"""Tactics that administration and its tools run through every day: alone they come to nothing."""
MOST_NAMED = 3


@dataclass(frozen=True)
class Chain:
    """Weak signals of several tactics on one subject, in the order of their time."""

    subject: str
    signals: tuple[Detection, ...]
    tactics: tuple[str, ...]
    minutes: int


def chains(detections: Iterable[tuple[tuple[str, str], Detection]]) -> Iterator[Chain]:
    """Yield the first chain of each person on each subject; the pairs name both beside a weak detection."""
    by_subject: dict[tuple[str, str], list[tuple[datetime, Detection]]] = {}
    for place, detection in detections:
        time = _time(detection)
        if all(place) and time is not None and detection.tactics:
            by_subject.setdefault(place, []).append((time, detection))
    for (subject, _), timed in by_subject.items():
        timed.sort(key=lambda one: one[0])
        found = next(filter(None, (_from(timed[at:]) for at in range(len(timed)))), None)
        if found is not None:
            minutes = round((found[-1][0] - found[0][0]).total_seconds() / 60)
            signals = tuple(detection for _, detection in found)
            yield Chain(subject, signals, _tactics(signals), minutes)


def _from(timed: Sequence[tuple[datetime, Detection]]) -> list[tuple[datetime, Detection]]:
    """Return what is within the span of the first signal, one of each rule, if that is a chain."""
    firsts: dict[str, tuple[datetime, Detection]] = {}
    for time, detection in timed:
        if time - timed[0][0] <= SPAN:
            firsts.setdefault(detection.rule.id, (time, detection))
    found = list(firsts.values())
    techniques = {detection.techniques[:1] for _, detection in found}
    tactics = _tactics([one for _, one in found])
    enough = len(found) >= RULES and len(techniques) >= RULES and len(tactics) >= TACTICS
    return found if enough and not PREPARING.issuperset(tactics) else []


def _tactics(signals: Sequence[Detection]) -> tuple[str, ...]:
    """Return the first tactic of each signal, in the order of an intrusion."""
    shorts = {signal.tactics[0] for signal in signals}
    return tuple(short for short in KILL_CHAIN if short in shorts)


def _time(detection: Detection) -> datetime | None:
    return min((ref.time for ref in detection.rows if ref.time is not None), default=None)


def told_together(findings: Sequence[tuple[str, Finding]]) -> tuple[Finding, ...]:
    """Return the findings, each naming what else was found on its subject within the hour."""
    return tuple(_named(subject, finding, findings) for subject, finding in findings)


def _named(subject: str, finding: Finding, findings: Sequence[tuple[str, Finding]]) -> Finding:
    others = [
        _act(other)
        for known, other in findings
        if subject and known == subject and other.id != finding.id and abs(other.time - finding.time) <= SPAN
        and other.confidence != "Low"
    ]  # fmt: skip
    if not others:
        return finding
    more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
    told = "; ".join(f"“{title}”" for title in others[:MOST_NAMED])
    return finding.model_copy(update={"notes": f"{finding.notes} One story with {told}{more}.".strip()})


def _act(finding: Finding) -> str:
    """Return what it says was done, without on whom, which is the same for all of a story."""
    rule = finding.detections[0].title if finding.detections else ""
    return rule if rule and finding.title.startswith(rule) else finding.title
