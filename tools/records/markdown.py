"""The report as Markdown, for a ticket."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined, select_autoescape

from soc_analyst.state.costs import in_words
from soc_analyst.state.report import QueryReport, Report

from .safe_text import inert, inert_markdown

__all__ = ["as_markdown"]


def as_markdown(report: Report) -> str:
    """Return the report as Markdown; text from logs stays inert: escaped, defanged, no live link."""
    return _environment().get_template("report.md.j2").render(report=report)


@cache
def _environment() -> Environment:
    environment = Environment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=select_autoescape(default=False),
    )
    templates = files("soc_analyst.tools.records") / "templates"
    environment.loader = DictLoader({"report.md.j2": (templates / "report.md.j2").read_text(encoding="utf-8")})
    environment.filters["inert"] = inert_markdown
    environment.filters["code"] = _code
    environment.filters["cost"] = _cost
    return environment


def _code(text: str) -> str:
    """Return text for a fenced block: no run of backticks in it can close the fence."""
    return inert(text).replace("```", "'''")


def _cost(query: QueryReport) -> str:
    """Return what a query was expected to read and what it did, where the service says so."""
    if query.scanned is None:
        return ""
    cpu = f" in {query.scanned.cpu_ms:,.0f} ms of CPU" if query.scanned.cpu_ms is not None else ""
    expected, read = in_words(query.estimate), in_words(query.scanned)
    told = (f"expected to read {expected}" if expected else "", f"read {read}{cpu}" if read else "")
    return "".join(f" · {part}" for part in told if part)
