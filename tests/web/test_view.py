"""Ask, watch, answer, stop, read, ask further: as a browser does it."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .serving import Visitor, fields, served, visiting

QUESTION = "Anything suspicious on host ws-1 in the last day?"
HOSTILE = "<img src=x onerror=alert(1)>\"'</textarea><script>alert(2)</script> https://evil.example/\u202e"


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    async with served(tmp_path) as url, visiting(url) as one:
        yield one


async def test_a_question_is_asked_watched_and_read(visitor: Visitor) -> None:
    status, path, _ = await visitor.post("/ask", question=QUESTION, approve="auto")
    assert status == 200 and path.startswith("/cases/case-")
    steps, last = [], ""
    async with asyncio.timeout(120), visitor.session.get(visitor.origin + path + "/events") as stream:
        assert stream.content_type == "text/event-stream"
        async for line in stream.content:
            text = line.decode().strip()
            if text.startswith("data: {") and last == "event: step":
                steps.append(json.loads(text.removeprefix("data: ")))
            last = text
    assert {"round", "query", "detections", "finding"} <= {step["kind"] for step in steps}
    page = await visitor.until(path, "Open the report")
    assert "Confirmed" in page and "Ask further" in page
    status, report = await visitor.get(path + "/report")
    assert status == 200 and "Confirmed" in report
    status, text = await visitor.get(path + "/report/json")
    assert json.loads(text)["outcome"] == "confirmed"
    for form in ("markdown", "stix", "navigator", "csv", "kql", "notebook", "sentinel-rule"):
        status, text = await visitor.get(f"{path}/report/{form}")
        assert status == 200 and text
    assert (await visitor.get(path + "/report/exe"))[0] == 404
    _, home = await visitor.get("/")
    assert QUESTION in home and path in home
    _, findings = await visitor.get("/findings")
    assert "ws-1" in findings

    status, again, _ = await visitor.post(path + "/follow", question="And the week before?", approve="auto")
    assert again == path
    page = await visitor.until(path, "Open the report")
    assert "And the week before?" in page


async def test_a_reader_who_comes_back_gets_the_steps_it_has_not_seen(visitor: Visitor) -> None:
    _, path, _ = await visitor.post("/ask", question=QUESTION, approve="auto")
    await visitor.until(path, "Open the report")

    async def numbers(headers: dict[str, str]) -> list[int]:
        async with visitor.session.get(visitor.origin + path + "/events", headers=headers) as stream:
            text = await stream.text()
        return [int(line.removeprefix("id: ")) for line in text.splitlines() if line.startswith("id: ")]

    every = await numbers({})
    assert every == list(range(1, len(every) + 1))
    assert await numbers({"Last-Event-ID": "3"}) == every[3:]
    assert await numbers({"Last-Event-ID": "no number"}) == every


async def test_a_plan_is_edited_and_the_guard_proves_the_edit(visitor: Visitor) -> None:
    _, path, _ = await visitor.post("/ask", question=QUESTION, approve="always")
    given = fields(await visitor.until(path, "A plan waits for your yes"))
    first = next(name for name in given if name.startswith("query-"))
    harmful = {**given, first: 'externaldata(x:string)["https://evil.example"]'}
    await visitor.post(path + "/answer", type="edit", **harmful)
    page = await visitor.until(path, "r1q1 refused")
    assert "https://evil.example" not in page


async def test_a_yes_is_to_the_plan_that_was_shown(visitor: Visitor) -> None:
    _, path, _ = await visitor.post("/ask", question=QUESTION, approve="always")
    given = fields(await visitor.until(path, "A plan waits for your yes"))
    stale = {**given, "hash": "0" * 64}
    await visitor.post(path + "/answer", type="edit", **stale)
    page = await visitor.until(path, "the answer is to another plan")
    assert "Go on" in page
    await visitor.post(path + "/resume")
    given = fields(await visitor.until(path, "A plan waits for your yes"))
    await visitor.post(path + "/answer", type="edit", **given)
    await visitor.until(path, "r1q1: ")
    status, _, page = await visitor.post(path + "/answer", type="edit", **given)
    assert status == 409 or "A plan waits" in page


async def test_ignored_it_ends_and_guided_it_plans_again(visitor: Visitor) -> None:
    _, path, _ = await visitor.post("/ask", question=QUESTION, approve="always")
    given = fields(await visitor.until(path, "A plan waits for your yes"))
    await visitor.post(path + "/answer", type="response", hash=given["hash"], words="Look at host ws-2 instead.")
    page = await visitor.until(path, "ws-2")
    again = fields(await visitor.until(path, "A plan waits for your yes"))
    assert again["hash"] != given["hash"]
    await visitor.post(path + "/answer", type="ignore", hash=again["hash"])
    page = await visitor.until(path, "Open the report")
    assert "Could not look" in page


async def test_stopped_gently_it_can_go_on(visitor: Visitor) -> None:
    _, path, _ = await visitor.post("/ask", question="Anything suspicious in the last day?", approve="auto")
    await visitor.post(path + "/stop")
    page = await visitor.until(path, "Open the report")
    if "Go on" in page:
        await visitor.post(path + "/resume")
        page = await visitor.until(path, "Open the report")
    assert "Confirmed" in page and "Go on" not in page


async def test_a_case_of_another_process_goes_on_here(tmp_path: Path) -> None:
    async with served(tmp_path) as url, visiting(url) as visitor:
        _, path, _ = await visitor.post("/ask", question=QUESTION, approve="always")
        await visitor.until(path, "A plan waits for your yes")
    async with served(tmp_path) as url, visiting(url) as visitor:
        assert "Can go on" in (await visitor.get("/"))[1]
        await visitor.post(path + "/resume")
        assert "A plan waits for your yes" in await visitor.until(path, "A plan waits for your yes")


async def test_hostile_questions_stay_text_and_unknown_cases_are_one_line(visitor: Visitor) -> None:
    _, path, _ = await visitor.post("/ask", question=HOSTILE, approve="auto")
    page = await visitor.until(path, "Open the report")
    for shown in (page, (await visitor.get("/"))[1]):
        assert "<img" not in shown and "<script>" not in shown and "https://evil.example" not in shown
        assert "\u202e" not in shown
    for name in ("nowhere", "..%2f..%2fetc", "%00", "a" * 300):
        status, page = await visitor.get(f"/cases/{name}")
        assert status in (404, 409) and "Traceback" not in page


async def test_sealed_cases_are_read_with_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "key"
    key.write_text(secrets.token_hex(32))
    monkeypatch.setenv("SOC_ANALYST_KEY_FILE", str(key))
    async with served(tmp_path) as url, visiting(url) as visitor:
        _, path, _ = await visitor.post("/ask", question=QUESTION, approve="always")
        given = fields(await visitor.until(path, "A plan waits for your yes"))
        await visitor.post(path + "/answer", type="ignore", hash=given["hash"])
        await visitor.until(path, "Open the report")
        assert (await visitor.get(path + "/report/markdown"))[0] == 200
        assert path in (await visitor.get("/"))[1]
    kept = b"".join(file.read_bytes() for file in (tmp_path / "home" / "cases").rglob("*.json"))
    assert kept and b"ws-1" not in kept
