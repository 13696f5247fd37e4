"""The pages: server-rendered, every text inert and escaped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from soc_analyst.graph.approval.approving import HASH, HumanInterrupt
from soc_analyst.state.errors import EvidenceError
from soc_analyst.state.report import Report
from soc_analyst.tools.records.cases import CaseHeader, current_report
from soc_analyst.tools.records.folder import DataDir
from soc_analyst.tools.records.formats import Format
from soc_analyst.tools.records.safe_text import inert

from .runs import Run, Runs

__all__ = ["CaseView", "Plan", "Row", "asset", "case_view", "listed", "page"]

PACKAGE = files("soc_analyst.web")
ASSETS: Mapping[str, str] = {"web.css": "text/css", "web.js": "text/javascript"}
WORDS = {
    "confirmed": "Confirmed",
    "suspected": "Suspected",
    "benign": "Explained",
    "not_found": "Nothing found",
    "could_not_look": "Could not look",
    "interrupted": "Can go on",
    "running": "At work",
    "waiting": "Waits for you",
    "failed": "Failed",
    "unreadable": "Unreadable",
}
DOWNLOADS = {
    Format.markdown: ("Markdown", "md"),
    Format.json: ("JSON", "json"),
    Format.stix: ("STIX", "stix.json"),
    Format.navigator: ("Navigator", "layer.json"),
    Format.csv: ("CSV", "csv"),
    Format.kql: ("KQL", "kql"),
    Format.notebook: ("Notebook", "ipynb"),
    Format.sentinel_rule: ("Sentinel rules", "yaml"),
}


@dataclass(frozen=True)
class Row:
    """One investigation of the list."""

    thread: str
    started: str
    question: str
    stage: str

    @property
    def word(self) -> str:
        """Its outcome or stage in a word."""
        return WORDS[self.stage]


@dataclass(frozen=True)
class Plan:
    """What waits for a person: the text of each query by its id, and the hash that a yes is bound to."""

    digest: str
    description: Markup
    queries: Mapping[str, str]


@dataclass(frozen=True)
class CaseView:
    """What the page of a case shows."""

    thread: str
    question: str
    stage: str
    run: Run | None
    report: Report | None
    plan: Plan | None = None

    @property
    def word(self) -> str:
        """Its outcome or stage in a word."""
        return WORDS[self.stage]

    @property
    def running(self) -> bool:
        """Whether it is at work now."""
        return self.stage == "running"

    @property
    def can_go_on(self) -> bool:
        """Whether it was left or stopped before its end."""
        stopped = self.report is not None and self.report.was_stopped
        return self.stage in ("interrupted", "failed") or stopped


def listed(data: DataDir, runs: Runs) -> list[Row]:
    """Return all investigations, the latest first. Blocks."""
    rows = []
    for folder in data.all_cases():
        try:
            header, report = folder.header(), folder.report()
        except EvidenceError:
            rows.append(Row(folder.path.name, "", "", "unreadable"))
            continue
        if header is not None:
            stage = _stage(header, report, runs.get(header.thread_id))
            rows.append(Row(header.thread_id, f"{header.started:%Y-%m-%d %H:%M}", header.question, stage))
    return rows


def case_view(thread: str, data: DataDir, runs: Runs) -> CaseView | None:
    """Return what is known of a case, None where there is none. Blocks."""
    run, folder = runs.get(thread), data.folder(thread)
    header, report = folder.header(), folder.report()
    if header is None:
        return CaseView(thread, run.question, run.stage, run, None) if run is not None else None
    current = current_report(header, report)
    plan = _plan(run.plan) if run is not None and run.stage == "waiting" and run.plan is not None else None
    question = run.question if run is not None and run.stage == "running" else header.question
    return CaseView(thread, question, _stage(header, report, run), run, current, plan)


def _stage(header: CaseHeader, report: Report | None, run: Run | None) -> str:
    if run is not None and run.stage != "finished":
        return run.stage
    current = current_report(header, report)
    return current.outcome if current is not None else "interrupted"


def _plan(waiting: HumanInterrupt) -> Plan:
    queries = dict(waiting["action_request"]["args"])
    digest = queries.pop(HASH)
    return Plan(digest, Markup(_markdown().render(waiting["description"])), queries)


@cache
def _markdown() -> MarkdownIt:
    """Return what renders a plan's own Markdown: lists and emphasis, no link, no picture, no markup of anybody's."""
    return MarkdownIt("commonmark", {"html": False}).disable(["link", "image", "autolink", "reference"])


def page(name: str, **values: object) -> str:
    """Return a page from its template."""
    return _environment().get_template(f"{name}.html.j2").render(**values)


def asset(name: str) -> tuple[str, str] | None:
    """Return the text and the content type of a file that pages load, None where there is none."""
    return ((PACKAGE / name).read_text("utf-8"), ASSETS[name]) if name in ASSETS else None


@cache
def _environment() -> Environment:
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=True, finalize=_finalized
    )
    templates = [file for file in (PACKAGE / "templates").iterdir() if file.name.endswith(".j2")]
    environment.loader = DictLoader({file.name: file.read_text("utf-8") for file in templates})
    environment.globals.update(downloads=[(form.value, *told) for form, told in DOWNLOADS.items()])
    environment.filters["exact"] = _exact
    return environment


def _finalized(value: object) -> object:
    """Make every text that a template prints inert, so that no template can forget it; autoescape then escapes it."""
    return inert(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _exact(text: str) -> Markup:
    """Return a text unchanged but escaped, for a field in which a person edits it."""
    return Markup.escape(text)
