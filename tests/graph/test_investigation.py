import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from soc_analyst import Context, Report, ahunt, build_graph
from soc_analyst.graph.build import RECURSION_LIMIT
from soc_analyst.graph.hunting import aresume
from soc_analyst.graph.progress import Event
from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.records.cases import CaseFolder
from soc_analyst.tools.records.folder import DataDir
from soc_analyst.tools.records.threats import ThreatsLog

from .workspace import CRADLE, process, small, write


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(workspace=str(small(tmp_path / "logs")), data_dir=tmp_path / "home")


async def test_an_attack_is_found_with_its_row_and_logged_once(context: Context) -> None:
    report = await ahunt("Anything suspicious on host ws-1 in the last day?", context=context, thread_id="case-1")
    assert report.outcome == "confirmed"
    assert (report.window.start, report.window.basis) == (report.window.end - timedelta(days=1), "stated")
    serious = [finding for finding in report.findings if finding.confidence == "High"]
    assert any(finding.mitre.id.startswith("T1059.001") for finding in serious)
    for finding in report.findings:
        assert len(finding.log_lines) == len(finding.evidence) > 0
        assert all(claim.verified for claim in finding.claims)
    cradle = [
        line for finding in serious for line in finding.log_lines if json.loads(line)["ProcessCommandLine"] == CRADLE
    ]
    assert cradle
    assert any("203.0.113.77" in indicator for finding in serious for indicator in finding.indicators_of_compromise)
    logged = list(ThreatsLog(DataDir(context.data_dir).threats).entries())
    assert {entry["id"] for entry in logged} == {finding.id for finding in report.findings}
    again = await ahunt("Anything suspicious on host ws-1 in the last day?", context=context, thread_id="case-1")
    assert {finding.id for finding in again.findings} == {finding.id for finding in report.findings}
    assert len(list(ThreatsLog(DataDir(context.data_dir).threats).entries())) == len(logged)


async def test_every_query_ran_bounded_and_with_its_text(context: Context) -> None:
    report = await ahunt("Anything suspicious on host ws-1 in the last day?", context=context)
    assert report.queries
    for query in report.queries:
        assert query.kql.startswith(f"let {query.table} = {query.table}\n") or f"let {query.table} =" in query.kql
        assert "TimeGenerated >= datetime(" in query.kql
        assert query.status in ("ok", "empty")
    covered = {entry.table: entry for entry in report.coverage}
    assert covered["DeviceProcessEvents"].rows_in_window == 42
    assert covered["DeviceFileEvents"].rows_in_window == 0


async def test_a_quiet_host_is_left_alone(context: Context) -> None:
    report = await ahunt("Anything suspicious on host ws-2 in the last day?", context=context)
    assert report.outcome == "not_found"
    assert not [finding for finding in report.findings if finding.confidence != "Low"]
    assert next(h for h in report.hypotheses if "ordinary" in h.statement).status == "supported"


async def test_a_host_that_no_log_knows_is_not_called_clean(context: Context) -> None:
    report = await ahunt("Anything suspicious on host ws-11 in the last day?", context=context)
    assert report.outcome == "could_not_look"
    assert any("ws-1.contoso.com" in warning for warning in report.warnings)


async def test_a_silent_window_is_not_called_clean(context: Context) -> None:
    report = await ahunt("Anything on host ws-1 between 2020-01-01 10:00 and 2020-01-01 11:00 UTC?", context=context)
    assert report.outcome == "could_not_look"
    assert report.window.start.isoformat() == "2020-01-01T10:00:00+00:00"


async def test_a_host_seen_in_other_logs_is_not_a_blind_spot(context: Context) -> None:
    word = {
        "DeviceName": "ws-9.contoso.com",
        "FileName": "a.txt",
        "FolderPath": "C:\\a.txt",
        "ActionType": "FileCreated",
    }
    write(Path(context.workspace), "DeviceFileEvents", [{**process(5, "ws-9", "x.exe"), **word}])
    report = await ahunt("Were any files written on host ws-1 in the last day?", context=context)
    assert report.outcome == "not_found"
    assert {query.table for query in report.queries} == {"DeviceFileEvents"}
    assert next(entry for entry in report.coverage if entry.table == "DeviceProcessEvents").subject_rows == 1


async def test_an_empty_result_is_asked_again_in_another_way(context: Context) -> None:
    report = await ahunt("Show rundll32 activity on host ws-2 in the last day", context=context)
    rounds = {query.round for query in report.queries}
    assert len(rounds) > 1
    texts = [query.kql for query in report.queries]
    assert len(set(texts)) == len(texts)


