"""What every statistic owes: rows that exist, claims that hold, current techniques, numbers in the statement."""

from __future__ import annotations

import re
from datetime import timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_analyst.state.findings import Detection
from soc_analyst.tools.attack import AttackCatalog, Technique
from soc_analyst.tools.detections.statistics import STATISTICS
from soc_analyst.tools.detections.statistics.frame import busiest, regular, widest
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.proof.claims import check

from . import test_commands as commands
from . import test_endpoints as endpoints
from . import test_flows as flows
from . import test_identities as identities
from . import test_operations as operations
from . import test_past as past
from . import test_sharing as sharing
from . import test_signins as signins
from .rows import START, Row, evidence, found

CASES: dict[str, tuple[str, list[Row]]] = {
    "guessing": ("SigninLogs", [signins.signin(i * 7 + i % 3, result="50126") for i in range(25)]
                 + [signins.signin(200)]),
    "spray": ("SigninLogs", [signins.signin(i * 20.0, f"u{i}@contoso.com", "50126") for i in range(10)]
              + [signins.signin(230, "u3@contoso.com"), signins.signin(-90000.0, "u3@contoso.com", "50126")]),
    "logons": ("DeviceLogonEvents", [signins.logon(i * 3.0, f"svc{i}", "LogonFailed") for i in range(15)]
               + [signins.logon(20.5, "WS1$", "LogonFailed")]),
    "spread": ("DeviceLogonEvents", [signins.arrival(i * 20.0, i) for i in range(12)]),
    "client": ("SigninLogs", [signins.signin(i * 60.0, f"u{i}@contoso.com", "50126", f"45.77.{i}.9", UserAgent="X")
                              for i in range(14)]),
    "fatigue": ("SigninLogs", [signins.signin(i * 60.0, result="500121") for i in range(5)] + [signins.signin(400)]),
    "travel": ("SigninLogs", signins.journey(1, signins.MOSCOW)),
    "reads": ("AzureActivity", [operations.azure(i, operations.READ, n=i) for i in range(40)]
              + [operations.azure(40000.0, operations.READ)]),
    "roles": ("AuditLogs", [operations.audit(i * 60.0, "Add member to role") for i in range(6)]),
    "brief": ("AuditLogs", [operations.audit(0, "Add user", "t@x.com"),
                            operations.audit(60, "Delete user", "t@x.com")]),
    "weakened": ("AuditLogs", [identities.policy({"conditions.users.excludeUsers": ["a", "b"]})]),
    "tried": ("AuditLogs", [{**operations.audit(i * 60, name), "Result": "failure"}
                            for i, name in enumerate(identities.TRIED)]),
    "devices": ("AuditLogs", [identities.device(i * 60.0, f"PC{i}") for i in range(6)]),
    "rhythm": (flows.TABLE, flows.beats(25)),
    "round": ("DeviceProcessEvents", [endpoints.process(i, line) for i, line in enumerate(endpoints.ROUND)]),
    "beacon": ("DeviceNetworkEvents", endpoints.beacon(30)),
    "scan": ("DeviceNetworkEvents", [endpoints.connection(i, f"10.0.1.{i + 1}", 445) for i in range(40)]),
    "refused": (flows.TABLE, [flows.flow(i * 900.0, 4444.0) for i in range(9)]),
    "volume": (flows.TABLE, flows.hourly(48, 5e9)),
    "renames": ("DeviceFileEvents", [endpoints.renamed(i, f"a{i}.docx.zz", f"a{i}.docx") for i in range(50)]),
    "share": ("DeviceFileEvents", sharing.turned(14, "kq7z")),
    "obscured": ("DeviceProcessEvents", [commands.command(i * 9.0, line) for i, line in enumerate(commands.TRICKY)]),
    "first": ("DeviceProcessEvents", [*commands.history(), commands.command(
        5.9 * commands.DAY, "mshta http://45.77.10.20/a", name="mshta.exe", parent="explorer.exe")]),
    "unlike": ("SigninLogs", [*past.past(), past.entry(5.5 * past.DAY, **past.ABROAD, **past.OTHER)]),
    "new hosts": ("DeviceLogonEvents", past.roaming(6)),
    "rare": ("DeviceProcessEvents", [endpoints.placed(i, f"ws{i % 6}", "tool.exe") for i in range(250)]
             + [endpoints.placed(300, "ws1", "q.exe")]),
    "country": ("SigninLogs", [*past.past(), past.entry(5.5 * past.DAY, country="RO")]),
    "grant": ("AzureActivity", past.operating()),
    "surge": ("DeviceLogonEvents", [*endpoints.failing(60), *endpoints.failed_at_once(40)]),
    "reach": ("DeviceNetworkEvents", endpoints.reaching(8)),
    "note": ("DeviceFileEvents", [endpoints.left(i) for i in range(12)]),
    "run key": ("DeviceRegistryEvents", [*commands.keys(), commands.key("ws1", "Sync", commands.PLACED)]),
    "task": ("DeviceProcessEvents", [*commands.shells(), commands.command(
        400, r'schtasks /create /sc minute /tn "My Sync" /tr C:\Users\Public\s.exe')]),
    "hours": ("SigninLogs", [*past.working(9), past.entry(9 * past.DAY + 16 * past.HOUR)]),
}  # fmt: skip


