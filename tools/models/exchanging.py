"""One request to one model: from the ledger, or asked under the limits, tried again where that helps, and kept."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from soc_analyst.state.report import ModelCall

from .base import Request
from .clients import Clients
from .completions import Completion, Said, complete
from .forms import Manner, instructions, learned, options
from .ledger import Ledger, PaidCall, request_key
from .limiter import Limiter
from .limits import read_headers
from .memory import Memory
from .prices import usd
from .schemas import answer_schema
from .spec import ModelSpec
from .tokens import count
from .troubles import Trouble, TroubleError

__all__ = ["Exchanged", "Exchanger", "Order"]

_FIRST, _LONGEST = 0.5, 30.0
"""Seconds of the first pause and of the longest where the provider states none."""


@dataclass(frozen=True)
class Order:
    """What one model is asked: the request, the messages after it, and what it may take."""

    spec: ModelSpec
    request: Request[Any]
    earlier: tuple[Said, ...] = ()
    """A rejected answer and the request to repair it."""
    tokens: int = 0
    output: int = 0
    usd: float = 0.0
    """What one try costs at most."""
    usd_left: float = float("inf")
    """What all tries may cost."""

    @property
    def key(self) -> str:
        """Return the key under which the answer is kept, whatever form it is asked in."""
        request = self.request
        answer: type[BaseModel] = request.answer
        return request_key(
            {
                "model": str(self.spec),
                "system": request.system,
                "user": request.user,
                "answer": answer_schema(answer),
                "earlier": [[one.role, one.text] for one in self.earlier],
                "output": request.max_output_tokens,
                **({"attempt": request.attempt} if request.attempt else {}),
            }
        )


@dataclass(frozen=True)
class Exchanged:
    """An answer as it came, and the exchange for the report."""

    call: PaidCall
    exchange: ModelCall
    said: tuple[str, ...] = ()


class Exchanger:
    """Asks models. `left` gives the seconds that the run still has."""

    def __init__(
        self,
        clients: Clients,
        ledger: Ledger,
        memory: Memory,
        limiter: Callable[[ModelSpec], Limiter],
        left: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._clients = clients
        self._ledger = ledger
        self._memory = memory
        self._limiter = limiter
        self._left = left
        self._sleep = sleep

    async def kept(self, order: Order, *, used: bool = False) -> Exchanged | None:
        """Return the answer that was paid for before, if there is one; it counts as spent where it is used first."""
        found = await asyncio.to_thread(self._ledger.find, order.key)
        if found.call is None:
            return None
        # An answer of an earlier try was paid before its usage was kept; one of this run is counted already.
        call = found.call if not used or self._memory.first(order.key) else _free(found.call)
        told = _told(order, call, paid=False).model_copy(update={"answer": order.key})
        return Exchanged(found.call, told, found.said)

    async def exchange(self, order: Order, broken: list[ModelCall]) -> Exchanged:
        """Return a model's answer, which is on disk by then; raise TroubleError where there is none.

        `broken` gets the calls that were paid for and brought no answer, either way.
        """
        completion = await self._mannerly(order, broken)
        call = await asyncio.to_thread(_paid, order, completion)
        self._memory.first(order.key)
        said: tuple[str, ...] = ()
        try:
            await asyncio.to_thread(self._ledger.record, order.key, call)
        except OSError as error:
            said = (
                f"An answer of {order.spec} could not be kept ({error.strerror}); a resumed run would pay it again.",
            )
        return Exchanged(call, _told(order, call, paid=True).model_copy(update={"answer": order.key}), said)

    async def _mannerly(self, order: Order, broken: list[ModelCall]) -> Completion:
        """Ask in the manner that the server takes, and learn it from what it refuses."""
        while True:
            manner = self._memory.manner(order.spec, order.request.form)
            try:
                return await self._read(order, manner, broken)
            except TroubleError as error:
                other = learned(manner, error.trouble)
                if other is None:
                    raise
                self._memory.keep(order.spec, order.request.form, other)

    async def _read(self, order: Order, manner: Manner, broken: list[ModelCall]) -> Completion:
        """Ask again in one piece where a stream brought nothing: it tells no refusal, and not all servers stream."""
        if not manner.streams:
            return await self._tried(order, manner, broken)
        try:
            completion = await self._tried(order, manner, broken)
            if not completion.is_empty:
                return completion
            await self._spoiled(order, completion, broken)
        except TroubleError as error:
            if error.trouble.kind != "malformed" or error.trouble.foreign:
                raise
        whole = manner.without("stream")
        if _is_over(order, broken):
            raise TroubleError(Trouble("malformed", "its answer is empty"))
        completion = await self._tried(order, whole, broken)
        if not completion.is_empty and not completion.refusal:
            self._memory.keep(order.spec, order.request.form, whole)
        return completion

    async def _tried(self, order: Order, manner: Manner, broken: list[ModelCall]) -> Completion:
        from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

        def is_enough(state: RetryCallState) -> bool:
            trouble = _trouble(state)
            if _is_over(order, broken):
                return True
            return state.attempt_number >= trouble.meaning.tries or state.upcoming_sleep >= self._left()

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(TroubleError), wait=_pause, stop=is_enough, sleep=self._sleep, reraise=True
        )
        return await retrying(self._once, order, manner, broken)

    async def _spoiled(self, order: Order, completion: Completion, broken: list[ModelCall]) -> None:
        """Keep what a call cost that brought nothing to use; before its answer began it cost nothing."""
        if completion.begun:
            call = await asyncio.to_thread(_paid, order, completion)
            broken.append(_told(order, call, paid=True))

    async def _once(self, order: Order, manner: Manner, broken: list[ModelCall]) -> Completion:
        limiter, request = self._limiter(order.spec), order.request
        client = await self._clients.of(order.spec)
        first = Said("user", request.user + instructions(manner, request.answer))
        messages: Sequence[Said] = [Said("system", request.system), first, *order.earlier]
        how = options(order.spec, manner, request.answer, most=order.output, cache_key=request.prompt)
        completion = Completion()
        try:
            async with asyncio.timeout(self._left()), limiter.slot(order.tokens + order.output) as slot:
                await complete(client, messages, how, completion, stream=manner.streams, most=order.output)
        except TimeoutError:
            await self._spoiled(order, completion, broken)
            raise TroubleError(Trouble("timeout", "the run's seconds are used up")) from None
        except TroubleError as error:
            await self._spoiled(order, completion, broken)
            if error.trouble.seen is not None:
                limiter.learn(error.trouble.seen)
            raise
        slot.settle(completion.input_tokens + completion.output_tokens if completion.used else slot.tokens)
        limiter.learn(read_headers(completion.headers))
        return completion


def _trouble(state: Any) -> Trouble:
    error = state.outcome.exception()
    assert isinstance(error, TroubleError)
    return error.trouble


def _pause(state: Any) -> float:
    """Return the seconds before the next try: what the provider states, else twice the last, each with some jitter."""
    told = _trouble(state).wait
    backoff = min(_FIRST * 2 ** (state.attempt_number - 1), _LONGEST)
    return (backoff if told is None else told) + random.uniform(0, backoff / 2)


def _paid(order: Order, completion: Completion) -> PaidCall:
    """Return the call for the ledger; tokens are counted here where the server does not tell them. Blocks."""
    used = completion.used
    text = completion.text
    taken = completion.input_tokens if used else order.tokens
    given = completion.output_tokens if used else count(text, order.spec.name).tokens
    cached = min(completion.cached_tokens, taken)
    return PaidCall(
        model=str(order.spec),
        text=text,
        function=completion.function,
        refusal=completion.refusal[:1000],
        finish=completion.finish,
        input_tokens=taken,
        cached_tokens=cached,
        output_tokens=given,
        usd=usd(order.spec, input=taken, output=given, cached=cached) or 0.0,
        estimated=not used,
    )


def _free(call: PaidCall) -> PaidCall:
    return call.model_copy(update={"input_tokens": 0, "cached_tokens": 0, "output_tokens": 0, "usd": 0.0})


def _told(order: Order, call: PaidCall, *, paid: bool) -> ModelCall:
    return ModelCall(
        node=order.request.node,
        model=call.model,
        prompt=order.request.prompt,
        input_tokens=call.input_tokens,
        cached_tokens=call.cached_tokens,
        output_tokens=call.output_tokens,
        usd=call.usd,
        paid=paid,
        estimated=call.estimated,
    )


def _is_over(order: Order, broken: Sequence[ModelCall]) -> bool:
    """Return whether another try could pass what all tries may cost."""
    return bool(order.usd) and sum(call.usd for call in broken) + order.usd > order.usd_left
