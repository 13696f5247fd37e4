import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS = {
    "graph": "graph",
    "tools": "tools",
    "state": "state",
    "soc_analyst/agents": "agents",
    "soc_analyst/cli": "cli",
    "soc_analyst/health": "health",
    "soc_analyst/web": "web",
}


def test_every_package_is_listed_and_mapped() -> None:
    found = {"soc_analyst": "soc_analyst"}
    for folder, name in ROOMS.items():
        for init in (ROOT / folder).rglob("__init__.py"):
            below = init.parent.relative_to(ROOT / folder).parts
            found[".".join(["soc_analyst", name, *below])] = "/".join([folder, *below])
    setuptools = PROJECT["tool"]["setuptools"]
    assert sorted(setuptools["packages"]) == sorted(found)
    assert setuptools["package-dir"] == found


@pytest.mark.parametrize("folder", ["graph", "tools", "state"])
def test_the_links_point_to_the_rooms(folder: str) -> None:
    assert (ROOT / "soc_analyst" / folder).resolve() == ROOT / folder


def test_the_public_api_is_what_it_says() -> None:
    import soc_analyst

    assert soc_analyst.__all__ == [
        "Answer",
        "Context",
        "Finding",
        "Report",
        "ahunt",
        "aquery",
        "build_graph",
        "checkpoint_serializer",
        "hunt",
        "investigate_tool",
        "log_tools",
        "query",
    ]
    for name in soc_analyst.__all__:
        assert getattr(soc_analyst, name) is not None
    assert set(soc_analyst.__all__) <= set(dir(soc_analyst))
    with pytest.raises(AttributeError, match="nonsense"):
        _ = soc_analyst.nonsense


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = ("langgraph", "pydantic", "duckdb", "pyarrow", "rich", "typer", "sigma", "openai", "azure", "duckdb_kql")
    code = f"import sys, soc_analyst; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_loads_no_engine_and_no_graph() -> None:
    heavy = ("langgraph", "duckdb", "pyarrow", "sigma", "openai", "azure", "duckdb_kql")
    code = (
        "import sys\nfrom soc_analyst.cli.app import run\nrun(['--help'])\n"
        f"sys.stderr.write(str([m for m in {heavy!r} if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]"


def test_the_environment_is_read_in_one_place() -> None:
    readers = set()
    for folder in ("soc_analyst", "graph", "tools", "state"):
        for path in (ROOT / folder).rglob("*.py"):
            names = {
                ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)
            }
            if names & {"os.environ", "os.getenv"}:
                readers.add(path.resolve().relative_to(ROOT).as_posix())
    assert readers == {"soc_analyst/settings.py"}
