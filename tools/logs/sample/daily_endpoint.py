"""The ordinary days of workstations and servers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

import yaml

from .processes import Process, file_columns, host_columns, program, standing
from .stock import Stock
from .tenant import LOCAL_SERVICE, NETWORK_SERVICE, SYSTEM, Account, Host, Tenant, guid, number

__all__ = ["stock_endpoints"]

_VARIANTS = 3
"""Prototypes of an activity on one machine, which differ in numbers and names."""

_BUILT_IN = {account.name: account for account in (SYSTEM, LOCAL_SERVICE, NETWORK_SERVICE)}


@cache
def _daily() -> dict[str, Any]:
    text = resources.files(__package__ or __name__).joinpath("daily.yaml").read_text("utf-8")
    data: dict[str, Any] = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return data


def stock_endpoints(stock: Stock, company: Tenant) -> None:
    """Add what machines do every day."""
    for host in company.hosts.values():
        _processes(stock, company, host)
        _connections(stock, company, host)
        _files(stock, company, host)
        _registry(stock, company, host)
        _logons(stock, company, host)


def _actor(name: str, host: Host, company: Tenant) -> Account:
    if name == "user":
        return host.owner or company.accounts["adm-erik"]
    return {"system": SYSTEM}.get(name) or _BUILT_IN.get(name) or company.services[name]


def _kinds(host: Host) -> tuple[str, ...]:
    """Return the headings of `daily.yaml` that speak of a machine."""
    department = host.owner.department.lower() if host.owner else ""
    return (host.role, department) if host.owner else (host.role, "server")


def _rhythm(host: Host, wanted: str = "") -> str:
    if wanted:
        return wanted
    return host.owner.office.rhythm if host.owner and host.owner.office else "always"


def _filled(text: str, host: Host, actor: Account, variant: int, *salt: object) -> str:
    count = 100 + number(9000, host.name, variant, *salt)
    return (
        text.replace("{n}", str(count)).replace("{user}", actor.name).replace("{host}", host.name)
        .replace("{sid}", actor.sid).replace("{guid}", "{" + guid(host.name, *salt).upper() + "}")
    )  # fmt: skip


def _variants(text: str) -> range:
    return range(_VARIANTS if "{n}" in text else 1)


def _processes(stock: Stock, company: Tenant, host: Host) -> None:
    for activity in _daily()["processes"]:
        if activity["where"] not in (*_kinds(host), "any"):
            continue
        actor = _actor(activity["as"], host, company)
        parent_actor = SYSTEM if activity["parent"] in ("svchost.exe", "services.exe") else actor
        parent = standing(host, activity["parent"], parent_actor)
        found = program(activity["run"])
        line = activity.get("line") or found.line
        for variant in _variants(line):
            level = "System" if actor.name in _BUILT_IN else "Medium"
            text = _filled(line, host, actor, variant, activity["run"])
            child = Process(found, text, host, actor, 0, parent.created, level, parent.logon, parent)
            row = child.as_subject() | {"ActionType": "ProcessCreated"}
            stock.recur("DeviceProcessEvents", row, _rhythm(host, activity.get("rhythm", "")), activity["weight"])


def _listed(heading: str, host: Host) -> Iterator[list[Any]]:
    for kind in _kinds(host):
        yield from _daily()[heading].get(kind, ())


def _initiator(name: str, actor: Account, host: Host) -> dict[str, Any]:
    return host_columns(host) | standing(host, name, actor).as_initiator()


def _connections(stock: Stock, company: Tenant, host: Host) -> None:
    for name, who, url, address, port, weight, *rhythm in _listed("connections", host):
        row = _initiator(name, _actor(who, host, company), host) | {
            "ActionType": "ConnectionSuccess",
            "LocalIP": host.address,
            "LocalIPType": "Private",
            "Protocol": "Udp" if port == 53 else "Tcp",
            "RemoteIP": address,
            "RemoteIPType": "Private" if address.startswith("10.") else "Public",
            "RemotePort": port,
            "RemoteUrl": url or None,
        }
        stock.recur("DeviceNetworkEvents", row, _rhythm(host, *rhythm), weight)


def _files(stock: Stock, company: Tenant, host: Host) -> None:
    for name, who, action, path, weight, *rhythm in _listed("files", host):
        actor = _actor(who, host, company)
        for variant in _variants(path):
            whole = _filled(path, host, actor, variant, name)
            row = _initiator(name, actor, host) | file_columns(whole) | {"ActionType": action}
            if action == "FileRenamed":
                row |= {
                    "PreviousFileName": f"draft-{variant}.tmp",
                    "PreviousFolderPath": whole.rsplit("\\", 1)[0] + f"\\draft-{variant}.tmp",
                }
            stock.recur("DeviceFileEvents", row, _rhythm(host, *rhythm), weight)


def _registry(stock: Stock, company: Tenant, host: Host) -> None:
    for name, who, key, value, data, kind, weight, rhythm in _daily()["registry"]:
        if who == "user" and not host.owner:
            continue
        actor = _actor(who, host, company)
        for variant in _variants(key + value + data):
            row = _initiator(name, actor, host) | {
                "ActionType": "RegistryValueSet",
                "RegistryKey": _filled(key, host, actor, variant, name),
                "RegistryValueName": _filled(value, host, actor, variant, name),
                "RegistryValueData": _filled(data, host, actor, variant, name),
                "RegistryValueType": kind,
            }
            stock.recur("DeviceRegistryEvents", row, _rhythm(host, rhythm), weight)


def _logons(stock: Stock, company: Tenant, host: Host) -> None:
    for who, kind, protocol, source, rhythm, weight in _usual_logons(company, host):
        row = _initiator("lsass.exe", SYSTEM, host) | _logon(who, kind, protocol, source)
        stock.recur(
            "DeviceLogonEvents", row | {"ActionType": "LogonSuccess", "IsLocalAdmin": who.admin}, rhythm, weight
        )
        if kind in ("Interactive", "Network") and who.office and not who.admin:
            failed = {"ActionType": "LogonFailed", "FailureReason": "InvalidUserNameOrPassword"}
            stock.recur("DeviceLogonEvents", row | failed, rhythm, 1)


def _usual_logons(company: Tenant, host: Host) -> Iterator[tuple[Account, str, str, Host | None, str, int]]:
    if host.owner:
        rhythm = _rhythm(host)
        yield host.owner, "Interactive", "Negotiate", None, rhythm, 14
        yield host.owner, "Unlock", "Negotiate", None, rhythm, 24
        yield host.owner, "CachedInteractive", "Negotiate", None, rhythm, 2
        return
    yield company.services["svc-monitor"], "Service", "Negotiate", None, "always", 10
    yield company.services["svc-backup"], "Network", "Kerberos", company.hosts["backup-01"], "night", 12
    yield company.services["svc-scan"], "Network", "Kerberos", company.hosts["SCAN01"], "scan", 20
    if host.role in ("file server", "domain controller", "print server"):
        for desk in company.workstations:
            assert desk.owner is not None
            yield desk.owner, "Network", "Kerberos", desk, _rhythm(desk), 12
    admin = company.accounts["adm-fiona"]
    yield admin, "RemoteInteractive", "Negotiate", company.hosts["JUMP01"], "office:0", 2


def _logon(who: Account, kind: str, protocol: str, source: Host | None) -> dict[str, Any]:
    remote = (
        {"RemoteIP": source.address, "RemoteIPType": "Private", "RemoteDeviceName": source.name, "RemotePort": 49_700}
        if source
        else {}
    )
    return remote | {
        "AccountDomain": who.domain.lower(),
        "AccountName": who.name,
        "AccountSid": who.sid,
        "LogonType": kind,
        "Protocol": protocol,
    }  # fmt: skip
