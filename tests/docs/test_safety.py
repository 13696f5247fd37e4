"""docs/safety.md says what the guard does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from soc_analyst.cli.app import run
from soc_analyst.tools.guard import load_policy
from soc_analyst.tools.logs.tables import load_tables

from .safety import PAGE, written


def test_the_lists_are_those_of_the_guard() -> None:
    assert PAGE.read_text() == written(), "run `make docs`"


def test_the_example_is_a_policy(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    path = tmp_path / "own.yaml"
    path.write_text(example)
    own = load_policy(path, load_tables())
    assert list(own.tables) == ["AlertInfo", "DeviceProcessEvents", "SigninLogs"]
    assert own.refuse.operators == ("join", "matches regex")


REFUSED = re.findall(r"`echo (\S+|'[^']*'|\"[^\"]*\") \\\| soc-analyst check-query`(?: is refused)", PAGE.read_text())


@pytest.mark.parametrize("given", REFUSED)
def test_what_the_page_says_is_refused_is(given: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "query.kql"
    path.write_text(shlex.split(given)[0])
    assert run(["check-query", str(path)]) == 3
    assert "refused" in capsys.readouterr().err


def test_the_page_names_only_files_that_exist() -> None:
    root = PAGE.parents[1]
    named = re.findall(r"(?:tests|tools|benchmarks)/[\w/]+(?:\.py)?", PAGE.read_text())
    assert named
    assert [name for name in named if not (root / name).exists()] == []
