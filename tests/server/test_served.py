"""What a server holds fast: a user's context is a wish, the operator's file is the rule."""

from __future__ import annotations

from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from soc_analyst import Context, build_graph
from soc_analyst.graph.served import Served, load_served
from soc_analyst.state.errors import OperatorError

from ..graph.workspace import END, small

FILE = """
context: {workspace: logs, data_dir: home, approve: costly, max_rounds: 3}
choices: {model: [none, "openai:gpt-5-mini"]}
most: {max_usd: 0.5, max_queries: 40}
users:
  alice: {context: {policy: alice.yaml}}
  bob: {}
requests: {question: 200, messages: 4, characters: 1000}
"""


@pytest.fixture
def served(tmp_path: Path) -> Served:
    small(tmp_path / "logs")
    (tmp_path / "served.yaml").write_text(FILE)
    return load_served(tmp_path / "served.yaml")


def test_a_case_runs_under_what_the_operator_says(served: Served, tmp_path: Path) -> None:
    alice, bob = served.context_for(None, "alice"), served.context_for(Context(), "bob")
    assert alice.workspace == bob.workspace == str(tmp_path / "logs")
    assert (alice.policy, bob.policy) == (tmp_path / "alice.yaml", None)
    assert (
        alice.data_dir != bob.data_dir and tmp_path / "home" / "users" == alice.data_dir.parent == bob.data_dir.parent
    )
    assert (alice.max_rounds, alice.max_usd, alice.max_queries) == (3, 0.5, 40)


@pytest.mark.parametrize(
    ("wish", "value", "said"),
    [
        *((name, "/etc/passwd", "is set by this server") for name in
          ("policy", "sigma_rules", "known_good", "attack_data", "data_dir", "limits", "workspace",
           "evidence")),
        ("model", "x@http://127.0.0.1:22", "is one of none, openai:gpt-5-mini"),
        ("max_rounds", 5, "is set by this server"),
        ("max_usd", 0.6, "is at most 0.5"),
        ("max_rows", 600_000, "is at most 500000"),
        ("approve", "auto", ""),
        ("privacy", "off", "is personal or stricter"),
        ("tier", "5", "is set by this server"),
    ],
)  # fmt: skip
def test_what_is_not_a_users_to_choose_is_refused(served: Served, wish: str, value: object, said: str) -> None:
    context = Context.model_validate({wish: value})
    if not said:  # a form sends its defaults: the server's own counts
        assert served.context_for(context, "bob").approve == "costly"
        return
    with pytest.raises(OperatorError, match=f"context: {wish} {said}"):
        served.context_for(context, "bob")


def test_what_is_left_to_users_and_what_is_stricter_is_taken(served: Served) -> None:
    wish = Context(now=END, max_usd=0.1, approve="always", privacy="all", model="openai:gpt-5-mini", alert="a-1")
    got = served.context_for(wish, "bob")
    assert (got.now, got.max_usd, got.approve, got.privacy, got.model, got.alert) == (
        END, 0.1, "always", "all", "openai:gpt-5-mini", "a-1",
    )  # fmt: skip


@pytest.mark.parametrize(("user", "said"), [(None, "sign in"), ("mallory", "may not ask this server")])
def test_who_is_not_listed_is_not_let_in(served: Served, user: str | None, said: str) -> None:
    with pytest.raises(OperatorError, match=said):
        served.context_for(None, user)


@pytest.mark.parametrize(
    ("question", "messages", "said"),
    [
        ("x" * 201, [], "a question of 201 characters; this server takes 200"),
        ("", ["x" * 201], "a question of 201 characters"),
        ("", [HumanMessage("x")] * 5, "5 messages; this server takes 4"),
        ("", [{"role": "user", "content": [{"type": "text", "text": "x" * 1000}]}, "x"], "a conversation of"),
        ("x" * 200, [HumanMessage("x" * 200)] * 4, ""),
    ],
)
def test_too_large_a_request_is_told(served: Served, question: str, messages: list[object], said: str) -> None:
    told = served.fault_of(question, messages)  # type: ignore[arg-type]
    assert told.startswith(said) and bool(told) == bool(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("may_set: [policy]", "policy is never a user's to choose; set it under context"),
        ("may_set: [model]", "model is never a user's to choose; list its values under choices"),
        ("choices: {evidence: [a]}", "evidence is never a user's to choose"),
        ("choices: {data_dir: [a]}", "data_dir is never a user's to choose"),
        ("may_set: [nonsense]", "there is no field nonsense"),
        ("most: {tier: 3}", "tier is no budget"),
        ("context: {max_rounds: 99}", "max_rounds: Input should be less than or equal to 20"),
        ("users: {a: {context: {nonsense: 1}}}", "nonsense: Extra inputs"),
        ("nonsense: 1", "nonsense: Extra inputs"),
        ("[", "cannot be read"),
    ],
)
def test_a_file_that_would_leave_a_hole_starts_no_server(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "served.yaml").write_text(text)
    with pytest.raises(OperatorError, match=r"served file .*served\.yaml: ") as error:
        load_served(tmp_path / "served.yaml")
    assert said in str(error.value) and "\n" not in str(error.value)


async def test_the_graph_itself_holds_to_it(served: Served, tmp_path: Path) -> None:
    graph = build_graph(served=Served(context={**served.context, "approve": "auto"}))
    with pytest.raises(OperatorError, match="context: policy is set by this server; leave it out"):
        await graph.ainvoke({"question": "Anything on ws-1?"}, context=Context(policy=Path("/etc/passwd")))
    with pytest.raises(OperatorError, match="request: a question of 5,000 characters"):
        await graph.ainvoke({"question": "x" * 5_000})
    done = await graph.ainvoke(
        {"question": "Anything suspicious on host ws-1 in the last day?"}, context=Context(now=END)
    )
    assert done["report"].outcome == "confirmed" and (tmp_path / "home" / "cases").is_dir()


async def test_the_published_graph_reads_the_file_that_the_environment_names(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert served.users is not None
    monkeypatch.setenv("SOC_ANALYST_SERVED", str(tmp_path / "served.yaml"))
    with pytest.raises(OperatorError, match="server: who asks is not known; sign in"):
        await _published().ainvoke({"question": "Anything on ws-1?"})
    monkeypatch.setenv("SOC_ANALYST_SERVED", str(tmp_path / "gone.yaml"))
    with pytest.raises(OperatorError, match=r"served file .*gone\.yaml: cannot be read"):
        _published()


def _published() -> Any:
    """Return the graph of `langgraph.json`, made anew as a server does at its start."""
    spec = find_spec("soc_analyst.graph.app")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.graph
