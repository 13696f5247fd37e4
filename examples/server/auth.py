"""Who may ask this server, and what is theirs: tokens from a file of hashes, threads by owner, all else denied."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from langgraph_sdk import Auth

from soc_analyst.graph.served import load_served
from soc_analyst.state.errors import OperatorError

HERE = Path(__file__).parent
SERVED = load_served(HERE / "served.yaml")
TOKENS: Mapping[str, str] = yaml.safe_load((HERE / "tokens.yaml").read_text()) or {}

auth = Auth()


@auth.authenticate
async def who(authorization: str | None) -> Auth.types.MinimalUserDict:
    """Return the user whose token was sent."""
    scheme, _, token = (authorization or "").partition(" ")
    digest = hashlib.sha256(token.strip().encode()).hexdigest()
    known = [
        user for user, kept in TOKENS.items() if hmac.compare_digest(kept, digest)
    ]  # all, so that time tells nothing
    if scheme.lower() != "bearer" or not known:
        raise Auth.exceptions.HTTPException(status_code=401, detail="send a token: Authorization: Bearer …")
    return {"identity": known[0]}


@auth.on
async def nothing_else(ctx: Auth.types.AuthContext, value: Any) -> bool:  # noqa: ARG001
    """Deny what is not allowed below: assistants' contexts, schedules, the store."""
    return False


@auth.on.assistants.read
@auth.on.assistants.search
async def the_published_one(ctx: Auth.types.AuthContext, value: Any) -> Auth.types.FilterType:  # noqa: ARG001
    """Show the assistant that the server itself made."""
    return {"created_by": "system"}


@auth.on.threads
async def own_threads(ctx: Auth.types.AuthContext, value: Any) -> Auth.types.FilterType:
    """Show and change one's own threads only; what is made or changed stays with its owner."""
    owner = {"owner": ctx.user.identity}
    if ctx.action in ("create", "update"):
        _owned(value, owner)
    return owner


@auth.on.threads.create_run
async def a_run(ctx: Auth.types.AuthContext, value: Auth.types.RunsCreate) -> Auth.types.FilterType:
    """Refuse a request that is too large or wishes for more than the server gives, before it waits in a queue."""
    sent = value.get("kwargs") or {}
    if sent.get("webhook"):  # the server would post the report to whatever address is named
        raise Auth.exceptions.HTTPException(status_code=422, detail="this server posts to no webhook; leave it out")
    wished = sent.get("context") or (sent.get("config") or {}).get("configurable") or {}
    try:
        SERVED.require(sent.get("input"), wished, ctx.user.identity)
    except OperatorError as error:
        raise Auth.exceptions.HTTPException(status_code=422, detail=str(error)) from None
    owner = {"owner": ctx.user.identity}
    _owned(value, owner)
    return owner


def _owned(value: Any, owner: Mapping[str, str]) -> None:
    """Write the owner into what is sent itself: the server reads that, and no copy."""
    if value.get("metadata") is None:
        value["metadata"] = {}
    value["metadata"].update(owner)
