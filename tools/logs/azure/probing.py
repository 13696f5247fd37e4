"""Whether a live workspace answers, step by step: a token, then one question that reads no table."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.monitor.query.aio import LogsQueryClient

from soc_analyst.state.queries import Diagnostic

from .claims import Claims, read_claims
from .clock import Seen
from .signing_in import NotSignedIn
from .spec import AzureSpec
from .troubles import of_exception

__all__ = ["Asked", "Refused", "Token", "ask_nothing", "get_token"]

LONGEST = 45.0
"""Seconds for a token, or for one answer: a managed identity and the Azure CLI both take their time."""
NOTHING = "print Answer = 1"
"""A question that reads no table."""


class Refused(Exception):
    """What was asked for did not come; `why` says it in our words, `attempts` who was tried for a token."""

    def __init__(self, why: Diagnostic, attempts: tuple[str, ...] = ()) -> None:
        super().__init__(why.message)
        self.why = why
        self.attempts = attempts


@dataclass(frozen=True)
class Token:
    """A token that was given out: what it says of itself, and its text, which is for taking it out of other texts."""

    claims: Claims
    ends: datetime
    text: str


@dataclass(frozen=True)
class Asked:
    """A workspace that answered."""

    workspace: str
    milliseconds: float


async def get_token(credential: AsyncTokenCredential, endpoint: str) -> Token:
    """Return a token for the service; raise Refused."""
    try:
        async with asyncio.timeout(LONGEST):
            given = await credential.get_token(f"{endpoint}/.default")
    except NotSignedIn as error:
        raise Refused(of_exception(error), tuple(one.name for one in error.attempts)) from error
    except (AzureError, TimeoutError) as error:
        raise Refused(of_exception(error)) from error
    return Token(read_claims(given.token), datetime.fromtimestamp(given.expires_on, UTC), given.token)


async def ask_nothing(
    where: AzureSpec,
    workspace: str,
    credential: AsyncTokenCredential,
    *,
    authority: Path | None = None,
    seen: Seen | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Asked:
    """Return that a workspace answers this credential, asked once; raise Refused where it does not."""
    options = {"connection_verify": str(authority)} if authority is not None else {}
    begun = clock()
    try:
        async with (
            LogsQueryClient(
                credential, endpoint=where.endpoint, retry_total=0, raw_response_hook=seen, **options
            ) as client,
            asyncio.timeout(LONGEST),
        ):
            await client.query_workspace(workspace, NOTHING, timespan=timedelta(hours=1))
    except (AzureError, TimeoutError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refused(of_exception(error)) from error
    return Asked(workspace, 1000 * (clock() - begun))
