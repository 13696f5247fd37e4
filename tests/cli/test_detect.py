import json
from pathlib import Path

import pytest
import yaml

from soc_analyst.cli.app import run
from soc_analyst.tools.detections import load_rules
from tests.graph.workspace import process, small, write

RULE = """
title: Word starts a shell
id: 6b5f0a3e-3b57-4a7e-9a0f-0c1f6f0d9f11
description: A shell started by Word.
author: A. Nalyst
license: MIT
logsource: {product: windows, category: process_creation}
detection:
  selection:
    DeviceName|contains: ws
  condition: selection
tags: [attack.t1059]
level: critical
"""


def detect(home: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    logs = home / "logs" if (home / "logs").exists() else small(home / "logs")
    status = run(["detect", "--workspace", str(logs), "--data-dir", str(home / "data"), *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_detections_cite_rows_that_were_read_and_prove_their_claims(tmp_path, capsys) -> None:
    status, out, _ = detect(tmp_path, capsys, "--json")
    found = json.loads(out)
    assert status == 0
    assert found["detections"]
    for detection in found["detections"]:
        assert len(detection["log_lines"]) == len(detection["evidence"]) > 0
        assert all(isinstance(json.loads(line), dict) for line in detection["log_lines"])
        assert detection["claims"]
        assert all(claim["verified"] for claim in detection["claims"])


def test_only_the_tables_named_are_read(tmp_path, capsys) -> None:
    _, out, _ = detect(tmp_path, capsys, "--json", "--table", "DeviceProcessEvents")
    found = json.loads(out)
    assert [entry["table"] for entry in found["tables"]] == ["DeviceProcessEvents"]
    assert {detection["table"] for detection in found["detections"]} == {"DeviceProcessEvents"}


def test_own_rules_fire_with_their_author_and_licence(tmp_path, capsys) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "own.yml").write_text(RULE)
    (rules / "broken.yml").write_text("title: [unclosed\n")
    _, out, _ = detect(tmp_path, capsys, "--json", "--sigma-rules", str(rules), "--level", "critical")
    found = json.loads(out)
    own = [detection for detection in found["detections"] if detection["title"] == "Word starts a shell"]
    assert own
    assert own[0]["author"] == "A. Nalyst"
    assert own[0]["license"] == "MIT"
    assert any("broken.yml:" in warning for warning in found["warnings"])


def test_a_row_budget_is_kept_and_said(tmp_path, capsys) -> None:
    _, out, _ = detect(tmp_path, capsys, "--json", "--table", "DeviceProcessEvents", "--max-rows", "3")
    table = json.loads(out)["tables"][0]
    assert table["rows"] == 3
    assert "--max-rows" in table["note"]


@pytest.mark.parametrize("policy", ["", "row_cap: 4\n"], ids=["whole", "paged"])
def test_a_row_budget_goes_where_rows_are(tmp_path, capsys, policy: str) -> None:
    (tmp_path / "policy.yaml").write_text(policy)
    own = ("--policy", str(tmp_path / "policy.yaml")) if policy else ()
    _, out, _ = detect(tmp_path, capsys, "--json", "--max-rows", "30", *own)
    read = {one["table"]: one for one in json.loads(out)["tables"] if one["rows_in_window"]}
    assert {name: (one["rows"], one["rows_in_window"]) for name, one in read.items()} == {
        "DeviceProcessEvents": (22, 42),
        "SigninLogs": (8, 8),
    }
    assert "newest 22 of 42 rows" in read["DeviceProcessEvents"]["note"]
    assert read["SigninLogs"]["note"] == ""
    _, out, _ = detect(tmp_path, capsys, "--max-rows", "30", *own)
    assert "in 30 of 50 rows of" in out and "DeviceProcessEvents  22 of 42" in out
    _, out, _ = detect(tmp_path, capsys, "--json", "--max-rows", "50", *own)
    assert all(one["rows"] == one["rows_in_window"] and not one["note"] for one in json.loads(out)["tables"])


def test_pages_together_hold_what_one_page_holds(tmp_path, capsys) -> None:
    whole = json.loads(detect(tmp_path, capsys, "--json", "--table", "DeviceProcessEvents")[1])
    policy = tmp_path / "policy.yaml"
    policy.write_text("row_cap: 4\n")
    paged = json.loads(detect(tmp_path, capsys, "--json", "--table", "DeviceProcessEvents", "--policy", str(policy))[1])
    assert paged["tables"][0]["rows"] == whole["tables"][0]["rows"] > 4
    titles = [sorted(each["title"] for each in found["detections"]) for found in (whole, paged)]
    assert titles[0] == titles[1]


def test_a_table_that_is_too_much_to_read_is_left_out_and_said(tmp_path, capsys) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("max_scan_gb: 0.000005\n")
    status, out, _ = detect(tmp_path, capsys, "--json", "--policy", str(policy))
    processes, signins = (
        next(entry for entry in json.loads(out)["tables"] if entry["table"] == name)
        for name in ("DeviceProcessEvents", "SigninLogs")
    )
    assert status == 0 and processes["rows"] == 0 and signins["rows"] == 8
    assert "policy lets a query read 5 kB" in processes["note"] and "which fits" in processes["note"]
    policy.write_text("max_scan_gb: 0.000005\ntables: {DeviceProcessEvents: default}\n")
    status, out, err = detect(tmp_path, capsys, "--policy", str(policy))
    assert (status, out) == (4, "") and "policy lets a query read 5 kB" in err and "--since" in err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--table", "Nothing"], 2, "DeviceProcessEvents"),
        (["--level", "loud"], 2, "critical"),
        (["--since", "1999-01-01", "--until", "1999-01-02"], 4, "--since"),
        (["--sigma-rules", "/nowhere"], 2, "folder"),
    ],
)
def test_what_cannot_be_done_is_one_line(tmp_path, capsys, arguments, status, said) -> None:
    found, out, err = detect(tmp_path, capsys, *arguments)
    assert (found, out) == (status, "")
    assert err.count("\n") == 1
    assert said in err


