"""What a node asks of a language model and what it gets back, whichever model answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel

from soc_analyst.state.report import ModelCall

__all__ = ["Answer", "Asker", "Form", "Request", "Role", "Size"]

A = TypeVar("A", bound=BaseModel)

Role = Literal["plan", "analyse"]
"""What a model must be good enough for; the catalogue says which are."""

Form = Literal["schema", "function"]
"""How an answer is asked for: by a JSON schema for the whole answer, or as the call of one function."""


@dataclass(frozen=True)
class Request(Generic[A]):
    """One question to a model.

    `system` is the same text in all requests of its kind, so that a provider can cache it; `user` holds what changes.
    Both are what leaves the machine: pseudonyms and fences are in place already.
    """

    node: Literal["planner", "analyzer", "reviewer"]
    purpose: str
    """What is asked, for people: `plan of round 2`."""
    system: str
    user: str
    answer: type[A]
    """The form of the answer; its strings and lists are bounded."""
    prompt: str
    """The prompt file and the hash of its text, such as `plan@1f3c9a2b`."""
    role: Role
    form: Form = "schema"
    """The preferred form; a model that cannot do it is asked in the other."""
    max_output_tokens: int = 4_000
    attempt: int = 0
    """Which time the same is asked, where it is asked again to see whether the answer stands."""


@dataclass(frozen=True)
class Answer(Generic[A]):
    """What came of a request. Without a value the caller goes on by rules, and says what `said` says."""

    value: A | None
    calls: tuple[ModelCall, ...] = ()
    """Each exchange that was made or taken from the ledger, in order."""
    said: tuple[str, ...] = ()
    """Lines for the report's warnings: which step degraded and why, budgets near their end, a model taken instead."""
    too_large: bool = False
    """Whether the request fits no allowed model: ask again with less evidence."""
    over_usd: bool = False
    """Whether the dollars of the run are what stopped it."""


@dataclass(frozen=True)
class Size:
    """What a request would take of the model that would answer it, in tokens."""

    tokens: int
    exact: bool
    """False where the model's own encoding is unknown."""
    room: int
    """Tokens that may still be added before a limit of the context window or of the account's tier is passed.

    Below 0 by so many it is too large.
    """


class Asker(Protocol):
    """The one door to language models: it counts, chooses, waits, pays, records and repairs; it raises for no model."""

    async def ask(self, request: Request[A]) -> Answer[A]:
        """Return the answer in its form, or why there is none."""
        ...

    async def size(self, request: Request[A]) -> Size:
        """Return what a request takes and what may be added to it. No call is made."""
        ...
