"""A plan put to the person at the terminal: accept, edit, respond or ignore."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markdown import Markdown
from rich.panel import Panel
from rich.syntax import Syntax

from soc_analyst.tools.records.safe_text import printable

if TYPE_CHECKING:
    from soc_analyst.graph.approval.approving import HumanInterrupt

__all__ = ["accepting", "at_terminal"]

HASH = "hash"
ANSWERS = "[bold]a[/]ccept, [bold]e[/]dit, [bold]r[/]espond with what to do otherwise, [bold]i[/]gnore and end"
MARK = "// ---- "
"""How the line begins that says which query follows; the guard takes it for a comment."""


def at_terminal() -> Callable[[HumanInterrupt], object] | None:
    """Return what asks the person, or None where nobody sits at a terminal."""
    return _asked if sys.stdin.isatty() and sys.stderr.isatty() else None


def accepting(digest: str) -> Callable[[HumanInterrupt], object]:
    """Return what says yes to the plan with this hash and to no other."""

    def answer(_plan: HumanInterrupt) -> object:
        return {"type": "accept", "args": {HASH: digest}}

    return answer


def _asked(plan: HumanInterrupt) -> object:
    console = Console(stderr=True, highlight=False)
    texts = {name: text for name, text in plan["action_request"]["args"].items() if name != HASH}
    digest = plan["action_request"]["args"][HASH]
    console.print()
    console.print(
        Panel(Markdown(printable(plan["description"])), title="A plan waits for your yes", title_align="left")
    )
    while True:
        console.print(f"{ANSWERS}; [bold]s[/]how the queries")
        said = console.input("> ").strip().casefold()
        if said in ("a", "accept"):
            return {"type": "accept", "args": {HASH: digest}}
        if said in ("i", "ignore"):
            return {"type": "ignore", "args": None}
        if said in ("s", "show"):
            console.print(Syntax(printable(_joined(texts)), "kusto", word_wrap=True, background_color="default"))
        if said in ("r", "respond") and (words := console.input("What should be done instead? > ").strip()):
            return {"type": "response", "args": words}
        if said in ("e", "edit") and (edited := _edited(texts, console)) is not None:
            return {
                "type": "edit",
                "args": {"action": plan["action_request"]["action"], "args": {HASH: digest, **edited}},
            }


def _edited(texts: dict[str, str], console: Console) -> dict[str, str] | None:
    """Let the person edit the queries; None where nothing was changed or the change was taken back."""
    before = _joined(texts)
    after = click.edit(before, extension=".kql")
    if after is None or after.strip() == before.strip():
        console.print("Nothing was changed.")
        return None
    edited = _parted(after)
    if strange := sorted(set(edited) - set(texts)):
        console.print(f"There is no query {strange[0]} in this plan; keep the lines that begin with {MARK.strip()}.")
        return None
    difference = "\n".join(
        difflib.unified_diff(before.splitlines(), after.splitlines(), "planned", "edited", lineterm="")
    )
    console.print(Syntax(printable(difference), "diff", word_wrap=True, background_color="default"))
    sure = console.input("Run it so, once the guard has proved it? [bold]y[/]es or [bold]n[/]o > ").strip().casefold()
    return edited if sure in ("y", "yes") else None


def _joined(texts: dict[str, str]) -> str:
    return "\n\n".join(f"{MARK}{name}\n{text}" for name, text in texts.items()) + "\n"


def _parted(text: str) -> dict[str, str]:
    """Return the queries of an edited text by id; one whose text was emptied is taken out of the plan."""
    parts: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith(MARK):
            name = line.removeprefix(MARK).strip()
            parts[name] = []
        elif name:
            parts[name].append(line)
    return {name: "\n".join(lines).strip() for name, lines in parts.items()}
