"""Score the detections alone on recorded attacks whose truth is known.

    python benchmarks/detections_recorded.py FOLDER [--case ID] [--misses] [--false]

FOLDER holds `<Table>.parquet` and `cases.jsonl`. Each case's rows are those of its host in its window, or of the window
alone where it names no host. An attack counts as found when a detection of level medium or higher cites a telling row,
and as named when that same detection carries a right technique (a parent or a child counts).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from soc_analyst.state.findings import Detection
from soc_analyst.tools.detections import detect, load_rules
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.evidence.rows import row_json

ROW_IDS = ("ReportId", "Id", "EventDataId", "CorrelationId", "AlertId")
ALARMING = ("medium", "high", "critical")


@dataclass(frozen=True)
class Result:
    """What the detections made of one case."""

    case: Mapping[str, Any]
    evidence: Evidence
    detections: Sequence[Detection]
    found: tuple[Detection, ...]
    named: tuple[Detection, ...]

    @property
    def alarming(self) -> list[Detection]:
        """Detections of level medium and higher."""
        return [each for each in self.detections if each.rule.level in ALARMING]


def main(arguments: list[str]) -> int:
    """Run the cases and print what fired and the totals."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--case", action="append", help="only this case; may be given several times")
    parser.add_argument("--misses", action="store_true", help="only attacks that were not found or not named")
    parser.add_argument("--false", action="store_true", help="only benign windows that raised an alarm")
    parser.add_argument("--sigma-rules", type=Path, action="append", default=[], help="further rules")
    options = parser.parse_args(arguments)
    rules = load_rules(options.sigma_rules)
    _say(f"{len(rules.rules)} rules", *rules.warnings)
    tables = {path.stem: pq.read_table(path) for path in sorted(options.folder.glob("*.parquet"))}
    cases = [json.loads(line) for line in (options.folder / "cases.jsonl").read_text().splitlines()]
    wanted = [case for case in cases if not options.case or case["id"] in options.case]
    started = time.perf_counter()
    results = [_result(case, tables, rules) for case in wanted]
    seconds = time.perf_counter() - started
    for result in results:
        if _shown(result, options):
            _tell(result)
    _print_totals(results, seconds)
    return 0


def _result(case: Mapping[str, Any], tables: Mapping[str, pa.Table], rules: Any) -> Result:
    evidence = Evidence(
        TableRows.collect(name, [("q", _of_case(case, rows))])
        for name, rows in tables.items()
        if name in case["tables"]
    )
    detections = detect(evidence, rules=rules)
    alarming = [each for each in detections if each.rule.level in ALARMING]
    found = tuple(each for each in alarming if any(_telling(case, evidence, ref) for ref in each.rows))
    named = tuple(each for each in found if any(_right(case, technique) for technique in each.techniques))
    return Result(case, evidence, detections, found, named)


def _of_case(case: Mapping[str, Any], rows: pa.Table) -> pa.Table:
    start, end = (datetime.fromisoformat(moment) for moment in case["window"])
    inside = pc.and_(pc.greater_equal(rows["TimeGenerated"], start), pc.less(rows["TimeGenerated"], end))
    if case.get("host") and "DeviceName" in rows.column_names:
        host = case["host"].lower()
        names = pc.utf8_lower(rows["DeviceName"])
        inside = pc.and_(inside, pc.or_(pc.equal(names, host), pc.starts_with(names, f"{host}.")))
    return rows.filter(inside)


def _telling(case: Mapping[str, Any], evidence: Evidence, ref: Any) -> bool:
    row = evidence.row(ref) or {}
    keys = {(table, str(key)) for table, key in case["truth"].get("key_rows", ())}
    if any((ref.table, str(row[name])) in keys for name in ROW_IDS if row.get(name) is not None):
        return True
    text = "\n".join(str(value) for value in row.values() if value is not None).lower()
    written = row_json(row).lower()
    return any(each.lower() in text or each.lower() in written for each in case["truth"].get("must_cite_any", ()))


def _right(case: Mapping[str, Any], technique: str) -> bool:
    right = {*case["truth"].get("techniques", ()), *case["truth"].get("also_accept_techniques", ())}
    family = technique.partition(".")[0]
    return any(technique == each or family == each or technique == each.partition(".")[0] for each in right)


def _shown(result: Result, options: argparse.Namespace) -> bool:
    attack = result.case["kind"] == "attack"
    if options.misses or options.false:
        return (options.misses and attack and not result.named) or (
            options.false and not attack and bool(result.alarming)
        )
    return True


def _tell(result: Result) -> None:
    case, truth = result.case, result.case["truth"]
    verdict = (
        "benign" if case["kind"] != "attack" else "named" if result.named else "found" if result.found else "MISSED"
    )
    rows = ", ".join(f"{table} {len(rows)}" for table, rows in result.evidence.items() if len(rows))
    _say(f"\n== {case['id']} {case['tier']} {verdict} · {case.get('host') or 'no host'} · {rows}")
    _say(
        f"   truth {truth.get('techniques')} also {truth.get('also_accept_techniques')}",
        f"   cites {truth.get('must_cite_any')}",
    )
    for each in sorted(result.detections, key=lambda each: each.rule.level not in ALARMING):
        mark = "*" if each in result.named else "+" if each in result.found else " "
        _say(f" {mark} {each.rule.level:13} {each.rule.title} [{' '.join(each.techniques)}] {len(each.rows)} rows")
        _say(f"      {each.statement[:220]}")


def _print_totals(results: Sequence[Result], seconds: float) -> None:
    attacks = [result for result in results if result.case["kind"] == "attack"]
    benign = [result for result in results if result.case["kind"] != "attack"]
    _say("", f"attacks {_figures(attacks)}")
    for tier in sorted({result.case["tier"] for result in attacks}):
        _say(f"  {tier} {_figures([result for result in attacks if result.case['tier'] == tier])}")
    claimed = [
        (number, _right(result.case, technique))
        for result in attacks
        for each in result.alarming
        for number, technique in enumerate(each.techniques)
    ]
    _say(f"first technique of an alarm right {_share(right for number, right in claimed if not number)}")
    _say(f"all techniques of alarms right {_share(right for _, right in claimed)}")
    _say(f"benign windows with an alarm {_share(result.alarming for result in benign)}; {seconds:.1f} s")


def _figures(results: Sequence[Result]) -> str:
    return f"found {_share(each.found for each in results)}, named {_share(each.named for each in results)}"


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join((*lines, "")))


def _share(values: Iterable[object]) -> str:
    every = [bool(value) for value in values]
    return f"{sum(every)} of {len(every)} ({100 * sum(every) / max(1, len(every)):.0f} %)"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
