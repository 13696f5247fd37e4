"""The service over loopback, and the real pipeline to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from azure.core.credentials import AccessToken

from soc_analyst.tools.incidents.manager import Patience, ResourceManager
from soc_analyst.tools.incidents.service import SentinelService, SentinelWorkspace

from .cases import RESOURCE, WORKSPACE

PATIENCE = Patience(connect=2.0, read=0.3, tries=2, between=0.01, named=0.2, in_all=5.0)
Connect = Callable[[], AbstractContextManager[ResourceManager]]


class Credential:
    """A token that never ends."""

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        """Return the token."""
        return AccessToken("token", 4_102_444_800)


@pytest.fixture
def service() -> Iterator[SentinelService]:
    """A workspace with Microsoft Sentinel and nothing in it."""
    with SentinelService({RESOURCE: SentinelWorkspace(WORKSPACE)}) as served:
        yield served


@pytest.fixture
def connect(service: SentinelService) -> Connect:
    """Open a connection to the service, with little patience."""

    def opened() -> AbstractContextManager[ResourceManager]:
        return ResourceManager.open(
            service.url, credential=Credential(), authority=service.authority, patience=PATIENCE
        )

    return opened
