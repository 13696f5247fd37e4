"""The door to language models: it counts, chooses, waits, pays, records, repairs, and says so where it fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from soc_analyst.state.report import ModelCall
from soc_analyst.tools.sealing import Seal

from .answers import Read, Unusable, read_answer
from .base import Answer, Request, Size
from .candidates import alternatives, candidate_for
from .choosing import Candidate, Choice, Remedy, call_line, choose
from .clients import OPENAI_URL, Timeouts, open_clients
from .completions import CUT, Said
from .exchanging import Exchanged, Exchanger, Order
from .forms import instructions, output_of
from .keys import Keys, key_name
from .languages import foreign
from .ledger import Ledger, PaidCall
from .limiter import Limiter, limiter_for
from .memory import Memory, memory_of
from .schemas import answer_schema
from .spec import ModelSpec
from .tiers import Figures, Tier, default_figures
from .tokens import Count, count_request
from .troubles import Trouble, TroubleError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

__all__ = ["ModelDoor", "Terms", "open_door"]

A = TypeVar("A", bound=BaseModel)

Teller = Callable[[str, str], None]

NOT_RECORDED = "No answer to this is on record."

_MODELS = 2
"""Models that one request is put to: the chosen one and one other."""
_QUOTED = 4_000
"""Characters of a rejected answer that the request to repair it quotes."""


@dataclass(frozen=True)
class Terms:
    """What a run may take of language models. `spent_usd` is what was spent before the door opened."""

    allowed: tuple[str, ...]
    """The entries of the policy's `models`."""
    max_usd: float
    spent_usd: float = 0.0
    seconds: float = 600.0
    """The time that the run has left."""
    tier: Tier = "1"
    warn_ratio: float = 0.8
    over_limit: tuple[Remedy, ...] = ("switch", "split", "wait", "narrow")
    recorded_only: bool = False
    """Whether answers are taken from the ledger alone: no call is made."""
    figures: Figures = field(default_factory=default_figures)


@dataclass
class _Talk:
    """What came of one request so far."""

    calls: list[ModelCall] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def add(self, exchanged: Exchanged) -> None:
        self.calls.append(exchanged.exchange)
        self.said += exchanged.said

    def add_broken(self, calls: list[ModelCall]) -> None:
        """Count what was paid for and brought no answer, and say so."""
        self.calls += calls
        for call in calls:
            if call.estimated:
                told = f"{call.input_tokens:,} and {call.output_tokens:,} tokens, ${call.usd:.4f}"
                self.said.append(f"An answer of {call.model} broke off; by our own count it cost {told}.")

    def answer(self, value: A | None, *said: str, too_large: bool = False, over_usd: bool = False) -> Answer[A]:
        lines = tuple(dict.fromkeys([*self.said, *said]))
        return Answer(value, tuple(self.calls), lines, too_large=too_large, over_usd=over_usd)


