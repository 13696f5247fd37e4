"""Ordinary work on machines that looks like an intrusion at first."""

from __future__ import annotations

from datetime import datetime, timedelta

from .calendar import moment
from .incidents_endpoint import encoded
from .processes import Process, standing
from .stock import Stock
from .story import Story
from .tenant import SYSTEM, Host, Tenant

__all__ = [
    "admin_psexec",
    "agent_script",
    "application_dump",
    "backup_lists_shadows",
    "file_migration",
    "minor_alerts",
    "scheduled_scan",
    "web_deployment",
]

_SYSTEM32 = r"C:\Windows\System32"


def agent_script(stock: Stock, company: Tenant) -> Story:
    """The management agent runs a signed inventory script, encoded, on many machines every morning."""
    story = Story(
        stock, "encoded-script-of-the-agent", "lookalike", "The management agent runs a signed, encoded script",
        "Was there encoded PowerShell on WS-118 in the last day?",
    )  # fmt: skip
    script = "Get-CimInstance Win32_OperatingSystem | Select-Object Version,LastBootUpTime | ConvertTo-Json"
    for day in (3, 5, 9, 11, 13, 16):
        for place, name in enumerate(("WS-118", "WS-120", "WS-126")):
            host, at = company.hosts[name], moment(day, "07:30:00") + timedelta(seconds=41 * place)
            agent = standing(host, "IntuneManagementExtension.exe", SYSTEM)
            runner = story.process(
                at,
                agent,
                "AgentExecutor.exe",
                r'"C:\Program Files (x86)\Microsoft Intune Management Extension\agentexecutor.exe" '
                r'-remediationScript "C:\Windows\IMECache\HealthScripts\inventory_4\detect.ps1"',
            )
            story.process(
                at + timedelta(seconds=1),
                runner,
                "powershell.exe",
                r'"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe" -NoProfile -ExecutionPolicy AllSigned '
                f"-EncodedCommand {encoded(script)}",
                event="a signed inventory script, handed over encoded",
            )
    return story


def backup_lists_shadows(stock: Stock, company: Tenant) -> Story:
    """The backup job lists shadow copies and backup versions, and deletes nothing."""
    story = Story(
        stock,
        "backup-lists-shadow-copies",
        "lookalike",
        "The backup job lists shadow copies every night",
        "Does anything touch shadow copies on backup-01?",
    )
    host, account = company.hosts["backup-01"], company.services["svc-backup"]
    for day in range(3, 17):
        at = moment(day, "01:05:00") + timedelta(seconds=day * 11)
        job = story.process(
            at,
            standing(host, "Veeam.Backup.Manager.exe", SYSTEM),
            "cmd.exe",
            r"cmd.exe /c C:\ProgramData\Veeam\Scripts\pre-job.cmd",
            event="the script before the job",
            actor=account,
            integrity="High",
        )
        story.process(
            at + timedelta(seconds=1),
            job,
            "vssadmin.exe",
            "vssadmin list shadows /for=D:",
            event="shadow copies are listed",
        )
        story.process(
            at + timedelta(seconds=3), job, "wbadmin.exe", "wbadmin get versions", event="backup versions are listed"
        )
        for part in range(4):
            story.flow(
                at + timedelta(minutes=9 + 13 * part),
                host,
                "20.60.40.164",
                443,
                event="the nightly copy goes to Azure storage",
                outbound=True,
                rule="UserRule_AllowStorageOutbound",
                flows=60,
                sent=3.9e9 + 1e7 * day,
            )
    return story


def scheduled_scan(stock: Stock, company: Tenant) -> Story:
    """The vulnerability scanner knocks on every server twice a week from its known address."""
    story = Story(
        stock,
        "vulnerability-scan",
        "lookalike",
        "The vulnerability scanner's scheduled run",
        "Who scanned our servers on Wednesday night?",
    )
    scanner, account = company.hosts["SCAN01"], company.services["svc-scan"]
    engine = standing(scanner, "nessusd.exe", account)
    for day in (4, 8, 11, 15):
        at = moment(day, "02:10:00")
        for host in company.servers:
            for port in (22, 80, 443, 445, 1433, 3389, 5985, 8443):
                at += timedelta(seconds=4)
                story.connect(
                    at, engine, host.address, port, event="the scanner knocks", failed=port not in (443, 445, 5985)
                )
                if host.azure:
                    story.flow(
                        at,
                        host,
                        scanner.address,
                        port,
                        event="the scanner knocks",
                        outbound=False,
                        rule="UserRule_AllowScanner",
                        public=False,
                    )
            story.logon(
                at + timedelta(seconds=1),
                host,
                account,
                "Network",
                scanner,
                event="an authenticated check",
                protocol="Kerberos",
            )
        story.logon(
            at + timedelta(seconds=9),
            company.hosts["PRINT01"],
            account,
            "Network",
            scanner,
            event="a check that this machine refuses",
            failure="InvalidUserNameOrPassword",
        )
    return story


def admin_psexec(stock: Stock, company: Tenant) -> Story:
    """An administrator restarts the print spooler with PsExec from the jump host in working hours."""
    story = Story(
        stock,
        "admin-psexec-print01",
        "lookalike",
        "An administrator uses PsExec from the jump host",
        "Is PsExec in use on PRINT01?",
    )
    jump, printer, fiona = company.hosts["JUMP01"], company.hosts["PRINT01"], company.accounts["adm-fiona"]
    for day, clock in ((4, "10:14:20"), (12, "14:40:02")):
        at = moment(day, clock)
        story.logon(
            at - timedelta(minutes=6),
            jump,
            fiona,
            "RemoteInteractive",
            company.desk_of("fiona"),
            event="the administrator works on the jump host",
            protocol="Negotiate",
            admin=True,
        )
        shell = story.process(
            at - timedelta(minutes=5),
            standing(jump, "explorer.exe", fiona),
            "cmd.exe",
            rf'"{_SYSTEM32}\cmd.exe"',
            event="a command prompt",
            integrity="High",
        )
        _spooler_stopped(story, shell, printer, at)
    return story


