import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from soc_analyst.cli.app import run
from tests.graph.workspace import small

ROOT = Path(__file__).parents[2]
REPORT_KEYS = {
    "schema_version", "thread_id", "question", "model", "policy_hash", "outcome", "summary", "window", "entities",
    "findings",
    "timeline", "hypotheses", "queries", "coverage", "rounds", "usage", "warnings",
}  # fmt: skip
FINDING_KEYS = {
    "title", "description", "mitre", "log_lines", "confidence", "recommendations",
    "indicators_of_compromise", "tags", "notes",
    "id", "time", "entities", "evidence", "detections", "claims",
}  # fmt: skip
QUERY_KEYS = {
    "id", "round", "purpose", "table", "kql", "status", "rows", "truncated", "elapsed_ms", "diagnostics",
    "estimate", "scanned",
}  # fmt: skip


class Line:
    """One command line on a small workspace."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.logs, self.home, self.capsys = small(home / "logs"), home / "home", capsys

    def __call__(self, *arguments: str, workspace: bool = True) -> tuple[int, str, str]:
        where = ["--workspace", str(self.logs)] if workspace else []
        status = run([*arguments, *where, "--data-dir", str(self.home)])
        out, err = self.capsys.readouterr()
        return status, out, err


@pytest.fixture
def line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Line:
    return Line(tmp_path, capsys)


def test_the_report_is_the_contract_and_alone_on_standard_output(line: Line) -> None:
    status, out, _ = line("hunt", "Anything suspicious on host ws-1 in the last day?", "--json", "--thread", "case-1")
    report = json.loads(out)
    assert status == 0
    assert set(report) >= REPORT_KEYS
    assert report["thread_id"] == "case-1"
    assert report["findings"]
    for finding in report["findings"]:
        assert set(finding) >= FINDING_KEYS
        assert set(finding["mitre"]) == {"tactic", "technique", "sub_technique", "id", "description"}
        assert set(finding["evidence"][0]) == {"query_id", "table", "row", "time"}
        assert all(isinstance(json.loads(text), dict) for text in finding["log_lines"])
    for query in report["queries"]:
        assert set(query) == QUERY_KEYS
    again = line("report", "case-1", "--format", "json", workspace=False)[1]
    assert json.loads(again) == report


def test_a_person_sees_the_verdict_the_finding_and_what_was_not_seen(line: Line) -> None:
    status, out, err = line("hunt", "Anything suspicious on host ws-1 in the last day?")
    assert status == 0
    for words in ("CONFIRMED", "ws-1", "T1059.001", "Coverage", "DeviceProcessEvents", "verified"):
        assert words in out
    assert "http://203" not in out
    assert "Round 1" in err


def test_what_was_done_is_listed(line: Line) -> None:
    line("hunt", "Anything suspicious on host ws-1 in the last day?", "--thread", "case-9")
    assert "case-9" in line("threads", workspace=False)[1]
    status, out, _ = line("threats", "--confidence", "High", "--json", workspace=False)
    entries = [json.loads(text) for text in out.splitlines()]
    assert status == 0
    assert {entry["thread_id"] for entry in entries} == {"case-9"}
    assert line("threats", "--since", "2999-01-01", "--json", workspace=False)[1] == ""
    markdown = line("report", "case-9", workspace=False)[1]
    assert markdown.startswith("# Confirmed")
    assert "```kql" in markdown


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["hunt", ""], 2, "empty"),
        (["hunt", "x" * 100_000], 2, ""),
        (["hunt", "What happened on 2026-02-30?"], 2, ""),
        (["hunt", "what happened between 2026-03-04 10:00 and 2026-03-04 09:00 UTC?"], 2, ""),
        (["hunt", "anything?", "--since", "2026-03-04", "--until", "2026-03-03"], 2, ""),
        (["hunt", "anything?", "--model", "openai:gpt-0"], 2, "--model"),
        (["hunt", "anything?", "--max-rounds", "0"], 2, "--max-rounds"),
        (["hunt", "anything?", "--thread", "../up"], 2, "thread"),
        (["hunt", "anything?", "--policy", "/nowhere.yaml"], 2, "nowhere"),
        (["hunt", "anything?", "--sigma-rules", "/nowhere"], 2, "nowhere"),
        (["hunt", "anything?", "--json-please"], 2, "--help"),
        (["hunt", "Anything suspicious on host ws-99 in the last day?", "--json"], 4, ""),
        (["resume", "case-none"], 2, "no such case"),
        (["report", "case-none"], 2, "no such case"),
        (["threats", "--since", "yesterday"], 2, "ISO"),
        (["tables", "NoSuchTable"], 2, "NoSuchTable"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_with_the_status_of_the_contract(
    line: Line, arguments: list[str], status: int, words: str
) -> None:
    plain = arguments[0] in ("resume", "report", "threats", "tables")
    got = (
        line(*arguments, workspace=not plain)
        if arguments[0] != "tables"
        else (run(arguments), *line.capsys.readouterr())
    )
    assert got[0] == status
    if status == 2:
        assert got[2].startswith("soc-analyst: ")
        assert got[2].count("\n") == 1
        assert words in got[2]
        assert got[1] == ""


def broken(folder: Path, kind: str) -> Path:
    if kind == "missing":
        return folder / "nowhere"
    folder.mkdir()
    if kind == "truncated":
        (folder / "SigninLogs.parquet").write_bytes(b"PAR1 and then nothing")
    elif kind == "a folder for a file":
        (folder / "SigninLogs.csv").mkdir()
    return folder


@pytest.mark.parametrize("kind", ["missing", "empty", "truncated", "a folder for a file"])
def test_a_workspace_that_cannot_be_read_is_one_line(line: Line, tmp_path: Path, kind: str) -> None:
    folder = broken(tmp_path / "broken", kind)
    status = run(["hunt", "anything odd?", "--workspace", str(folder), "--data-dir", str(line.home)])
    out, err = line.capsys.readouterr()
    assert status in (2, 4)
    assert out == ""
    assert err.startswith("soc-analyst: ")
    assert err.count("\n") == 1
    assert not list((line.home / "workspaces").glob("*.duckdb")) if (line.home / "workspaces").exists() else True


def test_a_broken_policy_names_its_line_and_key(line: Line, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("max_window_days: 30\nrow_capp: 5\n")
    status, _, err = line("hunt", "anything odd?", "--policy", str(policy))
    assert status == 2
    assert "policy.yaml:2" in err
    assert "row_capp" in err


def test_an_unwritable_data_folder_is_one_line(line: Line, tmp_path: Path) -> None:
    occupied = tmp_path / "occupied"
    occupied.write_text("")
    status = run(["hunt", "anything odd?", "--workspace", str(line.logs), "--data-dir", str(occupied)])
    assert status == 2
    assert "--data-dir" in line.capsys.readouterr().err


def test_the_guard_speaks_the_contract(line: Line, tmp_path: Path) -> None:
    query = tmp_path / "hunt.kql"
    query.write_text("DeviceProcessEvents | where FileNam =~ 'x' | take 5")
    status = run(["check-query", str(query), "--json"])
    verdict = json.loads(line.capsys.readouterr().out)
    assert status == 3
    assert set(verdict) == {"allowed", "diagnostics", "rendered", "tables", "columns"}
    assert verdict["allowed"] is False
    assert set(verdict["diagnostics"][0]) == {"code", "message", "start", "length", "hint"}
    assert "FileName" in json.dumps(verdict["diagnostics"])
    query.write_text("DeviceProcessEvents | where FileName =~ 'notepad.exe' | take 5")
    assert run(["check-query", str(query), "--json"]) == 0
    assert json.loads(line.capsys.readouterr().out)["tables"] == ["DeviceProcessEvents"]


def test_the_guard_says_what_only_azure_can_run(line: Line, tmp_path: Path) -> None:
    query = tmp_path / "series.kql"
    query.write_text("SigninLogs | make-series n = count() on TimeGenerated step 1h by UserPrincipalName")
    assert run(["check-query", str(query), "--json"]) == 3
    (said,) = json.loads(line.capsys.readouterr().out)["diagnostics"]
    assert said["message"] == "the embedded engine has no make-series"
    assert run(["check-query", str(query), "--workspace", "azure:00000000-0000-0000-0000-000000000000"]) == 0


def test_an_analysts_own_query_runs_under_the_guard(line: Line, tmp_path: Path) -> None:
    query = tmp_path / "hunt.kql"
    query.write_text(
        "DeviceProcessEvents | where FileName =~ 'powershell.exe' | project TimeGenerated, ProcessCommandLine"
    )
    status, out, _ = line("query", str(query), "--json")
    assert status == 0
    assert "DownloadString" in json.loads(out.splitlines()[0])["ProcessCommandLine"]
    query.write_text("externaldata(x:string)['http://example.com']")
    status, out, err = line("query", str(query))
    assert (status, out) == (3, "")
    assert "refused" in err


def test_a_cell_is_no_formula(line: Line, tmp_path: Path) -> None:
    query = tmp_path / "hunt.kql"
    query.write_text("DeviceProcessEvents | take 1 | project Cell = '=cmd()'")
    status, out, err = line("query", str(query), "--csv")
    assert status == 0, err
    assert out.splitlines()[1] == "'=cmd()"


def test_the_tables_are_the_contract(line: Line) -> None:
    assert run(["tables", "--json"]) == 0
    tables = json.loads(line.capsys.readouterr().out)["tables"]
    assert len(tables) == 11
    for table in tables.values():
        for column in table["columns"].values():
            assert set(column) == {"type", "description", "personal"}


def test_the_doctor_finds_all_well_and_says_what_is_not(line: Line) -> None:
    status, out, _ = line("doctor")
    assert status == 0
    assert out.count("\nok") >= 3
    status, out, _ = line("doctor", "--policy", "/nowhere.yaml")
    assert status == 2
    assert "FAIL  policy" in out


@pytest.mark.parametrize(("times", "said"), [(1, "the report is partial"), (2, "interrupted; go on with")])
def test_control_c_once_stops_gently_and_twice_leaves(
    times: int, said: str, line: Line, warmed: Callable[[Path], Path]
) -> None:
    warmed(line.home)
    command = [sys.executable, "-m", "soc_analyst", "hunt", "Anything suspicious on host ws-1 in the last day?"]
    process = subprocess.Popen(
        [*command, "--workspace", str(line.logs), "--data-dir", str(line.home), "--thread", "case-1"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    while not (line.home / "cases" / "case-1" / "case.json").exists() and process.poll() is None:
        time.sleep(0.01)
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    out, err = process.communicate(timeout=300)
    assert "Traceback" not in err
    if process.returncode != 0:
        assert process.returncode == 130
        assert said in err and "soc-analyst resume case-1" in err
        assert ("A person ended the investigation early" in " ".join(out.split())) is (times == 1)
    assert run(["resume", "case-1", "--data-dir", str(line.home), "--json"]) == 0
    assert json.loads(line.capsys.readouterr().out)["outcome"] == "confirmed"


def test_a_case_is_made_again_and_a_changed_file_is_named(line: Line) -> None:
    line("hunt", "Anything suspicious on host ws-1 in the last day?", "--thread", "case-1")
    status, out, err = line("report", "case-1", "--replay", "--format", "json", workspace=False)
    assert status == 0 and json.loads(out)["outcome"] == "confirmed"
    assert "without a query or a model" in err and "All of it is as it was reported." in err
    changed = line.home / "cases" / "case-1" / "report.json"
    changed.write_text(changed.read_text().replace('"confirmed"', '"benign"'))
    status, out, err = line("report", "case-1", "--replay", workspace=False)
    assert (status, out) == (4, "") and "report.json was changed" in err and len(err.splitlines()) == 1
    status, _, err = line("report", "case-1", workspace=False)
    assert status == 0 and "warning: report.json was changed" in err
