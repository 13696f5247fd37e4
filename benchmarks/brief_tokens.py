"""Measure the brief of a model against pasting the same rows as CSV, at equal evidence kept.

    python benchmarks/brief_tokens.py [--rows N …] [--seed S] [--recorded FOLDER] [--blind] [--privacy personal]

A case is a question about a planted incident (or a recorded one) and all rows of its window, of every table and host.
The rows that show the incident come from the tenant's truth, which nothing but this script reads: all rows of one kind
of step are one piece of evidence. A piece is kept where the group of one of its rows has a line in the brief, and shown
where that line shows one of its rows. The CSV holds the filled columns of each table, newest rows first, until it has
as many pieces as the brief keeps. `--blind` takes the detections away; `--privacy` hides names as a hunt does by
default. Tokens are those of o200k.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from soc_analyst.state.entities import Reading
from soc_analyst.state.findings import Detection
from soc_analyst.tools.detections import detect, load_rules
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.logs.sample import generate
from soc_analyst.tools.logs.tables import load_tables
from soc_analyst.tools.models.tokens import count
from soc_analyst.tools.privacy import Pseudonyms
from soc_analyst.tools.reading import read_question
from soc_analyst.tools.reasoning.base import CaseFile
from soc_analyst.tools.reasoning.by_model.brief import Brief, build_brief

MODEL = "gpt-5-mini"
LARGE = 100_000
"""Rows above which a brief may take twice the tokens."""
BUDGET, BUDGET_LARGE = 4_000, 8_000
SAMPLED = 400
"""Rows of a table from which the tokens of its CSV are extrapolated."""
QUERY = "q"
Pieces = Mapping[tuple[str, str], frozenset[int]]
"""Evidence: positions of rows by table and what they show."""


@dataclass(frozen=True)
class Question:
    """A case and the rows that prove it."""

    id: str
    case: CaseFile
    pieces: Pieces


@dataclass(frozen=True)
class Result:
    """How the brief of one case did."""

    id: str
    rows: int
    tokens: int
    seconds: float
    pieces: int
    kept: int
    shown: int
    csv: int
    """Tokens of all rows as CSV."""
    csv_equal: int
    """Tokens of the newest rows as CSV that hold as many pieces as the brief keeps."""


def main(arguments: Sequence[str]) -> int:
    """Build the briefs and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, action="append", help="size of the tenant; may be given several times")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--recorded", type=Path, help="a folder of recorded cases")
    parser.add_argument("--blind", action="store_true", help="without detections")
    parser.add_argument("--privacy", choices=["off", "personal", "all"], default="off", help="what is hidden")
    parser.add_argument("--budget", type=int, default=BUDGET)
    parser.add_argument("--each", action="store_true", help="tell of each case")
    options = parser.parse_args(arguments)
    tokens("")
    sys.stdout.write(HEAD)
    for rows in options.rows or ([] if options.recorded else [1_000, 10_000, 100_000, 1_000_000]):
        _report(f"{rows:,}", [_measured(one, options) for one in planted(rows, options.seed, blind=options.blind)])
    if options.recorded:
        _report("recorded", [_measured(one, options) for one in _recorded(options.recorded, blind=options.blind)])
    return 0


def tokens(text: str) -> int:
    """Count as the current models of OpenAI do."""
    return count(text, MODEL).tokens


def planted(rows: int, seed: int, *, blind: bool) -> Iterator[Question]:
    """Yield the questions about the incidents of a tenant of so many rows."""
    with tempfile.TemporaryDirectory() as home:
        generate(Path(home), rows=rows, seed=seed)
        tables = {path.stem: pq.read_table(path) for path in sorted(Path(home).glob("*.parquet"))}
        truth = json.loads(Path(home, "truth.json").read_text("utf-8"))["incidents"]
    fired = () if blind else _detections(tables)
    now = max(pc.max(rows["TimeGenerated"]).as_py() for rows in tables.values())
    for entry in truth:
        if entry["kind"] == "incident":
            pieces = _planted_pieces(entry, tables)
            for question in entry["questions"]:
                yield _question(entry["id"], read_question(question, now=now), tables, fired, pieces)


def _planted_pieces(entry: Mapping[str, Any], tables: Mapping[str, pa.Table]) -> Pieces:
    steps: dict[tuple[str, str], set[str]] = defaultdict(set)
    for stage in entry["stages"]:
        for column, value in stage["key"].items():
            steps[stage["table"], stage["event"]].add(json.dumps([stage["time"], column, value]))
    return {step: _positions(tables[step[0]], keys) for step, keys in steps.items()}


