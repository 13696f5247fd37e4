"""Read changes of a directory of the ordinary events, one line a row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ordinary_cloud import guid, words

__all__ = ["audit"]

TYPES = {
    "user": "User",
    "group": "Group",
    "app": "Application",
    "sp": "ServicePrincipal",
    "role": "Role",
    "device": "Device",
    "policy": "Policy",
}


def audit(line: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a change of the directory: who did what to what, with the properties that changed."""
    pairs = words(line)
    said = dict(pairs)
    kind, _, name = said["target"].partition(":")
    changed = [_changed(value) for key, value in pairs if key == "props"]
    target: dict[str, Any] = {
        "id": guid(name),
        "displayName": name,
        "type": TYPES.get(kind, "Other"),
        "modifiedProperties": changed,
    }
    if kind == "user":
        target["userPrincipalName"] = name
    by = said["by"]
    yield (
        "AuditLogs",
        {
            "OperationName": said["op"],
            "ActivityDisplayName": said["op"],
            "Category": said["category"],
            "LoggedByService": said["service"],
            "Result": "success",
            "ResultReason": said.get("reason", ""),
            "ResultDescription": said.get("reason", ""),
            "InitiatedBy": json.dumps(_by(by)),
            "Identity": by.partition(":")[2] if by.startswith("app:") else by,
            "TargetResources": json.dumps([target]),
            "AdditionalDetails": "[]",
            "AADOperationType": _type(said["op"]),
            "Id": guid(line),
            "CorrelationId": guid(line + "c"),
            "ActivityDateTime": None,
        },
    )


def _by(by: str) -> dict[str, Any]:
    if by.startswith("app:"):
        name = by.partition(":")[2]
        return {"app": {"displayName": name, "appId": guid(name), "servicePrincipalId": guid(name + "sp")}}
    return {"user": {"userPrincipalName": by, "id": guid(by), "ipAddress": "194.12.11.7", "roles": []}}


def _changed(text: str) -> dict[str, str]:
    name, _, values = text.partition(":")
    old, _, new = values.partition(">")
    return {"displayName": name, "oldValue": json.dumps(old) if old else "", "newValue": json.dumps(new) if new else ""}


def _type(operation: str) -> str:
    first = operation.split(" ")[0]
    return {"Add": "Add", "Delete": "Delete", "Remove": "Unassign"}.get(first, "Update")
