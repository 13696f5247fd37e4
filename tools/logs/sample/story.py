"""Telling a story: each step becomes the rows that real sensors would write, and an entry in the ground truth."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from .cloud_rows import activity_row, flow_row
from .identity_rows import Browser, Result, audit_row, signin_row
from .processes import Process, account_columns, file_columns, host_columns, program, standing
from .stock import Stock
from .tenant import SYSTEM, Account, Host, Office, guid, number
from .truth import Kind, Stage, TruthEntry

__all__ = ["Story"]

Row = dict[str, Any]


class Story:
    """Plants the rows of one incident or look-alike.

    Steps with `techniques`, and all steps of a look-alike that have an `event` text, become stages of the truth.
    """

    def __init__(self, stock: Stock, identity: str, kind: Kind, title: str, *questions: str) -> None:
        """Open a story; `identity` names it in the truth."""
        self._stock, self._seen = stock, 0
        self.entry = TruthEntry(identity, kind, title, questions)

    def process(
        self,
        at: datetime,
        parent: Process,
        name: str,
        line: str,
        techniques: str = "",
        event: str = "",
        *,
        folder: str | None = None,
        actor: Account | None = None,
        integrity: str = "",
        renamed: str = "",
    ) -> Process:
        """Start a process and return it, so that it can do things."""
        found = program(name, folder=folder, renamed=renamed)
        who = actor or parent.actor
        level = integrity or ("System" if who is SYSTEM else parent.integrity)
        pid = 4 * (2500 + number(9000, self.entry.id, self._seen))
        logon = parent.logon if who == parent.actor else 200_000 + number(900_000, "logon", self.entry.id, who.name)
        child = Process(found, line or found.line, parent.host, who, pid, at, level, logon, parent)
        row = child.as_subject() | {"ActionType": "ProcessCreated", "ProcessId": pid, "ProcessCreationTime": at}
        self._plant("DeviceProcessEvents", row, at, parent.host.dns, who, techniques, event or f"{name} starts")
        return child

    def connect(
        self,
        at: datetime,
        by: Process,
        address: str,
        port: int,
        techniques: str = "",
        event: str = "",
        *,
        url: str | None = None,
        failed: bool = False,
    ) -> None:
        """Open a connection."""
        action = "ConnectionFailed" if failed else "ConnectionSuccess"
        row = (
            host_columns(by.host)
            | by.as_initiator()
            | {
                "ActionType": action,
                "LocalIP": by.host.address,
                "LocalIPType": "Private",
                "LocalPort": 50_000 + number(15_000, self.entry.id, self._seen),
                "Protocol": "Tcp",
                "RemoteIP": address,
                "RemoteIPType": "Private" if address.startswith("10.") else "Public",
                "RemotePort": port,
                "RemoteUrl": url,
            }
        )
        self._plant(
            "DeviceNetworkEvents",
            row,
            at,
            by.host.dns,
            by.actor,
            techniques,
            event or f"connection to {address}:{port}",
        )

    def file(
        self,
        at: datetime,
        by: Process,
        path: str,
        techniques: str = "",
        event: str = "",
        *,
        action: str = "FileCreated",
        previous: str = "",
        url: str | None = None,
        origin: str | None = None,
        renamed: str = "",
    ) -> None:
        """Create, rename or delete a file; `renamed` is the known program that hides behind the name."""
        row = (
            host_columns(by.host)
            | by.as_initiator()
            | file_columns(path, renamed=renamed)
            | {
                "ActionType": action,
                "FileOriginUrl": url,
                "FileOriginIP": origin,
                "PreviousFileName": previous.rpartition("\\")[2] or None,
                "PreviousFolderPath": previous or None,
            }
        )
        self._plant("DeviceFileEvents", row, at, by.host.dns, by.actor, techniques, event or f"{action} {path}")

    def registry(
        self,
        at: datetime,
        by: Process,
        key: str,
        name: str,
        data: str,
        techniques: str = "",
        event: str = "",
        *,
        kind: str = "String",
    ) -> None:
        """Set a registry value."""
        row = (
            host_columns(by.host)
            | by.as_initiator()
            | {
                "ActionType": "RegistryValueSet",
                "RegistryKey": key,
                "RegistryValueName": name,
                "RegistryValueData": data,
                "RegistryValueType": kind,
            }
        )
        self._plant(
            "DeviceRegistryEvents", row, at, by.host.dns, by.actor, techniques, event or f"{key}\\{name} is set"
        )

    def logon(
        self,
        at: datetime,
        host: Host,
        who: Account,
        kind: str,
        source: Host | str,
        techniques: str = "",
        event: str = "",
        *,
        failure: str = "",
        protocol: str = "NTLM",
        admin: bool = False,
    ) -> None:
        """Log on to a machine, or fail to."""
        address = source if isinstance(source, str) else source.address
        row = (
            host_columns(host)
            | standing(host, "lsass.exe", SYSTEM).as_initiator()
            | {f"Account{k}": v for k, v in (("Domain", "contoso"), ("Name", who.name), ("Sid", who.sid))}
            | {
                "ActionType": "LogonFailed" if failure else "LogonSuccess",
                "FailureReason": failure or None,
                "LogonType": kind,
                "Protocol": protocol,
                "LogonId": 300_000 + number(9_000_000, self.entry.id, self._seen),
                "IsLocalAdmin": None if failure else admin,
                "RemoteIP": address,
                "RemoteIPType": "Private" if address.startswith("10.") else "Public",
                "RemotePort": 50_000 + number(15_000, self.entry.id, self._seen, "port"),
                "RemoteDeviceName": None if isinstance(source, str) else source.name,
            }
        )
        self._plant("DeviceLogonEvents", row, at, host.dns, who, techniques, event or f"{kind} logon of {who.name}")

    def signin(
        self,
        at: datetime,
        who: Account,
        app: str,
        place: Office,
        browser: Browser,
        result: Result,
        techniques: str = "",
        event: str = "",
        *,
        address: str = "",
    ) -> None:
        """Sign in to the tenant, or fail to."""
        row = signin_row(who, app, place, browser, result, address=address)
        row |= {
            "Id": self._guid(),
            "OriginalRequestId": self._guid(),
            "CorrelationId": self._guid(),
            "UniqueTokenIdentifier": self._guid(),
            "CreatedDateTime": at,
        }
        self._plant(
            "SigninLogs",
            row,
            at,
            None,
            who,
            techniques,
            event or f"sign-in to {app}: {result.text or 'success'}",
            key="Id",
        )

    def audit(
        self,
        at: datetime,
        operation: str,
        category: str,
        who: Account | None,
        targets: tuple[Row, ...],
        techniques: str = "",
        event: str = "",
        **more: Any,
    ) -> None:
        """Change something in the directory; `more` goes to `audit_row`."""
        row = audit_row(operation, category, who, targets, **more)
        row |= {"Id": f"Directory_{self._guid()}", "CorrelationId": self._guid(), "ActivityDateTime": at}
        self._plant("AuditLogs", row, at, None, who, techniques, event or operation, key="Id")

    def azure(
        self,
        at: datetime,
        caller: Account,
        address: str,
        operation: str,
        group: str,
        resource: str,
        techniques: str = "",
        event: str = "",
        **more: Any,
    ) -> None:
        """Call the Azure control plane; `more` goes to `activity_row`."""
        row = activity_row(caller, address, operation, group, resource, **more)
        row |= {
            "CorrelationId": self._guid(),
            "OperationId": self._guid(),
            "EventDataId": self._guid(),
            "EventSubmissionTimestamp": at + timedelta(seconds=70),
        }
        self._plant("AzureActivity", row, at, None, caller, techniques, event or operation, key="CorrelationId")

    def flow(
        self, at: datetime, host: Host, other: str, port: int, techniques: str = "", event: str = "", **more: Any
    ) -> None:
        """Let flows pass a network security group, or be refused; `more` goes to `flow_row`."""
        row = flow_row(host, other, port, **more) | {"FlowStartTime_t": at, "FlowEndTime_t": at + timedelta(seconds=20)}
        row |= {
            "FlowIntervalStartTime_t": at.replace(minute=0, second=0),
            "FlowIntervalEndTime_t": at.replace(minute=0, second=0) + timedelta(hours=1),
        }
        row["TimeProcessed_t"] = row["FlowIntervalEndTime_t"]
        self._plant(
            "AzureNetworkAnalytics_CL",
            row,
            at,
            host.dns,
            None,
            techniques,
            event or f"flow to {other}:{port}",
            key="FlowStartTime_t",
        )

    def alert(
        self,
        at: datetime,
        title: str,
        severity: str,
        category: str,
        techniques: str,
        *,
        process: Process | None = None,
        account: Account | None = None,
        address: str = "",
        service: str = "Microsoft Defender for Endpoint",
    ) -> None:
        """Raise an alert with a row of evidence for each thing it names."""
        alert = f"da{self._guid().replace('-', '')}_1"
        source = "EDR" if "Endpoint" in service else "Microsoft Entra ID Protection"
        common = {
            "AlertId": alert,
            "Title": title,
            "AttackTechniques": json.dumps(techniques.split()),
            "ServiceSource": service,
            "DetectionSource": source,
        }
        host = process.host.dns if process else None
        self._plant(
            "AlertInfo",
            common | {"Category": category, "Severity": severity},
            at,
            host,
            account,
            techniques,
            title,
            key="AlertId",
        )
        for number_, evidence in enumerate(_evidence(process, account, address)):
            row = common | evidence | {"Categories": json.dumps([category])}
            self._stock.plant("AlertEvidence", row, at + timedelta(milliseconds=number_))

    def _guid(self) -> str:
        self._seen += 1
        return guid(self.entry.id, self._seen)

    def _plant(
        self,
        table: str,
        row: Row,
        at: datetime,
        host: str | None,
        who: Account | None,
        techniques: str,
        event: str,
        *,
        key: str = "ReportId",
    ) -> None:
        self._seen += 1
        whole = self._stock.plant(table, row, at)
        if techniques or self.entry.kind == "lookalike":
            value = whole[key] if isinstance(whole[key], str | int) else at.isoformat()
            account = (who.upn or who.name) if who else None
            self.entry.stages.append(
                Stage(at.isoformat(), table, event, host, account, tuple(techniques.split()), (key, value))
            )


def _evidence(process: Process | None, account: Account | None, address: str) -> list[Row]:
    rows: list[Row] = []
    if process:
        facts = process.as_subject()
        names = ("FileName", "FolderPath", "FileSize", "SHA1", "SHA256", "ProcessCommandLine")
        where = {name: facts[name] for name in ("DeviceId", "DeviceName")}
        rows.append({"EntityType": "Machine", "EvidenceRole": "Impacted", **where})
        rows.append(
            {"EntityType": "Process", "EvidenceRole": "Related", **where, **{name: facts[name] for name in names}}
        )
    if account:
        rows.append({"EntityType": "User", "EvidenceRole": "Impacted", **account_columns("Account", account)})
    if address:
        rows.append(
            {"EntityType": "Ip", "EvidenceRole": "Related", "EvidenceDirection": "Destination", "RemoteIP": address}
        )
    return rows
