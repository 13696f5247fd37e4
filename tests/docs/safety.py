"""Writes the lists of docs/safety.md from the guard's own data: `python -m tests.docs.safety`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

from soc_analyst.tools.guard.dialect import dialect
from soc_analyst.tools.guard.naming import OPERATOR_NAMES
from soc_analyst.tools.kql.words import REFUSED_OPERATORS, REFUSED_SOURCES

PAGE = Path(__file__).parents[2] / "docs" / "safety.md"
BEGIN, END = "<!-- generated -->\n", "<!-- /generated -->\n"


def lists() -> str:
    """Return what is refused with its reason, and what a policy can take away."""
    known = dialect()
    parts = [
        "### Beginnings of a query\n", *_reasons(REFUSED_SOURCES),
        "### Operators\n", *_reasons(REFUSED_OPERATORS),
        "### Functions\n", *_reasons(known.refused),
        "### What `refuse.operators` can take away\n", _names(OPERATOR_NAMES),
        "### What `refuse.functions` can take away\n", _names({*known.functions, *known.aggregates}),
    ]  # fmt: skip
    return "\n".join(parts)


def _reasons(refused: Mapping[str, str]) -> Iterable[str]:
    yield "| refused | why |\n|---|---|"
    by_reason = sorted(refused.items(), key=lambda item: (item[1], item[0]))
    for reason, items in groupby(by_reason, key=lambda item: item[1]):
        names = ", ".join(f"`{name}`" for name, _ in items)
        yield f"| {names} | {reason} |".replace("\n", " ")
    yield ""


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) + "\n"


def written() -> str:
    """Return the page with the lists as they should be."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{lists()}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(written())
