"""Rows of SigninLogs and AuditLogs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .tenant import TENANT, Account, Office, guid

__all__ = ["APPS", "Browser", "Result", "audit_row", "property_change", "signin_row", "target"]

Row = dict[str, Any]

APPS = {
    "Office 365 Exchange Online": "00000002-0000-0ff1-ce00-000000000000",
    "Office 365 SharePoint Online": "00000003-0000-0ff1-ce00-000000000000",
    "Microsoft Teams": "1fec8e78-bce4-4aaf-ab1b-5451cc387264",
    "OfficeHome": "4765445b-32c6-49b0-83e6-1d93765276ca",
    "Azure Portal": "c44b4083-3bb0-49c1-b47d-974e53cbdf3c",
    "Microsoft Azure PowerShell": "1950a258-227b-4e31-a9cf-717495945fc2",
    "Microsoft Authentication Broker": "29d9ed98-a469-4536-ade2-f981bc1d605e",
    "One Outlook Web": "9199bf20-a13f-4107-85dc-02114787ef48",
}


_MFA_FOR_ALL: Row = {"displayName": "Require MFA for all users", "enforcedGrantControls": ["Mfa"]}


@dataclass(frozen=True, slots=True)
class Browser:
    """What a person signs in from; an unmanaged one has no device."""

    os: str
    name: str
    agent: str
    device: str = ""
    client: str = "Browser"

    def detail(self) -> str:
        """Return DeviceDetail."""
        managed = bool(self.device)
        known = {"deviceId": guid("entra", self.device), "displayName": self.device} if managed else {"deviceId": ""}
        trust = {"isCompliant": True, "isManaged": True, "trustType": "Hybrid Azure AD joined"} if managed else {}
        return json.dumps({**known, "operatingSystem": self.os, "browser": self.name, **trust})


@dataclass(frozen=True, slots=True)
class Result:
    """How a sign-in ended: Entra's error code, its text, and what became of the second factor."""

    code: str = "0"
    text: str = ""
    mfa: str = "MFA requirement satisfied by claim in the token"
    method: str = ""
    access: str = "success"
    risk: str = "none"


def signin_row(who: Account, app: str, place: Office, browser: Browser, result: Result, *, address: str = "") -> Row:
    """Return a sign-in; its identifiers and times stay open."""
    failed = result.code != "0"
    second = bool(result.mfa)
    status = {"errorCode": int(result.code), "additionalDetails": result.mfa}
    step = {
        "succeeded": not failed,
        "authenticationMethod": result.method or "Previously satisfied",
        "authenticationStepResultDetail": result.mfa,
    }
    return {
        "AppDisplayName": app,
        "AppId": APPS[app],
        "AuthenticationDetails": json.dumps([step]),
        "AuthenticationProcessingDetails": "[]",
        "AuthenticationRequirement": "multiFactorAuthentication" if second else "singleFactorAuthentication",
        "AutonomousSystemNumber": place.asn,
        "Category": "SignInLogs",
        "ClientAppUsed": browser.client,
        "ConditionalAccessPolicies": json.dumps([_MFA_FOR_ALL | {"result": result.access}]),
        "ConditionalAccessStatus": result.access,
        "CrossTenantAccessType": "none",
        "DeviceDetail": browser.detail(),
        "DurationMs": 0,
        "HomeTenantId": TENANT,
        "IPAddress": address or place.address,
        "Identity": who.display,
        "IsInteractive": True,
        "IsRisky": result.risk != "none",
        "Level": "4",
        "Location": place.country,
        "LocationDetails": json.dumps(
            {"city": place.city, "state": place.state, "countryOrRegion": place.country,
             "geoCoordinates": {"latitude": place.latitude, "longitude": place.longitude}}
        ),
        "MfaDetail": json.dumps({"authMethod": result.method, "authDetail": result.mfa} if result.method else {}),
        "NetworkLocationDetails": "[]",
        "OperationName": "Sign-in activity",
        "OperationVersion": "1.0",
        "Resource": "Microsoft.aadiam",
        "ResourceDisplayName": app,
        "ResourceGroup": "Microsoft.aadiam",
        "ResourceId": f"/tenants/{TENANT}/providers/Microsoft.aadiam",
        "ResourceTenantId": TENANT,
        "ResultDescription": result.text or None,
        "ResultSignature": "FAILURE" if failed else "SUCCESS",
        "ResultType": result.code,
        "RiskDetail": "none",
        "RiskEventTypes": "[]",
        "RiskEventTypes_V2": "[]" if result.risk == "none" else '["unfamiliarFeatures"]',
        "RiskLevelAggregated": result.risk,
        "RiskLevelDuringSignIn": result.risk,
        "RiskState": "none" if result.risk == "none" else "atRisk",
        "Status": json.dumps(status | ({"failureReason": result.text} if failed else {})),
        "TokenIssuerType": "AzureAD",
        "UserAgent": browser.agent,
        "UserDisplayName": who.display,
        "UserId": who.object_id,
        "UserPrincipalName": who.upn,
        "UserType": "Member",
    }  # fmt: skip


def target(kind: str, name: str, *, upn: str | None = None, changes: tuple[Row, ...] = ()) -> Row:
    """Return one of the things that an audit event was about."""
    identity = guid("account", upn.split("@")[0]) if upn else guid(kind, name)
    return {
        "id": identity,
        "displayName": name,
        "type": kind,
        "userPrincipalName": upn,
        "modifiedProperties": list(changes),
    }


def property_change(name: str, new: object, old: object = None) -> Row:
    """Return a change of a property; both values are JSON inside JSON, as Entra writes them."""
    return {"displayName": name, "oldValue": None if old is None else json.dumps(old), "newValue": json.dumps(new)}


def audit_row(
    operation: str,
    category: str,
    who: Account | None,
    targets: tuple[Row, ...],
    *,
    address: str = "",
    app: str = "",
    service: str = "Core Directory",
    result: str = "success",
    details: tuple[Row, ...] = (),
) -> Row:
    """Return a directory change, by a person or by an application; its identifiers and times stay open."""
    by = _initiator(who, address, app)
    verb = operation.split()[0]
    return {
        "AADOperationType": {"Add": "Add", "Consent": "Assign", "Delete": "Delete", "Remove": "Delete"}.get(
            verb, "Update"
        ),
        "ActivityDisplayName": operation,
        "AdditionalDetails": json.dumps(list(details)),
        "Category": category,
        "DurationMs": 0,
        "Identity": who.display if who else app,
        "InitiatedBy": json.dumps(by),
        "Level": "4",
        "LoggedByService": service,
        "OperationName": operation,
        "OperationVersion": "1.0",
        "Resource": "Microsoft.aadiam",
        "ResourceGroup": "Microsoft.aadiam",
        "ResourceId": f"/tenants/{TENANT}/providers/Microsoft.aadiam",
        "Result": result,
        "ResultSignature": "None",
        "TargetResources": json.dumps(list(targets)),
    }


def _initiator(who: Account | None, address: str, app: str) -> Row:
    if who is None:
        return {"app": {"displayName": app, "servicePrincipalId": guid("ServicePrincipal", app)}}
    named = {"id": who.object_id, "displayName": who.display, "userPrincipalName": who.upn}
    return {"user": named | {"ipAddress": address, "roles": []}}
