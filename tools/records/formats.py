"""The formats of a report, each by the name that `report --format` takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from soc_analyst.state.report import Report

__all__ = ["Format", "rendered"]


class Format(StrEnum):
    """How a report may be written."""

    markdown = "markdown"
    json = "json"
    html = "html"
    stix = "stix"
    navigator = "navigator"
    csv = "csv"


def rendered(report: Report, form: Format, *, tlp: str = "") -> str:
    """Return a report in one of its formats, loading what that needs only then; `tlp` marks a STIX bundle."""
    return _RENDERERS[form](report, tlp)


def _markdown(report: Report, _tlp: str) -> str:
    from .markdown import as_markdown

    return as_markdown(report)


def _json(report: Report, _tlp: str) -> str:
    return report.model_dump_json(indent=2) + "\n"


def _html(report: Report, _tlp: str) -> str:
    from .page import as_html

    return as_html(report)


def _stix(report: Report, tlp: str) -> str:
    from .stix import as_stix

    return as_stix(report, tlp=tlp)


def _navigator(report: Report, _tlp: str) -> str:
    from .navigator import as_navigator

    return as_navigator(report)


def _csv(report: Report, _tlp: str) -> str:
    from .indicators_csv import as_csv

    return as_csv(report)


_RENDERERS: Mapping[Format, Callable[[Report, str], str]] = {
    Format.markdown: _markdown,
    Format.json: _json,
    Format.html: _html,
    Format.stix: _stix,
    Format.navigator: _navigator,
    Format.csv: _csv,
}
