"""A hunt of several rounds that is killed again and again at random moments ends as one that nothing disturbs.

A model over loopback counts what is paid, a workspace over loopback what is asked.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from soc_analyst.tools.logs.service import LogAnalyticsService, Tenant
from soc_analyst.tools.models.scripted import Asked, Reply, ScriptedServer
from soc_analyst.tools.records.folder import DataDir
from soc_analyst.tools.records.threats import ThreatsLog

from ..graph.test_model_hunts import PLAN, QUESTION, finding, workspace
from ..graph.workspace import END
from .checking import assert_nothing_torn, told
from .zygote import Zygote

KILLS = 100
PER_HUNT = 5.0
"""How often a hunt is killed on average, where each of its moments is as likely as another."""
WORKSPACE = "11111111-1111-4111-8111-111111111111"


def model(asked: Asked) -> Reply:
    """Reply by what is asked alone, so that it is the same whenever it is asked."""
    if asked.answer == "plan_queries":
        done = "Copies to other hosts" in asked.user
        return {**PLAN, "queries": [], "hypotheses": [], "reason": "Nothing is left."} if done else PLAN
    if asked.answer == "CriticAnswer":
        return {"reviews": []}
    rows = (line.split("\t") for line in asked.user.splitlines() if "robocopy" in line)
    handle = next((cells[0] for cells in rows if cells[0][:1] in "EG"), "E1")
    return {"findings": [finding(handle)], "hypotheses": []}


@dataclass
class World:
    """What a hunt asks, and what came of all hunts so far."""

    zygote: Zygote
    model: ScriptedServer
    logs: LogAnalyticsService
    home: Path
    seconds: float = 0.0
    """What a hunt takes that nothing disturbs."""
    expected: dict[str, Any] = field(default_factory=dict)
    logged: list[dict[str, Any]] = field(default_factory=list)
    planned: frozenset[str] = frozenset()
    """The texts of all queries of the plans: the small ones that look a name or a table up are none of them."""

    def data(self, name: str) -> DataDir:
        return DataDir(self.home / name)

    def hunt(self, name: str) -> int:
        options = {
            "thread": name,
            "workspace": f"azure:{WORKSPACE}@{self.logs.url}",
            "now": END.isoformat(),
            "model": f"scripted@{self.model.url}",
            "data-dir": str(self.data(name).root),
        }
        if self.data(name).case(name).joinpath("case.json").exists():
            return self.zygote.start(["resume", name, "--data-dir", options["data-dir"], "--json"])
        given = [text for option, value in options.items() for text in (f"--{option}", value)]
        return self.zygote.start(["hunt", QUESTION, *given, "--json"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("killed")
    logs = Path(workspace(folder / "logs"))
    service = LogAnalyticsService({WORKSPACE: Tenant(logs)}, home=folder / "served", tls=True, token="token")
    with service as served, ScriptedServer(model) as paid:
        environment = {**served.identity, "SSL_CERT_FILE": str(served.authority)}
        (folder / "said").mkdir()
        with Zygote(folder / "said", environment) as zygote:
            world = World(zygote, paid, served, folder)
            for name in ("first", "undisturbed"):  # the first one learns what is to be imported
                begun = time.monotonic()
                assert zygote.ended(world.hunt(name)) == 0, zygote.err
                world.seconds = time.monotonic() - begun
                if name == "first":
                    zygote.learn()
            world.expected = told(json.loads(zygote.out), "undisturbed")
            world.logged = logged(world, "undisturbed")
            world.planned = frozenset(query["kql"] for query in world.expected["queries"])
            assert world.planned & {one.kql for one in served.posted}
            yield world


def logged(world: World, name: str) -> list[dict[str, Any]]:
    entries = [dict(entry) for entry in ThreatsLog(world.data(name).threats).entries()]
    for entry in entries:
        entry.pop("logged_at")
        entry.pop("thread_id")
    return entries


@dataclass
class Counts:
    """How much was asked more than once, against how much was under way when a process was killed."""

    calls: Counter[str] = field(default_factory=Counter)
    finished: dict[str, int] = field(default_factory=dict)
    """How often each query was asked whose record is kept, by its text: from then on it is asked no more."""
    calls_lost: int = 0
    records: dict[str, int] = field(default_factory=dict)
    """The records of finished queries and calls, by when they were written."""

    def see(self, world: World, name: str, at: tuple[int, int]) -> None:
        """Look at what is there after a process is dead; `at` is where this hunt's requests begin."""
        self.calls = Counter(json.dumps(one.body, sort_keys=True) for one in world.model.asked[at[0] :])
        asked = Counter(one.kql for one in world.logs.posted[at[1] :])
        again = [text for text, times in self.finished.items() if asked[text] != times]
        assert not again, f"asked again, though its record is kept: {again[0]}"
        folder = world.data(name).case(name)
        written = {path.name: path.stat().st_mtime_ns for path in folder.glob("[qc]*/*.json")}
        assert self.records.items() <= written.items(), "a finished query or call was written anew"
        self.records = written
        self.finished = {text: asked[text] for text in _kept_texts(world.data(name), name)}
        self.calls_lost += len(self.calls) - len(list(folder.glob("calls/*.json")))

    def assert_nothing_twice(self) -> None:
        """Hold that only the calls under way at a kill, and none that was kept, were paid again."""
        assert self.calls.total() - len(self.calls) <= self.calls_lost


def _kept_texts(data: DataDir, name: str) -> Iterator[str]:
    for path in data.case(name).glob("queries/*.json"):
        yield data.evidence.text(json.loads(path.read_bytes())["kql_digest"])


def killed_to_the_end(world: World, name: str, moments: random.Random) -> int:
    """Run a hunt to its end through kills at random moments; return how many it outlived."""
    kills, counts, at = 0, Counts(), (len(world.model.asked), len(world.logs.posted))
    while True:
        process = world.hunt(name)
        time.sleep(moments.expovariate(PER_HUNT / world.seconds))
        os.kill(process, signal.SIGKILL)
        status = world.zygote.ended(process)
        counts.see(world, name, at)
        assert_nothing_torn(world.data(name))
        if status != -signal.SIGKILL:
            break
        kills += 1
    assert status == 0, world.zygote.err
    assert told(json.loads(world.zygote.out), name) == world.expected
    assert logged(world, name) == world.logged
    counts.assert_nothing_twice()
    return kills


@pytest.mark.slow
def test_a_hunt_killed_at_random_moments_ends_as_one_that_nothing_disturbs(world: World) -> None:
    moments, kills, hunts = random.Random(20261130), 0, 0
    while kills < KILLS:
        hunts += 1
        kills += killed_to_the_end(world, f"hunt-{hunts}", moments)
