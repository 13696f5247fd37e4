"""Guessing of passwords: many tries at one account, or a few tries at many from one address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, Level
from soc_analyst.tools.evidence import Evidence

from .addresses import is_address
from .frame import Frame, Sighting, busiest, equals, one_of, regular, widest
from .results import NOT_LET_IN

__all__ = ["passwords_are_guessed", "passwords_are_sprayed"]

FAILURES_TO_REPORT = 10
FAILURES_BEFORE_SUCCESS = 8
"""Fewer suffice where one of them is followed by a success from the same place."""
ACCOUNTS_TO_REPORT = 8
TRIES_PER_ACCOUNT = 4
ONLY_FAILED_SHARE = 0.6
GUESSING_SECONDS = 30 * 60
SPRAY_SECONDS = 60 * 60
SLOW_SPRAY_SECONDS = 24 * 60 * 60
SUCCESS_WITHIN_SECONDS = 60 * 60
ORDINARY_SUCCESSES = 4
"""Successes to each failure from which on failures are part of heavy use."""
SCHEDULE_SECONDS = 60
QUICK_SECONDS = 10 * 60
HOSTS_OF_A_TOOL, TRIES_OF_A_TOOL, ANSWERED_SHARE, ANSWERED_SECONDS = 5, 2, 0.8, 5 * 60

GUESSING = Sighting(
    id="stat-password-guessing",
    title="Many failed sign-ins to one account",
    techniques=("T1110.001",),
    tactics=("credential-access",),
    false_positives=("A device or service that keeps trying an old password",),
)
SPRAY = Sighting(
    id="stat-password-spray",
    title="Failed sign-ins to many accounts",
    techniques=("T1110.003",),
    tactics=("credential-access",),
    false_positives=("A shared exit of an office after a change of passwords", "A test of security that was announced"),
)


@dataclass(frozen=True)
class Attempts:
    """Where a table says who tried to sign in, from where, and how it went."""

    table: str
    account: str
    addresses: tuple[str, ...]
    outcome: str
    failed: frozenset[str]
    succeeded: frozenset[str]


SIGNINS = Attempts(
    "SigninLogs",
    "UserPrincipalName",
    ("IPAddress",),
    "ResultType",
    frozenset(NOT_LET_IN),
    frozenset({"0"}),
)
LOGONS = Attempts(
    "DeviceLogonEvents",
    "AccountName",
    ("RemoteIP", "RemoteDeviceName"),
    "ActionType",
    frozenset({"logonfailed"}),
    frozenset({"logonsuccess"}),
)


def passwords_are_guessed(evidence: Evidence) -> Iterator[Detection]:
    """Report accounts with at least ten failures in half an hour; high if a success from there follows within an hour.

    At a host eight within ten minutes suffice (medium) where the first success from that source follows.

    Failures at a steady rhythm of a minute or slower come from a device with an old password and are rated low.
    """
    yield from _over_both(evidence, _guessing)


def passwords_are_sprayed(evidence: Evidence) -> Iterator[Detection]:
    """Report addresses from which at least eight accounts fail with few tries each and hardly any succeeds."""
    yield from _over_both(evidence, _spraying)


def _over_both(evidence: Evidence, look: Callable[[Frame, Attempts], Iterable[Detection]]) -> Iterator[Detection]:
    for attempts in (SIGNINS, LOGONS):
        if frame := Frame.of(evidence, attempts.table, (attempts.account, attempts.outcome)):
            yield from look(frame, attempts)


def _guessing(frame: Frame, attempts: Attempts) -> Iterator[Detection]:
    accounts, outcomes = frame.lower(attempts.account), frame.lower(attempts.outcome)
    tried = frame.grouped(lambda i: "" if accounts[i].endswith("$") else accounts[i])
    for account, rows in tried.items():
        failures = [i for i in rows if outcomes[i] in attempts.failed]
        if len(failures) < FAILURES_BEFORE_SUCCESS:
            continue
        start, end = busiest(frame.at(failures), GUESSING_SECONDS)
        successes = [i for i in rows if outcomes[i] in attempts.succeeded]
        if attempts is LOGONS and _answered(frame, attempts, failures[start:end], successes):
            continue
        enough = end - start >= FAILURES_TO_REPORT or _quickly_in(frame, attempts, failures[start:end], successes)
        if enough and not _drowned(frame, failures[start:end], successes):
            yield _guessed(frame, attempts, account, failures[start:end], successes)


def _answered(frame: Frame, attempts: Attempts, failures: Sequence[int], successes: Sequence[int]) -> bool:
    """Return whether the account is soon let in, from the same source, by most hosts that refuse it once or twice.

    A tool that tries one way of logging on after another does so host by host; who guesses stays at one host.
    """
    hosts, tries = frame.lower("DeviceName"), Counter(frame.lower("DeviceName")[i] for i in failures)
    if len(tries) < HOSTS_OF_A_TOOL or max(tries.values()) > TRIES_OF_A_TOOL:
        return False
    let_in = {
        hosts[i] for i in failures for other in successes
        if hosts[i] == hosts[other] and _source(frame, attempts, i) == _source(frame, attempts, other)
        and abs((frame.times[other] or 0.0) - (frame.times[i] or 0.0)) <= ANSWERED_SECONDS
    }  # fmt: skip
    return len(let_in) >= ANSWERED_SHARE * len(tries)


def _quickly_in(frame: Frame, attempts: Attempts, failures: Sequence[int], successes: Sequence[int]) -> bool:
    """Return whether eight failures within ten minutes at a host end in the first success from their source."""
    if attempts is not LOGONS or len(failures) < FAILURES_BEFORE_SUCCESS:
        return False
    first, last = frame.at([failures[0], failures[-1]])
    sources = {source for i in failures if (source := _source(frame, attempts, i))}
    if last - first > QUICK_SECONDS or len(sources) != 1:
        return False
    before = any(_source(frame, attempts, i) in sources and (frame.times[i] or 0.0) < first for i in successes)
    return not before and _entered(frame, attempts, failures, successes, sources) is not None


def _drowned(frame: Frame, failures: Sequence[int], successes: Sequence[int]) -> bool:
    """Return whether the account signs in so often at that time that some failures are to be expected."""
    first, last = frame.at([failures[0], failures[-1]])
    meanwhile = sum(first <= time <= last for time in frame.at(successes))
    return meanwhile > ORDINARY_SUCCESSES * len(failures)


def _guessed(
    frame: Frame, attempts: Attempts, account: str, failures: list[int], successes: Sequence[int]
) -> Detection:
    sources = {source for i in failures if (source := _source(frame, attempts, i))}
    entered = _entered(frame, attempts, failures, successes, sources)
    scheduled = regular(frame.at(failures), 0.1) >= SCHEDULE_SECONDS
    high = entered is not None and len(failures) >= FAILURES_TO_REPORT
    level: Level = "low" if scheduled else "high" if high else "medium"
    statement = (
        f"{len(failures)} failed sign-ins of {account} between {frame.moment(failures[0])} and "
        f"{frame.moment(failures[-1])} from {_some(sources)}; "
        + ("none succeeded afterwards" if entered is None else f"then a success at {frame.moment(entered)}")
    )
    by = (equals(attempts.account, account), one_of(attempts.outcome, attempts.failed))
    claims = [frame.counted(f"failures of {account}", *by)]
    if entered is not None:
        claims.append(frame.ordered("the success comes after the failures", failures[-1], entered))
    cited = ([entered] if entered is not None else []) + failures[::-1]
    return GUESSING.detection(
        frame, level, statement, cited, entities=[*_accounts([account]), *_places(sources)], claims=claims,
        techniques=_shown(GUESSING, entered is not None),
    )  # fmt: skip


def _entered(
    frame: Frame, attempts: Attempts, failures: Sequence[int], successes: Sequence[int], sources: set[str]
) -> int | None:
    """Return the first success soon after the failures that came from one of their sources."""
    last = frame.times[failures[-1]] or 0.0
    for index in successes:
        if 0 <= (frame.times[index] or 0.0) - last <= SUCCESS_WITHIN_SECONDS:
            source = _source(frame, attempts, index)
            if not sources or source in sources:
                return index
    return None


def _spraying(frame: Frame, attempts: Attempts) -> Iterator[Detection]:
    accounts = frame.lower(attempts.account)
    for source, rows in frame.grouped(lambda i: _source(frame, attempts, i)).items():
        rows = [i for i in rows if accounts[i] and not accounts[i].endswith("$")]
        for seconds in (SPRAY_SECONDS, SLOW_SPRAY_SECONDS):
            if found := _sprayed(frame, attempts, source, rows, seconds):
                yield found
                break


def _sprayed(frame: Frame, attempts: Attempts, source: str, rows: list[int], seconds: float) -> Detection | None:
    accounts, outcomes = frame.lower(attempts.account), frame.lower(attempts.outcome)
    failures = [i for i in rows if outcomes[i] in attempts.failed]
    start, end = widest(frame.at(failures), [accounts[i] for i in failures], seconds)
    burst = failures[start:end]
    tries = Counter(accounts[i] for i in burst)
    if len(tries) < ACCOUNTS_TO_REPORT or median(tries.values()) > TRIES_PER_ACCOUNT:
        return None
    first, last = frame.times[burst[0]] or 0.0, frame.times[burst[-1]] or 0.0
    entered = [
        i
        for i in rows
        if outcomes[i] in attempts.succeeded and 0 <= (frame.times[i] or 0.0) - first <= seconds + last - first
    ]
    inside = {accounts[i] for i in entered}
    if len(tries.keys() - inside) < ONLY_FAILED_SHARE * len(tries.keys() | inside):
        return None
    hit = [i for i in entered if accounts[i] in tries]
    return _spray_seen(frame, attempts, source, burst, hit)


def _spray_seen(frame: Frame, attempts: Attempts, source: str, burst: list[int], hit: list[int]) -> Detection:
    accounts = frame.lower(attempts.account)
    names = list(dict.fromkeys([accounts[i] for i in hit] + [accounts[i] for i in burst]))
    statement = (
        f"{len(burst)} failed sign-ins to {len({accounts[i] for i in burst})} accounts from {source} between "
        f"{frame.moment(burst[0])} and {frame.moment(burst[-1])}; "
        + (
            f"{accounts[hit[0]]} then signed in at {frame.moment(hit[0])}"
            if hit
            else "none of them signed in from there"
        )
    )
    column = next((c for c in attempts.addresses if frame.lower(c)[burst[0]] == source), attempts.addresses[0])
    by = (equals(column, source), one_of(attempts.outcome, attempts.failed))
    claims = [frame.counted(f"failures from {source}", *by)]
    if hit:
        claims.append(frame.shared(f"the success came from {source} too", [hit[0], burst[0]], column, source))
    return SPRAY.detection(
        frame,
        "high" if hit else "medium",
        statement,
        hit + _one_each(burst, accounts),
        entities=[*_places({source}), *_accounts(names[:10])],
        claims=claims,
        techniques=_shown(SPRAY, bool(hit)),
    )


def _shown(sighting: Sighting, entered: bool) -> tuple[str, ...]:
    """Claim the use of a valid account only where a sign-in shows it."""
    return (*sighting.techniques, "T1078") if entered else sighting.techniques


def _one_each(rows: Iterable[int], keys: Sequence[str]) -> list[int]:
    return list({keys[i]: i for i in rows}.values())


def _source(frame: Frame, attempts: Attempts, index: int) -> str:
    for column in attempts.addresses:
        value = frame.lower(column)[index]
        if value and value not in ("-", "127.0.0.1", "::1"):
            return value
    return ""


def _accounts(names: Iterable[str]) -> list[Entity]:
    return [Entity(kind="account", value=name) for name in names]


def _places(sources: Iterable[str]) -> list[Entity]:
    return [Entity(kind="ip" if is_address(one) else "host", value=one) for one in sorted(sources)[:5]]


def _some(values: set[str]) -> str:
    shown = sorted(values)[:3]
    return (
        ", ".join(shown) + (f" and {len(values) - 3} more" if len(values) > 3 else "") if shown else "an unnamed source"
    )
