"""`models`, and the options about models that `hunt` takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from soc_analyst.cli.app import run

Said = pytest.CaptureFixture[str]
SERVER = "qwen3@http://127.0.0.1:11434/v1"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "SOC_ANALYST_MODEL", "SOC_ANALYST_HOME"):
        monkeypatch.delenv(name, raising=False)


def _told(capsys: Said, *arguments: str) -> dict[str, object]:
    assert run(["models", "--json", *arguments]) == 0
    told: dict[str, object] = json.loads(capsys.readouterr().out)
    return told


def test_each_allowed_model_is_told_with_what_it_takes_and_costs(capsys: Said) -> None:
    told = _told(capsys)
    listed = {one["model"]: one for one in told["models"]}  # type: ignore[attr-defined]
    mini = listed["openai:gpt-4.1-mini"]
    assert (mini["context"], mini["output"]) == (1_047_576, 32_768)
    assert mini["can"] == ["structured", "tools", "images"]
    assert mini["role"] == ["plan", "analyse"]
    assert mini["usd_per_million"] == {"input": 0.4, "cached": 0.1, "output": 1.6}
    assert mini["limits"]["free"] == {"tpm": 40_000, "rpm": 3, "tpd": None, "rpd": 200}
    assert not mini["limits_are_an_estimate"]
    assert listed["openai:gpt-5.4"]["limits_are_an_estimate"]
    assert listed["openai:gpt-5"]["limits"]["free"] is None


@pytest.mark.parametrize(
    ("environment", "arguments", "model", "why"),
    [
        ({}, (), "none", "no model is named"),
        ({"OPENAI_API_KEY": "sk-x"}, (), "openai:gpt-5-mini", "the catalogue's default"),
        ({"SOC_ANALYST_MODEL": "openai:gpt-5"}, (), "openai:gpt-5", "SOC_ANALYST_MODEL names it"),
        ({"SOC_ANALYST_MODEL": "openai:gpt-5"}, ("--model", SERVER), SERVER, "--model names it"),
    ],
)
def test_which_model_would_be_asked_and_why(
    environment: dict[str, str],
    arguments: tuple[str, ...],
    model: str,
    why: str,
    capsys: Said,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    chosen = _told(capsys, *arguments)["chosen"]
    assert chosen["model"] == model  # type: ignore[index]
    assert why in chosen["why"]  # type: ignore[index]


def test_the_order_of_the_others_is_told_and_is_none_without_switching(capsys: Said) -> None:
    order = _told(capsys, "--model", "openai:gpt-5-mini")["chosen"]["order"]  # type: ignore[index]
    assert order["plan"][:2] == ["openai:gpt-5-mini", "openai:gpt-4.1-mini"]
    assert "openai:gpt-5-nano" in order["analyse"]
    assert "openai:gpt-5-nano" not in order["plan"]
    alone = _told(capsys, "--model", "openai:gpt-5-mini", "--over-limit", "wait,narrow")["chosen"]["order"]  # type: ignore[index]
    assert alone == {"plan": ["openai:gpt-5-mini"], "analyse": ["openai:gpt-5-mini"]}


def test_a_policy_and_a_file_of_limits_show(tmp_path: Path, capsys: Said) -> None:
    policy, limits = tmp_path / "policy.yaml", tmp_path / "limits.yaml"
    policy.write_text("models: [openai:gpt-5-mini, loopback]\n")
    limits.write_text(f"models: {{'{SERVER}': {{context: 8192, output: 1024, rpm: 5}}}}\n")
    told = _told(capsys, "--policy", str(policy), "--limits", str(limits))
    listed = {one["model"]: one for one in told["models"]}  # type: ignore[attr-defined]
    assert list(listed) == ["openai:gpt-5-mini", SERVER]
    assert (listed[SERVER]["context"], listed[SERVER]["output"]) == (8_192, 1_024)
    assert listed[SERVER]["limits"]["1"]["rpm"] == 5
    assert str(limits) in str(told["limits_from"])


def test_the_table_fits_a_terminal_and_one_model_shows_all_its_tiers(capsys: Said) -> None:
    assert run(["models", "--tier", "free"]) == 0
    table = capsys.readouterr().out.partition("\nAsked:")[0].splitlines()
    assert table
    assert all(len(line) <= 80 for line in table)
    assert run(["models", "gpt-4.1"]) == 0
    one = capsys.readouterr().out
    assert "not in this tier" in one
    assert "2 input, 0.5 cached, 8 output" in one
    assert run(["models", "gpt-9"]) == 2
    assert "allowed: openai:gpt-5.4" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--over-limit", "switch,jump"], "--over-limit: Input should be 'switch', 'split', 'wait' or 'narrow'"),
        (["--over-limit", "wait,wait"], "--over-limit: names a remedy twice"),
        (["--warn-ratio", "2"], "--warn-ratio: Input should be less than or equal to 1"),
        (["--tier", "9"], "--tier: Input should be 'free', '1'"),
        (["--limits", "/no/such.yaml"], "/no/such.yaml: there is no such file"),
    ],
)
def test_wrong_options_about_models_are_one_line(arguments: list[str], why: str, tmp_path: Path, capsys: Said) -> None:
    assert run(["hunt", "q", "--data-dir", str(tmp_path), *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"soc-analyst: {why}")
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_the_options_reach_a_hunt(capsys: Said) -> None:
    assert run(["hunt", "--help"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in ("--tier", "--warn-ratio", "--over-limit", "--limits"))
    assert "switch,split,wait,narrow" in "".join(told.split())
