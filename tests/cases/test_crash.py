"""A hunt of several rounds that dies at each of its steps in turn ends with the report of one that nothing disturbs."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

import pytest
from langgraph.runtime import Runtime

from soc_analyst import Context, Report, ahunt
from soc_analyst.graph import build
from soc_analyst.graph.hunting import aresume
from soc_analyst.state.case import CaseState
from soc_analyst.tools.records.folder import DataDir
from soc_analyst.tools.records.threats import ThreatsLog

from .form import CASES, load
from .play import context_of, written
from .weakened import Node

CASE = load(CASES / "pivot-address-to-another-host")


class Died(Exception):
    """The process is gone."""


@contextmanager
def dying(when: Literal["before", "after"], done: list[str]) -> Iterator[None]:
    """Let each step die once: before its work, or after it and before anything of it is checkpointed."""
    died: set[int] = set()

    def mortal(node: Node) -> Node:
        @functools.wraps(node)
        async def once(state: CaseState, runtime: Runtime[Context]) -> dict[str, Any]:
            step = len(done)
            if step not in died:
                died.add(step)
                if when == "after":
                    await node(state, runtime)
                raise Died
            update = await node(state, runtime)
            done.append(node.__name__)
            return update

        return once

    with patch.dict(build.NODES, {name: mortal(node) for name, node in build.NODES.items()}):
        yield


def told(report: Report) -> dict[str, Any]:
    """Return a report without what the clock alone decides."""
    said = report.model_dump(mode="json")
    said["usage"].pop("seconds")
    for query in said["queries"]:
        query.pop("elapsed_ms")
        query.pop("scanned")
    return said


async def undisturbed(folder: Path) -> dict[str, Any]:
    context = context_of(CASE, folder).model_copy(update={"data_dir": folder / "undisturbed"})
    return told(await ahunt(CASE.question, context=context, thread_id="case-1"))


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_hunt_that_dies_at_each_step_ends_with_the_same_report(
    when: Literal["before", "after"], tmp_path: Path
) -> None:
    written(CASE, tmp_path / "logs")
    expected, context, done = await undisturbed(tmp_path), context_of(CASE, tmp_path), []
    data, deaths, report = DataDir(context.data_dir), 0, None
    with dying(when, done):
        while report is None:
            try:
                started = data.case("case-1").joinpath("case.json").exists() or deaths > 1
                report = await (
                    aresume("case-1", data_dir=data)
                    if started
                    else ahunt(CASE.question, context=context, thread_id="case-1")
                )
            except Died:
                deaths += 1
    assert expected["rounds"] == 4
    assert deaths == len(done) >= 20
    assert told(report) == expected
    logged = [entry["id"] for entry in ThreatsLog(data.threats).entries()]
    assert sorted(logged) == sorted(finding.id for finding in report.findings)
