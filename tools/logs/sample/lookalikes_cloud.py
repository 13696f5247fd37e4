"""Ordinary sign-ins and administration that look like an attack at first."""

from __future__ import annotations

from datetime import datetime, timedelta

from .calendar import moment
from .daily_cloud import browser_of
from .identity_rows import Result, property_change, target
from .outsiders import LISBON
from .stock import Stock
from .story import Story
from .tenant import Account, Tenant, guid

__all__ = ["admin_consent", "change_window", "forgotten_password", "travelling_user"]

_READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"

_APPROVED = Result(mfa="MFA completed in Azure AD", method="Mobile app notification")
_WRONG = Result(
    "50126", "Invalid username or password or Invalid on-premise username or password.", mfa="", access="notApplied"
)
_MISSED = Result(
    "500121",
    "Authentication failed during strong authentication request.",
    "MFA denied; user did not respond to mobile app notification",
    "Mobile app notification",
    "failure",
)


def travelling_user(stock: Stock, company: Tenant) -> Story:
    """Hugo works from Lisbon for three days, on his own managed machine; once he misses a push."""
    story = Story(
        stock,
        "travelling-user-hugo",
        "lookalike",
        "Hugo signs in from a trip with a compliant device and MFA",
        "Did hugo@contoso.com sign in from a new country?",
    )
    hugo = company.accounts["hugo"]
    own = browser_of(company.desk_of("hugo"))
    story.signin(moment(10, "08:55:10"), hugo, "OfficeHome", LISBON, own, _MISSED, event="a push goes unseen")
    for day in (10, 11, 12):
        story.signin(
            moment(day, "08:57:02"),
            hugo,
            "OfficeHome",
            LISBON,
            own,
            _APPROVED,
            event="the second factor on the own device",
        )
        for hour in (9, 11, 14, 16):
            story.signin(
                moment(day, f"{hour:02}:12:40"),
                hugo,
                "Office 365 Exchange Online",
                LISBON,
                own,
                Result(),
                event="work from the hotel",
            )
    return story


def forgotten_password(stock: Stock, company: Tenant) -> Story:
    """Bob is back from leave, tries old passwords from his desk, then remembers."""
    story = Story(
        stock,
        "forgotten-password-bob",
        "lookalike",
        "Bob mistypes his password a few times and gets in",
        "Any failed sign-ins for bob@contoso.com on 9 March?",
    )
    bob, at = company.accounts["bob"], moment(9, "08:31:05")
    assert bob.office is not None
    own = browser_of(company.desk_of("bob"))
    for _attempt in range(5):
        story.signin(at, bob, "OfficeHome", bob.office, own, _WRONG, event="a wrong password at the own desk")
        story.logon(
            at + timedelta(seconds=4),
            company.desk_of("bob"),
            bob,
            "Interactive",
            "127.0.0.1",
            event="a wrong password at the own desk",
            failure="InvalidUserNameOrPassword",
            protocol="Negotiate",
        )
        at += timedelta(seconds=48)
    story.signin(at, bob, "OfficeHome", bob.office, own, _APPROVED, event="the right one, with the second factor")
    story.logon(
        at + timedelta(seconds=5),
        company.desk_of("bob"),
        bob,
        "Interactive",
        "127.0.0.1",
        event="the logon succeeds",
        protocol="Negotiate",
    )
    return story


def admin_consent(stock: Stock, company: Tenant) -> Story:
    """An administrator consents to a reviewed application's reading of profiles and limits who may use it."""
    story = Story(
        stock,
        "approved-admin-consent",
        "lookalike",
        "An administrator consents to a reviewed application",
        "Who consented to applications on 4 March?",
    )
    fiona, app, at = company.accounts["adm-fiona"], "Contoso Travel Booking", moment(4, "13:20:11")
    assert fiona.office is not None
    own, address = browser_of(company.hosts["JUMP01"]), fiona.office.address
    story.signin(
        at - timedelta(minutes=4),
        fiona,
        "Azure Portal",
        fiona.office,
        own,
        _APPROVED,
        event="the administrator signs in with the second factor",
    )
    story.audit(
        at,
        "Add service principal",
        "ApplicationManagement",
        fiona,
        (target("ServicePrincipal", app),),
        event="the reviewed application is added",
        address=address,
    )
    scope = property_change(
        "ConsentAction.Permissions",
        f"[] => [[ClientId: {guid('ServicePrincipal', app)}, ConsentType: AllPrincipals, Scope: User.Read openid]]",
    )
    consent = target("ServicePrincipal", app, changes=(property_change("ConsentContext.IsAdminConsent", "True"), scope))
    story.audit(
        at + timedelta(seconds=2),
        "Consent to application",
        "ApplicationManagement",
        fiona,
        (consent,),
        event="consent to read the profile only",
        address=address,
    )
    limited = property_change("AppRoleAssignmentRequired", [True], [False])
    story.audit(
        at + timedelta(minutes=6),
        "Update service principal",
        "ApplicationManagement",
        fiona,
        (target("ServicePrincipal", app, changes=(limited,)),),
        event="only assigned people may use it",
        address=address,
    )
    return story


def change_window(stock: Stock, company: Tenant) -> Story:
    """In the change window of Tuesday evening rules of a network security group are tidied up."""
    story = Story(
        stock,
        "nsg-change-window",
        "lookalike",
        "Firewall maintenance and a reader role in the change window",
        "Who changed network security groups on 3 March?",
    )
    erik, at = company.accounts["adm-erik"], moment(3, "18:00:00")
    assert erik.office is not None
    address = erik.office.address
    story.signin(
        at,
        erik,
        "Azure Portal",
        erik.office,
        browser_of(company.hosts["JUMP01"]),
        _APPROVED,
        event="the administrator signs in with the second factor",
    )
    _narrow_rules(story, erik, address, at + timedelta(minutes=5))
    reader = {
        "Properties": {
            "PrincipalId": guid("Group", "Auditors"),
            "PrincipalType": "Group",
            "RoleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{_READER}",
        }
    }
    story.azure(
        at + timedelta(minutes=22),
        erik,
        address,
        "Microsoft.Authorization/roleAssignments/write",
        "rg-web",
        f"Microsoft.Authorization/roleAssignments/{guid('auditors')}",
        event="auditors may read one resource group",
        body=reader,
    )
    return story


def _narrow_rules(story: Story, erik: Account, address: str, at: datetime) -> None:
    for place, (name, source) in enumerate(
        (
            ("Allow-Https-Partner", "192.0.2.128/28"),
            ("Allow-Monitoring", "10.10.0.40/32"),
            ("Allow-Old-Partner", "192.0.2.9/32"),
        )
    ):
        body = {
            "properties": {
                "access": "Allow",
                "direction": "Inbound",
                "priority": 300 + place,
                "protocol": "Tcp",
                "sourceAddressPrefix": source,
                "destinationPortRange": "443",
            }
        }
        story.azure(
            at + timedelta(minutes=3 * place),
            erik,
            address,
            "Microsoft.Network/networkSecurityGroups/securityRules/write",
            "rg-web",
            f"Microsoft.Network/networkSecurityGroups/nsg-web/securityRules/{name}",
            event="a narrow rule is written",
            body=body,
        )
