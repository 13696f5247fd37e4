"""A row in one line, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["describe"]

TELLING: Mapping[str, tuple[str, ...]] = {
    "DeviceProcessEvents": ("ProcessCommandLine", "FileName"),
    "DeviceNetworkEvents": ("ActionType", "InitiatingProcessFileName", "RemoteUrl", "RemoteIP", "RemotePort"),
    "DeviceFileEvents": ("ActionType", "FolderPath", "InitiatingProcessFileName"),
    "DeviceRegistryEvents": ("ActionType", "RegistryKey", "RegistryValueName", "RegistryValueData"),
    "DeviceLogonEvents": ("ActionType", "LogonType", "AccountName", "RemoteIP", "FailureReason"),
    "SigninLogs": ("UserPrincipalName", "AppDisplayName", "IPAddress", "Location", "ResultType", "ResultDescription"),
    "AuditLogs": ("OperationName", "Result", "Identity"),
    "AzureActivity": ("OperationNameValue", "ActivityStatusValue", "Caller", "Resource"),
    "AzureNetworkAnalytics_CL": ("FlowDirection_s", "FlowStatus_s", "VM_s", "SrcIP_s", "DestIP_s", "DestPort_d"),
    "AlertInfo": ("Title", "Severity", "Category"),
    "AlertEvidence": ("Title", "EntityType", "DeviceName", "AccountName"),
}
LONGEST = 160


def describe(table: str, row: Mapping[str, Any]) -> str:
    """Return the telling fields of a row, at most 160 characters, control characters replaced."""
    values = (row.get(column) for column in TELLING.get(table, ()))
    text = " · ".join(_short(value) for value in values if value not in (None, ""))
    host = row.get("DeviceName")
    line = f"{host}: {text}" if host else text
    printable = (
        line if line.isprintable() else "".join(character if character.isprintable() else " " for character in line)
    )
    return printable if len(printable) <= LONGEST else f"{printable[: LONGEST - 1]}…"


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
