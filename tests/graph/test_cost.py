"""What a case will read is looked up once and told before anything runs."""

from __future__ import annotations

from pathlib import Path

from soc_analyst import Context, ahunt
from soc_analyst.graph.progress import Event

from .workspace import END, small

QUESTION = "Anything suspicious on host ws-1 in the last day?"


async def test_what_a_plan_reads_is_told_before_its_queries_run(tmp_path: Path) -> None:
    events: list[Event] = []
    context = Context(workspace=str(small(tmp_path / "logs")), now=END, data_dir=tmp_path / "data")
    report = await ahunt(QUESTION, context=context, watch=events.append)
    kinds = [event["event"] for event in events]
    assert kinds.index("cost") < kinds.index("query_started")
    first = events[kinds.index("cost")]
    asked = [query for query in report.queries if query.round == 1]
    assert first["count"] == len(asked) and first["unknown"] == 0
    assert first["scanned_rows"] == sum(query.estimate.rows or 0 for query in asked if query.estimate)
    processes = next(query for query in asked if query.table == "DeviceProcessEvents")
    covered = next(entry for entry in report.coverage if entry.table == "DeviceProcessEvents")
    assert processes.estimate is not None and processes.estimate.rows == covered.rows_in_window
    assert processes.scanned is None  # the engine counts nothing
