"""`tables` and `doctor`: what is allowed, and whether it works."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from soc_analyst.graph.context import Context
from soc_analyst.state.errors import OperatorError, SocAnalystError

from .options import LOOKING, with_context

__all__ = ["doctor", "tables"]


@with_context("policy")
def tables(
    context: Context,
    table: Annotated[str | None, typer.Argument(metavar="[TABLE]", help="One table, with its columns.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Show the tables and columns that policy allows."""
    from soc_analyst.graph.desk import allowed_tables, policy_for

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


@with_context(*LOOKING, "model", model_checked=False)
def doctor(context: Context) -> int:
    """Check configuration, policy, rules, workspace and model; say what to do about each failure."""
    return asyncio.run(_examined(context))


async def _examined(context: Context) -> int:
    checks: tuple[tuple[str, Callable[[Context], Awaitable[str]]], ...] = (
        ("data folder", _data_folder),
        ("policy", _policy),
        ("detections", _detections),
        ("workspace", _workspace),
        ("model", _model),
    )
    status, plain = 0, context.model_copy(update={"model": "none"})
    for name, examine in checks:
        try:
            sys.stdout.write(f"ok    {name}: {await examine(context if examine is _model else plain)}\n")
        except SocAnalystError as error:
            status = status or error.exit_status
            sys.stdout.write(f"FAIL  {name}: {str(error).replace(chr(10), '; ')}\n")
    return status


async def _data_folder(context: Context) -> str:
    from soc_analyst.tools.records.folder import DataDir

    return f"{DataDir(context.data_dir).ready().root.resolve()} can be written"


async def _policy(context: Context) -> str:
    from soc_analyst.graph.desk import policy_for

    found = policy_for(context)
    return f"{len(found.tables)} tables, {sum(map(len, found.tables.values()))} columns, hash {found.hash[:12]}"


async def _detections(context: Context) -> str:
    from soc_analyst.graph.desk import open_desk
    from soc_analyst.graph.rules import rules_for

    async with open_desk(context) as desk:
        rules = await asyncio.to_thread(rules_for, desk)
    return f"{len(rules.rules)} rules, {len(rules.faults)} faults"


async def _workspace(context: Context) -> str:
    from soc_analyst.graph.desk import open_desk

    async with open_desk(context) as desk, desk.workspace() as workspace:
        now = await workspace.now()
        notes = "".join(f"\n      note: {note}" for note in workspace.notes)
        return f"{workspace.name}, {len(workspace.tables)} tables, clock {now:%Y-%m-%d %H:%M} UTC{notes}"


async def _model(context: Context) -> str:
    from soc_analyst.graph.desk import model_for, policy_for
    from soc_analyst.settings import Settings
    from soc_analyst.tools.models.looking import look_at

    spec = model_for(context, policy_for(context))
    if spec.kind == "none":
        return "none: rules plan and analyse, no key is needed"
    return f"{spec}: {await look_at(spec, Settings.keys())}"


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
