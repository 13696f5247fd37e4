"""How a model is named: `none`, `openai:NAME`, `azure:DEPLOYMENT`, or `NAME@BASE_URL`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from soc_analyst.state.errors import OperatorError

__all__ = ["ModelSpec", "is_loopback", "parse_model_spec"]

_FORMS = "write none, openai:NAME, azure:DEPLOYMENT or NAME@BASE_URL"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+-]{0,127}\Z")
_URL = re.compile(r"https?://[!-~]{1,2000}\Z")
"""Printable ASCII alone: URL parsers drop tabs and line ends without a word, and hosts look alike in other scripts."""
_LOOPBACK = IPv4Network("127.0.0.0/8")


@dataclass(frozen=True)
class ModelSpec:
    """A model and where it is asked; `base_url` for a server of its own only, without a slash at its end."""

    kind: Literal["none", "openai", "azure", "server"]
    name: str = ""
    base_url: str = ""

    def __str__(self) -> str:
        if self.kind == "none":
            return "none"
        return f"{self.name}@{self.base_url}" if self.kind == "server" else f"{self.kind}:{self.name}"


def parse_model_spec(text: str) -> ModelSpec:
    """Return the model that a text names; raise OperatorError where it names none."""
    if text == "none":
        return ModelSpec("none")
    name, at, url = text.partition("@")
    if at:
        return ModelSpec("server", _named(name, text), _server(url, text))
    kind, colon, name = text.partition(":")
    if not colon or kind not in ("openai", "azure"):
        raise _unreadable(text, _FORMS)
    return ModelSpec("openai" if kind == "openai" else "azure", _named(name, text))


def _named(name: str, text: str) -> str:
    if not _NAME.match(name):
        raise _unreadable(text, f"its name is empty or has other characters than letters, digits and ._:/+-; {_FORMS}")
    return name


def _server(url: str, text: str) -> str:
    """Return a base URL in one spelling; refuse what two parsers could read in two ways."""
    if not _URL.match(url) or any(one in url for one in "\\@?#%"):
        raise _unreadable(text, "its URL begins with http:// or https:// and has no user, query, fragment or escapes")
    try:
        split = urlsplit(url)
        host, port = split.hostname, split.port
    except ValueError:
        raise _unreadable(text, "its URL has no valid host and port") from None
    if not host or host.endswith(".") or port == 0:
        raise _unreadable(text, "its URL has no valid host and port")
    return _spelled(split, host, port)


def _spelled(split: SplitResult, host: str, port: int | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"{split.scheme}://{shown}{f':{port}' if port else ''}{split.path.rstrip('/')}"


def is_loopback(base_url: str) -> bool:
    """Return whether a base URL names this machine: 127.0.0.0/8, ::1 or localhost, in their plain spelling."""
    host = urlsplit(base_url).hostname or ""
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address in _LOOPBACK if isinstance(address, IPv4Address) else address == IPv6Address("::1")


def _unreadable(text: str, why: str) -> OperatorError:
    return OperatorError(f"{text[:80]!r} names no model: {why}", where="--model")
