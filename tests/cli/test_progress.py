"""What a person sees while a run goes on: a line for each thing done, and one for what goes on and what comes."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from soc_analyst import Context, ahunt
from soc_analyst.cli.progress import Progress
from soc_analyst.graph.progress import Event
from tests.graph.workspace import small

QUESTION = "Anything suspicious on host ws-1 in the last day?"
SPENT = {
    "usd": 0.0123, "input_tokens": 9_000, "cached_tokens": 0, "output_tokens": 700, "model_calls": 3, "queries": 7,
    "rows": 1_234, "seconds": 3.2,
}  # fmt: skip


@pytest.fixture
async def events(tmp_path: Path) -> list[Event]:
    seen: list[Event] = []
    context = Context(workspace=str(small(tmp_path / "logs")), data_dir=tmp_path / "home")
    await ahunt(QUESTION, context=context, watch=seen.append)
    return seen


def seen(events: list[Event], width: int, *, terminal: bool) -> tuple[str, list[str]]:
    """Return what was printed, and the line of what goes on after each event."""
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False, force_terminal=terminal, color_system=None)
    progress = Progress(console, console.status("") if terminal else None)
    going_on = []
    for event in events:
        progress._note(event)
        progress._print(event)
        with console.capture() as captured:
            console.print(progress._going_on())
        going_on.append(captured.get().rstrip("\n"))
    return out.getvalue(), going_on


@pytest.mark.parametrize("width", [40, 80, 200])
async def test_what_goes_on_is_one_line_that_fits(events: list[Event], width: int) -> None:
    _, lines = seen(events, width, terminal=True)
    assert all("\n" not in line and cell_len(line) <= width for line in lines)


async def test_it_says_what_runs_what_it_costs_and_what_comes_next(events: list[Event]) -> None:
    _, lines = seen(events, 200, terminal=True)
    assert any(re.search(r"of 7 queries · \d+ s.* · running ", line) for line in lines)
    assert any("next: the proof of each claim" in line for line in lines)
    assert lines[-1].startswith("Round ") and "rows" in lines[-1]
    paid: Event = {"v": 1, "event": "step", "node": "planner", "text": "", "next": "guardrail", "spent": SPENT}  # type: ignore[typeddict-item]
    _, lines = seen([paid], 200, terminal=True)
    assert "$0.0123" in lines[0] and "1,234 rows" in lines[0] and "next: the guard" in lines[0]


async def test_on_a_terminal_empty_answers_are_counted_and_in_a_file_each_is_a_line(events: list[Event]) -> None:
    empty = sum(event["event"] == "query_finished" and event["status"] == "empty" for event in events)
    assert empty > 2
    terminal, _ = seen(events, 120, terminal=True)
    plain, _ = seen(events, 120, terminal=False)
    told = re.findall(r"(\d+) quer(?:y|ies) found nothing", terminal)
    assert sum(map(int, told)) == empty and "∅" not in terminal
    assert plain.count(" empty ") == empty and "\x1b" not in plain
