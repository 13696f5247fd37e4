"""Parallel calls stay under the limits in every window of a minute, on a clock that the test turns."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_analyst.tools.models import parse_model_spec
from soc_analyst.tools.models.limiter import Limiter, Used, limiter_for
from soc_analyst.tools.models.limits import Limits, Seen


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time stands still while there is work, and jumps to the next timer when there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now = max(self.now, self._scheduled[0]._when)  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    virtual = VirtualLoop()
    yield virtual
    virtual.close()


def limiter_on(loop: VirtualLoop, **limits: int) -> Limiter:
    return Limiter(Limits(**limits), clock=loop.time, sleep=asyncio.sleep)


async def call(
    limiter: Limiter, loop: VirtualLoop, log: list[tuple[float, int]], tokens: int, took: int, seconds: float
) -> None:
    async with limiter.slot(tokens) as slot:
        log.append((loop.time(), took))
        await asyncio.sleep(seconds)
        slot.settle(took)


def run(loop: VirtualLoop, coroutine: Coroutine[Any, Any, Any]) -> Any:
    return loop.run_until_complete(coroutine)


def most_in_a_minute(log: list[tuple[float, int]]) -> tuple[int, int]:
    """Return the most tokens and requests that began in any window of 60 seconds."""
    windows = [[tokens for at, tokens in log if start <= at < start + 60] for start, _ in log]
    return max(sum(window) for window in windows), max(len(window) for window in windows)


def test_fifty_tasks_keep_under_both_limits(loop: VirtualLoop) -> None:
    limiter, log = limiter_on(loop, tpm=30_000, rpm=8), []

    async def hunt() -> None:
        await asyncio.gather(
            *(call(limiter, loop, log, 1_000 + 137 * n % 6_000, 1_000 + 137 * n % 6_000, 2.0) for n in range(50))
        )

    run(loop, hunt())
    tokens, requests = most_in_a_minute(log)
    assert len(log) == 50
    assert tokens <= 30_000
    assert requests <= 8
    assert loop.now < 60 * 50 / 4  # it does not wait much longer than it must


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 900), st.floats(0, 1), st.floats(0, 90), st.floats(0, 200)), min_size=1, max_size=30
    ),
    st.integers(900, 3_000),
    st.integers(1, 6),
)
def test_no_window_passes_a_limit(calls: list[tuple[int, float, float, float]], tpm: int, rpm: int) -> None:
    loop = VirtualLoop()
    limiter, log = limiter_on(loop, tpm=tpm, rpm=rpm), []

    async def later(tokens: int, share: float, seconds: float, delay: float) -> None:
        await asyncio.sleep(delay)
        await call(limiter, loop, log, tokens, int(tokens * share), seconds)

    async def hunt() -> None:
        await asyncio.gather(*(later(*one) for one in calls))

    run(loop, hunt())
    loop.close()
    tokens, requests = most_in_a_minute(log)
    assert len(log) == len(calls)
    assert tokens <= tpm
    assert requests <= rpm


def test_calls_are_admitted_in_the_order_they_came(loop: VirtualLoop) -> None:
    limiter, order = limiter_on(loop, tpm=100), []

    async def one(name: str, tokens: int) -> None:
        async with limiter.slot(tokens):
            order.append(name)

    async def hunt() -> None:
        await asyncio.gather(one("first", 80), one("large", 100), one("small", 5))

    run(loop, hunt())
    assert order == ["first", "large", "small"]
    assert loop.now == 120


def test_what_was_not_used_is_given_back_at_once(loop: VirtualLoop) -> None:
    limiter, log = limiter_on(loop, tpm=1_000), []

    async def hunt() -> None:
        await asyncio.gather(call(limiter, loop, log, 900, 10, 3.0), call(limiter, loop, log, 900, 10, 3.0))

    run(loop, hunt())
    assert log == [(0.0, 10), (3.0, 10)]
    assert limiter.used() == Used(20, 2, 20, 2)


def test_nobody_spins_while_waiting(loop: VirtualLoop) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(seconds)

    limiter = Limiter(Limits(rpm=1), clock=loop.time, sleep=sleep)

    async def hunt() -> None:
        log: list[tuple[float, int]] = []
        await asyncio.gather(*(call(limiter, loop, log, 1, 1, 0.0) for _ in range(10)))

    run(loop, hunt())
    assert loop.now == 540
    assert len(slept) <= 20


def test_a_cancelled_task_holds_nobody_up(loop: VirtualLoop) -> None:
    limiter, log = limiter_on(loop, rpm=1), []

    async def hunt() -> None:
        tasks = [asyncio.create_task(call(limiter, loop, log, 1, n, 0.0)) for n in range(4)]
        await asyncio.sleep(1)
        tasks[1].cancel()  # the first in the queue
        tasks[2].cancel()  # behind it
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(one, asyncio.CancelledError) for one in results] == [False, True, True, False]

    run(loop, hunt())
    assert log == [(0.0, 0), (60.0, 3)]


def test_a_call_that_is_cancelled_while_it_runs_still_counts(loop: VirtualLoop) -> None:
    limiter = limiter_on(loop, tpm=1_000)

    async def hunt() -> None:
        task = asyncio.create_task(call(limiter, loop, [], 700, 700, 30.0))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(loop, hunt())
    assert limiter.used().minute_tokens == 700
    assert limiter.wait_for(400) == 59.0


def test_a_call_above_the_limit_goes_alone(loop: VirtualLoop) -> None:
    limiter, log = limiter_on(loop, tpm=100), []

    async def hunt() -> None:
        await asyncio.gather(call(limiter, loop, log, 50, 50, 0.0), call(limiter, loop, log, 500, 500, 0.0))

    run(loop, hunt())
    assert log == [(0.0, 50), (60.0, 500)]


def test_a_stated_pause_is_kept(loop: VirtualLoop) -> None:
    limiter, log = limiter_on(loop), []

    async def hunt() -> None:
        limiter.learn(Seen(retry_after=20))
        await asyncio.gather(*(call(limiter, loop, log, 10, 10, 0.0) for _ in range(3)))

    run(loop, hunt())
    assert [at for at, _ in log] == [20.0, 20.0, 20.0]


def test_a_higher_limit_that_an_answer_states_lets_waiters_go(loop: VirtualLoop) -> None:
    limiter, log = limiter_on(loop, tpm=1_000, rpm=100), []

    async def hunt() -> None:
        calls = [asyncio.create_task(call(limiter, loop, log, 1_000, 1_000, 0.0)) for _ in range(3)]
        await asyncio.sleep(5)
        limiter.learn(Seen(limit_tokens=500_000, remaining_tokens=499_000, reset_tokens=0.1))
        await asyncio.gather(*calls)

    run(loop, hunt())
    assert [at for at, _ in log] == [0.0, 5.0, 5.0]
    assert limiter.limits == Limits(tpm=500_000, rpm=100)


def test_what_others_take_of_the_account_counts(loop: VirtualLoop) -> None:
    limiter = limiter_on(loop, tpm=1_000, rpm=100)
    limiter.learn(Seen(limit_tokens=1_000, remaining_tokens=100, reset_tokens=30.0))
    assert limiter.used().minute_tokens == 900
    assert limiter.wait_for(100) == 0
    assert limiter.wait_for(101) == 30
    limiter.learn(Seen(limit_requests=100, remaining_requests=0, reset_requests=12.0))
    assert limiter.wait_for(1) == 12


def test_a_days_limit_is_kept(loop: VirtualLoop) -> None:
    limiter, log = limiter_on(loop, rpd=2, tpd=10_000), []

    async def hunt() -> None:
        await asyncio.gather(*(call(limiter, loop, log, 10, 10, 0.0) for _ in range(3)))

    run(loop, hunt())
    assert [at for at, _ in log] == [0.0, 0.0, 86_400.0]


def test_a_second_event_loop_can_use_the_limiter() -> None:
    limiter = Limiter(Limits(tpm=1_000))

    async def one() -> None:
        async with limiter.slot(10) as slot:
            slot.settle(5)

    for _ in range(3):
        asyncio.run(one())
    assert limiter.used().minute_tokens == 15


def test_a_process_has_one_limiter_for_a_model() -> None:
    spec = parse_model_spec("openai:gpt-5-mini")
    assert limiter_for(spec, "1") is limiter_for(parse_model_spec("openai:gpt-5-mini"), "1")
    assert limiter_for(spec, "1").limits.tpm == 500_000
    assert limiter_for(parse_model_spec("openai:gpt-5"), "1") is not limiter_for(spec, "1")
