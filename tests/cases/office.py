"""Two ordinary days of the office, from a seed: what stands around every case."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from .company import PEOPLE, Person
from .rows import Row, written_out

__all__ = ["ordinary_days"]

Short = tuple[str, dict[str, Any]]
DAYS = 2
FOLDERS = {
    "office": r"C:\Program Files\Microsoft Office\root\Office16",
    "chrome": r"C:\Program Files\Google\Chrome\Application",
}
EVERYONE = (
    ("outlook.exe", "explorer.exe", 3),
    (r'"{office}\EXCEL.EXE" "C:\Users\{user}\Documents\plan {n}.xlsx"', "explorer.exe", 3),
    (r'"{office}\WINWORD.EXE" /n "C:\Users\{user}\Documents\notes {n}.docx"', "explorer.exe", 3),
    (r'"{chrome}\chrome.exe" --type=renderer --renderer-client-id={n}', "chrome.exe", 8),
    (r"C:\Windows\System32\RuntimeBroker.exe -Embedding", "svchost.exe", 3),
    (r"C:\Windows\System32\backgroundTaskHost.exe -ServerName:App.AppX{n}.mca", "svchost.exe", 3),
    (r"C:\Windows\System32\notepad.exe C:\Users\{user}\Documents\list{n}.txt", "explorer.exe", 1),
)  # fmt: skip
BY_WORK = {
    "developer": (
        ("git.exe fetch origin feature/{n}", "code.exe", 5),
        (r'"C:\Program Files\Python312\python.exe" -m pytest tests\test_part{n}.py -q', "code.exe", 3),
    ),
    "support": (
        (r'"C:\Windows\System32\mmc.exe" "C:\Windows\System32\dsa.msc"', "explorer.exe", 2),
        (r'"C:\Windows\System32\mstsc.exe" /v:srv-app', "explorer.exe", 1),
    ),
}  # fmt: skip
SYSTEM = (
    (r"C:\Windows\System32\svchost.exe -k netsvcs -p -s BITS", "services.exe"),
    (r"C:\Windows\System32\taskhostw.exe", "svchost.exe"),
    (r"C:\Windows\System32\wbem\WmiPrvSE.exe", "svchost.exe"),
    (r"C:\Windows\System32\gpupdate.exe", "svchost.exe"),
)
SITES = (
    ("outlook.exe", "outlook.office365.com", "52.96.166.130"),
    ("chrome.exe", "www.wikipedia.org", "198.35.26.96"),
    ("chrome.exe", "northwind.sharepoint.com", "13.107.136.10"),
    ("ms-teams.exe", "teams.microsoft.com", "52.113.194.132"),
)
APPS = ("OfficeHome", "Microsoft Teams", "Office 365 Exchange Online", "Office 365 SharePoint Online")


def ordinary_days(seed: int, clock: datetime) -> dict[str, list[Row]]:
    """Return whole rows by table; the same seed and clock give the same rows."""
    draw = random.Random(seed)
    tables: dict[str, list[Row]] = {}
    for day in range(DAYS):
        morning = (clock - timedelta(days=day)).replace(hour=8, minute=0, second=0, microsecond=0)
        for moment, (table, short) in (*_people(draw, morning), *_machines(draw, morning), *_cloud(draw, morning)):
            if moment < clock:
                tables.setdefault(table, []).append(written_out(table, short, moment))
    for rows in tables.values():
        rows.sort(key=lambda row: str(row["TimeGenerated"]))
    return tables


def _people(draw: random.Random, morning: datetime) -> Iterator[tuple[datetime, Short]]:
    for person in PEOPLE:
        begun = morning + timedelta(minutes=draw.randint(-25, 40))
        hours = timedelta(hours=8)
        yield begun, ("DeviceLogonEvents", {"host": person.host, "user": person.name, "kind": "Interactive"})
        for n in range(6):
            app = APPS[n % len(APPS)]
            yield begun + hours * draw.random(), ("SigninLogs", {"user": person.name, "app": app})
        yield from _work(draw, person, begun)


def _work(draw: random.Random, person: Person, begun: datetime) -> Iterator[tuple[datetime, Short]]:
    programs = (*EVERYONE, *BY_WORK.get(person.work, ()))
    who = {"host": person.host, "user": person.name}
    for line, parent, _ in draw.choices(programs, weights=[weight for *_, weight in programs], k=22):
        moment = begun + timedelta(minutes=draw.randint(1, 480), seconds=draw.randint(0, 59))
        runs = line.format(user=person.name, n=draw.randint(1000, 9999), **FOLDERS)
        yield moment, ("DeviceProcessEvents", {**who, "runs": runs, "by": parent})
    for program, url, address in draw.choices(SITES, k=14):
        moment = begun + timedelta(minutes=draw.randint(1, 480), seconds=draw.randint(0, 59))
        yield moment, ("DeviceNetworkEvents", {**who, "to": f"{address}:443", "url": url, "by": program})
    for _ in range(6):
        moment = begun + timedelta(minutes=draw.randint(1, 480), seconds=draw.randint(0, 59))
        path = rf"C:\Users\{person.name}\Documents\plan {draw.randint(1000, 9999)}.xlsx"
        yield moment, ("DeviceFileEvents", {**who, "file": path, "by": "excel.exe"})
    key = r"HKEY_CURRENT_USER\Software\Microsoft\Office\16.0\Excel\File MRU"
    moment = begun + timedelta(minutes=draw.randint(1, 480))
    yield moment, ("DeviceRegistryEvents", {**who, "key": key, "value": "Item 1", "data": "plan", "by": "excel.exe"})
    moment = begun + timedelta(minutes=draw.randint(1, 480))
    drive = {"host": "srv-file", "user": person.name, "from": person.host}
    yield moment, ("DeviceLogonEvents", drive)


def _machines(draw: random.Random, morning: datetime) -> Iterator[tuple[datetime, Short]]:
    hosts = [*(person.host for person in PEOPLE), "dc-01", "srv-file", "srv-app", "srv-web"]
    for host in hosts:
        for runs, by in draw.choices(SYSTEM, k=8):
            moment = morning + timedelta(minutes=draw.randint(-480, 900), seconds=draw.randint(0, 59))
            yield moment, ("DeviceProcessEvents", {"host": host, "user": "system", "runs": runs, "by": by})
    for hour in range(20):
        moment = morning + timedelta(hours=hour - 8, minutes=draw.randint(0, 59))
        visitor = f"192.0.2.{draw.randint(10, 240)}"
        flow = {"host": "srv-web", "with": visitor, "port": 443, "out": False, "rule": "UserRule_AllowHttpsInbound"}
        yield moment, ("AzureNetworkAnalytics_CL", flow)
        update = {"host": "srv-app", "with": "20.190.159.4", "port": 443}
        yield moment + timedelta(minutes=3), ("AzureNetworkAnalytics_CL", update)


def _cloud(draw: random.Random, morning: datetime) -> Iterator[tuple[datetime, Short]]:
    for _ in range(4):
        person = draw.choice(PEOPLE)
        on = {"name": person.display, "upn": person.upn}
        moment = morning + timedelta(minutes=draw.randint(20, 500))
        yield moment, ("AuditLogs", {"user": "ivan", "does": "Update user", "on": on, "sets": {"JobTitle": ["Lead"]}})
    pipeline = "0f1e2d3c-1111-4222-8333-444455556666"
    for n in range(6):
        deploy = {
            "user": pipeline, "ip": "20.50.2.10", "does": "Microsoft.Resources/deployments/write",
            "resource": f"Microsoft.Resources/deployments/app-{n}",
        }  # fmt: skip
        yield morning + timedelta(minutes=draw.randint(0, 500)), ("AzureActivity", deploy)