class ModelDoor:
    """An `Asker`. No fault of a model or server leaves it as an exception. Open it with `open_door`."""

    def __init__(
        self,
        spec: ModelSpec,
        terms: Terms,
        exchanger: Exchanger,
        memory: Memory,
        limiter: Callable[[ModelSpec], Limiter],
        tell: Teller,
    ) -> None:
        self._spec = spec
        self._terms = terms
        self._exchanger = exchanger
        self._memory = memory
        self._limiter = limiter
        self._tell = tell
        self._spent = terms.spent_usd
        self._reserved = 0.0

    async def size(self, request: Request[A]) -> Size:
        """Return what a request takes and what may be added to it. No call is made."""
        candidate = (await self._candidates([self._at_hand(request)], request))[0]
        choice = choose([candidate], max_usd=float("inf"), over_limit=())
        return Size(candidate.tokens.tokens, candidate.tokens.exact, choice.room)

    async def ask(self, request: Request[A]) -> Answer[A]:
        """Return the answer in its form, or why there is none."""
        talk, tried = _Talk(), list[ModelSpec]()
        trouble: Trouble | None = None
        while len(tried) < _MODELS and (specs := self._still(request, tried)):
            choice = await self._choice(specs, request)
            if choice.action in ("split", "narrow"):
                return talk.answer(None, *choice.warnings, too_large=True)
            if choice.action == "stop":
                return talk.answer(None, *choice.warnings, self._by_rules(request, ""), over_usd=choice.over_usd)
            spec = choice.candidate.spec
            if trouble is not None:
                talk.said.append(f"{self._what(tried[-1], trouble)}; {spec} was taken instead.")
            talk.said += choice.warnings
            try:
                value = await self._answered(choice.candidate, request, talk)
            except TroubleError as error:
                trouble = error.trouble
                self._memory.note(spec, trouble, choice.candidate.tokens.tokens)
                if trouble.kind in ("too_long", "truncated"):
                    too_large = f"The {request.purpose} was too large: {self._what(spec, trouble)}."
                    return talk.answer(None, too_large, too_large=True)
                tried.append(spec)
            else:
                self._memory.answered(spec)
                return talk.answer(value)
        return talk.answer(None, self._why(request, tried, trouble))

    def _still(self, request: Request[A], tried: list[ModelSpec]) -> list[ModelSpec]:
        """Return the models that may be asked, the chosen one first; others only where switching is allowed."""
        others = alternatives(self._spec, request.role, self._terms.allowed) if self._may_switch else ()
        return [spec for spec in (self._spec, *others) if spec not in tried and self._memory.lost(spec) is None]

    @property
    def _may_switch(self) -> bool:
        return "switch" in self._terms.over_limit

    def _at_hand(self, request: Request[A]) -> ModelSpec:
        return next(iter(self._still(request, [])), self._spec)

    async def _choice(self, specs: list[ModelSpec], request: Request[A]) -> Choice:
        """Return the model to ask. One whose answer is on disk already is asked of no limit."""
        for spec in specs:
            if await self._exchanger.kept(Order(spec, request)):
                return Choice("ask", (await self._candidates([spec], request))[0])
        choice = choose(
            await self._candidates(specs, request),
            max_usd=self._terms.max_usd,
            usd_spent=self._spent + self._reserved,
            warn_ratio=self._terms.warn_ratio,
            over_limit=self._terms.over_limit,
            can_split=request.role == "analyse",
        )
        if self._terms.recorded_only and choice.action not in ("split", "narrow"):
            return Choice("stop", choice.candidate, warnings=(NOT_RECORDED,))
        return choice

    async def _candidates(
        self, specs: list[ModelSpec], request: Request[A], earlier: tuple[Said, ...] = ()
    ) -> list[Candidate]:
        """Return how each model stands to a request. Counting takes time: it is done off the event loop."""
        return await asyncio.to_thread(lambda: [self._candidate(spec, request, earlier) for spec in specs])

    def _candidate(self, spec: ModelSpec, request: Request[A], earlier: tuple[Said, ...]) -> Candidate:
        manner = self._memory.manner(spec, request.form)
        user = request.user + instructions(manner, request.answer)
        schemas = [answer_schema(request.answer)] if manner.way in ("schema", "function") else []
        said = [one.text for one in earlier]
        tokens: Count = count_request(request.system, user, spec.name, schemas=schemas, earlier=said)
        output = output_of(spec, request.max_output_tokens)
        terms, told = self._terms, self._memory.context(spec)
        limiter = self._limiter(spec)
        return candidate_for(spec, tokens, output, tier=terms.tier, limiter=limiter, figures=terms.figures, told=told)

    async def _answered(self, candidate: Candidate, request: Request[A], talk: _Talk) -> A:
        """Return a model's answer, repaired once where it cannot be used; raise TroubleError where there is none."""
        call = await self._exchanged(candidate, request, (), talk)
        try:
            return _read(call, request, lenient=False).value
        except Unusable as unusable:
            first = unusable
        if first.plain and not first.cut:
            self._try_other_way(candidate.spec, request)
        earlier = _repair(call, first)
        again = (await self._candidates([candidate.spec], request, earlier))[0]
        if self._may_not_ask(again) and not await self._exchanger.kept(Order(again.spec, request, earlier)):
            raise TroubleError(_of(first))
        call = await self._exchanged(again, request, earlier, talk)
        try:
            read = _read(call, request, lenient=True)
        except Unusable as second:
            raise TroubleError(_of(second)) from None
        if read.dropped:
            talk.said.append(f"{read.dropped} parts of the {request.purpose} did not fit its form and were left out.")
        return read.value

    def _may_not_ask(self, candidate: Candidate) -> bool:
        """Return whether a call would pass the dollars, or none may be made at all."""
        return self._terms.recorded_only or (
            bool(candidate.usd) and self._spent + self._reserved + (candidate.usd or 0.0) > self._terms.max_usd
        )

    async def _exchanged(
        self, candidate: Candidate, request: Request[A], earlier: tuple[Said, ...], talk: _Talk
    ) -> PaidCall:
        """Return a model's words: those on disk, else new ones, for which dollars are set aside meanwhile."""
        most, left = candidate.usd or 0.0, self._terms.max_usd - self._spent - self._reserved
        order = Order(candidate.spec, request, earlier, candidate.tokens.tokens, candidate.output, most, left)
        exchanged = await self._exchanger.kept(order, used=True)
        if exchanged is None:
            broken: list[ModelCall] = []
            self._tell(request.node, call_line(candidate))
            self._reserved += most
            try:
                exchanged = await self._exchanger.exchange(order, broken)
            finally:
                self._reserved -= most
                self._spent += sum(call.usd for call in broken)
                talk.add_broken(broken)
        self._spent += exchanged.call.usd
        talk.add(exchanged)
        return exchanged.call

    def _try_other_way(self, spec: ModelSpec, request: Request[A]) -> None:
        """Ask in another form after prose: a server may take a schema and not heed it."""
        other = self._memory.manner(spec, request.form).next_way()
        if spec.kind == "server" and other is not None:
            self._memory.keep(spec, request.form, other)

    def _why(self, request: Request[A], tried: list[ModelSpec], trouble: Trouble | None) -> str:
        if trouble is not None:
            return self._by_rules(request, self._what(tried[-1], trouble))
        lost = self._memory.lost(self._spec)
        assert lost is not None
        return self._by_rules(request, f"{self._what(self._spec, lost)}; it is not asked again in this run")

    def _by_rules(self, request: Request[A], why: str) -> str:
        return f"The {request.purpose} was done by rules{f': {why}' if why else ''}."

    def _what(self, spec: ModelSpec, trouble: Trouble) -> str:
        return trouble.line(str(spec), key_name(spec))


