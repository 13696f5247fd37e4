"""A hunt whose model is in trouble: it ends by rules, with the outcome of rules, and says at which step and why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from soc_analyst import Context, Report, hunt
from soc_analyst.cli.app import run
from soc_analyst.tools.models.scripted import (
    Broken,
    Called,
    Endless,
    HttpError,
    Reply,
    Said,
    ScriptedServer,
    denied,
    not_found,
    out_of_quota,
)

from .workspace import END, small

TROUBLES: list[tuple[Reply, str]] = [
    (denied(401, "Incorrect API key provided: sk-secret"), "refused the key (401 invalid_api_key); check SOC_"),
    (out_of_quota(), "has no quota left (429 insufficient_quota)"),
    (HttpError(502, text="<h1>Bad gateway: sk-secret</h1>"), "failed (502)"),
    (Broken("html"), "a web page came instead"),
    (Said("x" * 10_000_000), "it repeats itself or does not end"),
    (Said("Das sehe ich mir an."), "it is no JSON"),
    (Said("{" + '"a": 1, "a": 2' + "}"), "its JSON holds a key twice"),
    (Endless("and on "), "it repeats itself or does not end"),
    (not_found(), "is not there (404 model_not_found)"),
    (Called("run_shell", '{"command": "whoami"}'), "it calls a function that does not exist"),
]  # fmt: skip


QUESTION = "Suspicious PowerShell on ws-1 today?"


@pytest.fixture(scope="module")
def by_rules(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """What rules alone make of the question."""
    home = tmp_path_factory.mktemp("rules")
    return hunt(QUESTION, context=Context(workspace=str(small(home / "logs")), now=END, data_dir=home / "data"))


@pytest.mark.slow
@pytest.mark.parametrize(("reply", "said"), TROUBLES)
def test_a_hunt_ends_by_rules(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    by_rules: Report,
    reply: Reply,
    said: str,
) -> None:
    monkeypatch.setenv("SOC_ANALYST_API_KEY", "own-secret-key")
    workspace = str(small(tmp_path / "logs"))
    given = ["hunt", QUESTION, "--workspace", workspace, "--now", END.isoformat(), "--json"]
    with ScriptedServer(lambda _: reply) as server:
        own = ["--model", f"m@{server.url}", "--data-dir", str(tmp_path / "model"), "--max-rounds", "2"]
        assert run([*given, *own]) == 0
    told = capsys.readouterr()
    report = json.loads(told.out)
    assert report["outcome"] == by_rules.outcome == "confirmed"
    assert {one["title"] for one in report["findings"]} >= {one.title for one in by_rules.findings}
    assert any(said in line for line in report["warnings"]), report["warnings"]
    assert any("by rules" in line or "too large" in line for line in report["warnings"])
    everything = (
        told.out
        + told.err
        + "".join(path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file())
    )
    assert "own-secret-key" not in everything
    assert "sk-secret" not in everything
