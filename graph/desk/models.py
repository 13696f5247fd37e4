"""The language model of a case, opened for one node: the door to it, and the names that it does not see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from soc_analyst.settings import Settings
from soc_analyst.state.case import CaseState
from soc_analyst.tools.models import parse_model_spec
from soc_analyst.tools.models.base import Asker
from soc_analyst.tools.models.limits_file import read_figures
from soc_analyst.tools.privacy import Pseudonyms

from .budgets import seconds_left
from .desk import Desk
from .repeated import Again
from .told import Told, tell_asked

__all__ = ["CaseModel", "open_model"]


@dataclass(frozen=True)
class CaseModel:
    """What a node needs to ask a model about a case."""

    asker: Asker
    pseudonyms: Pseudonyms


@asynccontextmanager
async def open_model(state: CaseState, desk: Desk) -> AsyncIterator[CaseModel | None]:
    """Open the model of a case, or nothing where rules plan and analyse. A model's fault is no exception here."""
    context = desk.context
    spec = parse_model_spec(context.model)
    if spec.kind == "none":
        yield None
        return
    from soc_analyst.tools.models.asking import Terms, open_door

    folder = desk.case(state)
    terms = Terms(
        allowed=desk.policy.models,
        max_usd=context.max_usd,
        spent_usd=state["usage"].usd,
        seconds=seconds_left(state, context),
        tier=context.tier,
        warn_ratio=context.warn_ratio,
        over_limit=context.over_limit,
        recorded_only=desk.recorded_only,
        figures=await asyncio.to_thread(read_figures, context.limits),
    )
    run = f"{folder.path}#{state['asked']}"
    async with open_door(
        spec,
        keys=Settings.keys(),
        terms=terms,
        ledger=folder.calls,
        run=run,
        counted=state["usage"].answers,
        seal=desk.data.seal,
        tell=tell_asked,
    ) as door:
        asker = Told(Again(door, desk.attempt) if desk.attempt else door)
        yield CaseModel(asker, Pseudonyms(context.privacy, folder.key(), desk.schemas(state["records"])))
