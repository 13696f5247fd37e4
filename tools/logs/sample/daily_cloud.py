"""The ordinary days of the directory, the subscription and its networks."""

from __future__ import annotations

from .cloud_rows import activity_row, flow_row
from .identity_rows import Browser, Result, audit_row, property_change, signin_row, target
from .stock import Stock
from .tenant import Account, Host, Tenant, guid

__all__ = ["DESK_AGENT", "browser_of", "stock_cloud"]

DESK_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/133.0.0.0 Safari/537.36 Edg/133.0.0.0"
)
PHONE_AGENT = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.3 Mobile/15E148 Safari/604.1"
)

_USUAL_APPS = (
    ("Office 365 Exchange Online", 30),
    ("Office 365 SharePoint Online", 24),
    ("Microsoft Teams", 24),
    ("OfficeHome", 12),
    ("One Outlook Web", 6),
)
_PASSWORD_WRONG = Result(
    "50126", "Invalid username or password or Invalid on-premise username or password.", mfa="", access="notApplied"
)
_MFA_NEEDED = Result("50074", "Strong Authentication is required.", mfa="MFA required in Azure AD", access="failure")
_INTERRUPTED = Result(
    "50140", "This error occurred due to 'Keep me signed in' interrupt when the user was signing-in.", mfa=""
)


def browser_of(desk: Host) -> Browser:
    """Return the browser of a managed workstation."""
    return Browser("Windows10", "Edge 133.0.0", DESK_AGENT, desk.name)


def stock_cloud(stock: Stock, company: Tenant) -> None:
    """Add what happens in the cloud every day."""
    for who in company.people:
        _signins(stock, company, who)
    _audits(stock, company)
    _activity(stock, company)
    _flows(stock, company)


def _signins(stock: Stock, company: Tenant, who: Account) -> None:
    office = who.office
    assert office is not None
    desk = browser_of(company.desk_of(who.name))
    phone = Browser("Ios 18.3", "Mobile Safari", PHONE_AGENT, f"{who.name}-phone", "Mobile Apps and Desktop clients")
    for app, weight in _USUAL_APPS:
        stock.recur("SigninLogs", signin_row(who, app, office, desk, Result()), office.rhythm, weight)
    for app in ("Office 365 Exchange Online", "Microsoft Teams"):
        stock.recur("SigninLogs", signin_row(who, app, office, phone, Result()), office.rhythm, 6)
    approved = Result(mfa="MFA completed in Azure AD", method="Mobile app notification")
    stock.recur("SigninLogs", signin_row(who, "OfficeHome", office, desk, approved), office.rhythm, 6)
    for result in (_PASSWORD_WRONG, _MFA_NEEDED, _INTERRUPTED):
        stock.recur("SigninLogs", signin_row(who, "OfficeHome", office, desk, result), office.rhythm, 1)
    if who.department == "IT":
        stock.recur("SigninLogs", signin_row(who, "Azure Portal", office, desk, approved), office.rhythm, 8)


def _audits(stock: Stock, company: Tenant) -> None:
    fiona = company.accounts["adm-fiona"]
    place = company.offices["london"]
    for who in company.people:
        user = target("User", who.display, upn=who.upn)
        rhythm = who.office.rhythm if who.office else "always"
        change = target("User", who.display, upn=who.upn, changes=(property_change("Department", [who.department]),))
        sync = audit_row("Update user", "UserManagement", None, (change,), app="Microsoft Entra Connect Sync")
        stock.recur("AuditLogs", sync, "always", 4)
        device = target(
            "Device", company.desk_of(who.name).name, changes=(property_change("DeviceOSVersion", ["10.0.22621.3155"]),)
        )
        stock.recur(
            "AuditLogs",
            audit_row("Update device", "Device", None, (device,), app="Device Registration Service"),
            "always",
            6,
        )
        own = audit_row("Change password (self-service)", "UserManagement", who, (user,), address=place.address)
        stock.recur("AuditLogs", own, rhythm, 1)
    group = target("Group", "SharePoint Visitors")
    for who in company.people[::5]:
        member = audit_row(
            "Add member to group",
            "GroupManagement",
            fiona,
            (target("User", who.display, upn=who.upn), group),
            address=place.address,
        )
        stock.recur("AuditLogs", member, "office:0", 1)


