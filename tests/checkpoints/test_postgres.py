"""Checkpoints in a real Postgres: resumed from any machine, one run of a thread at a time, and no password anywhere."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from soc_analyst import Context, ahunt
from soc_analyst.cli.app import run
from soc_analyst.graph.checkpoints import open_checkpoints
from soc_analyst.graph.checkpoints.database import database_of
from soc_analyst.graph.hunting import aresume
from soc_analyst.state.errors import ApprovalRequired, OperatorError
from soc_analyst.tools.records.folder import DataDir

from ..graph.workspace import END, small
from . import postgres_server

QUESTION = "Anything suspicious on host ws-1 in the last day?"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(postgres_server.missing()), reason=postgres_server.missing()),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres_server.running() as found:
        yield found


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(workspace=str(small(tmp_path / "logs")), now=END, data_dir=tmp_path / "data", approve="always")


async def test_a_case_goes_on_from_the_database(url: str, context: Context, tmp_path: Path) -> None:
    plain = context.model_copy(update={"approve": "auto", "data_dir": tmp_path / "sqlite"})
    expected = await ahunt(QUESTION, context=plain, thread_id="case-1", checkpoints="sqlite")
    with pytest.raises(ApprovalRequired):
        await ahunt(QUESTION, context=context, thread_id="case-1", checkpoints=url)
    data = DataDir(context.data_dir)
    assert not data.checkpoints.exists()

    def yes(_plan: object) -> object:
        return {"type": "accept", "args": None}

    report = await aresume("case-1", data_dir=data, approve=yes, checkpoints=url)
    assert report.findings == expected.findings and report.rounds == expected.rounds > 1
    again = await aresume("case-1", data_dir=data, checkpoints=url)
    assert again == report
    assert not holding(postgres_server.PASSWORD, tmp_path)


def holding(text: str, folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


async def test_one_run_of_a_thread_at_a_time_whatever_the_machine(url: str, context: Context, tmp_path: Path) -> None:
    elsewhere = context.model_copy(update={"data_dir": tmp_path / "other-machine"})
    async with open_checkpoints(Path("unused"), thread="case-2", database=database_of(url)):
        with pytest.raises(OperatorError, match="thread case-2: is running already, here or on another machine"):
            await ahunt(QUESTION, context=elsewhere, thread_id="case-2", checkpoints=url)
        async with open_checkpoints(Path("unused"), thread="case-3", database=database_of(url)):
            pass  # another thread is free
    async with open_checkpoints(Path("unused"), thread="case-2", database=database_of(url)):
        pass  # and so is this one, once its run has ended


async def test_many_runs_that_start_at_once_make_the_tables_once(url: str) -> None:
    fresh = f"{url.rsplit('/', 1)[0]}/fresh"
    psycopg = pytest.importorskip("psycopg")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("create database fresh")

    async def opened(name: str) -> None:
        async with open_checkpoints(Path("unused"), thread=name, database=database_of(fresh)) as saver:
            assert await saver.aget_tuple({"configurable": {"thread_id": name}}) is None

    await asyncio.gather(*(opened(f"case-{n}") for n in range(8)))


def test_what_is_wrong_with_the_database_is_one_line_without_a_password(
    url: str, context: Context, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["hunt", QUESTION, "--workspace", context.workspace, "--data-dir", str(context.data_dir)]
    wrong = url.replace(postgres_server.PASSWORD, quote("wrong & secret"))
    nowhere = url.replace(url.rsplit(":", 1)[1], "1/postgres")
    for given, why in ((wrong, "password authentication failed"), (nowhere, "refused"), (f"{url}x", "does not exist")):
        monkeypatch.setenv("SOC_ANALYST_CHECKPOINTS", given)
        assert run(asked) == 2
        said = capfd.readouterr().err
        assert said.count("\n") == 1 and why in said and "SOC_ANALYST_CHECKPOINTS" in said
        assert "secret" not in said and postgres_server.PASSWORD not in said
    assert run([*asked, "--checkpoints", url]) == 2
    assert "holds a password" in capfd.readouterr().err


def test_a_killed_run_lets_go_of_the_thread(url: str, context: Context) -> None:
    """The database notices that the process is gone; the next run goes on."""
    environment = {**os.environ, "SOC_ANALYST_CHECKPOINTS": url}
    asked = ["-m", "soc_analyst", "hunt", QUESTION, "--thread", "case-9", "--workspace", context.workspace]
    command = [sys.executable, *asked, "--data-dir", str(context.data_dir), "--json"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    folder = DataDir(context.data_dir).case("case-9") / "queries"
    while process.poll() is None and not list(folder.glob("*.json")):
        time.sleep(0.01)
    process.kill()
    process.communicate()
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.json")}
    done = subprocess.run(
        [sys.executable, "-m", "soc_analyst", "resume", "case-9", "--data-dir", str(context.data_dir), "--json"],
        env=environment, capture_output=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    after = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.json")}
    assert before.items() <= after.items()
    assert not DataDir(context.data_dir).checkpoints.exists()
