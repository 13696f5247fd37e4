"""What a case will read is looked up once and told before anything runs."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import Path

from soc_analyst import Context, ahunt, state
from soc_analyst.graph.checkpoints import checkpoint_serializer
from soc_analyst.graph.progress import Event
from soc_analyst.state.base import Value

from .workspace import END, process, small, write

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


def quiet(tmp_path: Path, policy: str) -> Context:
    """Return a case over a day of ordinary work, four rows an hour."""
    rows = [process(1 + 15 * n, "ws-1", "notepad.exe report.txt", "bob") for n in range(95)]
    write(tmp_path / "logs", "DeviceProcessEvents", rows)
    (tmp_path / "policy.yaml").write_text(policy)
    return Context(
        workspace=str(tmp_path / "logs"), now=END, data_dir=tmp_path / "data", policy=tmp_path / "policy.yaml"
    )


ASKED = "Which processes ran on host ws-1 in the last day?"


async def test_a_query_over_its_cap_is_asked_in_parts_that_fit(tmp_path: Path) -> None:
    whole = await ahunt(ASKED, context=quiet(tmp_path / "whole", "row_cap: 30000\n"))
    (query,) = (one for one in whole.queries if one.table == "DeviceProcessEvents")
    assert query.estimate is not None and query.estimate.bytes
    half = query.estimate.bytes * 0.6 / 1e9
    report = await ahunt(ASKED, context=quiet(tmp_path / "cut", f"max_scan_gb: {half:.9f}\n"))
    refused, *parts = (one for one in report.queries if one.table == "DeviceProcessEvents")
    assert refused.status == "refused" and refused.diagnostics[0].code == "scan-too-large"
    assert len(parts) == 2 and sum(part.rows for part in parts) == query.rows == 95
    assert report.outcome == whole.outcome
    assert not any("Not fully seen" in warning for warning in report.warnings)


async def test_a_table_asked_in_parts_is_asked_as_widely_as_one_asked_whole(tmp_path: Path) -> None:
    asked = "Show suspicious PowerShell activity on host ws-1 in the last day"
    whole = await ahunt(asked, context=quiet(tmp_path / "whole", "row_cap: 30000\n"))
    query = next(one for one in whole.queries if one.table == "DeviceProcessEvents")
    assert query.status == "empty" and query.estimate is not None
    half = (query.estimate.bytes or 0) * 0.6 / 1e9
    report = await ahunt(asked, context=quiet(tmp_path / "cut", f"max_scan_gb: {half:.9f}\n"))
    for found in (whole, report):
        assert sum(one.rows for one in found.queries if one.table == "DeviceProcessEvents") == 95
    assert report.outcome == whole.outcome


async def test_what_the_case_may_not_read_is_not_reported_as_empty(tmp_path: Path) -> None:
    whole = await ahunt(ASKED, context=quiet(tmp_path / "whole", "row_cap: 30000\n"))
    (query,) = (one for one in whole.queries if one.table == "DeviceProcessEvents")
    assert query.estimate is not None and query.estimate.bytes
    some = query.estimate.bytes * 0.25 / 1e9
    report = await ahunt(ASKED, context=quiet(tmp_path / "cut", f"max_case_scan_gb: {some:.9f}\n"))
    refused, part = (one for one in report.queries if one.table == "DeviceProcessEvents")
    assert refused.diagnostics[0].code == "scan-used-up" and 20 <= part.rows <= 25
    assert report.outcome == "could_not_look"
    assert "was asked from 2026-03-04 0" in report.summary
    asked = sum(one.estimate.bytes or 0 for one in report.queries if one.status != "refused" and one.estimate)
    assert asked <= some * 1e9


async def test_a_table_paid_by_what_is_read_is_not_touched_and_it_is_said(tmp_path: Path) -> None:
    report = await ahunt(ASKED, context=quiet(tmp_path, "expensive_tables: [DeviceProcessEvents]\n"))
    assert report.outcome == "could_not_look"
    assert "DeviceProcessEvents" in report.summary and "paid by what a query reads" in report.summary
    assert all(query.status == "refused" for query in report.queries if query.table == "DeviceProcessEvents")


def test_a_checkpoint_gives_back_every_kind_of_value_of_a_case() -> None:
    """What a saver may not load comes back as something else, and only a line on standard error says so."""
    names = {module.name for module in pkgutil.iter_modules(state.__path__)} - {"tables"}  # which no case holds
    modules = [import_module(f"soc_analyst.state.{name}") for name in names]
    kinds = {kind for module in modules for kind in vars(module).values() if isinstance(kind, type)}
    for kind in kinds:
        if issubclass(kind, Value) and kind is not Value:
            made = kind.model_construct()
            assert type(checkpoint_serializer().loads_typed(checkpoint_serializer().dumps_typed(made))) is kind, kind
