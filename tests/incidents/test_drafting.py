"""What an incident would hold: everything of the finding that fits, inert, and what was left out is said."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from soc_analyst.state.entities import Entity
from soc_analyst.state.errors import OperatorError
from soc_analyst.state.findings import Claim, Finding, Mitre, Rule
from soc_analyst.tools.incidents.draft import Draft
from soc_analyst.tools.incidents.drafting import chosen
from soc_analyst.tools.incidents.target import PUBLIC, management_endpoint, parse_target
from soc_analyst.tools.incidents.wording import Inert, cut, units

from .cases import RESOURCE, ROW, drafts, finding, report

HOSTILE = (
    "![x](http://evil.example/a.png)", "[click](https://evil.example)", f"[{'a' * 300}](//evil.example)",
    "<img src=x>", "</code></pre><script>alert(1)</script>", "```", "~~~", "`", "\n\n# Heading\n", "\r\n```\r\n",
    "javascript:alert(1)", "data:text/html;base64,AAAA", "www.evil.example", "mailto:a@evil.example",
    "someone@evil.example", "ftp://evil.example/x", "ms-word:ofe|u|https://evil.example/x.docx", "file://evil.example/s",
    "&lt;img src=x onerror=y&gt;", "&#60;b&#62;", "\u202egnp.exe", "\x1b[2J", "\u2028", "\ud800", "\U0001f600",
    "http://user:pass@evil.example:80/[x](y)", "[a]: http://evil.example", "|a|b|", "\x00", "203.0.113.77",
    "hxxp://evil.example", "HTTP://EVIL.EXAMPLE/", "https:// evil.example", "=1+1",
)  # fmt: skip
UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)
"""Values as large as these take minutes to shrink."""
TEXT = st.lists(
    st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(categories=None), max_size=40)), max_size=12
).map("".join)
VALID = TEXT.map(lambda text: text.encode("utf-8", "replace").decode())
"""Pydantic takes no lone surrogates; rows, which are JSON text, may hold them."""


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    """Draw a finding whose every text was written by an attacker."""
    text = lambda most=3: draw(st.lists(VALID, max_size=most))  # noqa: E731
    kinds = draw(st.lists(st.sampled_from(["host", "ip", "domain", "url", "account", "file"]), max_size=40))
    rows = [{**ROW, draw(VALID): draw(TEXT), "DeviceName": draw(TEXT)} for _ in range(draw(st.integers(1, 14)))]
    return finding(
        rows=[json.loads(json.dumps(row)) for row in rows],
        title=draw(VALID),
        description=draw(VALID) * draw(st.sampled_from([1, 1, 300])),
        mitre=Mitre(tactic=draw(VALID), technique=draw(VALID), id=draw(VALID)),
        notes=draw(VALID),
        tags=tuple(f"attack.{one}" for one in text(20)),
        indicators_of_compromise=tuple(text(30)),
        entities=tuple(Entity(kind=kind, value=draw(VALID)) for kind in kinds),
        detections=tuple(Rule(id=one, title=one, level="low", author=one) for one in text()),
        claims=tuple(Claim(kind="exists", statement=one, detail=one) for one in text(60)),
    )


LIVE = (
    re.compile(r"(?i)(?<!hxxp)(?<!hxxps)://"),
    re.compile(r"(?i)(?<![a-z0-9])(javascript|vbscript|data|mailto):\S"),
    re.compile(r"(?i)(?<![a-z0-9])www\."),
    re.compile(r"\]\("),
    re.compile(r"<[a-zA-Z/!?]"),
    re.compile(r"(?i)&#?[0-9a-z]+;"),
    re.compile(r"(?<!\[)@(?!\])"),
)
PLAIN_TOKENS = {
    "paragraph_open",
    "paragraph_close",
    "inline",
    "text",
    "strong_open",
    "strong_close",
    "softbreak",
    "fence",
}


def _require_inert(draft: Draft) -> None:
    for text, most in ((draft.title, 250), (draft.description, 5_000), (draft.message, 30_000)):
        assert 0 < len(text.encode("utf-16-le")) // 2 <= most
        assert all(one.isprintable() or one == "\n" for one in text)
        assert not [text[max(0, at.start() - 30) : at.end() + 30] for one in LIVE for at in one.finditer(text)]
    assert all(0 < len(label) <= 60 for label in draft.labels)
    assert "\n" not in draft.title
    rendered = MarkdownIt("commonmark", {"html": True}).parse(draft.message)
    seen = {token.type for one in rendered for token in [one, *(one.children or ())]}
    assert seen <= PLAIN_TOKENS
    inline = [token.content for token in rendered if token.type == "inline"]
    assert all(
        re.fullmatch(r"\*\*[A-Z][A-Za-z ,()0-9]+\*\*|\*\*Evidence\.\*\* [A-Za-z ,;]+\.", text) for text in inline
    )


@given(findings())
@settings(max_examples=25, deadline=None, phases=UNSHRUNK)
def test_no_text_of_a_log_is_live_in_an_incident(hostile: Finding) -> None:
    (draft,) = drafts(hostile, question="![x](http://evil.example)").drafts
    _require_inert(draft)
    assert drafts(hostile, question="![x](http://evil.example)").drafts == (draft,)
    assert json.loads(draft.incident(drafts().target).content)["properties"]["title"] == draft.title


@pytest.mark.parametrize("text", HOSTILE)
def test_each_hostile_text_alone(text: str) -> None:
    valid = text.encode("utf-8", "replace").decode()
    hostile = finding(
        title=valid, description=valid, notes=valid, rows=[{**ROW, "ProcessCommandLine": text}],
        entities=(Entity(kind="url", value=valid), Entity(kind="account", value=valid)),
    )  # fmt: skip
    _require_inert(drafts(hostile).drafts[0])


def test_the_findings_own_addresses_are_broken_wherever_they_stand() -> None:
    inert = Inert(
        [Entity(kind="domain", value="evil.example"), Entity(kind="host", value="ws-1.contoso.com")], ["203.0.113.77"]
    )
    assert inert("ws-1.contoso.com asked EVIL.example for a.exe at 203.0.113.77") == (
        "ws-1.contoso.com asked EVIL[.]example for a.exe at 203[.]0[.]113[.]77"
    )
    assert inert("http://evil.example/a http://other.example/b") == "hxxp://evil[.]example/a hxxp://other[.]example/b"


def test_queries_keep_their_comparisons_and_lose_their_links() -> None:
    kql = 'T\n| where A >= 1 and B < 2 and C == "<img src=x> http://evil.example ```"'
    case = report()
    case = case.model_copy(update={"queries": (case.queries[0].model_copy(update={"kql": kql}),)})
    message = drafts(queries=case.queries).drafts[0].message
    assert "| where A >= 1 and B < 2 and C == \"\u2039img src=x> hxxp://evil[.]example '''\"" in message


def test_what_does_not_fit_is_said() -> None:
    long = finding(
        description="word " * 3_000,
        rows=[{**ROW, "ProcessCommandLine": f"{n} " + "x" * 3_000} for n in range(12)],
        claims=[Claim(kind="exists", statement=f"{n} {'y' * 350}") for n in range(40)],
    )
    (draft,) = drafts(long).drafts
    assert units(draft.message) <= 30_000
    assert units(draft.message) > 25_000
    (rows,) = re.findall(r"… and (\d+) more in the case's report\n```\n\n\*\*Queries", draft.message)
    assert f"{rows} of 12 rows are not in the comment." in draft.cuts
    assert any("are shortened to 2,000 characters" in line for line in draft.cuts)
    assert any("further line(s)" in line for line in draft.cuts)
    assert "…(+" in draft.description


def test_a_text_is_cut_by_what_the_service_counts() -> None:
    assert (units("a\U0001f600"), cut("abc", 3)) == (3, "abc")
    assert cut("\U0001f600" * 20, 20) == "\U0001f600" * 6 + " … (cut)"
    assert units(cut("\U0001f600" * 20, 20)) <= 20


@pytest.mark.parametrize(
    ("levels", "severity"),
    [(["low", "critical"], "High"), (["medium"], "Medium"), (["informational"], "Informational"), ([], "Medium")],
)
def test_severity_is_that_of_the_gravest_rule(levels: list[Any], severity: str) -> None:
    rules = [Rule(id=level, title=level, level=level) for level in levels]
    assert drafts(finding(detections=rules)).drafts[0].severity == severity


def test_only_confirmed_findings_can_be_chosen() -> None:
    low, high, bare = finding("low", confidence="Medium"), finding("high"), finding("bare", log_lines=(), evidence=())
    case = report(low, high, bare)
    assert [one.id for one in chosen(case, ())] == ["high"]
    assert [one.id for one in chosen(case, ("high", "high"))] == ["high"]
    for name in ("low", "bare", "nothing"):
        with pytest.raises(OperatorError, match="confirmed"):
            chosen(case, (name,))
    with pytest.raises(OperatorError, match="the outcome is suspected"):
        chosen(report(low, outcome="suspected"), ())


@pytest.mark.parametrize(
    "text",
    [
        "", "law-soc", "/subscriptions/x", RESOURCE.replace("law-soc", "law_soc"), RESOURCE.replace("law-soc", "abc"),
        RESOURCE.replace("rg-soc", "a/../b"), RESOURCE.replace("rg-soc", "rg."), RESOURCE.replace("rg-soc", "r?g"),
        RESOURCE + "/providers/Microsoft.SecurityInsights", "https://management.azure.com" + RESOURCE, f"x{RESOURCE}",
        RESOURCE.replace("11111111", "1111111g"), RESOURCE.replace("OperationalInsights", "Storage"),
        f"{RESOURCE}\n{RESOURCE}",
    ],
)  # fmt: skip
def test_what_names_no_workspace_is_refused(text: str) -> None:
    with pytest.raises(OperatorError, match="--incident-workspace"):
        parse_target(text)


def test_case_makes_no_other_incident() -> None:
    one, other = parse_target(RESOURCE), parse_target(RESOURCE.upper() + "/")
    assert one.derived("incident", "f-1") == other.derived("incident", "f-1") == "baa90d12-5124-5c8e-b251-a41c1b7eb88c"
    names = {one.derived(kind, name) for kind in ("incident", "comment") for name in ("f-1", "f-2")}
    assert len(names) == 4
    spaced = parse_target(RESOURCE.replace("rg-soc", "rg(\u00e9)"))
    assert "/resourceGroups/rg(%C3%A9)/providers/" in spaced.incident("x")


@pytest.mark.parametrize("text", ["http://management.azure.com", "management.azure.com", "https://x/y", "https://a@b"])
def test_a_token_is_sent_over_https_to_an_endpoint_only(text: str) -> None:
    with pytest.raises(OperatorError, match="SOC_ANALYST_MANAGEMENT_ENDPOINT"):
        management_endpoint(text)
    assert management_endpoint(None) == PUBLIC
    assert management_endpoint("https://management.usgovcloudapi.net/") == "https://management.usgovcloudapi.net"


def test_the_cloud_is_that_of_the_logs_unless_a_setting_names_one() -> None:
    assert management_endpoint(None, logs="https://api.loganalytics.us") == "https://management.usgovcloudapi.net"
    assert management_endpoint(None, logs="https://api.loganalytics.io") == PUBLIC
    assert management_endpoint("https://x.example", logs="https://api.loganalytics.us") == "https://x.example"
