"""`tables`: what is allowed."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from soc_analyst.graph.context import Context
from soc_analyst.state.errors import OperatorError

from .options import with_context

__all__ = ["tables"]


@with_context("policy")
def tables(
    context: Context,
    table: Annotated[str | None, typer.Argument(metavar="[TABLE]", help="One table, with its columns.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Show the tables and columns that policy allows."""
    from soc_analyst.graph.desk.desk import allowed_tables, policy_for

    allowed = allowed_tables(policy_for(context))
    if table is not None and table not in allowed:
        near = next((name for name in allowed if name.casefold() == table.casefold()), None)
        hint = f"did you mean {near}?" if near else f"allowed: {', '.join(allowed)}"
        raise OperatorError(f"policy allows no such table; {hint}", where=f"table {table}")
    chosen = {table: allowed[table]} if table is not None else allowed
    if as_json:
        sys.stdout.write(json.dumps({"tables": {n: _as_json(s) for n, s in chosen.items()}}, ensure_ascii=False) + "\n")
    elif table is not None:
        _show_columns(allowed[table])
    else:
        _show_tables(chosen)
    return 0


def _as_json(schema: Any) -> dict[str, Any]:
    columns = {
        name: {"type": column.type, "description": column.description, "personal": column.personal}
        for name, column in schema.columns.items()
    }
    return {"description": schema.description, "columns": columns}


def _show_tables(chosen: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 1))
    table.add_column("Table", no_wrap=True, style="bold")
    table.add_column("Columns", justify="right")
    table.add_column("Meaning", overflow="fold")
    for name, schema in chosen.items():
        table.add_row(name, str(len(schema.columns)), schema.description)
    Console(highlight=False).print(table)


def _show_columns(schema: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    console.print(f"[bold]{schema.name}[/]: {schema.description}")
    table = Table(box=None, padding=(0, 1))
    table.add_column("Column", no_wrap=True, style="bold")
    table.add_column("Type", no_wrap=True)
    table.add_column("Meaning", overflow="fold")
    for name, column in schema.columns.items():
        personal = " [dim](personal data)[/]" if column.personal else ""
        table.add_row(name, column.type, f"{column.description}{personal}")
    console.print(table)
