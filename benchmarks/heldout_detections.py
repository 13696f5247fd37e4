"""Score the detections on written events that no rule was made from.

    python benchmarks/heldout_detections.py [--split dev|test] [--collection NAME] [--misses] [--wrong] [--false]
    python benchmarks/heldout_detections.py --dressed [--split dev|test]

`tests/rules/heldout` holds attacks and ordinary look-alikes of one row or many, each of a dev or a test half: a first
collection (`attacks.yaml`, `benign.yaml`), a second (`second_*.yaml`), whose attacks run over several tables and in
part lie among ordinary rows, a third (`third_*.yaml`) of mostly hard ones, on hosts (Linux and macOS too) and on
identities, cloud, flows, logons and alerts, and a fourth (`fourth_*.yaml`), written blind of the rules as authors of
detection rules write what must and must not fire and as attack-simulation tools act; on hosts as Sysmon and the
Security log record such acts. Every case is examined alone; all benign cases also together. Rows that a case holds
`beside` are of the same minutes and no part of the act: a finding that cites them alone found nothing and is astray.

An attack counts as found when a finding above Low cites one of its rows; as named when the technique of such a finding
is right (a parent or a child counts), or, in the column "any id", one of the ids among its tags. Below stand the
shares of the techniques claimed that are right: of findings, of findings together with the techniques among their tags,
of every id of the rules behind them, and of their first.
`--dressed` renames what an attacker could choose to look like ordinary work, and says what is still found, and how many
attacks on which a rule of level medium or higher fired were lowered by their context.

Attacks of the tier "hard" use rarer or less plain means than those of the tier "usual".
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from heldout_dressed import DRESSES, dressed

from soc_analyst.state.entities import Reading, TimeWindow
from soc_analyst.state.findings import Detection, Finding
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.attack import AttackCatalog
from soc_analyst.tools.detections import RuleSet, detect, load_rules
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.logs.tables import load_tables
from soc_analyst.tools.reasoning.base import CaseFile
from soc_analyst.tools.reasoning.by_rules.analyst import RulesAnalyst

HELD_OUT = Path(__file__).parents[1] / "tests" / "rules" / "heldout"
COLLECTIONS = {
    "first": ("attacks",),
    "second": ("second_endpoint", "second_cloud"),
    "third": ("third_endpoint", "third_cloud"),
    "fourth": ("fourth_endpoint", "fourth_cloud"),
}
ORDINARY = {
    "first": ("benign",),
    "second": (),
    "third": ("third_benign",),
    "fourth": ("fourth_benign", "fourth_benign_cloud"),
}
ALARMING = ("medium", "high", "critical")
ENDPOINT = "Device"
TIMES = pa.timestamp("us", tz="UTC")
ARROW = {
    "string": pa.string(),
    "dynamic": pa.string(),
    "datetime": TIMES,
    "bool": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "real": pa.float64(),
}
Rows = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Scored:
    """What was made of one case: findings above Low, and detections of level medium and higher, that cite its rows."""

    case: Mapping[str, Any]
    findings: tuple[Finding, ...]
    alarms: tuple[Detection, ...]
    astray: int = 0
    """How many findings above Low cite none of its rows, but such as lie beside them."""

    @property
    def claims(self) -> tuple[str, ...]:
        """The techniques of the findings."""
        return tuple(each.mitre.id for each in self.findings if each.mitre.id)

    @property
    def tagged(self) -> tuple[str, ...]:
        """The techniques of the findings and those among their tags."""
        return tuple(
            technique
            for each in self.findings
            for technique in {each.mitre.id, *(tag[7:].upper() for tag in each.tags if tag.startswith("attack.t"))}
            if technique
        )

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id that the rules behind the alarms carry."""
        return tuple(technique for each in self.alarms for technique in each.techniques)

    @property
    def firsts(self) -> tuple[str, ...]:
        """The first id of each of these rules."""
        return tuple(technique for each in self.alarms for technique in each.techniques[:1])

    def right(self, techniques: Iterable[str]) -> list[bool]:
        """Say of each technique whether it is right here."""
        return [_right(self.case, technique) for technique in techniques]