def _activity(stock: Stock, company: Tenant) -> None:
    deploy, place = guid("ServicePrincipal", "contoso-deploy"), "10.20.2.4"
    usual = (
        ("Microsoft.Resources/deployments/write", "rg-apps", "Microsoft.Resources/deployments/release", 20),
        ("Microsoft.Web/sites/write", "rg-web", "Microsoft.Web/sites/contoso-portal", 10),
        (
            "Microsoft.Compute/virtualMachines/extensions/write",
            "rg-apps",
            "Microsoft.Compute/virtualMachines/api-01/extensions/MDE.Windows",
            6,
        ),
        ("Microsoft.Resources/tags/write", "rg-apps", "Microsoft.Resources/tags/default", 8),
    )
    for operation, group, resource, weight in usual:
        stock.recur("AzureActivity", activity_row(deploy, place, operation, group, resource), "office:0", weight)
    backup = guid("ServicePrincipal", "contoso-backup")
    for vm in ("web-01", "web-02", "api-01", "sql-az01"):
        fabric = "Microsoft.RecoveryServices/vaults/rsv-prod/backupFabrics/Azure"
        resource = f"{fabric}/protectionContainers/{vm}/protectedItems/{vm}"
        row = activity_row(
            backup,
            place,
            "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems/backup/action",
            "rg-backup",
            resource,
        )
        stock.recur("AzureActivity", row, "night", 6)
    _administration(stock, company)


def _administration(stock: Stock, company: Tenant) -> None:
    for name in ("adm-erik", "adm-fiona", "adm-gustav"):
        who = company.accounts[name]
        assert who.office is not None
        for vm in ("web-01", "web-02", "api-01"):
            group = "rg-web" if vm.startswith("web") else "rg-apps"
            row = activity_row(
                who,
                who.office.address,
                "Microsoft.Compute/virtualMachines/restart/action",
                group,
                f"Microsoft.Compute/virtualMachines/{vm}",
            )
            stock.recur("AzureActivity", row, who.office.rhythm, 1)
        row = activity_row(
            who,
            who.office.address,
            "Microsoft.Insights/metricAlerts/write",
            "rg-apps",
            "Microsoft.Insights/metricAlerts/cpu-high",
        )
        stock.recur("AzureActivity", row, who.office.rhythm, 2)


def _flows(stock: Stock, company: Tenant) -> None:
    for host in company.servers:
        if not host.azure:
            continue
        for other, port in (("20.189.173.4", 443), ("20.101.57.9", 443), ("20.72.205.209", 443)):
            stock.recur(
                "AzureNetworkAnalytics_CL",
                flow_row(host, other, port, outbound=True, rule="DefaultRule_AllowInternetOutBound", flows=3),
                "always",
                20,
            )
        stock.recur(
            "AzureNetworkAnalytics_CL",
            flow_row(
                host,
                "10.10.0.10",
                53,
                outbound=True,
                rule="DefaultRule_AllowVnetOutBound",
                public=False,
                protocol="U",
                flows=9,
            ),
            "always",
            16,
        )
        for knock in range(24):
            # The noise of the Internet: knocking that the default rule refuses.
            port = (22, 23, 445, 3389, 8080, 5900, 1433, 6379)[knock % 8]
            row = flow_row(
                host,
                f"198.51.100.{20 + 7 * knock}",
                port,
                outbound=False,
                rule="DefaultRule_DenyAllInBound",
                allowed=False,
            )
            stock.recur("AzureNetworkAnalytics_CL", row, "always", 2)
    for name in ("web-01", "web-02"):
        _web_flows(stock, company.hosts[name])


def _web_flows(stock: Stock, web: Host) -> None:
    for visitor in range(40):
        row = flow_row(
            web,
            f"192.0.2.{110 + visitor}",
            443,
            outbound=False,
            rule="UserRule_AllowHttpsInbound",
            flows=1 + visitor % 7,
        )
        stock.recur("AzureNetworkAnalytics_CL", row, "always" if visitor % 2 else "office:0", 8)
    stock.recur(
        "AzureNetworkAnalytics_CL",
        flow_row(web, "10.20.3.4", 1433, outbound=True, rule="DefaultRule_AllowVnetOutBound", public=False, flows=40),
        "always",
        60,
    )
    stock.recur(
        "AzureNetworkAnalytics_CL",
        flow_row(web, "10.20.2.4", 8443, outbound=True, rule="DefaultRule_AllowVnetOutBound", public=False, flows=20),
        "always",
        40,
    )
