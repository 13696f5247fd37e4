"""What a summary says was found: incident by incident, the one asked about first, nothing said twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Confidence, Finding, Rule
from soc_analyst.state.incidents import Incident
from soc_analyst.tools.records.found import told_of

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def finding(act: str, host: str, confidence: Confidence = "High", kind: str = "host") -> Finding:
    about = Entity.model_validate({"kind": kind, "value": host})
    return Finding(
        id=f"{act} {host}", title=f"{act} on {host}", description="", confidence=confidence, time=NOON,
        entities=(about,), detections=(Rule(id=act, title=act, level="high"),),
    )  # fmt: skip


def incident(*findings: Finding, hours: float = 0) -> Incident:
    return Incident(
        id=findings[0].id, title="", confidence="High", start=NOON, end=NOON + timedelta(hours=hours), tactics=(),
        findings=tuple(one.id for one in findings), entities=(), edges=(),
    )  # fmt: skip


def test_one_attack_names_its_subject_once_and_what_is_alike_once() -> None:
    told = [finding("A", "ws-1"), finding("B", "ws-1"), *(finding("C", f"ws-{n}", "Medium") for n in (2, 3, 4))]
    assert told_of(told, [incident(*told)]).text == "A on ws-1 (High); B (High); C on ws-2 and 2 more like it (Medium)."


def test_several_attacks_are_a_sentence_each() -> None:
    groups = [[finding(f"{act}{n}", f"ws-{n}") for act in "ABCD"] for n in range(4)]
    low = finding("L", "ws-9", "Low")
    text = told_of(
        [*(one for group in groups for one in group), low],
        [incident(*group, hours=n * 20) for n, group in enumerate(groups)],
    ).text
    assert text == (
        "4 incidents that nothing seen joins. 03-04 12:00: A0 on ws-0 (High); B0 (High); C0 (High); and 1 more. "
        "03-04 12:00 to 03-05 08:00: A1 on ws-1 (High); B1 (High); C1 (High); and 1 more. "
        "03-04 12:00 to 03-06 04:00: A2 on ws-2 (High); B2 (High); C2 (High); and 1 more. And 1 more. "
        "1 low-confidence observation."
    )


def test_nothing_found_says_nothing() -> None:
    assert told_of([], []).text == ""
