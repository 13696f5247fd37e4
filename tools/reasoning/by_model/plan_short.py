"""A plan that fits a small model: fewer tables and columns, a shorter prompt, and a form that takes few words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field, create_model

from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.reasoning.base import Situation
from soc_analyst.tools.reasoning.by_rules.matching import conditions_for
from soc_analyst.tools.reasoning.by_rules.questions import tables_for

from .analysis_answer import hidden
from .plan_answer import HypothesisAnswer, PlanAnswer, QueryAnswer, ReadAnswer, Test, form_over

__all__ = ["DETAILS", "Detail", "details_below", "short_plan_form"]

EVERY = 10_000


@dataclass(frozen=True)
class Detail:
    """How much of the catalogue a plan is asked over."""

    tables: int = EVERY
    columns: int = EVERY
    """Of each table, the most direct ones."""
    short: bool = False
    """Whether prompt and form are the short ones: no KQL, no times, no columns to choose."""


DETAILS = (Detail(), Detail(3), Detail(3, 24, short=True), Detail(2, 14, short=True), Detail(1, 8, short=True))
"""From all to the least that a plan can be made over."""


def details_below(situation: Situation) -> Iterator[tuple[Detail, Situation, str]]:
    """Yield what can be asked where all is too much, from more to less, each with what to say of it."""
    reading, tables = situation.reading, situation.tables
    telling = sorted(tables_for(reading, tables), key=lambda name: not set(reading.topics) & set(tables[name].topics))
    for detail in DETAILS[1:]:
        kept = telling[: detail.tables]
        if len(kept) == len(tables) and not detail.short:
            continue
        fewer = {name: _cut(tables[name], detail.columns, situation) for name in kept}
        yield detail, replace(situation, tables=fewer), _told(situation, fewer, detail)


def _cut(schema: TableSchema, most: int, situation: Situation) -> TableSchema:
    """Keep the first columns, the most direct ones, and those that tell whom the question is about."""
    asked = [test for entity in situation.reading.entities if (test := conditions_for(entity, schema)) is not None]
    needed = {condition.column for any_of in asked for condition in any_of.conditions}
    first = list(schema.columns)[:most]
    columns = {name: column for name, column in schema.columns.items() if name in first or name in needed}
    return schema.model_copy(update={"columns": columns})


def _told(situation: Situation, tables: Mapping[str, TableSchema], detail: Detail) -> str:
    cut = {name: len(situation.tables[name].columns) for name in tables}
    shown = [
        name if len(schema.columns) == cut[name] else f"{name} ({len(schema.columns)} of its {cut[name]} columns)"
        for name, schema in tables.items()
    ]
    short = ", in few words, without KQL and without what was found so far" if detail.short else ""
    why = "all tables fit no model" if len(tables) < len(situation.tables) else "more fits no model"
    return f"The model planned round {situation.round} over {', '.join(shown)} alone{short}: {why}."


def short_plan_form(tables: Mapping[str, TableSchema]) -> type[PlanAnswer]:
    """Return the form of a plan of few words over these tables; what it leaves out has its usual value."""
    return _form(tuple((name, tuple(schema.columns)) for name, schema in sorted(tables.items()) if schema.columns))


def _text(most: int) -> Any:
    return (Annotated[str, Field(max_length=most)], ...)


@lru_cache(maxsize=16)
def _form(tables: tuple[tuple[str, tuple[str, ...]], ...]) -> type[PlanAnswer]:
    value: Any = Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=3)]
    test = create_model("ShortTest", __base__=Test, values=(value, ...))
    read = create_model("ShortRead", __base__=ReadAnswer, columns=hidden(list[str], Field(default_factory=list)))
    query = create_model(
        "ShortQuery",
        __base__=QueryAnswer,
        purpose=_text(80),
        refutes=hidden(int | None, None),
        start=hidden(str | None, None),
        end=hidden(str | None, None),
        shape=hidden(str, "rows"),
        limit=hidden(int | None, None),
        kql=hidden(str | None, None),
    )
    hypothesis = create_model("ShortHypothesis", __base__=HypothesisAnswer, statement=_text(120))
    hypotheses: Any = Annotated[list[hypothesis], Field(max_length=2)]
    plan = create_model(
        "ShortPlan", __base__=PlanAnswer, hypotheses=(hypotheses, ...), reason=_text(120), window=hidden(None, None)
    )
    return form_over(tables, plan=plan, query=query, read=read, test=test, queries=2, groups=2, tests=2, kql=False)
