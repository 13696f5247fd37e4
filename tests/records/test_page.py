"""The report as a page: whole, in order, alone in its file, and deaf to what rows say."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_analyst import Context, Report, hunt
from soc_analyst.cli.app import run
from soc_analyst.state.entities import Entity, TimeWindow
from soc_analyst.state.findings import Claim, EvidenceRef, Finding, Hypothesis, Mitre, Rule, TimelineEvent
from soc_analyst.state.incidents import Edge, Incident
from soc_analyst.state.queries import Condition, Coverage, Diagnostic
from soc_analyst.state.report import ModelUsage, QueryReport, Usage
from soc_analyst.tools.detections import load_rules
from soc_analyst.tools.detections.techniques import techniques_by_table
from soc_analyst.tools.records.page import as_html
from soc_analyst.tools.records.page.graph import EDGES, NODES, graph_of
from soc_analyst.tools.records.page.matrix import matrix_of
from soc_analyst.tools.records.page.story import LANES, story_of
from soc_analyst.tools.records.safe_text import inert
from tests.graph.workspace import small

from .page_reading import Reading
from .test_reports import HOSTILE

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
PARTS = [
    "story",
    "entities",
    "attack",
    "findings",
    "hypotheses",
    "queries",
    "coverage",
    "cost",
    "warnings",
    "reproduce",
]
HOSTILE_HERE = [
    *HOSTILE,
    "</style><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7*7 }} {% raw %} <!-- -->",
    "javascript:alert(1) data:text/html,<b>x</b>",
    "]]></title></svg><base href=//evil.example/>",
    "HTTPS://Evil.example/%2e\u2028\x00\x07\ufeff\ud7ff",
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one finished case."""
    folder = tmp_path_factory.mktemp("page")
    context = Context(workspace=str(small(folder / "logs")), data_dir=folder / "home")
    hunt("Anything suspicious on host ws-1 in the last day?", context=context, thread_id="case-1")
    return folder / "home"


@pytest.fixture(scope="module")
def page(home: Path) -> Reading:
    out = home / "page.html"
    assert run(["report", "case-1", "--format", "html", "--out", str(out), "--data-dir", str(home)]) == 0
    return Reading(out.read_text())


def report_of(text: str, *, findings: int = 1, rows: int = 1) -> Report:
    """A report that says a text wherever a report can say one, with as many findings and rows as wanted."""
    every = tuple(_finding(text, number, rows) for number in range(findings))
    query = QueryReport(
        id=text, round=1, purpose=text, table=text, kql=text, status="failed", rows=1, truncated=True, elapsed_ms=1.0,
        diagnostics=(Diagnostic(code=text, message=text, hint=text),),
    )  # fmt: skip
    return Report(
        thread_id=text, question=text, model=text, policy_hash=text, outcome="confirmed", summary=text, rounds=1,
        window=TimeWindow(start=NOON - timedelta(days=1), end=NOON, phrase=text), entities=(_host(text),),
        findings=every, hypotheses=(Hypothesis(statement=text, evidence=every[0].evidence[:1]),),
        timeline=(TimelineEvent(time=NOON, event=text, evidence=EvidenceRef(query_id="q", table=text, row=-1)),),
        queries=(query,), coverage=(Coverage(table=text, note=text, rows_in_window=0),), warnings=(text,),
        usage=Usage(model=text, by_node={text: ModelUsage(model_calls=1)}, prompts=(text,)),
        attack_version=text, budget_reached=text, claims=every[0].claims, incidents=(_incident(text),),
        stopped=f"why {text}",
    )  # fmt: skip


def _incident(text: str) -> Incident:
    """An incident of all kinds of joins: between columns, against their order, and within one."""
    host, account, url = _host(text), Entity(kind="account", value=text), Entity(kind="url", value=text)
    pairs = ((account, host), (url, host), (host, host))
    edges = tuple(Edge(source=a, target=b, label=text, findings=(text,)) for a, b in pairs)
    return Incident(
        id=text, title=text, confidence="High", start=NOON, end=NOON, tactics=(text,), findings=(text,),
        entities=(host,), edges=edges,
    )  # fmt: skip


