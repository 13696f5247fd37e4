"""Keeps calls that run side by side under a model's limits of a minute and a day."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache

from .limits import Limits, Seen
from .spec import ModelSpec
from .tiers import Figures, Tier, limits_for

__all__ = ["Limiter", "Slot", "Used", "limiter_for"]

_MINUTE = 60.0
_DAY = 86_400.0


@dataclass(frozen=True)
class Used:
    """What the calls of the last minute and day took, those that still run by what was set aside for them."""

    minute_tokens: int = 0
    minute_requests: int = 0
    day_tokens: int = 0
    day_requests: int = 0


@dataclass
class Slot:
    """The place of one call in the limits. `settle` it with what the call took; else it counts as what it asked."""

    at: float
    tokens: int
    requests: int = 1

    def settle(self, tokens: int) -> None:
        """Count the call as the tokens that it took, where that is less than what was set aside."""
        self.tokens = min(self.tokens, max(tokens, 0))


@dataclass(eq=False)
class _Waiting:
    tokens: int
    loop: asyncio.AbstractEventLoop
    woken: asyncio.Event


class Limiter:
    """Admits calls in the order they come, each as soon as every window of a minute and a day has room for it.

    One for a model and a process. Safe from several threads and event loops. A call that is larger than a limit is
    admitted alone, into an empty window, for the provider to judge. `clock` gives seconds that never go back.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._guard = threading.Lock()
        self._slots: deque[Slot] = deque()
        self._others: list[Slot] = []
        self._queue: deque[_Waiting] = deque()
        self._closed_until = float("-inf")

    @property
    def limits(self) -> Limits:
        """Return the limits in force: the tier's, or what the provider stated since."""
        return self._limits

    def used(self) -> Used:
        """Return what the calls of the last minute and day took."""
        with self._guard:
            now = self._clock()
            minute, day = self._taken(now, _MINUTE), self._taken(now, _DAY)
        return Used(*_sums(minute), *_sums(day))

    def wait_for(self, tokens: int) -> float:
        """Return the seconds after which a call of so many tokens would be admitted, were no other waiting."""
        with self._guard:
            return self._pause(tokens, self._clock())

    @asynccontextmanager
    async def slot(self, tokens: int) -> AsyncIterator[Slot]:
        """Wait until a call of so many tokens, those of its answer among them, has room; give it its slot."""
        slot = await self._admit(tokens)
        try:
            yield slot
        finally:
            self._wake()

    def learn(self, seen: Seen) -> None:
        """Take over what a provider's answer told: its limits, what others took of them, how long it asks to wait."""
        with self._guard:
            now = self._clock()
            self._limits = self._limits.learned(seen)
            self._count_others(seen, now)
            if seen.retry_after is not None:
                self._closed_until = max(self._closed_until, now + seen.retry_after)
        self._wake()

    def _count_others(self, seen: Seen, now: float) -> None:
        """Set aside what the account's other users took of the minute: what the provider counts and we do not."""
        self._others = []
        tokens, requests = _sums(self._taken(now, _MINUTE))
        foreign = _beyond(seen.limit_tokens, seen.remaining_tokens, tokens)
        if foreign and seen.reset_tokens is not None:
            self._others.append(Slot(now - _MINUTE + min(seen.reset_tokens, _MINUTE), foreign, 0))
        foreign = 0 if seen.counts_requests_by_day else _beyond(seen.limit_requests, seen.remaining_requests, requests)
        if foreign and seen.reset_requests is not None:
            self._others.append(Slot(now - _MINUTE + min(seen.reset_requests, _MINUTE), 0, foreign))

    async def _admit(self, tokens: int) -> Slot:
        waiting = _Waiting(tokens, asyncio.get_running_loop(), asyncio.Event())
        with self._guard:
            self._queue.append(waiting)
        try:
            while True:
                waiting.woken.clear()
                slot, pause = self._try(waiting)
                if slot is not None:
                    return slot
                await self._rest(waiting, pause)
        finally:
            with self._guard:
                self._queue.remove(waiting)
            self._wake()

    def _try(self, waiting: _Waiting) -> tuple[Slot | None, float | None]:
        """Admit the first in the queue where there is room; else return its pause, None for those behind it."""
        with self._guard:
            if self._queue[0] is not waiting:
                return None, None
            now = self._clock()
            pause = self._pause(waiting.tokens, now)
            if pause > 0:
                return None, pause
            slot = Slot(now, waiting.tokens)
            self._slots.append(slot)
            return slot, None

    async def _rest(self, waiting: _Waiting, pause: float | None) -> None:
        """Sleep for the pause, or until something changed."""
        woken = asyncio.ensure_future(waiting.woken.wait())
        both = {woken} if pause is None else {woken, asyncio.ensure_future(self._sleep(pause))}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    def _wake(self) -> None:
        """Let the first in the queue look again."""
        with self._guard:
            first = self._queue[0] if self._queue else None
        if first is not None and not first.loop.is_closed():
            first.loop.call_soon_threadsafe(first.woken.set)

    def _taken(self, now: float, width: float) -> list[Slot]:
        """Return what counts in the window that ends now, the earliest first."""
        while self._slots and self._slots[0].at <= now - _DAY:
            self._slots.popleft()
        others = self._others if width == _MINUTE else []
        return sorted((slot for slot in (*self._slots, *others) if slot.at > now - width), key=lambda slot: slot.at)

    def _pause(self, tokens: int, now: float) -> float:
        limits = self._limits
        ends = [self._closed_until]
        for width, most, requests in ((_MINUTE, limits.tpm, limits.rpm), (_DAY, limits.tpd, limits.rpd)):
            taken = self._taken(now, width)
            ends.append(_room_at([(slot.at + width, slot.tokens) for slot in taken], tokens, most))
            ends.append(_room_at([(slot.at + width, slot.requests) for slot in taken], 1, requests))
        return max(0.0, max(ends) - now)


def _room_at(taken: list[tuple[float, int]], amount: int, most: int | None) -> float:
    """Return when enough of what is taken has left a window for an amount to fit, or for the window to be empty."""
    if most is None:
        return float("-inf")
    total = sum(size for _, size in taken)
    at = float("-inf")
    for end, size in taken:
        if total + amount <= most:
            break
        total, at = total - size, end
    return at


def _sums(slots: list[Slot]) -> tuple[int, int]:
    return sum(slot.tokens for slot in slots), sum(slot.requests for slot in slots)


def _beyond(limit: int | None, remaining: int | None, ours: int) -> int:
    """Return what a provider counts as taken beyond what we took."""
    return 0 if limit is None or remaining is None else max(0, limit - remaining - ours)


def limiter_for(spec: ModelSpec, tier: Tier, figures: Figures | None = None) -> Limiter:
    """Return the limiter of a model, the same one for all that this process asks of it under the same limits."""
    return _limiter(spec, limits_for(spec, tier, figures) or Limits())


@lru_cache(maxsize=256)
def _limiter(_spec: ModelSpec, limits: Limits) -> Limiter:
    return Limiter(limits)
