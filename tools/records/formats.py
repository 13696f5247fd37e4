"""The formats of a report, each by the name that `report --format` takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from soc_analyst.state.report import Report

    from .reproducing import Ground

__all__ = ["Format", "rendered"]


class Format(StrEnum):
    """How a report may be written."""

    markdown = "markdown"
    json = "json"
    html = "html"
    stix = "stix"
    navigator = "navigator"
    csv = "csv"
    kql = "kql"
    notebook = "notebook"
    sentinel_rule = "sentinel-rule"

    @property
    def asks_again(self) -> bool:
        """Return whether it asks the workspace again, so that it must know what the case stood on."""
        return self in _GROUNDED


def rendered(report: Report, form: Format, *, tlp: str = "", ground: Ground | None = None) -> str:
    """Return a report in one of its formats, loading what that needs only then.

    `tlp` marks a STIX bundle; `ground` is what the case stood on, for the formats that ask again: the sample tenant and
    the policy that ships with the product, unless it is given.
    """
    if form in _RENDERERS:
        return _RENDERERS[form](report, tlp)
    from .reproducing import Ground

    return _GROUNDED[form](report, ground or Ground())


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


def _kql(report: Report, ground: Ground) -> str:
    from .kql_pack import as_kql

    return as_kql(report, ground)


def _notebook(report: Report, ground: Ground) -> str:
    from .notebook import as_notebook

    return as_notebook(report, ground)


def _sentinel_rule(report: Report, ground: Ground) -> str:
    from .sentinel_rules import as_sentinel_rules

    return as_sentinel_rules(report, ground)


_RENDERERS: Mapping[Format, Callable[[Report, str], str]] = {
    Format.markdown: _markdown,
    Format.json: _json,
    Format.html: _html,
    Format.stix: _stix,
    Format.navigator: _navigator,
    Format.csv: _csv,
}
_GROUNDED: Mapping[Format, Callable[[Report, Ground], str]] = {
    Format.kql: _kql,
    Format.notebook: _notebook,
    Format.sentinel_rule: _sentinel_rule,
}
