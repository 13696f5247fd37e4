"""Who gives out tokens: managed identities and Microsoft Entra ID, as they answer on the wire, refusals too."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

from soc_analyst.tools.loopback import FAR, IDENTITY, IDENTITY_SECRET

__all__ = ["CLIENT", "SECRET", "TENANT", "Identity", "unsigned_token"]

IMDS = "/metadata/identity/oauth2/token"
TENANT = "77777777-7777-4777-8777-777777777777"
CLIENT = "88888888-8888-4888-8888-888888888888"
PRINCIPAL = "99999999-9999-4999-8999-999999999999"
SECRET = "secret-of-the-loopback-application"
_ENTRA = re.compile(r"/([^/]+)/oauth2/v2\.0/token\Z")

Answer = tuple[int, dict[str, object]]

REFUSALS: Mapping[str, tuple[str, str]] = {
    "AADSTS7000215": (
        "invalid_client",
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
        f"not the client secret ID, for a secret added to app '{CLIENT}'.",
    ),
    "AADSTS7000222": ("invalid_client", f"The provided client secret keys for app '{CLIENT}' are expired."),
    "AADSTS700016": (
        "unauthorized_client",
        f"Application with identifier '{CLIENT}' was not found in the directory '{TENANT}'.",
    ),
    "AADSTS90002": ("invalid_request", f"Tenant '{TENANT}' not found. Check to make sure you have the correct one."),
    "AADSTS53003": ("invalid_grant", "Access has been blocked by Conditional Access policies."),
    "AADSTS700024": ("invalid_client", "Client assertion is not within its valid time range."),
}
"""Errors of Microsoft Entra ID by number: the protocol's own code, and words as it writes them."""


@dataclass(frozen=True)
class Identity:
    """What gives out `token`; with `refusal`, a number of Entra ID's or `no-identity`, it gives out none."""

    token: str
    refusal: str = ""

    def answer_get(self, path: str, headers: Mapping[str, str]) -> Answer | None:
        """Answer as the identity endpoint of an App Service or of a virtual machine; None is no such path."""
        if path == IDENTITY and headers.get("x-identity-header") == IDENTITY_SECRET:
            return self._given("No User Assigned or Delegated Managed Identity found")
        if path == IMDS:
            return self._given("Identity not found")
        return None

    def answer_post(self, path: str, body: bytes) -> Answer | None:
        """Answer as Entra ID's token endpoint; a secret that is not `SECRET` is refused. None is no such path."""
        if not _ENTRA.match(path):
            return None
        given = parse_qs(body.decode("utf-8", "replace"))
        refusal = self.refusal or ("" if given.get("client_secret") == [SECRET] else "AADSTS7000215")
        if not refusal:
            return 200, {"token_type": "Bearer", "expires_in": 3599, "access_token": self.token}
        code, words = REFUSALS.get(refusal, ("invalid_request", "The request was refused."))
        description = f"{refusal}: {words} Trace ID: 0 Correlation ID: 0 Timestamp: 2026-01-01 00:00:00Z"
        status = 401 if code == "invalid_client" else 400
        return status, {"error": code, "error_description": description, "error_codes": [int(refusal[6:])]}

    def _given(self, refusal: str) -> Answer:
        if self.refusal:
            return 400, {"error": "invalid_request", "error_description": refusal}
        return 200, {"access_token": self.token, "expires_on": FAR, "token_type": "Bearer", "resource": ""}


def unsigned_token(
    *, tenant: str = TENANT, user: str = "", begins: datetime | None = None, ends: datetime | None = None
) -> str:
    """Return a token with the claims of one of Entra ID's and a signature that no service takes."""
    now = datetime.now(UTC)
    claims: dict[str, object] = {
        "aud": "https://api.loganalytics.io", "iss": f"https://sts.windows.net/{tenant}/", "tid": tenant,
        "oid": PRINCIPAL, "appid": CLIENT,
        "nbf": int((begins or now).timestamp()), "exp": int((ends or now + timedelta(hours=1)).timestamp()),
        **({"upn": user} if user else {}),
    }  # fmt: skip
    parts = [json.dumps(one, separators=(",", ":")).encode() for one in ({"typ": "JWT", "alg": "RS256"}, claims)]
    return ".".join(base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in [*parts, b"unsigned-loopback"])