async def test_a_window_beyond_policy_is_refused_and_shortened(context: Context) -> None:
    report = await ahunt("Anything suspicious on host ws-1 in the last 3 years?", context=context)
    assert [query.status for query in report.queries if query.round == 1] != []
    assert all(query.status == "refused" for query in report.queries if query.round == 1)
    assert all(query.diagnostics for query in report.queries if query.round == 1)
    assert report.outcome == "confirmed"
    assert any("shortened" in warning for warning in report.warnings)


async def test_a_result_that_is_cut_is_fetched_in_parts(tmp_path: Path) -> None:
    rows = [process(1 + n / 10, "ws-1", f"notepad.exe {n}") for n in range(400)]
    write(tmp_path / "logs", "DeviceProcessEvents", rows)
    policy = tmp_path / "policy.yaml"
    policy.write_text("row_cap: 150\n")
    context = Context(workspace=str(tmp_path / "logs"), data_dir=tmp_path / "home", policy=policy)
    report = await ahunt("Anything suspicious on host ws-1 in the last hour?", context=context)
    cut = [query for query in report.queries if query.truncated]
    assert cut
    assert all(query.status in ("ok", "partial") for query in cut)
    assert report.outcome == "not_found"
    assert 400 <= sum(query.rows for query in report.queries) <= 410


@pytest.mark.parametrize(
    ("budget", "name"), [({"max_rounds": 1}, "rounds"), ({"max_queries": 1}, "queries"), ({"max_rows": 1}, "rows")]
)
async def test_a_budget_ends_with_a_partial_report(context: Context, budget: dict[str, Any], name: str) -> None:
    report = await ahunt("Anything suspicious in the last day?", context=context.model_copy(update=budget))
    assert report.budget_reached == name
    assert any("partial" in warning for warning in report.warnings)
    assert len(report.queries) <= budget.get("max_queries", 99)
    assert sum(query.rows for query in report.queries) <= budget.get("max_rows", 10**9)


async def test_hostile_names_stay_values(context: Context) -> None:
    question = 'Anything suspicious on host "ws-1\' | union * //" in the last day?'
    report = await ahunt(question, context=context)
    assert all("union" not in query.kql.split('"')[0] for query in report.queries)
    assert report.outcome in ("could_not_look", "not_found", "confirmed")


@pytest.mark.parametrize("question", ["", "   ", "x" * 100_000, "\x00\x01\x02", "what happened tomorrow on ws-1?"])
async def test_a_question_that_cannot_be_read_is_an_error_of_one_line(context: Context, question: str) -> None:
    with pytest.raises(OperatorError) as caught:
        await ahunt(question, context=context)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


async def test_a_follow_up_on_the_thread_is_a_question_of_its_own(context: Context) -> None:
    first = await ahunt("Anything suspicious on host ws-1 in the last day?", context=context, thread_id="case-2")
    second = await ahunt("Any sign-ins of bob@contoso.com in the last day?", context=context, thread_id="case-2")
    assert first.outcome == "confirmed"
    assert {query.table for query in second.queries} >= {"SigninLogs"}
    assert second.question.startswith("Any sign-ins")
    assert not {f.id for f in first.findings} & {f.id for f in second.findings}


async def test_a_follow_up_takes_over_what_it_leaves_unsaid(context: Context) -> None:
    first = await ahunt("Anything suspicious on host ws-1 in the last 3 hours?", context=context, thread_id="case-6")
    second = await ahunt("Were files written there?", context=context, thread_id="case-6")
    assert (second.window.start, second.window.end, second.window.basis) == (
        first.window.start,
        first.window.end,
        "assumed",
    )
    assert second.entities == first.entities
    assert any("question before" in warning for warning in second.warnings)


async def test_an_unknown_thread_cannot_be_resumed(context: Context) -> None:
    with pytest.raises(OperatorError, match="no such case"):
        await aresume("case-none", data_dir=DataDir(context.data_dir))


async def test_nothing_in_a_node_blocks_the_event_loop(context: Context) -> None:
    graph = build_graph()
    await graph.ainvoke({"question": "Anything suspicious on host ws-1 in the last day?"}, context=context)
    with blockbuster_ctx("soc_analyst"):
        result = await graph.ainvoke(
            {"question": "Anything suspicious on host ws-2 in the last day?"},
            context=context,
            config={"configurable": {"thread_id": "case-3"}},
        )
    assert result["report"].outcome == "not_found"


