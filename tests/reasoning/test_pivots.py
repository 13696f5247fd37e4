"""Leads are worth what they should tell for what they read; none comes twice, and a trail ends by code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from soc_analyst.state.costs import Volume
from soc_analyst.state.entities import Entity, EntityKind, Reading, TimeWindow
from soc_analyst.state.findings import EvidenceRef, Finding, Mitre, Rule
from soc_analyst.state.plans import Lead
from soc_analyst.state.queries import QueryRecord
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.logs.tables import load_tables
from soc_analyst.tools.reasoning.by_rules.pivots import AROUND, MAX_DEPTH, NOTHING_LEFT, TOO_MUCH, Trail, leads_from

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
WINDOW = TimeWindow(start=NOON - timedelta(days=7), end=NOON + timedelta(days=2))
TABLES = load_tables()
RULE = Rule(id="r", title="R", level="high")


def thing(kind: EntityKind, value: str) -> Entity:
    return Entity(kind=kind, value=value)


def finding(*entities: Entity, table: str = "DeviceProcessEvents", query: str = "r1q1", **more: object) -> Finding:
    ref = EvidenceRef(query_id=query, table=table, row=0, time=NOON)
    told: dict[str, object] = {
        "title": "T", "description": "", "confidence": "High", "id": query, "time": NOON, "entities": entities,
        "evidence": (ref,), "detections": (RULE,),
    }  # fmt: skip
    return Finding.model_validate({**told, **more})


def trail(*entities: Entity, **more: object) -> Trail:
    given: dict[str, object] = {"reading": Reading(window=WINDOW, entities=entities), "tables": TABLES, **more}
    return Trail(**given)  # type: ignore[arg-type]


def record(id_: str, table: str, round_: int = 1, follows: str = "") -> QueryRecord:
    return QueryRecord(
        id=id_, round=round_, purpose="", table=table, key=id_, status="ok", rows=1, leads_from=follows
    )  # fmt: skip


def volumes(rows: int) -> tuple[Volume, ...]:
    return tuple(
        Volume(table=table, start=WINDOW.start, end=WINDOW.end, rows=(rows,), basis="loaded") for table in TABLES
    )


def test_an_account_is_followed_to_the_end_and_from_the_cloud_a_day_back() -> None:
    machine = leads_from([finding(thing("account", "dalia"))], trail(), Evidence()).leads[0]
    cloud = leads_from([finding(thing("account", "dalia"), table="AuditLogs")], trail(), Evidence()).leads[0]
    assert (machine.start, machine.end) == (NOON - AROUND, WINDOW.end)
    assert (cloud.start, cloud.end) == (NOON - timedelta(days=1), WINDOW.end)


def test_a_host_is_followed_further_where_the_tactic_goes_on_and_reading_it_is_cheap() -> None:
    theft = finding(thing("host", "srv-app"), mitre=Mitre(tactic="Credential Access", id="T1003"))
    end = {
        rows: leads_from([theft], trail(volumes=volumes(rows)), Evidence()).leads[0].end for rows in (1000, TOO_MUCH)
    }
    assert end == {1000: NOON + timedelta(days=1), TOO_MUCH: NOON + AROUND}
    assert leads_from([theft], trail(), Evidence()).leads[0].end == NOON + AROUND
    wiped = finding(thing("host", "srv-app"), mitre=Mitre(tactic="Impact", id="T1490"))
    assert leads_from([wiped], trail(volumes=volumes(1000)), Evidence()).leads[0].end == NOON + AROUND


def test_what_reads_less_comes_first_among_equals() -> None:
    early = tuple(
        Volume(table=name, start=WINDOW.start, end=WINDOW.end, rows=(10,) * 4 + (10_000_000,) * 5, basis="loaded")
        for name in TABLES
    )
    later = NOON + timedelta(days=1)
    far = EvidenceRef(query_id="r1q2", table="DeviceProcessEvents", row=0, time=later)
    dear = finding(thing("host", "ws-2"), query="r1q2", evidence=(far,), time=later)
    past = EvidenceRef(query_id="r1q1", table="DeviceProcessEvents", row=0, time=NOON - timedelta(days=6))
    cheap = finding(thing("host", "ws-1"), evidence=(past,), time=past.time)
    leads = leads_from([dear, cheap], trail(volumes=early), Evidence()).leads
    assert [lead.entity.value for lead in leads] == ["ws-1", "ws-2"]


def test_what_the_question_asked_whole_is_not_asked_again_and_its_thing_is_followed_elsewhere() -> None:
    alice = thing("account", "alice")
    asked = trail(alice, records=(record("r1q1", "SigninLogs"),))
    lead = leads_from([finding(alice, table="SigninLogs")], asked, Evidence()).leads[0]
    assert "SigninLogs" not in lead.tables and {"AuditLogs", "AzureActivity"} <= set(lead.tables)


def test_a_lead_that_was_followed_comes_back_only_for_a_time_that_was_not_seen() -> None:
    host = thing("host", "srv-app")
    first = leads_from([finding(host)], trail(), Evidence()).leads[0]
    known = trail(followed=(first,))
    assert leads_from([finding(host)], known, Evidence()).stopped == NOTHING_LEFT
    later = NOON + timedelta(minutes=90)
    ref = EvidenceRef(query_id="r2q1", table="DeviceProcessEvents", row=0, time=later)
    again = leads_from([finding(host, evidence=(ref,))], known, Evidence()).leads[0]
    assert (again.start, again.end, again.depth) == (first.end, later + AROUND, 2)


def test_the_last_step_is_taken_only_where_the_trail_goes_on() -> None:
    before = Lead(entity=thing("host", "a"), reason="", finding_id="f", time=NOON, depth=MAX_DEPTH - 1)
    records = (record("r1q1", "DeviceProcessEvents"), record("r3q1", "DeviceProcessEvents", 3, "lead host a"))
    old, new = finding(thing("host", "b")), finding(thing("host", "c"), query="r3q1")
    pursuit = leads_from([old, new], trail(followed=(before,), records=records), Evidence())
    assert [lead.entity.value for lead in pursuit.leads] == ["c"]
    stopped = leads_from([old], trail(followed=(before,), records=records), Evidence())
    assert not stopped.leads and "not looked into: host b" in stopped.stopped
    far = before.model_copy(update={"depth": MAX_DEPTH})
    assert not leads_from([new], trail(followed=(far,), records=records), Evidence()).leads


def test_leads_stay_within_the_queries_that_are_left() -> None:
    found = [finding(thing("host", f"ws-{n}"), query=f"r1q{n}") for n in range(6)]
    assert len(leads_from(found, trail(), Evidence()).leads) == 4
    assert len(leads_from(found, trail(queries_left=15), Evidence()).leads) == 2
    assert len(leads_from(found, trail(queries_left=1), Evidence()).leads) == 1


def test_of_many_accounts_those_are_followed_that_were_let_in() -> None:
    rows = pa.table({"UserPrincipalName": ["a@x.example", "b@x.example"], "ResultType": ["50126", "0"]})
    evidence = Evidence([TableRows.collect("SigninLogs", [("r1q1", rows)])])
    refs = tuple(EvidenceRef(query_id="r1q1", table="SigninLogs", row=n, time=NOON) for n in range(2))
    spray = finding(*(thing("account", f"{name}@x.example") for name in "abc"), evidence=refs)
    assert [lead.entity.value for lead in leads_from([spray], trail(), evidence).leads] == ["b@x.example"]


def test_an_address_in_a_command_line_or_behind_a_change_is_followed() -> None:
    caller = '{"user": {"userPrincipalName": "a@x.example", "ipAddress": "203.0.113.9"}}'
    evidence = Evidence([TableRows.collect("AuditLogs", [("r1q1", pa.table({"InitiatedBy": [caller]}))])])
    change = finding(table="AuditLogs", indicators_of_compromise=("203.0.113.8", "10.0.0.1", "http://x.example/"))
    assert {lead.entity.value for lead in leads_from([change], trail(), evidence).leads} == {
        "203.0.113.8", "203.0.113.9",
    }  # fmt: skip


def test_a_models_word_and_a_low_finding_lead_nowhere() -> None:
    host = thing("host", "ws-1")
    weak = (finding(host, detections=()), finding(host, confidence="Low"))
    assert leads_from(weak, trail(), Evidence()).leads == ()
