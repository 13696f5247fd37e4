"""A checkpoint can be edited, or resumed under another policy: the executor proves each approval again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from soc_analyst import Context, build_graph
from soc_analyst.state.queries import ApprovedQuery, QueryRecord

from .workspace import small

QUESTION = {"question": "Anything suspicious on host ws-1 in the last day?"}
CONFIG: Any = {"configurable": {"thread_id": "case-1"}}


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(workspace=str(small(tmp_path / "logs")), data_dir=tmp_path / "home")


async def stopped_before_the_executor(context: Context) -> tuple[Any, list[ApprovedQuery]]:
    graph = build_graph(checkpointer=InMemorySaver())
    await graph.ainvoke(QUESTION, context=context, config=CONFIG, interrupt_before=["executor"])
    approved = list((await graph.aget_state(CONFIG)).values["approved"])
    assert approved, "the guard approved something to tamper with"
    return graph, approved


async def executed(graph: Any, context: Context, approved: list[ApprovedQuery]) -> dict[str, QueryRecord]:
    await graph.aupdate_state(CONFIG, {"approved": tuple(approved)}, as_node="guardrail")
    await graph.ainvoke(None, context=context, config=CONFIG, interrupt_after=["executor"])
    return {record.id: record for record in (await graph.aget_state(CONFIG)).values["records"]}


Tamper = Callable[[ApprovedQuery], dict[str, Any]]
TAMPERED: dict[str, tuple[Tamper, str]] = {
    "another table": (lambda q: {"kql": f"secrets\n| take {q.row_cap + 1}"}, "not-bounded"),
    "a table more": (lambda q: {"kql": q.kql.replace("\n| take", "\n| union (secrets)\n| take")}, "unknown-table"),
    "a command": (lambda _: {"kql": ".drop table DeviceProcessEvents"}, "refused-command"),
    "no view": (lambda q: {"kql": q.kql.partition(";\n")[2]}, "not-bounded"),
    "a condition less": (lambda q: {"kql": q.kql.replace(" and TimeGenerated <", " and TimeGenerated !=")}, "tampered"),
    "a comment": (lambda q: {"kql": f"// hello\n{q.kql}"}, "tampered"),
    "a longer window": (lambda q: {"start": q.start - timedelta(days=1)}, "tampered"),
    "a window beyond policy": (lambda q: {"start": q.start - timedelta(days=1000)}, "window-too-long"),
    "an empty window": (lambda q: {"end": q.start}, "empty-window"),
    "a larger cap": (lambda q: {"row_cap": q.row_cap + 1}, "tampered"),
    "a cap beyond policy": (lambda _: {"row_cap": 10**9}, "row-cap"),
    "no cap": (lambda _: {"row_cap": 0}, "row-cap"),
    "no cap in the text": (lambda q: {"kql": q.kql.rpartition("\n| take")[0]}, "not-bounded"),
    "other columns": (lambda q: {"columns": {t: (*c, "TenantId") for t, c in q.columns.items()}}, "tampered"),
    "other tables": (lambda q: {"tables": (*q.tables, "secrets")}, "not-bounded"),
    "no tables": (lambda _: {"tables": ()}, "shadowing"),
    "another shape": (lambda q: {"shape": "coverage" if q.shape == "rows" else "rows"}, "tampered"),
    "another policy": (lambda _: {"policy_hash": "0" * 64}, "stale-policy"),
    "nothing at all": (lambda _: {"kql": ""}, "syntax"),
}


@pytest.mark.parametrize("what", TAMPERED)
async def test_a_tampered_approval_is_refused_and_the_others_run(context: Context, what: str) -> None:
    graph, approved = await stopped_before_the_executor(context)
    change, code = TAMPERED[what]
    approved[0] = approved[0].model_copy(update=change(approved[0]))
    records = await executed(graph, context, approved)
    refused = records[approved[0].id]
    assert (refused.status, refused.rows, refused.rows_digest) == ("refused", 0, "")
    assert code in [diagnostic.code for diagnostic in refused.diagnostics]
    assert {records[query.id].status for query in approved[1:]} <= {"ok", "empty", "partial"}


async def test_untouched_approvals_run(context: Context) -> None:
    graph, approved = await stopped_before_the_executor(context)
    records = await executed(graph, context, approved)
    assert {records[query.id].status for query in approved} <= {"ok", "empty", "partial"}
    assert any(record.rows for record in records.values())


async def test_approvals_of_an_older_policy_are_refused_although_their_rows_are_kept(
    context: Context, tmp_path: Path
) -> None:
    graph, approved = await stopped_before_the_executor(context)
    await executed(graph, context, approved)
    stricter = tmp_path / "policy.yaml"
    stricter.write_text("row_cap: 5\n")
    strict = context.model_copy(update={"policy": stricter})
    again = build_graph(checkpointer=InMemorySaver())
    await again.ainvoke(QUESTION, context=context, config=CONFIG, interrupt_before=["executor"])
    records = await executed(again, strict, approved)
    for query in approved:
        assert records[query.id].status == "refused"
        assert "stale-policy" in [diagnostic.code for diagnostic in records[query.id].diagnostics]
