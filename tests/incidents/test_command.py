"""`report THREAD --create-incident`: nothing without policy, a confirmed finding, and a yes to what is shown."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from soc_analyst.cli.app import run
from soc_analyst.tools.incidents.service import Fault, SentinelService
from soc_analyst.tools.records import lines
from soc_analyst.tools.records.incidents import IncidentsLog

from ..graph.workspace import small
from .cases import RESOURCE, WORKSPACE, finding, keep, report

ROOT = Path(__file__).parents[2]


class Line:
    """The command on one data folder."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self.capsys = home / "home", capsys
        self.policy = home / "own.yaml"
        self.policy.write_text("write_back: incidents\n")

    def __call__(self, *arguments: str, allowed: bool = True, thread: str = "case-1") -> tuple[int, str, str]:
        policy = ["--policy", str(self.policy)] if allowed else []
        status = run(["report", thread, "--create-incident", *arguments, *policy, "--data-dir", str(self.home)])
        out, err = self.capsys.readouterr()
        return status, out, err

    def hash(self, *arguments: str) -> str:
        """Return the hash that a look at the content tells."""
        return self("--dry-run", *arguments)[1].split()[-1]

    @property
    def logged(self) -> list[tuple[str, str, bool]]:
        log = IncidentsLog(self.home / "_incidents.jsonl")
        return [(str(one["finding_id"]), str(one["what"]), bool(one["created"])) for one in log.entries()]


@pytest.fixture
def line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Line:
    made = Line(tmp_path, capsys)
    keep(made.home, report(finding(), finding("f-low", confidence="Medium")))
    return made


@pytest.fixture
def signed_in(service: SentinelService, monkeypatch: pytest.MonkeyPatch) -> Iterator[SentinelService]:
    """The service, found and signed in to by the environment alone."""
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)
    yield service


def test_policy_forbids_it_until_it_says_otherwise(line: Line, signed_in: SentinelService) -> None:
    status, out, err = line(allowed=False)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "policy does not allow writing into a workspace; put `write_back: incidents` into a policy file" in err
    line.policy.write_text("write_back: off\n")
    assert line("--yes", "0" * 64)[0] == 2
    assert signed_in.sent == ()


def test_the_policy_of_the_case_counts_where_none_is_given(line: Line, signed_in: SentinelService) -> None:
    keep(line.home, report(thread="case-2"), policy=line.policy)
    status, out, _ = line("--dry-run", "--incident-workspace", RESOURCE, allowed=False, thread="case-2")
    assert status == 0 and "sha256" in out
    assert signed_in.sent == ()


def test_a_look_shows_everything_and_sends_nothing(line: Line, signed_in: SentinelService) -> None:
    status, out, err = line("--dry-run", "--incident-workspace", RESOURCE)
    assert (status, err) == (0, "")
    for words in (
        "law-soc",
        "rg-soc",
        "f-1",
        "PowerShell cradle",
        "High, status New",
        "T1059.001",
        "hxxp://evil[.]example",
    ):
        assert words in out
    assert "f-low" not in out and "http://" not in out
    assert signed_in.sent == ()


def test_without_a_person_the_hash_is_needed(line: Line, signed_in: SentinelService) -> None:
    status, out, err = line("--incident-workspace", RESOURCE)
    assert status == 2 and f"add --yes {out.split()[-1]}; nothing was written" in err
    status, _, err = line("--incident-workspace", RESOURCE, "--yes", out.split()[-1][:12])
    assert status == 2 and "hash of other content" in err
    assert signed_in.sent == ()
    assert line("--incident-workspace", RESOURCE, "--yes", out.split()[-1].upper())[0] == 0
    assert len(signed_in.put) == 2


def test_a_stale_hash_is_refused_and_nothing_is_sent(line: Line, signed_in: SentinelService) -> None:
    agreed = line.hash("--incident-workspace", RESOURCE)
    keep(line.home, report(finding(description="More was found since.")))
    status, _, err = line("--incident-workspace", RESOURCE, "--yes", agreed)
    assert status == 2 and agreed in err and line.hash("--incident-workspace", RESOURCE) in err
    other = RESOURCE.replace("law-soc", "law-other")
    assert line("--incident-workspace", other, "--yes", line.hash("--incident-workspace", RESOURCE))[0] == 2
    assert signed_in.sent == ()
    assert line.logged == []


