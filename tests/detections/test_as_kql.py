"""Rules as KQL find the rows that the engine finds: on the rows that prove the pack, on salted ones, on the sample."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from soc_analyst.graph.context import Context
from soc_analyst.graph.desk.desk import allowed_tables, open_desk
from soc_analyst.graph.looking.sweeping import sweep
from soc_analyst.state.entities import TimeWindow
from soc_analyst.tools.detections import CompiledRule, RuleSet, load_rules
from soc_analyst.tools.detections.as_kql import kql_of
from soc_analyst.tools.detections.as_kql.readings import FORMS
from soc_analyst.tools.detections.columns import COMPUTED, TableViews
from soc_analyst.tools.detections.evaluating import rows_meeting
from soc_analyst.tools.detections.fields import field_map
from soc_analyst.tools.detections.resolving import Never, resolve
from soc_analyst.tools.detections.spellings import plainer_lines, plainer_path
from soc_analyst.tools.detections.tree import Unsupported
from soc_analyst.tools.evidence import TableRows
from soc_analyst.tools.guard import check_text, load_policy
from soc_analyst.tools.logs.base import Workspace
from soc_analyst.tools.logs.tables import load_tables
from soc_analyst.tools.logs.workspaces import open_workspace

from .rows_of_rules import START, proving, salted, write

POLICY = load_policy(None, load_tables())
TABLES = allowed_tables(POLICY)
WINDOW = TimeWindow(start=START, end=START + timedelta(days=1))
PACK = load_rules()
EXPRESSIBLE = 0.99
"""Share of the pack that KQL can say."""
PART_EXPRESSIBLE = 0.97
"""The least share of a part of it: the few that KQL cannot say may stand together."""


@asynccontextmanager
async def opened(spec: str, home: Path) -> AsyncIterator[Workspace]:
    async with open_workspace(
        spec, data_dir=home, columns=POLICY.tables, policy_hash=POLICY.hash, now=None
    ) as workspace:
        yield workspace


async def rows_of(kql: str, workspace: Workspace, window: TimeWindow = WINDOW) -> pa.Table:
    verdict = check_text(kql, policy=POLICY, tables=TABLES, window=window)
    assert verdict.approved is not None, verdict.diagnostics
    result = await workspace.run(verdict.approved, timeout=120)
    assert result.status != "failed", result.diagnostics
    assert not result.truncated
    return result.rows


def by_engine(rows: pa.Table, table: str, rules: Iterable[CompiledRule]) -> dict[str, set[Any]]:
    views = TableViews(TableRows.collect(table, [("q1", rows)]), field_map())
    resolved = [(rule, resolve(rule.tree, views)) for rule in rules]
    runnable = [(rule, node) for rule, node in resolved if not isinstance(node, Never)]
    times = views.rows.rows["TimeGenerated"].to_pylist()
    found: dict[str, set[Any]] = {rule.id: set() for rule, _ in resolved}
    matched = rows_meeting([node for _, node in runnable], views)
    found |= {rule.id: {times[at] for at in own.tolist()} for (rule, _), own in zip(runnable, matched, strict=True)}
    return found


def spelled_otherwise(rows: pa.Table) -> set[Any]:
    """Return the times of rows that the engine reads more plainly than they are written, which a query cannot."""
    columns = [name for name in rows.column_names if name.endswith(("CommandLine", "FolderPath", "RegistryValueData"))]
    times = rows["TimeGenerated"].to_pylist()
    return {
        times[at]
        for name in columns
        for at, text in enumerate(rows[name].cast(pa.string()).to_pylist())
        if text and (plainer_lines(text) or plainer_path(text))
    }


async def differing(workspace: Workspace, rules: Iterable[CompiledRule]) -> tuple[dict[str, Any], int, int]:
    """Return the rules whose KQL finds other rows than the engine, how many agree, and how many of these found rows."""
    wrong: dict[str, Any] = {}
    agreed = fired = 0
    by_table: dict[str, list[CompiledRule]] = {}
    for rule in rules:
        by_table.setdefault(rule.table, []).append(rule)
    for table, own in by_table.items():
        if table not in workspace.tables:
            continue
        rows = await rows_of(table, workspace)
        wanted, odd = by_engine(rows, table, own), spelled_otherwise(rows)
        for rule in own:
            try:
                # The rows are told by their times; to fetch no more spares the planning of all other columns.
                kql = f"{kql_of(rule, TABLES)}\n| project TimeGenerated"
                got = set((await rows_of(kql, workspace))["TimeGenerated"].to_pylist())
            except Unsupported:
                continue
            if got - odd == wanted[rule.id] - odd:
                agreed, fired = agreed + 1, fired + bool(got)
            else:
                wrong[rule.title] = (sorted(got - wanted[rule.id])[:3], sorted(wanted[rule.id] - got)[:3])
    return wrong, agreed, fired


PARTS = 2
"""Stretches of the pack that are tried at the same time."""
EVERY = 3
"""One rule in so many is run as KQL: each takes a tenth of a second, nearly all of it the planning of its query."""

QUICK = 24
"""One in so many is run each time; the slow tests leave these out."""


def salted_workspace(folder: Path, rules: RuleSet, count: int) -> str:
    base = proving()
    more = salted(rules, TABLES, base, count)
    write(folder, {table: [*base.get(table, []), *more.get(table, [])] for table in {*base, *more}}, TABLES)
    return str(folder)


async def test_one_rule_in_24_finds_the_same_rows_as_kql(tmp_path: Path) -> None:
    rules = RuleSet(PACK.rules[::QUICK])
    async with opened(salted_workspace(tmp_path / "logs", rules, 60), tmp_path) as workspace:
        wrong, agreed, fired = await differing(workspace, rules.rules)
    assert wrong == {}
    assert agreed > 30
    assert fired > 0.7 * agreed


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
async def test_one_rule_in_three_finds_the_same_rows_as_kql(part: int, tmp_path: Path) -> None:
    rules = RuleSet(tuple(PACK.rules[at] for at in range(part, len(PACK.rules), PARTS * EVERY) if at % QUICK))
    async with opened(salted_workspace(tmp_path / "logs", rules, 400 // PARTS), tmp_path) as workspace:
        wrong, agreed, fired = await differing(workspace, rules.rules)
    assert wrong == {}
    assert agreed > PART_EXPRESSIBLE * len(rules.rules)
    assert fired > 0.7 * agreed


@pytest.mark.slow
def test_every_rule_that_kql_can_say_passes_the_guard() -> None:
    said = ((rule.title, kql_of(rule, TABLES)) for rule in PACK.rules if not reason(rule))
    verdicts = ((title, check_text(kql, policy=POLICY, tables=TABLES, window=WINDOW)) for title, kql in said)
    assert {title: verdict.diagnostics for title, verdict in verdicts if verdict.approved is None} == {}


def test_every_way_to_read_a_field_is_said_in_kql_or_refused() -> None:
    assert COMPUTED.keys() <= FORMS.keys()


def test_nearly_all_of_the_pack_can_be_said_in_kql() -> None:
    refused: Mapping[str, str] = {rule.title: why for rule in PACK.rules if (why := reason(rule))}
    assert len(refused) <= (1 - EXPRESSIBLE) * len(PACK.rules)
    assert all(why.endswith(", which lies inside a list") for why in refused.values())


def reason(rule: CompiledRule) -> str:
    try:
        kql_of(rule, TABLES)
    except Unsupported as why:
        return str(why)
    return ""


@pytest.mark.slow
async def test_on_the_sample_tenant_a_rule_fires_where_the_engine_does(tmp_path: Path) -> None:
    context = Context(data_dir=tmp_path)
    async with open_desk(context) as desk, desk.workspace() as workspace:
        end = await workspace.now()
        window = TimeWindow(start=end - timedelta(days=20), end=end)
        read = await sweep(tuple(workspace.tables), window, desk, workspace)
        wrong, fired = {}, 0
        for table, rows in read.evidence.items():
            own = [rule for rule in PACK.rules if rule.table == table and not reason(rule)]
            wanted, odd = by_engine(rows.rows, table, own), spelled_otherwise(rows.rows)
            # One in three that fire, and one in 60 of those that do not: each is a query of its own.
            for rule in (rule for at, rule in enumerate(own) if at % (3 if wanted[rule.id] else 60) == 0):
                kql = f"{kql_of(rule, TABLES)}\n| project TimeGenerated"
                got = set((await rows_of(kql, workspace, window))["TimeGenerated"].to_pylist())
                fired += bool(got)
                if got - odd != wanted[rule.id] - odd:
                    wrong[rule.title] = (len(got), len(wanted[rule.id]))
    assert wrong == {}
    assert fired > 25