@pytest.fixture(params=sorted(CASES))
def seen(request: pytest.FixtureRequest) -> tuple[Evidence, list[Detection]]:
    case = evidence(*CASES[request.param])
    detections = found(case)
    assert detections
    return case, detections


def test_every_claim_holds_on_the_rows(seen: tuple[Evidence, list[Detection]]) -> None:
    case, detections = seen
    for detection in detections:
        assert detection.claims
        for claim in detection.claims:
            checked = check(claim, case, {})
            assert checked.verified, f"{detection.rule.id}: {claim.statement}: {checked.detail}"


def test_cited_rows_exist_and_are_few(seen: tuple[Evidence, list[Detection]]) -> None:
    case, detections = seen
    for detection in detections:
        assert 0 < len(detection.rows) <= 25
        assert all(case.row(ref) is not None for ref in detection.rows)
        assert len(set(detection.rows)) == len(detection.rows)


def test_techniques_are_current_and_the_statement_has_numbers(seen: tuple[Evidence, list[Detection]]) -> None:
    catalog = AttackCatalog.bundled()
    for detection in seen[1]:
        assert all(isinstance(catalog.technique(id), Technique) for id in detection.techniques)
        assert all(catalog.tactic_name(short) for short in detection.tactics)
        assert re.search(r"\d", detection.statement)
        assert detection.rule.id.startswith("stat-")


def test_the_same_rows_in_another_order_give_the_same(seen: tuple[Evidence, list[Detection]]) -> None:
    case, detections = seen
    (table,) = case
    backwards = case[table].rows.take(list(range(len(case[table])))[::-1])
    again = found(Evidence([TableRows.collect(table, [("q1", backwards)])]))
    assert sorted((d.rule.id, d.rule.level, d.statement) for d in again) == sorted(
        (d.rule.id, d.rule.level, d.statement) for d in detections
    )


@pytest.mark.parametrize("statistic", STATISTICS, ids=lambda statistic: statistic.__name__)
@pytest.mark.parametrize("table", ["SigninLogs", "AuditLogs", "AzureActivity", "DeviceProcessEvents", flows.TABLE])
def test_nothing_comes_of_nothing(statistic: object, table: str) -> None:
    assert callable(statistic)
    times = pa.array([None, START, START + timedelta(seconds=1)], pa.timestamp("us", tz="UTC"))
    for rows in (pa.table({}), pa.table({"TimeGenerated": times}), pa.table({"Caller": ["a"]})):
        assert list(statistic(Evidence([TableRows.collect(table, [("q1", rows)])]))) == []


WRONG = {
    "nothing": pa.nulls(60),
    "numbers": pa.array([float("nan"), 1e300, -1.0, None] * 15),
    "truths": pa.array([True, False, None] * 20),
    "lists": pa.array([[1, 2]] * 60),
    "bags": pa.array([{"a": "x"}] * 60),
    "bytes": pa.array([b"\xff"] * 60),
    "control characters": pa.array(["\0", "\u202e{", '[{"', "1e999", "", None] * 10),
    "long texts": pa.array(["powershell '+' {1}" * 20_000, "cmd ^" * 50_000, "x"] * 20),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("table", sorted({table for table, _ in CASES.values()}))
def test_columns_of_another_type_are_borne(table: str, wrong: str) -> None:
    names = {name for of, rows in CASES.values() if of == table for row in rows for name in row}
    times = pa.array([START + timedelta(hours=hour) for hour in range(60)], pa.timestamp("us", tz="UTC"))
    rows = pa.table({**dict.fromkeys(sorted(names), WRONG[wrong]), "TimeGenerated": times})
    for detection in found(Evidence([TableRows.collect(table, [("q1", rows)])])):
        assert detection.rows


def test_rows_without_a_time_take_no_part() -> None:
    rows = [{**signins.signin(0, result="50126"), "TimeGenerated": None} for _ in range(50)]
    assert found(evidence("SigninLogs", [*rows, signins.signin(1)])) == []


ordered = st.lists(st.integers(0, 5000), max_size=60).map(sorted)


@given(ordered, st.integers(1, 2000))
@settings(max_examples=60, deadline=None)
def test_the_busiest_stretch_is_as_busy_as_any(times: list[int], seconds: int) -> None:
    start, end = busiest(times, seconds)
    assert all(times[end - 1] - times[start] <= seconds for _ in range(end > start))
    assert end - start == max((sum(t <= u <= t + seconds for u in times) for t in times), default=0)


@given(ordered, st.data())
@settings(max_examples=60, deadline=None)
def test_the_widest_stretch_is_as_wide_as_any(times: list[int], data: st.DataObject) -> None:
    values = data.draw(st.lists(st.sampled_from("abcde"), min_size=len(times), max_size=len(times)))
    start, end = widest(times, values, 500)
    best = max((len({v for u, v in zip(times, values, strict=True) if t <= u <= t + 500}) for t in times), default=0)
    assert len(set(values[start:end])) == best


@pytest.mark.parametrize(
    ("times", "gap"),
    [([0, 60, 121, 179, 240], 60.5), ([0, 1, 500, 501, 502], 0.0), ([], 0.0), ([5], 0.0), ([7, 7, 7], 0.0)],
)
def test_rhythm(times: list[float], gap: float) -> None:
    assert regular(times, 0.1) == gap
