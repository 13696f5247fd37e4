"""A checkup on a terminal: a line a step, the tables below theirs, commands to copy on lines of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from soc_analyst.health import Checkup, StepResult, TableHealth

__all__ = ["Shown"]

WORDS = {"ok": ("ok", "green"), "note": ("note", "yellow"), "failed": ("FAIL", "bold red"), "skipped": ("skip", "dim")}
NAME = 15
INDENT = 6
LONG = 40
"""Characters from which on a command gets a line of its own: it is copied whole there."""
COLUMNS = 3
"""Missing columns that are named; the JSON names all."""
_COMMAND = re.compile(rf"(?<=:) `([^`]{{{LONG},}})`\Z")


class Shown:
    """What is printed, step by step. In a pipe each thing is one line, however long.

    As a context manager it shows on a terminal which of the `coming` steps is under way.
    """

    def __init__(self, coming: Sequence[str] = (), console: Console | None = None) -> None:
        self._out = console or Console(highlight=False)
        self._coming = list(coming)
        self._status = self._out.status("", spinner="dots") if self._out.is_terminal and coming else None

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.update(f"{self._coming[0]} …")
            self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._status is not None:
            self._status.stop()

    def step(self, result: StepResult) -> None:
        """Print a step; one that this workspace does not need is left out."""
        self._coming = self._coming[1:]
        if self._status is not None and self._coming:
            self._status.update(f"{self._coming[0]} …")
        if result.status == "not_needed":
            return
        word, style = WORDS[result.status]
        what = Text(self._written(result.what), "dim" if result.status == "skipped" else "")
        self._line(Text(word, style), Text(result.step, "bold" if result.status == "failed" else ""), what)
        if result.tables:
            self._tables(result)
        if result.do:
            self._do(result)

    def end(self, checkup: Checkup) -> None:
        """Say it in one line."""
        failed = [step.step for step in checkup.steps if step.status == "failed"]
        skipped = sum(step.status == "skipped" for step in checkup.steps)
        if failed:
            rest = f"; {skipped} skipped" if skipped else ""
            self._out.print(Text(f"\nNot well: {', '.join(failed)}{rest}.", "bold red"), soft_wrap=True)
            return
        notes = [step.step for step in checkup.steps if step.status == "note"]
        told = f" Worth knowing: {', '.join(notes)}." if notes else ""
        self._out.print(Text.assemble("\n", ("All works.", "bold green"), told), soft_wrap=True)

    def _written(self, text: str) -> str:
        """Return a text in letters that the terminal has."""
        return text.encode(self._out.encoding, "replace").decode(self._out.encoding)

    def _line(self, word: Text, name: Text, what: Text) -> None:
        if not self._out.is_terminal:
            self._out.print(Text.assemble(_filled(word, INDENT), _filled(name, NAME), what), soft_wrap=True)
            return
        grid = Table.grid(padding=0, expand=True)
        grid.add_column(width=INDENT)
        grid.add_column(width=NAME)
        grid.add_column(overflow="fold", ratio=1)
        grid.add_row(word, name, what)
        self._out.print(grid)

    def _do(self, result: StepResult) -> None:
        """Print what to do; a long command stands alone, unbroken, below the sentence that leads to it."""
        do = self._written(result.do)
        found = _COMMAND.search(do)
        sentence = do if found is None else do[: found.start()]
        self._line(Text(""), Text("  to do", "cyan"), Text(sentence, "cyan"))
        if found is not None:
            self._out.print(Text(f"{' ' * INDENT}{found[1]}", "bold cyan"), soft_wrap=True)

    def _tables(self, result: StepResult) -> None:
        end = datetime.fromisoformat(str(result.facts["end"]))
        width = max(len(one.table) for one in result.tables)
        wide = self._out.is_terminal
        for one in result.tables:
            name = f"{one.table:<{width}}"
            told = Text.assemble(" " * INDENT, name, *_facts(one, end))
            missing = _missing(one)
            self._out.print(told if wide or not missing else Text.assemble(told, "  ", missing), soft_wrap=not wide)
            if wide and missing:
                self._line(Text(""), Text(""), missing)


def _facts(one: TableHealth, end: datetime) -> list[Text]:
    if one.status in ("missing", "failed"):
        return [Text(f"  {one.why}", "yellow" if one.status == "missing" else "red")]
    parts = [Text(f"{one.rows or 0:>12,} rows", "" if one.rows else "yellow")]
    if one.last is not None:
        parts.append(Text(f"  {one.last:%Y-%m-%d %H:%M}, {_ago(end, one.last)}", "dim"))
    return parts


def _missing(one: TableHealth) -> Text | None:
    if not one.lacking:
        return None
    named, more = ", ".join(one.lacking[:COLUMNS]), len(one.lacking) - COLUMNS
    return Text(f"lacks {named}{f' and {more} more' if more > 0 else ''}", "yellow")


def _ago(end: datetime, last: datetime) -> str:
    seconds = (end - last).total_seconds()
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return "just now" if seconds >= 0 else "in the future"


def _filled(text: Text, width: int) -> Text:
    return Text.assemble(text, " " * max(1, width - len(text.plain)))