def test_written_once_found_the_second_time_and_logged(line: Line, signed_in: SentinelService) -> None:
    agreed = line.hash()  # the workspace that was asked, by its id
    status, out, err = line("--yes", agreed)
    assert (status, err) == (0, "")
    assert "Incident 3001 of f-1: created https://portal.azure.com/" in out
    assert line.logged == [("f-1", "incident", True), ("f-1", "comment", True)]
    status, out, _ = line("--yes", agreed)
    assert status == 0 and out.count("there already, nothing was written") == 2
    assert len(signed_in.put) == 2
    assert line.logged == [("f-1", "incident", True), ("f-1", "comment", True)]
    entry = json.loads((line.home / "_incidents.jsonl").read_text().splitlines()[0])
    assert (entry["workspace"].lower(), entry["number"], entry["sha256"]) == (RESOURCE.lower(), 3001, agreed)
    assert (entry["thread_id"], entry["logged_at"][-1]) == ("case-1", "Z")


def test_what_was_written_before_a_fault_is_logged_and_told(line: Line, signed_in: SentinelService) -> None:
    agreed = line.hash("--incident-workspace", RESOURCE)
    signed_in.fail(Fault("forbidden", match="PUT .*/comments/", times=0))
    status, out, err = line("--incident-workspace", RESOURCE, "--yes", agreed)
    assert status == 4 and "Incident 3001 of f-1: created" in out
    assert "written: the incident of f-1, not written: the comment of f-1" in err and err.count("\n") == 1
    assert line.logged == [("f-1", "incident", True)]
    signed_in.fail()
    assert line("--incident-workspace", RESOURCE, "--yes", agreed)[0] == 0
    assert line.logged == [("f-1", "incident", True), ("f-1", "comment", True)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--finding", "f-low"], "held with Medium confidence"),
        (["--finding", "f-9"], "no finding 'f-9'"),
        (["--incident-workspace", "law-soc"], "is no workspace"),
        (["--out", "x.md"], "--out"),
        (["--incident-workspace", "33333333-3333-4333-8333-333333333333"], "no workspaces that this credential"),
    ],
)
def test_bad_input_is_one_line(line: Line, signed_in: SentinelService, arguments: list[str], words: str) -> None:
    status, _, err = line(*arguments)
    assert (status, err.count("\n")) == (2, 1)
    assert words in err
    assert signed_in.put == ()


def test_where_it_goes_must_be_said_unless_one_live_workspace_was_asked(line: Line) -> None:
    for workspace, words in (
        ("sample", "asked no live workspace"),
        (f"azure:{WORKSPACE},33333333-3333-4333-8333-333333333333", "asked several workspaces"),
    ):
        keep(line.home, report(), workspace=workspace)
        status, _, err = line()
        assert status == 2 and words in err and "--incident-workspace" in err


def test_an_outcome_that_is_not_confirmed_is_refused(line: Line) -> None:
    keep(line.home, report(finding(confidence="Medium"), outcome="suspected"))
    status, _, err = line("--incident-workspace", RESOURCE)
    assert status == 2 and "outcome is suspected" in err


def test_what_was_changed_since_it_was_reported_goes_nowhere(line: Line, signed_in: SentinelService) -> None:
    agreed = line.hash("--incident-workspace", RESOURCE)
    path = line.home / "cases" / "case-1" / "report.json"
    path.write_text(path.read_text().replace("ws-1.contoso.com", "ws-2.contoso.com"))
    status, out, err = line("--incident-workspace", RESOURCE, "--yes", agreed)
    assert (status, out, err.count("\n")) == (4, "", 1)
    assert "report.json was changed since it was written" in err
    assert signed_in.sent == ()


def test_write_back_options_mean_nothing_to_a_report(line: Line) -> None:
    for option in (["--yes", "x"], ["--dry-run"], ["--finding", "f-1"], ["--incident-workspace", RESOURCE]):
        assert run(["report", "case-1", *option, "--data-dir", str(line.home)]) == 2
        assert "goes with --create-incident only" in line.capsys.readouterr().err


