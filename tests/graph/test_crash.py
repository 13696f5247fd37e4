"""A run that is killed at a random moment costs nothing twice."""

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from soc_analyst import Context, ahunt
from soc_analyst.graph.hunting import aresume
from soc_analyst.graph.progress import Event
from soc_analyst.tools.records.cases import CaseFolder
from soc_analyst.tools.records.folder import DataDir
from soc_analyst.tools.records.threats import ThreatsLog

from .workspace import small

QUESTION = "Anything suspicious on host ws-1 in the last day?"
ROOT = Path(__file__).parents[2]


def started(context: Context) -> "subprocess.Popen[bytes]":
    command = [
        sys.executable,
        "-m",
        "soc_analyst",
        "hunt",
        QUESTION,
        "--thread",
        "case-1",
        "--workspace",
        context.workspace,
    ]
    return subprocess.Popen(
        [*command, "--data-dir", str(context.data_dir), "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def finished_queries(context: Context) -> dict[str, int]:
    folder = DataDir(context.data_dir).case("case-1") / "queries"
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.json")}


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory, warmed: Callable[[Path], Path]
) -> tuple[Context, dict[str, object], float]:
    """The workspace, the report of a run that nothing disturbs, and its seconds."""
    home = tmp_path_factory.mktemp("whole")
    context = Context(workspace=str(small(home / "logs")), data_dir=warmed(home / "undisturbed"))
    began = time.monotonic()
    process = started(context)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return context, json.loads(out), time.monotonic() - began


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
async def test_a_killed_run_goes_on_where_it_stopped(
    whole: tuple[Context, dict[str, object], float], warmed: Callable[[Path], Path], tmp_path: Path, seed: int
) -> None:
    undisturbed, expected, seconds = whole
    context = undisturbed.model_copy(update={"data_dir": warmed(tmp_path / "home")})
    process = started(context)
    await asyncio.sleep(random.Random(seed).uniform(0.3, 1.0) * seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    data = DataDir(context.data_dir)
    before = finished_queries(context)
    if CaseFolder(data.case("case-1")).header() is None:
        report = await ahunt(QUESTION, context=context, thread_id="case-1")
    else:
        report = await aresume("case-1", data_dir=data)
    after = finished_queries(context)
    assert {name: after[name] for name in before} == before
    told = report.model_dump(mode="json")
    for same in ("outcome", "findings", "coverage", "summary", "rounds"):
        assert told[same] == expected[same]
    logged = [entry["id"] for entry in ThreatsLog(data.threats).entries()]
    assert sorted(logged) == sorted(finding.id for finding in report.findings)


async def test_resuming_a_finished_case_runs_nothing(tmp_path: Path) -> None:
    context = Context(workspace=str(small(tmp_path / "logs")), data_dir=tmp_path / "home")
    first = await ahunt(QUESTION, context=context, thread_id="case-1")
    events: list[Event] = []
    again = await aresume("case-1", data_dir=DataDir(context.data_dir), watch=events.append)
    assert again == first
    assert events == []
