"""Operators between values of any two types: what the guard lets through, the official parser types alike."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import pytest

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy, check_text
from soc_analyst.tools.guard.binder import bind
from soc_analyst.tools.kql import parse
from soc_analyst.tools.kql.words import ARITHMETIC, COMPARISONS, MEMBERSHIPS, STRING_OPERATORS

from .official import Referee

Tables = Mapping[str, TableSchema]
VALUES = (
    "SigninLogs | project s = Id, l = DurationMs, i = toint(DurationMs), r = todouble(DurationMs), b = IsInteractive,"
    " d = TimeGenerated, t = 1h * 2, y = Status | extend "
)
"""One column of each type, named by its first letter; `y` is dynamic."""
COLUMNS = "slirbdty"
AT_ONCE = 40


def _each(form: str, count: int) -> Iterator[str]:
    return (form.format(*columns) for columns in itertools.product(COLUMNS, repeat=count))


FORMS: dict[str, list[str]] = {
    "arithmetic": [text for op in sorted(ARITHMETIC) for text in _each(f"{{}} {op} {{}}", 2)],
    "comparisons": [text for op in sorted(COMPARISONS) for text in _each(f"{{}} {op} {{}}", 2)],
    "texts": [text for op in sorted(STRING_OPERATORS) for text in _each(f"{{}} {op} {{}}", 2)],
    "memberships": [text for op in sorted(MEMBERSHIPS) for text in _each(f"{{}} {op} ({{}})", 2)],
    "ranges": list(_each("{} between ({} .. {})", 3)),
    "outside ranges": list(_each("{} !between ({} .. {})", 3)),
}


@pytest.mark.parametrize("form", FORMS)
def test_operator(form: str, referee: Referee, policy: Policy, tables: Tables, window: TimeWindow) -> None:
    kinds = {text: kind for text in FORMS[form] if (kind := _kind(text, policy, tables))}
    assert kinds, "some of them have a meaning"
    texts = list(kinds)
    for at in range(0, len(texts), AT_ONCE):
        some = texts[at : at + AT_ONCE]
        named = ", ".join(f"x{number} = {text}" for number, text in enumerate(some))
        verdict = check_text(VALUES + named, policy=policy, tables=tables, window=window)
        assert verdict.approved is not None, verdict.diagnostics
        ruling = referee.judge(verdict.approved.kql)
        assert [verdict.approved.kql[fault.start :][:80] for fault in ruling.diagnostics] == []
        theirs = dict(ruling.output)
        ours = {f"x{number}": kinds[text] for number, text in enumerate(some)}
        assert {name: theirs[name] for name, kind in ours.items() if kind not in ("any", theirs[name])} == {}


def _kind(text: str, policy: Policy, tables: Tables) -> str | None:
    """Return the type of an expression, or None where the guard refuses it."""
    tree = parse(f"{VALUES}x = {text}").tree
    assert tree is not None
    bound = bind(tree, policy, tables)
    return None if bound.diagnostics else bound.output.cells["x"].kind