def main(arguments: list[str]) -> int:
    """Run one half of the cases and print the figures by table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument("--collection", choices=tuple(COLLECTIONS), action="append", help="only these attacks")
    parser.add_argument("--misses", action="store_true", help="tell of the attacks not found or not named")
    parser.add_argument("--wrong", action="store_true", help="tell of the attacks with a wrong technique claimed")
    parser.add_argument("--false", action="store_true", help="tell of the benign cases that raised an alarm")
    parser.add_argument("--dressed", action="store_true", help="attacks renamed to look like ordinary work")
    options = parser.parse_args(arguments)
    engine = _Engine(load_rules(), load_tables(), RulesAnalyst(AttackCatalog.bundled()))
    files = [name for one in options.collection or COLLECTIONS for name in COLLECTIONS[one]]
    if options.dressed:
        _print_dressed(engine, [case for name in files for case in _cases(name, options.split)])
        return 0
    attacks = [engine.alone(case) for name in files for case in _cases(name, options.split)]
    quiet = [name for one in options.collection or COLLECTIONS for name in ORDINARY[one]]
    benign = [engine.alone(case) for name in quiet for case in _cases(name, options.split)]
    if options.misses:
        _say(*(_told(each) for each in attacks if not any(each.right(each.claims))))
    if options.wrong:
        _say(*(_told(each) for each in attacks if not all(each.right((*each.claims, *each.tagged)))))
    if options.false:
        _say(*(_told(each) for each in benign if each.findings))
    _print_figures(options.split, attacks, benign)
    _print_claims(attacks)
    _say(f"findings of attacks that cite only what lies around them: {sum(each.astray for each in attacks)}")
    together, cited = engine.together([each.case for each in benign])
    _say(f"benign together: {len(together)} alarms citing {len(cited)} of {len(benign)} cases")
    if options.false:
        _say(*(f"  {_alarm(each)} {len(each.rows)} rows" for each in together))
    return 0


@dataclass(frozen=True)
class _Engine:
    rules: RuleSet
    schemas: Mapping[str, TableSchema]
    analyst: RulesAnalyst

    def alone(self, case: Mapping[str, Any]) -> Scored:
        own = _rows(case)
        rows = _with_beside(case, _among_ordinary(own) if case.get("around") else own)
        evidence = self._evidence(rows)
        detections = detect(evidence, rules=self.rules, tables=self.schemas)
        found = self.analyst.analyse(CaseFile(_reading(own), evidence, detections, (), self.schemas)).findings
        serious = [each for each in found if each.confidence != "Low"]
        findings = [each for each in serious if _cites(each.evidence, own)]
        alarms = [each for each in _alarms(detections) if _cites(each.rows, own)]
        return Scored(case, tuple(findings), tuple(alarms), len(serious) - len(findings))

    def together(self, cases: Sequence[Mapping[str, Any]]) -> tuple[tuple[Detection, ...], set[str]]:
        """Return the alarms over all rows at once, and the ids of the cases they cite."""
        rows: dict[str, list[Mapping[str, Any]]] = {}
        owner: dict[tuple[str, int], str] = {}
        for case in cases:
            for table, own in _rows(case).items():
                same = rows.setdefault(table, [])
                owner |= {(table, len(same) + number): case["id"] for number in range(len(own))}
                same.extend(own)
        alarms = _alarms(detect(self._evidence(rows), rules=self.rules, tables=self.schemas))
        return alarms, {owner[ref.table, ref.row] for each in alarms for ref in each.rows}

    def _evidence(self, rows: Rows) -> Evidence:
        parts = {name: _typed(self.schemas[name], some) for name, some in rows.items()}
        return Evidence(TableRows.collect(name, [("q", part)]) for name, part in parts.items())


def _alarms(detections: Iterable[Detection]) -> tuple[Detection, ...]:
    return tuple(each for each in detections if each.rule.level in ALARMING and each.rows)


def _rows(case: Mapping[str, Any]) -> Rows:
    """Return the case's own rows by table; a case of one table may say `table` and `rows`."""
    tables: Rows = case.get("tables") or {case["table"]: case["rows"]}
    return tables


def _reading(rows: Rows) -> Reading:
    start = min(_moment(row["TimeGenerated"]) for some in rows.values() for row in some)
    return Reading(window=TimeWindow(start=start, end=start + timedelta(days=1)))


def _among_ordinary(own: Rows) -> Rows:
    """Lay ordinary rows of the same host and hour behind the case's own, which keep their numbers."""
    first = next(iter(own.values()))[0]
    device, start = first.get("DeviceName"), _moment(first["TimeGenerated"])
    tables = [name for name in AROUND if name in own or (device and name.startswith(ENDPOINT))]
    return {name: [*own.get(name, ()), *_moved(AROUND[name], device, start)] for name in tables} | {
        name: rows for name, rows in own.items() if name not in tables
    }


def _with_beside(case: Mapping[str, Any], rows: Rows) -> Rows:
    """Lay the rows of the same minutes that are no part of the act behind the case's own, which keep their numbers."""
    beside: Rows = case.get("beside") or {}
    return {name: [*rows.get(name, ()), *beside.get(name, ())] for name in {**rows, **beside}}


