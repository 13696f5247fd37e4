"""`accept`: a person's word on a finished report, for later investigations to know."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from soc_analyst.state.errors import OperatorError

from .options import DataDirOption, data_at

__all__ = ["accept"]


def accept(
    thread: Annotated[str, typer.Argument(metavar="THREAD", help="The finished case.")],
    benign: Annotated[
        list[str] | None,
        typer.Option(
            "--benign", metavar="FINDING=REASON", help="A finding that is ordinary work, and why; may be given again."
        ),
    ] = None,
    data_dir: DataDirOption = None,
) -> int:
    """Accept a report: what it found, and what you hold for ordinary work, is told to hunts with --memory."""
    from soc_analyst.graph.desk.desk import wall_clock
    from soc_analyst.tools.records.memory import accept as keep
    from soc_analyst.tools.records.verifying import require_whole

    data = data_at(data_dir)
    case = data.folder(thread)
    header, report = case.header(), case.report()
    if header is None or report is None:
        raise OperatorError("there is no finished case of this name; `soc-analyst threads` lists them", where=thread)
    require_whole(case, data.of(header).evidence)
    told = keep(case, report, _reasons(benign or []), wall_clock(), str(header.options.get("workspace", "")))
    attacks = sum(one.confidence != "Low" and one.id not in told.ordinary for one in report.findings)
    sys.stdout.write(
        f"Accepted {thread}: {attacks} findings held for attacks, {len(told.ordinary)} for ordinary work. "
        "Hunts with --memory tell of them.\n"
    )
    return 0


def _reasons(given: list[str]) -> dict[str, str]:
    reasons: dict[str, str] = {}
    for one in given:
        finding, separator, reason = one.partition("=")
        if not separator:
            raise OperatorError(f"takes a finding's id, `=` and the reason (given: {one[:60]!r})", where="--benign")
        reasons[finding.strip()] = reason
    return reasons
