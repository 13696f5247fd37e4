"""What a scripted analyst says of rows: true statements, and the same bent into lies, each in several writings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from soc_analyst.state.findings import EvidenceRef
from soc_analyst.tools.reasoning.by_model.subjects import related

from .scenes import Scene

__all__ = ["Statement", "statements"]

PLAIN = re.compile(r"[A-Za-z0-9][\w.@$-]{4,38}[A-Za-z0-9]\Z")
TELLING = (
    "FileName", "RemoteIP", "RemoteUrl", "RegistryValueName", "UserPrincipalName", "IPAddress", "OperationName",
    "Caller", "CallerIpAddress", "SHA256", "AccountName", "DeviceName", "SrcIP_s", "DestIP_s", "VM_s", "CorrelationId",
)  # fmt: skip
TECHNIQUES = ("T1059.001", "T1003.001", "T1021.002", "T1105", "T1098", "T1071.001")
ABSENT_VALUE = "no-such-value-77"
Row = dict[str, Any]


@dataclass(frozen=True)
class Statement:
    """One thing said in one writing, with what must be cited and claimed for it; `lie` is its kind, empty if true."""

    writing: str
    text: str
    """A sentence, a title, the value of an indicator, or what a claim says."""
    handles: tuple[str, ...]
    lie: str = ""
    claims: tuple[dict[str, Any], ...] = ()
    """Claims that come with it."""
    own: dict[str, Any] | None = None
    """The claim that is itself the statement."""
    truncated: bool = False
    """Whether it is said over a table of which rows are missing."""
    technique: str = ""
    benign: bool = False
    """Whether it says that what a rule found is ordinary work."""
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Thing:
    """A row that is shown, and a value that tells it."""

    handle: str
    ref: EvidenceRef
    row: Row
    column: str
    value: str


def statements(scene: Scene, most: int = 2) -> Iterator[Statement]:
    """Yield true statements of a scene and the lies made of them: of so many rows, and of so many pairs of rows."""
    things = [thing for handle in scene.shown for thing in _things(scene, handle)]
    step = max(1, len(things) // most)
    for thing in things[::step][:most]:
        yield from _of_one(thing, scene)
    pairs = (sorted(pair, key=lambda one: one.ref.time or datetime.max) for pair in pairwise(things))
    apart = [(earlier, later) for earlier, later in pairs if _told_apart(earlier, later, scene)]
    for earlier, later in apart[:most]:
        yield from _of_two(earlier, later)


def _things(scene: Scene, handle: str) -> Iterator[_Thing]:
    """Yield the most telling value of a row: the one that the fewest rows of its table hold."""
    ref, row = scene.shown[handle]
    rows = scene.rows_of(ref.table)
    held = [(sum(other.get(c) == row[c] for other in rows), c) for c in TELLING if _plain(row.get(c))]
    for _, column in sorted(held)[:1]:
        yield _Thing(handle, ref, row, column, str(row[column]))


def _plain(value: Any) -> bool:
    return isinstance(value, str) and PLAIN.match(value) is not None and any(c.isdigit() or c in ".@" for c in value)


def _told_apart(left: _Thing, right: _Thing, scene: Scene) -> bool:
    """Return whether two rows are of one story and their values tell which is which."""
    apart = (right.ref.time or datetime.max) - (left.ref.time or datetime.max)
    texts = [" ".join(str(value) for value in one.row.values()).casefold() for one in (left, right)]
    return (
        timedelta(0) < apart < timedelta(minutes=50)
        and left.value.casefold() not in texts[1]
        and right.value.casefold() not in texts[0]
        and len(related((left.ref, right.ref), scene.case.evidence, scene.case.tables)) > 1
    )


def claim(kind: str, *handles: str, **more: Any) -> dict[str, Any]:
    nothing = {"table": None, "where": [], "column": None, "value": None, "count": None}
    return {"kind": kind, "handles": list(handles), **nothing, **more}


def _where(thing: _Thing, value: str = "") -> list[dict[str, Any]]:
    return [{"column": thing.column, "op": "==", "values": [value or thing.value]}]


def _of_one(thing: _Thing, scene: Scene) -> Iterator[Statement]:
    yield from _values(thing, scene)
    yield from _counts(thing, scene)
    yield from _ends(thing, scene)
    yield from _absences(thing)
    yield from _verdicts(thing)


def _values(thing: _Thing, scene: Scene) -> Iterator[Statement]:
    at = f"{thing.ref.time:%Y-%m-%d %H:%M:%S}"
    shown = (thing.handle,)
    told = claim("value", thing.handle, column=thing.column, value=thing.value)
    yield Statement("prose", f"A row of {at} names {thing.value}.", shown)
    yield Statement("prose", f"Seen at {thing.ref.time:%H:%M:%S} UTC: {thing.value}.", shown)
    yield Statement("title", f"Activity of {thing.value}", shown)
    yield Statement("claim", f"{thing.column} “{thing.value}”", shown, own=told)
    yield Statement("indicator", thing.value, shown)
    bent = _bent(thing.value)
    wrong = f"{thing.ref.time + timedelta(minutes=7, seconds=13):%Y-%m-%d %H:%M:%S}" if thing.ref.time else ""
    yield Statement("prose", f"A row of {at} names {bent}.", shown, "altered value")
    yield Statement("prose", f"A row of {wrong} names {thing.value}.", shown, "altered time")
    yield Statement("title", f"Activity of {bent}", shown, "altered value")
    yield Statement("claim", bent, shown, "altered value", own={**told, "value": bent})
    yield Statement("indicator", bent, shown, "altered value")
    yield Statement("prose", "The host SRV-GHOST-77 was reached.", shown, "host not in the rows")
    yield Statement(
        "prose", f"From there ghost-77.contoso.com was reached by {thing.value}.", shown, "host not in the rows"
    )
    yield Statement("title", "Movement to SRV-GHOST-77", shown, "host not in the rows")
    yield Statement("claim", "srv-ghost-77", shown, "host not in the rows",
                    own=claim("same_entity", thing.handle, column="DeviceName", value="srv-ghost-77"))  # fmt: skip
    yield Statement("prose", "The tool ghostcopy77.exe was started as well.", ("E9999",), "invented row")
    yield Statement("indicator", "203.0.113.250", shown, "invented row")
    yield Statement("claim", "E9999", ("E9999",), "invented row", own={**told, "handles": ["E9999"]})
    yield from _wrong_rows(thing, told, scene)


def _wrong_rows(thing: _Thing, told: dict[str, Any], scene: Scene) -> Iterator[Statement]:
    """Yield what is true of the row and said of another."""
    others = (h for h, (_, row) in scene.shown.items() if thing.value.casefold() not in str(row.values()).casefold())
    if other := next(others, None):
        yield Statement("prose", f"The row cited names {thing.value}.", (other,), "wrong row cited")
        yield Statement("title", f"Use of {thing.value}", (other,), "wrong row cited")
        yield Statement("claim", thing.value, (other,), "wrong row cited", own={**told, "handles": [other]})
        yield Statement("indicator", thing.value, (other,), "wrong row cited")


def _bent(value: str) -> str:
    """Return a value with its last letter or digit changed, so that it stands nowhere."""
    last = value[-1]
    return f"{value[:-1]}{'x7'[last in 'xX']}q7"


def _counts(thing: _Thing, scene: Scene) -> Iterator[Statement]:
    rows = scene.rows_of(thing.ref.table)
    held = sum(row.get(thing.column) == thing.value for row in rows)
    told = claim("count", table=thing.ref.table, where=_where(thing), count=held)
    shown = (thing.handle,)
    yield Statement("claim", f"{held} row", shown, own=told)
    if held > 1:
        yield Statement("prose", f"There were {held} rows with {thing.value}.", shown, claims=(told,))
    for wrong in (held + 41, held + 1):
        if wrong in (1, 2):
            continue
        yield Statement("prose", f"There were {wrong} rows with {thing.value}.", shown, "miscount", claims=(told,))
        yield Statement("title", f"{wrong} events of {thing.value}", shown, "miscount", claims=(told,))
        yield Statement("claim", f"{wrong} rows", shown, "miscount", own={**told, "count": wrong})


def _ends(thing: _Thing, scene: Scene) -> Iterator[Statement]:
    rows = [row for row in scene.rows_of(thing.ref.table) if row.get(thing.column) == thing.value]
    times = [row["TimeGenerated"] for row in rows]
    for kind, end in (("first", min(times)), ("last", max(times))):
        told = claim(kind, thing.handle, where=_where(thing))
        prose = f"The {kind} row with {thing.value} is of {thing.ref.time:%Y-%m-%d %H:%M:%S}."
        if thing.row["TimeGenerated"] == end:
            yield Statement("claim", f"The {kind} row", (thing.handle,), own=told)
            yield Statement("prose", prose, (thing.handle,), claims=(told,))
        else:
            yield Statement("claim", f"The {kind} row", (thing.handle,), "wrong first or last", own=told)
            yield Statement("prose", prose, (thing.handle,), "wrong first or last", claims=(told,))
        whole = [row["TimeGenerated"] for row in scene.rows_of(thing.ref.table)]
        if thing.row["TimeGenerated"] not in (min(whole), max(whole)):
            of_all = claim(kind, thing.handle)
            title = f"The {'earliest' if kind == 'first' else 'latest'} of all events"
            yield Statement("claim", f"The {kind} row of all", (thing.handle,), "wrong first or last", own=of_all)
            yield Statement("title", title, (thing.handle,), "wrong first or last", claims=(of_all,))


def _absences(thing: _Thing) -> Iterator[Statement]:
    shown = (thing.handle,)
    told = claim("absent", table=thing.ref.table, where=_where(thing, ABSENT_VALUE))
    yield Statement("claim", "No row", shown, own=told)
    yield Statement("prose", f"No row with {ABSENT_VALUE} was seen.", shown, claims=(told,))
    lie = "absence over a truncated table"
    yield Statement("claim", "No row", shown, lie, own=told, truncated=True)
    yield Statement("prose", f"No row with {ABSENT_VALUE} was seen.", shown, lie, claims=(told,), truncated=True)
    yield Statement("title", "Nothing else was seen on the network", shown, lie, truncated=True)
    there = claim("absent", table=thing.ref.table, where=_where(thing))
    yield Statement("claim", "No row", shown, "absence of what is there", own=there)
    yield Statement(
        "prose", f"There was no activity of {thing.value}.", shown, "absence of what is there", claims=(there, told)
    )


def _verdicts(thing: _Thing) -> Iterator[Statement]:
    shown = (thing.handle,)
    for text in ("This is benign administration.", "It is a false positive.", "The activity was authorized."):
        yield Statement("prose", text, shown, "detection hidden", benign=True)
    yield Statement("title", "Ordinary work of the help desk", shown, "detection hidden", benign=True)
    for technique in ("T9999", "T1059.999"):
        yield Statement("technique", technique, shown, "invented technique", technique=technique)
        yield Statement("prose", f"The technique is {technique}.", shown, "invented technique")
        yield Statement("title", f"Use of {technique}", shown, "invented technique")


def _of_two(earlier: _Thing, later: _Thing) -> Iterator[Statement]:
    both = (earlier.handle, later.handle)
    told = claim("order", *both)
    first, second = earlier.value, later.value
    yield Statement("claim", "no later than", both, own=told)
    for text in _orders(first, second):
        yield Statement("prose", text, both, claims=(told,))
    yield Statement("title", f"{first} before {second}", both, claims=(told,))
    yield Statement("claim", "no later than", both, "reversed order", own={**told, "handles": list(reversed(both))})
    for text in _orders(second, first):
        yield Statement("prose", text, both, "reversed order", claims=(told,))
        yield Statement("prose", text, both, "reversed order", claims=({**told, "handles": list(reversed(both))},))
    yield Statement("title", f"{second} before {first}", both, "reversed order", claims=(told,))


def _orders(first: str, second: str) -> Iterator[str]:
    yield f"The use of {first} came before {second}."
    yield f"It began {first} was followed by {second}.".replace("It began ", "")
    yield f"After {first}, the intruder turned to {second}."
    yield f"{second} was seen after {first}."
    yield f"They used {first}, then {second}."
