"""Why nobody could be signed in, by what each credential said, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError
from azure.identity import CredentialUnavailableError

from .connecting import chain_of, why_unreached
from .signing_in import CACHES, Attempt, NotSignedIn, short_name

__all__ = ["why_not_signed_in"]

Why = tuple[str, str]
"""What happened, and what to do."""
AGAIN = "Sign in anew: `az logout`, then `az login`."
SIGN_IN = "Run `az login`, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET."
NO_IDENTITY = (
    "Assign a managed identity to this resource (its page Identity in the portal); for one of several, "
    "set AZURE_CLIENT_ID to its client id."
)
_ENTRA = re.compile(r"AADSTS(\d{5,7})")
_TENANT = re.compile(r"(?:directory|tenant) '([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'", re.IGNORECASE)

CODES: Mapping[str, Why] = {
    "7000215": ("the client secret is wrong", "Set AZURE_CLIENT_SECRET to the secret's value, not to its id."),
    "7000222": ("the client secret is over", "Make a new secret for the application, and set AZURE_CLIENT_SECRET."),
    "700016": (
        "the tenant has no application of this client id",
        "Check AZURE_CLIENT_ID, and that AZURE_TENANT_ID is the application's own tenant.",
    ),
    "90002": ("there is no such tenant", "Set AZURE_TENANT_ID to the tenant's id: `az account show --query tenantId`."),
    "900023": ("the tenant id is none", "Set AZURE_TENANT_ID to the tenant's id (a GUID) or to its domain."),
    "700027": (
        "the certificate is not one of the application's",
        "Add it to the application in the portal, or check AZURE_CLIENT_CERTIFICATE_PATH.",
    ),
    "700024": ("the time of the sign-in is not the present", "Set this machine's clock: `timedatectl set-ntp true`."),
    "500133": ("the time of the sign-in is not the present", "Set this machine's clock: `timedatectl set-ntp true`."),
    "700213": (
        "no federated credential of the application matches this workload",
        "Check the issuer and subject of the application's federated credentials.",
    ),
    "500011": (
        "this tenant does not know the service",
        "Check that the endpoint is of the same cloud as the tenant (azure:ID@https://…).",
    ),
    "50020": ("the account is not in this tenant", "Sign in to the workspace's tenant: `az login --tenant TENANT_ID`."),
    "50034": ("there is no such account in the tenant", "Check the account, or sign in with `az login`."),
    "50126": ("the user name or password is wrong", "Sign in with `az login`; passwords in variables are no way in."),
    "50057": ("the account is disabled", "Ask who runs the tenant."),
    "50076": ("a second factor is asked for", "Sign in at a browser: `az login`."),
    "50079": ("a second factor must be set up", "Sign in at a browser: `az login`."),
    "50158": ("a further check of the tenant is asked for", "Sign in at a browser: `az login`."),
    "53003": ("conditional access does not let this sign-in through", "Ask who runs the tenant's conditional access."),
    "53000": ("the tenant wants a managed device", "Sign in from a device that the tenant manages."),
    "70043": ("the sign-in is too old for the tenant's rules", AGAIN),
    "700082": ("the sign-in is too old", AGAIN),
    "700084": ("the sign-in is too old", AGAIN),
    "50173": ("the password was changed since the sign-in", AGAIN),
    "50078": ("the second factor is too old", AGAIN),
    "65001": ("nobody agreed to this access yet", "Ask an administrator of the tenant to consent to it."),
    "7000112": ("the application is disabled in the tenant", "Ask who runs the tenant."),
}
"""By the number of Microsoft Entra ID's errors (learn.microsoft.com, entra/identity-platform/reference-error-codes)."""


def why_not_signed_in(error: NotSignedIn) -> Why:
    """Return why no credential gave a token: the reason of the one that was meant to."""
    for attempt in error.attempts:
        if not _is_absent(attempt):
            what, do = _why(attempt)
            return f"{short_name(attempt.name)}: {what}", do
    tried = ", ".join(short_name(one.name) for one in error.attempts)
    if [one.name for one in error.attempts] == ["ManagedIdentityCredential"]:
        return "this machine has no managed identity", NO_IDENTITY
    if any(one.name == "AzureCliCredential" and "az login" in str(one.error) for one in error.attempts):
        return f"nobody is signed in: the Azure CLI is here and has no account (tried {tried})", SIGN_IN
    return f"nobody is signed in (tried {tried})", _without_cli(error.attempts)


def _without_cli(attempts: Sequence[Attempt]) -> str:
    if any("not found on path" in str(one.error) for one in attempts if one.name == "AzureCliCredential"):
        return f"{SIGN_IN} `az` is not installed here: https://aka.ms/azure-cli."
    return SIGN_IN


def _is_absent(attempt: Attempt) -> bool:
    """Return whether a credential is just not there, which is no fault of a chain."""
    if not isinstance(attempt.error, CredentialUnavailableError) and attempt.name not in CACHES:
        return False
    said = str(attempt.error)
    return not _ENTRA.search(said) and "has been assigned" not in said and "not been assigned" not in said


def _why(attempt: Attempt) -> Why:
    said = str(attempt.error)
    if found := _ENTRA.search(said):
        return _by_code(found[1], said)
    chain = tuple(chain_of(attempt.error))
    if any(isinstance(one, ServiceRequestError | ServiceResponseError) for one in chain):
        return why_unreached(attempt.error)
    if "assigned to this resource" in said:
        return "no identity, or not this one, is assigned to this resource", NO_IDENTITY
    if attempt.name == "AzureCliCredential":
        return "the Azure CLI failed", "Run `az account get-access-token` to see why, then `az login`."
    status = next((one.status_code for one in chain if isinstance(one, HttpResponseError) and one.status_code), None)
    if attempt.name == "ManagedIdentityCredential":
        return f"the identity endpoint refused{f' with status {status}' if status else ''}", NO_IDENTITY
    if isinstance(attempt.error, OSError):
        return "a file that the environment names cannot be read", "Check AZURE_FEDERATED_TOKEN_FILE."
    return f"the sign-in was refused{f' with status {status}' if status else ''}", SIGN_IN


def _by_code(code: str, said: str) -> Why:
    what, do = CODES.get(
        code, ("Microsoft Entra ID refused", "Look the number up at https://login.microsoftonline.com/error.")
    )
    if tenant := _TENANT.search(said):
        what = f"{what} (tenant {tenant[1].lower()})"
    return f"{what} (AADSTS{code})", do
