"""Whom a finding is about, by one name, and with the word that says what part they had in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, EvidenceRef

from .alerts import ALERTS

__all__ = ["on", "one_named", "subject", "title"]

ABOUT = ("host", "account", "resource", "ip")
"""Kinds of things that a finding can be about, the most telling first."""
Row = tuple[EvidenceRef, Mapping[str, object]]
SIGN_INS = frozenset({"SigninLogs", "DeviceLogonEvents"})
"""Tables whose accounts are those that somebody got into or tried to: who did it is the address."""
ENDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "AzureNetworkAnalytics_CL": (("SrcIP_s", "SrcPublicIPs_s"), ("DestIP_s", "DestPublicIPs_s")),
    "DeviceNetworkEvents": ((), ("RemoteIP",)),
}
"""Columns of where a connection comes from and of where it goes to; other tables tell where somebody comes from."""
INBOUND = "inbound"


def subject(entities: Iterable[Entity]) -> str:
    """Return the first name of the most telling kind, in lower case."""
    by_kind = {entity.kind: entity.value for entity in reversed(tuple(entities))}
    return next((by_kind[kind].casefold() for kind in ABOUT if kind in by_kind), "")


def one_named(subjects: Iterable[str]) -> Callable[[str], str]:
    """Return what gives each subject one name: a host of a flow log, with its domain and bare are one machine.

    Names that differ by domain or by resource group are of several things, and so is a bare name beside them.
    """
    areas: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for name in subjects:
        before, short, after = _parts(name)
        areas[short][0].add(before)
        areas[short][1].add(after)
    several = {short for short, kinds in areas.items() if any(len(kind - {""}) > 1 for kind in kinds)}

    def named(name: str) -> str:
        short = _parts(name)[1]
        return name if short in several else short

    return named


def _parts(name: str) -> tuple[str, str, str]:
    """Return what stands before, in and after the bare name of a host or account; an address is its own."""
    if ":" in name or name.replace(".", "").isdigit() or name.startswith("/") or " " in name:
        return "", name, ""
    before, _, rest = name.replace("\\", "/").rpartition("/")
    for mark in "@.":
        if mark in rest.strip("@."):
            short, _, after = rest.partition(mark)
            return before, short, after
    return before, rest, ""


def title(first: Detection, rows: Sequence[Row], alert: str = "") -> str:
    """Name the alert, or else the rule, and whom it is about: the first thing the detection names."""
    if not alert:
        return f"{first.rule.title}{on(first, rows)}"
    who = next((e for e in first.entities if e.kind in ("host", "account", "ip")), None)
    return f"{alert}{on(first.model_copy(update={'entities': (who,)}), rows) if who else ''}"


def on(first: Detection, rows: Sequence[Row] = ()) -> str:
    """Return whom a detection is about, and as what: a host it is on, an account it is by or for, where it goes."""
    about = next((e for e in first.entities if e.kind in ABOUT), None)
    if about is None:
        return ""
    if about.kind == "resource":
        return f": {about.value}"
    joint = {"account": _part(first), "ip": _way(about.value, rows)}.get(about.kind, "on")
    told = joint == "to" and " to " in first.rule.title
    return f": {about.value}" if told else f" {joint} {about.value}"


def _part(first: Detection) -> str:
    """Return what an account has to do with it: it did it, somebody used it, or an alert names it."""
    tables = {ref.table for ref in first.rows}
    if tables <= SIGN_INS:
        return "for"
    return "on" if tables <= frozenset(ALERTS) else "by"


def _way(address: str, rows: Iterable[Row]) -> str:
    """Return whether an address is where the first row that names it goes to, or where it comes from."""
    for ref, row in rows:
        sources, targets = ENDS.get(ref.table, ((), ()))
        if _holds(row, sources, address):
            return "from"
        if _holds(row, targets, address):
            return "from" if str(row.get("ActionType") or "").casefold().startswith(INBOUND) else "to"
    return "from"


def _holds(row: Mapping[str, object], columns: Iterable[str], address: str) -> bool:
    """Return whether one of these columns names an address, alone or first of those with counts after bars."""
    return any(str(row.get(column) or "").partition("|")[0].casefold() == address.casefold() for column in columns)
