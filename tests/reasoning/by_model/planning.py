"""A case to plan, and an asker that answers what it is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pydantic import BaseModel

from soc_analyst.graph.desk.desk import allowed_tables
from soc_analyst.state.entities import Entity, Reading, TimeWindow
from soc_analyst.state.queries import PlannedQuery, QueryRecord, TypedQuery, asked_key
from soc_analyst.state.report import ModelCall
from soc_analyst.tools.guard import load_policy
from soc_analyst.tools.models.base import Answer, Request, Size
from soc_analyst.tools.privacy import Pseudonyms
from soc_analyst.tools.reasoning.base import Planned, Situation
from soc_analyst.tools.reasoning.by_model.planner import ModelPlanner
from soc_analyst.tools.reasoning.by_rules.planner import RulesPlanner

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = TimeWindow(start=NOON - timedelta(days=1), end=NOON, basis="stated", phrase="last day")
ALICE = Entity(kind="account", value="alice@contoso.com")
POLICY = load_policy()
TABLES = allowed_tables(POLICY)
CALL = ModelCall(node="planner", model="scripted", input_tokens=10, output_tokens=5)

A = TypeVar("A", bound=BaseModel)


@dataclass
class Told:
    """Answers every request with what it was given, in the form asked for; without anything, as a dead model would."""

    said: dict[str, Any] | None
    asked: list[Request[Any]] = field(default_factory=list)

    async def ask(self, request: Request[A]) -> Answer[A]:
        self.asked.append(request)
        if self.said is None:
            return Answer(None, calls=(CALL,), said=("The plan of round 1 was done by rules: quota.",))
        return Answer(request.answer.model_validate(self.said), calls=(CALL,))

    async def size(self, request: Request[A]) -> Size:
        return Size(len(request.user) // 4, False, 100_000)


@dataclass
class Small(Told):
    """Takes requests up to a length only."""

    most: int = 0

    async def ask(self, request: Request[A]) -> Answer[A]:
        if len(request.user) <= self.most:
            return await super().ask(request)
        self.asked.append(request)
        return Answer(None, said=("too large",), too_large=True)


def situation(**changes: Any) -> Situation:
    given: dict[str, Any] = {
        "reading": Reading(window=DAY, entities=(ALICE,), topics=("signins",), broad=False),
        "tables": TABLES,
        "round": 1,
        "queries_left": 60,
        "max_window_days": 90.0,
        "question": "Any failed sign-ins for alice@contoso.com in the last day?",
    }
    return Situation(**{**given, **changes})


def hiding() -> Pseudonyms:
    return Pseudonyms("personal", b"key of the tests", TABLES)


def read(table: str = "SigninLogs", where: Any = (), columns: Any = ()) -> dict[str, Any]:
    return {"table": table, "where": list(where), "columns": list(columns)}


def query(**changes: Any) -> dict[str, Any]:
    given = {"purpose": "see", "refutes": 1, "read": read(), "start": None, "end": None, "shape": "rows",
             "limit": None, "kql": None}  # fmt: skip
    return {**given, **changes}


def answer(*queries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    hypotheses = [{"statement": "The password was guessed.", "benign": False}, {"statement": "A typo.", "benign": True}]
    return {"hypotheses": hypotheses, "queries": list(queries), "reason": "to see", "window": None, **changes}


def column_test(column: str, op: str, *values: Any) -> dict[str, Any]:
    return {"column": column, "op": op, "values": list(values)}


OFF = Pseudonyms.off()


async def plan(said: dict[str, Any] | None, asked: Situation | None = None, pseudonyms: Pseudonyms = OFF) -> Planned:
    planned = await ModelPlanner(Told(said), pseudonyms).plan(asked or situation())
    assert planned is not None
    return planned


def by_rules() -> list[TypedQuery | None]:
    queries = [one.typed for one in RulesPlanner().plan(situation()).queries]
    assert queries
    return list(queries)


def typed(planned: Planned) -> list[TypedQuery]:
    return [one.typed for one in planned.plan.queries if one.typed is not None]


def of_model(planned: Planned) -> PlannedQuery:
    """Return the one query that the rules would not ask."""
    (own,) = [one for one in planned.plan.queries if one.typed is None or one.typed not in by_rules()]
    return own


def record(one: PlannedQuery, status: str = "ok") -> QueryRecord:
    table = one.typed.table if one.typed is not None else ""
    return QueryRecord(id=one.id, round=1, purpose="p", table=table, key=asked_key(one), status=status)  # type: ignore[arg-type]
