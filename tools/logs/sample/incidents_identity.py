"""Attacks on accounts and on consent."""

from __future__ import annotations

from datetime import datetime, timedelta

from .calendar import moment
from .identity_rows import Browser, Result, property_change, target
from .outsiders import BUCHAREST, LAGOS
from .stock import Stock
from .story import Story
from .tenant import Account, Tenant, guid

__all__ = ["consent_after_fatigue", "password_spray"]

_THEIRS = Browser(
    "Linux",
    "Chrome 121.0.0",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/121.0.0.0 Safari/537.36",
)
_MAIL = Browser("", "", "BAV2ROPC", client="Authenticated SMTP")

_APP = "Mail Sync Pro"

_DECLINED = Result(
    "500121",
    "Authentication failed during strong authentication request.",
    "MFA denied; user declined the authentication",
    "Mobile app notification",
    "failure",
    "medium",
)
_APPROVED = Result(mfa="MFA completed in Azure AD", method="Mobile app notification", risk="medium")
_WRONG = Result(
    "50126", "Invalid username or password or Invalid on-premise username or password.", mfa="", access="notApplied"
)
_LOCKED = Result("50053", "The account is locked, you've tried to sign in too many times.", mfa="", access="notApplied")
_SINGLE = Result(mfa="", access="notApplied", risk="low")


def consent_after_fatigue(stock: Stock, company: Tenant) -> Story:
    """Arisa's phone is flooded until she gives in; the intruder consents to an application and gives it a secret."""
    story = Story(
        stock, "consent-mfa-fatigue-arisa", "incident", "MFA fatigue and illicit consent with arisa's account",
        "Has arisa@contoso.com been the target of consent abuse or MFA fatigue over the last 2 weeks or so?",
        "Which applications got new credentials or permissions last week?",
    )  # fmt: skip
    arisa, address = company.accounts["arisa"], BUCHAREST.address
    at = _flood(story, arisa, moment(10, "18:41:12"))
    _new_phone(story, arisa, at + timedelta(minutes=3))
    _consent(story, arisa, at + timedelta(minutes=8))
    _secret(story, arisa, moment(11, "02:14:40"))
    story.signin(
        moment(11, "02:20:03"),
        arisa,
        "Office 365 SharePoint Online",
        BUCHAREST,
        _THEIRS,
        Result(risk="medium"),
        "T1213.002",
        "SharePoint is read from abroad",
        address=address,
    )
    story.alert(
        moment(11, "02:31:00"),
        "Suspicious OAuth application consent",
        "Medium",
        "Persistence",
        "T1528 T1621",
        account=arisa,
        address=address,
        service="Microsoft Defender for Cloud Apps",
    )
    return story


def _flood(story: Story, arisa: Account, at: datetime) -> datetime:
    address = BUCHAREST.address
    for push in range(11):
        story.signin(
            at, arisa, "OfficeHome", BUCHAREST, _THEIRS, _DECLINED, "T1621", "a push is declined", address=address
        )
        at += timedelta(seconds=70 + 17 * push % 60)
    story.signin(
        at,
        arisa,
        "OfficeHome",
        BUCHAREST,
        _THEIRS,
        _APPROVED,
        "T1621 T1078.004",
        "a push is approved at night",
        address=address,
    )
    story.signin(
        at + timedelta(seconds=55),
        arisa,
        "One Outlook Web",
        BUCHAREST,
        _THEIRS,
        _APPROVED,
        "T1114.002",
        "the mailbox is opened from abroad",
        address=address,
    )
    return at


def _new_phone(story: Story, arisa: Account, at: datetime) -> None:
    phone = property_change("StrongAuthenticationMethod", [{"MethodType": 6, "Default": False}], [])
    story.audit(
        at,
        "User registered security info",
        "UserManagement",
        arisa,
        (target("User", arisa.display, upn=arisa.upn, changes=(phone,)),),
        "T1098.005",
        "a second phone is registered",
        address=BUCHAREST.address,
        service="Authentication Methods",
    )


