"""Nobody but whoever has the address gets in, and no page of another site gets anything done."""

from __future__ import annotations

import io
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from soc_analyst.cli.app import run

from .serving import Visitor, served, visiting

PATHS = ("/", "/findings", "/cases/case-1", "/cases/case-1/report", "/cases/case-1/events", "/cases/case-1/report/json")
POSTS = ("/ask", "/cases/c/answer", "/cases/c/follow", "/cases/c/resume", "/cases/c/stop")


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    async with served(tmp_path) as url, visiting(url) as one:
        yield one


@pytest.mark.parametrize("token", ["", "wrong", "ä" * 43, "a" * 10_000])
async def test_without_the_token_nothing_is_shown(visitor: Visitor, token: str) -> None:
    async with aiohttp.ClientSession() as stranger:
        for path in PATHS:
            where = {"token": token} if token else {}
            async with stranger.get(visitor.origin + path, params=where) as answer:
                assert answer.status in (400, 403)
                assert "Investigations" not in await answer.text() and "Set-Cookie" not in answer.headers
        for path in POSTS:
            async with stranger.post(visitor.origin + path, headers={"Origin": visitor.origin}) as answer:
                assert answer.status == 403


async def test_the_token_leaves_the_address_and_scripts_cannot_read_it(visitor: Visitor) -> None:
    async with aiohttp.ClientSession() as session, session.get(visitor.url, allow_redirects=False) as answer:
        assert answer.status == 303 and answer.headers["Location"] == "/"
        assert {"HttpOnly", "SameSite=Strict"} <= set(answer.headers["Set-Cookie"].split("; "))


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", None])
async def test_another_sites_form_does_nothing(visitor: Visitor, origin: str | None, tmp_path: Path) -> None:
    headers = {"Origin": origin} if origin else {}
    for path in POSTS:
        form = {"question": "Anything suspicious on host ws-1?"}
        async with visitor.session.post(visitor.origin + path, data=form, headers=headers) as answer:
            assert answer.status == 403 and "nothing was done" in await answer.text()
    assert not list((tmp_path / "home").glob("cases/*"))


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "localhost:1"])
async def test_a_name_that_points_here_is_not_ours(visitor: Visitor, host: str) -> None:
    async with visitor.session.get(visitor.origin + "/", headers={"Host": host}) as answer:
        assert answer.status == 421 and "Investigations" not in await answer.text()


async def test_every_answer_says_what_a_browser_may_do_with_it(visitor: Visitor) -> None:
    for path in (*PATHS, "/assets/web.css", "/nowhere"):
        async with visitor.session.get(visitor.origin + path) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "unsafe-inline" not in policy.replace(
                policy, "", "sandbox" in policy
            )
            assert (
                answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["Cache-Control"] == "no-store"
            )


async def test_a_request_too_large_is_refused(visitor: Visitor) -> None:
    body = io.BytesIO(b"question=" + b"a" * 2_000_000)
    headers = {"Origin": visitor.origin, "Content-Type": "application/x-www-form-urlencoded"}
    async with visitor.session.post(visitor.origin + "/ask", data=body, headers=headers) as answer:
        assert answer.status == 413
    status, _, page = await visitor.post("/ask", question="a" * 4_001)
    assert status == 400 and "shorter" in page
    status, _, page = await visitor.post("/ask", question="  ")
    assert status == 400 and "empty" in page


def test_a_wildcard_is_no_address_and_a_taken_port_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["web", "--host", "0.0.0.0", "--data-dir", str(tmp_path)]) == 2
    assert "every interface" in capsys.readouterr().err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert run(["web", "--port", str(taken.getsockname()[1]), "--data-dir", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert "choose another --port" in err and len(err.splitlines()) == 1