def _host(text: str) -> Entity:
    return Entity(kind="host", value=text)


def _finding(text: str, number: int, rows: int) -> Finding:
    refs = tuple(
        EvidenceRef(query_id=text, table=text, row=rows * number + row, time=NOON - timedelta(minutes=row))
        for row in range(rows)
    )
    claim = Claim(
        kind="count", statement=text, detail=text, table=text, where=(Condition(column="A", op="==", values=(text,)),)
    )
    rule = Rule(id=text, title=text, level="high", author=text, license=text, references=(text,))
    return Finding(
        id=text, title=text, description=text, confidence="High", time=NOON, evidence=refs, notes=text, tags=(text,),
        mitre=Mitre(tactic=text, technique=text, sub_technique=text, id=text, description=text),
        log_lines=tuple(json.dumps({"A": text, "B": text, "DeviceName": text}) for _ in refs),
        entities=(_host(text), Entity(kind="account", value=text), Entity(kind="url", value=text)),
        indicators_of_compromise=(text,), detections=(rule,), claims=(claim,), recommendations=("pivot",),
    )  # fmt: skip


def test_verdict_comes_first_and_all_parts_in_their_order(page: Reading) -> None:
    assert page.all("p")[0].attributes["class"] == "verdict confirmed"
    assert [one.attributes["id"] for one in page.all("section")] == PARTS
    assert "Office program started a shell" in page.seen


def test_the_page_names_every_finding_query_and_claim(home: Path, page: Reading) -> None:
    report = Report.model_validate_json(next(home.glob("*/case-1/report.json")).read_bytes())
    assert report.findings
    for finding in report.findings:
        assert finding.title in page.seen
        assert all(inert(claim.statement) in page.seen for claim in finding.claims)
    assert page.values("data-exact")[: len(report.queries)] == [query.kql for query in report.queries]
    assert len([one for one in page.all("details") if one.attributes.get("class") == "query"]) == len(report.queries)
    assert page.all("mark")


