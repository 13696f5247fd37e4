"""`doctor` without a cloud: what is on this machine, the model, and what a person sees of it."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from filelock import FileLock
from rich.console import Console

from soc_analyst import Context
from soc_analyst.cli.app import run
from soc_analyst.cli.checkup import Shown
from soc_analyst.health import STEPS, Checkup, StepResult, examine
from soc_analyst.tools.models.scripted import Script, ScriptedServer

from ..graph.workspace import small


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return small(tmp_path / "logs")


async def test_a_host_application_gets_the_same_as_a_value(
    logs: Path, tmp_path: Path, bare: pytest.MonkeyPatch
) -> None:
    bare.setenv("SOC_ANALYST_API_KEY", "k")
    checkup = await examine(Context(workspace=str(logs), data_dir=tmp_path / "data"), days=2)
    assert checkup.exit_status == 0
    assert tuple(step.step for step in checkup.steps) == tuple(step.name for step in STEPS)
    assert {step.step for step in checkup.steps if step.status == "not_needed"} == {"credential", "token"}
    assert Checkup.model_validate(checkup.model_dump(mode="json")) == checkup


@pytest.mark.usefixtures("bare")
async def test_what_rests_on_a_failed_step_is_skipped(tmp_path: Path) -> None:
    checkup = await examine(Context(workspace="/no/such", policy=tmp_path / "none.yaml", data_dir=tmp_path / "data"))
    told = {step.step: (step.status, step.what) for step in checkup.steps}
    assert checkup.exit_status == 2
    assert told["policy"][0] == "failed"
    for name in ("detections", "workspace", "tables", "model"):
        assert told[name] == ("skipped", "because policy failed")


@pytest.mark.usefixtures("bare")
async def test_a_data_folder_that_cannot_be_written_or_is_held(logs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    steps = (await examine(Context(workspace=str(logs), data_dir=tmp_path / "file"))).steps
    folder = next(step for step in steps if step.step == "data folder")
    assert (folder.status, folder.exit_status) == ("failed", 2) and "--data-dir" in folder.do
    home = tmp_path / "data"
    home.mkdir()
    with FileLock(home / "_threats.jsonl.lock"):
        steps = (await examine(Context(workspace=str(logs), data_dir=home))).steps
    folder = next(step for step in steps if step.step == "data folder")
    assert folder.status == "note" and "another process holds _threats.jsonl.lock" in folder.what
    steps = (await examine(Context(workspace=str(logs), data_dir=home))).steps
    assert next(step for step in steps if step.step == "data folder").status == "ok"


def test_a_file_of_certificates_that_is_none(logs: Path, bare: pytest.MonkeyPatch, tmp_path: Path, capsys) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    bare.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert run(["doctor", "--workspace", str(logs), "--data-dir", str(tmp_path / "data")]) == 2
    out = capsys.readouterr().out
    assert "holds no certificates (PEM)" in out and "name another file, or unset it" in out


def test_the_model_is_absent_unknown_or_refuses_the_key(
    logs: Path, bare: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["doctor", "--workspace", str(logs), "--data-dir", str(tmp_path / "data"), "--json", "--model"]

    def told(model: str, status: int) -> tuple[str, str]:
        assert run([*given, model]) == status
        out = capsys.readouterr().out
        assert "seeded" not in out
        step = next(step for step in json.loads(out)["steps"] if step["step"] == "model")
        return step["what"], step["do"]

    with ScriptedServer(Script(), key="seeded-right", models=("m",)) as server:
        bare.setenv("SOC_ANALYST_API_KEY", "seeded-wrong")
        assert "refused the key (401 invalid_api_key)" in told(f"m@{server.url}", 4)[0]
        bare.setenv("SOC_ANALYST_API_KEY", "seeded-right")
        assert "it answers and takes the key" in told(f"m@{server.url}", 0)[0]
        assert told(f"absent@{server.url}", 4)[1].startswith("check the model's name")
    assert "could not be reached (no connection)" in told(f"m@{server.url}", 4)[0]
    assert told("openai:gpt-5-mini", 2)[0].endswith("needs OPENAI_API_KEY")
    assert told("openai:nonsense", 2)[0].endswith("openai:nonsense is not allowed by policy")
    assert "names no model" in told("nonsense", 2)[0]


def test_a_broken_policy_is_a_step_where_a_key_sets_the_model(
    bare: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare.setenv("OPENAI_API_KEY", "sk-seeded-0123456789")
    assert run(["doctor", "--policy", "/nowhere.yaml", "--data-dir", str(tmp_path / "data")]) == 2
    out, err = capsys.readouterr()
    assert "FAIL  policy" in out and not err and "seeded" not in out


COMMAND = "az role assignment create --assignee 99999999-9999-4999-8999-999999999999 --role 'Log Analytics Reader'"
STEP = StepResult(
    step="workspace", status="failed", what=f"not allowed {'long ' * 30}", do=f"An owner grants it: `{COMMAND}`"
)


@pytest.mark.parametrize("width", [80, 200])
def test_on_a_terminal_lines_fit_and_commands_stay_whole(width: int) -> None:
    out = StringIO()
    shown = Shown(console=Console(file=out, width=width, force_terminal=True, color_system=None, highlight=False))
    shown.step(STEP)
    lines = out.getvalue().splitlines()
    assert f"      {COMMAND}" in lines
    assert all(len(line.rstrip()) <= width for line in lines if COMMAND not in line)
    assert lines[0].startswith("FAIL  workspace      not allowed")


def test_in_a_pipe_each_thing_is_one_line() -> None:
    out = StringIO()
    Shown(console=Console(file=out, width=80, force_terminal=False, highlight=False)).step(STEP)
    assert len(out.getvalue().splitlines()) == 3
