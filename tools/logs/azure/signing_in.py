"""Who asks: azure-identity's own chain of credentials, walked here so that each one's failure stays an exception."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, cast

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.identity import CredentialUnavailableError
from azure.identity.aio import DefaultAzureCredential

from soc_analyst.state.errors import OperatorError

from .clock import Seen

__all__ = ["CACHES", "Attempt", "FoundCredential", "NotSignedIn", "found_credential", "short_name"]

CACHES = ("SharedTokenCacheCredential", "VisualStudioCodeCredential")
"""What an earlier sign-in of another program left."""
DEVELOPER = (*CACHES, "AzureCliCredential", "AzurePowerShellCredential", "AzureDeveloperCliCredential")
"""What a developer's machine has: where one fails the next is tried, as azure-identity does it in its own chain."""


@dataclass(frozen=True)
class Attempt:
    """One credential that gave no token, by azure-identity's name for it."""

    name: str
    error: Exception


class NotSignedIn(ClientAuthenticationError):
    """No credential gave a token; the message names those that were tried and nothing else."""

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        super().__init__(message=f"no token from {', '.join(short_name(one.name) for one in attempts)}")
        self.attempts = tuple(attempts)


class _Source(Protocol):
    async def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo: ...


class FoundCredential:
    """Sign in by the environment, a workload or managed identity, or a developer's tool, whichever comes first.

    `authority` is a file of certificates to trust; `seen` is told of each answer of who gives out tokens.
    """

    def __init__(self, authority: Path | None = None, seen: Seen | None = None) -> None:
        options: dict[str, Any] = {"connection_verify": str(authority)} if authority is not None else {}
        if seen is not None:
            options["raw_response_hook"] = seen
        self._chain = DefaultAzureCredential(exclude_interactive_browser_credential=True, **options)
        self._found: _Source | None = None

    @property
    def source(self) -> str:
        """Return the name of the credential that gave a token, or nothing before one did."""
        return short_name(type(self._found).__name__) if self._found is not None else ""

    async def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        enable_cae: bool = False,
        **_more: Any,
    ) -> AccessToken:
        """Return a token; raise NotSignedIn where no credential gives one."""
        options: TokenRequestOptions = {"enable_cae": enable_cae}
        if claims:
            options["claims"] = claims
        if tenant_id:
            options["tenant_id"] = tenant_id
        told = await self.get_token_info(*scopes, options=options)
        return AccessToken(told.token, told.expires_on)

    async def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """Return a token with what is known of it; raise NotSignedIn where no credential gives one."""
        sources = [self._found] if self._found is not None else [cast(_Source, one) for one in self._chain.credentials]
        attempts: list[Attempt] = []
        for source in sources:
            name = type(source).__name__
            try:
                token = await source.get_token_info(*scopes, options=options or {})
            except (AzureError, ValueError, OSError) as error:
                attempts.append(Attempt(_told_name(source), error))
                if not isinstance(error, CredentialUnavailableError) and name not in DEVELOPER:
                    break
            else:
                self._found = source
                return token
        raise NotSignedIn(attempts)

    async def close(self) -> None:
        """Close the connections."""
        await self._chain.close()

    async def __aenter__(self) -> Self:
        await self._chain.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        at: TracebackType | None = None,
    ) -> None:
        await self.close()


def found_credential(authority: Path | None = None, seen: Seen | None = None) -> FoundCredential:
    """Return the credential of this machine; raise OperatorError where its variables cannot be meant so."""
    try:
        return FoundCredential(authority, seen)
    except (ValueError, OSError, TypeError) as error:
        told = "azure-identity cannot use the AZURE_… variables; check AZURE_TOKEN_CREDENTIALS, AZURE_TENANT_ID and"
        raise OperatorError(f"{told} AZURE_CLIENT_CERTIFICATE_PATH", where="credential") from error


NAMES: Mapping[str, str] = {
    "EnvironmentCredential": "the environment's application", "WorkloadIdentityCredential": "workload identity",
    "ManagedIdentityCredential": "managed identity", "AzureCliCredential": "Azure CLI",
    "AzurePowerShellCredential": "Azure PowerShell", "AzureDeveloperCliCredential": "Azure Developer CLI",
    "VisualStudioCodeCredential": "Visual Studio Code", "SharedTokenCacheCredential": "shared token cache",
}  # fmt: skip
"""azure-identity's classes, for people."""


def short_name(name: str) -> str:
    """Return the name of a credential for people."""
    return NAMES.get(name, name.removesuffix("Credential"))


def _told_name(source: object) -> str:
    """Return the name of a credential; one that could not even be made is told by the name it would have had."""
    return str(getattr(source, "_credential_name", "") or type(source).__name__)