def test_two_runs_do_not_write_at_once(line: Line, signed_in: SentinelService, monkeypatch: pytest.MonkeyPatch) -> None:
    agreed = line.hash("--incident-workspace", RESOURCE)
    monkeypatch.setattr(lines, "LOCK_TIMEOUT", 0.05)
    with IncidentsLog(line.home / "_incidents.jsonl").held():
        status, _, err = line("--incident-workspace", RESOURCE, "--yes", agreed)
    assert status == 2 and "another run writes incidents" in err
    assert signed_in.put == ()


def at_a_terminal(line: Line, answer: str) -> tuple[int, str]:
    """Run the command at a terminal and type an answer."""
    ours, theirs = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "soc_analyst",
        "report",
        "case-1",
        "--create-incident",
        "--policy",
        str(line.policy),
    ]
    where = ["--incident-workspace", RESOURCE, "--data-dir", str(line.home)]
    running = subprocess.Popen([*command, *where], stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT)
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    said = b""
    while True:
        try:
            piece = os.read(ours, 65_536)
        except OSError:
            break
        if not piece:
            break
        said += piece
    os.close(ours)
    return running.wait(timeout=60), said.decode()


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a person at standard input who types a line."""

    class Keys(io.StringIO):
        def isatty(self) -> bool:
            return True

    def types(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", Keys(f"{text}\n"))
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    return types


def test_a_yes_is_the_whole_word_and_is_asked_for_once(
    line: Line, signed_in: SentinelService, typed: Callable[[str], None]
) -> None:
    for answer in ("", "y", "yes please", "no"):
        typed(answer)
        status, _, err = line("--incident-workspace", RESOURCE)
        assert status == 0 and "Type yes:" in err and "Nothing was written." in err
    assert signed_in.put == ()
    typed("Yes")
    signed_in.fail(Fault("server_error", match="PUT .*/comments/", times=0))
    assert line("--incident-workspace", RESOURCE)[0] == 4
    signed_in.fail()
    typed("yes")
    status, out, err = line("--incident-workspace", RESOURCE)
    assert status == 0 and "only its comment is missing" in err
    assert "Comment with its evidence of f-1: created" in out
    typed("yes")
    status, _, err = line("--incident-workspace", RESOURCE)
    assert status == 0 and "nothing to write" in err and "Type yes" not in err


@pytest.mark.slow
def test_a_person_is_asked_and_only_yes_is_one(line: Line, signed_in: SentinelService) -> None:
    status, said = at_a_terminal(line, "y")
    assert status == 0 and "Type yes:" in said and "Nothing was written." in said
    assert signed_in.put == ()
    status, said = at_a_terminal(line, "yes")
    assert status == 0 and "Incident 3001 of f-1: created" in said
    assert len(signed_in.put) == 2
    status, said = at_a_terminal(line, "")
    assert status == 0 and "is there already (New); nothing to write" in said and "Type yes" not in said


@pytest.mark.slow
def test_a_finished_hunt_becomes_an_incident(line: Line, signed_in: SentinelService, tmp_path: Path) -> None:
    logs = str(small(tmp_path / "logs"))
    question = "Anything suspicious on host ws-1 in the last day?"
    assert (
        run(["hunt", question, "--workspace", logs, "--thread", "case-7", "--data-dir", str(line.home), "--json"]) == 0
    )
    line.capsys.readouterr()
    status, out, _ = line("--incident-workspace", RESOURCE, "--dry-run", thread="case-7")
    assert status == 0 and "a folder of exported logs" in out and logs not in out
    status, _, err = line("--incident-workspace", RESOURCE, "--yes", out.split()[-1], thread="case-7")
    assert (status, err) == (0, "")
    incidents = signed_in.workspaces[RESOURCE.lower()].incidents
    titles = [one["properties"]["title"] for one in incidents.values()]
    assert titles and all("ws-1" in title for title in titles)
    messages = [one.body["properties"]["message"] for one in signed_in.put if "message" in one.body["properties"]]
    assert any("203[.]0[.]113[.]77/a.ps1" in message for message in messages)
