"""What the result codes of sign-ins say, by Microsoft's list of the error codes of Entra."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["FACTOR_ASKED", "HELD_BY_POLICY", "LOCKED", "NOT_LET_IN", "SHUT"]

LOCKED, SHUT = "50053", "50057"
"""The account is locked after too many tries; it is disabled."""

NOT_LET_IN: Mapping[str, str] = {
    "50126": "user name or password is wrong",
    LOCKED: "the account is locked",
    "50034": "no such account",
    "50055": "the password has expired",
    "50056": "the account has no password here",
    SHUT: "the account is disabled",
}
"""Refusals that a guesser of passwords meets."""

HELD_BY_POLICY: Mapping[str, str] = {
    "53000": "the device does not comply",
    "53001": "the device is not joined",
    "53002": "the application is not approved",
    "53003": "conditional access forbids it",
    "53004": "the second factor may not be registered from where the risk is",
    "530003": "the device has to be managed",
    "530032": "a security policy of the tenant forbids it",
    "530034": "a partner's administrator at risk at home is held back",
}
"""Refusals after the right password: a policy of access held the sign-in back."""

FACTOR_ASKED: Mapping[str, str] = {
    "50074": "a strong second factor is asked for",
    "50076": "a second factor is asked for",
    "50079": "a second factor has to be set up first",
    "50072": "a second factor has to be set up first",
}
"""Interruptions after the right password: the second factor is to follow."""
