"""`report --replay`: a case made again from what was kept of it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .options import data_at

if TYPE_CHECKING:
    from soc_analyst.state.report import Report

__all__ = ["replay"]

DIFFERS = 4
"""The exit status where it does not come out as it was reported: what was told cannot be shown any more."""


def replay(thread: str, root: Path) -> tuple[Report, int]:
    """Return the report as it comes out now and the exit status; tell on standard error how it compares."""
    from soc_analyst.graph.concluding.replaying import replayed
    from soc_analyst.tools.records.safe_text import inert

    made = asyncio.run(replayed(thread, data_dir=data_at(root)))
    report = made.report
    proved = sum(claim.verified for finding in report.findings for claim in finding.claims)
    lines = [
        f"Replayed {thread} without a query or a model: {len(report.findings)} findings, {made.claims} claims, "
        f"{proved} proved; {made.files} files of the case and all its evidence are as they were written."
    ]
    if made.proved_again:
        lines.append(f"{made.proved_again} findings of a model were proved again by their own claims.")
    lines += [f"Differs: {inert(line)}" for line in made.differs] or ["All of it is as it was reported."]
    sys.stderr.writelines(f"{line}\n" for line in lines)
    return report, DIFFERS if made.differs else 0
