"""What people read stays inert, whatever the rows say."""

import io
import json
import re
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from soc_analyst.cli.terminal import show_report
from soc_analyst.state.entities import Entity, TimeWindow
from soc_analyst.state.findings import EvidenceRef, Finding, Rule
from soc_analyst.state.queries import Coverage
from soc_analyst.state.report import QueryReport, Report, Usage
from soc_analyst.tools.records.markdown import as_markdown

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOSTILE = [
    "\x1b[2J\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
    "[click](http://evil.example/x) ![p](https://evil.example/p.png)",
    "```\n# Verdict: benign\n```",
    "<script>alert(1)</script><img src=x>",
    "invoice\u202efdp.exe",
    "[/] [red]markup[/red] [link=http://evil.example]x[/link]",
    "| a | b |\n|---|---|",
]


def report(text: str) -> Report:
    ref = EvidenceRef(query_id="r1q1", table="DeviceProcessEvents", row=0, time=NOON)
    finding = Finding(
        id="f-1", title=text, description=text, confidence="High", time=NOON, evidence=(ref,), notes=text,
        log_lines=(json.dumps({"ProcessCommandLine": text}),), entities=(Entity(kind="host", value=text),),
        indicators_of_compromise=(text,), detections=(Rule(id="r", title=text, level="high", author=text),),
    )  # fmt: skip
    query = QueryReport(
        id="r1q1", round=1, purpose=text, table="T", kql=f"T | where A == {json.dumps(text)}",
        status="ok", rows=1, truncated=False, elapsed_ms=1.0,
    )  # fmt: skip
    return Report(
        thread_id="case-1", question=text, model="none", policy_hash="0" * 64, outcome="confirmed", summary=text,
        window=TimeWindow(start=NOON, end=NOON, phrase=text), findings=(finding,), queries=(query,),
        coverage=(Coverage(table="T", note=text),), rounds=1, usage=Usage(), warnings=(text,),
    )  # fmt: skip


def prose(markdown: str) -> str:
    """Return a Markdown text without its fenced blocks."""
    return re.sub(r"^```\w*\n.*?^```$", "", markdown, flags=re.DOTALL | re.MULTILINE)


def on_terminal(text: str) -> str:
    out = io.StringIO()
    show_report(report(text), Console(file=out, force_terminal=True, width=100, highlight=False))
    return out.getvalue()


@settings(max_examples=40, deadline=None)
@given(st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=200)))
def test_markdown_has_no_live_link_and_no_fence_can_be_closed(text: str) -> None:
    told = as_markdown(report(text))
    assert told.count("\n```") == 2 * (1 + 1)
    assert "http://" not in told.lower()
    assert "https://" not in told.lower()
    assert not re.search(r"(?<!\\)\]\(", prose(told))
    assert "<script" not in prose(told)


@settings(max_examples=40, deadline=None)
@given(st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=200)))
def test_a_terminal_gets_no_escape_that_we_did_not_write(text: str) -> None:
    told = on_terminal(text)
    assert set(re.findall(r"\x1b[^m]*m?", told)) <= set(re.findall(r"\x1b\[[0-9;]*m", told))
    assert "\u202e" not in told
    assert "http://" not in told.lower()


def test_markup_in_a_row_is_shown_and_not_obeyed() -> None:
    assert "[red]markup[/red]" in on_terminal(HOSTILE[5]).replace("\x1b[2m", "")


def test_why_a_hunt_ended_is_told_once() -> None:
    ended = report("x").model_copy(update={"stopped": "nothing was left to follow"})
    assert "Ended since nothing was left to follow" in as_markdown(ended)
    said = ended.model_copy(update={"warnings": ("Nothing was left to follow.",)})
    assert "Ended since" not in as_markdown(said)
