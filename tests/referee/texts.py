"""The texts that the suites hold: queries separated by blank lines, after one comment."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parents[1]


def honest() -> list[str]:
    """Return the queries that must be allowed."""
    files = sorted(TESTS.glob("guard/*.kql"))
    return [kql for file in files for kql in file.read_text(encoding="utf-8").strip().split("\n\n")[1:]]


def hostile() -> list[str]:
    """Return the queries that must be refused, as they stand in their file."""
    lines = (TESTS / "guard" / "escapes.txt").read_text(encoding="utf-8").splitlines()
    return [line.split(maxsplit=1)[1] for line in lines if line and not line.startswith("#")]
