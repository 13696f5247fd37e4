"""What the cloud's own services do: they sign with an application that no customer can sign for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .reasons import Reason

__all__ = ["by_platform"]

Row = Mapping[str, Any]
SERVICES: Mapping[str, str] = {
    "262044b1-e2ce-469f-a196-69ab7ada62d3": "Azure Backup",
    "b8340c3b-9267-498f-b21a-15d5547fd85e": "Azure Site Recovery",
    "7319c514-987d-4e9b-ac3d-d38c4f427f4c": "Azure Kubernetes Service",
    "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d": "Azure Databricks",
    "8edd93e1-2103-40b4-bd70-6e34e586362d": "Defender for Cloud",
    "cf32a0cc-373c-47c9-9156-0db11f6a6dfc": "Azure Image Builder",
    "abfa0a7c-a6b6-4736-8310-5855508787cd": "Azure App Service",
    "9cdead84-a844-4324-93f2-b2e6bb768d07": "Azure Virtual Desktop",
    "1a14be2a-e903-4cec-99cf-b2e209259a0f": "the daily shutdown of machines",
    "6a0ec4d3-30cb-4a83-91c0-ae56bc0e3d26": "Azure Container Registry",
    "e406a681-f3d4-42a8-90b6-c2b029497af1": "Azure Storage",
    "00000003-0000-0ff1-ce00-000000000000": "SharePoint Online",
    "65d91a3d-ab74-42e6-8a2f-0add61688c74": "the service of dynamic groups",
    "01cb2876-7ebd-4aa4-9cc9-d28bd4d359a9": "the service of device registration",
    "b5a60e17-278b-4c92-a4e2-b9262e66bb28": "the service of second factors",
}
"""By application id, as Microsoft's documentation and directories of its own applications tell them. Not Privileged
Identity Management, nor what hands on a person's commands as they are."""


def by_platform(pairs: Sequence[tuple[str, Row]]) -> Iterator[Reason]:
    """Yield that all of it was done by services of the cloud itself, by the ids in their tokens.

    An application of the same name has another id; a person's token names the person.
    """
    named = {SERVICES.get(_application(table, row), "") for table, row in pairs}
    if named and "" not in named:
        text = f"done by {', '.join(sorted(named))} itself"
        yield Reason("platform", text, proves=True, proves_high=True)


def _application(table: str, row: Row) -> str:
    """Return the id of the application that acted for itself; empty where a person did, or none is told."""
    if table == "AzureActivity" and "@" not in str(row.get("Caller") or ""):
        claims = _read(row.get("Claims") or row.get("Claims_d"))
        return str(claims.get("appid") or "").lower()
    if table == "AuditLogs":
        told = _read(row.get("InitiatedBy"))
        app, user = told.get("app"), told.get("user")
        by_app = isinstance(app, dict) and not (isinstance(user, dict) and user.get("userPrincipalName"))
        return str(app.get("appId") or "").lower() if by_app and isinstance(app, dict) else ""
    return ""


def _read(value: object) -> Mapping[str, Any]:
    try:
        told = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
