"""What `langgraph build` builds: its Dockerfile, made without Docker."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from .dev import ROOT

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("config", ["langgraph.json", "examples/server/langgraph.json"])
def test_an_image_can_be_built_that_serves_the_graph(config: str, tmp_path: Path) -> None:
    made = tmp_path / "Dockerfile"
    langgraph = str(Path(sys.executable).with_name("langgraph"))
    done = subprocess.run(
        [langgraph, "dockerfile", "-c", str(ROOT / config), str(made)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = made.read_text().splitlines()
    assert "FROM langchain/langgraph-api:3.11" in lines
    assert any("pip install" in line and "-e ." in line for line in lines)  # from pyproject.toml
    settings = {}
    for line in lines:
        if line.startswith("ENV "):  # a quote in a description would end the value early
            (pair,) = shlex.split(line.removeprefix("ENV "))
            name, _, value = pair.partition("=")
            settings[name] = json.loads(value)
    assert settings["LANGSERVE_GRAPHS"]["soc_analyst"]["path"].endswith(":graph")
    if config.startswith("examples"):
        assert settings["LANGGRAPH_AUTH"]["path"].endswith("auth.py:auth")
        assert settings["LANGGRAPH_AUTH"]["disable_studio_auth"] is True
        assert settings["LANGGRAPH_HTTP"]["app"].endswith("limits.py:app")
