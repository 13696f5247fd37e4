"""`doctor`: whether everything works, a line a step, and what to do about what does not."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from soc_analyst.graph.context import Context

from .options import LOOKING, with_context

if TYPE_CHECKING:
    from soc_analyst.health import Checkup, StepResult


__all__ = ["EXAMPLES", "doctor"]

EXAMPLES = """\b
Examples:
  soc-analyst doctor
  soc-analyst doctor --workspace azure:00000000-0000-0000-0000-000000000000 --days 1
  soc-analyst doctor --model openai:gpt-5-mini --json
"""


@with_context(*LOOKING, "model", model_checked=False)
def doctor(
    context: Context,
    days: Annotated[
        float, typer.Option("--days", metavar="N", min=0.01, max=365, help="How far back tables are looked into.")
    ] = 7.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Check configuration, credentials, workspace, tables and model; say what to do about each failure."""
    return asyncio.run(_examined(context, days, as_json))


async def _examined(context: Context, days: float, as_json: bool) -> int:
    from soc_analyst.health import STEPS, Checkup, examine, walk

    from .checkup import Shown

    if as_json:
        checkup = await examine(context, days=days)
        sys.stdout.write(f"{_as_json(checkup)}\n")
        return checkup.exit_status
    steps: list[StepResult] = []
    with Shown(tuple(step.name for step in STEPS)) as shown:
        async for result in walk(context, days=days):
            steps.append(result)
            shown.step(result)
    checkup = Checkup(steps=tuple(steps))
    shown.end(checkup)
    return checkup.exit_status


def _as_json(checkup: Checkup) -> str:
    import json

    return json.dumps({**checkup.model_dump(mode="json"), "exit_status": checkup.exit_status}, ensure_ascii=False)
