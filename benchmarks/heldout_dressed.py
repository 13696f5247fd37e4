"""Attacks dressed as ordinary work: the same rows under the names of agents, services and their folders.

What an intruder can choose is renamed: accounts like those of services, programs like management agents, in the folder
they were in or planted in the agent's own. A program of no known name is there to compare: what is lost with it too is
lost since the parent itself was telling. The last way is no dressing but an intruder who commands the agent itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["DRESSES", "dressed"]

Row = dict[str, Any]
ACCOUNTS = ("AccountName", "InitiatingProcessAccountName", "UserPrincipalName", "Caller")
NOBODY = ("", "system", "local service", "network service", "anonymous logon", "root")
AGENT = "CcmExec.exe"
HOME = f"C:\\Windows\\CCM\\{AGENT}"


def dressed(rows: Mapping[str, list[Row]], dress: str) -> dict[str, list[Row]]:
    """Return the rows with what their attacker could choose renamed."""
    put_on = DRESSES[dress]
    return {table: [put_on(dict(row)) for row in own] for table, own in rows.items()}


def _service(row: Row) -> Row:
    for column in ACCOUNTS:
        name = str(row.get(column) or "")
        if name.lower() not in NOBODY and not name.startswith("svc-"):
            row[column] = f"svc-{name}"
    return row


def _named_agent(row: Row) -> Row:
    if "InitiatingProcessFileName" not in row:
        return row
    path = str(row.get("InitiatingProcessFolderPath") or "C:\\Users\\Public\\x.exe")
    folder = path.rpartition("\\" if "\\" in path else "/")[0]
    return row | {"InitiatingProcessFileName": AGENT, "InitiatingProcessFolderPath": f"{folder}\\{AGENT}"}


def _named_otherwise(row: Row) -> Row:
    return {
        name: value.replace(AGENT, "Tool.exe") if isinstance(value, str) else value
        for name, value in _named_agent(row).items()
    }


def _planted_agent(row: Row) -> Row:
    planted = {"InitiatingProcessFileName": AGENT, "InitiatingProcessFolderPath": HOME}
    unsigned = {"InitiatingProcessSignatureStatus": "Unsigned"} if "ProcessCommandLine" in row else {}
    return row | planted | unsigned if "InitiatingProcessFileName" in row else row


def _commanded_agent(row: Row) -> Row:
    own = {
        "InitiatingProcessFileName": AGENT,
        "InitiatingProcessFolderPath": HOME,
        "InitiatingProcessAccountName": "system",
    }
    return row | own if "InitiatingProcessFileName" in row else row


DRESSES: Mapping[str, Callable[[Row], Row]] = {
    "service account": _service,
    "another name": _named_otherwise,
    "agent by name": _named_agent,
    "agent planted unsigned": _planted_agent,
    "agent commanded": _commanded_agent,
}
