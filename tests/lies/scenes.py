"""Cases over the sample tenant: the rows of each planted story among ordinary ones, read by rules, shown in a brief."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from soc_analyst.state.entities import Reading, TimeWindow
from soc_analyst.state.findings import EvidenceRef
from soc_analyst.state.queries import Coverage
from soc_analyst.tools.attack import AttackCatalog
from soc_analyst.tools.detections import RuleSet, detect, load_rules
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.logs.sample import generate
from soc_analyst.tools.logs.tables import load_tables
from soc_analyst.tools.privacy import Pseudonyms
from soc_analyst.tools.reasoning.base import Analysis, CaseFile
from soc_analyst.tools.reasoning.by_model.brief import Brief, build_brief
from soc_analyst.tools.reasoning.by_rules.analyst import RulesAnalyst

__all__ = ["CATALOG", "Scene", "scenes", "tokens"]

CATALOG = AttackCatalog.bundled()
YEAR = TimeWindow(start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2026, 12, 31, tzinfo=UTC))
ORDINARY = 40
"""Rows of each table beside those of the story."""
BUDGET = 24_000


@dataclass(frozen=True)
class Scene:
    """One case, with what rules make of it and the handles that a model is shown."""

    name: str
    case: CaseFile
    floor: Analysis
    brief: Brief

    @cached_property
    def shown(self) -> dict[str, tuple[EvidenceRef, dict[str, Any]]]:
        """The rows that a model can cite one by one, by handle."""
        found = {handle: (ref, self.case.evidence.row(ref)) for handle, ref in self.brief.rows.items()}
        return {handle: (ref, row) for handle, (ref, row) in found.items() if row is not None and ref.time is not None}

    def rows_of(self, table: str) -> list[dict[str, Any]]:
        """Return all stored rows of a table."""
        return self._plain[table]

    @cached_property
    def _plain(self) -> dict[str, list[dict[str, Any]]]:
        return {name: rows.rows.to_pylist() for name, rows in self.case.evidence.items()}


def scenes(folder: Path, *, most: int = 99) -> Iterator[Scene]:
    """Yield a scene for each story of a small sample tenant that is made in the folder."""
    generate(folder, rows=8_000, seed=5)
    rules = load_rules()
    for entry in json.loads((folder / "truth.json").read_text("utf-8"))["incidents"][:most]:
        scene = _scene(entry, folder, rules)
        if len(scene.shown) > 1:
            yield scene


def _scene(entry: dict[str, Any], folder: Path, rules: RuleSet) -> Scene:
    keys: dict[str, list[tuple[str, Any]]] = {}
    for stage in entry["stages"]:
        keys.setdefault(stage["table"], []).append(next(iter(stage["key"].items())))
    evidence = Evidence(
        TableRows.collect(table, [(f"q{n}", _rows(folder / f"{table}.parquet", own))])
        for n, (table, own) in enumerate(sorted(keys.items()), 1)
    )
    tables = load_tables()
    case = CaseFile(
        reading=Reading(window=YEAR),
        evidence=evidence,
        detections=detect(evidence, rules=rules, tables=tables),
        coverage=tuple(_coverage(rows) for rows in evidence.values()),
        tables=tables,
        question="Anything suspicious?",
    )
    brief = build_brief(case, budget=BUDGET, count=tokens, pseudonyms=Pseudonyms.off())
    return Scene(entry["id"], case, RulesAnalyst(CATALOG).analyse(case), brief)


def _rows(path: Path, keys: list[tuple[str, Any]]) -> pa.Table:
    whole = pq.read_table(path)
    told = pa.array([False] * whole.num_rows)
    for column, value in keys:
        is_time = pa.types.is_timestamp(whole.schema.field(column).type)
        wanted = datetime.fromisoformat(value) if is_time else value
        told = pc.or_kleene(told, pc.fill_null(pc.equal(whole[column], wanted), False))
    others = whole.filter(pc.invert(told))
    step = max(1, others.num_rows // ORDINARY)
    return pa.concat_tables([whole.filter(told), others.take(list(range(0, others.num_rows, step))[:ORDINARY])])


def _coverage(rows: TableRows) -> Coverage:
    span = pc.min_max(rows.rows["TimeGenerated"]).as_py()
    return Coverage(table=rows.table, rows_in_window=len(rows), first=span["min"], last=span["max"])


def tokens(text: str) -> int:
    """Count tokens about as models do."""
    return len(text) // 3
