"""One's own device: one that the tenant manages, and the address from which the account signs in with it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow.compute as pc

from soc_analyst.tools.evidence import Evidence

from .reasons import Reason

__all__ = ["by_own_device"]

Row = Mapping[str, Any]
Pair = tuple[str, Row]
NEAR = timedelta(days=1)
MOST = 5_000


def by_own_device(pairs: Sequence[Pair], evidence: Evidence) -> Iterator[Reason]:
    """Yield that all of it came from a device that the tenant manages, or from that account's address with one."""
    known = _addresses_of_devices(evidence) if pairs else {}
    if pairs and all(_from_own_device(table, row, known) for table, row in pairs):
        yield Reason("device", "done from a device that the tenant manages, or from its address", proves=True)


def _from_own_device(table: str, row: Row, known: Mapping[tuple[str, str], list[datetime]]) -> bool:
    if table == "SigninLogs" and _is_managed(row):
        return True
    moment = row.get("TimeGenerated")
    times = known.get(_who_and_where(table, row), ())
    return isinstance(moment, datetime) and any(abs(moment - one) <= NEAR for one in times)


def _addresses_of_devices(evidence: Evidence) -> dict[tuple[str, str], list[datetime]]:
    """Return when each account signed in from each address with a managed device."""
    rows = evidence.get("SigninLogs")
    if rows is None:
        return {}
    wanted = ["UserPrincipalName", "IPAddress", "ResultType", "DeviceDetail", "TimeGenerated"]
    found: dict[tuple[str, str], list[datetime]] = {}
    if set(wanted) <= set(rows.rows.column_names):
        told = rows.rows.select(wanted)
        managed = pc.match_substring(pc.utf8_lower(told["DeviceDetail"].cast("string")), "true")
        for row in told.filter(pc.fill_null(managed, False)).slice(0, MOST).to_pylist():
            if _is_managed(row) and row["TimeGenerated"] is not None:
                found.setdefault(_who_and_where("SigninLogs", row), []).append(row["TimeGenerated"])
    return found


def _who_and_where(table: str, row: Row) -> tuple[str, str]:
    if table == "SigninLogs":
        return str(row.get("UserPrincipalName") or "").lower(), str(row.get("IPAddress") or "")
    if table == "AzureActivity":
        return str(row.get("Caller") or "").lower(), str(row.get("CallerIpAddress") or "")
    if table == "AuditLogs":
        user = _object(row.get("InitiatedBy")).get("user")
        told: Mapping[str, object] = user if isinstance(user, dict) else {}
        return str(told.get("userPrincipalName") or "").lower(), str(told.get("ipAddress") or "")
    return "", ""


def _is_managed(row: Row) -> bool:
    """Return whether a sign-in succeeded on a device that the tenant manages and holds for compliant."""
    device = _object(row.get("DeviceDetail"))
    sound = all(str(device.get(name)).lower() == "true" for name in ("isManaged", "isCompliant"))
    return sound and str(row.get("ResultType") or "") == "0" and bool(device.get("deviceId"))


def _object(value: object) -> Mapping[str, Any]:
    found = _read(value)
    return found if isinstance(found, dict) else {}


def _read(value: object) -> object:
    """Return what a JSON column holds, or nothing where it holds no JSON."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None
