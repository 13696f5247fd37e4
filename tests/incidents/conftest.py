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


@pytest.fixture(scope="session")
def listening() -> Iterator[SentinelService]:
    """One service for all tests: its certificate and its threads take longer than most of them."""
    with SentinelService({}) as served:
        yield served


@pytest.fixture
def service(listening: SentinelService) -> SentinelService:
    """A workspace with Microsoft Sentinel and nothing in it."""
    listening.begin_again({RESOURCE: SentinelWorkspace(WORKSPACE)})
    return listening


@pytest.fixture
def connect(service: SentinelService) -> Connect:
    """Open a connection to the service, with little patience."""

    def opened() -> AbstractContextManager[ResourceManager]:
        return ResourceManager.open(
            service.url, credential=Credential(), authority=service.authority, patience=PATIENCE
        )

    return opened
