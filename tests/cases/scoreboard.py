"""Print how the cases go, and how they go with a part of the graph taken out.

    python -m tests.cases.scoreboard [NAME …] [--whole]

A finding that must be there counts as found when a Medium or High finding cites its row, as named when that finding
carries its technique. A Medium or High finding that cites no row of an attack is a false one.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .form import CASES, Case, load
from .play import Played, akin, cited_marks, claimed_by, play
from .weakened import WEAKENED, weakened

HEAD = ("case", "right", "found", "named", "proved", "false", "rounds", "queries", "tokens")


@dataclass(frozen=True)
class Score:
    """The figures of one case, or of all."""

    name: str
    right: int = 0
    cases: int = 1
    found: int = 0
    named: int = 0
    wanted: int = 0
    proved: int = 0
    claims: int = 0
    false: int = 0
    rounds: int = 0
    queries: int = 0
    tokens: int = 0

    def cells(self) -> tuple[str, ...]:
        """Return the cells of its line."""
        parts = (f"{self.right}/{self.cases}", f"{self.found}/{self.wanted}", f"{self.named}/{self.wanted}")
        rest = (self.false, self.rounds, self.queries, self.tokens)
        return (self.name, *parts, f"{self.proved}/{self.claims}", *map(str, rest))


def main(arguments: Sequence[str]) -> int:
    """Play the cases and print the figures; fail where a case is not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("names", nargs="*", help="only these cases")
    parser.add_argument("--whole", action="store_true", help="leave the weakened graphs out")
    options = parser.parse_args(arguments)
    names = options.names or sorted(path.parent.name for path in CASES.glob("*/case.yaml"))
    cases = [load(CASES / name) for name in names]
    played = asyncio.run(_all(cases, ""))
    scores = [scored(one) for one in played]
    _print_lines([HEAD, *(score.cells() for score in scores)])
    for fault in (f"{one.case.name}: {fault}" for one in played for fault in one.faults):
        sys.stdout.write(f"  {fault}\n")
    whole = total("all of the graph", scores)
    sys.stdout.write("\n")
    _print_lines([HEAD, whole.cells()])
    for how in () if options.whole else WEAKENED:
        _print_lines([HEAD, total(how, [scored(one) for one in asyncio.run(_all(cases, how))]).cells()])
    return 0 if whole.right == whole.cases else 1


async def _all(cases: Iterable[Case], how: str) -> list[Played]:
    played = []
    with weakened(how):
        for case in cases:
            with tempfile.TemporaryDirectory() as folder:
                played.append(await play(case, Path(folder)))
    return played


def scored(played: Played) -> Score:
    """Return the figures of a case."""
    report, wanted = played.report, played.case.expect.findings
    serious = [finding for finding in report.findings if finding.confidence != "Low"]
    citing = {one: [f for f in serious if one.cites in cited_marks(f, played.rows)] for one in wanted}
    named = [
        one
        for one, own in citing.items()
        if any(akin(claimed, right) for f in own for claimed in claimed_by(f) for right in one.technique)
    ]
    claims = [claim for finding in report.findings for claim in finding.claims]
    ordinary = played.case.kind != "attack"
    return Score(
        name=played.case.name,
        right=int(not played.faults),
        found=sum(map(bool, citing.values())),
        named=len(named),
        wanted=len(wanted),
        proved=sum(claim.verified for claim in claims),
        claims=len(claims),
        false=sum(ordinary or not cited_marks(finding, played.rows) for finding in serious),
        rounds=report.rounds,
        queries=report.usage.queries,
        tokens=report.usage.input_tokens + report.usage.output_tokens,
    )


def total(name: str, scores: Sequence[Score]) -> Score:
    """Return the sum of the figures."""
    fields = [field for field in Score.__dataclass_fields__ if field != "name"]
    return Score(name, **{field: sum(getattr(score, field) for score in scores) for field in fields})


def _print_lines(lines: Sequence[Sequence[str]]) -> None:
    widths = [max(len(line[at]) for line in lines) for at in range(len(HEAD))]
    for line in lines:
        first, *rest = (
            cell.ljust(w) if not at else cell.rjust(w) for at, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        sys.stdout.write(f"{first}  {'  '.join(rest)}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
