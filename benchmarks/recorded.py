"""Score whole hunts on recorded attacks whose truth is known.

    python benchmarks/recorded.py FOLDER [--case ID] [--misses]

FOLDER is a workspace folder that also holds `cases.jsonl`: one case a line with `question`, `kind` (attack or benign)
and `truth` (techniques, must_cite_any strings, key_rows as [table, row id]). Nothing but the question is given to the
product. An attack counts as found when a Medium or High finding cites a telling row, and as named when that same
finding carries a right technique; a benign window counts as left alone when it raises neither Medium nor High. The ids
claimed are the techniques of these findings, and those together with the techniques among their tags.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soc_analyst import Context, Finding, Report, ahunt
from soc_analyst.tools.attack import AttackCatalog

ROW_IDS = ("ReportId", "Id", "EventDataId", "CorrelationId", "AlertId")


@dataclass(frozen=True)
class Score:
    """How one case went."""

    case: Mapping[str, Any]
    report: Report
    found: bool
    named: bool
    alarmed: bool


def main(arguments: list[str]) -> int:
    """Run the cases and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--case", action="append", help="only this case; may be given several times")
    parser.add_argument("--misses", action="store_true", help="tell of each case that went wrong")
    options = parser.parse_args(arguments)
    cases = [json.loads(line) for line in (options.folder / "cases.jsonl").read_text().splitlines()]
    if options.case:
        cases = [case for case in cases if case["id"] in options.case]
    with tempfile.TemporaryDirectory() as home:
        context = Context(workspace=str(options.folder), data_dir=Path(home))
        scores = asyncio.run(_all(cases, context))
    for score in scores:
        if options.case or (options.misses and _went_wrong(score)):
            _tell(score)
    _print_figures(scores)
    return 0


async def _all(cases: Iterable[Mapping[str, Any]], context: Context) -> list[Score]:
    return [_scored(case, await ahunt(case["question"], context=context)) for case in cases]


def _scored(case: Mapping[str, Any], report: Report) -> Score:
    serious = [finding for finding in report.findings if finding.confidence != "Low"]
    citing = [finding for finding in serious if _cites(finding, case["truth"])]
    named = [finding for finding in citing if _names(finding, case["truth"])]
    return Score(case, report, bool(citing), bool(named), bool(serious))


def _cites(finding: Finding, truth: Mapping[str, Any]) -> bool:
    keys = {(table, str(key)) for table, key in truth.get("key_rows", [])}
    for ref, line in zip(finding.evidence, finding.log_lines, strict=True):
        row = json.loads(line)
        if any((ref.table, str(row.get(column))) in keys for column in ROW_IDS):
            return True
        values = [str(value) for value in row.values()]
        if any(text in value for text in truth.get("must_cite_any", []) for value in values):
            return True
    return False


def _names(finding: Finding, truth: Mapping[str, Any]) -> bool:
    return _right(finding.mitre.id, truth)


def _right(said: str, truth: Mapping[str, Any]) -> bool:
    """A technique is right by its id, by its parent or child, or by the id that took its place."""
    catalog = AttackCatalog.bundled()
    right = {*(truth.get("techniques") or []), *(truth.get("also_accept_techniques") or [])}
    right |= {current.id for id_ in right if (current := catalog.current(id_)) is not None}
    return any(said == id_ or said.startswith(f"{id_}.") or id_.startswith(f"{said}.") for id_ in right if said)


def _claimed(finding: Finding) -> set[str]:
    tagged = {tag.removeprefix("attack.").upper() for tag in finding.tags if tag.startswith("attack.t")}
    return {id_ for id_ in (finding.mitre.id, *tagged) if id_}


def _went_wrong(score: Score) -> bool:
    return score.alarmed if score.case["kind"] == "benign" else not score.named or not all(_judged([score]))


def _judged(scores: Iterable[Score], *, first: bool = False) -> list[bool]:
    """Say of each id that an alarming finding claims whether it is right."""
    return [
        _right(id_, score.case["truth"])
        for score in scores
        for finding in score.report.findings
        if finding.confidence != "Low"
        for id_ in ({finding.mitre.id} - {""} if first else _claimed(finding))
    ]


def _tell(score: Score) -> None:
    case, report = score.case, score.report
    truth = case["truth"]
    sys.stdout.write(f"\n{case['id']} {case['kind']} {case['tier']}: {case['question']}\n")
    sys.stdout.write(
        f"  {report.outcome}; window {report.window.start} {report.window.end}; truth {truth.get('techniques')}\n"
    )
    for finding in report.findings:
        marks = ("cites " if _cites(finding, truth) else "") + ("names" if _names(finding, truth) else "")
        sys.stdout.write(f"  {finding.confidence:<6} {finding.mitre.id:<10} {finding.title} [{marks.strip()}]\n")
        wrong = [id_ for id_ in sorted(_claimed(finding)) if not _right(id_, truth)]
        if wrong and finding.confidence != "Low":
            sys.stdout.write(f"         claims too {' '.join(wrong)}\n")


def _print_figures(scores: list[Score]) -> None:
    attacks = [score for score in scores if score.case["kind"] == "attack"]
    benign = [score for score in scores if score.case["kind"] == "benign"]
    outcomes = Counter(f"{score.case['kind']} {score.report.outcome}" for score in scores)
    seconds = [score.report.usage.seconds for score in scores]
    sys.stdout.write("\n")
    for tier in sorted({score.case["tier"] for score in attacks}):
        own = [score for score in attacks if score.case["tier"] == tier]
        sys.stdout.write(f"{tier:<10} {_share(own, 'found')} found, {_share(own, 'named')} named\n")
    if attacks:
        sys.stdout.write(f"{'attacks':<10} {_share(attacks, 'found')} found, {_share(attacks, 'named')} named\n")
        firsts, every = _judged(attacks, first=True), _judged(attacks)
        sys.stdout.write(f"techniques of findings right: {sum(firsts)} of {len(firsts)}, {_part(firsts):.2f}\n")
        sys.stdout.write(f"all ids that findings claim right: {sum(every)} of {len(every)}, {_part(every):.2f}\n")
    if benign:
        quiet = sum(not score.alarmed for score in benign)
        sys.stdout.write(f"{'benign':<10} {quiet}/{len(benign)} left alone\n")
    for outcome, count in sorted(outcomes.items()):
        sys.stdout.write(f"  {outcome}: {count}\n")
    sys.stdout.write(f"seconds a hunt: median {statistics.median(seconds):.2f}, most {max(seconds):.2f}\n")


def _part(values: list[bool]) -> float:
    return sum(values) / max(1, len(values))


def _share(scores: list[Score], what: str) -> str:
    count = sum(getattr(score, what) for score in scores)
    return f"{count}/{len(scores)} ({count / len(scores):.2f})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