def _positions(rows: pa.Table, keys: Iterable[str]) -> frozenset[int]:
    """Return the rows that hold a key at its minute: an id may come again on another host."""
    found: set[int] = set()
    minutes = pc.strftime(rows["TimeGenerated"], "%Y-%m-%dT%H:%M")
    for moment, column, value in map(json.loads, keys):
        kind = rows[column].type
        told = datetime.fromisoformat(value) if pa.types.is_timestamp(kind) else value
        held = pc.and_(pc.equal(rows[column], pa.scalar(told, kind)), pc.equal(minutes, moment[:16]))
        found |= set(np.flatnonzero(held.fill_null(False).to_numpy()).tolist())
    return frozenset(found)


def _detections(tables: Mapping[str, pa.Table]) -> tuple[Detection, ...]:
    evidence = Evidence(_rows_of(table, rows, np.arange(rows.num_rows)) for table, rows in tables.items())
    return detect(evidence, rules=load_rules(), tables=load_tables())


def _rows_of(table: str, rows: pa.Table, positions: np.ndarray[Any, Any]) -> TableRows:
    own = rows.take(pa.array(positions)) if len(positions) < rows.num_rows else rows
    return TableRows(table, own, (QUERY,) * len(positions), tuple(positions.tolist()))


def _question(
    name: str,
    reading: Reading,
    tables: Mapping[str, pa.Table],
    fired: Sequence[Detection],
    pieces: Pieces,
) -> Question:
    """Return the case over the rows of the question's window, with what of the detections lies in it."""
    start, end = reading.window.start, reading.window.end
    inside = {table: _inside(rows, start, end) for table, rows in tables.items()}
    known = {table: frozenset(positions.tolist()) for table, positions in inside.items()}
    evidence = Evidence(_rows_of(table, tables[table], positions) for table, positions in inside.items())
    cut = (
        one.model_copy(update={"rows": tuple(ref for ref in one.rows if ref.row in known[ref.table])}) for one in fired
    )
    detections = tuple(one for one in cut if one.rows)
    own = {step: rows & known[step[0]] for step, rows in pieces.items()}
    case = CaseFile(reading, evidence, detections, (), load_tables())
    return Question(name, case, {step: rows for step, rows in own.items() if rows})


def _inside(rows: pa.Table, start: datetime, end: datetime) -> np.ndarray[Any, Any]:
    times = rows["TimeGenerated"]
    kind = times.type
    held = pc.and_(pc.greater_equal(times, pa.scalar(start, kind)), pc.less(times, pa.scalar(end, kind)))
    return np.flatnonzero(held.fill_null(False).to_numpy())


def _recorded(folder: Path, *, blind: bool) -> Iterator[Question]:
    """Yield the recorded attacks; a piece is a telling row's text or id."""
    tables = {path.stem: pq.read_table(path) for path in sorted(folder.glob("*.parquet"))}
    rules = load_rules()
    for line in (folder / "cases.jsonl").read_text("utf-8").splitlines():
        told = json.loads(line)
        if told["kind"] != "attack":
            continue
        start, end = (datetime.fromisoformat(each).astimezone(UTC) for each in told["window"])
        reading = read_question(told["question"], now=end, since=start, until=end)
        own = {name: rows for name, rows in tables.items() if name in told["tables"]}
        one = _question(told["id"], reading, own, (), {})
        fired = () if blind else detect(one.case.evidence, rules=rules, tables=load_tables())
        yield _question(told["id"], reading, own, fired, _recorded_pieces(told["truth"], one.case.evidence))


def _recorded_pieces(truth: Mapping[str, Any], evidence: Evidence) -> Pieces:
    pieces: dict[tuple[str, str], frozenset[int]] = {}
    for text in truth.get("must_cite_any", ()):
        for table, rows in evidence.items():
            held = frozenset(rows.positions[i] for i in _rows_with(rows.rows, text))
            if held:
                pieces[table, text] = held
    return pieces


def _rows_with(rows: pa.Table, text: str) -> list[int]:
    found: set[int] = set()
    for column in rows.columns:
        if pa.types.is_string(column.type):
            found |= set(np.flatnonzero(pc.match_substring(column, text).fill_null(False).to_numpy()).tolist())
    return sorted(found)


