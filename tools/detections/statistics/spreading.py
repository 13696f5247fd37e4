"""One account on many hosts in minutes, and one client that fails for many accounts from many addresses."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection, Level
from soc_analyst.tools.evidence import Evidence

from .addresses import is_address
from .frame import Frame, Sighting, equals, one_of, widest
from .guessing import ONLY_FAILED_SHARE, SIGNINS, SPRAY, TRIES_PER_ACCOUNT
from .reused import SERVICE, of_local_accounts

__all__ = ["clients_spray_from_many_addresses", "logons_spread"]

HOSTS_TO_REPORT, HOSTS_BY_HASH = 8, 4
SPREAD_SECONDS = 10 * 60
SHARE_ELSEWHEN = 0.5
APART_SECONDS = 12 * 60 * 60
ACCOUNTS_TO_REPORT, ADDRESSES_TO_REPORT = 12, 5
CLIENT_SECONDS = 60 * 60

SPREAD = Sighting(
    id="stat-logons-spread",
    title="One account logs on to many hosts",
    techniques=("T1021",),
    tactics=("lateral-movement",),
    false_positives=(
        "Deployment, backup and vulnerability scanning under a service account, which repeat on schedule",
    ),
)


def logons_spread(evidence: Evidence) -> Iterator[Detection]:
    """Report accounts that log on from one source to eight hosts within ten minutes over the network.

    Four are enough where a person's account is administrator on each and uses NTLM for half, as stolen hashes do.

    Rated low where the account does half as much on another day too, or is named for a service and shows tickets at
    half of the hosts or more: a tool at its routine, while stolen passwords and hashes are mostly used by NTLM. What
    local accounts do by NTLM is told by itself.
    """
    frame = Frame.of(evidence, "DeviceLogonEvents", ("DeviceName", "AccountName", "ActionType"))
    if frame is None:
        return
    hosts, accounts, sources = frame.lower("DeviceName"), frame.lower("AccountName"), frame.lower("RemoteIP")
    kinds, actions = frame.lower("LogonType"), frame.lower("ActionType")
    local = of_local_accounts(frame)
    remote = [
        i for i, action in enumerate(actions)
        if action == "logonsuccess" and hosts[i] and kinds[i] in ("", "network", "remoteinteractive") and not local[i]
    ]  # fmt: skip

    def traveller(index: int) -> str:
        account = accounts[index]
        ordinary = not account or account.endswith("$") or account in ("system", "anonymous logon", "-")
        return "" if ordinary else f"{account}\0{sources[index]}"

    for rows in frame.grouped(traveller, remote).values():
        start, end = widest(frame.at(rows), [hosts[i] for i in rows], SPREAD_SECONDS)
        inside = rows[start:end]
        count = len({hosts[i] for i in inside})
        if count >= HOSTS_TO_REPORT or (count >= HOSTS_BY_HASH and _by_hash(frame, inside)):
            others = [i for i in rows if abs((frame.times[i] or 0.0) - (frame.times[inside[0]] or 0.0)) > APART_SECONDS]
            first, last = widest(frame.at(others), [hosts[i] for i in others], SPREAD_SECONDS)
            usual = len({hosts[i] for i in others[first:last]}) >= SHARE_ELSEWHEN * count
            yield _spread(frame, inside, usual)


def clients_spray_from_many_addresses(evidence: Evidence) -> Iterator[Detection]:
    """Report a user agent with which twelve accounts fail within an hour from five addresses while few succeed."""
    frame = Frame.of(evidence, SIGNINS.table, ("UserPrincipalName", "ResultType", "UserAgent", "IPAddress"))
    if frame is None:
        return
    accounts, results, agents = frame.lower("UserPrincipalName"), frame.text("ResultType"), frame.text("UserAgent")
    for agent, rows in frame.grouped(lambda i: agents[i] if accounts[i] else "").items():
        failures = [i for i in rows if results[i] in SIGNINS.failed]
        start, end = widest(frame.at(failures), [accounts[i] for i in failures], CLIENT_SECONDS)
        inside = failures[start:end]
        tries = [accounts[i] for i in inside]
        failed = set(tries)
        entered = {accounts[i] for i in rows if results[i] in SIGNINS.succeeded}
        spread = (
            len(failed) >= ACCOUNTS_TO_REPORT
            and len({frame.text("IPAddress")[i] for i in inside}) >= ADDRESSES_TO_REPORT
        )
        few = spread and median(tries.count(name) for name in failed) <= TRIES_PER_ACCOUNT
        if few and len(failed - entered) >= ONLY_FAILED_SHARE * len(failed | entered):
            yield _client(frame, agent, inside)


def _by_hash(frame: Frame, rows: list[int]) -> bool:
    """Tell whether a person's account is administrator on all of these, and comes by NTLM to half of them at least."""
    protocols, local = frame.lower("Protocol"), frame.lower("IsLocalAdmin")
    if SERVICE.search(frame.lower("AccountName")[rows[0]]) or not frame.lower("RemoteIP")[rows[0]]:
        return False
    by_ntlm = sum("ntlm" in protocols[i] for i in rows)
    return 2 * by_ntlm >= len(rows) and all(local[i] in ("true", "1") for i in rows)


def _by_ticket(frame: Frame, rows: list[int]) -> bool:
    protocols, hosts = frame.lower("Protocol"), frame.lower("DeviceName")
    shown = {hosts[i] for i in rows if "kerberos" in protocols[i]}
    return bool(SERVICE.search(frame.lower("AccountName")[rows[0]])) and 2 * len(shown) >= len({hosts[i] for i in rows})


def _spread(frame: Frame, rows: list[int], usual: bool) -> Detection:
    hosts, account, source = (
        frame.text("DeviceName"),
        frame.text("AccountName")[rows[0]],
        frame.text("RemoteIP")[rows[0]],
    )
    names = list(dict.fromkeys(hosts[i] for i in rows))
    level: Level = "low" if usual or _by_ticket(frame, rows) else "medium"
    statement = (
        f"{account} logged on to {len(names)} hosts from {source or 'an unnamed source'} between "
        f"{frame.moment(rows[0])} and {frame.moment(rows[-1])}" + ("; it does the like at other times" if usual else "")
    )
    entities = [Entity(kind="account", value=account)]
    entities += [Entity(kind="ip" if is_address(source) else "host", value=source)] if source else []
    entities += [Entity(kind="host", value=name) for name in names[:5]]
    claims = [frame.shared(f"all logons are of {account}", rows, "AccountName", account)]
    cited = list({hosts[i]: i for i in reversed(rows)}.values())[::-1]
    return SPREAD.detection(frame, level, statement, cited, entities=entities, claims=claims)


def _client(frame: Frame, agent: str, rows: list[int]) -> Detection:
    accounts, addresses = frame.lower("UserPrincipalName"), frame.text("IPAddress")
    names, places = list(dict.fromkeys(accounts[i] for i in rows)), list(dict.fromkeys(addresses[i] for i in rows))
    statement = (
        f"{len(rows)} failed sign-ins to {len(names)} accounts from {len(places)} addresses with the user agent "
        f"“{agent}” between {frame.moment(rows[0])} and {frame.moment(rows[-1])}"
    )
    claims = [
        frame.counted("failures with this user agent", equals("UserAgent", agent), one_of("ResultType", SIGNINS.failed))
    ]
    entities = [Entity(kind="account", value=name) for name in names[:10]]
    entities += [Entity(kind="ip", value=place) for place in places[:5] if place]
    cited = list({accounts[i]: i for i in rows}.values())
    return SPRAY.detection(frame, "medium", statement, cited, entities=entities, claims=claims)
