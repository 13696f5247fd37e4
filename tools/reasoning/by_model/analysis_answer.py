"""What an analyst model may answer: handles, claims and short texts, each bounded; no log line has a place in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.json_schema import SkipJsonSchema

from soc_analyst.state.findings import Confidence, Recommendation

__all__ = [
    "AnalysisAnswer",
    "ClaimForm",
    "FilterForm",
    "FindingForm",
    "Form",
    "Handle",
    "HypothesisForm",
    "IndicatorForm",
    "Story",
    "StoryAnswer",
    "analysis_form",
    "claim_form",
    "hidden",
    "narrowed",
    "short_analysis_form",
    "short_claim_form",
    "some",
]

Handle = Annotated[str, Field(max_length=12)]
"""`E3`, `G2` or `D1`: a row, a group of rows or a detection of the brief."""
Scalar = Annotated[str, Field(max_length=300)]
Test = Literal[
    "==", "!=", "=~", "!~", "in", "in~", "contains", "!contains", "startswith", "endswith", "<", "<=", ">", ">=",
    "isempty", "isnotempty",
]  # fmt: skip


F = TypeVar("F", bound=BaseModel)


class Form(BaseModel):
    """A part of an answer. Every field must be there; what does not apply is null."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FilterForm(Form):
    """One test of one column."""

    column: Annotated[str, Field(max_length=80)]
    op: Test
    values: Annotated[list[Scalar], Field(max_length=8)]


class ClaimForm(Form):
    """A statement that code evaluates on the stored rows."""  # What each kind says is told once, in the prompt.

    kind: Literal["exists", "count", "order", "same_entity", "absent", "value", "first", "last"]
    handles: Annotated[list[Handle], Field(max_length=12)]
    table: Annotated[str, Field(max_length=80)] | None
    where: Annotated[list[FilterForm], Field(max_length=4)]
    column: Annotated[str, Field(max_length=80)] | None
    value: Scalar | None
    count: Annotated[int, Field(ge=0, le=1_000_000_000)] | None


class IndicatorForm(Form):
    """A value to look for elsewhere: what a cited row holds in a column, or a literal that a cited row holds."""

    handle: Handle | None
    column: Annotated[str, Field(max_length=80)] | None
    value: Scalar | None


class FindingForm(Form):
    """A finding: what happened, by which technique, seen in which rows."""

    title: Annotated[str, Field(max_length=160)]
    description: Annotated[str, Field(max_length=1_500)]
    technique_id: Annotated[str, Field(max_length=12)] | None
    confidence: Confidence
    recommendations: Annotated[list[Recommendation], Field(max_length=4)]
    tags: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=8)]
    notes: Annotated[str, Field(max_length=600)]
    indicators: Annotated[list[IndicatorForm], Field(max_length=20)]
    evidence: Annotated[list[Handle], Field(max_length=24)]
    claims: Annotated[list[ClaimForm], Field(max_length=8)]


class HypothesisForm(Form):
    """An explanation: of an attack, or that what `about` names is ordinary work."""

    statement: Annotated[str, Field(max_length=400)]
    kind: Literal["attack", "benign"]
    status: Literal["supported", "refuted", "open"]
    about: Annotated[list[Handle], Field(max_length=12)]
    evidence: Annotated[list[Handle], Field(max_length=12)]
    claims: Annotated[list[ClaimForm], Field(max_length=4)]


class AnalysisAnswer(Form):
    """The reading of one brief."""

    findings: Annotated[list[FindingForm], Field(max_length=12)]
    hypotheses: Annotated[list[HypothesisForm], Field(max_length=6)]


class Story(Form):
    """Drafts that are one attack, told once."""

    drafts: Annotated[list[Handle], Field(max_length=12)]
    title: Annotated[str, Field(max_length=160)]
    description: Annotated[str, Field(max_length=1_500)]
    technique_id: Annotated[str, Field(max_length=12)] | None
    confidence: Confidence
    notes: Annotated[str, Field(max_length=600)]


class StoryAnswer(Form):
    """Which drafts of several readings belong together; a draft that none names stays as it is."""

    stories: Annotated[list[Story], Field(max_length=12)]


Columns = tuple[tuple[str, tuple[str, ...]], ...]
SHORT_COLUMNS = 12
"""Columns of a table, the most direct ones, that claims of a small model can be about."""


