"""`check-query` and `query`: an analyst's own KQL, under the same protection as the investigation's."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soc_analyst.graph.context import Context
from soc_analyst.state.costs import in_words
from soc_analyst.state.errors import OperatorError

from .drawing import drawn
from .options import LOOKING, with_context

if TYPE_CHECKING:
    import pyarrow as pa

    from soc_analyst.state.costs import Estimate, Scanned
    from soc_analyst.state.entities import TimeWindow
    from soc_analyst.state.queries import Coverage, Diagnostic
    from soc_analyst.tools.guard import TextVerdict

__all__ = ["CHECK_EXAMPLES", "QUERY_EXAMPLES", "check_query", "query"]

REFUSED = 3
MOST_BYTES = 1_000_000
CHECK_EXAMPLES = """\b
Examples:
  echo 'SigninLogs | where ResultType != "0" | summarize count() by UserPrincipalName' | soc-analyst check-query
  soc-analyst check-query hunt.kql --json
"""
QUERY_EXAMPLES = """\b
Examples:
  echo 'DeviceProcessEvents | where FileName =~ "powershell.exe" | take 10' | soc-analyst query --csv
  soc-analyst query hunt.kql --since 2026-03-01 --until 2026-03-08 --json
"""
Source = Annotated[
    str, typer.Argument(metavar="[FILE|-]", help="The KQL text; - reads standard input.", show_default=False)
]


@with_context("policy", "since", "until", "now", "workspace")
def check_query(
    context: Context, source: Source = "-", as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> int:
    """Run only the guard over a KQL text."""
    from soc_analyst.graph.desk.desk import allowed_tables, policy_for, wall_clock
    from soc_analyst.graph.looking.own_text import faults_of, window_of
    from soc_analyst.tools.guard import check_text

    text = _text(source)
    policy = policy_for(context)
    window = window_of(context, context.now or wall_clock(), policy.max_window_days)
    tables = allowed_tables(policy)
    verdict = check_text(text, policy=policy, tables=tables, window=window)
    faults = faults_of(verdict, context, tables)
    if as_json:
        found = _as_contract(verdict) if not faults else _as_refused(faults)
        sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
    elif not faults:
        _note(verdict.diagnostics)
        sys.stdout.write(f"{verdict.rendered}\n")
    else:
        _explain(text, faults)
    return 0 if not faults else REFUSED


@with_context(*LOOKING)
def query(
    context: Context,
    source: Source = "-",
    as_json: Annotated[bool, typer.Option("--json", help="Print rows as JSON lines.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print rows as CSV.")] = False,
) -> int:
    """Pass a KQL text through the guard, then run it."""
    from .rows import show_rows, write_csv, write_json

    if as_json and as_csv:
        raise OperatorError("give one of them", where="--json and --csv")
    write = write_json if as_json else write_csv if as_csv else show_rows
    return asyncio.run(_query(context, _text(source), write))


async def _query(context: Context, text: str, write: Callable[[pa.Table], None]) -> int:
    from soc_analyst.graph.looking.own_kql import queried, require_something_looked_at

    came = await queried(text, context)
    if came.result is None:
        _explain(text, came.faults)
    _say(came.notes)
    if came.result is None or came.query is None:
        return REFUSED
    _note((*came.verdict.diagnostics, *came.result.diagnostics))
    _say_cost(came.query.estimate, came.result.scanned)
    write(came.result.rows)
    require_something_looked_at(came)
    if came.held:
        _say_empty(came.held, came.window)
    if came.cut_at is not None:
        sys.stderr.write(f"soc-analyst: cut at {came.cut_at:,} rows, as policy says; there are more in the window\n")
    return 0


def _say(notes: Iterable[str]) -> None:
    for note in notes:
        sys.stderr.write(f"soc-analyst: note: {note}\n")


def _say_cost(estimate: Estimate | None, scanned: Scanned | None) -> None:
    """Say what the service read, beside what was expected."""
    if scanned is None:
        return
    read = in_words(scanned)
    expected = f"; expected {in_words(estimate)}" if estimate is not None and in_words(estimate) else ""
    cpu = f" in {scanned.cpu_ms:,.0f} ms of CPU" if scanned.cpu_ms is not None else ""
    sys.stderr.write(f"soc-analyst: the service read {read or 'what it does not say'}{cpu}{expected}\n")


def _text(source: str) -> str:
    try:
        content = (
            sys.stdin.buffer.read(MOST_BYTES + 1) if source == "-" else Path(source).read_bytes()[: MOST_BYTES + 1]
        )
        if len(content) > MOST_BYTES:
            raise OperatorError("is over 1 MB; a query is a few kilobytes", where=source)
        return content.decode("utf-8-sig")
    except OSError as error:
        raise OperatorError(f"cannot be read: {error.strerror}", where=source) from error
    except UnicodeDecodeError as error:
        raise OperatorError(f"is not UTF-8 text: see byte {error.start}", where=source) from None


def _as_contract(verdict: TextVerdict) -> dict[str, Any]:
    dumped = verdict.model_dump(mode="json")
    return {name: dumped[name] for name in ("allowed", "diagnostics", "rendered", "tables", "columns")}


def _as_refused(faults: tuple[Diagnostic, ...]) -> dict[str, Any]:
    diagnostics = [fault.model_dump(mode="json") for fault in faults]
    return {"allowed": False, "diagnostics": diagnostics, "rendered": None, "tables": [], "columns": {}}


def _explain(text: str, diagnostics: tuple[Diagnostic, ...]) -> None:
    """Print each diagnostic as a line; on a terminal, with its place in the text drawn below."""
    for line in drawn(text, diagnostics, marked=sys.stderr.isatty()):
        sys.stderr.write(f"{line}\n")


def _note(diagnostics: Iterable[Diagnostic]) -> None:
    """Say what holds of a query that runs all the same."""
    for diagnostic in diagnostics:
        sys.stderr.write(f"soc-analyst: note: {_said(diagnostic)}\n")


def _said(diagnostic: Diagnostic) -> str:
    from soc_analyst.tools.records.safe_text import printable

    hint = f" ({diagnostic.hint})" if diagnostic.hint else ""
    return printable(f"{diagnostic.message}{hint}".replace("\n", " "))


def _say_empty(held: Iterable[Coverage], window: TimeWindow) -> None:
    """Say what was looked at where no row met the query."""
    span = f"from {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC"
    counts = ", ".join(f"{entry.table} {entry.rows_in_window or 0:,}" for entry in held)
    sys.stderr.write(f"soc-analyst: no row meets the query; rows looked at {span}: {counts}\n")
    _say(f"{entry.table}: {entry.note}" for entry in held if entry.note)
