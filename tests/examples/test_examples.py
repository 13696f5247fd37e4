"""Every example runs as it stands, without a key, and shows what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SHOWN = {
    "approve_in_parent.py": ("wait for a person", "the answer: edit", "A person edited", "Confirmed."),
    "as_subgraph.py": ("as a node: Confirmed.", "'severity': 'high'", "two cases: chat-1-"),
    "as_tool.py": ("may choose: ['question']", "<data report ", "a Report, confirmed", "isolate it"),
    "embedded_async.py": (
        "confirmed  Anything",
        "the budget of queries ended it",
        "cancelled=True, tasks",
    ),
    "guarded_log_tools.py": ("did you mean ResultType?", '"Failed": 41', "[high] Failed sign-ins", "The agent: 198"),
    "over_http.py": (
        "`office` takes: question",
        "/mcp   confirmed",
        "/a2a   the agent: office",
        "completed: Confirmed.",
    ),
    "over_mcp.py": ("Tools: investigate, query,", "step 1: round", "investigate: confirmed", "query refused: Refused"),
}


def test_every_example_is_run_and_named() -> None:
    files = {path.name for path in EXAMPLES.glob("*.py")}
    assert files == set(SHOWN)
    readme = (EXAMPLES / "README.md").read_text()
    assert [name for name in files if f"({name})" not in readme] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SHOWN))
def test_it_runs_and_shows_what_it_says(name: str, tmp_path: Path) -> None:
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("OPENAI", "AZURE", "SOC_ANALYST"))}
    plain.pop("LANGGRAPH_STRICT_MSGPACK", None)
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name)], capture_output=True, text=True, cwd=tmp_path, env=plain, timeout=300
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [text for text in SHOWN[name] if text not in done.stdout] == []
    assert list(tmp_path.iterdir()) == []
