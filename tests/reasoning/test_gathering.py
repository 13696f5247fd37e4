"""One act is told once: a spray, not each account it met; an alert, not each thing it names."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from soc_analyst.state.entities import Entity, Reading, TimeWindow
from soc_analyst.state.findings import Claim, Finding, Mitre, Rule
from soc_analyst.state.queries import Condition, Operator
from soc_analyst.tools.attack import AttackCatalog
from soc_analyst.tools.detections import detect, load_rules
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.logs.tables import load_tables
from soc_analyst.tools.reasoning.base import CaseFile
from soc_analyst.tools.reasoning.by_rules.analyst import RulesAnalyst
from soc_analyst.tools.reasoning.by_rules.gathering import gathered

START = datetime(2026, 3, 4, 9, tzinfo=UTC)
SPRAYER, ELSEWHERE = "198.51.100.213", "192.0.2.77"
SCHEMAS = load_tables()
Row = dict[str, Any]


def tried(account: str, source: str, minute: float, result: str = "50126") -> Row:
    return {
        "TimeGenerated": START + timedelta(minutes=minute),
        "UserPrincipalName": f"{account}@contoso.com",
        "IPAddress": source,
        "ResultType": result,
        "UserAgent": "python-requests/2.31.0",
        "AppDisplayName": "Office 365 Exchange Online",
    }


def spray(accounts: int = 12) -> list[Row]:
    return [tried(f"user{n}", SPRAYER, n) for n in range(accounts)]


def found(**tables: list[Row]) -> tuple[Finding, ...]:
    """Return the findings above Low."""
    evidence = Evidence(_collected(name, rows) for name, rows in tables.items())
    detections = detect(evidence, rules=load_rules(), tables=SCHEMAS)
    reading = Reading(window=TimeWindow(start=START, end=START + timedelta(days=1)))
    told = RulesAnalyst(AttackCatalog.bundled()).analyse(CaseFile(reading, evidence, detections, (), SCHEMAS))
    return tuple(finding for finding in told.findings if finding.confidence != "Low")


def _collected(name: str, rows: Iterable[Row]) -> TableRows:
    return TableRows.collect(name, [("q1", pa.Table.from_pylist(list(rows)))])


def subjects(findings: Iterable[Finding]) -> set[tuple[str, str]]:
    return {(finding.mitre.id, finding.entities[0].value) for finding in findings}


def test_a_spray_is_one_finding_and_says_how_often_other_rules_spoke() -> None:
    (finding,) = found(SigninLogs=spray())
    assert finding.mitre.id == "T1110.003"
    assert finding.entities[0].value == SPRAYER
    assert "Part of it: “Password tried by a bulk client library” 12 times" in finding.notes
    assert {"Failed sign-ins to many accounts", "Password tried by a bulk client library"} <= {
        rule.title for rule in finding.detections
    }


def test_a_try_from_elsewhere_and_what_the_spray_got_are_told_apart() -> None:
    rows = [*spray(), tried("user3", ELSEWHERE, 5), tried("user7", SPRAYER, 14, result="0")]
    assert {("T1110.003", SPRAYER), ("T1110", "user3@contoso.com"), ("T1078.004", "user7@contoso.com")} <= subjects(
        found(SigninLogs=rows)
    )


def test_a_few_tries_are_no_spray_and_are_told_of_each_account() -> None:
    assert subjects(found(SigninLogs=spray(3))) == {("T1110", f"user{n}@contoso.com") for n in range(3)}


def test_an_alert_is_one_finding_that_names_all_its_things() -> None:
    things: list[Row] = [{"DeviceName": "ws-1"}, {"DeviceName": "ws-2"}, {"AccountUpn": "eva@contoso.com"}]
    rows: list[Row] = [
        {"TimeGenerated": START, "AlertId": "a1", "Title": "Credentials dumped", "EvidenceRole": "Impacted",
         "Categories": '["CredentialAccess"]', "Severity": "High", "DeviceName": "", "AccountUpn": "", **thing}
        for thing in things
    ]  # fmt: skip
    other = {**rows[0], "AlertId": "a2", "DeviceName": "ws-3"}
    first, second = sorted(found(AlertEvidence=[*rows, other]), key=lambda finding: -len(finding.entities))
    assert {entity.value for entity in first.entities} == {"ws-1", "ws-2", "eva@contoso.com"}
    assert {entity.value for entity in second.entities} == {"ws-3"}


@pytest.mark.parametrize("where", [("DeviceName", "!~", "ws-1"), ("FileName", "=~", "powershell.exe")])
def test_what_a_statistic_holds_for_its_baseline_is_no_part_of_its_act(where: tuple[str, Operator, str]) -> None:
    rows = TableRows.collect("DeviceProcessEvents", [("q1", pa.Table.from_pylist(
        [{"TimeGenerated": START, "DeviceName": f"ws-{n}", "FileName": "powershell.exe"} for n in (1, 2)]
    ))])  # fmt: skip
    column, op, value = where
    baseline = Claim(
        kind="count", statement="40 rows, which are the baseline", table="DeviceProcessEvents", expected=40,
        where=(Condition(column=column, op=op, values=(value,)),),
    )  # fmt: skip
    told = [
        (f"ws-{n}", Finding(
            id=f"f-{n}", title=f"Act on ws-{n}", description="", confidence="High", time=START,
            mitre=Mitre(id="T1059.001"), entities=(Entity(kind="host", value=f"ws-{n}"),), evidence=rows.refs([n - 1]),
            detections=(Rule(id="stat-rare", title="Rare", level="high"),), claims=(baseline,) if n == 1 else (),
        ))
        for n in (1, 2)
    ]  # fmt: skip
    assert [subject for subject, _ in gathered(told, Evidence([rows]))] == ["ws-1", "ws-2"]
