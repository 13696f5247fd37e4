"""How usual a line of a log is over the rows at hand: on how many hosts, and on how many days of one host."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.tools.evidence import Evidence

__all__ = ["Prevalence", "prevalence"]

LIKE: Mapping[str, tuple[tuple[str, ...], str]] = {
    "DeviceProcessEvents": (("FileName", "InitiatingProcessFileName"), "ProcessCommandLine"),
    "DeviceFileEvents": (("ActionType", "InitiatingProcessFileName"), "FolderPath"),
    "DeviceRegistryEvents": (("ActionType", "InitiatingProcessFileName", "RegistryValueName"), "RegistryKey"),
    "DeviceNetworkEvents": (("ActionType", "InitiatingProcessFileName"), "RemoteUrl"),
}
"""By table: what must be equal, and the text that must be equal but for what varies."""
VARYING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|s-1-5-[\d-]+|\d+", re.IGNORECASE)
PERSONAL = re.compile(r"(?<=\\users\\)[^\\]+", re.IGNORECASE)
MOST = 5_000
"""Rows compared one by one."""


@dataclass(frozen=True)
class Prevalence:
    """Rows like one row: the hosts that show them, of how many, and the days on which its own host does."""

    hosts: int
    of_hosts: int
    days: int


def prevalence(table: str, row: Mapping[str, Any], evidence: Evidence) -> Prevalence | None:
    """Return how usual a row is, or None where its table names no hosts or the row says too little."""
    rows, like = evidence.get(table), LIKE.get(table)
    if rows is None or like is None or not row.get(like[1]) or not row.get("DeviceName"):
        return None
    names, text = like
    columns = rows.rows.column_names
    if not {*names, text, "DeviceName", "TimeGenerated"} <= set(columns):
        return None
    same = _same(rows.rows, names, row).select(["DeviceName", "TimeGenerated", text]).slice(0, MOST)
    wanted = _plain(str(row[text]))
    alike = [each for each in same.to_pylist() if _plain(str(each[text] or "")) == wanted]
    own = str(row["DeviceName"]).lower()
    hosts = {str(each["DeviceName"]).lower() for each in alike}
    days = {_day(each["TimeGenerated"]) for each in alike if str(each["DeviceName"]).lower() == own}
    everybody = pc.count_distinct(rows.rows["DeviceName"]).as_py()
    return Prevalence(len(hosts), int(everybody), len(days))


def _same(rows: pa.Table, names: tuple[str, ...], row: Mapping[str, Any]) -> pa.Table:
    for name in names:
        value = row.get(name)
        rows = rows.filter(pc.is_null(rows[name]) if value is None else pc.equal(rows[name], value))
    return rows


def _plain(text: str) -> str:
    return VARYING.sub("#", PERSONAL.sub("#", text[:2_000])).lower()


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment is not None else ""
