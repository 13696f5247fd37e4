"""The clients of model providers: OpenAI, Azure OpenAI, and any server that speaks as OpenAI does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .keys import PLACEHOLDER, Keys
from .spec import ModelSpec, is_loopback
from .troubles import ForeignAnswer, NoCredential, Trouble, TroubleError

if TYPE_CHECKING:
    import httpx2
    from azure.core.credentials import TokenCredential
    from langchain_openai.chat_models.base import BaseChatOpenAI

__all__ = ["LARGEST", "OPENAI_URL", "Clients", "Timeouts", "open_clients"]

OPENAI_URL = "https://api.openai.com/v1"
"""Named outright, so that no variable of the environment sends the key elsewhere."""

LARGEST = 8_000_000
"""Bytes of an answer that are read: events around each token make an answer many times its text."""

_OWN_TO_OPENAI = ("openai-organization", "openai-project")
_SCOPES = {
    ".azure.us": "https://cognitiveservices.azure.us/.default",
    ".azure.cn": "https://cognitiveservices.azure.cn/.default",
}
_SCOPE = "https://cognitiveservices.azure.com/.default"


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait for a connection, and for the next part of an answer."""

    connect: float = 10.0
    read: float = 180.0


class Clients:
    """The clients of one run, each made when it is first asked for. They try nothing again: who asks does."""

    def __init__(
        self, keys: Keys, stack: AsyncExitStack, timeouts: Timeouts, openai_url: str, credential: TokenCredential | None
    ) -> None:
        self._keys = keys
        self._stack = stack
        self._timeouts = timeouts
        self._openai_url = openai_url
        self._credential = credential
        self._made: dict[ModelSpec, BaseChatOpenAI] = {}

    @property
    def _waits(self) -> httpx2.Timeout:
        import httpx2

        return httpx2.Timeout(self._timeouts.read, connect=self._timeouts.connect)

    async def of(self, spec: ModelSpec) -> BaseChatOpenAI:
        """Return the client of a model; raise TroubleError where the settings around it allow none."""
        if spec not in self._made:
            await asyncio.to_thread(_load)  # a second or two on a slow machine, off the event loop
            try:
                self._made[spec] = self._azure(spec) if spec.kind == "azure" else self._openai(spec)
            except (ImportError, OSError, ValueError) as error:
                told = "the proxy or certificate settings of the environment cannot be used"
                raise TroubleError(Trouble("unreachable", told)) from error
        return self._made[spec]

    def _openai(self, spec: ModelSpec) -> BaseChatOpenAI:
        from langchain_openai import ChatOpenAI

        key = self._keys.of(spec) or PLACEHOLDER
        url = spec.base_url or self._openai_url

        async def own_key() -> str:
            return key

        return ChatOpenAI(
            model=spec.name,
            base_url=url,
            api_key=own_key,
            http_async_client=self._http(url, openai=spec.kind == "openai"),
            **self._always(),
        )

    def _azure(self, spec: ModelSpec) -> BaseChatOpenAI:
        from langchain_openai import AzureChatOpenAI

        endpoint = self._keys.azure_endpoint or ""
        key = self._keys.azure_openai
        provider = {} if key else {"azure_ad_async_token_provider": self._tokens(endpoint)}
        return AzureChatOpenAI(
            azure_endpoint=endpoint,
            azure_deployment=spec.name,
            api_version=self._keys.azure_api_version,
            http_async_client=self._http(endpoint, openai=False),
            api_key=key,  # named even where it is None: else the environment is read for one
            azure_ad_token=None,
            **provider,
            **self._always(),
        )

    def _always(self) -> dict[str, Any]:
        return {
            "timeout": self._waits,  # the client's own would replace that of the connections by none
            "max_retries": 0,
            "stream_usage": True,
            "include_response_headers": True,
            "use_responses_api": False,
            "stream_chunk_timeout": self._timeouts.read,
            "cache": False,
        }

    def _http(self, url: str, *, openai: bool) -> httpx2.AsyncClient:
        """Return an HTTP client that goes straight to this machine's servers, and by the system's proxies elsewhere."""
        import httpx2

        client = httpx2.AsyncClient(
            timeout=self._waits,
            trust_env=not is_loopback(url),
            follow_redirects=False,
            event_hooks={"request": [_plain if openai else _discreet], "response": [_bounded]},
        )
        self._stack.push_async_callback(client.aclose)
        return client

    def _tokens(self, endpoint: str) -> Callable[[], Awaitable[str]]:
        from azure.core.exceptions import AzureError
        from azure.identity import DefaultAzureCredential

        credential = self._credential
        if credential is None:
            credential = self._stack.enter_context(DefaultAzureCredential())
        known, scope = credential, next((own for end, own in _SCOPES.items() if end in endpoint), _SCOPE)

        async def token() -> str:
            try:
                return (await asyncio.to_thread(known.get_token, scope)).token
            except AzureError as error:
                raise NoCredential from error

        return token


@asynccontextmanager
async def open_clients(
    keys: Keys,
    *,
    timeouts: Timeouts | None = None,
    openai_url: str = OPENAI_URL,
    credential: TokenCredential | None = None,
) -> AsyncIterator[Clients]:
    """Open the clients of a run and close their connections after."""
    async with AsyncExitStack() as stack:
        yield Clients(keys, stack, timeouts or Timeouts(), openai_url, credential)


def _load() -> None:
    import langchain_openai  # noqa: F401


async def _plain(request: httpx2.Request) -> None:
    """Ask for an answer that is not packed: eight megabytes could hide eight gigabytes."""
    request.headers["Accept-Encoding"] = "identity"


async def _discreet(request: httpx2.Request) -> None:
    """Keep from others what the client adds for OpenAI."""
    await _plain(request)
    for name in _OWN_TO_OPENAI:
        request.headers.pop(name, None)


async def _bounded(response: httpx2.Response) -> None:
    """Refuse what is no answer of a model before it is read, and stop reading what does not end."""
    from .bounding import Bounded

    if response.headers.get("content-encoding", "identity") != "identity":
        raise ForeignAnswer("its answer is packed although that was not asked for")
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.is_redirect:
        raise ForeignAnswer(f"it sends on to another address with status {response.status_code}")
    if response.is_success and kind == "text/html":
        raise ForeignAnswer("a web page came instead, as from a proxy or a wrong address")
    response.stream = Bounded(response.stream, LARGEST)