def _spooler_stopped(story: Story, shell: Process, printer: Host, at: datetime) -> None:
    fiona = shell.actor
    tool = story.process(
        at,
        shell,
        "PsExec64.exe",
        r"C:\Tools\Sysinternals\PsExec64.exe \\PRINT01 net stop spooler",
        event="PsExec to the print server",
    )
    story.connect(at + timedelta(seconds=1), tool, printer.address, 445, event="SMB to the print server")
    story.logon(
        at + timedelta(seconds=1),
        printer,
        fiona,
        "Network",
        shell.host,
        event="the administrator's logon",
        protocol="Kerberos",
        admin=True,
    )
    service = story.process(
        at + timedelta(seconds=2),
        standing(printer, "services.exe", SYSTEM),
        "PSEXESVC.exe",
        r"C:\Windows\PSEXESVC.exe",
        event="PsExec's service",
    )
    story.process(
        at + timedelta(seconds=3),
        service,
        "net.exe",
        "net stop spooler",
        event="the spooler is stopped",
        actor=fiona,
        integrity="High",
    )


def application_dump(stock: Stock, company: Tenant) -> Story:
    """Support takes a dump of the web application's worker process for the developers."""
    story = Story(
        stock,
        "application-dump-web-02",
        "lookalike",
        "A dump of the web application for its developers",
        "Did anybody use ProcDump on web-02?",
    )
    host, erik, at = company.hosts["web-02"], company.accounts["adm-erik"], moment(5, "11:20:30")
    shell = story.process(
        at,
        standing(host, "explorer.exe", erik),
        "cmd.exe",
        rf'"{_SYSTEM32}\cmd.exe"',
        event="a command prompt",
        integrity="High",
    )
    dump = story.process(
        at + timedelta(seconds=25),
        shell,
        "procdump64.exe",
        r"procdump64.exe -ma w3wp.exe D:\Support\CASE-2291\w3wp.dmp",
        event="ProcDump of the worker process",
    )
    story.file(at + timedelta(seconds=29), dump, r"D:\Support\CASE-2291\w3wp.dmp", event="the dump is written")
    return story


def web_deployment(stock: Stock, company: Tenant) -> Story:
    """A release replaces pages of the portal; the health agent of web-02 is refused its revocation list."""
    story = Story(
        stock,
        "web-deployment",
        "lookalike",
        "A release writes pages on the web servers",
        "Which .aspx files were written on web-02?",
    )
    account = company.services["svc-deploy"]
    for name in ("web-01", "web-02"):
        host, at = company.hosts[name], moment(11, "09:02:00")
        host_process = standing(host, "wsmprovhost.exe", account)
        copy = story.process(
            at,
            host_process,
            "robocopy.exe",
            r"robocopy \\APP01\releases\portal-4.18 C:\inetpub\wwwroot\portal /MIR /XD uploads",
            event="the release is copied",
        )
        for page in ("Default.aspx", "Orders.aspx", "Login.aspx"):
            at += timedelta(seconds=2)
            story.file(
                at, copy, rf"C:\inetpub\wwwroot\portal\{page}", event="a page is replaced", action="FileModified"
            )
    web = company.hosts["web-02"]
    for hour in range(9):
        story.flow(
            moment(14, "06:00:20") + timedelta(hours=4 * hour),
            web,
            "192.0.2.210",
            80,
            event="a revocation list is out of reach",
            outbound=True,
            rule="UserRule_Deny-Internet-Other",
            allowed=False,
            flows=1,
        )
    return story


def file_migration(stock: Stock, company: Tenant) -> Story:
    """The file server's old archive gets new names in an announced migration."""
    story = Story(
        stock,
        "file-migration-fs01",
        "lookalike",
        "An announced migration renames archived files",
        "Who renamed files on FS01 on 7 March?",
    )
    host, gustav, at = company.hosts["FS01"], company.accounts["adm-gustav"], moment(7, "09:00:40")
    shell = story.process(
        at,
        standing(host, "explorer.exe", gustav),
        "powershell.exe",
        r"powershell.exe -NoProfile -ExecutionPolicy AllSigned -File C:\ProgramData\Contoso\Scripts\Rename-Archive.ps1",
        event="a signed migration script",
        integrity="High",
    )
    for item in range(80):
        old = rf"D:\Archive\2019\Order {7000 + item}.doc"
        story.file(
            at + timedelta(seconds=5 + 3 * item),
            shell,
            rf"D:\Archive\2019\2019-Order-{7000 + item}.doc",
            event="an archived file gets its new name",
            action="FileRenamed",
            previous=old,
        )
    return story


def minor_alerts(stock: Stock, company: Tenant) -> Story:
    """Defender reports what it has already dealt with, and what is not worth a case."""
    story = Story(
        stock,
        "minor-alerts",
        "lookalike",
        "Alerts of low severity that need no case",
        "Were there any high severity alerts on 4 March?",
    )
    titles = (
        ("Potentially unwanted application was blocked", "UnwantedSoftware"),
        ("An uncommon file was created and added to startup", "SuspiciousActivity"),
    )
    for place, desk in enumerate(company.workstations[::4]):
        title, category = titles[place % 5 == 4]
        browser = standing(desk, "msedge.exe", desk.owner or SYSTEM)
        at = moment(3 + place, "09:40:00") + timedelta(minutes=47 * place % 300)
        story.alert(
            at, title, "Informational" if place % 3 else "Low", category, "", process=browser, account=desk.owner
        )
    return story
