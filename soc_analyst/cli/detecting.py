"""`detect`: the rules and statistics over whole tables, without an investigation."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
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
        sys.stdout.write(json.dumps(_as_json(found, told, context), ensure_ascii=False) + "\n")
    else:
        _show(found, told)
    return 0


def _as_json(found: Sweep, told: Iterable[Detection], context: Context) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "workspace": context.workspace,
        "window": {"start": _iso(found.window.start), "end": _iso(found.window.end)},
        "rules": {
            "loaded": len(found.rules.rules),
            "skipped": found.skipped,
            "unsupported": dict(found.rules.unsupported or {}),
            "faults": [{"file": each.path, "line": each.line, "message": each.message} for each in found.rules.faults],
        },
        "detections": [_detection(each, found) for each in told],
        "tables": [{"table": each.rows.table, "rows": len(each.rows), "note": each.note} for each in found.read],
        "warnings": list(found.warnings),
    }


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
    rows = sum(len(read.rows) for read in found.read)
    out.print(f"[bold]{len(told)} detections[/] in {rows:,} rows of {len(found.read)} tables")
    span = f"{window.start:%a %Y-%m-%d %H:%M} → {window.end:%a %Y-%m-%d %H:%M} UTC"
    out.print(f"[dim]{span}, {len(found.rules.rules):,} rules[/]")
    for detection in told[:SHOWN]:
        out.print()
        out.print(_told(detection))
    if len(told) > SHOWN:
        out.print(f"\n{len(told) - SHOWN} more; --json gives all, --level and --table narrow", style="dim")
    for read in found.read:
        if read.note:
            out.print(Text(f"! {read.rows.table}: {inert(read.note)}", style="yellow"))
    for warning in found.warnings:
        out.print(Text(f"! {inert(warning)}", style="yellow"))


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
