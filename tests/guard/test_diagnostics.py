"""What a refused query is told: all faults at once, each at its place, with what to write instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soc_analyst.cli.drawing import drawn
from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.queries import AnyOf, Condition, Diagnostic, PlannedQuery, TypedQuery
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy, check, check_text
from soc_analyst.tools.guard.neighbours import neighbours

MEANT = re.compile(r"did you mean (.*?)\?(?: names are case-sensitive)?\Z")


class Case(NamedTuple):
    """A faulty query, its faults as (code, start, length, part of the hint), and whether the hints mend it."""

    query: str
    faults: list[tuple[str, int, int, str]]
    mends: bool


def _cases() -> list[Case]:
    text = Path(__file__).with_name("diagnostics.txt").read_text(encoding="utf-8")
    return [_case(line) for line in text.splitlines() if line and not line.startswith("#")]


def _case(line: str) -> Case:
    codes, hints, marked = line.split(" :: ", 2)
    query, spans = "", []
    for part in re.split("([«»])", marked):
        if part == "«":
            spans.append((len(query), 0))
        elif part == "»":
            spans[-1] = (spans[-1][0], len(query) - spans[-1][0])
        else:
            query += part
    each = zip(codes.lstrip("+").split(","), spans, hints.split(" / "), strict=True)
    return Case(query, [(code, *span, hint.strip("-")) for code, span, hint in each], codes.startswith("+"))


CASES = _cases()


class Judge:
    """The guard with its arguments."""

    def __init__(self, policy: Policy, tables: Mapping[str, TableSchema], window: TimeWindow) -> None:
        self.policy, self.tables, self.window = policy, tables, window

    def __call__(self, kql: str) -> tuple[Diagnostic, ...]:
        """Return what is said of a query."""
        return check_text(kql, policy=self.policy, tables=self.tables, window=self.window).diagnostics


@pytest.fixture(scope="module")
def judge(policy: Policy, tables: Mapping[str, TableSchema], window: TimeWindow) -> Judge:
    return Judge(policy, tables, window)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.query[:60])
def test_every_fault_is_told_once_at_its_place(judge: Judge, case: Case) -> None:
    found = judge(case.query)
    assert [(one.code, one.start, one.length) for one in found] == [fault[:3] for fault in case.faults]
    for one, fault in zip(found, case.faults, strict=True):
        assert fault[3] in one.hint


@pytest.mark.parametrize("case", [case for case in CASES if case.mends], ids=lambda case: case.query[:60])
def test_a_query_written_as_the_hints_say_passes(judge: Judge, case: Case) -> None:
    query = case.query
    for one in sorted(judge(query), key=lambda one: -one.start):
        meant = MEANT.search(one.hint)
        assert meant is not None
        query = query[: one.start] + meant[1] + query[one.start + one.length :]
    assert judge(query) == ()


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 120
    assert sum(case.mends for case in CASES) >= 60


UNKNOWN = "zz_unknown"
WITH_A_NAME = [
    "where isnotempty({0})", "where {0} == 'a' or UserId == 'b'", "extend x = strcat({0}, 'a')", "sort by {0}",
    "extend y = iff({0} > 1, 1, 2)", "summarize n = count() by {0}", "project {0}", "top 5 by {0}",
    "where UserId in ({0})", "distinct {0}", "where UserId between ({0} .. 'z')", "where {0} has_any ('a', 'b')",
]  # fmt: skip
HONEST = [
    "where UserId == 'a'",
    "extend z = 1",
    "sort by TimeGenerated",
    "take 5",
    "where Id has 'x' and IsInteractive",
]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(HONEST), max_size=3), st.sampled_from(WITH_A_NAME))
def test_an_unknown_name_is_reported_and_nothing_else(judge: Judge, before: list[str], step: str) -> None:
    query = " | ".join(["SigninLogs", *dict.fromkeys(before), step.format(UNKNOWN)])
    if "between" in step:
        query = query.replace("UserId between", "DurationMs between").replace("'z'", "9")
    assert [(one.code, query[one.start : one.start + one.length]) for one in judge(query)] == [
        ("unknown-column", UNKNOWN)
    ]


def test_faults_are_bounded_and_in_order(judge: Judge) -> None:
    found = judge("SigninLogs" + " | wher zz == 1 & x = 2" * 100)
    assert len(found) == 50
    assert [one.start for one in found] == sorted(one.start for one in found)


def test_neighbours_are_allowed_tables_and_columns(policy: Policy) -> None:
    columns = {column for names in policy.tables.values() for column in names}
    assert {table for found in neighbours().tables.values() for table in found} <= set(policy.tables)
    assert {column for found in neighbours().columns.values() for column in found} <= columns
    assert not {name for name in neighbours().tables if name in {table.lower() for table in policy.tables}}


DRAWN = [
    ("T | wher a", 4, 4, "  T | wher a", "      ^^^^"),
    ("T\n| where\tb", 10, 1, "  | where b", "          ^"),
    ("x = '日本' | wher", 11, 4, "  x = '日本' | wher", "               ^^^^"),
    ("e\u0301\u0301 | wher", 6, 4, "  e\u0301\u0301 | wher", "      ^^^^"),
    ("a\x1b[31m\u202e | b", 10, 1, "  a\\u001b[31m\\u202e | b", "                      ^"),
    ("a", 1, 0, None, None),
]


@pytest.mark.parametrize(("text", "start", "length", "line", "carets"), DRAWN)
def test_carets_stand_under_the_place(text: str, start: int, length: int, line: str | None, carets: str | None) -> None:
    found = list(drawn(text, [Diagnostic(code="c", message="m\x1b", start=start, length=length, hint="h")]))
    assert found[0].endswith("c: m\\u001b (h)")
    assert found[1:] == ([] if line is None else [line, carets])


def test_a_long_line_is_cut_around_the_place() -> None:
    text = "a" * 500 + "wher" + "b" * 500
    _, line, carets = drawn(text, [Diagnostic(code="c", message="m", start=500, length=4)])
    assert len(line) < 120
    assert line[carets.index("^") :].startswith("wher")
    assert line.startswith("  ... a")
    assert line.endswith("b ...")


def test_faults_of_a_typed_query_name_their_field(judge: Judge) -> None:
    query = TypedQuery(
        table="DeviceProcessEvents",
        start=judge.window.start,
        end=judge.window.end,
        where=(
            AnyOf(conditions=(Condition(column="FileName", op="==", values=("a",)),)),
            AnyOf(
                conditions=(
                    Condition(column="ProcessId", op="==", values=("x",)),
                    Condition(column="CommandLine", op="has", values=("x",)),
                )
            ),
        ),
        columns=("DeviceName", "Computer"),
    )
    planned = PlannedQuery(id="q", purpose="p", typed=query)
    found = check(planned, policy=judge.policy, tables=judge.tables, window=judge.window).diagnostics
    assert [(one.code, one.message.partition(":")[0], one.hint) for one in found] == [
        ("unknown-column", "where[1].conditions[1].column", "did you mean ProcessCommandLine?"),
        ("unknown-column", "columns[1]", "did you mean DeviceName?"),
        ("type-mismatch", "where[1].conditions[0]", "write the number without quotes"),
    ]
