"""What a released version wrote is gone on from by this one."""

from __future__ import annotations

import sqlite3
import zipfile
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest

from soc_analyst.graph.checkpoints import checkpoint_serializer, require_readable
from soc_analyst.graph.hunting import aresume
from soc_analyst.state.case import CaseState
from soc_analyst.state.errors import ApprovalRequired, OperatorError
from soc_analyst.state.report import Report
from soc_analyst.tools.records.folder import DataDir
from soc_analyst.tools.records.threats import ThreatsLog

from ..graph.workspace import small
from .keeping import FIXTURES, LOGS, NODES, version

VERSIONS = sorted(path.stem for path in FIXTURES.glob("*.zip"))


@pytest.fixture
def unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that fixtures are unpacked into, beside the workspace that their cases name."""
    small(tmp_path / LOGS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kept(name: str, folder: Path) -> DataDir:
    with zipfile.ZipFile(FIXTURES / f"{name}.zip") as archive:
        archive.extractall(folder / name)
    return DataDir(folder / name)


def last_state(data: DataDir, thread: str) -> dict[str, Any]:
    with closing(sqlite3.connect(data.checkpoints)) as connection:
        query = "select type, checkpoint from checkpoints where thread_id = ?"
        kind, content = connection.execute(query, (thread,)).fetchone()
    state: dict[str, Any] = checkpoint_serializer().loads_typed((kind, content))["channel_values"]
    return state


def test_this_version_has_its_fixtures() -> None:
    assert version() in VERSIONS, "run `make checkpoint-fixtures` and commit what it keeps"


@pytest.mark.parametrize("name", VERSIONS)
def test_every_checkpoint_of_an_earlier_version_can_be_read(name: str, unpacked: Path) -> None:
    data = kept(name, unpacked)
    for thread in (*(f"before-{node}" for node in NODES), "finished", "waiting"):
        state = last_state(data, thread)
        assert state["question"]
        require_readable(CaseState(**state))


@pytest.mark.slow
@pytest.mark.parametrize("name", VERSIONS)
async def test_every_case_of_an_earlier_version_is_finished(name: str, unpacked: Path) -> None:
    data = kept(name, unpacked)
    finished = await aresume("finished", data_dir=data)
    for thread in (*(f"before-{node}" for node in NODES), "waiting"):
        folder = data.case(thread) / "queries"
        before = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.json")}
        with pytest.raises(ApprovalRequired) if thread == "waiting" else nullcontext():
            await aresume(thread, data_dir=data)
        report = await aresume(thread, data_dir=data, approve=lambda _plan: {"type": "accept", "args": None})
        assert {path.name: path.stat().st_mtime_ns for path in folder.glob("*.json")}.items() >= before.items()
        told = {"outcome", "rounds", "coverage"}
        assert report.model_dump(include=told) == finished.model_dump(include=told), thread
        # Rules are worded anew and know more from version to version: what is found stays, and how it is told may not.
        assert _shown(report) == _shown(finished), thread
        logged = [entry for entry in ThreatsLog(data.threats).entries() if entry["thread_id"] == thread]
        assert len(logged) == len(report.findings) > 0


def _shown(report: Report) -> set[tuple[str, str]]:
    return {(finding.confidence, finding.mitre.id) for finding in report.findings if finding.confidence == "High"}


async def test_a_checkpoint_that_lacks_what_is_needed_is_one_clear_line(unpacked: Path) -> None:
    data = kept(VERSIONS[0], unpacked)
    serializer = checkpoint_serializer()
    with closing(sqlite3.connect(data.checkpoints, isolation_level=None)) as connection:
        query = "select type, checkpoint from checkpoints where thread_id = 'before-guardrail'"
        content = serializer.loads_typed(connection.execute(query).fetchone())
        content["channel_values"]["plan"] = content["channel_values"]["plan"].model_copy(update={"round": None})
        kind, changed = serializer.dumps_typed(content)
        put = "update checkpoints set type = ?, checkpoint = ? where thread_id = 'before-guardrail'"
        connection.execute(put, (kind, changed))
    with pytest.raises(OperatorError, match=r"thread before-guardrail: its checkpoint.*plan: round"):
        await aresume("before-guardrail", data_dir=data)