def test_a_person_reads_level_title_and_what_was_seen(tmp_path, capsys) -> None:
    status, out, _ = detect(tmp_path, capsys, "--level", "medium")
    assert status == 0
    assert "detections" in out
    assert "DeviceProcessEvents ·" in out


ENCODED = "PowerShell run with an encoded command"


def test_a_rule_as_kql_is_a_query_that_runs_as_it_is(tmp_path, capsys) -> None:
    status, kql, _ = detect(tmp_path, capsys, "--as-kql", ENCODED.upper())
    assert status == 0
    assert kql.startswith(f"// {ENCODED} (")
    (tmp_path / "rule.kql").write_text(kql)
    assert run(["check-query", str(tmp_path / "rule.kql")]) == 0


def test_a_users_rule_is_written_for_sentinel(tmp_path, capsys) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.yml").write_text(RULE)
    own = ("--sigma-rules", str(tmp_path / "rules"), "--as-sentinel", "6b5f0a3e-3b57-4a7e-9a0f-0c1f6f0d9f11")
    status, out, _ = detect(tmp_path, capsys, *own)
    found = yaml.safe_load(out)
    assert status == 0
    assert (found["name"], found["severity"], found["tactics"]) == ("Word starts a shell", "High", ["Execution"])
    assert "Rule by A. Nalyst, MIT." in found["description"]


def test_a_logged_finding_stands_for_the_rules_it_rests_on(tmp_path, capsys) -> None:
    detect(tmp_path, capsys, "--json")
    where = ["--workspace", str(tmp_path / "logs"), "--data-dir", str(tmp_path / "data")]
    run(["hunt", "Suspicious PowerShell on ws-1 in the last day", "--json", *where])
    report = json.loads(capsys.readouterr().out)
    finding = next(one for one in report["findings"] if one["confidence"] != "Low")
    status, out, _ = detect(tmp_path, capsys, "--as-sentinel", finding["id"])
    assert status == 0
    names = {rule["name"] for rule in yaml.safe_load_all(out)}
    assert names
    assert names <= {rule["title"] for rule in finding["detections"]}
    assert report["attack_version"] == "19"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("PowerShell run with encoded command", "did you mean 'powershell run with an encoded command'"),
        ("stat-beaconing", "is a statistic"),
        ("f-0000000000000000", "is no finding of the log"),
        ("qqqq", "is no id or title of a rule; "),
    ],
)
def test_what_is_no_rule_is_one_line(tmp_path, capsys, wanted: str, said: str) -> None:
    status, out, err = detect(tmp_path, capsys, "--as-kql", wanted)
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_attack_data_that_is_none_is_one_line(tmp_path, capsys) -> None:
    (tmp_path / "attack.json").write_text("{}")
    status, _, err = detect(tmp_path, capsys, "--attack-data", str(tmp_path / "attack.json"))
    assert status == 2
    assert "is no STIX 2 bundle" in err
    assert err.count("\n") == 1


