"""The address of a service that takes tokens: https, a host, and nothing else."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from soc_analyst.state.errors import OperatorError

__all__ = ["parse_endpoint"]


def parse_endpoint(text: str, *, where: str, example: str, paths: Collection[str] = ("",)) -> str:
    """Return an endpoint without its path, which must be one of `paths`; tokens are sent over https only."""
    try:
        split = urlsplit(text.strip())
        host, port = split.hostname, split.port
    except ValueError:
        host, port, split = None, None, urlsplit("")
    if split.scheme != "https" or not host or split.username or split.query or split.fragment:
        raise OperatorError(f"{text[:80]!r} is no endpoint; write one such as {example}, with https", where=where)
    if split.path.rstrip("/") not in paths:
        raise OperatorError(f"{text[:80]!r} has a path; write the endpoint alone, such as {example}", where=where)
    return f"https://{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}"
