"""How a live workspace is named: `azure:WORKSPACE_ID[,WORKSPACE_ID…][@https://endpoint]`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.endpoints import parse_endpoint

from .words import find_id

__all__ = ["PUBLIC", "AzureSpec", "parse_azure_spec"]

PUBLIC = "https://api.loganalytics.io"
"""The endpoint of the public cloud; sovereign clouds have api.loganalytics.us and api.loganalytics.azure.cn."""
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
MOST = 10
"""Workspaces that one investigation may ask."""


@dataclass(frozen=True)
class AzureSpec:
    """The workspaces' ids, in the order given, and where they are asked."""

    ids: tuple[str, ...]
    endpoint: str = PUBLIC


def parse_azure_spec(text: str, *, endpoint: str | None = None) -> AzureSpec:
    """Return what a text names; `endpoint` is taken where the text has none. Raise OperatorError in one line."""
    body, at, given = text.partition(":")[2].partition("@")
    given_ids = [one.strip() for one in body.split(",")]
    for one in given_ids:
        if not _ID.match(one):
            raise _unreadable(one)
    ids = tuple(dict.fromkeys(one.lower() for one in given_ids))
    if len(ids) > MOST:
        raise OperatorError(f"names {len(ids)} workspaces; at most {MOST} are asked at once", where="--workspace")
    if at:
        return AzureSpec(ids, _endpoint(given, "--workspace"))
    return AzureSpec(ids, _endpoint(endpoint, "SOC_ANALYST_LOGS_ENDPOINT") if endpoint else PUBLIC)


def _endpoint(text: str, where: str) -> str:
    return parse_endpoint(text, where=where, example=PUBLIC, paths=("", "/v1"))


def _unreadable(one: str) -> OperatorError:
    why = "is empty" if not one else f"{one[:60]!r} is no workspace id, which is a GUID"
    return OperatorError(f"{why}; {find_id(one)}", where="--workspace")