def test_nothing_is_loaded_and_only_our_style_and_script_may_run(page: Reading) -> None:
    policy = next(one.attributes["content"] for one in page.all("meta") if "http-equiv" in one.attributes)
    assert policy.startswith("default-src 'none'; ")
    for kind, tag in (("style", "style"), ("script", "script")):
        (only,) = page.all(tag)
        digest = base64.b64encode(hashlib.sha256("".join(only.text).encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
    assert not {"src", "style", "srcset", "action", "formaction", "poster", "ping"} & {
        name for one in page.elements for name in one.attributes
    }
    assert not [name for one in page.elements for name in one.attributes if name.startswith("on")]
    assert not page.all("link") + page.all("img") + page.all("iframe") + page.all("base") + page.all("form")
    assert "url(" not in "".join(page.all("style")[0].text)


def test_every_link_leads_to_a_part_of_the_page(page: Reading) -> None:
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {href[0] for href in page.values("href")} == {"#"}
    assert {href[1:] for href in page.values("href")} <= set(ids)
    assert set(page.values("aria-labelledby")) <= set(ids)


def test_it_can_be_read_by_those_who_hear_it(page: Reading) -> None:
    assert page.all("html")[0].attributes["lang"] == "en"
    assert "".join(page.all("title")[0].text).startswith("Confirmed: ")
    levels = [int(one.tag[1]) for one in page.elements if re.fullmatch(r"h[1-6]", one.tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(later - level <= 1 for level, later in itertools.pairwise(levels))
    assert all(one.attributes.get("scope") in ("col", "row", "rowgroup") for one in page.all("th"))
    for drawing in (one for one in page.all("svg") if "mark" not in one.attributes.get("class", "")):
        assert drawing.attributes.get("aria-label") or drawing.attributes.get("aria-hidden") == "true"
    assert len(page.all("table")) == len(page.all("caption"))


PLAIN = Reading(as_html(report_of("harmless", rows=3))).skeleton


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.sampled_from(HOSTILE_HERE), st.text(min_size=4, max_size=80).filter(lambda text: text.strip())))
def test_whatever_a_row_says_the_markup_stays_the_same(text: str) -> None:
    told = as_html(report_of(text, rows=3))
    page = Reading(told)
    assert page.skeleton == PLAIN
    assert all(one.isprintable() or one == "\n" for one in page.seen)
    assert not re.search(r"https?://", page.seen, re.IGNORECASE)
    told.encode()


def test_a_query_is_copied_as_it_ran_though_it_is_shown_defanged() -> None:
    kql = 'T | where Url == "http://evil.example/\u202e" // <b>&amp;'
    report = report_of("harmless")
    report = report.model_copy(update={"queries": (report.queries[0].model_copy(update={"kql": kql}),)})
    page = Reading(as_html(report))
    assert kql in page.values("data-exact")
    assert 'T | where Url == "hxxp://evil[.]example/�" // <b>&amp;' in page.seen


def test_of_very_many_rows_some_are_shown_and_the_rest_is_told() -> None:
    report = report_of("x" * 200, findings=60, rows=100)
    told = as_html(report)
    assert len(told) < 5_000_000
    shown = int(re.search(r"Evidence in x+[^:]*: (\d+) rows shown; (\d+) more", told.replace(",", ""))[1])  # type: ignore[index]
    assert 10 <= shown < 100
    assert f"{100 - shown} more cited rows" in told


def test_a_row_that_is_no_json_and_an_empty_report_still_make_a_page() -> None:
    report = report_of("harmless")
    broken = report.findings[0].model_copy(update={"log_lines": ("no json",), "entities": ()})
    assert "harmless #0" in Reading(as_html(report.model_copy(update={"findings": (broken,)}))).seen
    bare = Report(
        thread_id="t", question="q", model="none", policy_hash="0", outcome="not_found", summary="", rounds=0,
        window=TimeWindow(start=NOON, end=NOON), usage=Usage(),
    )  # fmt: skip
    page = Reading(as_html(bare))
    assert "Nothing found" in page.seen and "confidence" not in page.all("p")[0].text
    assert [one.attributes["id"] for one in page.all("section")] == PARTS


def test_five_hundred_events_keep_within_lanes_and_none_is_lost() -> None:
    findings = []
    for number in range(50):
        finding = _finding(f"host-{number}", number, 10)
        lines = tuple(json.dumps({"DeviceName": f"h{number}"}) for _ in range(10))
        refs = tuple(ref.model_copy(update={"table": f"Table{number % 5}"}) for ref in finding.evidence)
        findings.append(finding.model_copy(update={"evidence": refs, "log_lines": lines}))
    report = report_of("harmless").model_copy(update={"findings": tuple(findings), "timeline": ()})
    story = story_of(report)
    assert story.events == 500 and story.plot is not None
    lanes = [lane for _, table in story.plot.tables for lane in table]
    assert len(lanes) <= LANES and sum(lane.events for lane in lanes) == 500
    assert sum(episode.events for episode in story.episodes) == 500
    assert all(0 <= float(mark.x.rstrip("%")) <= 100 for lane in lanes for mark in lane.marks)


def test_two_bursts_with_silence_between_are_two_episodes() -> None:
    finding = _finding("harmless", 0, 6)
    times = [NOON - timedelta(hours=hours, minutes=n) for hours in (1, 20) for n in range(3)]
    refs = tuple(ref.model_copy(update={"time": at}) for ref, at in zip(finding.evidence, times, strict=True))
    told = finding.model_copy(update={"evidence": refs})
    story = story_of(report_of("harmless").model_copy(update={"findings": (told,), "timeline": ()}))
    assert [episode.events for episode in story.episodes] == [3, 3]
    assert [[told.count for told in episode.told] for episode in story.episodes] == [[3], [3]]
    assert story.episodes[0].end < story.episodes[1].start


def test_the_graph_draws_what_matters_and_lists_all() -> None:
    findings = tuple(
        _finding("x", number, 1).model_copy(
            update={
                "confidence": "High" if number == 99 else "Low",
                "indicators_of_compromise": (),
                "entities": (_host(f"h{number}"), Entity(kind="account", value=f"a{number}"),
                             Entity(kind="hash", value=f"{number:064}"), Entity(kind="file", value="C:\\x\\cmd.exe"),
                             Entity(kind="process", value="cmd.exe")),
            }
        )
        for number in range(100)
    )  # fmt: skip
    report = report_of("harmless").model_copy(update={"findings": findings, "incidents": ()})
    graph = graph_of(report)
    assert all(len(column) <= NODES for column in graph.columns) and len(graph.edges) <= EDGES
    assert {"a99", "h99"} <= {node.value for column in graph.columns for node in column}
    assert len(graph.entities) == 301  # files that a process names are told once
    assert graph == graph_of(report)


def test_the_graph_tells_what_the_incidents_say_that_one_did_with_another() -> None:
    report = report_of("harmless")
    graph = graph_of(report)
    labels = sorted(edge.label for edge in graph.edges)
    assert labels == ["harmless harmless harmless: 1 finding"] * 3
    assert sum(edge.source == edge.target for edge in graph.edges) == 1
    alone = graph_of(report.model_copy(update={"incidents": ()}))
    assert {edge.label.split(":")[0] for edge in alone.edges} == {"harmless seen together with harmless"}


def test_the_matrix_tells_what_the_tables_that_were_asked_could_have_shown() -> None:
    report = report_of("harmless")
    query = report.queries[0].model_copy(update={"table": "SigninLogs", "status": "ok"})
    mitre = Mitre(tactic="Credential Access", technique="Brute Force", id="T1110", description="")
    finding = report.findings[0].model_copy(update={"mitre": mitre})
    matrix = matrix_of(report.model_copy(update={"queries": (query,), "findings": (finding,)}))
    column = next(one for one in matrix.tactics if one.name == "Credential Access")
    assert [(one.id, one.findings) for one in column.found] == [("T1110", (1,))]
    assert column.possible and "T1110" not in {one.id for one in column.possible}
    assert "Impact" in matrix.silent
    empty = {"queries": (query,), "coverage": (Coverage(table="SigninLogs", rows_in_window=0),)}
    assert not any(one.possible for one in matrix_of(report.model_copy(update=empty)).tactics)
    assert matrix_of(report.model_copy(update=empty)).blind == ("SigninLogs",)
    refused = report.queries[0].model_copy(update={"table": "SigninLogs", "status": "refused"})
    assert not any(one.possible for one in matrix_of(report.model_copy(update={"queries": (refused,)})).tactics)


def test_the_techniques_of_the_rules_are_those_that_the_engine_reads() -> None:
    read: dict[str, set[str]] = {}
    for rule in load_rules().rules:
        tags = (re.fullmatch(r"attack\.(t\d{4}(\.\d{3})?)", tag.lower()) for tag in rule.tags)
        read.setdefault(rule.table, set()).update(found[1].upper() for found in tags if found)
    assert {table: set(found) for table, found in techniques_by_table().items()} == read


def test_why_a_hunt_ended_is_told_once() -> None:
    ended = report_of("x").model_copy(update={"stopped": "nothing was left to follow"})
    assert "since nothing was left to follow" in Reading(as_html(ended)).seen
    said = ended.model_copy(update={"warnings": ("Nothing was left to follow.",)})
    assert "since nothing" not in Reading(as_html(said)).seen


@pytest.mark.parametrize(("findings", "crowded"), [(4, False), (50, True)])
def test_a_crowded_story_tells_how_many_events_there_are_at_a_time(findings: int, crowded: bool) -> None:
    story = story_of(report_of("x", findings=findings, rows=10))
    assert story.plot is not None
    heaps = story.plot.heaps
    assert bool(heaps) is crowded
    tops = [float(heap.y) for heap in heaps]
    assert not crowded or (min(tops) == pytest.approx(0, abs=0.02) and story.events == 10 * findings + 1)
