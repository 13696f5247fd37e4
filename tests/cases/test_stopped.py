"""A hunt that a person stops ends with a partial report, and goes on to the report of one that nothing disturbs."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from soc_analyst import Context, ahunt
from soc_analyst.graph.hunting import aresume
from soc_analyst.graph.progress import Event
from soc_analyst.tools.records.folder import DataDir
from soc_analyst.tools.records.threats import ThreatsLog

from .play import context_of, written
from .test_crash import CASE, told, undisturbed

EVENTS = ("round", "query_finished", "detections")


class Person:
    """Watches a run, and wants it to end at a certain event."""

    def __init__(self, event: str, times: int = 1) -> None:
        self.stop = threading.Event()
        self.answered: list[str] = []
        self._event = event
        self._left = times

    def watch(self, event: Event) -> None:
        """Take down what the workspace answered, and stop where the time has come."""
        if event["event"] == "query_finished" and event["status"] != "failed":
            self.answered.append(event["id"])
        self._left -= event["event"] == self._event
        if self._left == 0:
            self.stop.set()


def _laid_out(folder: Path) -> Context:
    written(CASE, folder / "logs")
    return context_of(CASE, folder)


@pytest.mark.parametrize("event", EVENTS)
async def test_a_stopped_hunt_tells_what_it_has_and_goes_on_without_asking_twice(event: str, tmp_path: Path) -> None:
    context = _laid_out(tmp_path)
    person = Person(event)
    report = await ahunt(CASE.question, context=context, thread_id="case-1", watch=person.watch, stop=person.stop)
    assert report.budget_reached == "stop"
    assert any("A person ended the investigation early" in warning for warning in report.warnings)
    before = set(person.answered)

    after = Person("never")
    again = await aresume("case-1", data_dir=DataDir(context.data_dir), watch=after.watch)
    assert told(again) == await undisturbed(tmp_path)
    assert not before & set(after.answered), "a query that had run was run again"
    logged = [entry["id"] for entry in ThreatsLog(DataDir(context.data_dir).threats).entries()]
    assert len(logged) == len(set(logged)) and {finding.id for finding in again.findings} <= set(logged)


async def test_stopped_before_anything_ran_it_says_that_it_could_not_look(tmp_path: Path) -> None:
    context = _laid_out(tmp_path)
    stop = threading.Event()
    stop.set()
    report = await ahunt(CASE.question, context=context, stop=stop)
    assert report.budget_reached == "stop" and report.outcome == "could_not_look"
    assert not report.findings and {query.status for query in report.queries} == {"skipped"}


async def test_a_hunt_that_had_ended_anyway_is_no_stopped_one(tmp_path: Path) -> None:
    context = _laid_out(tmp_path)
    person = Person("finding")
    report = await ahunt(CASE.question, context=context, watch=person.watch, stop=person.stop)
    assert person.stop.is_set() and report.budget_reached == ""
