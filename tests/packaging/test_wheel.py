"""A wheel beside a host that has packages of its own by the names of our rooms: both find their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.graph.workspace import small

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SHIPPED = ("LICENSE", "README.md", "pyproject.toml", "graph", "soc_analyst", "state", "tools")
MODULE = 'NAME = "{name}"\n\n\ndef answer():\n    return "the host\'s graph"\n'
HOST = """
import json, sys
import graph, state, tests, tools
from graph import answer
from soc_analyst import Context, hunt, investigate_tool, log_tools
import soc_analyst.graph, soc_analyst.state, soc_analyst.tools

assert [answer(), tools.NAME, state.NAME, tests.NAME] == ["the host's graph", "tools", "state", "tests"]
assert soc_analyst.graph is not graph and soc_analyst.tools is not tools and soc_analyst.state is not state
assert "site-packages" in soc_analyst.__file__, soc_analyst.__file__
context = Context(workspace=sys.argv[1], data_dir=sys.argv[2], now="2026-03-04T12:00:00Z")
report = hunt("Anything suspicious on host ws-1 in the last day?", context=context)
told = investigate_tool(context).invoke({"question": report.question})
rows = log_tools(context)[0].invoke({"kql": "SigninLogs | count"})
print(json.dumps([report.outcome, told[:9], rows[:5], sorted(m for m in sys.modules if m.startswith("graph"))]))
"""


def run(arguments: Sequence[str | Path], cwd: Path) -> str:
    plain = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run([str(one) for one in arguments], cwd=cwd, env=plain, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")
    for name in SHIPPED:
        path = ROOT / name
        if path.is_dir():
            leave_out = shutil.ignore_patterns("__pycache__")
            shutil.copytree(path, source / name, symlinks=True, ignore=leave_out)
        else:
            shutil.copy(path, source / name)
    run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", source / "out", source], source)
    (built,) = (source / "out").glob("soc_analyst-*.whl")
    return built


def test_a_wheel_holds_one_package_and_all_its_data(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"soc_analyst"}
    held = {name.removeprefix("soc_analyst/") for name in names}
    for room in ("graph", "tools", "state"):
        files = (path for path in (ROOT / room).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        wanted = {
            path.relative_to(ROOT).as_posix() for path in files if path.suffix != ".md" or "prompts" in path.parts
        }
        assert wanted - held == set()


def test_host_and_wheel_find_their_own_modules(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=True, symlinks=True)
    python = home / "bin" / "python"
    run([python, "-m", "pip", "install", "-q", "--no-deps", wheel], tmp_path)
    (packages,) = (home / "lib").glob("python*/site-packages")
    # What the wheel depends on is taken from here, to save a download; of the product only the wheel is seen.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    host = tmp_path / "host"
    for name in ("graph", "tools", "state", "tests"):
        (host / name).mkdir(parents=True)
        (host / name / "__init__.py").write_text(MODULE.format(name=name))
    (host / "main.py").write_text(HOST)
    logs = small(tmp_path / "logs")
    outcome, told, rows, own = json.loads(run([python, "main.py", logs, tmp_path / "cases"], host).splitlines()[-1])
    assert (outcome, told, rows, own) == ("confirmed", "confirmed", "1 row", ["graph"])
    assert run([home / "bin" / "soc-analyst", "--version"], host).startswith("soc-analyst ")
    tables = run([home / "bin" / "soc-analyst", "tables", "--json"], host)
    assert "SigninLogs" in json.loads(tables)["tables"]
