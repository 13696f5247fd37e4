"""What an account takes root with soon after it came from a network new to it."""

from __future__ import annotations

import json

import pytest

from soc_analyst.tools.proof.claims import check

from .rows import Row, at, found
from .test_in_company import case
from .test_past import DAY, entry, past

AFTER = "stat-change-after-odd-sign-in"
NOW = 5.5 * DAY


def change(seconds: float, operation: str, ip: str = "198.51.100.4") -> Row:
    return at(NOW + seconds, OperationName=operation, Result="success", TargetResources="[]",
              InitiatedBy=json.dumps({"user": {"userPrincipalName": "ana@contoso.com", "ipAddress": ip}}))  # fmt: skip


def told(signins: list[Row], audits: list[Row]) -> dict[str, tuple[str, ...]]:
    rows = case(SigninLogs=signins, AuditLogs=audits)
    ours = [each for each in found(rows) if each.rule.id == AFTER]
    assert all(check(claim, rows, {}).verified for each in ours for claim in each.claims)
    return {each.rule.level: each.techniques for each in ours}


REGISTERED, CONSENTED = "User registered security info", "Consent to application"
MEDIUM = {"medium": ("T1556.006", "T1078.004")}


@pytest.mark.parametrize(("signin", "audit", "expected"), [
    (entry(NOW, network="9009"), change(600, REGISTERED), MEDIUM),
    (entry(NOW, network="9009"), change(600, CONSENTED), {"medium": ("T1528", "T1078.004")}),
    (entry(NOW, network="9009"), change(7200, REGISTERED), {}),
    (entry(NOW, network="9009"), change(600, "Update user"), {}),
    (entry(NOW, network="9009"), change(600, REGISTERED, "203.0.113.9"), {}),
    (entry(NOW, network="3301"), change(600, REGISTERED), {}),
    (entry(NOW, network="9009", system="iOS 18"), change(600, REGISTERED), {}),
    (entry(NOW, network="9009", deviceId="d1"), change(600, REGISTERED), {}),
    (entry(NOW, network="9009", isCompliant=True), change(600, REGISTERED), {}),
])  # fmt: skip
def test_what_follows_a_new_network(signin: Row, audit: Row, expected: dict[str, tuple[str, ...]]) -> None:
    assert told([*past(), signin], [audit]) == expected


def test_without_a_past_or_with_many_networks_nothing_is_new() -> None:
    new, audit = entry(NOW, network="9009"), change(600, REGISTERED)
    assert told([*past(9), new], [audit]) == {}
    roaming = [entry(i * DAY / 4, network=str(100 + i % 4)) for i in range(20)]
    assert told([*roaming, new], [audit]) == {}
