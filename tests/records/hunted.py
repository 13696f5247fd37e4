"""A real hunt in a small workspace, with what it stood on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soc_analyst import Context, Report, ahunt, aquery
from soc_analyst.graph.desk.grounds import ground_of
from soc_analyst.tools.evidence.rows import row_digest
from soc_analyst.tools.records.folder import DataDir
from soc_analyst.tools.records.reproducing import Citation, Ground, citations_of
from tests.graph.workspace import END, small


@dataclass(frozen=True)
class Hunted:
    """A finished case."""

    context: Context
    report: Report
    ground: Ground


def hunted(folder: Path) -> Hunted:
    """Hunt where one host was attacked."""
    context = Context(workspace=str(small(folder / "logs")), data_dir=folder / "home", now=END)
    report = asyncio.run(ahunt("Anything suspicious on host ws-1 in the last day?", context=context, thread_id="c-1"))
    return Hunted(context, report, ground_of("c-1", DataDir(context.data_dir)))


async def differing(told: Report, ground: Ground, context: Context) -> tuple[list[Any], int]:
    """Return the queries that return other rows than those cited, and how many were asked."""
    wrong, asked = [], 0
    for finding in told.findings:
        for found in citations_of(finding, told, ground):
            assert isinstance(found, Citation), found
            back = await aquery(found.kql, context=context, since=found.window.start, until=found.window.end)
            assert back.kql == found.canonical
            asked += 1
            if sorted(back.digests) != sorted(map(row_digest, found.lines)):
                wrong.append((finding.title, found.kql, len(back)))
    return wrong, asked
