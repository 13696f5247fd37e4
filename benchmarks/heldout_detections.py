"""Score the detections on written events that no rule was made from.

    python benchmarks/heldout_detections.py [--split dev|test] [--misses] [--false]

`tests/rules/heldout/attacks.yaml` and `benign.yaml` hold cases of one row or a few, each of a dev or a test half. Every
attack is examined alone; every benign case alone, and all benign cases together. An attack counts as found when a
detection of level medium or higher cites one of its rows, and as named when such a detection carries a right technique
(a parent or a child counts). Attacks of the tier "hard" use rarer or less plain means than those of the tier "usual".
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from soc_analyst.state.findings import Detection
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.detections import RuleSet, detect, load_rules
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.logs.tables import load_tables

HELD_OUT = Path(__file__).parents[1] / "tests" / "rules" / "heldout"
ALARMING = ("medium", "high", "critical")
UTC = pa.timestamp("us", tz="UTC")
ARROW = {
    "string": pa.string(),
    "dynamic": pa.string(),
    "datetime": UTC,
    "bool": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "real": pa.float64(),
}


@dataclass(frozen=True)
class Scored:
    """What the detections of level medium and higher made of one case."""

    case: Mapping[str, Any]
    alarms: tuple[Detection, ...]

    @property
    def named(self) -> bool:
        """Whether an alarm carries a right technique."""
        return any(_right(self.case, technique) for each in self.alarms for technique in each.techniques)


def main(arguments: list[str]) -> int:
    """Run one half of the cases and print the figures by table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument("--misses", action="store_true", help="tell of the attacks not found or not named")
    parser.add_argument("--false", action="store_true", help="tell of the benign cases that raised an alarm")
    options = parser.parse_args(arguments)
    engine = _Engine(load_rules(), load_tables())
    attacks = [engine.alone(case) for case in _cases("attacks", options.split)]
    benign = [engine.alone(case) for case in _cases("benign", options.split)]
    if options.misses:
        _say(*(_told(each) for each in attacks if not each.named))
    if options.false:
        _say(*(_told(each) for each in benign if each.alarms))
    _print_figures(options.split, attacks, benign)
    together, cited = engine.together([each.case for each in benign])
    _say(f"benign together: {len(together)} alarms citing {len(cited)} of {len(benign)} cases")
    if options.false:
        _say(*(f"  {_alarm(each)} {len(each.rows)} rows" for each in together))
    return 0


@dataclass(frozen=True)
class _Engine:
    rules: RuleSet
    schemas: Mapping[str, TableSchema]

    def alone(self, case: Mapping[str, Any]) -> Scored:
        return Scored(case, self._alarms({case["table"]: case["rows"]}))

    def together(self, cases: Sequence[Mapping[str, Any]]) -> tuple[tuple[Detection, ...], set[str]]:
        """Return the alarms over all rows at once, and the ids of the cases they cite."""
        rows: dict[str, list[Mapping[str, Any]]] = {}
        owner: dict[tuple[str, int], str] = {}
        for case in cases:
            for row in case["rows"]:
                same = rows.setdefault(case["table"], [])
                owner[case["table"], len(same)] = case["id"]
                same.append(row)
        alarms = self._alarms(rows)
        return alarms, {owner[ref.table, ref.row] for each in alarms for ref in each.rows}

    def _alarms(self, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> tuple[Detection, ...]:
        parts = {name: _typed(self.schemas[name], some) for name, some in rows.items()}
        evidence = Evidence(TableRows.collect(name, [("q", part)]) for name, part in parts.items())
        detections = detect(evidence, rules=self.rules, tables=self.schemas)
        return tuple(each for each in detections if each.rule.level in ALARMING and each.rows)


def _typed(schema: TableSchema, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    unknown = {name for row in rows for name in row} - set(schema.columns)
    if unknown:
        raise ValueError(f"{schema.name} has no column {', '.join(sorted(unknown))}")
    columns = {name: _column(name, ARROW[column.type], rows) for name, column in schema.columns.items()}
    return pa.table(columns)


def _column(name: str, kind: pa.DataType, rows: Sequence[Mapping[str, Any]]) -> pa.Array:
    if kind == pa.string():
        # The embedded engine answers an absent text with an empty one, so the rules see the same here.
        return pa.array([row.get(name) or "" for row in rows], kind)
    values = [row.get(name) for row in rows]
    if kind == UTC:
        values = [datetime.fromisoformat(value) if isinstance(value, str) else value for value in values]
    return pa.array(values, kind)


def _cases(name: str, split: str) -> list[Mapping[str, Any]]:
    cases = yaml.safe_load((HELD_OUT / f"{name}.yaml").read_text(encoding="utf-8"))
    return [case for case in cases if case["split"] == split]


def _right(case: Mapping[str, Any], technique: str) -> bool:
    family = technique.partition(".")[0]
    return any(
        technique == each or family == each or technique == each.partition(".")[0] for each in case["techniques"]
    )


def _told(scored: Scored) -> str:
    fired = "; ".join(_alarm(each) for each in scored.alarms) or "nothing"
    return f"{scored.case['id']} {' '.join(scored.case.get('techniques', ()))}: {fired}"


def _alarm(each: Detection) -> str:
    return f"{each.rule.level} {each.rule.title} [{' '.join(each.techniques)}]"


def _print_figures(split: str, attacks: Sequence[Scored], benign: Sequence[Scored]) -> None:
    groups = {table: [each for each in attacks if each.case["table"] == table] for table in _tables(attacks, benign)}
    groups |= {f"all {tier}": [each for each in attacks if each.case["tier"] == tier] for tier in ("usual", "hard")}
    groups["all"] = list(attacks)
    _say(f"{split:26}{'attacks found':>20}{'named':>20}{'benign alarmed':>20}")
    for name, some in groups.items():
        quiet = [each for each in benign if name in ("all", each.case["table"])]
        alarmed = _share(each.alarms for each in quiet) if quiet else ""
        _say(
            f"{name:26}{_share(each.alarms for each in some):>20}{_share(each.named for each in some):>20}{alarmed:>20}"
        )


def _tables(*parts: Sequence[Scored]) -> list[str]:
    return sorted({each.case["table"] for part in parts for each in part})


def _share(values: Iterable[object]) -> str:
    every = [bool(value) for value in values]
    return f"{sum(every)} of {len(every)} ({100 * sum(every) / max(1, len(every)):.0f} %)"


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join((*lines, "")) if lines else "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
