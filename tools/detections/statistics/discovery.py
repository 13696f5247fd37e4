"""Commands that look around, many kinds in minutes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, Level
from soc_analyst.tools.evidence import Evidence

from .frame import Frame, Sighting, widest

__all__ = ["commands_look_around"]

WINDOW_SECONDS = 10 * 60
KINDS_FOR_LOW, KINDS_FOR_MEDIUM = 4, 5
COMMON_ELSEWHERE = 5
"""Hosts on which one account runs the same round: more than that is an inventory script."""

ROUND = Sighting(
    id="stat-discovery-burst",
    title="Round of discovery commands",
    techniques=("T1082", "T1033", "T1087"),
    tactics=("discovery",),
    false_positives=("Inventory, login and support scripts, which run alike on many hosts or on schedule",),
)

NET = r"\bnet1?(\.exe)?\"?\s+"
KINDS: tuple[tuple[str, str, re.Pattern[str]], ...] = tuple(
    (kind, technique, re.compile(pattern, re.IGNORECASE))
    for kind, technique, pattern in (
        ("own account", "T1033", r"\bwhoami\b|\bid\s+-\w|%username%"),
        ("domain accounts", "T1087.002", NET + r"users?\b.*?/do|get-ad(user|computer)|get-(net|domain)user|\bdsquery\b"
         r"|\badfind\b"),
        ("local accounts", "T1087.001", NET + r"(users?|accounts)\b|get-localuser|wmic\s+useraccount"
         r"|query\s+user\b|\bquser\b"),
        ("local groups", "T1069.001", NET + r"localgroup\b|get-localgroup"),
        ("domain groups", "T1069.002", NET + r"groups?\b|get-(ad|net|domain)group"),
        ("domain trusts and controllers", "T1482", r"\bnltest\b|get-(ad|net|domain)(trust|domain|forest)|\bdsgetdc\b"),
        ("system", "T1082", r"\bsysteminfo\b|\bhostname\b(\.exe)?|wmic\s+(os|computersystem|bios)|get-computerinfo"
         r"|\buname\s+-"),
        ("network settings", "T1016", r"\bipconfig\b|\bifconfig\b|\barp(\.exe)?\"?\s+-|\broute(\.exe)?\"?\s+print"
         r"|get-netip|netsh\s+.*\bshow\b"),
        ("connections", "T1049", r"\bnetstat\b|get-nettcpconnection|" + NET + r"(sessions?|use)\b"),
        ("shares and neighbours", "T1135", NET + r"(view|share)\b|get-smbshare|invoke-sharefinder|\bnbtstat\b"),
        ("processes", "T1057", r"\btasklist\b|get-process\b|wmic\s+process\s+(list|get)|\bqprocess\b"),
        ("services", "T1007", r"\bsc(\.exe)?\"?\s+query|get-service\b|tasklist\s+/svc|wmic\s+service"
         r"|" + NET + r"start\s*$"),
        ("sessions", "T1033", r"\bqwinsta\b|query\s+session|\bklist\b|cmdkey\s+/list"),
        ("security software", "T1518.001", r"antivirusproduct|securitycenter2|get-mpcomputerstatus|get-mppreference"),
        ("policies and passwords", "T1201", NET + r"accounts\b|\bgpresult\b|get-addefaultdomainpasswordpolicy"),
        ("registry", "T1012", r"\breg(\.exe)?\"?\s+query\b"),
        ("scheduled tasks", "T1053.005", r"schtasks\s+/query|get-scheduledtask\b"),
        ("remote systems", "T1018", r"\bping(\.exe)?\"?\s+-n\s+1\b|get-adcomputer|" + NET + r"view\s+/do|\bnslookup\b"),
        ("drivers and patches", "T1082", r"\bdriverquery\b|wmic\s+qfe|get-hotfix"),
        ("drives", "T1680", r"\bfsutil\s+fsinfo|wmic\s+logicaldisk|get-psdrive"),
    )
)  # fmt: skip
ANY = "|".join(f"(?:{pattern.pattern})" for _, _, pattern in KINDS)
"""One pass in linear time, since nearly all command lines are of no kind."""


def commands_look_around(evidence: Evidence) -> Iterator[Detection]:
    """Report hosts where one account runs five kinds of discovery commands within ten minutes (low from four).

    A round that the same account runs on more than five hosts, or on three days of one host, is rated low.
    """
    frame = Frame.of(evidence, "DeviceProcessEvents", ("DeviceName", "ProcessCommandLine"))
    if frame is None:
        return
    lines = frame.lines("ProcessCommandLine")
    some = np.flatnonzero(lines.holding(ANY)).tolist()
    kinds = {i: found for i in some if (found := _kind(lines[i])) is not None}
    hosts, accounts = frame.lower("DeviceName"), frame.lower("AccountName")
    by_actor = frame.grouped(lambda i: hosts[i] and f"{hosts[i]}\0{accounts[i]}", kinds)
    rounds = {key: inside for key, rows in by_actor.items() if (inside := _round(frame, rows, kinds))}
    spread = defaultdict[str, set[str]](set)
    for key in rounds:
        host, _, account = key.partition("\0")
        spread[account].add(host)
    for key, rows in rounds.items():
        account = key.partition("\0")[2]
        ordinary = len(spread[account]) > COMMON_ELSEWHERE or _daily(frame, by_actor[key], kinds)
        yield _seen(frame, account, rows, kinds, ordinary)


@lru_cache(maxsize=4096)
def _kind(line: str) -> int | None:
    return next((n for n, (_, _, pattern) in enumerate(KINDS) if pattern.search(line)), None)


def _round(frame: Frame, rows: list[int], kinds: dict[int, int]) -> list[int]:
    start, end = widest(frame.at(rows), [str(kinds[i]) for i in rows], WINDOW_SECONDS)
    inside = rows[start:end]
    return inside if len({kinds[i] for i in inside}) >= KINDS_FOR_LOW else []


def _daily(frame: Frame, rows: Sequence[int], kinds: dict[int, int]) -> bool:
    """Tell whether such rounds are run on at least three days."""
    days = defaultdict[int, set[int]](set)
    for i, time in zip(rows, frame.at(rows), strict=True):
        days[int(time // 86400)].add(kinds[i])
    return sum(len(found) >= KINDS_FOR_LOW for found in days.values()) >= 3


def _seen(frame: Frame, account: str, rows: list[int], kinds: dict[int, int], ordinary: bool) -> Detection:
    names = list(dict.fromkeys(KINDS[kinds[i]][0] for i in rows))
    techniques = tuple(dict.fromkeys(KINDS[kinds[i]][1] for i in rows))
    level: Level = "low" if ordinary or len(names) < KINDS_FOR_MEDIUM else "medium"
    shown_host, shown_account = frame.text("DeviceName")[rows[0]], frame.text("AccountName")[rows[0]]
    statement = (
        f"{len(rows)} discovery commands of {len(names)} kinds ({', '.join(names)}) on {shown_host} by "
        f"{shown_account or 'an unnamed account'} between {frame.moment(rows[0])} and {frame.moment(rows[-1])}"
        + ("; the like is run on other hosts or days too" if ordinary else "")
    )
    first_of_each = list({kinds[i]: i for i in reversed(rows)}.values())[::-1]
    claims = [
        frame.shared(f"all on {shown_host}", first_of_each, "DeviceName", shown_host),
        frame.ordered("from the first to the last", rows[0], rows[-1]),
    ]
    entities = [Entity(kind="host", value=shown_host)]
    entities += [Entity(kind="account", value=shown_account)] if account and not account.endswith("$") else []
    return ROUND.detection(
        frame, level, statement, first_of_each, entities=entities, claims=claims, techniques=techniques
    )
