"""Rows on stdout: as JSON lines, as CSV, or as a table for a person."""

from __future__ import annotations

import csv
import json
import math
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["show_rows", "write_csv", "write_json"]

SHOWN = 50
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for a formula, the wide forms of East Asian text among them."""


def write_json(rows: pa.Table) -> None:
    """Write a JSON object a line: the exact values, with escapes for all but ASCII where a terminal shows it."""
    ascii_only = sys.stdout.isatty()
    for row in rows.to_pylist():
        exact = {name: _finite(value) for name, value in row.items()}
        sys.stdout.write(json.dumps(exact, ensure_ascii=ascii_only, default=_plain) + "\n")


def write_csv(rows: pa.Table) -> None:
    """Write CSV that neither a terminal nor a spreadsheet acts on, wherever it goes: a file is opened later.

    Control and direction characters become a mark, and an apostrophe stands before what would be a formula; JSON has
    the exact values.
    """
    writer = csv.writer(sys.stdout)
    writer.writerow([_cell(name) for name in rows.column_names])
    writer.writerows([_cell(value) for value in row.values()] for row in rows.to_pylist())


def show_rows(rows: pa.Table) -> None:
    """Show the first rows, without the columns that are empty in them."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from soc_analyst.tools.records.safe_text import inert

    filled = [n for n in rows.column_names if any(v not in (None, "") for v in rows[n].slice(0, SHOWN).to_pylist())]
    table = Table(box=None, padding=(0, 1))
    for name in filled:
        table.add_column(Text(inert(name)), overflow="fold")
    for row in rows.slice(0, SHOWN).to_pylist():
        table.add_row(*(Text(inert("" if row[name] is None else _plain(row[name]))) for name in filled))
    if filled:
        Console(highlight=False).print(table)
    rest = rows.num_rows - SHOWN
    count = f"{rows.num_rows:,} row{'' if rows.num_rows == 1 else 's'}"
    sys.stderr.write(count + (f"; the first {SHOWN} are shown, --json or --csv give all\n" if rest > 0 else "\n"))


def _plain(value: Any) -> str:
    return value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else str(value)


def _finite(value: Any) -> Any:
    """JSON has no word for infinity and what is no number."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, int | float | bool):
        return value
    from soc_analyst.tools.records.safe_text import printable

    text = printable(_plain(value).replace("\r\n", "\n").replace("\t", " "))
    return f"'{text}" if text.lstrip(" \n\ufffd").startswith(FORMULA) else text
