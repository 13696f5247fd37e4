"""One source that tries a few names over and over, so that no single name is tried often enough to tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, Level
from soc_analyst.tools.evidence import Evidence

from .addresses import is_address
from .frame import Frame, Sighting, busiest, equals, one_of
from .guessing import ACCOUNTS_TO_REPORT, FAILURES_TO_REPORT, LOGONS, SIGNINS, Attempts

__all__ = ["few_names_are_hammered"]

FAILURES, WINDOW_SECONDS, OPENED_SECONDS = 18, 30 * 60, 60 * 60
LEAST_NAMES = 2
SELF = frozenset({"-", "127.0.0.1", "::1"})

HAMMERED = Sighting(
    id="stat-few-names-hammered",
    title="One source tries a few names again and again",
    techniques=("T1110.001",),
    tactics=("credential-access",),
    false_positives=("A gateway through which several people come whose passwords have run out",),
)


def few_names_are_hammered(evidence: Evidence) -> Iterator[Detection]:
    """Report eighteen failures in half an hour of two to seven names from one source, none of them tried ten times.

    From ten tries on a name, and from eight names on, others tell it. A source that lets in somebody whose name is not
    among those tried is shared, as an exit of an office is. High where one of the names then gets in within an hour.
    """
    for attempts in (SIGNINS, LOGONS):
        frame = Frame.of(evidence, attempts.table, (attempts.account, attempts.outcome))
        if frame is not None:
            yield from _hammered(frame, attempts)


def _hammered(frame: Frame, attempts: Attempts) -> Iterator[Detection]:
    accounts, outcomes = frame.lower(attempts.account), frame.lower(attempts.outcome)
    columns = [frame.lower(column) for column in attempts.addresses]

    def source(row: int) -> str:
        if not accounts[row] or accounts[row].endswith("$"):
            return ""
        return next((values[row] for values in columns if values[row] and values[row] not in SELF), "")

    for place, rows in frame.grouped(source).items():
        failures = [i for i in rows if outcomes[i] in attempts.failed]
        start, end = busiest(frame.at(failures), WINDOW_SECONDS)
        burst = failures[start:end]
        tries = Counter(accounts[i] for i in burst)
        if len(burst) < FAILURES or not LEAST_NAMES <= len(tries) < ACCOUNTS_TO_REPORT:
            continue
        entered = [i for i in rows if outcomes[i] in attempts.succeeded]
        if max(tries.values()) >= FAILURES_TO_REPORT or any(accounts[i] not in tries for i in entered):
            continue
        first, last = frame.at([burst[0], burst[-1]])
        opened = next((i for i, at in zip(entered, frame.at(entered), strict=True)
                       if first < at <= last + OPENED_SECONDS), None)  # fmt: skip
        yield _seen(frame, attempts, place, burst, opened)


def _seen(frame: Frame, attempts: Attempts, place: str, burst: list[int], opened: int | None) -> Detection:
    accounts = frame.lower(attempts.account)
    names = list(dict.fromkeys(accounts[i] for i in burst))
    level: Level = "medium" if opened is None else "high"
    statement = (
        f"{len(burst)} failed sign-ins to {len(names)} accounts ({', '.join(names[:3])}) from {place} between "
        f"{frame.moment(burst[0])} and {frame.moment(burst[-1])}"
        + ("" if opened is None else f"; {accounts[opened]} got in at {frame.moment(opened)}")
    )
    column = next((c for c in attempts.addresses if frame.lower(c)[burst[0]] == place), attempts.addresses[0])
    claims = [frame.counted(f"failures from {place}", equals(column, place), one_of(attempts.outcome, attempts.failed))]
    entities = [Entity(kind="ip" if is_address(place) else "host", value=place)]
    entities += [Entity(kind="account", value=name) for name in names]
    cited = [*([] if opened is None else [opened]), *burst[::-1]]
    techniques = HAMMERED.techniques if opened is None else (*HAMMERED.techniques, "T1078")
    return HAMMERED.detection(
        frame, level, statement, cited, entities=entities, claims=claims, techniques=techniques
    )  # fmt: skip
