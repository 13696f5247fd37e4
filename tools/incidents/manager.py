"""Azure Resource Manager over azure-core's pipeline: tokens, tries within bounds, no redirects, nothing logged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.pipeline import PipelineResponse
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RequestIdPolicy, RetryPolicy, UserAgentPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest, HttpResponse

from soc_analyst.state.errors import OperatorError

if TYPE_CHECKING:
    from azure.identity import DefaultAzureCredential

__all__ = ["Answer", "Patience", "ResourceManager"]


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds. Every request here may be sent twice: it creates one thing under a given name."""

    connect: float = 10.0
    read: float = 60.0
    tries: int = 4
    between: float = 0.5
    """The first wait between two tries; each further one doubles."""
    named: float = 30.0
    """The longest wait that is accepted where the service names one."""
    in_all: float = 180.0


@dataclass(frozen=True)
class Answer:
    """What came back. `body` is empty where it is no JSON object."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    retry_after: str = ""

    @property
    def is_object(self) -> bool:
        """Return whether there was a JSON object, which is what the service always sends."""
        return bool(self.body)


class ResourceManager:
    """An open connection. What azure-core raises is raised; any status is an answer."""

    def __init__(self, client: PipelineClient[HttpRequest, HttpResponse]) -> None:
        self._client = client

    @classmethod
    @contextmanager
    def open(
        cls,
        endpoint: str,
        *,
        credential: TokenCredential | None = None,
        authority: Path | None = None,
        patience: Patience | None = None,
    ) -> Iterator[ResourceManager]:
        """Open a connection; without a credential, azure-identity finds one. `authority` is a file to trust."""
        trusted = {"connection_verify": str(authority)} if authority is not None else {}
        wait = patience or Patience()
        with ExitStack() as stack:
            signed_in = credential or stack.enter_context(_found_credential(trusted))
            policies = [
                RequestIdPolicy(),
                UserAgentPolicy(base_user_agent="soc-analyst"),
                _Retries(wait),
                BearerTokenCredentialPolicy(signed_in, f"{endpoint}/.default"),
            ]
            transport = RequestsTransport(connection_timeout=wait.connect, read_timeout=wait.read, **trusted)
            client: PipelineClient[HttpRequest, HttpResponse] = PipelineClient(
                endpoint, policies=policies, transport=transport
            )
            yield cls(stack.enter_context(client))

    def get(self, path: str, version: str) -> Answer:
        """Ask for a resource."""
        return self._sent("GET", path, version)

    def create(self, path: str, version: str, content: bytes) -> Answer:
        """Put a resource that must not be there yet."""
        return self._sent("PUT", path, version, content, {"If-None-Match": "*"})

    def ask(self, path: str, version: str, content: bytes) -> Answer:
        """Post a question, which changes nothing."""
        return self._sent("POST", path, version, content)

    def _sent(
        self, method: str, path: str, version: str, content: bytes | None = None, more: Mapping[str, str] | None = None
    ) -> Answer:
        headers = {"Accept": "application/json", **(more or {})}
        if content is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
        request = HttpRequest(method, f"{path}?{urlencode({'api-version': version})}", headers=headers, content=content)
        request.url = self._client.format_url(request.url)
        response = self._client.send_request(request)
        return Answer(response.status_code, _object(response), response.headers.get("Retry-After", ""))


class _Retries(RetryPolicy[HttpRequest, HttpResponse]):
    """Try again as azure-core does, but wait no longer than a person would at a terminal."""

    def __init__(self, wait: Patience) -> None:
        super().__init__(
            retry_total=wait.tries - 1,
            retry_connect=wait.tries - 1,
            retry_read=wait.tries - 1,
            retry_status=wait.tries - 1,
            retry_backoff_factor=wait.between,
            timeout=wait.in_all,
        )
        self._named = wait.named

    def is_retry(self, settings: dict[str, Any], response: PipelineResponse[Any, Any]) -> bool:
        """Return whether to send the request again."""
        named = self.get_retry_after(response)
        return (named is None or named <= self._named) and bool(super().is_retry(settings, response))


def _object(response: HttpResponse) -> Mapping[str, Any]:
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _found_credential(trusted: Mapping[str, str]) -> DefaultAzureCredential:
    """Return the credential of this machine; raise OperatorError where its variables cannot be meant so."""
    from azure.identity import DefaultAzureCredential

    try:
        return DefaultAzureCredential(exclude_interactive_browser_credential=True, **trusted)
    except (ValueError, OSError, TypeError) as error:
        told = "azure-identity cannot use the AZURE_… variables; check AZURE_TOKEN_CREDENTIALS, AZURE_TENANT_ID and"
        raise OperatorError(f"{told} AZURE_CLIENT_CERTIFICATE_PATH", where="credential") from error
