"""The step of the language model: it is there, and its key is taken."""

from __future__ import annotations

from soc_analyst.graph.desk.desk import model_for, policy_for
from soc_analyst.settings import Settings

from .chart import Chart, well
from .checkup import StepResult

__all__ = ["model"]


async def model(chart: Chart) -> StepResult:
    """Ask the provider which models it has; no prompt is sent, so that it costs nothing."""
    from soc_analyst.tools.models.looking import look_at

    spec = model_for(chart.context, chart.policy or policy_for(chart.context))
    if spec.kind == "none":
        return well("none: rules plan and analyse, no key is needed", model="none")
    return well(f"{spec}: {await look_at(spec, Settings.keys())}", model=str(spec))
