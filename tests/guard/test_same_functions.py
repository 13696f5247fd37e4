"""An investigation's queries and an analyst's own pass the same functions."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from soc_analyst.cli import checking
from soc_analyst.graph.approval import proving
from soc_analyst.graph.looking import own_kql
from soc_analyst.tools.guard import check, check_text

ROOT = Path(__file__).parents[2]


def _calls(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return names | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def test_check_text_is_check() -> None:
    assert "check" in check_text.__code__.co_names
    assert check_text.__globals__["check"] is check
    assert proving.check is check


def test_the_command_runs_what_the_guard_approved_and_nothing_else() -> None:
    source = Path(own_kql.__file__).read_text()
    # What runs is the approved query, weighed for what it reads, or parts of it that the guard approved in turn.
    assert "weigh(verdict.approved" in source and "_whole_or_parts(cost.query" in source
    assert source.count("workspace.run(") == 1 and "def ask(part: ApprovedQuery)" in source
    assert {"check_text", "window_of", "open_desk"} <= _calls(Path(own_kql.__file__))
    assert "queried" in _calls(Path(checking.__file__)) and "workspace" not in _calls(Path(checking.__file__))


@pytest.mark.parametrize("folder", ["graph", "tools"])
def test_whoever_runs_a_query_has_it_checked_or_checks_it_again(folder: str) -> None:
    """Each module that runs queries names the guard's check too."""
    guarded = {"check", "check_text", "recheck"}
    running = [path for path in (ROOT / folder).rglob("*.py") if "workspace.run(" in path.read_text()]
    assert folder == "tools" or running
    for outer in ("cli", "agents"):
        assert not [p for p in (ROOT / "soc_analyst" / outer).rglob("*.py") if "workspace.run(" in p.read_text()]
    assert [str(path) for path in running if not guarded & _calls(path)] == []


def test_every_kind_of_step_has_a_name_by_which_policy_takes_it_away() -> None:
    from soc_analyst.tools.guard.naming import OPERATOR_NAMES, operator_name
    from soc_analyst.tools.kql import parse
    from soc_analyst.tools.kql.operators import OPERATORS
    from soc_analyst.tools.kql.walking import walk

    texts = {
        "where": "a == 1", "filter": "a == 1", "project": "a", "project-away": "a", "project-keep": "a",
        "project-rename": "b = a", "project-reorder": "a", "extend": "b = a", "summarize": "count()", "sort": "by a",
        "order": "by a", "top": "1 by a", "take": "1", "limit": "1", "count": "", "distinct": "a", "mv-expand": "a",
        "mvexpand": "a", "join": "kind=inner (U) on a", "lookup": "kind=leftouter (U) on a", "union": "U",
        "serialize": "", "parse": 'a with * "x" b', "parse-where": 'a with * "x" b', "mv-apply": "a on (take 1)",
        "make-series": "count() on t step 1h", "top-nested": "1 of a by count()", "top-hitters": "1 of a",
        "sample": "1", "sample-distinct": "1 of a",
    }  # fmt: skip
    assert set(OPERATORS) - set(texts) == {"as", "render"}, "they have no part in the tree"
    for word in texts:
        parsed = parse(f"T | {word} {texts[word]}")
        assert parsed.tree is not None, word
        names = {operator_name(node) for node in walk(parsed.tree)} - {None}
        other = {"filter": "where", "order": "sort", "limit": "take", "mvexpand": "mv-expand"}
        assert {other.get(word, word)} <= names & OPERATOR_NAMES, word
