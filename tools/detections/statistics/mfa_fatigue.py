"""Prompts for the second factor, pushed until the user gives in."""

from __future__ import annotations

from collections.abc import Iterator

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, Level
from soc_analyst.tools.evidence import Evidence

from .frame import Frame, Sighting, busiest, equals, one_of
from .newness import known_device

__all__ = ["second_factor_is_pushed"]

DENIED = "500121"
DENIALS_TO_REPORT = 4
WINDOW_SECONDS = 60 * 60
ACCEPTED_WITHIN_SECONDS = 30 * 60
DENIALS_TO_TELL_AT_HOME = 10

FATIGUE = Sighting(
    id="stat-mfa-fatigue",
    title="Second factor denied again and again",
    techniques=("T1621",),
    tactics=("credential-access",),
    false_positives=("A user with a new phone, or one who let prompts time out",),
)


def second_factor_is_pushed(evidence: Evidence) -> Iterator[Detection]:
    """Report accounts with four denied or unanswered second factors within an hour; high if one is then accepted.

    Result 500121 is a failed second factor after a right password (Microsoft Entra error codes). Low where all came
    from addresses at which the account had signed in before, or from a device that the directory knows as compliant or
    joined, and fewer than ten: a telephone left on another desk.
    """
    frame = Frame.of(evidence, "SigninLogs", ("UserPrincipalName", "ResultType"))
    if frame is None:
        return
    users, results = frame.lower("UserPrincipalName"), frame.text("ResultType")
    for user, rows in frame.grouped(lambda i: users[i]).items():
        denials = [i for i in rows if results[i] == DENIED]
        start, end = busiest(frame.at(denials), WINDOW_SECONDS)
        if end - start >= DENIALS_TO_REPORT:
            yield _pushed(frame, user, denials[start:end], [i for i in rows if results[i] == "0"])


def _pushed(frame: Frame, user: str, denials: list[int], successes: list[int]) -> Detection:
    last = frame.times[denials[-1]] or 0.0
    gave_in = next((i for i in successes if 0 <= (frame.times[i] or 0.0) - last <= ACCEPTED_WITHIN_SECONDS), None)
    statement = (
        f"{len(denials)} second factors of {user} denied or unanswered between {frame.moment(denials[0])} and "
        f"{frame.moment(denials[-1])}, "
        + ("none accepted in the half hour after" if gave_in is None else f"then a sign-in at {frame.moment(gave_in)}")
    )
    claims = [frame.counted(f"denials of {user}", equals("UserPrincipalName", user), one_of("ResultType", {DENIED}))]
    if gave_in is not None:
        claims.append(frame.ordered("the sign-in comes after the denials", denials[-1], gave_in))
    addresses = dict.fromkeys(frame.text("IPAddress")[i] for i in ([] if gave_in is None else [gave_in]) + denials)
    entities = [Entity(kind="account", value=user)]
    entities += [Entity(kind="ip", value=address) for address in addresses if address][:3]
    cited = ([] if gave_in is None else [gave_in]) + denials[::-1]
    level: Level = "medium" if gave_in is None else "high"
    if len(denials) < DENIALS_TO_TELL_AT_HOME and (_at_home(frame, denials, successes) or _own_device(frame, denials)):
        level = "low"
    return FATIGUE.detection(frame, level, statement, cited, entities=entities, claims=claims)


def _own_device(frame: Frame, denials: list[int]) -> bool:
    details = frame.text("DeviceDetail")
    return all(known_device(details[i]) for i in denials)


def _at_home(frame: Frame, denials: list[int], successes: list[int]) -> bool:
    """Tell whether the account had signed in from where the prompts come from before the first of them."""
    addresses, first = frame.text("IPAddress"), frame.times[denials[0]] or 0.0
    known = {addresses[i] for i in successes if (frame.times[i] or 0.0) < first}
    return all(addresses[i] and addresses[i] in known for i in denials)
