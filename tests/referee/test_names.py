"""Names that are words of the language elsewhere: approved text writes them so that the official parser reads names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy, check_text

from .official import HERE, PACKAGE, Referee

_TEXT = re.compile(r'"([a-z_][a-z0-9_]{1,30})"')
AT_ONCE = 60


def _words() -> list[str]:
    """Return every text within the official parser that could be a name; its keywords are among them."""
    source = (HERE / PACKAGE / "Kusto.Language.Bridge.min.js").read_text(encoding="utf-8")
    return sorted(set(_TEXT.findall(source)))


def test_any_word_can_be_a_name(
    referee: Referee, policy: Policy, tables: Mapping[str, TableSchema], window: TimeWindow
) -> None:
    words = _words()
    assert {"title", "flags", "first", "missing", "where"} <= set(words)
    for at in range(0, len(words), AT_ONCE):
        some = words[at : at + AT_ONCE]
        columns = ", ".join(f"['{word}'] = Status['{word}']" for word in some)
        tests = " or ".join(f"isnotempty(['{word}'])" for word in some)
        kql = f"SigninLogs | project {columns} | where {tests} | project-away ['{some[0]}']"
        verdict = check_text(kql, policy=policy, tables=tables, window=window)
        assert verdict.approved is not None, verdict.diagnostics
        ruling = referee.judge(verdict.approved.kql)
        assert [verdict.approved.kql[fault.start - 20 :][:60] for fault in ruling.diagnostics] == []
