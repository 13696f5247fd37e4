"""Reports of some cases as they are kept, in every format; `make golden` hunts again and rewrites them."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from soc_analyst import Report
from soc_analyst.tools.records.formats import Format, rendered
from soc_analyst.tools.records.reproducing import Ground
from tests.cases.form import CASES as FOLDER
from tests.cases.form import CLOCK, load
from tests.cases.play import play

HERE = Path(__file__).parent / "golden"
CASES = (
    "word-starts-hidden-powershell",
    "benign-backup-lists-shadow-copies",
    "no-such-table",
    "pivot-consent-back-to-the-sign-in",
)
"""An attack, ordinary work, one where nobody could look, and one that takes a pivot."""
GROUND = Ground(workspace="logs", now=CLOCK)
ENDINGS = {
    Format.markdown: "md", Format.json: "json", Format.html: "html", Format.stix: "stix.json",
    Format.navigator: "navigator.json", Format.csv: "csv", Format.kql: "kql", Format.notebook: "ipynb",
    Format.sentinel_rule: "yaml",
}  # fmt: skip
PARTS_OF_A_PAGE = re.compile(
    r'<(style|script)>.*?</\1>|<section id="attack".*?</section>| data-exact="[^"]*"|sha256-[\w+/=]+', re.DOTALL
)
"""What is the same on every page, tells of all rules that there are, or stands there twice."""


def kept(case: str) -> Report:
    """Return the report that is kept of a case."""
    return Report.model_validate_json(path_of(case, Format.json).read_bytes())


def path_of(case: str, form: Format) -> Path:
    """Return where a report is kept."""
    return HERE / case / f"report.{ENDINGS[form]}"


def golden(report: Report, form: Format) -> str:
    """Return a report as it is kept: the page without what is no report's own."""
    text = rendered(report, form, tlp="amber" if form == Format.stix else "", ground=GROUND)
    return PARTS_OF_A_PAGE.sub("", text) if form == Format.html else text


def timeless(report: Report) -> Report:
    """Return a report without what differs from run to run, and from policy to policy."""
    queries = tuple(
        query.model_copy(update={"elapsed_ms": 0.0, "scanned": None, "estimate": None}) for query in report.queries
    )
    usage = report.usage.model_copy(update={"seconds": 0.0})
    return report.model_copy(update={"queries": queries, "usage": usage, "policy_hash": "0" * 64})


async def _hunted() -> list[tuple[str, Report]]:
    found = []
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            played = await play(load(FOLDER / case), Path(folder))
        found.append((case, timeless(played.report)))
    return found


def rewritten() -> Iterator[Path]:
    """Hunt again, rewrite all that is kept, and yield each file."""
    for case, report in asyncio.run(_hunted()):
        (HERE / case).mkdir(parents=True, exist_ok=True)
        for form in Format:
            path = path_of(case, form)
            path.write_bytes(golden(report, form).encode())
            yield path


if __name__ == "__main__":
    for path in rewritten():
        sys.stdout.write(f"{path.relative_to(HERE)}: {path.stat().st_size:,} bytes\n")
