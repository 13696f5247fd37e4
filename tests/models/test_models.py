"""Which models a policy allows, and what only looks like one of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from soc_analyst import Context, ahunt
from soc_analyst.cli.app import run
from soc_analyst.cli.options import with_context
from soc_analyst.settings import Settings
from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.guard import load_policy
from soc_analyst.tools.models import catalogue, model_is_allowed, parse_model_spec

DEFAULT = load_policy().models

ALLOWED = ["none", "openai:gpt-5-mini", "azure:gpt-4.1", "llama3@http://127.0.0.1:8080/v1", "m@http://localhost",
           "m@https://LOCALHOST:9/v1/", "m@http://127.8.9.10:1", "qwen/2.5:7b@http://[::1]:11434/v1"]  # fmt: skip
NOT_ALLOWED = ["openai:gpt-99", "azure:soc-deployment", "m@https://models.example.org/v1", "m@http://10.0.0.5:8080",
               "m@http://localhost.evil.com", "m@http://127.0.0.1.evil.com/v1", "m@http://2130706433/",
               "m@http://0x7f000001/", "m@http://0x7f.0.0.1", "m@http://0177.0.0.1", "m@http://127.1", "m@http://0.0.0.0",
               "m@http://[::ffff:127.0.0.1]/", "m@http://[::]/", "m@http://xn--localhost-abc/", "m@http://127.0.0.1-x/",
               "m@http://localhost,evil.com/"]  # fmt: skip
UNREADABLE = ["", "gpt-5-mini", "openai:", "azure:", "openai: gpt-5-mini", "OPENAI:gpt-5-mini", "None", "@http://127.0.0.1",
              "m@", "m@127.0.0.1", "m@ftp://127.0.0.1", "m@http://", "m@http://:80", "m@http://127.0.0.1@evil.com/",
              "m@http://evil.com\\@127.0.0.1/", "m@http://user:pw@127.0.0.1/", "m@http://127.0.0.1#@evil.com",
              "m@http://127.0.0.1?@evil.com", "m@http://localhost./v1", "m@http://127.0.0.1./", "m@http://127.0.0.1:99999",
              "m@http://127.0.0.1:x", "m@http://127.0.0.1:0", "m@http://[::1", "m@http://[::1%25eth0]/",
              "m@http://local\thost/", "m@http://127.0.0.1\n.evil.com", "m@http://localhost%2eevil.com",
              "m@http://ⓛocalhost", "m@http://127。0.0.1", "m@HTTP://127.0.0.1", "m\n@http://127.0.0.1",
              "openai:gpt-5-mini\n"]  # fmt: skip


@pytest.mark.parametrize("text", ALLOWED)
def test_the_default_policy_allows(text: str) -> None:
    assert model_is_allowed(parse_model_spec(text), DEFAULT)


@pytest.mark.parametrize("text", NOT_ALLOWED)
def test_the_default_policy_does_not_allow(text: str) -> None:
    assert not model_is_allowed(parse_model_spec(text), DEFAULT)


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_can_be_read_in_two_ways_names_no_model(text: str) -> None:
    with pytest.raises(OperatorError, match=r"^--model: .* names no model"):
        parse_model_spec(text)


ENTRIES = [
    (("azure:soc-*",), "azure:soc-analyst", True), (("azure:soc-*",), "openai:soc-analyst", False),
    (("loopback",), "openai:gpt-5-mini", False), (("catalogue",), "m@http://127.0.0.1", False), ((), "none", True),
    (("openai:gpt-99",), "openai:gpt-99", True),
    (("*@https://models.example.org/v1/",), "m@https://models.example.org/v1", True),
    (("*@https://models.example.org",), "m@https://models.example.org.evil.com", False),
    (("*@https://models.example.org",), "m@https://models.example.org/v1", False),
    (("*@https://*",), "m@https://models.example.org", False), (("*",), "m@https://models.example.org", False),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "text", "allowed"), ENTRIES)
def test_an_entry_names_models_and_never_a_pattern_of_hosts(entries: tuple[str, ...], text: str, allowed: bool) -> None:
    assert model_is_allowed(parse_model_spec(text), entries) is allowed


def test_the_catalogue_says_what_each_model_takes() -> None:
    known = catalogue()
    assert known.models[known.default].role == ("plan", "analyse")
    for name, model in known.models.items():
        assert model.input > model.output > 1000, name
        assert "structured" in model.can, name


def test_the_command_line_refuses_with_the_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["hunt", "Anything?", "--model", "m@http://localhost.evil.com", "--data-dir", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "soc-analyst: --model: m@http://localhost.evil.com is not allowed by policy; allowed are none,"
    )
    assert "openai:gpt-5-mini" in line


def test_the_policy_is_asked_before_anything_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    policy = tmp_path / "own.yaml"
    policy.write_text("models: [loopback]\n")
    given = ["hunt", "Anything?", "--policy", str(policy), "--data-dir", str(tmp_path), "--model"]
    assert run([*given, "openai:gpt-5-mini"]) == 2
    assert "is not allowed by policy" in capsys.readouterr().err


NO_KEY = [
    ("openai:gpt-5-mini", {}, "--model: openai:gpt-5-mini needs OPENAI_API_KEY; set it, or use --model none"),
    ("openai:gpt-5-mini", {"OPENAI_API_KEY": " "}, "needs OPENAI_API_KEY"),
    ("openai:gpt-5-mini", {"OPENAI_API_KEY": "sk-\u00e4"}, "OPENAI_API_KEY: holds spaces or characters"),
    ("m@http://127.0.0.1:1", {"SOC_ANALYST_API_KEY": "a b"}, "SOC_ANALYST_API_KEY: holds spaces or characters"),
    ("azure:gpt-4.1", {"AZURE_OPENAI_API_KEY": "k"}, "azure:gpt-4.1 needs AZURE_OPENAI_ENDPOINT"),
    (
        "azure:gpt-4.1",
        {"AZURE_OPENAI_ENDPOINT": "http://models.example.org"},
        "is no address that a key may be sent to",
    ),
    ("azure:gpt-4.1", {"AZURE_OPENAI_ENDPOINT": "https://u:p@models.example.org"}, "is no address that a key may be"),
]


@pytest.mark.parametrize(("model", "environment", "said"), NO_KEY)
def test_a_model_without_its_key_is_said_in_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    environment: dict[str, str],
    said: str,
) -> None:
    _environment(monkeypatch, environment)
    assert run(["hunt", "Anything?", "--model", model, "--data-dir", str(tmp_path / "new")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert "u:p" not in line
    assert not (tmp_path / "new").exists()


def _environment(monkeypatch: pytest.MonkeyPatch, given: dict[str, str]) -> None:
    azure = ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT", "OPENAI_API_VERSION")
    for name in ("OPENAI_API_KEY", "SOC_ANALYST_API_KEY", "SOC_ANALYST_MODEL", *azure):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)


def test_no_representation_shows_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    _environment(monkeypatch, {"OPENAI_API_KEY": "sk-1\n", "SOC_ANALYST_API_KEY": "s-1", "AZURE_OPENAI_API_KEY": "a-1"})
    keys = Settings.keys()
    assert (keys.openai, keys.server, keys.azure_openai) == ("sk-1", "s-1", "a-1")
    assert keys.azure_api_version == "2024-10-21"
    assert not any(one in repr(keys) + str(keys) for one in ("sk-1", "s-1", "a-1"))


DEFAULTS = [
    ({}, "catalogue", "none"),
    ({"OPENAI_API_KEY": "sk-1"}, "catalogue", "openai:gpt-5-mini"),
    ({"OPENAI_API_KEY": "sk-1"}, "loopback", "none"),
    ({"OPENAI_API_KEY": "sk-1", "SOC_ANALYST_MODEL": "none"}, "catalogue", "none"),
    ({"OPENAI_API_KEY": "sk-1", "SOC_ANALYST_MODEL": "openai:gpt-4.1"}, "catalogue", "openai:gpt-4.1"),
]


@pytest.mark.parametrize(("environment", "allowed", "model"), DEFAULTS)
def test_the_default_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], allowed: str, model: str
) -> None:
    _environment(monkeypatch, environment)
    policy = tmp_path / "own.yaml"
    policy.write_text(f"models: [{allowed}]\n")
    seen = []

    @with_context("model", "policy")
    def command(context: Context) -> int:
        seen.append(context.model)
        return 0

    command(model=None, policy=str(policy))
    assert seen == [model]


@pytest.mark.parametrize(
    ("model", "said"), [("openai:gpt-99", "not allowed"), ("openai:gpt-5-mini", "needs OPENAI_API_KEY")]
)
async def test_the_graph_refuses_too(tmp_path: Path, model: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _environment(monkeypatch, {})
    with pytest.raises(OperatorError, match=said):
        await ahunt("Anything?", context=Context(model=model, data_dir=tmp_path))
