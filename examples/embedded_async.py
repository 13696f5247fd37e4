"""Investigations in your own event loop: side by side, with progress, a budget, and one that is called off.

python examples/embedded_async.py [WORKSPACE]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from soc_analyst import Context, ahunt

LOGS = Path(__file__).parent / "logs"
QUESTIONS = (
    "Anything suspicious on host ws-1 in the last day?",
    "Anything suspicious on host ws-2 in the last day?",
    "Any failed sign-ins of jdoe@contoso.com in the last 3 hours?",
)


async def side_by_side(context: Context) -> None:
    """Ask all questions at once; they share the workspace, which is loaded once."""
    steps: list[str] = []
    reports = await asyncio.gather(
        *(ahunt(q, context=context, watch=lambda event: steps.append(event["event"])) for q in QUESTIONS)
    )
    for report in reports:
        sys.stdout.write(f"{report.outcome:<10} {report.question} ({len(report.queries)} queries)\n")
    sys.stdout.write(f"{len(steps)} steps of progress were told, {steps.count('query_finished')} of queries\n")


async def on_a_budget(context: Context) -> None:
    """Ask with one query to spend: the report is partial and says so."""
    report = await ahunt(QUESTIONS[0], context=context.model_copy(update={"max_queries": 1}))
    sys.stdout.write(f"With one query: {report.outcome}, the budget of {report.budget_reached} ended it\n")


async def called_off(context: Context) -> None:
    """Cancel an investigation in the middle of its first query; nothing of it goes on."""
    began = asyncio.Event()
    running = asyncio.create_task(
        ahunt(QUESTIONS[0], context=context, watch=lambda event: event["event"] == "query_started" and began.set())
    )
    await began.wait()
    running.cancel()
    await asyncio.wait([running])
    left = len(asyncio.all_tasks()) - 1
    sys.stdout.write(f"Called off: cancelled={running.cancelled()}, tasks that go on: {left}\n")


async def main(workspace: str) -> int:
    """Show all three."""
    with tempfile.TemporaryDirectory() as home:
        context = Context(workspace=workspace, data_dir=Path(home))
        await side_by_side(context)
        await on_a_budget(context)
        await called_off(context)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else str(LOGS))))
