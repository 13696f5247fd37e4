"""From the short rows of a case to whole rows of a table.

A row is columns of its table; besides them it may say `at` (time before the clock), `mark` (what expectations call it),
`repeat` ({times, every}) and `each` ({key: values taken in turn}), and the short names that `SHORT` writes out.
"""

from __future__ import annotations

import json
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from .company import DOMAIN, OFFICE_ADDRESS, PEOPLE, PLACES, full_name, private_address
from .form import MalformedCase, ago

__all__ = ["Row", "rows_of", "whole", "written_out"]

Row = dict[str, Any]
OWN_KEYS = frozenset({"at", "mark", "repeat", "each"})
PROGRAM_FILES = {
    "outlook.exe": r"C:\Program Files\Microsoft Office\root\Office16",
    "winword.exe": r"C:\Program Files\Microsoft Office\root\Office16",
    "excel.exe": r"C:\Program Files\Microsoft Office\root\Office16",
    "chrome.exe": r"C:\Program Files\Google\Chrome\Application",
    "msedge.exe": r"C:\Program Files (x86)\Microsoft\Edge\Application",
    "explorer.exe": r"C:\Windows",
    "powershell.exe": r"C:\Windows\System32\WindowsPowerShell\v1.0",
    "code.exe": r"C:\Program Files\Microsoft VS Code",
    "w3wp.exe": r"C:\Windows\System32\inetsrv",
}
DISPLAY = {person.name: person.display for person in PEOPLE}


def whole(table: str, row: Mapping[str, Any], clock: datetime) -> Iterator[Row]:
    """Return the rows that a short row stands for, each with its mark under `mark`."""
    if "at" not in row:
        raise MalformedCase(f"{table}: a row has no `at`: {dict(row)}")
    start = clock - ago(row["at"])
    repeat = row.get("repeat", {})
    every = ago(f"-{repeat.get('every', '1m')}")
    for turn in range(int(repeat.get("times", 1))):
        own = {key: value for key, value in row.items() if key not in OWN_KEYS}
        own |= {key: values[turn % len(values)] for key, values in row.get("each", {}).items()}
        drift = timedelta(seconds=turn * 7 % 5) if turn else timedelta(0)
        yield {"mark": row.get("mark", ""), **written_out(table, own, start + turn * every + drift)}


def written_out(table: str, short: Mapping[str, Any], at: datetime) -> Row:
    """Return a row of a table with what its short names stand for; columns it names itself win."""
    short = dict(short)
    written: Row = {"TimeGenerated": at.isoformat()}
    written |= SHORT[table](short) if table in SHORT else {}
    written |= {key: value for key, value in short.items() if key[0].isupper() or key[0] == "_"}
    if unknown := [key for key in short if not (key[0].isupper() or key[0] == "_")]:
        raise MalformedCase(f"{table}: {unknown[0]!r} is no short name of this table")
    key = json.dumps([table, written], sort_keys=True, default=str)
    written |= {name: value for name, value in _identity(table, key).items() if name not in written}
    return {name: json.dumps(v) if isinstance(v, dict | list) else v for name, v in written.items()}


def _identity(table: str, key: str) -> Row:
    number, unique = zlib.crc32(key.encode()), str(uuid.uuid5(uuid.NAMESPACE_URL, key))
    if table.startswith("Device"):
        return {"ReportId": number}
    if table == "AzureActivity":
        return {"CorrelationId": unique, "EventDataId": unique}
    return {"Id": unique, "CorrelationId": unique} if table == "AuditLogs" else {}


def _device(short: Row) -> Row:
    host, user = short.pop("host"), short.pop("user", "system")
    short["_user"] = user
    return {"DeviceName": full_name(host), "DeviceId": uuid.uuid5(uuid.NAMESPACE_DNS, host).hex}


def _named(prefix: str, user: str) -> Row:
    domain = "nt authority" if user in ("system", "local service", "network service") else "northwind"
    upn = {f"{prefix}AccountUpn": f"{user}@{DOMAIN}"} if domain == "northwind" and prefix != "logon" else {}
    return {f"{prefix}AccountName": user, f"{prefix}AccountDomain": domain, **upn}


def _program(line: str, path: str | None) -> tuple[str, str]:
    """Return the file name and the whole path of what a command line starts."""
    first = path or (line.split('"')[1] if line.startswith('"') else line.split()[0])
    name = first.rsplit("\\", 1)[-1]
    folder = first.rpartition("\\")[0] or PROGRAM_FILES.get(name.casefold(), r"C:\Windows\System32")
    return name, f"{folder}\\{name}"


def _initiator(short: Row, user: str, default: str) -> Row:
    by = short.pop("by", default)
    name, path = _program(by, short.pop("by_path", None))
    parent = {"InitiatingProcessParentFileName": short.pop("by_parent")} if "by_parent" in short else {}
    return {
        "InitiatingProcessFileName": name,
        "InitiatingProcessFolderPath": path,
        "InitiatingProcessCommandLine": by,
        **parent,
        **_named("InitiatingProcess", user),
    }


