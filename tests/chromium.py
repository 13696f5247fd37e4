"""Headless Chromium over its own protocol, for what only a real browser can say of a page."""

from __future__ import annotations

import asyncio
import base64
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
)  # fmt: skip
AXE = Path(__file__).parents[1] / ".axe" / "package" / "axe.min.js"
"""Where .ci/run unpacks axe-core."""
PATIENCE = 60.0
QUIET = 0.3
"""Seconds to wait for what a page does after it has loaded."""


class Tab:
    """One page of a browser: what it asked the network for, and what went wrong in it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._sent = 0
        self._answers: dict[int, asyncio.Future[Mapping[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self.requests: list[str] = []
        self.faults: list[str] = []

    async def listen(self) -> None:
        """Take answers and events until the browser goes."""
        async for message in self._socket:
            told = message.json()
            if "id" in told:
                self._answers.pop(told["id"]).set_result(told)
            else:
                self._note(told["method"], told.get("params", {}))

    def _note(self, event: str, told: Mapping[str, Any]) -> None:
        if event == "Page.loadEventFired":
            self._loaded.set()
        elif event == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.faults.append(str(told["exceptionDetails"].get("text")))
        elif event == "Log.entryAdded":
            self.faults.append(told["entry"]["text"])
        elif event == "Runtime.consoleAPICalled":
            self.faults.append(str(told["args"]))
        elif event == "Page.javascriptDialogOpening":
            self.faults.append(f"dialog: {told['message']}")

    async def ask(self, method: str, **params: Any) -> Mapping[str, Any]:
        """Return the browser's answer."""
        self._sent += 1
        answer = self._answers[self._sent] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._sent, "method": method, "params": params})
        told = await asyncio.wait_for(answer, PATIENCE)
        assert "error" not in told, told
        return told["result"]  # type: ignore[no-any-return]

    async def open(self, url: str) -> None:
        """Load a page, and wait until it is quiet."""
        self._loaded.clear()
        await self.ask("Page.navigate", url=url)
        await asyncio.wait_for(self._loaded.wait(), PATIENCE)
        await asyncio.sleep(QUIET)

    async def value(self, script: str) -> Any:
        """Return what a script comes to in the page."""
        told = await self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def sized(self, width: int, height: int = 800) -> None:
        """Make the window a phone's or a desk's."""
        await self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    async def picture(self) -> bytes:
        """Return what the window shows as PNG."""
        return base64.b64decode((await self.ask("Page.captureScreenshot", format="png"))["data"])

    async def paper(self) -> bytes:
        """Return the page as PDF."""
        return base64.b64decode((await self.ask("Page.printToPDF", printBackground=True))["data"])


async def faults_of_axe(tab: Tab) -> object:
    """Return what axe-core holds against the page that is open."""
    await tab.value(f"{AXE.read_text()}; 0")
    return await tab.value(
        "axe.run().then(told => told.violations.filter(one => ['serious', 'critical'].includes(one.impact))"
        ".map(one => one.id + ': ' + one.nodes.slice(0, 3).map(node => node.html.slice(0, 160)).join(' | ')))"
    )


@asynccontextmanager
async def browser(profile: Path) -> AsyncIterator[Tab]:
    """Start a browser with a profile of its own, and end it."""
    assert PROGRAM is not None
    process = await asyncio.create_subprocess_exec(
        PROGRAM, *FLAGS, f"--user-data-dir={profile}", "about:blank", stderr=asyncio.subprocess.DEVNULL
    )
    try:
        port = await _port(profile / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                page = next(one for one in await answer.json() if one["type"] == "page")
            async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                tab = Tab(socket)
                listening = asyncio.create_task(tab.listen())
                for domain in ("Page", "Runtime", "Network", "Log"):
                    await tab.ask(f"{domain}.enable")
                yield tab
                listening.cancel()
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), PATIENCE)


async def _port(told: Path) -> str:
    for _ in range(int(PATIENCE / 0.1)):
        lines = await asyncio.to_thread(_lines, told)
        if lines:
            return lines[0]
        await asyncio.sleep(0.1)
    raise TimeoutError(f"the browser did not start: {told}")


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