def _read(call: PaidCall, request: Request[A], *, lenient: bool) -> Read[A]:
    """Return the answer that a model's words hold."""
    if call.refusal:
        raise TroubleError(Trouble("refused"))
    if call.finish == CUT:
        raise Unusable("it repeats itself or does not end", "it repeats itself or does not end", cut=True)
    if call.function and call.function != request.answer.__name__:
        told = f"it calls the function {call.function[:60]!r}; there is only {request.answer.__name__}"
        raise Unusable(told, "it calls a function that does not exist")
    try:
        read = read_answer(call.text, request.answer, lenient=lenient)
    except Unusable as error:
        raise Unusable(str(error), error.short, cut=error.cut or call.finish == "length", plain=error.plain) from None
    if foreign(read.value, request.user):
        raise Unusable("it is not written in the language of the request", "it is in another language")
    return read


def _repair(call: PaidCall, why: Unusable) -> tuple[Said, ...]:
    """Return what is sent after an answer that cannot be used."""
    shorter = " Be much shorter: it was cut off before its end." if why.cut else ""
    told = (
        f"This cannot be used: {why}.{shorter} Answer again, in English, with the whole JSON object and nothing else."
    )
    return (Said("assistant", call.text[:_QUOTED] or "(nothing)"), Said("user", told))


def _of(why: Unusable) -> Trouble:
    return Trouble("truncated" if why.cut else "malformed", why.short)


@asynccontextmanager
async def open_door(
    spec: ModelSpec,
    *,
    keys: Keys,
    terms: Terms,
    ledger: Path,
    run: str,
    counted: Iterable[str] = (),
    seal: Seal | None = None,
    timeouts: Timeouts | None = None,
    openai_url: str = OPENAI_URL,
    credential: TokenCredential | None = None,
    limiter: Callable[[ModelSpec], Limiter] | None = None,
    tell: Teller = lambda _node, _line: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[ModelDoor]:
    """Open the door to a model and close its connections after.

    `ledger` is the folder of paid calls; `run` names the run that all its steps share, such as thread and question;
    `seal` is what they are sealed with; `counted` are the kept answers that the usage of the run holds already, maybe
    since a process that is no more;
    `tell` hears of each call before it is made: by which node, and its tokens, shares of limits and dollars in a line.
    The other arguments are for hosts and tests: another address for OpenAI, a credential for Azure, limits, time.
    """
    opened, memory = clock(), memory_of(run)
    for key in counted:
        memory.first(key)
    own_limiter = limiter or (lambda one: limiter_for(one, terms.tier, terms.figures))

    def left() -> float:
        return max(0.0, terms.seconds - (clock() - opened))

    async with open_clients(keys, timeouts=timeouts, openai_url=openai_url, credential=credential) as clients:
        exchanger = Exchanger(clients, Ledger(ledger, seal), memory, own_limiter, left, sleep)
        yield ModelDoor(spec, terms, exchanger, memory, own_limiter, tell)
