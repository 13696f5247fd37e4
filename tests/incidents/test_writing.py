"""The real pipeline of azure-core against the service: once is once, whatever goes wrong in between."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest

from soc_analyst.state.errors import BackendDenied, OperatorError, SocAnalystError, UnreachableError
from soc_analyst.tools.incidents.draft import API_VERSION, Drafts
from soc_analyst.tools.incidents.resolving import resolved
from soc_analyst.tools.incidents.service import Fault, Kind, SentinelService, SentinelWorkspace
from soc_analyst.tools.incidents.writing import Done, Writer

from .cases import RESOURCE, WORKSPACE, drafts, finding
from .conftest import Connect

KINDS: tuple[Kind, ...] = (
    "throttled", "unauthorized", "forbidden", "disallowed", "no_group", "not_onboarded", "conflict", "bad_request",
    "server_error", "unavailable", "silent", "reset", "lost", "wrong_type", "garbage", "redirect",
)  # fmt: skip
STEPS = ("GET .*/incidents/[^/]+$", "PUT .*/incidents/[^/]+$", "GET .*/comments/", "PUT .*/comments/")


def written(connect: Connect, what: Drafts, agreed: str | None = None) -> list[Done]:
    """Write, and return what is there then."""
    with connect() as manager:
        return list(Writer(manager, what, lambda _done: None).write(agreed or what.sha256))


def kept(service: SentinelService) -> SentinelWorkspace:
    return service.workspaces[RESOURCE.lower()]


def test_an_incident_and_its_comment_are_there_as_drafted(service: SentinelService, connect: Connect) -> None:
    what = drafts(endpoint=service.url)
    (draft,) = what.drafts
    done = written(connect, what)
    assert [(one.what, one.created) for one in done] == [("incident", True), ("comment", True)]
    (incident,) = kept(service).incidents.values()
    (comment,) = kept(service).comments[incident["name"]].values()
    assert incident["properties"]["title"] == "PowerShell cradle on ws-1.contoso.com"
    assert (incident["properties"]["severity"], incident["properties"]["status"]) == ("High", "New")
    assert {label["labelName"] for label in incident["properties"]["labels"]} == {
        "soc-analyst", "T1059.001", "T1105", "Execution", "Command and Control",
    }  # fmt: skip
    assert comment["properties"]["message"] == draft.message
    assert done[0].known.number == done[1].known.number == incident["properties"]["incidentNumber"]
    assert [
        json.dumps(one.body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() for one in service.put
    ] == [step.content for step in what.steps]
    assert all(one.headers["if-none-match"] == "*" for one in service.put)


def test_a_second_run_finds_both_and_sends_nothing_to_be_created(service: SentinelService, connect: Connect) -> None:
    what = drafts(endpoint=service.url)
    written(connect, what)
    before = len(service.put)
    assert [one.created for one in written(connect, what)] == [False, False]
    assert len(service.put) == before


def test_a_finding_that_grew_is_the_same_incident(service: SentinelService, connect: Connect) -> None:
    written(connect, drafts(endpoint=service.url))
    grown = drafts(finding(description="More was found."), endpoint=service.url)
    assert [one.created for one in written(connect, grown)] == [False, False]
    assert len(kept(service).incidents) == 1


def test_another_hash_writes_nothing(service: SentinelService, connect: Connect) -> None:
    what = drafts(endpoint=service.url)
    other = drafts(finding(title="Other"), endpoint=service.url)
    with pytest.raises(OperatorError, match="nothing was written"):
        written(connect, what, other.sha256)
    assert service.sent == ()


def test_the_hash_is_of_content_and_place() -> None:
    here = drafts()
    others = [
        drafts(finding(title="Other")),
        drafts(finding(tags=())),
        drafts(finding(description="Other")),
        drafts(finding(), finding("f-2")),
        drafts(question="Other?"),
        drafts(endpoint="https://127.0.0.1:2"),
        Drafts(replace(here.target, name="law-other"), here.drafts),
    ]
    assert drafts().sha256 == here.sha256
    assert len({here.sha256, *(one.sha256 for one in others)}) == len(others) + 1


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_goes_wrong_a_line_tells_and_the_next_run_completes_it(
    service: SentinelService, connect: Connect, kind: Kind, step: str
) -> None:
    what = drafts(endpoint=service.url)
    service.fail(Fault(kind, match=step, times=0, seconds=0.6))
    with pytest.raises(SocAnalystError) as raised:
        written(connect, what)
    line = str(raised.value)
    assert "\n" not in line and line.count(";") >= 1
    assert isinstance(raised.value, BackendDenied) == (kind in ("unauthorized", "forbidden", "disallowed"))
    assert isinstance(raised.value, BackendDenied | UnreachableError)
    if STEPS.index(step) >= 2:
        assert "written: the incident of f-1" in line
    there = kept(service).incidents
    assert len(there) == (1 if STEPS.index(step) >= 2 or (step == STEPS[1] and kind in AFTER_THE_DEED) else 0)
    assert ("is not known" in line) == (step.startswith("PUT") and kind in UNSURE)
    if not there and "is not known" not in line:
        assert "nothing was written" in line
    service.fail()
    written(connect, what)
    assert [list(shelf) for shelf in (there, kept(service).comments[what.drafts[0].name(what.target)])] == [
        [what.drafts[0].name(what.target)],
        [what.target.derived("comment", "f-1")],
    ]


UNSURE = ("server_error", "unavailable", "silent", "reset", "lost", "wrong_type", "garbage", "redirect")
"""After these nobody here can say whether it was done."""
AFTER_THE_DEED = ("silent", "lost", "wrong_type", "garbage", "redirect")


@pytest.mark.parametrize("kind", ["throttled", "server_error", "unavailable", "reset", "lost"])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("conditional", [True, False])
def test_what_passes_is_tried_again(
    service: SentinelService, connect: Connect, kind: Kind, step: str, conditional: bool
) -> None:
    kept(service).conditional = conditional
    service.fail(Fault(kind, match=step, retry_after=0.05 if kind == "throttled" else 0))
    done = written(connect, drafts(endpoint=service.url))
    assert [one.created for one in done] == [True, True]
    assert len(kept(service).incidents) == 1


@pytest.mark.parametrize("code", ["NotFound", "ResourceNotFound", ""])
def test_however_it_is_told_that_an_incident_is_not_there(
    service: SentinelService, connect: Connect, code: str
) -> None:
    kept(service).absence = code
    assert [one.created for one in written(connect, drafts(endpoint=service.url))] == [True, True]


def test_a_workspace_that_is_not_there_is_told_and_gets_nothing(service: SentinelService, connect: Connect) -> None:
    what = drafts(endpoint=service.url)
    gone = replace(what, target=replace(what.target, name="law-gone"))
    with pytest.raises(
        UnreachableError, match="no workspace law-gone with Microsoft Sentinel in resource group rg-soc"
    ):
        written(connect, gone)
    assert kept(service).incidents == {}


def test_a_long_wait_that_the_service_names_is_told_and_not_slept(service: SentinelService, connect: Connect) -> None:
    service.fail(Fault("throttled", match="PUT", times=0, retry_after=600))
    with pytest.raises(UnreachableError, match="nothing was written; run it again in 600 seconds"):
        written(connect, drafts(endpoint=service.url))
    assert len(service.put) == 1


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("forbidden", "may not do Microsoft.SecurityInsights/incidents/write in workspace law-soc"),
        ("forbidden", "the role Microsoft Sentinel Responder on the workspace or on its resource group rg-soc"),
        ("unauthorized", "does not take this credential's token"),
        ("disallowed", "RequestDisallowedByPolicy"),
        ("not_onboarded", "law-soc is not onboarded to Microsoft Sentinel"),
        ("no_group", "no workspace law-soc with Microsoft Sentinel in resource group rg-soc"),
        ("conflict", "sees a conflict"),
        ("wrong_type", "is not Azure Resource Manager"),
    ],
)  # fmt: skip
def test_the_line_says_what_to_do(service: SentinelService, connect: Connect, kind: Kind, words: str) -> None:
    service.fail(Fault(kind, match="PUT", times=0))
    with pytest.raises(SocAnalystError) as raised:
        written(connect, drafts(endpoint=service.url))
    assert words in str(raised.value)


def test_a_token_goes_nowhere_else(service: SentinelService, connect: Connect) -> None:
    service.fail(Fault("redirect", times=0))
    with pytest.raises(UnreachableError, match="status 302"):
        written(connect, drafts(endpoint=service.url))
    assert len(service.sent) == 1


def test_of_two_findings_the_line_says_which_is_there(service: SentinelService, connect: Connect) -> None:
    what = drafts(finding(), finding("f-2"), endpoint=service.url)
    second = what.drafts[1].name(what.target)
    service.fail(Fault("forbidden", match=f"PUT .*{second}$", times=0))
    with pytest.raises(BackendDenied) as raised:
        written(connect, what)
    line = str(raised.value)
    assert "written: the incident of f-1, the comment of f-1" in line
    assert "not written: the incident of f-2, the comment of f-2" in line


def test_a_run_that_dies_between_incident_and_comment_is_completed(service: SentinelService, connect: Connect) -> None:
    what = drafts(endpoint=service.url)

    def dies(_done: Done) -> None:
        raise KeyboardInterrupt

    with connect() as manager, pytest.raises(KeyboardInterrupt):
        list(Writer(manager, what, dies).write(what.sha256))
    with connect() as manager:
        (standing,) = Writer(manager, what, lambda _done: None).look()
    assert standing.incident is not None and not standing.comment
    assert [(one.what, one.created) for one in written(connect, what)] == [("incident", False), ("comment", True)]


@pytest.mark.parametrize("conditional", [True, False])
def test_several_at_once_make_one_incident(service: SentinelService, connect: Connect, conditional: bool) -> None:
    kept(service).conditional = conditional
    what = drafts(endpoint=service.url)
    results: list[list[Done]] = []
    threads = [threading.Thread(target=lambda: results.append(written(connect, what))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert len(kept(service).incidents) == 1
    assert len(kept(service).comments[what.drafts[0].name(what.target)]) == 1


def test_a_workspace_is_found_by_its_id(service: SentinelService, connect: Connect) -> None:
    with connect() as manager:
        target = resolved(manager, WORKSPACE.upper(), endpoint=service.url)
        assert target.resource.lower() == RESOURCE.lower()
        assert target.derived("incident", "f-1") == drafts().target.derived("incident", "f-1")
        with pytest.raises(OperatorError, match="no workspaces that this credential may read"):
            resolved(manager, "33333333-3333-4333-8333-333333333333", endpoint=service.url)
        service.fail(Fault("forbidden", times=0))
        with pytest.raises(UnreachableError, match="give its resource id"):
            resolved(manager, WORKSPACE, endpoint=service.url)


def test_the_service_keeps_the_rules_of_the_api(connect: Connect) -> None:
    target = drafts().target
    path = target.incident("x")
    with connect() as manager:
        for properties in (
            {},
            {"title": "t", "severity": "Grave", "status": "New"},
            {"title": "t", "severity": "High"},
            {"title": " ", "severity": "High", "status": "New"},
            {"title": "t", "severity": "High", "status": "New", "description": "x" * 5_001},
        ):
            assert manager.create(path, API_VERSION, json.dumps({"properties": properties}).encode()).status == 400
        good = json.dumps({"properties": {"title": "t", "severity": "High", "status": "New"}}).encode()
        assert manager.create(path, "2020-13-01", good).status == 400
        assert manager.create(target.comment("x", "c"), API_VERSION, b'{"properties":{"message":"m"}}').status == 404
        assert manager.create(path, API_VERSION, good).status == 201
        assert manager.create(path, API_VERSION, good).status == 412
        long = json.dumps({"properties": {"message": "x" * 30_001}}).encode()
        assert manager.create(target.comment("x", "c"), API_VERSION, long).status == 400
