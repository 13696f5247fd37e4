"""Score whole hunts on a generated tenant against what was planted in it.

    python benchmarks/sample_truth.py [--rows N] [--seed S …] [--id ID …]

Asks every question of the tenant's `truth.json`, which nothing but this script reads. An incident counts as found when
a Medium or High finding cites one of its rows, and as named when that same finding carries one of its techniques; a
look-alike counts as left alone when no Medium or High finding cites its rows.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from soc_analyst import Context, Finding, Report, ahunt
from soc_analyst.tools.logs.sample import generate

Key = tuple[str, str, str]
"""Table, column and value that name a row."""


@dataclass(frozen=True)
class Score:
    """How one question about one planted entry went."""

    seed: int
    entry: Mapping[str, Any]
    question: str
    report: Report
    citing: tuple[Finding, ...] = field(default=())
    """The Medium and High findings that cite a row of the entry."""

    @property
    def found(self) -> bool:
        """Whether a serious finding cites a row of the entry."""
        return bool(self.citing)

    @property
    def named(self) -> bool:
        """Whether one of those findings carries a technique of the entry, or its parent or child."""
        return any(_akin(finding.mitre.id, id_) for finding in self.citing for id_ in self.entry["techniques"])

    @property
    def stages(self) -> int:
        """How many of the entry's stages those findings cite."""
        cited = {key for finding in self.citing for key in _cited(finding, _keys(self.entry))}
        return len(cited)

    @property
    def went_wrong(self) -> bool:
        """Whether an incident was missed or misnamed, or a look-alike raised an alarm."""
        return self.found if self.entry["kind"] == "lookalike" else not self.named


def main(arguments: Sequence[str]) -> int:
    """Make the tenants, ask the questions and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--seed", type=int, action="append", help="a tenant to make; may be given several times")
    parser.add_argument("--id", action="append", help="only this entry; may be given several times")
    options = parser.parse_args(arguments)
    scores = [score for seed in options.seed or [7] for score in _asked(seed, options.rows, options.id)]
    for score in scores:
        if options.id or score.went_wrong:
            _tell(score)
    _print_figures(scores)
    return 0


def _asked(seed: int, rows: int, only: Sequence[str] | None) -> list[Score]:
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home, "tenant")
        generate(folder, rows=rows, seed=seed)
        entries = json.loads((folder / "truth.json").read_text("utf-8"))["incidents"]
        wanted = [entry for entry in entries if not only or entry["id"] in only]
        context = Context(workspace=str(folder), data_dir=Path(home, "data"))
        return asyncio.run(_hunted(seed, wanted, context))


async def _hunted(seed: int, entries: Sequence[Mapping[str, Any]], context: Context) -> list[Score]:
    pairs = [(entry, question) for entry in entries for question in entry["questions"]]
    return [_scored(seed, entry, question, await ahunt(question, context=context)) for entry, question in pairs]


def _scored(seed: int, entry: Mapping[str, Any], question: str, report: Report) -> Score:
    keys = _keys(entry)
    serious = (finding for finding in report.findings if finding.confidence != "Low")
    return Score(seed, entry, question, report, tuple(finding for finding in serious if _cited(finding, keys)))


def _keys(entry: Mapping[str, Any]) -> frozenset[Key]:
    return frozenset(
        (stage["table"], column, _as_text(value)) for stage in entry["stages"] for column, value in stage["key"].items()
    )


def _cited(finding: Finding, keys: frozenset[Key]) -> set[Key]:
    cited = zip(finding.evidence, finding.log_lines, strict=True)
    rows = [(ref.table, json.loads(line)) for ref, line in cited]
    return {key for key in keys if any(table == key[0] and _as_text(row.get(key[1])) == key[2] for table, row in rows)}


def _as_text(value: object) -> str:
    """Write instants one way, whatever offset or fraction they carry."""
    text = str(value)
    try:
        moment = datetime.fromisoformat(text) if "-" in text and "T" in text else None
    except ValueError:
        return text
    return text if moment is None else (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def _akin(said: str, right: str) -> bool:
    return bool(said) and (said == right or said.startswith(f"{right}.") or right.startswith(f"{said}."))


def _tell(score: Score) -> None:
    report, keys = score.report, _keys(score.entry)
    sys.stdout.write(f"\nseed {score.seed}, {score.entry['kind']} {score.entry['id']}: {score.question}\n")
    entities = ", ".join(f"{entity.kind} {entity.value}" for entity in report.entities)
    sys.stdout.write(f"  {report.outcome}; {report.window.start} to {report.window.end}; {entities}\n")
    for finding in report.findings:
        stages = len(_cited(finding, keys))
        mark = f" [cites {stages} of {len(keys)}]" if stages else ""
        rules = ", ".join(dict.fromkeys(rule.title for rule in finding.detections))
        sys.stdout.write(f"  {finding.confidence:<6} {finding.mitre.id:<10} {finding.title} ({rules}){mark}\n")


def _print_figures(scores: Sequence[Score]) -> None:
    incidents = [score for score in scores if score.entry["kind"] == "incident"]
    lookalikes = [score for score in scores if score.entry["kind"] == "lookalike"]
    sys.stdout.write("\n")
    for score in incidents:
        reached = f"{score.stages}/{len(_keys(score.entry))} stages"
        verdict = "named" if score.named else "found" if score.found else "missed"
        sys.stdout.write(f"{score.seed:>4} {score.entry['id']:<30} {verdict:<6} {reached:<15} {score.question}\n")
    _share("incidents found", [score.found for score in incidents])
    _share("incidents named", [score.named for score in incidents])
    _share("look-alikes left alone", [not score.found for score in lookalikes])
    seconds = [score.report.usage.seconds for score in scores]
    if seconds:
        sys.stdout.write(f"seconds a hunt: median {statistics.median(seconds):.2f}, most {max(seconds):.2f}\n")


def _share(what: str, marks: Sequence[bool]) -> None:
    if marks:
        sys.stdout.write(f"{what}: {sum(marks)}/{len(marks)}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
