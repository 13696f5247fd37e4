"""`detect --as-kql` and `--as-sentinel`: a rule as KQL, or as an analytics rule of Microsoft Sentinel."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from soc_analyst.graph.context import Context
from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.errors import OperatorError

if TYPE_CHECKING:
    from soc_analyst.graph.desk.desk import Desk
    from soc_analyst.tools.detections import CompiledRule, RuleSet

__all__ = ["translate"]

REFUSED = 3


async def translate(context: Context, wanted: str, *, sentinel: bool) -> int:
    """Print the rule that is meant: by id or title, or by the id of a logged finding, which means all its rules."""
    from soc_analyst.graph.desk.desk import open_desk
    from soc_analyst.graph.desk.rules import rules_for

    where = "--as-sentinel" if sentinel else "--as-kql"
    async with open_desk(context) as desk:
        rules = rules_for(desk)
        chosen = _chosen(wanted, rules, desk, where)
        texts = [_written(rule, rules, desk, where, sentinel=sentinel) for rule in chosen]
    sys.stdout.write(("---\n" if sentinel else "\n").join(texts))
    return 0


def _chosen(wanted: str, rules: RuleSet, desk: Desk, where: str) -> Sequence[CompiledRule]:
    found = [rule for rule in rules.rules if wanted.casefold() in (rule.id.casefold(), rule.title.casefold())]
    if found:
        return found
    if wanted.startswith("stat-"):
        raise OperatorError(f"{wanted[:80]!r} is a statistic, which is no query over rows; take a rule", where=where)
    if wanted.startswith("f-"):
        return _of_finding(wanted, rules, desk, where)
    near = difflib.get_close_matches(wanted.casefold(), {rule.title.casefold() for rule in rules.rules}, n=3)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else "; `detect --json` lists the rules that fire"
    raise OperatorError(f"{wanted[:80]!r} is no id or title of a rule{hint}", where=where)


def _of_finding(wanted: str, rules: RuleSet, desk: Desk, where: str) -> Sequence[CompiledRule]:
    logged = next((one for one in desk.data.threats_log.entries() if one.get("id") == wanted), None)
    if logged is None:
        raise OperatorError(f"{wanted[:80]!r} is no finding of the log; `soc-analyst threats` lists them", where=where)
    ids = [str(each.get("id")) for each in logged.get("detections") or ()]
    by_id = {rule.id: rule for rule in rules.rules}
    found = [by_id[id] for id in ids if id in by_id]
    if not found:
        raise OperatorError(f"{wanted[:80]!r} rests on no rule that is a query over rows", where=where)
    return found


def _written(rule: CompiledRule, rules: RuleSet, desk: Desk, where: str, *, sentinel: bool) -> str:
    from soc_analyst.tools.detections.as_kql import kql_of, sentinel_yaml, table_of
    from soc_analyst.tools.detections.tree import Unsupported

    try:
        kql = kql_of(rule, desk.tables, rules.rules)
    except Unsupported as reason:
        raise OperatorError(f"{rule.title!r} cannot be said in KQL: {reason}", where=where) from reason
    _proved(rule, kql, desk, where)
    if not sentinel:
        return f"// {rule.title} ({rule.id}), {rule.level}\n{kql}\n"
    from soc_analyst.graph.desk.catalogs import catalog_for

    table = table_of(rule, rules.rules)
    return sentinel_yaml(rule, kql, desk.tables[table], catalog_for(desk.context))


def _proved(rule: CompiledRule, kql: str, desk: Desk, where: str) -> None:
    """Print nothing that the guard would not run."""
    from soc_analyst.graph.desk.desk import wall_clock
    from soc_analyst.tools.guard import check_text

    end = wall_clock()
    window = TimeWindow(start=end - min(timedelta(days=1), timedelta(days=desk.policy.max_window_days)), end=end)
    verdict = check_text(kql, policy=desk.policy, tables=desk.tables, window=window)
    if not verdict.allowed:
        raise OperatorError(f"{rule.title!r}: the guard refuses it: {verdict.diagnostics[0].message}", where=where)
