"""Changes that were refused to a person, one kind after another: somebody tries what an account may do."""

from __future__ import annotations

from collections.abc import Iterator

from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .actors import Actors, azure_actors, directory_actors
from .frame import Sighting, equals, one_of, widest

__all__ = ["forbidden_changes_are_tried"]

KINDS_TO_REPORT = 5
WINDOW_SECONDS = 60 * 60
REFUSED = frozenset({"failure", "failed"})
RESULT = {"AuditLogs": "Result", "AzureActivity": "ActivityStatusValue"}

TRIED = Sighting(
    id="stat-forbidden-changes-tried",
    title="One refused change after another by one account",
    techniques=("T1078.004",),
    tactics=("privilege-escalation", "discovery"),
    false_positives=("A new administrator whose rights have not been given yet",),
)


def forbidden_changes_are_tried(evidence: Evidence) -> Iterator[Detection]:
    """Report a person to whom five kinds of changes are refused within an hour, none of which it did in these rows.

    Who was refused what it usually does has lost a right, or meets a lock; who is refused much that it never did tries
    how far an account reaches.
    """
    for actors in (directory_actors(evidence), azure_actors(evidence)):
        if actors is not None:
            yield from _tried(actors)


def _tried(actors: Actors) -> Iterator[Detection]:
    frame = actors.frame
    refused = frame.coded(RESULT[frame.rows.table]).lowered.rows_where(REFUSED.__contains__)
    if refused.sum() < KINDS_TO_REPORT:
        return
    able = {(who, name) for who, name, done in zip(actors.who, actors.operations, actors.done, strict=True) if done}
    for who, rows in frame.grouped(lambda i: actors.who[i] if refused[i] and "@" in actors.who[i] else "").items():
        never = [row for row in rows if (who, actors.operations[row]) not in able]
        start, end = widest(frame.at(never), [actors.operations[row] for row in never], WINDOW_SECONDS)
        inside = never[start:end]
        if len({actors.operations[row] for row in inside}) >= KINDS_TO_REPORT:
            yield _seen(actors, who, inside)


def _seen(actors: Actors, who: str, rows: list[int]) -> Detection:
    frame, table = actors.frame, actors.frame.rows.table
    kinds = list(dict.fromkeys(actors.operations[row] for row in rows))
    statement = (
        f"{len(rows)} operations of {len(kinds)} kinds were refused to {who} between {frame.moment(rows[0])} and "
        f"{frame.moment(rows[-1])}, none of which it did else: {', '.join(kinds[:4])}"
    )
    names = one_of("OperationName" if table == "AuditLogs" else "OperationNameValue", kinds)
    claims = [frame.counted("refused operations of these kinds", names, one_of(RESULT[table], REFUSED))]
    if table == "AzureActivity":
        claims = [frame.counted(f"of them by {who}", equals("Caller", who), names, one_of(RESULT[table], REFUSED))]
    return TRIED.detection(frame, "medium", statement, rows, entities=actors.entities(who, rows), claims=claims)
