"""What belongs into one finding: detections of one technique on one thing, and of the weak ones those of that day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from soc_analyst.state.findings import Detection, EvidenceRef

from .naming import one_named, subject

__all__ = ["grouped", "technique"]

APART = timedelta(days=1)
"""How far from what carries a finding weak signals of it may lie; further off they are of other days' work."""


def grouped(detections: Sequence[Detection]) -> list[tuple[str, list[Detection]]]:
    """Return detections by technique and subject, beside the subject.

    Weak ones are told of the rows near those that carry the finding, and apart where they have none: what a server
    does every day neither dates an attack on it nor lends it indicators.
    """
    named = one_named(subject(one.entities) for one in detections)
    groups: dict[tuple[str, str], list[Detection]] = {}
    for one in detections:
        groups.setdefault((technique(one), named(subject(one.entities))), []).append(one)
    return [(about, part) for (_, about), group in groups.items() for part in _parts(group)]


def technique(detection: Detection) -> str:
    """Return the technique that a detection shows first, or its rule where it shows none."""
    return detection.techniques[0] if detection.techniques else detection.rule.id


def _parts(group: list[Detection]) -> Iterator[list[Detection]]:
    """Yield the detections that are one finding, and then those that only share its subject."""
    carrying = [one for one in group if one.level != "low"]
    times = [ref.time for one in carrying for ref in one.rows if ref.time is not None]
    if not times:
        yield group
        return
    first, last = min(times) - APART, max(times) + APART

    def near(ref: EvidenceRef) -> bool:
        return ref.time is None or first <= ref.time <= last

    own: list[Detection] = []
    apart: list[Detection] = []
    for one in group:
        rows = one.rows if one.level != "low" else tuple(ref for ref in one.rows if near(ref))
        if rows:
            own.append(one.model_copy(update={"rows": rows}) if len(rows) < len(one.rows) else one)
        else:
            apart.append(one)
    yield own
    if apart:
        yield apart