def _process(short: Row) -> Row:
    row, user = _device(short), short.pop("_user")
    name, path = _program(short["runs"], short.pop("path", None))
    line = short.pop("runs")
    return {
        **row, "ActionType": "ProcessCreated", "FileName": name, "FolderPath": path, "ProcessCommandLine": line,
        **_named("", user), **_initiator(short, short.pop("by_user", user), "explorer.exe"),
    }  # fmt: skip


def _network(short: Row) -> Row:
    row, user = _device(short), short.pop("_user")
    address, port = str(short.pop("to")).rsplit(":", 1)
    url = {"RemoteUrl": short.pop("url")} if "url" in short else {}
    return {
        **row, "ActionType": "ConnectionSuccess", "RemoteIP": address, "RemotePort": int(port), "Protocol": "Tcp",
        "RemoteIPType": "Private" if address.startswith("10.") else "Public",
        "LocalIP": private_address(row["DeviceName"]), **url, **_initiator(short, user, "chrome.exe"),
    }  # fmt: skip


def _logon(short: Row) -> Row:
    row, user = _device(short), short.pop("_user")
    source = short.pop("from", None)
    from_host = source if source and not source[0].isdigit() else None
    address = private_address(from_host) if from_host else source
    failed = short.pop("failed", False)
    return {
        **row, "ActionType": "LogonFailed" if failed else "LogonSuccess", "LogonType": short.pop("kind", "Network"),
        "AccountName": user, "AccountDomain": "northwind", "RemoteIP": address, "RemoteDeviceName": from_host,
        **({"FailureReason": "InvalidUserNameOrPassword"} if failed else {}),
        "InitiatingProcessFileName": "lsass.exe", "InitiatingProcessCommandLine": "lsass.exe",
    }  # fmt: skip


def _file(short: Row) -> Row:
    row, user = _device(short), short.pop("_user")
    path = short.pop("file")
    return {
        **row, "ActionType": short.pop("does", "FileCreated"), "FileName": path.rsplit("\\", 1)[-1], "FolderPath": path,
        **_initiator(short, user, "explorer.exe"),
    }  # fmt: skip


def _registry(short: Row) -> Row:
    row, user = _device(short), short.pop("_user")
    return {
        **row, "ActionType": "RegistryValueSet", "RegistryKey": short.pop("key"),
        "RegistryValueName": short.pop("value", ""), "RegistryValueData": str(short.pop("data", "")),
        "RegistryValueType": "String", **_initiator(short, user, "svchost.exe"),
    }  # fmt: skip


def _upn(user: str) -> str:
    return user if "@" in user else f"{user}@{DOMAIN}"


def _display(user: str) -> str:
    return DISPLAY.get(user.split("@")[0], user.split("@")[0])


def _signin(short: Row) -> Row:
    user, code, place = short.pop("user"), str(short.pop("code", "0")), PLACES[short.pop("place", "office")]
    address, app, managed = short.pop("ip", OFFICE_ADDRESS), short.pop("app", "OfficeHome"), short.pop("managed", True)
    device = {"displayName": "ws", "deviceId": "known", "isCompliant": True, "trustType": "Hybrid Azure AD joined"}
    mfa = short.pop("mfa", "MFA requirement satisfied by claim in the token")
    return {
        "UserPrincipalName": _upn(user), "UserDisplayName": _display(user), "Identity": _display(user),
        "UserId": str(uuid.uuid5(uuid.NAMESPACE_DNS, user)), "UserType": "Member",
        "ResultType": code, "ResultDescription": short.pop("why", None), "AppDisplayName": app,
        "ResourceDisplayName": app, "IPAddress": address, "Location": place.country,
        "AutonomousSystemNumber": place.network,
        "LocationDetails": {
            "city": place.city, "countryOrRegion": place.country,
            "geoCoordinates": {"latitude": place.latitude, "longitude": place.longitude},
        },
        "ClientAppUsed": "Browser", "IsInteractive": True, "ConditionalAccessStatus": "success",
        "UserAgent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36",
        "DeviceDetail": {"operatingSystem": "Windows10", "browser": "Chrome 131", **(device if managed else {})},
        "AuthenticationRequirement": "multiFactorAuthentication" if mfa else "singleFactorAuthentication",
        "Status": {"errorCode": int(code), "additionalDetails": mfa or ""},
        "RiskLevelDuringSignIn": "none", "RiskLevelAggregated": "none", "RiskState": "none",
    }  # fmt: skip


