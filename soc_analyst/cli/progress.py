"""Live progress on stderr: which node works, which queries run, what came back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from soc_analyst.state.costs import size_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

    from soc_analyst.graph.progress import Cost, Event, QueryFinished

__all__ = ["watching"]

MARKS = {
    "ok": "[green]✓[/]",
    "empty": "[dim]∅[/]",
    "partial": "[yellow]◐[/]",
    "failed": "[red]✗[/]",
    "skipped": "[yellow]-[/]",
}
SOURCES = {"usage": " (by the table Usage)", "count": " (by a count)", "loaded": ""}
ASCII_MARKS = {"ok": "ok", "empty": "empty", "partial": "partial", "failed": "failed", "skipped": "skipped"}


@contextmanager
def watching(*, quiet: bool) -> Iterator[Callable[[Event], None] | None]:
    """Show events on stderr while the block runs; nothing at all when quiet."""
    if quiet:
        yield None
        return
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    if not sys.stderr.isatty():
        yield lambda event: _line(console, event)
        return
    with console.status("Reading the question …", spinner="dots") as status:
        yield lambda event: _live(console, status, event)


def _live(console: Console, status: Status, event: Event) -> None:
    from rich.markup import escape

    _line(console, event)
    if event["event"] == "waiting":
        status.stop()  # a person is asked on the same terminal
    elif event["event"] == "query_started":
        status.start()
        status.update(f"Running {event['table']} …")
    elif event["event"] == "model_call":
        status.update(f"The {escape(event['node'])} waits for {escape(event['text'].partition(': ')[0])} …")
    elif event["event"] == "detections":
        status.update("Checking every claim against the rows …")
    elif event["event"] == "round":
        status.start()
        status.update(f"Round {event['round']}: {event['count']} queries through the guard …")


def _line(console: Console, event: Event) -> None:
    from rich.markup import escape

    if event["event"] == "round" and event["count"]:
        asked = _counted(event["count"], "query", "queries")
        console.print(f"[bold]Round {event['round']}[/] · {asked} · {escape(event['text'])}")
    elif event["event"] == "query_refused":
        console.print(f"  [red]refused[/] {event['id']} · {escape(event['text'])}")
    elif event["event"] == "cost":
        console.print(f"  [dim]{_cost(event)}[/]")
    elif event["event"] == "query_finished":
        marks = MARKS if console.is_terminal else ASCII_MARKS
        console.print(
            f"  {marks[event['status']]} {event['id']:<6} {event['table']:<26} "
            f"{event['rows']:>8,} rows [dim]{event['elapsed_ms']:>7,.0f} ms{_taken(event)}[/]"
        )
    elif event["event"] == "model_call":
        console.print(f"  [dim]asks {escape(event['text'])}[/]")
    elif event["event"] == "detections":
        console.print(f"  [dim]{_counted(event['count'], 'detection', 'detections')} fired[/]")


def _cost(event: Cost) -> str:
    """Say what the plan will read."""
    amounts = _amounts(event)
    unknown = event["unknown"]
    if not amounts:
        return "to read: unknown"
    more = f"; {_counted(unknown, 'query', 'queries')} unknown" if unknown else ""
    return f"to read: {amounts}{SOURCES.get(event['text'], '')}{more}"


def _taken(event: QueryFinished) -> str:
    """Say what the service read, where it counts; the report has the rest."""
    return f", {size_text(event['bytes'])} read" if event["bytes"] is not None else ""


def _amounts(event: Cost) -> str:
    rows, size = event["scanned_rows"], event["bytes"]
    parts = (f"{rows:,} rows" if rows is not None else "", size_text(size) if size is not None else "")
    return ", ".join(filter(None, parts))


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
