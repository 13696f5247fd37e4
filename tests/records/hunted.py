"""A real hunt in a small workspace, with what it stood on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from soc_analyst import Context, Report, ahunt
from soc_analyst.graph.desk.grounds import ground_of
from soc_analyst.tools.records.folder import DataDir
from soc_analyst.tools.records.reproducing import Ground
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
