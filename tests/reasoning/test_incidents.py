"""One attack is told once, and attacks that nothing joins are kept apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Confidence, EvidenceRef, Finding, Mitre
from soc_analyst.state.incidents import Incident
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.reasoning.by_rules.incidents import incidents_of

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
NONE = Evidence()


def finding(
    name: str,
    *entities: str,
    hours: float = 0,
    tactic: str = "Execution",
    confidence: Confidence = "High",
    table: str = "DeviceProcessEvents",
) -> Finding:
    """Return a finding at so many hours after noon; entities are written `kind:value`."""
    time = NOON + timedelta(hours=hours)
    return Finding(
        id=f"f-{name}",
        title=name,
        description="",
        mitre=Mitre(tactic=tactic, id="T1059"),
        confidence=confidence,
        time=time,
        entities=tuple(
            Entity.model_validate(dict(zip(("kind", "value"), e.split(":", 1), strict=True))) for e in entities
        ),
        evidence=(EvidenceRef(query_id="r1q1", table=table, row=0, time=time),),
    )


def told(findings: list[Finding], evidence: Evidence = NONE) -> list[set[str]]:
    return [{id.removeprefix("f-") for id in one.findings} for one in incidents_of(findings, evidence)]


def test_what_shares_a_thing_within_a_day_is_one_attack_over_tables_and_hosts() -> None:
    findings = [
        finding("phish", "account:arisa@contoso.com", "ip:203.0.113.9", tactic="Initial Access", table="SigninLogs"),
        finding("run", "host:ws-1.contoso.com", "account:arisa", hours=1),
        finding("move", "host:ws-1", "host:dc-1", hours=2, tactic="Lateral Movement"),
        finding("dump", "host:dc-1.contoso.com", hours=3, tactic="Credential Access", confidence="Medium"),
        finding("elsewhere", "host:ws-9", "account:bob", hours=1),
    ]
    assert told(findings) == [{"phish", "run", "move", "dump"}, {"elsewhere"}]
    first = incidents_of(findings, NONE)[0]
    assert first.tactics == ("Initial Access", "Execution", "Credential Access", "Lateral Movement")
    assert (first.start, first.end) == (NOON, NOON + timedelta(hours=3))
    assert first.title == "phish, and 3 more findings"
    names = {(edge.source.value, edge.label, edge.target.value) for edge in first.edges}
    assert ("arisa@contoso.com", "signed in from", "203.0.113.9") in names
    assert ("arisa", "acted on", "ws-1.contoso.com") in names


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("host:ws-1",), ("host:ws-2",)),
        (("account:system", "host:ws-1"), ("account:SYSTEM", "host:ws-2")),
        (("ip:10.0.0.1", "host:ws-1"), ("ip:10.0.0.1", "host:ws-2")),
        (("process:powershell.exe", "host:ws-1"), ("process:powershell.exe", "host:ws-2")),
        (("hash:" + "a" * 64, "host:ws-1"), ("hash:" + "a" * 64, "host:ws-2")),
        (("account:a", "account:b", "account:c", "ip:203.0.113.1"), ("account:b", "host:ws-2")),
    ],
)
def test_what_everybody_has_joins_nothing(left: tuple[str, ...], right: tuple[str, ...]) -> None:
    assert len(told([finding("one", *left), finding("two", *right)])) == 2


def test_the_same_host_weeks_apart_is_two_attacks() -> None:
    findings = [finding("then", "host:ws-1"), finding("now", "host:ws-1", hours=24 * 9)]
    assert told(findings) == [{"then"}, {"now"}]
    slow = [finding(str(day), "host:ws-1", hours=20 * day) for day in range(5)]
    assert told(slow) == [{"0", "1", "2", "3", "4"}]


def test_the_address_of_an_office_joins_nobody() -> None:
    people = [f"user{n}@contoso.com" for n in range(4)]
    rows = pa.table(
        {"IPAddress": ["198.51.100.1"] * 4, "UserPrincipalName": people, "ResultType": ["0"] * 4},
    )
    office = Evidence([TableRows.collect("SigninLogs", [("r1q1", rows)])])
    findings = [finding(person, f"account:{person}", "ip:198.51.100.1", table="SigninLogs") for person in people[:2]]
    assert len(told(findings)) == 1 and len(told(findings, office)) == 2


def test_an_alert_belongs_to_whom_it_is_about() -> None:
    info = pa.table({"AlertId": ["a-1"], "TimeGenerated": [NOON]})
    about = pa.table({"AlertId": ["a-1"], "DeviceName": ["ws-1.contoso.com"], "TimeGenerated": [NOON]})
    rows = [("AlertInfo", info), ("AlertEvidence", about)]
    evidence = Evidence(TableRows.collect(table, [("r1q1", own)]) for table, own in rows)
    findings = [finding("alert", table="AlertInfo"), finding("run", "host:ws-1"), finding("other", "host:ws-2")]
    assert sorted(map(sorted, told(findings, evidence))) == [["alert", "run"], ["other"]]


def test_weak_observations_make_no_incident() -> None:
    assert told([finding("weak", "host:ws-1", confidence="Low")]) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz"), st.integers(0, 90)), max_size=12))
def test_each_finding_is_in_one_incident_whatever_the_order(parts: list[tuple[str, str, int]]) -> None:
    findings = [
        finding(str(at), f"host:h-{host}", f"account:{who}", hours=hours) for at, (host, who, hours) in enumerate(parts)
    ]
    made: tuple[Incident, ...] = incidents_of(findings, NONE)
    assert sorted(id for one in made for id in one.findings) == sorted(one.id for one in findings)
    assert {one.id for one in made} == {one.id for one in incidents_of(findings[::-1], NONE)}
