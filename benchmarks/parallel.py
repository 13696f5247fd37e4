"""Investigations a minute at 1, 8 and 50 at once in one process, and what each adds to its memory.

    python benchmarks/parallel.py [--at-once 1 8 50] [--total N] [--workspace SPEC]

All share a data folder and a workspace, which is loaded before the clock runs; questions and threads differ. Without a
workspace it is the small office of `examples/logs`. Seconds of a processor are those of this process alone, so they say
more than the clock on a busy machine.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from soc_analyst import Context, ahunt

LOGS = Path(__file__).parents[1] / "examples" / "logs"
ASKED = (
    "Anything suspicious on host ws-1 in the last day?",
    "Anything suspicious on host ws-2 in the last day?",
    "Any failed sign-ins of jdoe@contoso.com in the last 6 hours?",
    "What did bob run in the last 12 hours?",
    "Any sign-ins from 198.51.100.23 in the last day?",
)


@dataclass(frozen=True)
class Figures:
    """What a level took."""

    seconds: float
    processor: float
    megabytes: float
    """The peak beyond the start."""


def main() -> int:
    """Run each level and print its figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 8, 50])
    parser.add_argument("--total", type=int, default=50)
    parser.add_argument("--workspace", default=str(LOGS))
    given = parser.parse_args()
    sys.stdout.write(f"{'at once':>8} {'a minute':>9} {'a CPU second':>13} {'MB each':>8}\n")
    for level in given.at_once:
        with tempfile.TemporaryDirectory() as home:
            context = Context(workspace=given.workspace, data_dir=Path(home))
            total = max(level, min(given.total, 10 if level == 1 else given.total))
            found = asyncio.run(_measured(context, level, total))
        rate, each = 60 * total / found.seconds, found.megabytes / level
        sys.stdout.write(f"{level:>8} {rate:>9.1f} {total / found.processor:>13.2f} {each:>8.1f}\n")
        sys.stdout.flush()
    return 0


async def _measured(context: Context, at_once: int, total: int) -> Figures:
    await ahunt(ASKED[0], context=context)
    places = asyncio.Semaphore(at_once)

    async def one(number: int) -> None:
        async with places:
            await ahunt(ASKED[number % len(ASKED)], context=context, thread_id=f"case-{number}")

    process = psutil.Process()
    with _Peak(process) as peak:
        began, cpu = time.perf_counter(), process.cpu_times()
        await asyncio.gather(*(one(number) for number in range(total)))
        seconds, now = time.perf_counter() - began, process.cpu_times()
    return Figures(seconds, now.user + now.system - cpu.user - cpu.system, peak.megabytes)


class _Peak:
    """The most memory that the process held beyond the start, looked at ten times a second."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._start = self._most = process.memory_info().rss
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Peak:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watch.join()

    @property
    def megabytes(self) -> float:
        """Return the peak."""
        return (self._most - self._start) / 1e6

    def _look(self) -> None:
        while not self._over.wait(0.1):
            self._most = max(self._most, self._process.memory_info().rss)


if __name__ == "__main__":
    sys.exit(main())
