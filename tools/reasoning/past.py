"""What the workspace tells of days before the rows of a case, in counts: who did the like, where and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

__all__ = ["LIKE", "NOTHING_PAST", "REACHING", "Likeness", "Past", "Reaching"]


@dataclass(frozen=True)
class Likeness:
    """By which columns rows of a table are alike."""

    names: tuple[str, ...]
    """What must be equal."""
    text: str
    """What must be equal but for what varies from day to day."""
    place: str = "DeviceName"
    """Where it happened."""
    account: str = "InitiatingProcessAccountName"
    """Who did it."""

    @property
    def addressed(self) -> bool:
        """Whether rows alike come from one address."""
        return any("Address" in name for name in self.names) or self.account == "InitiatedBy"

    @property
    def columns(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys((*self.names, self.place, self.account, self.text)))

    def is_told_by(self, rows: pa.Table) -> bool:
        """Return whether these rows have what must be compared."""
        return {*self.names, self.text, self.place, "TimeGenerated"} <= set(rows.column_names)


LIKE: Mapping[str, Likeness] = {
    "DeviceProcessEvents": Likeness(("FileName", "InitiatingProcessFileName"), "ProcessCommandLine"),
    "DeviceFileEvents": Likeness(("ActionType", "InitiatingProcessFileName"), "FolderPath"),
    "DeviceRegistryEvents": Likeness(("ActionType", "InitiatingProcessFileName", "RegistryValueName"), "RegistryKey"),
    "DeviceNetworkEvents": Likeness(("ActionType", "InitiatingProcessFileName"), "RemoteUrl"),
    "AzureActivity": Likeness(("OperationNameValue", "CallerIpAddress"), "OperationNameValue", "Caller", "Caller"),
    "AuditLogs": Likeness(("OperationName",), "OperationName", "InitiatedBy", "InitiatedBy"),
    "SigninLogs": Likeness(
        ("AppDisplayName", "IPAddress", "ClientAppUsed"), "Location", "UserPrincipalName", "UserPrincipalName"
    ),
}
"""By table. Of the tables of a tenant an actor is the place: what it did before says what is usual for it.
`InitiatedBy` of a change of the directory tells the account with its address."""


@dataclass(frozen=True)
class Reaching:
    """By which columns a table tells who reached whom."""

    source: str
    target: str
    port: str = ""


REACHING: Mapping[str, Reaching] = {
    "DeviceNetworkEvents": Reaching("DeviceName", "RemoteIP"),
    "AzureNetworkAnalytics_CL": Reaching("SrcIP_s", "DestIP_s"),
    "DeviceLogonEvents": Reaching("RemoteIP", "DeviceName"),
}


@dataclass(frozen=True)
class Past:
    """Rows alike those that were asked about, an hour of one place and account as one row; nothing where none asked."""

    rows: Mapping[str, pa.Table] = field(default_factory=dict)
    places: Mapping[str, int] = field(default_factory=dict)
    """How many hosts a table knows."""
    reached: Mapping[tuple[str, str], tuple[tuple[datetime, int], ...]] = field(default_factory=dict)
    """By table and source, in lower case: the hours in which it reached others, and how many."""


NOTHING_PAST = Past()
"""Nobody asked."""
