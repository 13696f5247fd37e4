"""`check-query` and `query`: an analyst's own KQL, under the same protection as the investigation's."""

from __future__ import annotations

import asyncio
import csv
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soc_analyst.graph.context import Context
from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.errors import OperatorError, UnreachableError

from .options import LOOKING, with_context

if TYPE_CHECKING:
    import pyarrow as pa

    from soc_analyst.state.queries import Diagnostic
    from soc_analyst.tools.guard import TextVerdict

__all__ = ["CHECK_EXAMPLES", "QUERY_EXAMPLES", "check_query", "query", "window_of"]

REFUSED = 3
FAILED = 4
MOST_BYTES = 1_000_000
TIMEOUT = 120.0
SHOWN = 50
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
    from soc_analyst.graph.desk import allowed_tables, policy_for, wall_clock
    from soc_analyst.tools.guard import check_text

    text = _text(source)
    policy = policy_for(context)
    window = window_of(context, context.now or wall_clock(), policy.max_window_days)
    tables = allowed_tables(policy)
    verdict = check_text(text, policy=policy, tables=tables, window=window)
    faults = verdict.diagnostics
    if verdict.approved is not None and not context.workspace.startswith("azure:"):
        from soc_analyst.tools.logs.embedded import lacking

        faults = lacking(verdict.approved, tables)
    if as_json:
        found = _as_contract(verdict) if not faults else _as_refused(faults)
        sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
    elif not faults:
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
    return asyncio.run(_query(context, _text(source), as_json=as_json, as_csv=as_csv))


async def _query(context: Context, text: str, *, as_json: bool, as_csv: bool) -> int:
    from soc_analyst.graph.desk import open_desk
    from soc_analyst.tools.guard import check_text

    async with open_desk(context) as desk, desk.workspace() as workspace:
        window = window_of(context, await workspace.now(), desk.policy.max_window_days)
        verdict = check_text(text, policy=desk.policy, tables=desk.tables, window=window)
        if verdict.approved is None:
            _explain(text, verdict.diagnostics)
            return REFUSED
        result = await workspace.run(verdict.approved, timeout=TIMEOUT)
    if result.status == "failed":
        raise UnreachableError("; ".join(diagnostic.message for diagnostic in result.diagnostics))
    _print(result.rows, as_json=as_json, as_csv=as_csv)
    if result.truncated:
        sys.stderr.write(f"soc-analyst: cut at {result.rows.num_rows} rows; there are more in the window\n")
    return 0


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
    except UnicodeDecodeError:
        raise OperatorError("is not UTF-8 text", where=source) from None


def window_of(context: Context, now: Any, longest_days: float) -> TimeWindow:
    """Return the window of the options; without them the longest that policy allows, up to the workspace's clock."""
    end = context.until or now
    start = context.since or end - timedelta(days=longest_days)
    if end <= start:
        raise OperatorError("the window ends before it starts", where="--since/--until")
    return TimeWindow(start=start, end=end, basis="option" if context.since else "assumed")


def _as_contract(verdict: TextVerdict) -> dict[str, Any]:
    dumped = verdict.model_dump(mode="json")
    return {name: dumped[name] for name in ("allowed", "diagnostics", "rendered", "tables", "columns")}


def _as_refused(faults: tuple[Diagnostic, ...]) -> dict[str, Any]:
    diagnostics = [fault.model_dump(mode="json") for fault in faults]
    return {"allowed": False, "diagnostics": diagnostics, "rendered": None, "tables": [], "columns": {}}


def _explain(text: str, diagnostics: tuple[Diagnostic, ...]) -> None:
    """Print each diagnostic as one line with its place in the text, and the reason to change it."""
    for diagnostic in diagnostics:
        before = text[: diagnostic.start]
        line, column = before.count("\n") + 1, diagnostic.start - (before.rfind("\n") + 1) + 1
        hint = f" ({diagnostic.hint})" if diagnostic.hint else ""
        sys.stderr.write(f"soc-analyst: refused at {line}:{column} {diagnostic.code}: {diagnostic.message}{hint}\n")


def _print(rows: pa.Table, *, as_json: bool, as_csv: bool) -> None:
    if as_json:
        for row in rows.to_pylist():
            sys.stdout.write(json.dumps(row, ensure_ascii=False, default=_plain) + "\n")
    elif as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(rows.column_names)
        writer.writerows([_cell(value) for value in row.values()] for row in rows.to_pylist())
    else:
        _show(rows)


def _plain(value: Any) -> str:
    return value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else str(value)


def _cell(value: Any) -> Any:
    """Keep a spreadsheet from taking log text for a formula."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return _plain(value) if value is not None and not isinstance(value, str | int | float | bool) else value


def _show(rows: pa.Table) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from soc_analyst.tools.records.safe_text import inert

    filled = [n for n in rows.column_names if any(v not in (None, "") for v in rows[n].slice(0, SHOWN).to_pylist())]
    table = Table(box=None, padding=(0, 1))
    for name in filled:
        table.add_column(name, overflow="fold")
    for row in rows.slice(0, SHOWN).to_pylist():
        table.add_row(*(Text(inert("" if row[name] is None else _plain(row[name]))) for name in filled))
    Console(highlight=False).print(table)
    rest = rows.num_rows - SHOWN
    sys.stderr.write(
        f"{rows.num_rows} rows" + (f"; the first {SHOWN} are shown, --json or --csv give all\n" if rest > 0 else "\n")
    )
