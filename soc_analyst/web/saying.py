"""Steps of progress in words, as plain text: what a page shows of them it writes as text and never as markup."""

from __future__ import annotations

from typing import TypedDict

from soc_analyst.graph.progress import COMING, Event, Spent
from soc_analyst.tools.amounts import counted
from soc_analyst.tools.records.safe_text import inert

__all__ = ["Step", "step_of"]


class Step(TypedDict):
    """One line of what happens."""

    kind: str
    """What the line is about: `round`, `query`, `refused`, `cost`, `model`, `detections`, `finding`, `now`."""
    status: str
    """Of a query: ok, empty, partial, failed; of a finding: its confidence."""
    text: str


def step_of(event: Event) -> Step | None:
    """Return an event as a line, None where it is not worth one."""
    if event["event"] == "round" and event["count"]:
        return _step("round", f"Round {event['round']}: {counted(event['count'], 'query', 'queries')}. {event['text']}")
    if event["event"] == "query_refused":
        return _step("refused", f"{event['id']} refused: {event['text']}", "refused")
    if event["event"] == "query_started":
        return _step("now", f"{event['table']}: {event['text']}")
    if event["event"] == "query_finished":
        took = f"{event['table']}, {counted(event['rows'], 'row', 'rows')}, {event['elapsed_ms']:,.0f} ms"
        return _step("query", f"{event['id']}: {took}", event["status"])
    if event["event"] == "model_call":
        return _step("model", f"The {event['node']} asks {event['text']}")
    if event["event"] == "step":
        return _step("now", f"{event['text']} Then: {COMING[event['next']]}. {_spent(event['spent'])}")
    if event["event"] == "detections":
        return _step("detections", f"{counted(event['count'], 'detection', 'detections')} fired")
    if event["event"] == "finding":
        return _step("finding", event["text"], event["confidence"])
    return None


def _step(kind: str, text: str, status: str = "") -> Step:
    return {"kind": kind, "status": status, "text": inert(" ".join(text.split()))}


def _spent(spent: Spent) -> str:
    """Say what the case has cost so far."""
    told = [f"{spent['seconds']:.0f} s", counted(spent["queries"], "query", "queries")]
    told += [counted(spent["rows"], "row", "rows")]
    return "So far: " + ", ".join([*told, *([f"${spent['usd']:.4f}"] if spent["usd"] else [])]) + "."
