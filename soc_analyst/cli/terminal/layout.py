"""What the parts of a report on a terminal have in common: colours, headings, and what stands side by side."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table

__all__ = ["COLORS", "WIDE", "beside", "titled"]

COLORS = {"High": "red", "Medium": "yellow", "Low": "blue"}
"""A confidence is always written out too: colours add nothing that words do not say."""
WIDE = 150
"""Columns from which on two things stand side by side."""


def titled(title: str) -> Table:
    """Return an empty table without lines under a heading."""
    return Table(title=f"\n{title}", title_justify="left", title_style="bold", box=None, padding=(0, 1), expand=False)


def beside(left: RenderableType, right: RenderableType, width: int) -> RenderableType:
    """Put two things side by side on a wide terminal, else one below the other."""
    if width < WIDE:
        return Group(left, right)
    grid = Table.grid(padding=(0, 4), expand=True)
    grid.add_column(ratio=1)
    grid.add_column(ratio=1)
    grid.add_row(left, right)
    return grid