def test_what_is_known_to_be_good_is_lowered_and_says_why(tmp_path, capsys) -> None:
    known = tmp_path / "known-good.yaml"
    told = "  owner: ops\n  reason: drill\n  expires: 2099-01-01\n"
    known.write_text(f"- hosts: [ws-1]\n  rules: [{ENCODED}]\n{told}- hosts: [ws-1]\n{told}")
    _, before, _ = detect(tmp_path, capsys, "--json", "--level", "medium")
    _, after, _ = detect(tmp_path, capsys, "--json", "--level", "low", "--known-good", str(known))
    raised = {each["id"] for each in json.loads(before)["detections"] if each["level"] != "critical"}
    lowered = {each["id"]: each for each in json.loads(after)["detections"]}
    assert raised
    for id_ in raised:
        assert lowered[id_]["weighed_as"] == "low"
        assert lowered[id_]["notes"][0].startswith("Known good until 2099-01-01, says ops: drill.")


def test_a_hunt_tells_a_known_good_finding_as_low(tmp_path, capsys) -> None:
    known = tmp_path / "known-good.yaml"
    names = [rule.title for rule in load_rules().rules if rule.level == "critical"]
    told = "  owner: ops\n  reason: drill\n  expires: 2099-01-01\n"
    known.write_text(f"- hosts: [ws-1]\n{told}- hosts: [ws-1]\n  rules: {json.dumps(names)}\n{told}")
    logs = small(tmp_path / "logs")
    where = ["--workspace", str(logs), "--data-dir", str(tmp_path / "data"), "--known-good", str(known)]
    assert run(["hunt", "Suspicious PowerShell on ws-1 in the last day", "--json", *where]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert findings
    assert {finding["confidence"] for finding in findings} == {"Low"}
    assert any("Known good until 2099-01-01" in finding["notes"] for finding in findings)


def test_faults_of_a_known_good_file_are_lines_of_their_own(tmp_path, capsys) -> None:
    known = tmp_path / "known-good.yaml"
    known.write_text("- hosts: [ws-1]\n- paths: ['*']\n  owner: a\n  reason: b\n  expires: 2099-01-01\n")
    status, out, err = detect(tmp_path, capsys, "--known-good", str(known))
    assert (status, out) == (2, "")
    assert f"{known}:1: the entry needs `owner`" in err
    assert f"{known}:2: paths: '*' covers too much" in err


def test_many_pages_by_time_hold_what_one_holds_and_copies_stand_once(tmp_path, capsys) -> None:
    logs = small(tmp_path / "logs")
    rows = [process(n % 7 * 300, "ws-3", f"notepad.exe {n}.txt") for n in range(60)]
    write(logs, "DeviceProcessEvents", [*rows, *rows[:5]])
    policy = tmp_path / "policy.yaml"
    policy.write_text("row_cap: 20\n")
    own = ("--json", "--table", "DeviceProcessEvents", "--policy", str(policy))
    entry = json.loads(detect(tmp_path, capsys, *own)[1])["tables"][0]
    assert (entry["rows"], entry["rows_in_window"], entry["note"]) == (60, 65, "")
    entry = json.loads(detect(tmp_path, capsys, *own, "--max-rows", "65")[1])["tables"][0]
    assert (entry["rows"], entry["note"]) == (60, "")


def test_rows_that_could_not_be_read_are_counted(tmp_path, capsys) -> None:
    logs = small(tmp_path / "logs")
    with (logs / "DeviceProcessEvents.jsonl").open("a") as file:
        file.write('{"TimeGenerated": "never", "FileName": "a.exe"}\n{broken\n')
    said = "DeviceProcessEvents.jsonl: 2 of 44 rows left out (1 cannot be read, 1 have no valid TimeGenerated)"
    assert said in json.loads(detect(tmp_path, capsys, "--json")[1])["warnings"]
    assert json.loads(detect(tmp_path, capsys, "--json", "--table", "SigninLogs")[1])["warnings"] == []
