"""Cloud resources read or listed by the dozen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .actors import Actors, azure_actors
from .frame import Sighting, busiest

__all__ = ["resources_are_enumerated"]

READS_TO_REPORT = 30
READ_SECONDS = 60 * 60
READ = re.compile(r"/read$|/list\w*(/action)?$|/read/action$")

READS = Sighting(
    id="stat-cloud-enumeration",
    title="Cloud resources enumerated by one caller",
    techniques=("T1526",),
    tactics=("discovery",),
    false_positives=("Inventory and posture tools, which repeat on schedule",),
)
FITTING = {
    "microsoft.network/": ("T1580",),
    "microsoft.compute/": ("T1580",),
    "microsoft.storage/": ("T1619",),
    "microsoft.authorization/": ("T1069.003",),
    "microsoft.keyvault/": ("T1555.006",),
}
"""Kinds of discovery by what was read most."""


def resources_are_enumerated(evidence: Evidence) -> Iterator[Detection]:
    """Report callers with thirty successful reads or listings within an hour, unless their past holds the like."""
    actors = azure_actors(evidence)
    if actors is None:
        return
    for who, rows in actors.doing(READ).items():
        start, end = busiest(actors.frame.at(rows), READ_SECONDS)
        if end - start >= READS_TO_REPORT and not actors.usual(rows, start, READ_SECONDS, end - start):
            yield _enumerated(actors, who, rows[start:end], len(rows) - (end - start))


def _enumerated(actors: Actors, who: str, rows: list[int], others: int) -> Detection:
    frame = actors.frame
    kinds = Counter(actors.operations[i] for i in rows)
    most = kinds.most_common(1)[0][0]
    resources = {frame.lower("ResourceId")[i] for i in rows}
    statement = (
        f"{len(rows)} reads of {len(kinds)} kinds over {len(resources)} resources by {who} between "
        f"{frame.moment(rows[0])} and {frame.moment(rows[-1])}, most often {most}; {others} in the rest of the rows"
    )
    return READS.detection(
        frame, "medium", statement, rows, entities=actors.entities(who, rows), claims=actors.proof(who, rows),
        techniques=next((ids for prefix, ids in FITTING.items() if most.startswith(prefix)), READS.techniques),
    )  # fmt: skip
