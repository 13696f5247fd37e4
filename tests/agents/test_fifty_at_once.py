"""Fifty investigations at once in one process: each comes to what it comes to alone, in a shared folder or its own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from soc_analyst import Context, Report, ahunt
from soc_analyst.tools.records.folder import DataDir
from soc_analyst.tools.records.logged import Entry, read
from soc_analyst.tools.records.threats import ThreatsLog

pytestmark = pytest.mark.slow
ABOUT = (
    "Anything suspicious on host ws-1 in the last {} hours?",
    "Anything suspicious on host ws-2 in the last {} hours?",
    "Any failed sign-ins of bob@contoso.com in the last {} hours?",
    "What did jdoe run in the last {} hours?",
    "Any sign-ins from 192.0.2.10 in the last {} hours?",
)
QUESTIONS = tuple(about.format(hours) for hours in range(3, 13) for about in ABOUT)
FEW = QUESTIONS[:5]


def told(report: Report) -> object:
    """Return what a report says, without what differs from run to run."""
    asked = [(query.id, query.kql, query.status, query.rows) for query in report.queries]
    return report.outcome, report.summary, [finding.model_dump() for finding in report.findings], asked


async def test_fifty_at_once_come_to_what_each_comes_to_alone(context: Context, tmp_path: Path) -> None:
    def apart(name: str) -> Context:
        return context.model_copy(update={"data_dir": tmp_path / name})

    shared = apart("shared")
    together = await asyncio.gather(*(ahunt(one, context=shared) for one in QUESTIONS))
    assert len({report.thread_id for report in together}) == len(set(QUESTIONS)) == 50
    alone = [await ahunt(one, context=context) for one in FEW]
    separate = await asyncio.gather(*(ahunt(one, context=apart(f"own-{n}")) for n, one in enumerate(FEW)))
    for one, two, three in zip(together, alone, separate, strict=False):
        assert told(one) == told(two) == told(three)
    assert {report.outcome for report in together} >= {"confirmed", "not_found"}
    logged = [entry.finding for entry in read(ThreatsLog(DataDir(shared.data_dir).threats)) if isinstance(entry, Entry)]
    assert sorted((one.thread_id, one.id) for one in logged) == sorted(
        (report.thread_id, finding.id) for report in together for finding in report.findings
    )
    assert len(list((shared.data_dir / "workspaces").glob("*.duckdb"))) == 1
