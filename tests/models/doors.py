"""A door to a scripted model, with time that passes only where somebody sleeps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from soc_analyst.tools.guard import load_policy
from soc_analyst.tools.models.asking import ModelDoor, Terms, open_door
from soc_analyst.tools.models.base import Request
from soc_analyst.tools.models.keys import Keys
from soc_analyst.tools.models.limiter import Limiter
from soc_analyst.tools.models.limits import Limits
from soc_analyst.tools.models.scripted import Asked, Reply, ScriptedServer
from soc_analyst.tools.models.spec import ModelSpec
from soc_analyst.tools.models.tiers import Stated, default_figures

ALLOWED = load_policy().models
KEYS = Keys(openai="sk-secret-of-openai", server="secret-of-server", azure_openai="secret-of-azure")


class Step(BaseModel):
    """A step."""

    model_config = ConfigDict(extra="forbid")

    host: Annotated[str, Field(max_length=20)]
    kind: Literal["search", "count"]


class Route(BaseModel):
    """A route in steps."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, Field(max_length=40)]
    steps: Annotated[list[Step], Field(max_length=3)]
    note: Annotated[str, Field(max_length=40)] | None


GOOD = {"title": "Look", "steps": [{"host": "ws-1", "kind": "search"}], "note": None}


class Time:
    """A clock that only sleep moves, and what was slept."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def request(**more: Any) -> Request[Route]:
    given: dict[str, Any] = {
        "node": "planner",
        "purpose": "plan of round 2",
        "system": "You plan.",
        "user": "What is next?",
        "answer": Route,
        "prompt": "plan@1234",
        "role": "plan",
        "max_output_tokens": 400,
    }
    return Request(**{**given, **more})


@asynccontextmanager
async def door(
    model: Callable[[Asked], Reply],
    folder: Path,
    *,
    spec: str = "server",
    limits: Limits | None = None,
    keys: Keys = KEYS,
    headers: dict[str, str] | None = None,
    run: str = "",
    stated: Stated | None = None,
    **more: Any,
) -> AsyncIterator[tuple[ModelDoor, ScriptedServer, Time]]:
    """Open a door to a scripted server; `spec` is `server`, or the name of a model of OpenAI's or on Azure.

    `stated` is what the user's file says of the model.
    """
    terms = {"allowed": ALLOWED, "max_usd": 1.0, **{k: more.pop(k) for k in list(more) if k in Terms.__annotations__}}
    passing, limiters = Time(), dict[ModelSpec, Limiter]()

    def limiter(one: ModelSpec) -> Limiter:
        return limiters.setdefault(one, Limiter(limits or Limits(), clock=passing.clock, sleep=passing.sleep))

    with ScriptedServer(model, headers=headers) as server:
        kind, _, name = spec.partition(":")
        chosen = ModelSpec("server", "scripted", server.url) if spec == "server" else ModelSpec(kind, name)  # type: ignore[arg-type]
        if stated is not None:
            terms["figures"] = replace(default_figures(), models={chosen: stated})
        opened = open_door(
            chosen,
            keys=Keys(keys.openai, keys.server, keys.azure_openai, server.root) if kind == "azure" else keys,
            terms=Terms(**terms),  # type: ignore[arg-type]
            ledger=folder / "calls",
            run=run or uuid4().hex,
            openai_url=server.url,
            limiter=limiter,
            clock=passing.clock,
            sleep=passing.sleep,
            **more,
        )
        async with opened as made:
            yield made, server, passing
