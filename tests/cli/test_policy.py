"""`policy`, `tables` and `query` as a team uses them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from soc_analyst.cli.app import run
from soc_analyst.tools.guard import load_policy

from ..graph.workspace import process, write

Said = pytest.CaptureFixture[str]
OWN = "row_cap: 2\ntables:\n  SigninLogs: {max_window_days: 7, personal: [ResultType], without: [IPAddress]}\n"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    return path


def test_what_policy_prints_is_that_policy(tmp_path: Path, own: Path, capsys: Said) -> None:
    for given in ([], ["--policy", str(own)]):
        assert run(["policy", *given]) == 0
        printed = capsys.readouterr().out
        assert all(len(line) <= 80 or line.lstrip().startswith("#") for line in printed.splitlines())
        again = tmp_path / "again.yaml"
        again.write_text(printed)
        assert load_policy(again).hash == load_policy(own if given else None).hash


def test_policy_says_where_each_value_came_from(own: Path, capsys: Said) -> None:
    assert run(["policy", "--json", "--policy", str(own)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["hash"] == load_policy(own).hash
    assert told["values"]["row_cap"] == {"value": 2, "origin": f"{own}:1"}
    assert told["values"]["max_joins"]["origin"] == "default"
    signins = told["values"]["tables.SigninLogs"]
    assert signins["origin"] == f"{own}:3"
    assert signins["parts"]["personal"] == f"{own}:3"
    assert (signins["value"]["max_window_days"], signins["value"]["personal"]) == (7, ["ResultType"])


def test_all_faults_of_a_policy_are_lines_on_stderr(own: Path, capsys: Said) -> None:
    own.write_text("row_capp: 1\nmax_joins: -1\ntables:\n  SigninLogs: {also: [Nothing]}\n")
    assert run(["policy", "--policy", str(own)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.partition("own.yaml:")[2][:1] for line in err.splitlines()] == ["1", "2", "4"]
    assert all(line.startswith("soc-analyst: ") for line in err.splitlines())


def test_tables_show_what_is_personal(own: Path, capsys: Said) -> None:
    assert run(["tables", "SigninLogs", "--json", "--policy", str(own)]) == 0
    columns = json.loads(capsys.readouterr().out)["tables"]["SigninLogs"]["columns"]
    assert columns["ResultType"]["personal"]
    assert columns["UserPrincipalName"]["personal"]
    assert not columns["AppDisplayName"]["personal"]
    assert "IPAddress" not in columns


@pytest.fixture
def ask(tmp_path: Path, capsys: Said):
    rows = [process(n, "ws-1", command) for n, command in enumerate(HOSTILE)]
    write(tmp_path / "logs", "DeviceProcessEvents", rows)

    def _ask(kql: str, *options: str) -> tuple[int, str, str]:
        (tmp_path / "query.kql").write_text(kql)
        folders = ["--workspace", str(tmp_path / "logs"), "--data-dir", str(tmp_path / "home")]
        status = run(["query", str(tmp_path / "query.kql"), *folders, *options])
        return (status, *capsys.readouterr())

    return _ask


HOSTILE = ["=1+1", " +cmd", "-5", "@x", "\t=1", "\r=1", "\uff1d1", "a\x1b[2Jb", "a\u202eb", "a\x9bb", 'plain, "text"']


def test_csv_is_inert_and_json_exact(ask) -> None:
    kql = "DeviceProcessEvents | sort by TimeGenerated desc | project ProcessCommandLine"
    status, out, _ = ask(kql, "--csv")
    assert status == 0
    cells = [row[0] for row in csv.reader(io.StringIO(out))][1:]
    assert len(cells) == len(HOSTILE)
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d")) for cell in cells)
    assert not any(mark in out for mark in "\x1b\u202e\x9b\t")
    assert cells[-1] == HOSTILE[-1]
    status, out, _ = ask(kql, "--json")
    assert [json.loads(line)["ProcessCommandLine"] for line in out.splitlines()] == HOSTILE


def test_what_was_cut_and_what_was_empty_is_said(ask, own: Path) -> None:
    own.write_text("row_cap: 2\n")
    status, out, err = ask("DeviceProcessEvents | project FileName", "--json", "--policy", str(own))
    assert (status, len(out.splitlines())) == (0, 2)
    assert "cut at 2 rows" in err
    status, out, err = ask("DeviceProcessEvents | where FileName == 'none'", "--json")
    assert (status, out) == (0, "")
    assert f"DeviceProcessEvents {len(HOSTILE)}" in err
    status, out, err = ask("DeviceProcessEvents", "--json", "--since", "2020-01-01", "--until", "2020-01-02")
    assert (status, out) == (4, "")
    assert "no rows from 2020-01-01 00:00 to 2020-01-02 00:00" in err


def test_a_shorter_window_of_a_table_is_said(ask, own: Path) -> None:
    own.write_text("tables:\n  DeviceProcessEvents: {max_window_days: 0.0021}\n")
    status, out, err = ask("DeviceProcessEvents | project FileName", "--json", "--policy", str(own))
    assert status == 0
    assert 1 <= len(out.splitlines()) < len(HOSTILE)
    assert "note: DeviceProcessEvents is seen from" in err


def test_one_form_at_a_time(ask) -> None:
    assert ask("DeviceProcessEvents", "--json", "--csv")[0] == 2