async def test_a_host_brings_its_own_saver_and_reads_the_report_from_the_state(context: Context) -> None:
    graph = build_graph(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "case-4"}}
    result = await graph.ainvoke(
        {"question": "Anything suspicious on host ws-1 today?"}, context=context, config=config
    )
    assert set(result) == {"report", "messages"}
    state = await graph.aget_state(config)
    assert state.next == ()
    assert Report.model_validate(state.values["report"]) == result["report"]


async def test_the_graph_works_as_a_subgraph_of_a_chat_agent(context: Context) -> None:
    async def ask(state: MessagesState) -> dict[str, Any]:
        answer = await build_graph().ainvoke({"messages": state["messages"]}, context=context)
        return {"messages": answer["messages"][-1:]}

    for node in (ask, build_graph()):
        parent = StateGraph(MessagesState, context_schema=Context)
        parent.add_node("investigate", node)  # type: ignore[arg-type]
        parent.add_edge(START, "investigate")
        asked: Any = {"messages": [HumanMessage("Anything suspicious on host ws-1 in the last day?")]}
        result = await parent.compile().ainvoke(asked, context=context)
        assert result["messages"][-1].text.startswith("Confirmed.")


def test_the_graph_runs_for_hosts_without_an_event_loop(context: Context) -> None:
    asked: Any = {"messages": [HumanMessage("Anything suspicious on host ws-1 in the last day?")]}
    events = list(build_graph().stream(asked, context=context, stream_mode="custom"))
    assert {event["event"] for event in events} >= {"round", "query_finished", "finding"}
    parent = StateGraph(MessagesState, context_schema=Context)
    parent.add_node("investigate", build_graph())
    parent.add_edge(START, "investigate")
    assert parent.compile().invoke(asked, context=context)["messages"][-1].text.startswith("Confirmed.")


async def test_a_sync_call_inside_an_event_loop_works_too(context: Context) -> None:
    result = build_graph().invoke({"question": "Anything suspicious on host ws-2 today?"}, context=context)
    assert result["report"].outcome == "not_found"


async def test_many_investigations_share_one_process_and_one_folder(context: Context) -> None:
    graph, asked = build_graph(), {"question": "Anything suspicious on host ws-1 in the last day?"}
    results = await asyncio.gather(*(graph.ainvoke(asked, context=context) for _ in range(10)))
    assert {result["report"].outcome for result in results} == {"confirmed"}
    assert len({result["report"].thread_id for result in results}) == 10


def test_the_schemas_can_be_shown_as_forms() -> None:
    graph = build_graph()
    assert set(graph.get_input_jsonschema()["properties"]) == {"question", "messages"}
    assert set(graph.get_output_jsonschema()["properties"]) == {"report", "messages"}
    shown = graph.get_context_jsonschema()
    assert shown is not None
    assert all("description" in field for field in shown["properties"].values())


async def test_the_drawing_has_the_five_nodes_and_the_ways_back() -> None:
    graph = build_graph()
    drawn = graph.get_graph()
    assert set(drawn.nodes) - {"__start__", "__end__"} == {"planner", "guardrail", "executor", "analyzer", "reviewer"}
    back = {edge.source for edge in drawn.edges if edge.target == "planner"}
    assert back == {"__start__", "guardrail", "executor", "reviewer"}
    assert graph.config is not None
    assert graph.config["recursion_limit"] == RECURSION_LIMIT


async def test_progress_is_told_in_small_events(context: Context) -> None:
    events: list[Event] = []
    await ahunt("Anything suspicious on host ws-1 in the last day?", context=context, watch=events.append)
    kinds = [event["event"] for event in events]
    assert kinds[0] == "round"
    assert kinds.count("query_started") == kinds.count("query_finished") > 0
    assert all(len(json.dumps(event)) < 2_000 for event in events)


async def test_the_options_of_a_case_are_kept_without_secrets(context: Context) -> None:
    await ahunt("Anything suspicious on host ws-1 today?", context=context, thread_id="case-5")
    header = CaseFolder(DataDir(context.data_dir).case("case-5")).header()
    assert header is not None
    assert Context.model_validate(header.options) == context


async def test_explanations_compete_from_the_first_round(context: Context) -> None:
    graph = build_graph(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "case-5"}}
    question = {"question": "Anything suspicious on host ws-1 today?"}
    await graph.ainvoke(question, context=context, config=config, interrupt_after=["planner"])
    told = (await graph.aget_state(config)).values["hypotheses"]
    assert "ordinary work" in told[0].statement and len(told) > 1 and {one.status for one in told} == {"open"}
    result = await graph.ainvoke(None, context=context, config=config)
    ended = {one.statement: one.status for one in result["report"].hypotheses}
    assert {one.statement for one in told} <= ended.keys() and ended[told[0].statement] == "refuted"
