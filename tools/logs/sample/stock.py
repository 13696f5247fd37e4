"""What there is to write: prototypes that recur in a rhythm, and rows planted once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .calendar import Rhythm
from .columns import TABLES
from .tenant import TENANT, WORKSPACE

__all__ = ["Planted", "Prototype", "Stock", "scrambled"]

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Prototype:
    """A row that recurs; what it leaves open (its time, its identifiers) is drawn for each event."""

    row: Row
    rhythm: Rhythm
    weight: int


@dataclass(frozen=True, slots=True)
class Planted:
    """A row that is written exactly once, at its time."""

    row: Row
    time: datetime


@dataclass
class Stock:
    """Prototypes and planted rows by table."""

    prototypes: dict[str, list[Prototype]] = field(default_factory=lambda: {table: [] for table in TABLES})
    planted: dict[str, list[Planted]] = field(default_factory=lambda: defaultdict(list))

    def recur(self, table: str, row: Row, rhythm: Rhythm, weight: int = 10) -> None:
        """Add a prototype."""
        self.prototypes[table].append(Prototype({**_envelope(table), **row}, rhythm, weight))

    def plant(self, table: str, row: Row, time: datetime) -> Row:
        """Add a row that is written once, and return it as it will be written."""
        number = len(self.planted[table])
        identity = {"ReportId": scrambled(number)} if table.startswith("Device") else {}
        whole = {**_envelope(table), **identity, **row, "TimeGenerated": time}
        self.planted[table].append(Planted(whole, time))
        return whole


def scrambled(number: int) -> int:
    """Return the report id of the row of this number; different numbers below 2^44 have different ids."""
    return (number * _ODD + _OFFSET) % _MODULUS


_ODD, _OFFSET, _MODULUS = 0x9E3779B97F5, 0x1234567, 1 << 44


def _envelope(table: str) -> Row:
    row: Row = {"Type": table, "_IsBillable": "True"}
    if table in ("SigninLogs", "AuditLogs"):
        return row | {"AADTenantId": TENANT, "SourceSystem": "Azure AD", "_BilledSize": 3200.0}
    source = "Azure" if table.startswith("Azure") else "OpsManager"
    return row | {"TenantId": WORKSPACE, "SourceSystem": source, "_BilledSize": 1400.0}
