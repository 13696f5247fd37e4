"""`threats`: the findings log as a table, as lines, or as a page."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from soc_analyst.state.errors import OperatorError

from .options import DataDirOption, data_at, data_root

if TYPE_CHECKING:
    from rich.table import Table

    from soc_analyst.tools.records.logged import Entry, Fault, Wanted
    from soc_analyst.tools.records.recurring import Recurring

__all__ = ["EXAMPLES", "threats"]

MOST_FAULTS = 10
"""Lines of the log that are named one by one."""
WIDE = 110
"""Columns of a terminal from which on the first time and the cases have room."""
EXAMPLES = """\b
Examples:
  soc-analyst threats --confidence High --host ws-123
  soc-analyst threats --technique T1059 --since 2026-03-01 --html overview.html
  soc-analyst threats certutil --json
"""


class Level(StrEnum):
    """The least confidence shown."""

    Low = "Low"
    Medium = "Medium"
    High = "High"


def threats(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="Only findings in which this occurs.", show_default=False)
    ] = "",
    since: Annotated[str | None, typer.Option(metavar="ISO", help="Only findings logged since then.")] = None,
    until: Annotated[str | None, typer.Option(metavar="ISO", help="Only findings logged before then.")] = None,
    confidence: Annotated[
        Level | None, typer.Option(case_sensitive=False, help="Only findings of at least this confidence.")
    ] = None,
    host: Annotated[str, typer.Option(metavar="NAME", help="Of this host, with or without its domain.")] = "",
    account: Annotated[str, typer.Option(metavar="NAME", help="Of this account, with or without its domain.")] = "",
    tactic: Annotated[str, typer.Option(metavar="NAME", help="Of this ATT&CK tactic, such as execution.")] = "",
    technique: Annotated[
        str, typer.Option(metavar="ID", help="Of this ATT&CK technique; T1059 means T1059.001 too.")
    ] = "",
    tag: Annotated[str, typer.Option(metavar="TAG", help="With this tag.")] = "",
    workspace: Annotated[str, typer.Option(metavar="SPEC", help="Of this workspace, as the hunt named it.")] = "",
    thread: Annotated[str, typer.Option(metavar="ID", help="Of this case.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the log lines as they are.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write an overview by day, tactic and host.")
    ] = None,
    data_dir: DataDirOption = None,
) -> int:
    """Read the findings log; the same finding is one line, however often it was made."""
    from soc_analyst.tools.records.logged import Wanted

    if as_json and html is not None:
        raise OperatorError("give one of them", where="--json and --html")
    wanted = Wanted(
        since=_moment(since, "--since"), until=_moment(until, "--until"),
        confidence=confidence.value if confidence is not None else None,
        host=host, account=account, tactic=tactic, technique=technique, tag=tag, workspace=workspace, thread=thread,
        text=text,
    )  # fmt: skip
    entries, faults = _read(data_root(data_dir), wanted)
    _name(faults)
    if as_json:
        sys.stdout.writelines(json.dumps(entry.raw, ensure_ascii=False) + "\n" for entry in entries)
    elif html is not None:
        _write(html, entries, faults, wanted)
    elif entries:
        _show(entries)
    else:
        sys.stderr.write("No findings are logged that match.\n")
    return 0


def _read(root: Path, wanted: Wanted) -> tuple[list[Entry], list[Fault]]:
    from soc_analyst.tools.records.logged import Entry, Fault, read

    found = list(read(data_at(root).threats_log))
    entries = [one for one in found if isinstance(one, Entry) and wanted.meets(one.finding)]
    return entries, [one for one in found if isinstance(one, Fault)]


def _name(faults: Sequence[Fault]) -> None:
    """Say which lines were skipped; the first of many."""
    from soc_analyst.tools.records.safe_text import inert

    for fault in faults[:MOST_FAULTS]:
        told = inert(f"line {fault.line} of the findings log {fault.reason}; it is skipped").replace("\n", " ")
        sys.stderr.write(f"soc-analyst: warning: {told}\n")
    if len(faults) > MOST_FAULTS:
        sys.stderr.write(f"soc-analyst: warning: {len(faults) - MOST_FAULTS:,} more lines are skipped\n")


def _moment(text: str | None, where: str) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise OperatorError(f"{text!r} is no ISO 8601 time, such as 2026-03-04T14:00:00Z", where=where) from None
    return moment if moment.tzinfo else moment.astimezone()


def _write(path: Path, entries: Sequence[Entry], faults: Sequence[Fault], wanted: Wanted) -> None:
    from soc_analyst.tools.files import write_atomically
    from soc_analyst.tools.records.page.overview import as_overview

    page = as_overview([entry.finding for entry in entries], wanted, skipped=len(faults))
    try:
        write_atomically(path, page.encode())
    except OSError as error:
        raise OperatorError(f"cannot be written: {error.strerror}", where=str(path)) from error


def _show(entries: Iterable[Entry]) -> None:
    from rich.console import Console

    from soc_analyst.tools.records.recurring import folded

    console = Console(highlight=False)
    found = folded(entry.finding for entry in entries)
    console.print(_table(found, wide=console.width >= WIDE))
    times = sum(len(one.entries) for one in found)
    sys.stderr.write(f"{len(found):,} finding{'' if len(found) == 1 else 's'}, logged {times:,} times\n")


def _table(found: Iterable[Recurring], *, wide: bool) -> Table:
    from rich.table import Table
    from rich.text import Text

    from soc_analyst.tools.records.safe_text import inert

    table = Table(box=None, padding=(0, 1), pad_edge=False)
    table.add_column("Last seen", no_wrap=True)
    table.add_column("First", no_wrap=True)
    table.add_column("Times", justify="right", no_wrap=True)
    table.add_column("Level", no_wrap=True)
    table.add_column("Technique", no_wrap=True)
    table.add_column("Finding", overflow="fold", ratio=1)
    if wide:
        table.add_column("Cases", overflow="fold", max_width=28)
    for one in found:
        first = f"{one.first:%m-%d}" if one.first.year == one.last.year else f"{one.first:%Y-%m-%d}"
        cells = [f"{one.last:%Y-%m-%d %H:%M}", first, str(len(one.entries)), one.confidence, one.latest.mitre.id]
        more = [", ".join(one.threads[:3]) + (", …" if len(one.threads) > 3 else "")] if wide else []
        table.add_row(*(Text(inert(cell)) for cell in (*cells, one.latest.title, *more)))
    return table
