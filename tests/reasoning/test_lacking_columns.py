"""A query may return any columns of a table: whatever is missing, the rows are read to the end."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from soc_analyst.state.entities import Reading, TimeWindow
from soc_analyst.tools.attack import AttackCatalog
from soc_analyst.tools.detections import detect, load_rules
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.logs.tables import load_tables
from soc_analyst.tools.reasoning.base import CaseFile
from soc_analyst.tools.reasoning.by_rules.analyst import RulesAnalyst
from tests.detections.rows_of_rules import Rows, proving

START = datetime(2026, 3, 4, tzinfo=UTC)
SCHEMAS = load_tables()
ROWS: Rows = proving()


def projected(chance: random.Random) -> Evidence:
    """Return some rows of most tables, with some of their columns."""
    parts = []
    for table, rows in ROWS.items():
        some = [
            {"TimeGenerated": START + timedelta(minutes=n), **row} for n, row in enumerate(chance.choices(rows, k=40))
        ]
        kept = [name for name in SCHEMAS[table].columns if name == "TimeGenerated" or chance.random() < 0.5]
        columns = {name: [_text(row.get(name)) for row in some] for name in kept if any(name in row for row in some)}
        if chance.random() < 0.7 and columns:
            parts.append(TableRows.collect(table, [("q1", pa.table(columns))]))
    return Evidence(parts)


def _text(value: object) -> object:
    return value if value is None or isinstance(value, datetime) else str(value)


@pytest.mark.parametrize("seed", range(8))
def test_rows_without_some_columns_are_read(seed: int) -> None:
    evidence = projected(random.Random(seed))
    detections = detect(evidence, rules=load_rules(), tables=SCHEMAS)
    assert detections
    reading = Reading(window=TimeWindow(start=START, end=START + timedelta(days=1)))
    told = RulesAnalyst(AttackCatalog.bundled()).analyse(CaseFile(reading, evidence, detections, (), SCHEMAS))
    assert told.findings
    cited = {ref for finding in told.findings for ref in finding.evidence}
    assert all(evidence.row(ref) is not None for ref in cited)
