"""The report: the contract's JSON, as a type."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from pydantic import Field

from .base import Value
from .costs import Estimate, Scanned
from .entities import Entity, TimeWindow
from .findings import Claim, Finding, Hypothesis, Outcome, TimelineEvent
from .incidents import Incident
from .memory import Earlier
from .queries import Coverage, Diagnostic, QueryStatus

__all__ = [
    "SCHEMA_VERSION",
    "STOP",
    "Agreement",
    "ModelCall",
    "ModelUsage",
    "QueryReport",
    "Report",
    "Usage",
    "ended_by",
]

SCHEMA_VERSION = 1
STOP = "stop"
"""What stands in the place of a budget where a person ended the run."""


def ended_by(reached: str) -> str:
    """Say in words what ended a run early."""
    return "a person" if reached == STOP else f"the budget of {reached}"


class QueryReport(Value):
    """One query of the investigation, with the exact text that ran."""

    id: str
    round: int
    purpose: str
    table: str
    kql: str
    status: QueryStatus
    rows: int
    truncated: bool
    elapsed_ms: float
    diagnostics: tuple[Diagnostic, ...] = ()
    estimate: Estimate | None = None
    """Rows and bytes that its window was expected to hold, before it ran; null where nobody knew."""
    scanned: Scanned | None = None
    """What the service says that it read; null where it does not say."""


class ModelCall(Value):
    """One exchange with a language model. `usd` is 0 where the price is unknown or the server is one's own."""

    node: str
    model: str
    prompt: str = ""
    input_tokens: int = 0
    cached_tokens: int = 0
    """Of the input tokens, those that the provider had cached."""
    output_tokens: int = 0
    usd: float = 0.0
    paid: bool = True
    """False where the answer was taken from the ledger of an earlier try."""
    estimated: bool = False
    """Whether tokens and dollars are counted here: the answer broke off, or the server did not tell what was used."""
    answer: str = ""
    """The hash of the request that its answer is kept under, empty where no answer is kept."""


class ModelUsage(Value):
    """What one node's exchanges cost."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    model_calls: int = 0
    estimated_calls: int = 0
    """Of the calls, those whose tokens and dollars are an estimate."""

    def plus(self, call: ModelCall) -> Self:
        """Return the usage with one exchange added."""
        counted = bool(call.paid or call.input_tokens)
        return self.model_copy(
            update={
                "input_tokens": self.input_tokens + call.input_tokens,
                "cached_tokens": self.cached_tokens + call.cached_tokens,
                "output_tokens": self.output_tokens + call.output_tokens,
                "usd": round(self.usd + call.usd, 6),
                "model_calls": self.model_calls + counted,
                "estimated_calls": self.estimated_calls + (counted and call.estimated),
            }
        )


class Usage(ModelUsage):
    """What it cost: tokens and dollars of the model, queries, rows, and wall seconds."""

    model: str = "none"
    by_node: dict[str, ModelUsage] = Field(default_factory=dict)
    prompts: tuple[str, ...] = ()
    """The prompt files that were used, each with the hash of its text."""
    answers: tuple[str, ...] = ()
    """The kept answers that are counted here, by the hash of their request: one that is used again costs nothing."""
    queries: int = 0
    rows: int = 0
    seconds: float = 0.0

    @property
    def model_line(self) -> str:
        """Return what the model was asked and cost in one line, empty where it was not asked."""
        if not self.model_calls:
            return ""
        about = "about " if self.estimated_calls else ""
        cached = f" ({self.cached_tokens:,} cached)" if self.cached_tokens else ""
        tokens = f"{self.input_tokens:,} tokens in{cached}, {self.output_tokens:,} out"
        calls = f"{self.model_calls} call{'s' if self.model_calls > 1 else ''}"
        return f"{calls} of the model, {about}{tokens}, {about}${self.usd:.4f}"

    def with_calls(self, calls: Iterable[ModelCall]) -> Usage:
        """Return the usage with these exchanges added, in all and for the node that made them."""
        usage = self
        for call in calls:
            node = usage.by_node.get(call.node, ModelUsage()).plus(call)
            prompts = tuple(dict.fromkeys([*usage.prompts, *([call.prompt] if call.prompt else [])]))
            answers = tuple(dict.fromkeys([*usage.answers, *([call.answer] if call.answer else [])]))
            added = {"by_node": {**usage.by_node, call.node: node}, "prompts": prompts, "answers": answers}
            usage = usage.plus(call).model_copy(update=added)
        return usage


class Agreement(Value):
    """How far several judgements of the same evidence by a model agree."""

    times: int
    outcomes: dict[str, int]
    """How often each outcome came."""
    same_outcome: int
    """How often that of the report came."""
    findings: dict[str, int]
    """How often each of the report's findings above Low came, by its id."""
    others: tuple[str, ...] = ()
    """Titles of findings above Low that came another time and not in the report."""
    share: float
    """From 0 to 1: the mean of these shares, the outcome's among them."""


class Report(Value):
    """A finished investigation."""

    schema_version: int = SCHEMA_VERSION
    thread_id: str
    question: str
    model: str
    policy_hash: str
    outcome: Outcome
    summary: str
    window: TimeWindow
    entities: tuple[Entity, ...] = ()
    findings: tuple[Finding, ...] = ()
    incidents: tuple[Incident, ...] = ()
    """The findings above Low, told as attacks."""
    timeline: tuple[TimelineEvent, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    queries: tuple[QueryReport, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    rounds: int
    usage: Usage
    warnings: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    """What the summary says of rows, beside the findings."""
    agreement: Agreement | None = None
    """Where the evidence was judged more than once."""
    earlier: tuple[Earlier, ...] = ()
    """What accepted reports say of the same things, where the user wants to know; it changes no verdict."""
    attack_version: str = ""
    """The release of ATT&CK that techniques are named by."""
    budget_reached: str = ""
    """Which budget ended the run early, or `stop` where a person did; empty when nothing did."""
    stopped: str = ""
    """Why no further lead was followed: nothing was left, a budget, the distance from the question, a person's word."""

    @property
    def confirmed(self) -> tuple[Finding, ...]:
        """Return the findings that make the outcome `confirmed`, with rows to show; none where it is another."""
        if self.outcome != "confirmed":
            return ()
        return tuple(finding for finding in self.findings if finding.confidence == "High" and finding.log_lines)

    @property
    def was_stopped(self) -> bool:
        """Return whether a person ended the run, so that it can go on."""
        return self.budget_reached == STOP

    @property
    def cut_short_by(self) -> str:
        """Return in words what ended the run early, empty where nothing did."""
        return ended_by(self.budget_reached) if self.budget_reached else ""

    @property
    def ending(self) -> str:
        """Return why no further lead was followed, empty where a warning tells it."""
        told = any(self.stopped.casefold() in warning.casefold() for warning in self.warnings)
        return "" if told else self.stopped

    @property
    def proof(self) -> str:
        """Return how many claims the report makes in all, and how many hold."""
        claims = [*self.claims, *(claim for finding in self.findings for claim in finding.claims)]
        return f"{len(claims)} claims, {sum(claim.verified for claim in claims)} verified" if claims else "no claims"
