"""Sigma correlations over rows of our tables: they fire at their threshold, and not one event below it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from soc_analyst.state.findings import Detection
from soc_analyst.tools.detections import RuleSet, detect, fired_again, load_rules
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.proof.claims import check

START = datetime(2026, 3, 4, 12, tzinfo=UTC)
FAILED = """
title: Failed logon
name: failed_logon
id: 11111111-0000-4000-8000-000000000001
logsource: {product: windows, category: logon}
detection: {s: {ActionType: LogonFailed}, condition: s}
level: low
"""
GOOD = """
title: Logon
name: logon
id: 11111111-0000-4000-8000-000000000002
logsource: {product: windows, category: logon}
detection: {s: {ActionType: LogonSuccess}, condition: s}
level: low
"""
START_OF_SHELL = """
title: Shell
name: shell
id: 11111111-0000-4000-8000-000000000003
logsource: {product: windows, category: process_creation}
detection: {s: {FileName: cmd.exe}, condition: s}
level: low
"""
HEAD = """
title: Together
id: 11111111-0000-4000-8000-000000000009
author: A. Nalyst
license: MIT
level: high
tags: [attack.t1110, attack.credential-access]
"""


def correlation(text: str) -> str:
    return HEAD + "correlation:\n" + "\n".join(f"  {line}" for line in text.strip().splitlines())


def ruleset(folder: Path, *documents: str) -> RuleSet:
    folder.joinpath("rules.yml").write_text("\n---\n".join(documents), encoding="utf-8")
    own = load_rules([folder])
    kept = tuple(rule for rule in own.rules if rule.id.startswith("11111111"))
    return RuleSet(kept, own.faults, own.unsupported)


def logons(*events: tuple[int, str, str, str]) -> Evidence:
    return evidence("DeviceLogonEvents", [
        {"TimeGenerated": START + timedelta(seconds=at), "ActionType": action, "AccountName": name, "DeviceName": host,
         "RemoteIP": f"10.0.0.{at % 200}"}
        for at, action, name, host in events
    ])  # fmt: skip


def evidence(table: str, rows: list[dict[str, Any]], *more: tuple[str, list[dict[str, Any]]]) -> Evidence:
    return Evidence(
        TableRows.collect(name, [("q1", pa.Table.from_pylist(each))]) for name, each in ((table, rows), *more)
    )


def found(rules: RuleSet, rows: Evidence) -> list[Detection]:
    own = [detection for detection in detect(rows, rules=rules) if detection.rule.id.startswith("11111111")]
    for detection in own:
        assert detection.claims
        again = fired_again({detection.rule.id}, rows, rules=rules)
        assert all(check(claim, rows, {}, again).verified for claim in detection.claims)
    return own


COUNT = correlation(
    "type: event_count\nrules: failed_logon\ngroup-by: [AccountName]\ntimespan: 5m\ncondition: {gte: 4}"
)


@pytest.mark.parametrize(
    ("seconds", "fires"),
    [([0, 100, 200, 300], True), ([0, 100, 200, 301], False), ([0, 100, 200], False), ([0, 1, 2, 3, 900], True)],
)
def test_events_are_counted_within_the_time_span(tmp_path: Path, seconds: list[int], fires: bool) -> None:
    rules = ruleset(tmp_path, FAILED, COUNT)
    detections = found(rules, logons(*((at, "LogonFailed", "bob", "ws-1") for at in seconds)))
    assert [detection.rule.title for detection in detections] == (["Together"] if fires else [])
    if fires:
        assert detections[0].rule.author == "A. Nalyst"
        assert detections[0].techniques == ("T1110",)
        assert "4 of “Failed logon” with AccountName bob" in detections[0].statement


def test_groups_are_counted_apart(tmp_path: Path) -> None:
    rules = ruleset(tmp_path, FAILED, COUNT)
    rows = logons(*((at, "LogonFailed", ("bob", "Eve")[at % 2], "ws-1") for at in range(7)))
    assert [d.statement.partition(" with ")[2].split(" (")[0] for d in found(rules, rows)] == ["AccountName bob"]


def test_distinct_values_are_counted(tmp_path: Path) -> None:
    spray = correlation(
        "type: value_count\nrules: [failed_logon]\ngroup-by: [DeviceName]\ntimespan: 10m\n"
        "condition: {gte: 3, field: AccountName}"
    )
    rules = ruleset(tmp_path, FAILED, spray)
    assert found(rules, logons(*((at, "LogonFailed", f"user{at}", "dc-1") for at in range(3))))
    assert not found(rules, logons(*((at, "LogonFailed", f"user{at % 2}", "dc-1") for at in range(9))))


def test_rules_of_two_tables_meet_in_a_shared_entity(tmp_path: Path) -> None:
    both = correlation(
        "type: temporal\nrules: [failed_logon, shell]\ngroup-by: [who]\ntimespan: 10m\n"
        "aliases:\n  who: {failed_logon: AccountName, shell: User}"
    )
    rules = ruleset(tmp_path, FAILED, START_OF_SHELL, both)

    def rows(name: str, at: int) -> Evidence:
        logon = {"TimeGenerated": START, "ActionType": "LogonFailed", "AccountName": "bob", "DeviceName": "a"}
        shell = {"TimeGenerated": START + timedelta(seconds=at), "FileName": "cmd.exe", "AccountName": name,
                 "AccountDomain": "", "DeviceName": "b"}  # fmt: skip
        return evidence("DeviceLogonEvents", [logon], ("DeviceProcessEvents", [shell]))

    assert [{ref.table for ref in d.rows} for d in found(rules, rows("BOB", 600))] == [
        {"DeviceLogonEvents", "DeviceProcessEvents"}
    ]
    assert not found(rules, rows("eve", 600))
    assert not found(rules, rows("bob", 601))


def test_order_matters_where_it_is_asked_for(tmp_path: Path) -> None:
    ordered = correlation("type: temporal_ordered\nrules: [failed_logon, logon]\ngroup-by: [AccountName]\ntimespan: 1m")
    rules = ruleset(tmp_path, FAILED, GOOD, ordered)
    first, then = (0, "LogonFailed", "bob", "ws-1"), (30, "LogonSuccess", "bob", "ws-1")
    [detection] = found(rules, logons(first, then))
    assert {claim.kind for claim in detection.claims} == {"detected", "exists", "order"}
    assert not found(rules, logons((0, "LogonSuccess", "bob", "ws-1"), (30, "LogonFailed", "bob", "ws-1")))


def test_a_condition_over_rules_is_kept_to(tmp_path: Path) -> None:
    but_not = correlation(
        "type: temporal\nrules: [failed_logon, logon]\ngroup-by: [AccountName]\ntimespan: 1m\n"
        "condition: failed_logon and not logon"
    )
    rules = ruleset(tmp_path, FAILED, GOOD, but_not)
    assert found(rules, logons((0, "LogonFailed", "bob", "ws-1")))
    assert not found(rules, logons((0, "LogonFailed", "bob", "ws-1"), (5, "LogonSuccess", "bob", "ws-1")))


def test_rules_of_a_correlation_speak_for_themselves_only_if_told(tmp_path: Path) -> None:
    rows = logons(*((at, "LogonFailed", "bob", "ws-1") for at in range(4)))
    silent = found(ruleset(tmp_path, FAILED, COUNT), rows)
    both = found(ruleset(tmp_path, FAILED, COUNT + "\n  generate: true"), rows)
    assert [detection.rule.title for detection in silent] == ["Together"]
    assert sorted(detection.rule.title for detection in both) == ["Failed logon", "Together"]


@pytest.mark.parametrize(("count", "fires"), [(5, False), (6, True)])
def test_the_older_form_of_a_count_is_understood(tmp_path: Path, count: int, fires: bool) -> None:
    old = FAILED.replace("condition: s}", "condition: 's | count() by AccountName > 5', timeframe: 10m}")
    rows = logons(*((at, "LogonFailed", "bob", "ws-1") for at in range(count)))
    assert bool(found(ruleset(tmp_path, old), rows)) is fires


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("type: event_count\nrules: nowhere\ntimespan: 1m\ncondition: {gte: 1}", "nowhere"),
        ("type: event_count\nrules: failed_logon\ntimespan: 1q\ncondition: {gte: 1}", "1q"),
        ("type: event_count\nrules: failed_logon\ntimespan: 1m\ncondition: {gte: a}", "a"),
        ("type: sometimes\nrules: failed_logon\ntimespan: 1m", "sometimes"),
        ("type: value_count\nrules: failed_logon\ntimespan: 1m\ncondition: {gte: 1}", "field"),
    ],
)
def test_what_is_wrong_with_a_correlation_is_said(tmp_path: Path, text: str, said: str) -> None:
    rules = ruleset(tmp_path, FAILED, correlation(text))
    [fault] = rules.faults
    assert "rules.yml" in fault.path
    assert said in fault.message


def test_a_correlation_of_correlations_is_counted_as_unsupported(tmp_path: Path) -> None:
    outer = correlation("type: event_count\nrules: inner\ntimespan: 1m\ncondition: {gte: 1}")
    inner = COUNT.replace("title: Together", "title: Inner\nname: inner").replace("000000000009", "000000000008")
    rules = ruleset(tmp_path, FAILED, inner, outer)
    assert rules.unsupported == {"correlation of correlations": 1}
