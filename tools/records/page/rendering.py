"""Fill the page's templates: nothing that a row says becomes markup, a link, or a character that cannot be seen."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup, escape

from soc_analyst.state.costs import in_words
from soc_analyst.state.report import Report
from soc_analyst.tools.amounts import counted
from soc_analyst.tools.records.safe_text import inert

from .graph import COLUMNS
from .view import page_of
from .wording import clipped, millis, moment

__all__ = ["as_html", "environment"]

PACKAGE = files("soc_analyst.tools.records.page")


def as_html(report: Report) -> str:
    """Return the report as one HTML page that loads nothing and runs nothing but its own sorting and copying."""
    return environment().get_template("page.html.j2").render(page=page_of(report), columns=COLUMNS)


@cache
def environment() -> Environment:
    """Return where the templates of pages live, with what they may use."""
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=True, finalize=_finalized
    )
    names = [file.name for file in (PACKAGE / "templates").iterdir() if file.name.endswith(".j2")]
    environment.loader = DictLoader({name: _text(f"templates/{name}") for name in sorted(names)})
    style, script = _text("page.css"), _text("page.js")
    environment.globals.update(
        style=Markup(style), script=Markup(script), style_hash=_hash(style), script_hash=_hash(script)
    )
    environment.filters.update(
        cost=in_words, counted=counted, clipped=clipped, millis=millis, moment=moment, exact=_exact
    )
    return environment


def _finalized(value: object) -> object:
    """Make every text that a template prints inert, so that no template can forget it; autoescape then escapes it."""
    return inert(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _exact(text: str) -> Markup:
    """Return a text unchanged for an attribute that only the copy button reads; half characters cannot be written."""
    return escape(text.encode(errors="replace").decode())


def _text(name: str) -> str:
    return (PACKAGE / name).read_text("utf-8")


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
