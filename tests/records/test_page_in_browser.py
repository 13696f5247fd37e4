"""The page in a real browser: nothing leaves it, nothing of a row runs in it, and it fits phone and paper."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from soc_analyst.state.entities import Entity
from soc_analyst.state.report import Report
from soc_analyst.tools.records.logged import Wanted
from soc_analyst.tools.records.page import as_html
from soc_analyst.tools.records.page.overview import as_overview
from tests.chromium import AXE, PROGRAM, Tab, browser, faults_of_axe

from .test_overview import logged
from .test_page import HOSTILE_HERE, report_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine; apt-get install chromium"),
]


@pytest.fixture
async def tab(tmp_path: Path) -> AsyncIterator[Tab]:
    async with browser(tmp_path / "profile") as opened:
        yield opened


async def shown(tab: Tab, folder: Path, report: Report) -> str:
    """Open a report's page as a user would, from a file; return its address."""
    path = folder / "page.html"
    path.write_text(as_html(report))
    await tab.open(path.as_uri())
    return path.as_uri()


async def test_a_page_loads_nothing_and_complains_of_nothing(tab: Tab, tmp_path: Path) -> None:
    address = await shown(tab, tmp_path, report_of("harmless", findings=30, rows=8))
    assert tab.requests == [address] and tab.faults == []
    assert await tab.value("getComputedStyle(document.querySelector('.verdict')).display") == "flex"


@pytest.mark.parametrize("text", HOSTILE_HERE)
async def test_nothing_of_a_row_becomes_an_element_or_runs(tab: Tab, tmp_path: Path, text: str) -> None:
    names = "[...document.querySelectorAll('*')].map(e => e.tagName + ' ' + e.getAttributeNames().sort())"
    await shown(tab, tmp_path, report_of("harmless", rows=3))
    plain = await tab.value(names)
    tab.requests.clear()
    address = await shown(tab, tmp_path, report_of(text, rows=3))
    assert await tab.value(names) == plain
    assert tab.requests == [address] and tab.faults == []
    assert await tab.value("document.scripts.length") == 1


@pytest.mark.parametrize("width", [320, 768, 1280])
async def test_no_width_scrolls_sideways(tab: Tab, tmp_path: Path, width: int) -> None:
    await tab.sized(width)
    await shown(tab, tmp_path, report_of("a-very-long-name-without-a-break" * 6, findings=20, rows=5))
    await tab.value("document.querySelectorAll('details').forEach(part => { part.open = true })")
    assert await tab.value("document.documentElement.scrollWidth") <= width
    may = ".scroll, nav, svg, .sr, .skip, .lanes th > span"
    wide = f"[...document.querySelectorAll('body *')].filter(e => !e.closest('{may}')"
    wide += f" && e.getBoundingClientRect().right > {width} + 1).map(e => e.outerHTML.slice(0, 120))"
    assert await tab.value(wide) == []


async def test_dark_is_dark_and_paper_is_light_and_whole(tab: Tab, tmp_path: Path) -> None:
    await tab.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    await shown(tab, tmp_path, report_of("harmless", findings=20, rows=5))
    assert await tab.value("getComputedStyle(document.body).backgroundColor") == "rgb(15, 20, 25)"
    await tab.ask("Emulation.setScriptExecutionDisabled", value=True)  # paper opens closed parts by style alone
    await tab.ask("Emulation.setEmulatedMedia", media="print", features=[])
    await shown(tab, tmp_path, report_of("harmless", findings=20, rows=5))
    assert await tab.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    closed = "[...document.querySelectorAll('details.finding:not([open]) > .body')].map(e => e.checkVisibility())"
    seen = await tab.value(closed)
    assert seen and all(seen)
    pdf = await tab.paper()
    assert pdf.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 3


async def test_tables_sort_queries_copy_and_links_open_what_they_lead_to(tab: Tab, tmp_path: Path) -> None:
    address = await shown(tab, tmp_path, report_of("harmless", findings=20, rows=2))
    first = "document.querySelector('table.list tbody td').textContent"
    press = "document.querySelector('table.list th button').click()"
    assert await tab.value(first) == "1"
    await tab.value(f"{press}; {press}")
    assert await tab.value(first) == "20"
    assert await tab.value("document.querySelector('table.list th').getAttribute('aria-sort')") == "descending"
    assert await tab.value("document.querySelectorAll('pre.copy button').length") == 4
    await tab.ask("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    script = "document.querySelector('pre.copy button').click(); new Promise(done => setTimeout(done, 200))"
    await tab.ask("Runtime.evaluate", expression=script, awaitPromise=True, userGesture=True)
    assert await tab.value("document.querySelector('pre.copy button').textContent") == "Copied"
    assert not await tab.value("document.getElementById('finding-20').checkVisibility()")
    await tab.value("location.hash = 'finding-20'; new Promise(done => setTimeout(done, 200))")
    assert await tab.value("document.getElementById('finding-20').checkVisibility()")
    assert tab.requests == [address] and tab.faults == []


@pytest.mark.skipif(not AXE.exists(), reason="no axe-core here; .ci/run fetches it where npm is")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious(tab: Tab, tmp_path: Path, scheme: str) -> None:
    await tab.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    await shown(tab, tmp_path, report_of("harmless", findings=15, rows=2))
    await tab.value("document.querySelectorAll('details').forEach(part => { part.open = true })")
    assert await faults_of_axe(tab) == []
    await overview(tab, tmp_path, ["harmless", "another"])
    assert await faults_of_axe(tab) == []


async def overview(tab: Tab, folder: Path, texts: list[str]) -> str:
    """Open the overview of findings that say these texts; return its address."""
    entities = [(Entity(kind="host", value=text), Entity(kind="account", value=text)) for text in texts]
    told = [
        logged(f"f-{at}", days=at, title=text, entities=entities[at], thread_id=text) for at, text in enumerate(texts)
    ]
    path = folder / "overview.html"
    path.write_text(as_overview(told, Wanted(text="x"), skipped=1), errors="replace")
    await tab.open(path.as_uri())
    return path.as_uri()


@pytest.mark.parametrize("width", [320, 1280])
async def test_the_overview_loads_nothing_runs_nothing_and_fits(tab: Tab, tmp_path: Path, width: int) -> None:
    await tab.sized(width)
    await overview(tab, tmp_path, [f"harmless {at}" for at in range(len(HOSTILE_HERE))])
    every = "[...document.querySelectorAll('*')].map(e => e.tagName + e.getAttributeNames().sort())"
    names = f"[...new Set({every})].sort()"
    plain = await tab.value(names)
    tab.requests.clear()
    address = await overview(tab, tmp_path, HOSTILE_HERE)
    assert await tab.value(names) == plain
    assert tab.requests == [address] and tab.faults == []
    assert await tab.value("document.documentElement.scrollWidth") <= width
    assert await tab.value("getComputedStyle(document.querySelector('rect.bar.High')).fill") == "rgb(180, 35, 24)"
