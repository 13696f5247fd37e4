"""A channel, a port or an interpreter is claimed as a technique only where a story tells nothing more of itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from soc_analyst.state.findings import Finding, Mitre

from .companions import RANK, Told
from .stories import SPAN

__all__ = ["claimed_once"]

CHANNELS = ("T1071", "T1095", "T1102", "T1571")
INTERPRETER = "T1059"
"""Of a shell of some kind: PowerShell, scripts and the others have sub-techniques that say which."""
GUESSED_OF_CONNECTIONS = "T1055"
"""That a program which needs no network was injected into is a guess as long as only its connections are seen."""
CONNECTIONS = "DeviceNetworkEvents"


def claimed_once(told: Sequence[Told]) -> list[Told]:
    """Return the findings, those of a mere channel or interpreter without its technique beside a more telling one.

    The one beside is of the same subject, within the hour and at least as sure. The tactic stays, and the notes name
    the technique that is not claimed: an intruder's shell and connection are part of what they were used for.
    """
    return [(subject, _claiming(subject, finding, told)) for subject, finding in told]


def _claiming(subject: str, finding: Finding, told: Sequence[Told]) -> Finding:
    ids = _ids(finding)
    vague = [id for id in ids if _says_little(id, finding)]
    if not vague or (len(vague) == len(ids) and not any(_tells_more(subject, finding, told))):
        return finding
    if len(vague) < len(ids):
        vague = [id for id in vague if id != finding.mitre.id]
    return _without(vague, finding) if vague else finding


def _without(vague: Sequence[str], finding: Finding) -> Finding:
    """Return the finding without these techniques: of its own one the tactic stays."""
    gone = {f"attack.{id.lower()}" for id in vague}
    return finding.model_copy(
        update={
            "mitre": Mitre(tactic=finding.mitre.tactic) if finding.mitre.id in vague else finding.mitre,
            "tags": tuple(tag for tag in finding.tags if tag not in gone),
            "notes": f"{finding.notes} Part of more, not claimed by itself: {', '.join(vague)}.".strip(),
        }
    )


def _tells_more(subject: str, finding: Finding, told: Sequence[Told]) -> Iterator[bool]:
    for known, other in told:
        near = known == subject and other.id != finding.id and abs(other.time - finding.time) <= SPAN
        if subject and near and RANK[other.confidence] >= RANK[finding.confidence]:
            yield any(not _says_little(id, other) for id in _ids(other))


def _ids(finding: Finding) -> list[str]:
    tagged = (tag[7:].upper() for tag in finding.tags if tag.startswith("attack.t"))
    return list(dict.fromkeys(id for id in (finding.mitre.id, *tagged) if id))


def _says_little(id: str, finding: Finding) -> bool:
    if id == GUESSED_OF_CONNECTIONS:
        return all(ref.table == CONNECTIONS for ref in finding.evidence)
    return id == INTERPRETER or id.partition(".")[0] in CHANNELS
