"""What the hits that a question is about lead to: names of machines, accounts and addresses, and who else has them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .grouping import Grouped

__all__ = ["Names", "leads_to", "names_in", "one_of"]

SHORTEST = 3
MOST_READ = 4_000
"""Characters of a value that are looked through."""

Names = re.Pattern[str]


def names_in(groups: Iterable[tuple[Grouped, int]]) -> frozenset[str]:
    """Return the names of machines, accounts and addresses in rows, each given by its table and position."""
    found: set[str] = set()
    for table, row in groups:
        for columns in table.view.subjects.values():
            found |= {column.text(row) for column in columns}
        addresses = [name for name, kind in table.view.look.keys.items() if kind == "address"]
        found |= {table.view.column(name).text(row).casefold() for name in addresses}
    return frozenset(name for name in found if len(name) >= SHORTEST)


def one_of(names: frozenset[str]) -> Names:
    """Return what finds one of these names as a whole word."""
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w-])")


def leads_to(groups: Grouped, row: int, names: Names) -> bool:
    """Return whether a row holds one of the names in a column that tells what it is about.

    A table that names nobody cannot be told apart: its rows may be about anyone.
    """
    look = groups.view.look
    if not look.subjects:
        return True
    # Read cell by cell: coding whole columns for a few rows would take long.
    cells = (groups.view.rows.rows[name][row].as_py() for name in look.columns)
    return any(names.search(str(cell)[:MOST_READ].casefold()) for cell in cells if cell is not None)
