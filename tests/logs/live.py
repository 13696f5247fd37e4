"""A live workspace over loopback, for the tests that ask one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from azure.core.credentials import AccessToken

from soc_analyst.tools.logs.azure import AzureWorkspace, open_azure
from soc_analyst.tools.logs.azure.spec import AzureSpec
from soc_analyst.tools.logs.service import LogAnalyticsService
from soc_analyst.tools.logs.tables import load_tables

WORKSPACE = "11111111-1111-4111-8111-111111111111"
NOW = datetime(2026, 3, 4, 12, 0, 1, tzinfo=UTC)


class Credential:
    """A token that never ends."""

    def __init__(self, token: str = "token") -> None:
        self.token = token

    async def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        """Return the token."""
        return AccessToken(self.token, 4_102_444_800)

    async def close(self) -> None:
        """Hold nothing."""

    async def __aenter__(self) -> Credential:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()


@asynccontextmanager
async def live(service: LogAnalyticsService, *ids: str) -> AsyncIterator[AzureWorkspace]:
    """Open workspaces of the service, all tables of the catalogue allowed."""
    where = AzureSpec(ids or (WORKSPACE,), service.url)
    workspace = await open_azure(
        f"azure:{','.join(where.ids)}", where, tables=load_tables(), policy_hash="p1", now=lambda: NOW,
        credential=Credential(service.token), authority=service.authority,
    )  # fmt: skip
    try:
        yield workspace
    finally:
        await workspace.aclose()
