"""Typed queries become text that the official parser reads as they were meant."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.queries import Operator, PlannedQuery, TypedQuery
from soc_analyst.state.tables import ColumnType, TableSchema
from soc_analyst.tools.guard import Policy, check, load_policy
from soc_analyst.tools.logs.tables import load_tables

from .official import Referee
from .test_referee import accept

Tables = Mapping[str, TableSchema]
TEXT = st.one_of(
    st.sampled_from(["powershell", 'a"b', "c:\\x", "O'Hara", "line\nline", "\u2028", "ü"]), st.text(max_size=9)
)
VALUES: dict[ColumnType, st.SearchStrategy[Any]] = {
    "string": TEXT,
    "dynamic": TEXT,
    "long": st.integers(-(2**62), 2**62),
    "int": st.integers(-(2**31), 2**31 - 1),
    "real": st.floats(-1e300, 1e300),
    "bool": st.booleans(),
    "datetime": st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)).map(lambda when: when.isoformat()),
}


@st.composite
def typed_queries(draw: st.DrawFn) -> TypedQuery:
    """A query over any table, whose tests suit the types of their columns more often than not."""
    policy, tables = load_policy(), load_tables()
    table = draw(st.sampled_from(list(policy.tables)))
    columns = st.sampled_from(policy.tables[table])

    def condition() -> dict[str, Any]:
        column = draw(columns)
        values = st.lists(VALUES[tables[table].columns[column].type], max_size=3)
        return {"column": column, "op": draw(st.sampled_from(get_args(Operator))), "values": tuple(draw(values))}

    where = tuple({"conditions": (condition(),)} for _ in range(draw(st.integers(0, 2))))
    shape = draw(st.sampled_from(["rows", "coverage", "values"]))
    days = {"start": datetime(2026, 3, 3, tzinfo=UTC), "end": datetime(2026, 3, 5, tzinfo=UTC)}
    shown = tuple(dict.fromkeys(draw(st.lists(columns, max_size=4))))
    return TypedQuery.model_validate(
        {"table": table, **days, "where": where, "shape": shape, "values_of": draw(columns), "columns": shown}
    )


def _judged(typed: TypedQuery, referee: Referee, policy: Policy, tables: Tables, window: TimeWindow) -> None:
    planned = PlannedQuery(id="q1", purpose="p", typed=typed)
    verdict = check(planned, policy=policy, tables=tables, window=window)
    if verdict.approved is not None:
        accept(referee, verdict.approved)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=typed_queries())
def test_typed_query(typed: TypedQuery, referee: Referee, policy: Policy, tables: Tables, window: TimeWindow) -> None:
    _judged(typed, referee, policy, tables, window)


@pytest.mark.slow
@settings(max_examples=1_500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=typed_queries())
def test_thousands_of_typed_queries(
    typed: TypedQuery, referee: Referee, policy: Policy, tables: Tables, window: TimeWindow
) -> None:
    _judged(typed, referee, policy, tables, window)


def test_every_column_of_every_table(referee: Referee, policy: Policy, tables: Tables, window: TimeWindow) -> None:
    for table, columns in policy.tables.items():
        typed = TypedQuery(table=table, start=window.start, end=window.end, columns=columns)
        verdict = check(PlannedQuery(id="q1", purpose="p", typed=typed), policy=policy, tables=tables, window=window)
        assert verdict.approved is not None
        accept(referee, verdict.approved)
        assert [name for name, _ in referee.judge(verdict.approved.kql).output] == list(columns)
