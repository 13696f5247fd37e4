"""Live progress on stderr: what runs, what came back, what it has cost so far, and what comes next."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from soc_analyst.state.costs import size_text
from soc_analyst.tools.amounts import counted

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.status import Status

    from soc_analyst.graph.progress import Cost, Event, QueryFinished, Spent

__all__ = ["Progress", "watching"]

MARKS = {
    "ok": "[green]✓[/]",
    "empty": "[dim]∅[/]",
    "partial": "[yellow]◐[/]",
    "failed": "[red]✗[/]",
    "skipped": "[yellow]-[/]",
}
ASCII_MARKS = {status: status for status in MARKS}
SOURCES = {"usage": " (by the table Usage)", "count": " (by a count)", "loaded": ""}


@contextmanager
def watching(*, quiet: bool) -> Iterator[Callable[[Event], None] | None]:
    """Show events on stderr while the block runs; nothing at all when quiet."""
    if quiet:
        yield None
        return
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    if not sys.stderr.isatty():
        yield Progress(console).take
        return
    with console.status("Reading the question …", spinner="dots") as status:
        yield Progress(console, status).take


@dataclass
class Progress:
    """What is known of a run while it runs: lines for what is done, one line below them for what goes on."""

    console: Console
    status: Status | None = None
    """The line for what goes on, where there is a terminal."""
    round: int = 0
    planned: int = 0
    done: Counter[str] = field(default_factory=Counter)
    """Queries of this round by what became of them."""
    rows: int = 0
    running: dict[str, str] = field(default_factory=dict)
    """The table of each query that runs, by its id."""
    doing: str = ""
    spent: Spent | None = None
    usd: float = 0.0
    """What the model has cost since the last step ended."""
    started: float = field(default_factory=time.monotonic)

    def take(self, event: Event) -> None:
        """Note an event, print what it says, and bring the line of what goes on up to date."""
        self._note(event)
        self._print(event)
        if self.status is None:
            return
        if event["event"] == "waiting":
            self.status.stop()  # a person is asked on the same terminal
        elif event["event"] in ("round", "query_started"):
            self.status.start()
        self.status.update(self._going_on())

    def _note(self, event: Event) -> None:
        if event["event"] == "round":
            self.round, self.planned, self.rows = event["round"], event["count"], 0
            self.done.clear()
            self.doing = "the guard proves them"
        elif event["event"] == "query_started":
            self.running[event["id"]] = event["table"]
        elif event["event"] == "query_finished":
            self.running.pop(event["id"], None)
            self.done[event["status"]] += 1
            self.rows += event["rows"]
        elif event["event"] == "model_call":
            self.doing = f"the {event['node']} waits for {event['text'].partition(': ')[0]}"
        elif event["event"] == "model_answered":
            self.usd += event["usd"]
        elif event["event"] == "step":
            self.spent, self.usd = event["spent"], 0.0
            from soc_analyst.graph.progress import COMING

            self.doing = f"next: {COMING[event['next']]}"

    def _going_on(self) -> RenderableType:
        """Return one line that fits: round, queries, what runs, what it cost so far, what comes next."""
        from rich.styled import Styled
        from rich.text import Text

        answered = sum(self.done.values())
        parts = [f"Round {self.round}" if self.round else "Reading the question"]
        if self.planned and answered < self.planned:
            parts.append(f"{answered} of {self.planned} queries")
        tables = ", ".join(dict.fromkeys(self.running.values()))
        parts += [self._cost_so_far(), f"running {tables}" if tables else self.doing]
        line = Text(" · ".join(filter(None, parts)), no_wrap=True, overflow="ellipsis")
        return Styled(line, "none")  # a bare text would be joined with the spinner, and wrapped

    def _cost_so_far(self) -> str:
        """Say what the case has cost: seconds always, rows and dollars once there are some."""
        told = [f"{time.monotonic() - self.started:.0f} s"]
        rows = (self.spent["rows"] if self.spent else 0) + (self.rows if self.running else 0)
        if rows:
            told.append(f"{rows:,} rows")
        usd = (self.spent["usd"] if self.spent else 0.0) + self.usd
        if usd:
            told.append(f"${usd:.4f}")
        return ", ".join(told)

    def _print(self, event: Event) -> None:
        from rich.markup import escape

        out = self.console.print
        if event["event"] == "round" and event["count"]:
            asked = counted(event["count"], "query", "queries")
            out(f"[bold]Round {event['round']}[/] · {asked} · {escape(event['text'])}")
        elif event["event"] == "query_refused":
            out(f"  [red]refused[/] {event['id']} · {escape(event['text'])}")
        elif event["event"] == "cost":
            out(f"  [dim]{_cost(event)}[/]")
        elif event["event"] == "query_finished" and not (self.status and event["status"] == "empty"):
            marks = MARKS if self.console.is_terminal else ASCII_MARKS
            out(
                f"  {marks[event['status']]} {event['id']:<6} {event['table']:<26} "
                f"{event['rows']:>8,} rows [dim]{event['elapsed_ms']:>7,.0f} ms{_taken(event)}[/]"
            )
        elif event["event"] == "model_call":
            out(f"  [dim]asks {escape(event['text'])}[/]")
        elif event["event"] == "detections":
            empty = f"{counted(self.done['empty'], 'query', 'queries')} found nothing, " if self._folded else ""
            out(f"  [dim]{empty}{counted(event['count'], 'detection', 'detections')} fired[/]")

    @property
    def _folded(self) -> bool:
        return self.status is not None and self.done["empty"] > 0


def _cost(event: Cost) -> str:
    """Say what the plan will read."""
    amounts = _amounts(event)
    unknown = event["unknown"]
    if not amounts:
        return "to read: unknown"
    more = f"; {counted(unknown, 'query', 'queries')} unknown" if unknown else ""
    return f"to read: {amounts}{SOURCES.get(event['text'], '')}{more}"


def _taken(event: QueryFinished) -> str:
    """Say what the service read, where it counts; the report has the rest."""
    return f", {size_text(event['bytes'])} read" if event["bytes"] is not None else ""


def _amounts(event: Cost) -> str:
    rows, size = event["scanned_rows"], event["bytes"]
    parts = (f"{rows:,} rows" if rows is not None else "", size_text(size) if size is not None else "")
    return ", ".join(filter(None, parts))
