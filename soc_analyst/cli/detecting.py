"""`detect`: the rules and statistics over whole tables, without an investigation."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soc_analyst.graph.context import Context
from soc_analyst.state.errors import OperatorError

from .options import LOOKING, with_context
from .translating import translate

if TYPE_CHECKING:
    from soc_analyst.graph.looking.sweeping import Sweep
    from soc_analyst.state.findings import Detection

__all__ = ["EXAMPLES", "detect"]

EXAMPLES = """\b
Examples:
  soc-analyst detect
  soc-analyst detect --workspace ./exported-logs --table DeviceProcessEvents --level medium
  soc-analyst detect --sigma-rules ./sigma/rules --json
  soc-analyst detect --as-kql "PowerShell run with an encoded command"
  soc-analyst detect --as-sentinel "Scheduled task created" > rule.yaml
"""
LEVELS = ("informational", "low", "medium", "high", "critical")
COLORS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "blue", "informational": "dim"}
SHOWN = 60


@with_context(*LOOKING, "sigma_rules", "known_good", "attack_data", "max_rows")
def detect(
    context: Context,
    table: Annotated[
        list[str] | None, typer.Option(metavar="T", help="Only this table; can be given again.", show_default=False)
    ] = None,
    level: Annotated[str, typer.Option(metavar="LEVEL", help="The lowest level told: " + ", ".join(LEVELS))] = "low",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    as_kql: Annotated[
        str | None, typer.Option(metavar="RULE", help="Only print this rule as KQL; see below.", show_default=False)
    ] = None,
    as_sentinel: Annotated[
        str | None,
        typer.Option(metavar="RULE", help="Only print this rule for Microsoft Sentinel.", show_default=False),
    ] = None,
) -> int:
    """Run the detections over the workspace without an investigation.

    RULE is the id or title of a rule, or the id of a finding in the log, which stands for the rules it rests on.
    """
    if as_kql is not None or as_sentinel is not None:
        if as_kql is not None and as_sentinel is not None:
            raise OperatorError("give one of them", where="--as-kql and --as-sentinel")
        return asyncio.run(translate(context, as_kql or as_sentinel or "", sentinel=as_kql is None))
    if level not in LEVELS:
        raise OperatorError(f"{level!r} is no level; take one of {', '.join(LEVELS)}", where="--level")
    from soc_analyst.graph.looking.detecting import detected

    found = asyncio.run(detected(context, table or ()))
    told = [each for each in found.detections if LEVELS.index(each.level) >= LEVELS.index(level)]
    if as_json:
        for part in _as_json(found, told, context):
            sys.stdout.write(part)
    else:
        _show(found, told)
    return 0


def _as_json(found: Sweep, told: Iterable[Detection], context: Context) -> Iterator[str]:
    """Yield one JSON object detection by detection, so that all their rows never stand in memory as text."""
    before = {
        "schema_version": 1,
        "workspace": context.workspace,
        "window": {"start": _iso(found.window.start), "end": _iso(found.window.end)},
        "rules": {
            "loaded": len(found.rules.rules),
            "skipped": found.skipped,
            "unsupported": dict(found.rules.unsupported or {}),
            "faults": [{"file": each.path, "line": each.line, "message": each.message} for each in found.rules.faults],
        },
    }
    after = {
        "tables": [
            {"table": each.rows.table, "rows": len(each.rows), "rows_in_window": each.held, "note": each.note}
            for each in found.read
        ],
        "warnings": list(found.warnings),
    }
    yield f'{_dumped(before)[:-1]}, "detections": ['
    for place, detection in enumerate(told):
        yield f"{', ' if place else ''}{_dumped(_detection(detection, found))}"
    yield f"], {_dumped(after)[1:]}\n"


def _dumped(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _detection(detection: Detection, found: Sweep) -> dict[str, Any]:
    from soc_analyst.tools.evidence.rows import row_json

    dumped = detection.model_dump(mode="json", exclude={"rows", "rule", "weighed_as"})
    rows = ((ref, found.evidence.row(ref)) for ref in detection.rows)
    return {
        **detection.rule.model_dump(mode="json"),
        "weighed_as": detection.level,
        "table": detection.rows[0].table if detection.rows else "",
        **dumped,
        "evidence": [ref.model_dump(mode="json") for ref in detection.rows],
        "log_lines": [row_json(row) for _, row in rows if row is not None],
    }


def _iso(moment: Any) -> str:
    return str(moment.isoformat().replace("+00:00", "Z"))


def _show(found: Sweep, told: list[Detection]) -> None:
    from rich.console import Console
    from rich.text import Text

    from soc_analyst.tools.records.safe_text import inert

    out = Console(highlight=False)
    window = found.window
    out.print(f"[bold]{_count(len(told), 'detection')}[/] in {_looked_at(found)}")
    span = f"{window.start:%a %Y-%m-%d %H:%M} → {window.end:%a %Y-%m-%d %H:%M} UTC"
    out.print(f"[dim]{span}, {len(found.rules.rules):,} rules[/]")
    for detection in told[:SHOWN]:
        out.print()
        out.print(_told(detection))
    if len(told) > SHOWN:
        out.print(f"\n{len(told) - SHOWN} more; --json gives all, --level and --table narrow", style="dim")
    notes = [*_amiss(found), *map(inert, found.warnings)]
    if notes:
        out.print()
    for note in notes:
        out.print(Text(f"! {note}", style="yellow"))


def _amiss(found: Sweep) -> Iterator[str]:
    """Yield what was not read: what the budget left out together, anything else by table."""
    from soc_analyst.graph.looking.sweeping import MORE
    from soc_analyst.tools.records.safe_text import inert

    cut = [read for read in found.read if read.left_out]
    if cut:
        longest = max(len(read.rows.table) for read in cut)
        lines = "".join(f"\n    {read.rows.table:<{longest}}  {read.share}" for read in cut)
        yield f"only the newest rows of {_count(len(cut), 'table')} were read, {MORE}:{lines}"
    yield from (f"{read.rows.table}: {inert(read.why)}" for read in found.read if read.why)


def _looked_at(found: Sweep) -> str:
    """Return how many rows were read, of how many where some were left out."""
    rows, held = sum(len(read.rows) for read in found.read), [read.held for read in found.read]
    known = sum(each for each in held if each is not None)
    cut = any(read.left_out for read in found.read) and None not in held and known > rows
    looked_at = f"{rows:,} of {_count(known, 'row')}" if cut else _count(rows, "row")
    return f"{looked_at} of {_count(len(held), 'table')}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _told(detection: Detection) -> Any:
    from rich.padding import Padding
    from rich.text import Text

    from soc_analyst.tools.records.safe_text import inert

    rule = detection.rule
    head = Text.assemble((f"{detection.level:<8}", COLORS[detection.level]), " ", (inert(rule.title), "bold"))
    techniques = " ".join(detection.techniques)
    notes = "".join(f"\n{inert(note)}" for note in detection.notes)
    head.append(f"\n{inert(detection.statement)}{notes}")
    credit = f"{inert(rule.author)}{f' ({inert(rule.license)})' if rule.license else ''}"
    head.append(f"\n{detection.rows[0].table} · {techniques or 'no technique'} · {credit}", "dim")
    return Padding(head, (0, 0, 0, 0))
