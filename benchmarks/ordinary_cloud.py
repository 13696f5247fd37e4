"""Read sign-ins, Azure activity, flows and alerts of the ordinary events, one line a row."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

__all__ = ["alert", "azure", "flow", "guid", "signin", "words"]

EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) "
    "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.0.0"
)
AGENTS = {
    "edge": EDGE,
    "none": "",
    "iphone": "Apple-iPhone14C2/2104.46",
    "android": "Dalvik/2.1.0 (Linux; U; Android 13; SM-G991B Build/TP1A)",
    "powershell": "Mozilla/5.0 (Windows NT 10.0; Microsoft Windows 10.0.19045; de-DE) PowerShell/7.4.0",
    "azcli": "python-requests/2.31.0 azsdk-python-azure-identity AZURECLI/2.55.0",
    "safari": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) "
    "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Safari/605.1.15",
}
METHODS = {"app": "Mobile app notification", "sms": "Text message"}
SUBSCRIPTION = "3d0c7f0a-7d0e-4d55-9a5e-2f7d1c0a4b11"


def words(line: str) -> list[tuple[str, str]]:
    """Return the pairs of a line; a word alone is a pair with an empty value."""
    return [(key, value) for key, _, value in (word.partition("=") for word in shlex.split(line))]


def guid(text: str) -> str:
    """Return an identifier that a text always leads to."""
    digits = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def signin(line: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a sign-in."""
    said = dict(words(line))
    country, _, city = said["at"].partition("/")
    code, user = said.get("result", "0"), said["user"]
    managed = said.get("device") == "managed"
    mfa, agent = said.get("mfa"), AGENTS[said.get("agent", "edge")]
    client = said.get("client", "Browser" if "Mozilla" in agent else "Mobile Apps and Desktop clients")
    device = {
        "deviceId": guid(user) if managed else "",
        "operatingSystem": "Windows10",
        "browser": "Edge 120.0.0",
        "isManaged": managed,
        "isCompliant": managed,
        "trustType": "Azure AD joined" if managed else "",
    }
    details = [{"authenticationMethod": "Password", "succeeded": code != "50126"}]
    details += [{"authenticationMethod": METHODS[mfa], "succeeded": code == "0"}] if mfa else []
    row = {
        "UserPrincipalName": user,
        "UserId": guid(user),
        "UserDisplayName": user.split("@")[0],
        "Identity": user.split("@")[0],
        "UserType": said.get("type", "Member"),
        "AppDisplayName": said["app"],
        "AppId": guid(said["app"]),
        "IPAddress": said["ip"],
        "Location": country,
        "LocationDetails": json.dumps({"city": city, "countryOrRegion": country}),
        "ResultType": code,
        "ResultSignature": "None",
        "UserAgent": agent,
        "ClientAppUsed": client,
        "DeviceDetail": json.dumps(device),
        "IsInteractive": True,
        "AuthenticationRequirement": "multiFactorAuthentication" if mfa else "singleFactorAuthentication",
        "AuthenticationDetails": json.dumps(details),
        "AuthenticationProtocol": said.get("protocol", "none"),
        "ConditionalAccessStatus": "failure" if code.startswith("5300") else "success",
        "RiskState": "none",
        "RiskLevelDuringSignIn": said.get("risk", "none"),
        "RiskLevelAggregated": said.get("risk", "none"),
        "RiskDetail": "none",
        "RiskEventTypes_V2": json.dumps([said["events"]] if "events" in said else []),
        "Category": "SignInLogs",
        "Status": json.dumps({"errorCode": int(code)}),
        "Id": guid(line),
        "CorrelationId": guid(line + "c"),
        "CreatedDateTime": None,
        "OperationName": "Sign-in activity",
        "ResourceDisplayName": "Microsoft Graph",
        "AutonomousSystemNumber": said["ip"].split(".")[0],
    }
    if "t" in said:
        row["_later"] = timedelta(hours=int(said["t"].rstrip("h")))
    yield "SigninLogs", row