def analysis_form(columns: Mapping[str, Sequence[str]]) -> type[AnalysisAnswer]:
    """Return the form in which claims name these tables and columns only."""
    return _analysis_form(_frozen(columns))


def short_analysis_form(columns: Mapping[str, Sequence[str]]) -> type[AnalysisAnswer]:
    """Return the form for a small model: few findings in few words; what it leaves out is empty."""
    return _short_analysis_form(_frozen(columns))


def short_claim_form(columns: Mapping[str, Sequence[str]]) -> type[ClaimForm]:
    """Return the form of a claim about rows by their handles: an order, or a value that all hold."""
    return _short_claim_form(_frozen(columns))


def claim_form(columns: Mapping[str, Sequence[str]]) -> type[ClaimForm]:
    """Return the form of claims over these tables and columns only."""
    return _claim_form(_frozen(columns))


def _frozen(columns: Mapping[str, Sequence[str]]) -> Columns:
    return tuple((table, tuple(names)) for table, names in sorted(columns.items()))


@lru_cache(maxsize=32)
def _analysis_form(columns: Columns) -> type[AnalysisAnswer]:
    claim, column = _claim_form(columns), _choice("Column", columns)
    finding = narrowed(
        FindingForm,
        indicators=some(narrowed(IndicatorForm, column=(column | None, ...)), 20),
        claims=some(claim, 8),
    )
    hypothesis = narrowed(HypothesisForm, claims=some(claim, 4))
    return narrowed(AnalysisAnswer, findings=some(finding, 12), hypotheses=some(hypothesis, 6))


@lru_cache(maxsize=32)
def _claim_form(columns: Columns) -> type[ClaimForm]:
    column, table = _choice("Column", columns), _choice("Table", columns)
    where = some(narrowed(FilterForm, column=(column, ...)), 4)
    return narrowed(ClaimForm, table=(table | None, ...), where=where, column=(column | None, ...))


@lru_cache(maxsize=32)
def _short_analysis_form(columns: Columns) -> type[AnalysisAnswer]:
    finding = narrowed(
        FindingForm,
        title=(Annotated[str, Field(max_length=100)], ...),
        description=(Annotated[str, Field(max_length=240)], ...),
        recommendations=hidden(list[Recommendation], Field(default_factory=list)),
        tags=hidden(list[str], Field(default_factory=list)),
        notes=hidden(str, ""),
        indicators=hidden(list[IndicatorForm], Field(default_factory=list)),
        evidence=some(Handle, 6),
        claims=some(_short_claim_form(columns), 1),
    )
    hypotheses = hidden(list[HypothesisForm], Field(default_factory=list))
    return narrowed(AnalysisAnswer, findings=some(finding, 2), hypotheses=hypotheses)


@lru_cache(maxsize=32)
def _short_claim_form(columns: Columns) -> type[ClaimForm]:
    few = tuple((table, names[:SHORT_COLUMNS]) for table, names in columns)
    return narrowed(
        ClaimForm,
        kind=(Literal["order", "same_entity"], ...),
        handles=some(Handle, 4),
        table=hidden(str | None, None),
        where=hidden(list[FilterForm], Field(default_factory=list)),
        column=(_choice("Column", few) | None, ...),
        value=(Annotated[str, Field(max_length=100)] | None, ...),
        count=hidden(int | None, None),
    )


def hidden(kind: Any, value: Any) -> tuple[Any, Any]:
    """Return a field that the schema does not show, with its value."""
    return Annotated[kind, SkipJsonSchema()], value  # type: ignore[type-arg]


def narrowed(base: type[F], **fields: Any) -> type[F]:
    """Return a form of the same name, some fields of which take fewer values."""
    return create_model(base.__name__, __base__=base, __doc__=base.__doc__, **fields)


def some(form: Any, most: int) -> tuple[Any, Any]:
    """Return a field that lists at most so many forms."""
    return list[form], Field(max_length=most)


def _choice(name: Literal["Column", "Table"], columns: Columns) -> Any:
    """Return the names as one type, so that a schema lists them once."""
    names = [table for table, _ in columns] if name == "Table" else sorted({one for _, own in columns for one in own})
    return _enum(name, tuple(names or ["none"]))


@lru_cache(maxsize=64)
def _enum(name: str, names: tuple[str, ...]) -> Any:
    return StrEnum(name, {one: one for one in names})