def _measured(question: Question, options: argparse.Namespace) -> Result:
    size = sum(len(rows) for rows in question.case.evidence.values())
    budget = options.budget * (2 if size > LARGE else 1)
    pseudonyms = Pseudonyms(options.privacy, b"benchmark", load_tables())
    pseudonyms.learn(question.case.evidence, question.case.reading.entities)
    started = time.perf_counter()
    brief = build_brief(question.case, budget=budget, count=tokens, pseudonyms=pseudonyms)
    seconds = time.perf_counter() - started
    kept, shown = kept_in(question.pieces, brief)
    csv, equal = _as_csv(question, len(kept))
    result = Result(question.id, size, brief.tokens, seconds, len(question.pieces), len(kept), shown, csv, equal)
    if options.each:
        lost = [f"{table}: {what}" for table, what in question.pieces if (table, what) not in kept]
        sys.stdout.write(f"  {result}\n    lost: {lost}\n")
    return result


def kept_in(pieces: Pieces, brief: Brief) -> tuple[set[tuple[str, str]], int]:
    """Return the pieces that have a line, and how many have a row of theirs on it."""
    rows: dict[str, set[int]] = defaultdict(set)
    for group in brief.groups.values():
        own = group.source.positions
        rows[group.table] |= {own[i] for i in group.indexes.tolist()}
    cited = {(ref.table, ref.row) for ref in brief.rows.values()}
    kept = {step for step, own in pieces.items() if own & rows[step[0]]}
    return kept, sum(1 for (table, _), own in pieces.items() if any((table, row) in cited for row in own))


def _as_csv(question: Question, wanted: int) -> tuple[int, int]:
    """Return the tokens of all rows as CSV, and of the newest that hold so many pieces."""
    each = {table: _tokens_a_row(rows.rows) for table, rows in question.case.evidence.items() if len(rows)}
    times, costs, marks = [], [], []
    for table, rows in question.case.evidence.items():
        if not len(rows):
            continue
        times.append(rows.rows["TimeGenerated"].cast(pa.int64()).to_numpy())
        costs.append(np.full(len(rows), each[table]))
        place = {position: i for i, position in enumerate(rows.positions)}
        firsts = {step: [place[row] for row in own] for step, own in question.pieces.items() if step[0] == table}
        marks += [max(int(times[-1][i]) for i in own) for own in firsts.values()]
    time_of, cost = np.concatenate(times), np.concatenate(costs)
    if not wanted:
        return int(cost.sum()), 0
    reach = sorted(marks, reverse=True)[wanted - 1]
    return int(cost.sum()), int(cost[time_of >= reach].sum())


def _tokens_a_row(rows: pa.Table) -> float:
    """Return the mean tokens of a row, without the columns that hold nothing."""
    step = max(1, rows.num_rows // SAMPLED)
    some = rows.take(pa.array(np.arange(0, rows.num_rows, step)))
    filled = some.select([name for name in some.column_names if some[name].null_count < some.num_rows])
    sink = pa.BufferOutputStream()
    pacsv.write_csv(filled, sink)
    return tokens(sink.getvalue().to_pybytes().decode()) / some.num_rows


HEAD = (
    f"{'rows':>10} {'cases':>5} {'window rows':>12} {'tokens mean':>11} {'most':>6} {'kept':>6} {'half':>6} "
    f"{'pieces':>7} {'shown':>6} {'CSV equal':>11} {'CSV all':>12} {'ratio':>8} {'s median':>8} {'s most':>7}\n"
)


def _report(name: str, results: Sequence[Result]) -> None:
    told = [each for each in results if each.pieces]
    mean = statistics.fmean
    pieces = sum(each.pieces for each in told)
    kept = mean(each.kept > 0 for each in told)
    half = mean(each.kept * 2 >= each.pieces for each in told)
    ratio = mean(each.csv_equal for each in told) / mean(each.tokens for each in told)
    sys.stdout.write(
        f"{name:>10} {len(told):>5} {int(mean(each.rows for each in told)):>12,} "
        f"{mean(each.tokens for each in told):>11,.0f} {max(each.tokens for each in told):>6,} "
        f"{kept:>6.1%} {half:>6.1%} "
        f"{sum(each.kept for each in told) / pieces:>7.1%} {sum(each.shown for each in told) / pieces:>6.1%} "
        f"{mean(each.csv_equal for each in told):>11,.0f} {mean(each.csv for each in told):>12,.0f} {ratio:>7.0f}x "
        f"{statistics.median(each.seconds for each in told):>8.2f} {max(each.seconds for each in told):>7.2f}\n"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
