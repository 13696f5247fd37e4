"""`doctor` and the model: is it there, and is its key taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from soc_analyst.cli.app import run
from soc_analyst.state.errors import UnreachableError
from soc_analyst.tools.models.keys import Keys
from soc_analyst.tools.models.looking import look_at
from soc_analyst.tools.models.scripted import Script, ScriptedServer
from soc_analyst.tools.models.spec import ModelSpec, parse_model_spec


async def test_a_model_that_is_listed_is_well() -> None:
    with ScriptedServer(Script(), models=("gpt-5-mini", "other")) as server:
        keys = Keys(openai="sk-1", azure_openai="a-1", azure_endpoint=server.root)
        assert "takes the key" in await look_at(parse_model_spec(f"other@{server.url}"), keys)
        assert "takes the key" in await look_at(ModelSpec("openai", "gpt-5-mini"), keys, openai_url=server.url)
        assert "shows when it is asked" in await look_at(ModelSpec("azure", "own"), keys)
        with pytest.raises(UnreachableError, match="is not there; check the model's name"):
            await look_at(parse_model_spec(f"absent@{server.url}"), keys)


async def test_a_dead_server_is_said() -> None:
    with pytest.raises(UnreachableError, match=r"m@http://127.0.0.1:9/v1 could not be reached \(no connection\)"):
        await look_at(parse_model_spec("m@http://127.0.0.1:9/v1"), Keys())


def test_doctor_tells_of_the_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with ScriptedServer(Script(), key="k", models=("m",)) as server:
        given = ["doctor", "--data-dir", str(tmp_path), "--model"]
        monkeypatch.setenv("SOC_ANALYST_API_KEY", "wrong-key")
        assert run([*given, f"m@{server.url}"]) == 4
        told = capsys.readouterr().out
        assert "refused the key (401 invalid_api_key)\n" in told and "check SOC_ANALYST_API_KEY" in told
        assert "wrong-key" not in told
        monkeypatch.setenv("SOC_ANALYST_API_KEY", "k")
        assert run([*given, f"m@{server.url}"]) == 0
        assert f"ok    model          m@{server.url}: it answers and takes the key" in capsys.readouterr().out
    assert run([*given, "openai:gpt-5-mini"]) == 2
    told = capsys.readouterr().out
    assert "FAIL  model          --model: openai:gpt-5-mini needs OPENAI_API_KEY" in told
    assert told.count("FAIL") == 1