def _audit(short: Row) -> Row:
    operation, user, app = short.pop("does"), short.pop("user", ""), short.pop("app", "")
    person = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, user)), "userPrincipalName": _upn(user), "displayName": _display(user),
        "ipAddress": short.pop("ip", OFFICE_ADDRESS),
    }  # fmt: skip
    changes = [
        {"displayName": name, "oldValue": "[]", "newValue": json.dumps(value)}
        for name, value in short.pop("sets", {}).items()
    ]
    on = short.pop("on", {})
    target = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, json.dumps(on))), "displayName": on.get("name"),
        "type": on.get("type", "User"), "userPrincipalName": on.get("upn"), "modifiedProperties": changes,
    }  # fmt: skip
    return {
        "OperationName": operation, "ActivityDisplayName": operation,
        "Category": short.pop("category", "UserManagement"),
        "Result": short.pop("result", "success"), "LoggedByService": "Core Directory",
        "Identity": _display(user) if user else app,
        "InitiatedBy": {"user": person} if user else {"app": {"displayName": app, "servicePrincipalId": app}},
        "TargetResources": [target], "AdditionalDetails": short.pop("details", []),
    }  # fmt: skip


def _azure(short: Row) -> Row:
    operation, user, address = short.pop("does"), short.pop("user"), short.pop("ip", OFFICE_ADDRESS)
    group, resource = short.pop("group", "rg-apps"), short.pop("resource", "")
    scope = f"/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/{group}/providers/{resource}"
    body = {"requestbody": json.dumps(short.pop("body"))} if "body" in short else {}
    status = short.pop("status", "Success")
    return {
        "Caller": _upn(user) if user.count("-") != 4 else user, "CallerIpAddress": address,
        "OperationNameValue": operation.upper(), "OperationName": operation, "ActivityStatusValue": status,
        "ActivityStatus": status, "CategoryValue": "Administrative", "Category": "Administrative",
        "Resource": resource.rsplit("/", 1)[-1], "ResourceGroup": group.upper(), "ResourceId": scope,
        "_ResourceId": scope.lower(), "ResourceProviderValue": operation.split("/")[0].upper(),
        "SubscriptionId": "11111111-2222-4333-8444-555555555555",
        "Authorization": {"action": operation, "scope": scope}, "Properties": {"entity": scope, **body},
        "Claims": {"ipaddr": address, "name": user},
    }  # fmt: skip


def _flow(short: Row) -> Row:
    host, other, outbound = short.pop("host"), short.pop("with"), short.pop("out", True)
    allowed, flows, address = short.pop("allowed", True), short.pop("flows", 1), private_address(host)
    public = not other.startswith("10.")
    way = "Out" if outbound else "In"
    return {
        "VM_s": f"rg-apps/{host}",
        "SrcIP_s": address if outbound else other, "DestIP_s": other if outbound else address,
        "VMIP_s": address, "DestPort_d": float(short.pop("port")), "L4Protocol_s": "T", "FlowDirection_s": way[0],
        "FlowStatus_s": "A" if allowed else "D", "FlowType_s": "ExternalPublic" if public else "IntraVNet",
        f"{'Allowed' if allowed else 'Denied'}{way}Flows_d": float(flows), "FlowCount_d": float(flows),
        "OutboundBytes_d": float(short.pop("sent", 4200)), "InboundBytes_d": float(short.pop("received", 9100)),
        "NSGRule_s": short.pop("rule", "DefaultRule_AllowInternetOutBound"), "SubType_s": "FlowLog",
        "PublicIPs_s": f"{other}|{flows}|0|0|0|0|0" if public else None,
    }  # fmt: skip


def _alert(short: Row) -> Row:
    return {
        "AlertId": short.pop("alert"), "Title": short.pop("title"), "Severity": short.pop("severity", "Medium"),
        "Category": short.pop("category", "SuspiciousActivity"),
        "AttackTechniques": json.dumps(short.pop("techniques", [])),
        "ServiceSource": "Microsoft Defender for Endpoint", "DetectionSource": "EDR",
    }  # fmt: skip


def _alert_evidence(short: Row) -> Row:
    row: Row = {"AlertId": short.pop("alert")}
    if "host" in short:
        row |= {"EntityType": "Machine", "DeviceName": full_name(short.pop("host"))}
    if "user" in short:
        user = short.pop("user")
        row |= {"EntityType": "User", "AccountName": user, "AccountUpn": _upn(user), "AccountDomain": "northwind"}
    if "runs" in short:
        line = short.pop("runs")
        row |= {"EntityType": "Process", "ProcessCommandLine": line, "FileName": _program(line, None)[0]}
    if "ip" in short:
        row |= {"EntityType": "Ip", "RemoteIP": short.pop("ip")}
    return {"EvidenceRole": "Related", **row}


SHORT: Mapping[str, Callable[[Row], Row]] = {
    "DeviceProcessEvents": _process,
    "DeviceNetworkEvents": _network,
    "DeviceLogonEvents": _logon,
    "DeviceFileEvents": _file,
    "DeviceRegistryEvents": _registry,
    "SigninLogs": _signin,
    "AuditLogs": _audit,
    "AzureActivity": _azure,
    "AzureNetworkAnalytics_CL": _flow,
    "AlertInfo": _alert,
    "AlertEvidence": _alert_evidence,
}


def rows_of(rows: Mapping[str, Iterable[Mapping[str, Any]]], clock: datetime) -> dict[str, list[Row]]:
    """Return the whole rows of a case by table."""
    return {table: [one for row in own for one in whole(table, row, clock)] for table, own in rows.items()}
