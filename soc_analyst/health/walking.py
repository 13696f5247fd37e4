"""The walk: each step in its order, skipped where one that it rests on failed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from soc_analyst.graph.context import Context
from soc_analyst.settings import Settings
from soc_analyst.state.errors import SocAnalystError
from soc_analyst.tools.records.safe_text import printable
from soc_analyst.tools.secrets import without_secrets

from . import azure, here, logs, model
from .chart import Chart, failed
from .checkup import Checkup, Fact, StepResult, TableHealth

__all__ = ["DAYS", "STEPS", "Step", "examine", "walk"]

DAYS = 7.0
"""How far back the tables are looked into, unless told otherwise."""


@dataclass(frozen=True)
class Step:
    """One step: its name, what it does, the steps that it rests on, and whether it is for live workspaces only."""

    name: str
    run: Callable[[Chart], Awaitable[StepResult]]
    needs: tuple[str, ...] = ()
    live: bool = False


STEPS: tuple[Step, ...] = (
    Step("configuration", here.configuration),
    Step("policy", here.policy),
    Step("data folder", here.data_folder),
    Step("detections", here.detections, ("policy", "data folder")),
    Step("credential", azure.credential, ("configuration",), live=True),
    Step("token", azure.token, ("credential",), live=True),
    Step("workspace", logs.workspace, ("configuration", "policy", "data folder", "token")),
    Step("tables", logs.tables, ("workspace",)),
    Step("model", model.model, ("policy",)),
)


async def examine(context: Context | None = None, *, days: float = DAYS) -> Checkup:
    """Return the results of all steps. What goes wrong is a result, with what to do."""
    return Checkup(steps=tuple([result async for result in walk(context or Context(), days=days)]))


async def walk(context: Context, *, days: float = DAYS) -> AsyncIterator[StepResult]:
    """Yield each step's result as soon as it is there."""
    missed: dict[str, str] = {}  # by step, the one whose failure is the cause
    async with AsyncExitStack() as stack:
        chart = Chart(context, Settings.from_environment(), days, stack, secrets=set(Settings.secrets()))
        for step in STEPS:
            result = await _taken(step, chart, missed)
            if result.status in ("failed", "skipped"):
                missed[step.name] = next((missed[name] for name in step.needs if name in missed), step.name)
            yield _clean(result, step.name, chart.secrets)


async def _taken(step: Step, chart: Chart, missed: dict[str, str]) -> StepResult:
    if step.live and not chart.live:
        return StepResult(step=step.name, status="not_needed", what="the logs are on this machine")
    if cause := next((name for name in step.needs if name in missed), None):
        return StepResult(step=step.name, status="skipped", what=f"because {missed[cause]} failed")
    try:
        return await step.run(chart)
    except SocAnalystError as error:
        what, _, do = " ".join(str(error).split()).partition("; ")
        return failed(error.exit_status, what, do)


def _clean(result: StepResult, name: str, secrets: set[str]) -> StepResult:
    """Return a result in which no secret is, and nothing that redraws a terminal."""

    def clean(text: str) -> str:
        return printable(without_secrets(text, secrets)).replace("\n", " ")

    def fact(value: Fact) -> Fact:
        return clean(value) if isinstance(value, str) else value

    def table(one: TableHealth) -> TableHealth:
        return one.model_copy(update={"why": clean(one.why)})

    return result.model_copy(
        update={
            "step": name,
            "what": clean(result.what),
            "do": clean(result.do),
            "facts": {key: fact(value) for key, value in result.facts.items()},
            "tables": tuple(table(one) for one in result.tables),
        }
    )
