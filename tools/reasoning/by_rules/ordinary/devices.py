"""One's own: the device that the tenant manages and its address, and what one has made oneself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow.compute as pc

from soc_analyst.tools.evidence import Evidence

from .reasons import Reason

__all__ = ["by_maker", "by_own_device"]

Row = Mapping[str, Any]
Pair = tuple[str, Row]
NEAR = timedelta(days=1)
MOST = 5_000
MADE = frozenset({"add application", "add service principal"})
APPLICATIONS = frozenset({"application", "serviceprincipal"})


def by_own_device(pairs: Sequence[Pair], evidence: Evidence) -> Iterator[Reason]:
    """Yield that all of it came from a device that the tenant manages, or from that account's address with one."""
    known = _addresses_of_devices(evidence) if pairs else {}
    if pairs and all(_from_own_device(table, row, known) for table, row in pairs):
        yield Reason("own", "done from a device that the tenant manages, or from its address", proves=True)


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


def by_maker(pairs: Sequence[Pair], evidence: Evidence) -> Iterator[Reason]:
    """Yield that all applications changed were made by the same actor shortly before.

    Of resources of Azure nobody can tell: an update is logged as the making is.
    """
    if pairs and all(table == "AuditLogs" and _is_makers_own(row, evidence) for table, row in pairs):
        yield Reason("own", "done to an application that the same account had just made", proves=True, proves_high=True)


def _is_makers_own(row: Row, evidence: Evidence) -> bool:
    rows, moment, named = evidence.get("AuditLogs"), row.get("TimeGenerated"), _applications(row)
    if rows is None or not isinstance(moment, datetime) or not named:
        return False
    same = rows.rows.filter(pc.fill_null(pc.equal(rows.rows["InitiatedBy"], row.get("InitiatedBy")), False))
    earlier = (one for one in same.slice(0, MOST).to_pylist() if one["TimeGenerated"] and one["TimeGenerated"] < moment)
    return any(_makes(one) and named & _applications(one) for one in earlier)


def _makes(row: Row) -> bool:
    return str(row.get("OperationName") or "").strip().lower() in MADE


def _applications(row: Row) -> frozenset[str]:
    """Return the ids and names of the applications that a row is about."""
    listed = [one for one in _list(row.get("TargetResources")) if isinstance(one, dict)]
    own = (one for one in listed if str(one.get("type") or "").lower() in APPLICATIONS)
    return frozenset(str(one[name]).lower() for one in own for name in ("id", "displayName") if one.get(name))


def _object(value: object) -> Mapping[str, Any]:
    found = _read(value)
    return found if isinstance(found, dict) else {}


def _list(value: object) -> Sequence[object]:
    found = _read(value)
    return found if isinstance(found, list) else ()


def _read(value: object) -> object:
    """Return what a JSON column holds, or nothing where it holds no JSON."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None
