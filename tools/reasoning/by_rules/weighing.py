"""Why a finding is held for as sure as it is: level, rarity and context, each a reason that the finding tells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from soc_analyst.state.findings import Confidence, Detection, EvidenceRef, Level
from soc_analyst.tools.detections.grouping import NOBODY
from soc_analyst.tools.evidence import Evidence

from .prevalence import Prevalence, prevalence

__all__ = ["CONFIDENCE", "Weight", "person", "weigh"]

CONFIDENCE: Mapping[Level, Confidence] = {
    "critical": "High", "high": "High", "medium": "Medium", "low": "Low", "informational": "Low",
}  # fmt: skip
ALERTS = frozenset({"AlertInfo", "AlertEvidence"})
ROWS_LOOKED_AT = 3
HOSTS_TO_COMPARE = 10
COMMON = 0.3
"""Share of hosts from which on a line is common."""
DAYS_OF_A_HABIT = 4
VENDOR = re.compile(r"^[a-z]:\\program files( \(x86\))?\\[^\\]+\\", re.IGNORECASE)
SERVICE = re.compile(r"^(svc|srv|service|sa|gmsa|app|task)[-_.]|[-_.](svc|service)$", re.IGNORECASE)
UPDATERS = frozenset(
    {"trustedinstaller.exe", "tiworker.exe", "wuauclt.exe", "usoclient.exe", "mousocoreworker.exe", "ccmexec.exe",
     "intunemanagementextension.exe", "monitoringhost.exe", "ccmsetup.exe"}
)  # fmt: skip

AGENTS: Mapping[str, str] = {
    "agentexecutor.exe": "\\microsoft intune management extension\\",
    "microsoft.management.services.intunewindowsagent.exe": "\\microsoft intune management extension\\",
    "ccmexec.exe": "\\windows\\ccm\\", "monitoringhost.exe": "\\microsoft monitoring agent\\",
    "windowsazureguestagent.exe": "\\windowsazure\\", "waappagent.exe": "\\windowsazure\\",
    "qualysagent.exe": "\\program files\\qualys\\", "nscp.exe": "\\program files\\nsclient++\\",
    "zabbix_agentd.exe": "\\program files\\zabbix agent\\",
    "splunkd.exe": "\\program files\\splunkuniversalforwarder\\",
}  # fmt: skip
"""Agents that administer or watch a host, and the folder, closed to users, in which each lies."""


@dataclass(frozen=True)
class Weight:
    """A confidence and the reasons for it."""

    confidence: Confidence
    reasons: tuple[str, ...]


def weigh(ordered: Sequence[Detection], refs: Sequence[EvidenceRef], evidence: Evidence) -> Weight:
    """Weigh detections of one technique on one subject, the highest level first.

    Only a Medium is lowered by what speaks for ordinary work, and only where the line is usual and something else
    says so too: rows of an attack can look like administration in one way, seldom in two. What an agent does from its
    own folder, and what the alerting product holds for information, needs nothing else.
    """
    first = ordered[0]
    confidence = CONFIDENCE[first.level]
    reasons = [f"{confidence} by “{first.rule.title}”, a rule of level {first.rule.level}"]
    if len(ordered) > 1:
        reasons.append(f"{len(ordered)} rules speak of the same technique here")
    if confidence == "Low":
        return Weight(confidence, tuple(reasons))
    usual, other = _usual(refs, evidence), list(_context(refs, evidence))
    reasons += [*usual.reasons, *other]
    told = next(filter(None, (_by_agent(refs, evidence), _only_informs(refs, evidence))), "")
    if told and (confidence == "Medium" or refs[0].table in ALERTS):
        return Weight("Low", (*reasons, f"lowered to Low, since {told}"))
    if confidence == "Medium" and usual.speaks_for_work and other:
        return Weight("Low", (*reasons, "lowered to Low, since it is usual here and done by what does such work"))
    return Weight(confidence, tuple(reasons))


@dataclass(frozen=True)
class _Usual:
    speaks_for_work: bool
    reasons: tuple[str, ...]


def _usual(refs: Sequence[EvidenceRef], evidence: Evidence) -> _Usual:
    """Say how usual the lines are, by the rarest of them."""
    found = [_of(ref, evidence) for ref in refs[:ROWS_LOOKED_AT]]
    known = [one for one in found if one is not None and one.of_hosts >= HOSTS_TO_COMPARE]
    if not known or len(known) < len(found):
        return _Usual(False, ())
    hosts, days = min(one.hosts for one in known), min(one.days for one in known)
    common = hosts >= COMMON * known[0].of_hosts
    habit = days >= DAYS_OF_A_HABIT
    reasons = [f"rare: no other of {known[0].of_hosts} hosts shows such a line"] if hosts == 1 and not habit else []
    reasons += [f"common: such lines on {hosts} of {known[0].of_hosts} hosts"] if common else []
    reasons += [f"a habit: such lines on {days} days"] if habit else []
    return _Usual(common or habit, tuple(reasons))


def _of(ref: EvidenceRef, evidence: Evidence) -> Prevalence | None:
    row = evidence.row(ref)
    return prevalence(ref.table, row, evidence) if row is not None else None


def _context(refs: Sequence[EvidenceRef], evidence: Evidence) -> Iterator[str]:
    """Yield what else all the rows cited have in common with ordinary work."""
    rows = [row for ref in refs if (row := evidence.row(ref)) is not None]
    if not rows:
        return
    if all(_signed_vendor(row) for row in rows):
        yield "done by a signed program in a vendor's own folder"
    if all(SERVICE.search(_actor(row)) for row in rows):
        yield f"done by the service account {_actor(rows[0])}"
    if all(str(row.get("InitiatingProcessFileName") or "").lower() in UPDATERS for row in rows):
        yield "done by software distribution or Windows Update"


def _by_agent(refs: Sequence[EvidenceRef], evidence: Evidence) -> str:
    """Say that a management agent, in its own folder, started all that is cited."""
    rows = [row for ref in refs if (row := evidence.row(ref)) is not None]
    names = {str(row.get("InitiatingProcessFileName") or "").lower() for row in rows}
    own = all(
        AGENTS.get(str(row.get("InitiatingProcessFileName") or "").lower(), "\0")
        in str(row.get("InitiatingProcessFolderPath") or "").lower()
        for row in rows
    )
    return f"the management agent {min(names)} did it from its own folder" if rows and own else ""


def _only_informs(refs: Sequence[EvidenceRef], evidence: Evidence) -> str:
    """Say that the product that raised all alerts cited holds them for information only."""
    alerts = evidence.get("AlertInfo")
    if alerts is None or any(ref.table not in ALERTS for ref in refs):
        return ""
    columns = alerts.rows.select(["AlertId", "Severity"]).to_pylist()
    severity = {str(each["AlertId"]): str(each["Severity"] or "").lower() for each in columns}
    cited = {str((evidence.row(ref) or {}).get("AlertId")) for ref in refs}
    only = bool(cited) and all(severity.get(each) == "informational" for each in cited)
    return "the product that raised the alert holds it for information" if only else ""


def _signed_vendor(row: Mapping[str, Any]) -> bool:
    signed = str(row.get("InitiatingProcessSignatureStatus") or "").lower() == "valid"
    return signed and bool(VENDOR.match(str(row.get("InitiatingProcessFolderPath") or "")))


def person(refs: Sequence[EvidenceRef], evidence: Evidence) -> str:
    """Return the account that acted in the first row, in lower case; empty where it is no person's."""
    row = next((row for ref in refs if (row := evidence.row(ref)) is not None), None)
    name = _actor(row).lower() if row is not None else ""
    return "" if name in NOBODY or name.endswith("$") or SERVICE.search(name) else name


def _actor(row: Mapping[str, Any]) -> str:
    names = ("InitiatingProcessAccountName", "AccountName", "UserPrincipalName", "Caller")
    return next((str(row[name]) for name in names if row.get(name)), "")
