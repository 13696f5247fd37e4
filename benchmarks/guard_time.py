"""Time the guard over everyday, hostile and long queries, against reading the text alone and the library's own parser.

    python benchmarks/guard_time.py [--rounds 5]

The guard reads the text, binds it, writes the bounded form, and proves that form again from its text. All figures are
warm, in one process. A query's time is its median over the rounds, so that what else the machine does is left out (the
slowest single run is shown too); median, p99 and ratio are over the queries. Garbage is collected as seldom as the
command line lets it be, or with `--collect-often` as Python does by itself.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import io
import random
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from soc_analyst.__main__ import FIRST_GENERATION
from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy, check_text, load_policy
from soc_analyst.tools.kql import parse
from soc_analyst.tools.logs.tables import load_tables

SUITES = Path(__file__).parents[1] / "tests" / "guard"
WINDOW = TimeWindow(start=datetime(2026, 3, 3, tzinfo=UTC), end=datetime(2026, 3, 5, tzinfo=UTC))
LONG = 2_048
TARGET_MS = 25.0


def main() -> int:
    """Print medians and 99th percentiles for each kind of query."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--collect-often", action="store_true")
    options = parser.parse_args()
    rounds = options.rounds
    if not options.collect_often:
        gc.set_threshold(FIRST_GENERATION, 20, 100)
    policy, tables = load_policy(), load_tables()

    def guard(text: str) -> object:
        return check_text(text, policy=policy, tables=tables, window=WINDOW)

    whole: dict[str, Times] = {}
    kinds = {"everyday": _hunts(), "hostile": _escapes(), "generated, 2 KB": _long(policy, tables, 100)}
    for kind, texts in kinds.items():
        allowed = sum(check_text(text, policy=policy, tables=tables, window=WINDOW).allowed for text in texts)
        sys.stdout.write(f"{kind}: {len(texts)} texts, {allowed} allowed\n")
        whole[kind] = _times(guard, texts, rounds)
        _say("the guard", whole[kind])
        _say("reading alone", _times(parse, texts, rounds), whole[kind])
    # Last, since what it loads makes every later collection of garbage longer.
    for kind, texts in kinds.items():
        sys.stdout.write(f"{kind}\n")
        _say("the library's parser", _times(_library(), texts, 1), whole[kind])
    return 0


Times = list[list[float]]
"""For each text, the milliseconds of each round."""


def _say(name: str, times: Times, whole: Times | None = None) -> None:
    each = sorted(statistics.median(rounds) for rounds in times)
    middle, p99, worst = statistics.median(each), each[int(len(each) * 0.99)], max(map(max, times))
    line = f"  {name:<22} median {middle:7.2f} ms  p99 {p99:7.2f} ms  slowest single run {worst:7.2f} ms"
    if whole is not None:
        line += f"   the guard takes {statistics.median(map(statistics.median, whole)) / middle:4.1f}x"
    elif p99 >= TARGET_MS:
        line += f"   p99 MISSES {TARGET_MS:g} ms"
    sys.stdout.write(line + "\n")


def _times(run: Callable[[str], object], texts: list[str], rounds: int) -> Times:
    """Time every text in every round, after one round that is not counted."""
    found: Times = [[] for _ in texts]
    for turn in range(rounds + 1):
        for text, times in zip(texts, found, strict=True):
            began = time.perf_counter()
            run(text)
            if turn:
                times.append(1000 * (time.perf_counter() - began))
    return found


def _library() -> Callable[[str], object]:
    library = importlib.import_module("duckdb_kql")

    def read(text: str) -> None:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(Exception, RecursionError):
            library.parse(text)

    return read


def _hunts() -> list[str]:
    return (SUITES / "hunts.kql").read_text(encoding="utf-8").split("\n\n")[1:]


def _escapes() -> list[str]:
    lines = (SUITES / "escapes.txt").read_text(encoding="utf-8").splitlines()
    entries = [line.split(maxsplit=1)[1] for line in lines if line and not line.startswith("#")]
    return [re.sub(r"(?<!\\)\\n", "\n", entry) for entry in entries]


def _long(policy: Policy, tables: Mapping[str, TableSchema], many: int) -> list[str]:
    """Return queries of two kilobytes over every table: conditions, columns, groups, sometimes a join."""
    draw = random.Random(7)
    return [_one(draw, name, policy.tables[name], tables[name]) for name in draw.choices(sorted(policy.tables), k=many)]


def _one(draw: random.Random, table: str, allowed: tuple[str, ...], schema: TableSchema) -> str:
    texts = [name for name in allowed if schema.columns[name].type == "string"]
    steps = [
        f'let wanted = dynamic(["a{draw.random()}", "b.exe", "10.0.0.1"]);\n{table}\n| where TimeGenerated > ago(1d)'
    ]
    for place, step in enumerate(_steps(draw, texts)):
        steps.append(step.replace("NEW", f"Extra{place}"))
        if sum(map(len, steps)) > LONG - 300:
            break
    key, other = draw.sample(texts, 2)
    if draw.random() < 0.3:
        steps.append(f"| join kind=inner ({table} | where isnotempty({key}) | distinct {key}) on {key}")
    steps.append(f"| summarize Rows = count(), Others = make_set({other}, 50), Last = max(TimeGenerated) by {key}")
    steps.append("| where Rows > 1\n| top 50 by Rows desc")
    return "\n".join(steps)


def _steps(draw: random.Random, texts: list[str]) -> Iterator[str]:
    while True:
        one, other = draw.choice(texts), draw.choice(texts)
        word = draw.choice(["has", "contains", "startswith", "=~", "!contains", "=="])
        yield draw.choice([
            f'| where {one} {word} "value {draw.randrange(999)}" or {other} in~ ("x", "y", @"C:\\z") // why',
            f'| where not({one} has_any (wanted)) and ({other} !in ("a", "b") or isempty({one}))',
            f'| extend NEW = iff({one} == "x", tolower({other}), strcat({one}, "-", {other}))',
            f'| extend NEW = tostring(split({one}, "\\\\")[0]), NEWb = strlen({other}) * 2 + 1',
            f'| where {one} matches regex @"(?i)\\b[a-z]{{3,8}}\\d+" and TimeGenerated between (ago(20h) .. now())',
        ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
