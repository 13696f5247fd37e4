"""Score the detections on windows of ordinary work, which deserve no Medium and no High.

    python benchmarks/ordinary_windows.py [--collection NAME] [--half tuning|test] [--tell]
                                          [--bare] [--together] [--recurring DAYS]

Each activity of `tests/rules/ordinary` is one window: an hour of a host or a tenant, in the collections `dense` and
`changes` full of administration, in `everyday`, `routine` and `weekdays` as hours mostly are; `changes`, `routine` and
`weekdays` were written blind of the rules. A window counts as alarmed when
the analyst that needs no model draws a finding of Medium or High from it. `--bare` empties what logs of other origin
lack: the command line that acted in rows of files, registry and network. `--together` lays all windows of the half into
one workspace, where prevalence over hosts speaks too. `--recurring` lets the workspace tell of so many earlier days on
which each window went just so: the most that history can do for work that recurs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parent))

from heldout_detections import _typed
from ordinary_rows import Window, windows

from soc_analyst.state.entities import Reading, TimeWindow
from soc_analyst.state.findings import Finding
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.attack import AttackCatalog
from soc_analyst.tools.detections import RuleSet, detect, load_rules
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.logs.tables import load_tables
from soc_analyst.tools.reasoning.base import CaseFile
from soc_analyst.tools.reasoning.by_rules.analyst import RulesAnalyst
from soc_analyst.tools.reasoning.past import Past

COLLECTIONS = ("dense", "everyday", "routine", "changes", "weekdays")
ACTED = ("DeviceFileEvents", "DeviceRegistryEvents", "DeviceNetworkEvents")


def main(arguments: list[str]) -> int:
    """Run one half of the windows and print which share of them raised a Medium or a High."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--half", choices=("tuning", "test"), default="test")
    parser.add_argument(
        "--bare", action="store_true", help="without the acting command lines of file, registry and network rows"
    )
    parser.add_argument("--collection", choices=COLLECTIONS, default="dense")
    parser.add_argument("--tell", action="store_true", help="tell of each finding above Low")
    parser.add_argument("--together", action="store_true", help="all windows as one workspace")
    parser.add_argument("--recurring", type=int, default=0, metavar="DAYS", help="earlier days that went just so")
    options = parser.parse_args(arguments)
    chosen = [_bared(each) if options.bare else each for each in windows() if _wanted(each, options)]
    judge = _Judge(load_rules(), load_tables())
    rows = sum(len(some) for each in chosen for some in each.tables.values())
    if options.together:
        findings = judge.findings(_laid_together(chosen))
        _say(f"{len(chosen)} windows as one workspace, {rows} rows: {len(findings)} findings of Medium or High")
        _say(*(_told(each) for each in findings if options.tell))
        return 0
    judged = [(each, judge.findings(each.tables, options.recurring)) for each in chosen]
    if options.tell:
        _say(*(line for each, found in judged if found for line in (each.name, *map(_told, found))))
    alarmed = sum(1 for _, found in judged if found)
    _say(
        f"{options.half}: {alarmed} of {len(chosen)} windows alarmed ({100 * alarmed / len(chosen):.1f} %), {rows} rows"
    )
    return 0


class _Judge:
    """The detections and the analyst that needs no model, over rows as they are."""

    def __init__(self, rules: RuleSet, schemas: Mapping[str, TableSchema]) -> None:
        self.rules, self.schemas = rules, schemas
        self.analyst = RulesAnalyst(AttackCatalog.bundled())
        self.reading = Reading(
            window=TimeWindow(start=datetime(2024, 1, 15, tzinfo=UTC), end=datetime(2024, 1, 17, tzinfo=UTC))
        )

    def findings(self, tables: Mapping[str, Sequence[Mapping[str, Any]]], earlier_days: int = 0) -> list[Finding]:
        """Return the findings above Low."""
        evidence = Evidence(self._collected(tables))
        detections = detect(evidence, rules=self.rules, tables=self.schemas)
        days = {name: list(_on_earlier_days(rows, earlier_days)) for name, rows in tables.items() if earlier_days}
        past = Past({each.table: each.rows for each in self._collected(days)})
        case = CaseFile(self.reading, evidence, detections, (), self.schemas, past=past)
        drafts = self.analyst.analyse(case).findings
        return [each for each in drafts if each.confidence != "Low"]

    def _collected(self, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[TableRows]:
        for name, rows in tables.items():
            part: pa.Table = _typed(self.schemas[name], sorted(rows, key=lambda row: row["TimeGenerated"]))
            yield TableRows.collect(name, [("q", part)])


def _wanted(window: Window, options: argparse.Namespace) -> bool:
    return window.split == options.half and window.collection == options.collection


def _on_earlier_days(rows: Iterable[Mapping[str, Any]], days: int) -> Iterator[Mapping[str, Any]]:
    for row in rows:
        for day in range(1, days + 1):
            yield {**row, "TimeGenerated": row["TimeGenerated"] - timedelta(days=day)}


def _bared(window: Window) -> Window:
    for name in ACTED:
        for row in window.tables.get(name, ()):
            row["InitiatingProcessCommandLine"] = ""
    return window


def _laid_together(chosen: Iterable[Window]) -> dict[str, list[dict[str, Any]]]:
    tables: dict[str, list[dict[str, Any]]] = {}
    for window in chosen:
        for name, rows in window.tables.items():
            tables.setdefault(name, []).extend(rows)
    return tables


def _told(finding: Finding) -> str:
    by = "; ".join(f"{each.level} {each.title}" for each in finding.detections)
    return f"  {finding.confidence} {finding.title} [{by}]\n" + "\n".join(
        f"      {line[:420]}" for line in _lines(finding)
    )


def _lines(finding: Finding) -> Iterator[str]:
    yield finding.notes[-300:]
    yield finding.description[-300:]


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join((*lines, "")) if lines else "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