def azure(line: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what was done to a resource of Azure: once, or as its start and its end."""
    said = dict(words(line))
    for status in ("Start", "Success") if "pair" in said else (said.get("status", "Success"),):
        yield "AzureActivity", _activity(said, line, status)


def _activity(said: dict[str, str], line: str, status: str) -> dict[str, Any]:
    operation, group = said["op"], said.get("rg", "")
    provider = operation.split("/")[0]
    scope = f"/subscriptions/{SUBSCRIPTION}" + (f"/resourceGroups/{group}" if group else "")
    resource = f"{scope}/providers/{provider.title()}/{said['res']}" if "res" in said else scope
    caller = said.get("caller", "")
    caller = guid(caller) if caller.startswith("sp:") else caller
    claims = json.dumps({"idtyp": "user" if "@" in caller else "app", "appid": guid(caller + "app")})
    body = dict(pair.split("=", 1) for pair in said.get("props", "").split())
    properties = json.dumps({"requestbody": json.dumps({"properties": body}), "entity": resource}) if body else ""
    authorization = json.dumps({"action": operation, "scope": resource})
    return {
        "OperationNameValue": operation,
        "ActivityStatusValue": status,
        "Caller": caller,
        "CallerIpAddress": said.get("ip", ""),
        "ResourceGroup": group.upper(),
        "ResourceId": resource,
        "_ResourceId": resource.lower(),
        "Resource": said.get("res", ""),
        "ResourceProviderValue": provider,
        "CategoryValue": said.get("category", "Administrative"),
        "SubscriptionId": SUBSCRIPTION,
        "CorrelationId": guid(line),
        "OperationId": guid(line),
        "EventDataId": guid(line + status),
        "Level": "Informational",
        "Authorization": authorization,
        "Authorization_d": authorization,
        "Claims": claims,
        "Claims_d": claims,
        "Properties": properties,
        "Properties_d": properties,
        "HTTPRequest": json.dumps({"clientIpAddress": said.get("ip", "")}),
    }


def flow(line: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a flow as Traffic Analytics tells it."""
    match = re.match(r"(\S+) > (\S+):(\d+) (\w) (\w) (\w) (.*)", line)
    if match is None:
        raise ValueError(f"not a flow: {line}")
    source, target, port, protocol, status, direction, rest = match.groups()
    said = dict(words(rest))
    kind = said.get("type", "IntraVNet")
    row: dict[str, Any] = {
        "SubType_s": "FlowLog",
        "SrcIP_s": source,
        "DestIP_s": target,
        "DestPort_d": float(port),
        "L4Protocol_s": protocol,
        "FlowStatus_s": status,
        "FlowDirection_s": direction,
        "FlowType_s": kind,
        "FlowCount_d": float(said.get("n", 1)),
        "NSGRule_s": "defaultrule_allow",
        "InboundBytes_d": float(said.get("in", 0)),
        "OutboundBytes_d": float(said.get("out", 0)),
        "InboundPackets_d": 10.0,
        "OutboundPackets_d": 10.0,
        "AllowedInFlows_d": 1.0 if status + direction == "AI" else 0.0,
        "DeniedInFlows_d": 1.0 if status + direction == "DI" else 0.0,
        "AllowedOutFlows_d": 1.0 if status + direction == "AO" else 0.0,
        "DeniedOutFlows_d": 0.0,
        "FASchemaVersion_s": "2",
    }
    if kind in ("ExternalPublic", "MaliciousFlow", "AzurePublic"):
        outside, column = (source, "SrcPublicIPs_s") if direction == "I" else (target, "DestPublicIPs_s")
        row |= {column: f"{outside}|1|0|0|0|0|0", "PublicIPs_s": f"{outside}|1|0|0|0|0|0"}
        row |= {"SrcIP_s": ""} if direction == "I" else {"DestIP_s": ""}
    yield "AzureNetworkAnalytics_CL", row


def alert(line: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield an alert and its evidence."""
    said = dict(words(line))
    shared = {
        "AlertId": guid(line),
        "Title": said["title"],
        "ServiceSource": said["service"],
        "DetectionSource": said["service"],
    }
    yield "AlertInfo", shared | {"Severity": said["severity"], "Category": said["category"], "AttackTechniques": ""}
    entity = (
        {"EntityType": "User", "AccountName": said["account"]}
        if "account" in said
        else {"EntityType": "Machine", "DeviceName": said["host"]}
    )
    yield "AlertEvidence", shared | {"Categories": json.dumps([said["category"]]), "EvidenceRole": "Impacted"} | entity
