"""The pictures of the README, made from the sample tenant: `make screenshots`, with Chromium for those of pages."""

from __future__ import annotations

import asyncio
import io
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from soc_analyst import Context, Report, ahunt
from soc_analyst.cli.terminal import show_report
from soc_analyst.tools.records.page import as_html
from tests.chromium import PROGRAM, Tab, browser
from tests.web.serving import served

IMAGES = Path(__file__).parents[1] / "docs" / "images"
QUESTION = "Show suspicious PowerShell activity on host WS-123 in the last day"
THREAD = "ws-123"
WIDTH, HEIGHT = 1200, 900


async def main() -> None:
    """Hunt once, and draw the terminal, the report's page and the view."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        report = await ahunt(QUESTION, context=Context(data_dir=home), thread_id=THREAD)
        (IMAGES / "terminal.svg").write_text(terminal(report))
        assert PROGRAM is not None, "no Chromium on this machine; apt-get install chromium"
        async with browser(Path(folder) / "profile") as tab:
            await tab.sized(WIDTH, HEIGHT)
            (IMAGES / "report.png").write_bytes(await page(tab, report, Path(folder)))
            (IMAGES / "web.png").write_bytes(await view(tab, Path(folder)))


def terminal(report: Report) -> str:
    """Return the first lines of a report on a terminal as SVG."""
    whole = io.StringIO()
    show_report(report, Console(file=whole, width=110, highlight=False, force_terminal=True, color_system="standard"))
    console = Console(record=True, file=io.StringIO(), width=110, highlight=False, force_terminal=True)
    console.print(Text.from_ansi("\n".join(whole.getvalue().splitlines()[:46])))
    return console.export_svg(title=f'soc-analyst hunt "{QUESTION}"', theme=MONOKAI, unique_id="terminal")


async def page(tab: Tab, report: Report, folder: Path) -> bytes:
    """Return the top of the report's page."""
    path = folder / "report.html"
    path.write_text(as_html(report))
    await tab.open(path.as_uri())
    return await tab.picture()


async def view(tab: Tab, folder: Path) -> bytes:
    """Return the view with a plan that waits."""
    async with served(folder, workspace="sample", approve="always") as url:
        await tab.open(url)
        question = "Something is messed up in our Entra ID for the last 2 weeks or so, particularly about user arisa"
        await tab.value(f"document.getElementById('question').value = {question!r}")
        await tab.value("document.querySelector('.ask').requestSubmit()")
        for _ in range(600):
            await asyncio.sleep(0.2)
            if await tab.value("!!document.getElementById('plan')"):
                break
        return await tab.picture()


if __name__ == "__main__":
    asyncio.run(main())
