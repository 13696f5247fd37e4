"""The keys of model providers: who gets which, and whether what a model needs is there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from soc_analyst.state.errors import OperatorError

from .spec import ModelSpec, is_loopback

__all__ = ["AZURE_VERSION", "PLACEHOLDER", "Keys", "key_name", "require_keys"]

PLACEHOLDER = "no-key"
"""What a server gets that needs no key: the protocol wants some text there."""

AZURE_VERSION = "2024-10-21"
"""The version of Azure's interface where none is set: the first stable one with JSON schemas and streamed usage."""

_PRINTABLE = re.compile(r"[!-~]{1,4096}\Z")


@dataclass(frozen=True)
class Keys:
    """What the environment gives of keys and of Azure's address. No representation shows a key."""

    openai: str | None = field(default=None, repr=False)
    """Goes to OpenAI only."""
    server: str | None = field(default=None, repr=False)
    """Goes to the server of `NAME@BASE_URL` only."""
    azure_openai: str | None = field(default=None, repr=False)
    """Goes to the Azure endpoint only; without it azure-identity gets a token."""
    azure_endpoint: str | None = None
    azure_api_version: str = AZURE_VERSION

    def of(self, spec: ModelSpec) -> str | None:
        """Return the key that a model's provider gets, None where none is set."""
        return {"openai": self.openai, "azure": self.azure_openai, "server": self.server}.get(spec.kind)


def key_name(spec: ModelSpec) -> str:
    """Return the variable of the environment that holds a model's key."""
    return {"openai": "OPENAI_API_KEY", "azure": "AZURE_OPENAI_API_KEY"}.get(spec.kind, "SOC_ANALYST_API_KEY")


def require_keys(spec: ModelSpec, keys: Keys) -> None:
    """Raise OperatorError where what a model needs to be asked is not set, or cannot be right. Asks nobody."""
    key = keys.of(spec)
    if key is not None and not _PRINTABLE.match(key):
        raise OperatorError("holds spaces or characters that no key has; set it anew", where=key_name(spec))
    if spec.kind == "openai" and key is None:
        raise OperatorError(f"{spec} needs OPENAI_API_KEY; set it, or use --model none", where="--model")
    if spec.kind == "azure":
        _require_endpoint(spec, keys.azure_endpoint)


def _require_endpoint(spec: ModelSpec, endpoint: str | None) -> None:
    if endpoint is None:
        told = "set it to https://NAME.openai.azure.com, or use --model none"
        raise OperatorError(f"{spec} needs AZURE_OPENAI_ENDPOINT; {told}", where="--model")
    plain = _PRINTABLE.match(endpoint) and not any(one in endpoint for one in "\\@?#%")
    secure = endpoint.startswith("https://") or (endpoint.startswith("http://") and is_loopback(endpoint))
    if not plain or not secure:
        told = "write https://NAME.openai.azure.com, without user, query or fragment"
        raise OperatorError(f"is no address that a key may be sent to; {told}", where="AZURE_OPENAI_ENDPOINT")
