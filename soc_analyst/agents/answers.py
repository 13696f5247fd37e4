"""Answers of the MCP server as values, in which every text that came from logs is fenced: models read them too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from .telling import safe, shown_rows

if TYPE_CHECKING:
    from soc_analyst.graph.looking.own_kql import Queried
    from soc_analyst.state.findings import Finding
    from soc_analyst.state.report import Report
    from soc_analyst.state.tables import TableSchema
    from soc_analyst.tools.records.logged import LoggedFinding

__all__ = ["ColumnsAnswer", "FindingAnswer", "FindingsAnswer", "InvestigationAnswer", "RowsAnswer", "TablesAnswer"]

MOST_FINDINGS = 50
Cell = str | int | float | bool | None


class FindingAnswer(BaseModel):
    """A finding, without its rows."""

    id: str
    time: str
    title: str
    confidence: str
    technique: str
    description: str
    indicators: list[str]
    recommendations: list[str]
    rows: int = Field(description="Rows that prove it.")
    thread: str = ""

    @classmethod
    def of(cls, finding: Finding) -> FindingAnswer:
        """Return a finding as a model may read it."""
        return cls(
            id=finding.id,
            time=finding.time.isoformat(),
            title=safe(finding.title, 200),
            confidence=finding.confidence,
            technique=finding.mitre.id,
            description=safe(finding.description, 600),
            indicators=[safe(one, 200) for one in finding.indicators_of_compromise[:20]],
            recommendations=list(finding.recommendations),
            rows=len(finding.evidence),
        )


class InvestigationAnswer(BaseModel):
    """What an investigation came to."""

    thread: str = Field(description="Give it to follow up; `soc-analyst report THREAD` shows the whole report.")
    outcome: str = Field(description="confirmed, suspected, benign, not_found; could_not_look is no all-clear.")
    summary: str
    start: str
    end: str
    findings: list[FindingAnswer]
    more_findings: int
    queries: int
    rounds: int
    usd: float
    budget_reached: str = Field(description="The budget that ended it early, empty if none did.")
    warnings: list[str]

    @classmethod
    def of(cls, report: Report) -> InvestigationAnswer:
        """Return a report as a model may read it."""
        return cls(
            thread=report.thread_id,
            outcome=report.outcome,
            summary=safe(report.summary, 2_000),
            start=report.window.start.isoformat(),
            end=report.window.end.isoformat(),
            findings=[FindingAnswer.of(one) for one in report.findings[:MOST_FINDINGS]],
            more_findings=max(0, len(report.findings) - MOST_FINDINGS),
            queries=len(report.queries),
            rounds=report.rounds,
            usd=report.usage.usd,
            budget_reached=report.budget_reached,
            warnings=[safe(one, 400) for one in report.warnings],
        )


class RowsAnswer(BaseModel):
    """Rows of a query, as many as may be shown."""

    rows: list[dict[str, Cell]]
    total: int = Field(description="Rows that the query returned.")
    cut: bool = Field(description="Whether policy's cap on rows cut them.")
    start: str
    end: str

    @classmethod
    def of(cls, came: Queried, most: int) -> RowsAnswer:
        """Return the first rows as a model may read them."""
        assert came.result is not None
        return cls(
            rows=shown_rows(came.result.rows.slice(0, most).to_pylist()),
            total=came.result.rows.num_rows,
            cut=came.cut_at is not None,
            start=came.window.start.isoformat(),
            end=came.window.end.isoformat(),
        )


class TableAnswer(BaseModel):
    """A table."""

    name: str
    description: str
    columns: int


class TablesAnswer(BaseModel):
    """The tables that can be asked."""

    tables: list[TableAnswer]
    notes: list[str]

    @classmethod
    def of(cls, tables: Iterable[TableSchema], notes: Iterable[str]) -> TablesAnswer:
        """Return the tables and what is to be known of the workspace."""
        told = [TableAnswer(name=t.name, description=t.description, columns=len(t.columns)) for t in tables]
        return cls(tables=told, notes=[safe(one, 400) for one in notes])


class ColumnAnswer(BaseModel):
    """A column."""

    name: str
    type: str
    description: str
    personal: bool


class ColumnsAnswer(BaseModel):
    """A table with its columns."""

    table: str
    description: str
    columns: list[ColumnAnswer]

    @classmethod
    def of(cls, table: TableSchema) -> ColumnsAnswer:
        """Return the columns in the catalogue's order."""
        columns = [
            ColumnAnswer(name=name, type=one.type, description=one.description, personal=one.personal)
            for name, one in table.columns.items()
        ]
        return cls(table=table.name, description=table.description, columns=columns)


class FindingsAnswer(BaseModel):
    """Logged findings, the newest first."""

    findings: list[FindingAnswer]
    more: int

    @classmethod
    def of(cls, findings: Iterable[LoggedFinding], most: int) -> FindingsAnswer:
        """Return the newest of the log."""
        kept = sorted(findings, key=lambda one: one.logged_at, reverse=True)
        told = [FindingAnswer.of(one).model_copy(update={"thread": safe(one.thread_id, 128)}) for one in kept[:most]]
        return cls(findings=told, more=max(0, len(kept) - most))