def _moved(rows: Sequence[Mapping[str, Any]], device: str | None, start: datetime) -> Iterator[Mapping[str, Any]]:
    for number, row in enumerate(rows):
        own = {"DeviceName": device, "ReportId": number + 1} if device else {}
        yield {**row, "TimeGenerated": start + timedelta(seconds=5 * number - 40), **own}


def _cites(refs: Iterable[Any], own: Rows) -> bool:
    return any(ref.row < len(own.get(ref.table, ())) for ref in refs)


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
    return pa.array([_moment(value) if kind == TIMES and value else value for value in values], kind)


def _moment(value: str | datetime) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.astimezone(UTC)


def _read(name: str) -> Any:
    text = (HELD_OUT / f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


AROUND: Rows = _read("second_around")


def _cases(name: str, split: str) -> list[Mapping[str, Any]]:
    return [case for case in _read(name) if case["split"] == split]


def _right(case: Mapping[str, Any], technique: str) -> bool:
    """A technique is right by its id, its parent or child, or the id that took its place."""
    catalog = AttackCatalog.bundled()
    right = {*case.get("techniques", ()), *case.get("also", ())}
    right |= {current.id for each in right if (current := catalog.current(each)) is not None}
    said = {technique, current.id} if (current := catalog.current(technique)) is not None else {technique}
    return any(
        one == each or one.startswith(f"{each}.") or each.startswith(f"{one}.") for one in said for each in right
    )


def _told(scored: Scored) -> str:
    case = scored.case
    fired = [f"  {'' if ok else 'WRONG '}{_alarm(each)}" for each, ok in _judged(scored)]
    claims = ", ".join(f"{each.mitre.id} {each.confidence}" for each in scored.findings) or "nothing"
    truth = f"{' '.join(case.get('techniques', ()))} ({' '.join(case.get('also', ()))})"
    return "\n".join([f"{case['id']} {truth}: {claims}", *fired])


def _judged(scored: Scored) -> Iterator[tuple[Detection, bool]]:
    return ((each, all(scored.right(each.techniques))) for each in scored.alarms)


def _alarm(each: Detection) -> str:
    return f"{each.rule.level} {each.rule.title} [{' '.join(each.techniques)}]"


def _print_figures(split: str, attacks: Sequence[Scored], benign: Sequence[Scored]) -> None:
    groups = {table: [each for each in attacks if _table(each) == table] for table in _tables(attacks, benign)}
    groups |= {f"all {tier}": [each for each in attacks if each.case["tier"] == tier] for tier in ("usual", "hard")}
    groups["all"] = list(attacks)
    _say(f"{split:26}{'attacks found':>20}{'named':>20}{'any id':>20}{'benign alarmed':>20}")
    for name, some in groups.items():
        quiet = [each for each in benign if name in ("all", _table(each))]
        cells = [
            _share(each.findings for each in some),
            _share(any(each.right(each.claims)) for each in some),
            _share(any(each.right(each.tagged)) for each in some),
            _share(each.findings for each in quiet) if quiet else "",
        ]
        _say(f"{name:26}" + "".join(f"{cell:>20}" for cell in cells))


def _print_dressed(engine: _Engine, cases: Sequence[Mapping[str, Any]]) -> None:
    for dress in DRESSES:
        worn = [{**case, "table": None, "tables": dressed(_rows(case), dress)} for case in cases]
        told = [
            (each["id"], engine.alone(each))
            for each, case in zip(worn, cases, strict=True)
            if each["tables"] != _rows(case)
        ]
        lowered = [name for name, each in told if each.alarms and not each.findings]
        _say(f"{dress}: found {_share(each.findings for _, each in told)}; lowered {len(lowered)} {' '.join(lowered)}")


def _print_claims(attacks: Sequence[Scored]) -> None:
    for what, claims in (
        ("techniques of findings", [ok for each in attacks for ok in each.right(each.claims)]),
        ("all ids of findings, tags too", [ok for each in attacks for ok in each.right(each.tagged)]),
        ("all ids of their rules", [ok for each in attacks for ok in each.right(each.ids)]),
        ("first ids of their rules", [ok for each in attacks for ok in each.right(each.firsts)]),
    ):
        _say(f"{what} that are right: {_share(claims)}")


def _table(scored: Scored) -> str:
    return next(iter(_rows(scored.case)))


def _tables(*parts: Sequence[Scored]) -> list[str]:
    return sorted({_table(each) for part in parts for each in part})


def _share(values: Iterable[object]) -> str:
    every = [bool(value) for value in values]
    return f"{sum(every)} of {len(every)} ({100 * sum(every) / max(1, len(every)):.0f} %)"


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join((*lines, "")) if lines else "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
