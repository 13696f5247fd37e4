"""Calls with arguments of any type: what the guard lets through, the official parser accepts and types alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy, check_text
from soc_analyst.tools.guard.binder import bind
from soc_analyst.tools.guard.dialect import Form, Signature, dialect
from soc_analyst.tools.kql import parse

from ..guard.test_semantics import CASES
from .official import Referee
from .test_types import AT_ONCE, COLUMNS, VALUES

Tables = Mapping[str, TableSchema]
PROCESSES = (
    "DeviceProcessEvents | project s = FileName, l = FileSize, i = toint(ProcessId), r = FileSize / 2.0,"
    " b = FileName has 'cmd', d = TimeGenerated, t = now() - TimeGenerated, y = AdditionalFields | "
)
ROW = (
    "SigninLogs | project TimeGenerated, s = Id, e = '', n = DurationMs, m = -DurationMs, z = long(null),"
    " i = toint(DurationMs), r = DurationMs / 2.0, b = IsInteractive, t = TimeGenerated, u = datetime(null),"
    " d = Status, l = pack_array(1, DurationMs) | project "
)
"""Columns of the names and types that the expressions of semantics.txt are about."""

FIXED = {
    "string": ['"a"', '"%"'], "text": ['"a"'], "long": ["1", "-1"], "real": ["0.5"], "number": ["2", "0.5"],
    "bool": ["true"], "dynamic": ["todynamic(s)"], "timespan": ["1h"],
    "datetime": ["datetime(2026-03-04)"], "any": ["1", '"a"', "long(null)"], "plain": ['"a"', "1d"],
    "summable": ["2", "1d"], "json": ['"[1]"'], "exact": ["1"], "ordered": ["1", "1d"], "common": ["1", "1.5"],
    "choice": ["1", '"a"', "todynamic(s)"],
}  # fmt: skip
"""Values written out, by what an argument is said to be.

No dynamic value stands here: the official parser asks of a written one whether it is an array or a bag, which of a
column only the rows can tell.
"""
FORMATS = {"format_datetime": '"yyyy-MM-dd"', "format_timespan": '"hh:mm"', "parse_user_agent": '"browser"'}
"""Texts that the official parser reads, where it knows only some."""


def _values(name: str, word: str) -> list[str]:
    how, _, bare = word.rpartition(" ")
    if bare in dialect().choices:
        return [f'"{text}"' for text in dialect().choices[bare]]
    fixed = [FORMATS[name]] if bare == "string" and name in FORMATS else FIXED[bare]
    return fixed if how == "literal" else [*COLUMNS] if how == "column" else [*fixed, *COLUMNS]


def _calls(name: str, form: Form, fits: Mapping[str, str]) -> Iterator[str]:
    """Give calls of each length, each with one argument that may be of any type while the others fit."""
    for count in range(form.required, len(form.takes) + 1 + 2 * len(form.repeated)):
        words = form.wanted(count)
        if words is None:
            continue
        plain = [fits.get(word.rpartition(" ")[2]) or _values(name, word)[0] for word in words]
        yield f"{name}({', '.join(plain)})"
        for at, word in enumerate(words):
            for value in _values(name, word):
                yield f"{name}({', '.join([*plain[:at], value, *plain[at + 1 :]])})"


FITTING = (
    {"string": "s", "long": "l", "number": "r", "bool": "b", "dynamic": "y", "datetime": "d", "timespan": "t"},
    {"common": "s", "choice": "t", "ordered": "d", "plain": "t", "summable": "d", "any": "y", "number": "i"},
    {"common": "y", "choice": "y", "ordered": "t", "plain": "d", "summable": "t", "any": "s", "long": "i"},
)
"""Columns that fit, several ways; a value written out stands where none is named."""


def _told(name: str, signature: Signature) -> list[str]:
    return list(
        dict.fromkeys(call for form in signature.forms for fits in FITTING for call in _calls(name, form, fits))
    )


@pytest.mark.parametrize("name", dialect().functions)
def test_function(name: str, referee: Referee, policy: Policy, tables: Tables, window: TimeWindow) -> None:
    _accepted(_told(name, dialect().functions[name]), VALUES, referee, policy, tables, window)


@pytest.mark.parametrize("name", dialect().aggregates)
def test_aggregate(name: str, referee: Referee, policy: Policy, tables: Tables, window: TimeWindow) -> None:
    _accepted(_told(name, dialect().aggregates[name]), PROCESSES + "summarize ", referee, policy, tables, window)


@pytest.mark.parametrize("name", dialect().rows)
def test_function_of_rows(name: str, referee: Referee, policy: Policy, tables: Tables, window: TimeWindow) -> None:
    calls = _told(name, dialect().rows[name])
    _accepted(calls, PROCESSES + "sort by d asc | extend ", referee, policy, tables, window)


def test_what_expressions_are_held_to(referee: Referee, policy: Policy, tables: Tables, window: TimeWindow) -> None:
    expressions = [expression for expression, _ in CASES]
    assert _accepted(expressions, ROW, referee, policy, tables, window) == expressions


def _accepted(
    calls: Sequence[str], before: str, referee: Referee, policy: Policy, tables: Tables, window: TimeWindow
) -> list[str]:
    """Assert that the official parser accepts and types alike those that the guard approves, and return them."""
    kinds = {call: kind for call in calls if (kind := _kind(before + f"x = {call}", policy, tables))}
    assert kinds, "some of them have a meaning"
    approved = list(kinds)
    for at in range(0, len(approved), AT_ONCE):
        some = approved[at : at + AT_ONCE]
        named = ", ".join(f"x{number} = {call}" for number, call in enumerate(some))
        verdict = check_text(before + named, policy=policy, tables=tables, window=window)
        assert verdict.approved is not None, verdict.diagnostics
        ruling = referee.judge(verdict.approved.kql)
        faults = [(fault.message, verdict.approved.kql[fault.start :][:80]) for fault in ruling.diagnostics]
        assert faults == []
        theirs = dict(ruling.output)
        ours = {f"x{number}": kinds[call] for number, call in enumerate(some)}
        wrong = {some[int(x[1:])]: (kind, theirs[x]) for x, kind in ours.items() if kind not in ("any", theirs[x])}
        assert wrong == {}
    return approved


def _kind(text: str, policy: Policy, tables: Tables) -> str | None:
    """Return the type of the column x, or None where the guard refuses the query."""
    tree = parse(text).tree
    assert tree is not None, text
    bound = bind(tree, policy, tables)
    return None if bound.diagnostics else bound.output.cells["x"].kind
