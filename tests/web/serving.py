"""The view on a free port of loopback, and a client that was let in."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import aiohttp

from soc_analyst import Context
from soc_analyst.web import Address, serve
from tests.graph.workspace import small

PATIENCE = 120.0


@dataclass(frozen=True)
class Visitor:
    """A browser as far as HTTP goes: it keeps cookies and says which page its forms are of."""

    session: aiohttp.ClientSession
    url: str

    @property
    def origin(self) -> str:
        return self.url.partition("/?")[0]

    async def get(self, path: str) -> tuple[int, str]:
        async with self.session.get(self.origin + path) as answer:
            return answer.status, await answer.text()

    async def post(self, path: str, **form: str) -> tuple[int, str, str]:
        """Send a form; return the status, the path that it led to, and the page."""
        async with self.session.post(self.origin + path, data=form, headers={"Origin": self.origin}) as answer:
            return answer.status, answer.url.path, await answer.text()

    async def until(self, path: str, text: str) -> str:
        """Return the page once it has a text."""
        async with asyncio.timeout(PATIENCE):
            while True:
                _, page = await self.get(path)
                if text in page:
                    return page
                await asyncio.sleep(0.1)


@asynccontextmanager
async def served(folder: Path, **options: object) -> AsyncIterator[str]:
    """Serve the view of a small workspace; yield its address with the token."""
    logs = folder / "logs"
    if not logs.exists():
        small(logs)
    context = Context.model_validate({"workspace": str(logs), "data_dir": folder / "home", **options})
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(context, Address(), ready.set_result))
    done, _ = await asyncio.wait((ready, task), return_when=asyncio.FIRST_COMPLETED)
    if task in done:
        task.result()
    try:
        yield ready.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def visiting(url: str) -> AsyncIterator[Visitor]:
    """Open the address as it was printed."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(url) as answer:
            assert answer.status == 200 and "token" not in str(answer.url)
        yield Visitor(session, url)


def fields(page: str) -> dict[str, str]:
    """Return what the form of a plan holds: the hash, and the text of each query."""
    areas = re.findall(r'<textarea class="code" id="(query-[^"]+)".*?>\n(.*?)</textarea>', page, re.DOTALL)
    digest = re.search(r'name="hash" value="([0-9a-f]+)"', page)
    assert digest and areas
    return {"hash": digest[1], **{name: unescape(text) for name, text in areas}}
