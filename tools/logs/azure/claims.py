"""What a token says of itself: whose it is, of which tenant, from when to when. It is read, never verified."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["Claims", "read_claims"]

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_NAME = re.compile(r"[\w.@#+'-]{1,200}\Z")


@dataclass(frozen=True)
class Claims:
    """What is no secret of a token; None where it does not say it, or not in the usual form."""

    tenant: str | None = None
    principal: str | None = None
    """The object id, which a role is granted to."""
    application: str | None = None
    user: str | None = None
    begins: datetime | None = None
    ends: datetime | None = None

    @property
    def who(self) -> str:
        """Return a name for people."""
        return self.user or (f"application {self.application}" if self.application else "unnamed")


def read_claims(token: str) -> Claims:
    """Return the claims of an access token of Microsoft Entra ID; nothing of one in another form."""
    parts = token.split(".")
    if len(parts) != 3:
        return Claims()
    try:
        told = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return Claims()
    if not isinstance(told, dict):
        return Claims()
    return Claims(
        tenant=_matching(_GUID, told, "tid"),
        principal=_matching(_GUID, told, "oid"),
        application=_matching(_GUID, told, "appid", "azp"),
        user=_matching(_NAME, told, "upn", "preferred_username", "unique_name"),
        begins=_time(told.get("nbf")),
        ends=_time(told.get("exp")),
    )


def _matching(form: re.Pattern[str], told: Mapping[str, object], *names: str) -> str | None:
    for name in names:
        value = told.get(name)
        if isinstance(value, str) and form.match(value):
            return value
    return None


def _time(value: object) -> datetime | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        return None
