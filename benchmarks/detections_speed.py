"""Time the rules over process rows against one SELECT a rule on SQLite and on DuckDB.

    python benchmarks/detections_speed.py [--rows 100000 --rows 1000000] [--rules 300 --rules 1500 --rules 3000]

The first rules are our own of `process_creation`; those beyond are ours with other literals, so that no test is shared.
Every measurement is a process of its own, so that its peak memory is its own. A rule costs SQLite and DuckDB the same
whatever other rules run, so they answer a sample of the rules, and the sum is extrapolated.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import yaml
from detections_speed_sql import statement_of

from soc_analyst.state.findings import Detection
from soc_analyst.tools import detections
from soc_analyst.tools.detections import detect
from soc_analyst.tools.detections.columns import TableViews
from soc_analyst.tools.detections.evaluating import rows_meeting
from soc_analyst.tools.detections.fields import field_map
from soc_analyst.tools.detections.resolving import Never, resolve
from soc_analyst.tools.detections.ruleset import RuleSet, load_rules
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.evidence.packing import packed_parquet

TABLE = "DeviceProcessEvents"
OWN = Path(detections.__file__).parent / "rules" / TABLE
PROGRAMS = re.split(
    " ",
    "svchost chrome msedge Teams Code git node python powershell cmd conhost MsMpEng explorer OUTLOOK WINWORD EXCEL "
    "java sqlservr w3wp taskhostw RuntimeBroker SearchIndexer dllhost backgroundTaskHost msiexec setup update wmiprvse "
    "rundll32 net ipconfig whoami schtasks robocopy 7z docker kubectl ssh code-tunnel",
)
WORDS = re.split(
    ";",
    "--type=renderer;-k netsvcs -p;/c echo;--field-trial-handle;status;fetch origin;-m pip install;-NoProfile -File;"
    "C:\\ProgramData\\update;--config;\\\\files\\share;https://packages.example/api;-Embedding;/quiet /norestart;"
    "--user-data-dir;--log-level info;run build;-jar app.jar",
)


def write_rows(path: Path, size: int) -> dict[str, float]:
    """Write process starts with near-unique command lines."""
    draw = np.random.default_rng(7)
    program = np.array(PROGRAMS)[draw.zipf(1.3, size) % len(PROGRAMS)]
    parent = np.array(PROGRAMS)[draw.zipf(1.5, size) % len(PROGRAMS)]
    words = np.array(WORDS)
    numbers = draw.integers(0, 1 << 62, (2, size))
    picked = words[draw.integers(0, len(words), (4, size))]
    host, account = draw.integers(0, 800, size), draw.integers(0, 600, size)
    own = [f'"C:\\Program Files\\{p}\\{p}.exe" {a} {b} {n:x} {c}'
           for p, a, b, c, n in zip(program, picked[0], picked[1], picked[2], numbers[0], strict=True)]  # fmt: skip
    above = [f"C:\\Windows\\System32\\{p}.exe {a} {n % 500_000:x}"
             for p, a, n in zip(parent, picked[3], numbers[1], strict=True)]  # fmt: skip
    columns = {
        "TimeGenerated": pa.array(np.datetime64("2026-03-04T00:00:00", "us") + draw.integers(0, 86_400_000_000, size)),
        "DeviceName": [f"ws-{n}" for n in host],
        "AccountDomain": ["contoso"] * size,
        "AccountName": [f"user{n}" for n in account],
        "FolderPath": [f"C:\\Program Files\\{p}" for p in program],
        "FileName": [f"{p}.exe" for p in program],
        "ProcessCommandLine": own,
        "ProcessVersionInfoOriginalFileName": [f"{p}.exe" for p in program],
        "ProcessVersionInfoCompanyName": ["Example"] * size,
        "ProcessVersionInfoProductName": ["Example"] * size,
        "ProcessVersionInfoFileDescription": list(program),
        "ProcessIntegrityLevel": np.array(["Low", "Medium", "High", "System"])[draw.integers(0, 4, size)],
        "SHA256": [f"{n * 0x9E3779B97F4A7C15 % (1 << 64):064x}" for n in draw.integers(0, 20_000, size).tolist()],
        "InitiatingProcessFolderPath": [f"C:\\Windows\\System32\\{p}.exe" for p in parent],
        "InitiatingProcessFileName": [f"{p}.exe" for p in parent],
        "InitiatingProcessCommandLine": above,
        "InitiatingProcessAccountName": [f"user{n}" for n in account],
        "InitiatingProcessParentFileName": np.array(["services.exe", "explorer.exe", "svchost.exe"])[host % 3],
    }
    table = pa.table({name: pa.array(column) for name, column in columns.items()})
    parquet.write_table(table, path)
    return {"rows": size}


def rows_of(path: Path) -> TableRows:
    """Return the written rows, read as a hunt reads those that it has kept."""
    with pa.memory_map(str(path)) as source:
        return TableRows.collect(TABLE, [("q1", packed_parquet(source))])


def write_rules(folder: Path, count: int) -> None:
    """Write our own rules, then ours with other literals, until there are so many."""
    own = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(OWN.glob("*.yml"))]
    own = [rule for rule in own if rule["logsource"].get("category") == "process_creation"]
    random.Random(7).shuffle(own)
    for number in range(count):
        rule, turn = own[number % len(own)], number // len(own)
        varied = {**rule, "id": f"00000000-0000-4000-8000-{number:012d}", "detection": _varied(rule["detection"], turn)}
        folder.joinpath(f"{number:05}.yml").write_text(yaml.safe_dump(varied), encoding="utf-8")


def _varied(value: Any, turn: int, key: str = "") -> Any:
    """Return a detection with other literals: a few letters before the last dot, or at the end."""
    if isinstance(value, dict):
        return {name: _varied(each, turn, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_varied(each, turn, key) for each in value]
    if not turn or not isinstance(value, str) or key == "condition":
        return value
    if "|re" in key:
        return f"{value}x{turn}" if value[-1:].isalnum() and value[-2:-1] != "\\" else value
    stem, dot, end = value.rpartition(".")
    return f"{stem}{turn}{dot}{end}" if dot else f"{value}{turn}"


def loaded(folder: Path, cache: Path | None) -> RuleSet:
    """Return the written rules alone."""
    rules = load_rules([folder], cache_dir=cache)
    return RuleSet(tuple(rule for rule in rules.rules if rule.id.startswith("00000000-0000-4000-8000-")))


def measure_load(folder: Path, cache: Path) -> dict[str, float]:
    """Time loading the rules; the pack itself is loaded before."""
    load_rules(cache_dir=cache)
    return {"seconds": _timed(lambda: loaded(folder, cache))}


def measure_ours(folder: Path, cache: Path, written: Path) -> dict[str, float]:
    """Time the rules over the rows, from Arrow to the numbers of the rows that meet each."""
    rules, rows = loaded(folder, cache), rows_of(written)
    before = _peak()
    found = 0

    def run() -> None:
        nonlocal found
        views = TableViews(rows, field_map())
        nodes = [node for rule in rules.rules if not isinstance(node := resolve(rule.tree, views), Never)]
        found = sum(len(each) for each in rows_meeting(nodes, views))

    start = time.process_time()
    seconds = _timed(run)
    told = {"seconds": seconds, "cpu": time.process_time() - start, "before": before, "peak": _peak()}
    return told | {"rules": len(rules.rules), "matches": found}


def measure_detect(folder: Path, cache: Path, written: Path) -> dict[str, float]:
    """Time the rules and the statistics over the rows, with all that fires told and kept."""
    rules, evidence = loaded(folder, cache), Evidence([rows_of(written)])
    before, start = _peak(), time.process_time()
    told: list[Detection] = []
    seconds = _timed(lambda: told.extend(detect(evidence, rules=rules)))
    cpu = time.process_time() - start
    return {"seconds": seconds, "cpu": cpu, "before": before, "peak": _peak(), "detections": len(told)}


def measure_sql(folder: Path, written: Path, engine: str, sample: int) -> dict[str, float]:
    """Time one SELECT a rule for a sample of the rules."""
    statements = list(_statements(folder, engine, sample))
    run = _sqlite(rows_of(written)) if engine == "sqlite" else _duckdb(rows_of(written))
    seconds = _timed(lambda: [run(text) for text in statements])
    return {"seconds": seconds, "rules": len(statements)}


def _statements(folder: Path, engine: str, sample: int) -> Iterator[str]:
    paths = sorted(folder.glob("*.yml"))
    for path in random.Random(3).sample(paths, min(sample, len(paths))):
        yield statement_of(yaml.safe_load(path.read_text(encoding="utf-8")), engine)


def _sqlite(rows: TableRows) -> Callable[[str], object]:
    import sqlite3

    base = sqlite3.connect(":memory:")
    base.create_function("regexp", 2, lambda pattern, text: text is not None and bool(re.search(pattern, text)))
    columns = {**_sigma_columns(rows)}
    base.execute(f"create table logs ({', '.join(f'[{name}] text collate nocase' for name in columns)})")
    base.executemany(f"insert into logs values ({', '.join('?' * len(columns))})", zip(*columns.values(), strict=True))
    return lambda text: base.execute(text).fetchall()


def _duckdb(rows: TableRows) -> Callable[[str], object]:
    base = duckdb.connect()
    base.execute("set threads = 2")
    table = pa.table({name: pa.array(values) for name, values in _sigma_columns(rows).items()})
    base.register("arrow", table)
    base.execute("create table logs as select * from arrow")
    return lambda text: base.execute(text).fetchall()


def _sigma_columns(rows: TableRows) -> dict[str, list[str | None]]:
    """Return the columns by Sigma's names, with whole paths as our field map makes them."""
    own = {name: rows.rows[name].to_pylist() for name in rows.rows.column_names if name != "TimeGenerated"}
    views = TableViews(rows, field_map())
    for name in ("Image", "ParentImage", "CommandLine", "ParentCommandLine", "OriginalFileName", "IntegrityLevel"):
        view = views[name]
        own[name] = [] if view is None else [each[0] if each else None for each in view.texts()]
    own["AdditionalFields"] = [None] * len(rows)
    return own


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _apart(*arguments: object) -> dict[str, float]:
    """Run one measurement in a process of its own."""
    command = [sys.executable, __file__, "--measure", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _measure(what: str, first: str, second: str, written: str = "", engine: str = "", sample: str = "0") -> Any:
    if what == "rows":
        return write_rows(Path(first), int(second))
    if what == "load":
        return measure_load(Path(first), Path(second))
    if what == "detect":
        return measure_detect(Path(first), Path(second), Path(written))
    if what == "ours":
        return measure_ours(Path(first), Path(second), Path(written))
    return measure_sql(Path(first), Path(written), engine, int(sample))


def _rules(base: Path, count: int) -> Path:
    """Write so many rules and tell what compiling them takes, and what it takes from the cache."""
    folder, cache = base / f"{count}", base / f"cache-{count}"
    folder.mkdir()
    write_rules(folder, count)
    cold, warm = _apart("load", folder, cache)["seconds"], _apart("load", folder, cache)["seconds"]
    _say(f"| {count:,} rules | compiled in {cold:.2f} s, from cache in {warm:.2f} s |")
    return folder


def _rows(base: Path, size: int, folders: dict[int, Path], sample: int) -> None:
    """Tell how the rules do over so many rows, beside the engines' time for a rule of the largest set."""
    written = base / f"{size}.parquet"
    _apart("rows", written, size)
    each: dict[str, float] = {}
    for engine in ("sqlite", "duckdb") if sample else ():
        found = _apart("sql", folders[max(folders)], base, written, engine, sample)
        each[engine] = found["seconds"] / found["rules"]
        _say(f"| {engine}, {size:,} rows | {each[engine] * 1000:.0f} ms a rule, by {found['rules']:.0f} rules |")
    for count, folder in folders.items():
        _say(_line(_apart("ours", folder, base / f"cache-{count}", written), size, each))
    fewest = min(folders)
    told = _apart("detect", folders[fewest], base / f"cache-{fewest}", written)
    _say(
        f"| {fewest:,} rules with statistics, {size:,} rows | {told['seconds']:.1f} s ({told['cpu']:.1f} s of a "
        f"processor), {told['detections']:,.0f} told; peak {told['peak']:.0f} MB, {told['before']:.0f} MB before |"
    )


def _line(ours: dict[str, float], size: int, each: dict[str, float]) -> str:
    rate = ours["rules"] * size / ours["seconds"] / 1e6
    told = f"{ours['seconds']:.1f} s ({ours['cpu']:.1f} s of a processor), {rate:.0f} M rules x rows/s"
    told += f"; peak {ours['peak']:.0f} MB, {ours['before']:.0f} MB before; {ours['matches']:.0f} matches"
    for engine, seconds in each.items():
        total = seconds * ours["rules"]
        told += f"; {engine} {total:.0f} s, {total / ours['seconds']:.0f}x (extrapolated)"
    return f"| {ours['rules']:,.0f} rules, {size:,} rows | {told} |"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Measure what was asked for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, action="append")
    options.add_argument("--rules", type=int, action="append")
    options.add_argument("--sample", type=int, default=20, help="rules that SQLite and DuckDB answer; 0 for none")
    options.add_argument("--measure", nargs="+", help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.measure:
        _say(json.dumps(_measure(*asked.measure)))
        return
    _say(f"load of the machine: {os.getloadavg()[0]:.1f}")
    _say("| what | figure |\n|---|---|")
    with tempfile.TemporaryDirectory() as base:
        folders = {count: _rules(Path(base), count) for count in asked.rules or (250, 300, 1500, 3000)}
        for size in asked.rows or (100_000, 1_000_000):
            _rows(Path(base), size, folders, asked.sample)


if __name__ == "__main__":
    main()
