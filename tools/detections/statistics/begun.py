"""Powerful roles in Azure whose name stands only in the row that began their assignment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .actors import DONE
from .frame import Frame, Sighting, equals, one_of

__all__ = ["powerful_roles_are_begun_and_done"]

OPERATION = "microsoft.authorization/roleassignments/write"
BEGUN = frozenset({"start", "started", "accept", "accepted"})
WITHIN_SECONDS = 30 * 60
POWERFUL = re.compile(
    r"8e3af657-a8ff-443c-a75c-2fe8c4bcb635|18d7d88d-d35e-4fb5-a5c3-7773c20a72d9|f58310d9-a9f6-439a-9e8d-f62e7b41a168"
)
"""Owner, and the two roles that hand out others."""
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
IN_A_GROUP, TRIAL = (
    re.compile(r"/resourcegroups/"),
    re.compile(
        r"/resourcegroups/([^/]*[-_.])?(tests?|te?mp|sandbox|sbx|playground|scratch)[0-9]*([-_.][^/]*)?/providers/"
    ),
)
NAMES_ROLE = "roledefinition"
JUST_IN_TIME = "01fc33a7-78ba-4d2f-a4b7-768e336e890e"
"""The application of Privileged Identity Management."""

BEGUN_AND_DONE = Sighting(
    id="stat-powerful-role-begun-and-done",
    title="Powerful Azure role asked for and assigned",
    techniques=("T1098.003",),
    tactics=("persistence", "privilege-escalation"),
    false_positives=("Onboarding of an owner; automation that sets up subscriptions",),
)


def powerful_roles_are_begun_and_done(evidence: Evidence) -> Iterator[Detection]:
    """Report assignments of roles that command a subscription, by their beginning and their end.

    The activity log writes what was asked for into the row that begins an operation; the row that says it succeeded
    often holds no more than that. Both are of one request: the same correlation or, where none is told, resource.
    """
    frame = Frame.of(evidence, "AzureActivity", ("OperationNameValue", "ActivityStatusValue", "Properties"))
    if frame is None:
        return
    operations, states = frame.lower("OperationNameValue"), frame.lower("ActivityStatusValue")
    for rows in frame.grouped(lambda i: _request(frame, i) if operations[i] == OPERATION else "").values():
        begun = next((i for i in rows if states[i] in BEGUN and _powerful(frame, i)), None)
        if begun is None:
            continue
        done = _ended(frame, [i for i in rows if states[i] in DONE], begun)
        if done is not None:
            yield _seen(frame, begun, done)


def _request(frame: Frame, row: int) -> str:
    return frame.lower("CorrelationId")[row] or _resource(frame, row)


def _resource(frame: Frame, row: int) -> str:
    return frame.lower("_ResourceId")[row] or frame.lower("ResourceId")[row]


def _powerful(frame: Frame, row: int) -> bool:
    asked, resource = frame.text("Properties")[row].lower(), _resource(frame, row)
    if TRIAL.search(resource) or JUST_IN_TIME in frame.text("Claims")[row]:
        return False
    return bool(POWERFUL.search(asked)) or (CONTRIBUTOR in asked and not IN_A_GROUP.search(resource))


def _ended(frame: Frame, done: Sequence[int], begun: int) -> int | None:
    """Return the row that says it succeeded; none where that row names the role, which a rule tells of."""
    start = frame.times[begun] or 0.0
    soon = [i for i in done if 0 <= (frame.times[i] or 0.0) - start <= WITHIN_SECONDS]
    if not soon or any(NAMES_ROLE in frame.text("Properties")[i].lower() for i in soon):
        return None
    return soon[0]


def _seen(frame: Frame, begun: int, done: int) -> Detection:
    who = frame.text("Caller")[begun] or frame.text("Caller")[done]
    resource = frame.text("_ResourceId")[done] or frame.text("ResourceId")[done]
    statement = (
        f"{who or 'somebody'} asked at {frame.moment(begun)} for a role that commands all below "
        f"{resource or 'a subscription'}, and got it assigned at {frame.moment(done)}"
    )
    address = frame.text("CallerIpAddress")[begun]
    entities = [Entity(kind="account", value=who)] if who else []
    entities += [Entity(kind="ip", value=address)] if address else []
    claims = [
        frame.counted(
            "role assignments done", equals("OperationNameValue", OPERATION), one_of("ActivityStatusValue", DONE)
        ),
        frame.ordered("the assignment was done after it was asked for", begun, done),
    ]
    return BEGUN_AND_DONE.detection(frame, "high", statement, [done, begun], entities=entities, claims=claims)
