"""`threads` and `report`: what was looked into, and what came of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from soc_analyst.state.errors import EvidenceError, OperatorError
from soc_analyst.tools.records.formats import Format

from . import incidents
from .options import DataDirOption, data_at, data_root
from .writing import write

if TYPE_CHECKING:
    from soc_analyst.state.report import Report
    from soc_analyst.tools.records.cases import CaseFolder

__all__ = ["report", "threads"]


def threads(data_dir: DataDirOption = None) -> int:
    """List past investigations, the latest first: id, time, outcome, question."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from soc_analyst.tools.records.cases import current_report
    from soc_analyst.tools.records.safe_text import inert

    table = Table(box=None, padding=(0, 1))
    for name in ("Thread", "Started", "Outcome"):
        table.add_column(name, no_wrap=True)
    table.add_column("Question", overflow="fold")
    for folder in data_at(data_dir).all_cases():
        try:
            header, finished = folder.header(), folder.report()
        except EvidenceError as error:
            table.add_row(folder.path.name, "", "unreadable", Text(inert(str(error))))
            continue
        if header is not None:
            current = current_report(header, finished)
            outcome = current.outcome if current is not None else "interrupted"
            started = f"{header.started:%Y-%m-%d %H:%M}"
            table.add_row(header.thread_id, started, outcome, Text(inert(header.question)))
    if table.row_count:
        Console(highlight=False).print(table)
    else:
        sys.stderr.write('No investigations yet; `soc-analyst hunt "…"` starts one.\n')
    return 0


def report(
    thread: Annotated[str, typer.Argument(metavar="THREAD", help="The finished case.")],
    format: Annotated[
        Format, typer.Option("--format", case_sensitive=False, help="How to write it.")
    ] = Format.markdown,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Where to write it; standard output otherwise. A folder for one file a Sentinel rule."
        ),
    ] = None,
    tlp: Annotated[
        str, typer.Option(metavar="MARK", help="The TLP marking of a STIX bundle: clear, green, amber or red.")
    ] = "",
    replay: Annotated[
        bool,
        typer.Option("--replay", help="Make it again from the rows that were kept: no query, no model; compare."),
    ] = False,
    data_dir: DataDirOption = None,
    create_incident: incidents.CreateOption = False,
    finding: incidents.FindingOption = None,
    incident_workspace: incidents.ToOption = None,
    policy: incidents.PolicyOption = None,
    dry_run: incidents.DryRunOption = False,
    yes: incidents.YesOption = None,
) -> int:
    """Render a finished investigation, or make Microsoft Sentinel incidents of what it confirmed."""
    root = data_root(data_dir)
    write_back = incidents.WriteBack(tuple(finding or ()), incident_workspace, policy, dry_run, yes)
    if create_incident:
        if out is not None or replay:
            raise OperatorError("does not go with --create-incident", where="--replay" if replay else "--out")
        return incidents.write(_case(thread, root)[0], root, write_back)
    write_back.require_none()
    if not replay:
        write(_finished(thread, root), format, out, tlp, root)
        return 0
    from .replaying import replay as made_again

    again, status = made_again(thread, root)
    write(again, format, out, tlp, root)
    return status


def _case(thread: str, root: Path) -> tuple[CaseFolder, Report]:
    """Return the folder of a finished case and its report."""

    folder = data_at(root).folder(thread)
    if folder.header() is None:
        raise OperatorError(f"no such case in {root}; `soc-analyst threads` lists them", where=f"thread {thread}")
    found = folder.report()
    if found is None:
        raise OperatorError(f"not finished; `soc-analyst resume {thread}` goes on with it", where=f"thread {thread}")
    return folder, found


def _finished(thread: str, root: Path) -> Report:
    from soc_analyst.tools.records.verifying import faults_of_case

    folder, found = _case(thread, root)
    if folder.can_be_replayed:
        sys.stderr.writelines(f"soc-analyst: warning: {fault}\n" for fault in faults_of_case(folder))
    return found
