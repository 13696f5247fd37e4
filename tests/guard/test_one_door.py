"""One door: `ApprovedQuery` is made in guard/check.py only, and nothing but one is ever run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOOR = ROOT / "tools" / "guard" / "check.py"
MADE_HERE = ("ApprovedQuery", "TextVerdict")
"""The approval, and what carries one."""
LINKED = [ROOT / "soc_analyst" / room for room in ("graph", "tools", "state")]
SOURCES = [
    file
    for room in ("state", "tools", "graph", "soc_analyst")
    for file in sorted((ROOT / room).rglob("*.py"))
    if not any(link in file.parents for link in LINKED)
]
"""Every file of the product; the links of soc_analyst lead to the rooms beside it."""


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _annotations(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns:
            yield node.returns
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            yield node.annotation


def used_as_more_than_a_type(tree: ast.AST, name: str) -> list[int]:
    """Return the lines where a name stands for more than the type of something, or gets another name."""
    types = {id(inner) for annotation in _annotations(tree) for inner in ast.walk(annotation)}
    named = [
        node
        for node in ast.walk(tree)
        if name in (getattr(node, "id", ""), getattr(node, "attr", "")) and id(node) not in types
    ]
    renamed = [
        node for node in ast.walk(tree) if isinstance(node, ast.alias) and node.name == name and node.asname is not None
    ]
    return sorted(node.lineno for node in [*named, *renamed])


@pytest.mark.parametrize("name", MADE_HERE)
def test_nothing_but_the_door_makes_an_approval(name: str) -> None:
    found = {
        str(file.relative_to(ROOT)): lines for file in SOURCES if (lines := used_as_more_than_a_type(_tree(file), name))
    }
    assert list(found) == ["tools/guard/check.py"]


def test_an_approval_is_made_at_one_place() -> None:
    assert len(used_as_more_than_a_type(_tree(DOOR), "ApprovedQuery")) == 1


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_copy_of_an_approval_is_changed(file: Path) -> None:
    own = {"kql", "row_cap", "policy_hash", "approved"}
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "model_copy":
            keys = {key.value for key in ast.walk(node) if isinstance(key, ast.Constant) and isinstance(key.value, str)}
            assert not keys & own, f"{file.name}:{node.lineno} changes {keys & own}"


def _runs(file: Path) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield each method of a backend that runs a query, and the type of what it runs."""
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) and node.name.strip("_") == "run":
            arguments = [*node.args.posonlyargs, *node.args.args][1:]
            yield f"{file.name}:{node.name}", arguments[0].annotation if arguments else None


def test_a_backend_runs_approved_queries_only() -> None:
    runs = [run for file in SOURCES if file.parent == ROOT / "tools" / "logs" for run in _runs(file)]
    assert {name for name, _ in runs} >= {"base.py:run", "embedded.py:run"}
    assert {name: ast.unparse(kind) if kind else "" for name, kind in runs if not _is_approved(kind)} == {}


def _is_approved(kind: ast.expr | None) -> bool:
    return isinstance(kind, ast.Name) and kind.id == "ApprovedQuery"


def test_kql_becomes_sql_in_the_engine_alone() -> None:
    users = [
        str(file.relative_to(ROOT))
        for file in SOURCES
        if any(isinstance(node, ast.Name) and node.id == "to_sql" for node in ast.walk(_tree(file)))
    ]
    # The service of tests is a workspace behind a wire: what it is sent was approved before it was sent. Merging reads
    # no log: it puts rows together that approved queries returned.
    assert users == ["tools/logs/embedded.py", "tools/logs/merging.py", "tools/logs/service/engine.py"]


@pytest.mark.parametrize(
    "sneaky",
    [
        "q = ApprovedQuery(id='x')",
        "q = ApprovedQuery.model_construct(id='x')",
        "q = ApprovedQuery.model_validate({})",
        "q = queries.ApprovedQuery(**{})",
        "make = ApprovedQuery",
        "from soc_analyst.state.queries import ApprovedQuery as Q",
        "q = type(ApprovedQuery.__name__, (ApprovedQuery,), {})()",
        "def f(kind: type = ApprovedQuery): ...",
    ],
)
def test_the_scan_sees_every_way_to_make_one(sneaky: str) -> None:
    assert used_as_more_than_a_type(ast.parse(sneaky), "ApprovedQuery")


def test_the_scan_lets_types_be() -> None:
    text = (
        "from a import ApprovedQuery\ndef f(q: ApprovedQuery) -> list[ApprovedQuery]:\n    x: tuple[ApprovedQuery] = ()"
    )
    assert used_as_more_than_a_type(ast.parse(text), "ApprovedQuery") == []
