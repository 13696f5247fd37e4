"""What must be so after a run that died, and what of a report may be otherwise."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from soc_analyst.tools.evidence.store import ROWS, TEXT
from soc_analyst.tools.records.folder import DataDir

__all__ = ["assert_nothing_torn", "told"]


def told(report: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a report without what the clock and the thread's name alone decide."""
    report["usage"].pop("seconds")
    report["usage"]["answers"] = len(report["usage"]["answers"])  # each case has pseudonyms of its own, and so requests
    for query in report["queries"]:
        query.pop("elapsed_ms")
        query.pop("scanned")
    found: dict[str, Any] = json.loads(json.dumps(report).replace(name, "THREAD"))
    return found


def assert_nothing_torn(data: DataDir) -> None:
    for path in (data.root / "evidence").glob("*/*"):
        if path.suffix in (ROWS, TEXT):
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem, f"{path.name} is torn"
    for path in data.cases.glob("*/*/*.json"):
        json.loads(path.read_bytes())