def _secret(story: Story, arisa: Account, at: datetime) -> None:
    secret = property_change(
        "KeyDescription",
        ["[KeyIdentifier=" + guid(_APP, "key") + ",KeyType=Password,KeyUsage=Verify,DisplayName=sync]"],
        [],
    )
    owned = target("ServicePrincipal", _APP, changes=(secret,))
    story.audit(
        at,
        "Add service principal credentials",
        "ApplicationManagement",
        arisa,
        (owned,),
        "T1098.001",
        "the application gets a secret",
        address=BUCHAREST.address,
    )


def _consent(story: Story, arisa: Account, at: datetime) -> None:
    app, address = _APP, BUCHAREST.address
    scope = "Mail.ReadWrite Mail.Send Files.Read.All offline_access"
    grant = (
        f"[] => [[Id: {guid(app, 'grant')[:20]}, ClientId: {guid('ServicePrincipal', app)}, "
        f"PrincipalId: {arisa.object_id}, ConsentType: Principal, Scope: {scope}]]"
    )
    consent = target(
        "ServicePrincipal",
        app,
        changes=(
            property_change("ConsentContext.IsAdminConsent", "False"),
            property_change("ConsentAction.Permissions", grant),
        ),
    )
    delegated = target(
        "ServicePrincipal",
        "Microsoft Graph",
        changes=(
            property_change("DelegatedPermissionGrant.Scope", scope),
            property_change("DelegatedPermissionGrant.ConsentType", "Principal"),
        ),
    )
    story.audit(
        at,
        "Add service principal",
        "ApplicationManagement",
        arisa,
        (target("ServicePrincipal", app),),
        "T1528",
        "an unknown application appears",
        address=address,
    )
    story.audit(
        at + timedelta(seconds=1),
        "Add delegated permission grant",
        "ApplicationManagement",
        arisa,
        (delegated,),
        "T1528",
        "it may read and send mail",
        address=address,
    )
    story.audit(
        at + timedelta(seconds=1),
        "Consent to application",
        "ApplicationManagement",
        arisa,
        (consent,),
        "T1528",
        "consent in arisa's name",
        address=address,
    )


def password_spray(stock: Stock, company: Tenant) -> Story:
    """One address tries a few passwords on everybody; alice's is one of them."""
    story = Story(
        stock, "password-spray-alice", "incident", "Password spray against the whole company; alice's account falls",
        "Any failed sign-ins for alice@contoso.com over the past 6 hours?",
        "Was there a password spray against us today, and did any account fall?",
    )  # fmt: skip
    alice = company.accounts["alice"]
    at = _spray(story, company, moment(16, "11:52:07")) + timedelta(minutes=2)
    _mail_fetched(story, alice, at)
    story.alert(
        at + timedelta(minutes=9),
        "Password spray attack against multiple users",
        "High",
        "CredentialAccess",
        "T1110.003",
        account=alice,
        address=LAGOS.address,
        service="Microsoft Entra ID Protection",
    )
    return story


def _spray(story: Story, company: Tenant, at: datetime) -> datetime:
    address, alice = LAGOS.address, company.accounts["alice"]
    for turn in range(3):
        for place, who in enumerate(company.people):
            at += timedelta(seconds=21 + (place * 7 + turn) % 9)
            result = _LOCKED if turn == 2 and place % 11 == 5 else _WRONG
            if not (turn == 2 and who is alice):
                story.signin(
                    at,
                    who,
                    "Office 365 Exchange Online",
                    LAGOS,
                    _MAIL,
                    result,
                    "T1110.003",
                    "a password is tried",
                    address=address,
                )
    story.signin(
        at + timedelta(seconds=40),
        alice,
        "Office 365 Exchange Online",
        LAGOS,
        _MAIL,
        _WRONG,
        "T1110.003",
        "another password of alice's is tried",
        address=address,
    )
    return at


def _mail_fetched(story: Story, alice: Account, at: datetime) -> None:
    address = LAGOS.address
    story.signin(
        at,
        alice,
        "Office 365 Exchange Online",
        LAGOS,
        _MAIL,
        _SINGLE,
        "T1110.003 T1078.004",
        "alice's password fits; the old protocol asks for no second factor",
        address=address,
    )
    for read in range(4):
        story.signin(
            at + timedelta(minutes=4 + 6 * read),
            alice,
            "Office 365 Exchange Online",
            LAGOS,
            _MAIL,
            _SINGLE,
            "T1114.002",
            "alice's mail is fetched",
            address=address,
        )
