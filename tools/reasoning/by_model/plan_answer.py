"""The form of a plan: what a model may ask, written out of the tables that policy allows.

The schema that a model sees enumerates tables, columns and operators, and nothing that policy hides. What comes back is
read with less rigour: a wrong name costs the query it stands in and not the whole plan, since code checks every name.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Union, get_args

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, TypeAdapter, create_model
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from typing_extensions import TypeAliasType

from soc_analyst.state.queries import Operator, Shape
from soc_analyst.state.tables import TableSchema

__all__ = [
    "OPERATORS",
    "SHAPES",
    "HypothesisAnswer",
    "PlanAnswer",
    "QueryAnswer",
    "ReadAnswer",
    "Test",
    "form_over",
    "plan_form",
]

OPERATORS: tuple[str, ...] = get_args(Operator)
SHAPES: tuple[str, ...] = get_args(Shape)
MAX_QUERIES = 12
MAX_GROUPS = 8
MAX_TESTS = 12
MAX_VALUES = 50
MAX_COLUMNS = 80

Name = Annotated[str, Field(max_length=80)]
Value = Annotated[str, Field(max_length=400)] | int | float | bool


Tables = tuple[tuple[str, tuple[str, ...]], ...]
"""Names of tables, each with those of its columns."""

FUNCTION = "plan_queries"
"""What the form is called where it is the parameters of a function."""


def _plain(schema: dict[str, Any]) -> None:
    """Leave out what tells a model nothing: titles that repeat the names."""
    for part in schema.get("properties", {}).values():
        part.pop("title", None)
    if schema.get("title") != FUNCTION:
        schema.pop("title", None)
        schema.pop("description", None)


class _SchemaOf:
    """Show the schema of one type and validate by another."""

    def __init__(self, shown: CoreSchema) -> None:
        self.shown = shown

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(self.shown)


class Part(BaseModel):
    """A part of an answer: nothing in it that was not asked for."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_plain)


_SHOWN_VALUES = Annotated[list[Annotated[str, Field(max_length=400)]], Field(max_length=MAX_VALUES)]
"""Asked for as text, whatever the column's type: code reads numbers, truth and times out of it."""


class Test(Part):
    """One test of one column."""

    __test__ = False

    column: Name
    op: Name
    values: Annotated[list[Value], Field(max_length=MAX_VALUES), _SchemaOf(TypeAdapter(_SHOWN_VALUES).core_schema)]


class ReadAnswer(Part):
    """What to read of one table."""

    table: Name
    where: Annotated[
        list[Annotated[list[Test], Field(max_length=MAX_TESTS)]],
        Field(max_length=MAX_GROUPS, description="All of these hold; of each inner list at least one test does."),
    ]
    columns: Annotated[list[Name], Field(max_length=MAX_COLUMNS, description="Empty for all.")]


class QueryAnswer(Part):
    """One query: `read` or `kql`, and the other null."""

    purpose: Annotated[str, Field(max_length=240, description="What it would show.")]
    refutes: Annotated[int | None, Field(description="The hypothesis that its result could refute, from 1.")]
    read: ReadAnswer | None
    start: Annotated[Annotated[str, Field(max_length=40)] | None, Field(description="ISO, UTC; null: the window's.")]
    end: Annotated[str, Field(max_length=40)] | None
    shape: Annotated[Name, Field(json_schema_extra={"enum": list(SHAPES)})]
    limit: int | None
    kql: Annotated[Annotated[str, Field(max_length=4_000)] | None, Field(description="Joins and aggregation only.")]


class HypothesisAnswer(Part):
    """One explanation of what may have happened."""

    statement: Annotated[str, Field(max_length=240)]
    benign: bool


class WindowAnswer(Part):
    """A stretch of time that the question names."""

    phrase: Annotated[str, Field(max_length=120, description="Copied from the question.")]
    start: Annotated[str, Field(max_length=40)]
    end: Annotated[str, Field(max_length=40)]


class PlanAnswer(Part):
    """The queries of this round, and the hypotheses they put to the test."""

    hypotheses: Annotated[list[HypothesisAnswer], Field(max_length=6)]
    queries: Annotated[list[QueryAnswer], Field(max_length=MAX_QUERIES)]
    reason: Annotated[str, Field(max_length=600, description="Why these queries, or why none is left to ask.")]
    window: WindowAnswer | None


def plan_form(tables: Mapping[str, TableSchema]) -> type[PlanAnswer]:
    """Return the form of a plan over these tables. The same tables give the same form."""
    return _form(tuple((name, tuple(schema.columns)) for name, schema in sorted(tables.items()) if schema.columns))


@lru_cache(maxsize=16)
def _form(tables: Tables) -> type[PlanAnswer]:
    return form_over(tables)


def form_over(
    tables: Tables,
    *,
    plan: type[PlanAnswer] = PlanAnswer,
    query: type[QueryAnswer] = QueryAnswer,
    read: type[ReadAnswer] = ReadAnswer,
    test: type[Test] = Test,
    queries: int = MAX_QUERIES,
    groups: int = MAX_GROUPS,
    tests: int = MAX_TESTS,
    kql: bool = True,
) -> type[PlanAnswer]:
    """Return a form whose schema enumerates tables and columns, made of these parts and with these longest lists.

    Without `kql` every query reads a table.
    """
    variants: list[Any] = [_variant(table, columns, read, test, groups, tests) for table, columns in tables]
    shown: Any = Union[(*variants, *([None] if kql else []))]
    chosen: Any = Annotated[read | None, _SchemaOf(TypeAdapter(shown).core_schema)]
    made = create_model("Query", __base__=query, __doc__=QueryAnswer.__doc__, read=(chosen, ...))
    listed: Any = Annotated[list[made], Field(max_length=queries)]
    return create_model(FUNCTION, __base__=plan, __doc__=PlanAnswer.__doc__, queries=(listed, ...))


def _variant(
    table: str, columns: tuple[str, ...], read: type[ReadAnswer], test: type[Test], groups: int, tests: int
) -> type[ReadAnswer]:
    column = _one_of(f"{table}Column", columns)
    returned: Any = list[column]  # type: ignore[valid-type]
    only: Any = Annotated[str, Field(json_schema_extra={"enum": [table]})]
    own = create_model(f"{table}Test", __base__=test, column=(column, ...), op=(_OPERATOR, ...))
    any_of: Any = list[Annotated[list[own], Field(max_length=tests)]]
    fields: dict[str, Any] = {
        "table": (only, ...),
        "where": (Annotated[any_of, Field(max_length=groups)], ...),
    }
    if read is ReadAnswer:
        fields["columns"] = (Annotated[returned, Field(max_length=MAX_COLUMNS)], ...)
    return create_model(f"{table}Read", __base__=read, **fields)


def _one_of(name: str, allowed: tuple[str, ...]) -> Any:
    """Return a named type, so that a schema holds the list of names once however often it is used."""
    one: Any = TypeAliasType(name, Annotated[str, Field(json_schema_extra={"enum": list(allowed)})])
    return one


_OPERATOR = _one_of("Operator", OPERATORS)
