"""The service on a free port of the loopback interface, with TLS: tokens go over nothing else."""

from __future__ import annotations

import json
import re
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from soc_analyst.tools.loopback import Connection, Listener, identity_at, token_given, with_certificate

from .faults import Fault, Faults, Kind
from .store import API_VERSIONS, Reply, SentinelWorkspace, refusal

__all__ = ["Sent", "SentinelService"]

_RESOURCE = r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.OperationalInsights/workspaces/[^/]+"
_PATH = re.compile(
    rf"(?P<workspace>{_RESOURCE})/providers/Microsoft\.SecurityInsights/incidents/(?P<incident>[^/]+)"
    r"(?:/comments/(?P<comment>[^/]+))?",
    re.IGNORECASE,
)
_GRAPH = "/providers/microsoft.resourcegraph/resources"
_CUSTOMER = re.compile(r"customerId\) =~ '([0-9a-f-]{36})'")


@dataclass(frozen=True)
class Sent:
    """One request as it came, and the status that was answered."""

    method: str
    path: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    status: int


class SentinelService:
    """Serve workspaces by resource id. Use it as a context manager; `sent` are the requests seen so far, in order."""

    def __init__(
        self, workspaces: Mapping[str, SentinelWorkspace], *, faults: Iterable[Fault] = (), token: str = "token"
    ) -> None:
        self.workspaces = {name.lower(): one for name, one in workspaces.items()}
        self.token = token
        self._faults = Faults(faults)
        self._sent: list[Sent] = []
        self._lock = threading.Lock()
        self._http = _Listener(_Connection)
        self._http.owner = self
        self._files = tempfile.TemporaryDirectory(prefix="sentinel-")
        self.authority = with_certificate(self._http, Path(self._files.name))

    @property
    def url(self) -> str:
        """Return the endpoint, as `SOC_ANALYST_MANAGEMENT_ENDPOINT` takes it."""
        return f"https://127.0.0.1:{self._http.server_port}"

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the environment in which this service is found, trusted, and signed in to."""
        found = {"SOC_ANALYST_MANAGEMENT_ENDPOINT": self.url, "SSL_CERT_FILE": str(self.authority)}
        return {**identity_at(self.url), **found}

    @property
    def sent(self) -> tuple[Sent, ...]:
        """Return the requests so far."""
        with self._lock:
            return tuple(self._sent)

    @property
    def put(self) -> tuple[Sent, ...]:
        """Return the requests so far that would create something."""
        return tuple(one for one in self.sent if one.method == "PUT")

    def fail(self, *faults: Fault) -> None:
        """Switch on other faults from here on, and no longer those before."""
        self._faults = Faults(faults)

    def begin_again(self, workspaces: Mapping[str, SentinelWorkspace]) -> None:
        """Serve other workspaces from here on, without faults, and forget what was sent."""
        self.fail()
        with self._lock:
            self.workspaces = {name.lower(): one for name, one in workspaces.items()}
            self._sent.clear()

    def __enter__(self) -> Self:
        self._http.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.stop()
        self._files.cleanup()

    def fault(self, method: str, path: str) -> Fault | None:
        """Return what goes wrong with a request, if anything does."""
        return self._faults.next(f"{method} {path}")

    def seen(self, method: str, target: str, raw: bytes, headers: Mapping[str, str], fault: Fault | None) -> Reply:
        """Answer a request, and keep it."""
        split = urlsplit(target)
        try:
            body = json.loads(raw) if raw else {}
        except ValueError:
            body = {}
        path, version = unquote(split.path), parse_qs(split.query).get("api-version", [""])[0]
        reply = self._replied(method, path, version, body, headers, fault)
        with self._lock:
            self._sent.append(Sent(method, path, body, headers, reply[0]))
        return reply

    def _replied(
        self,
        method: str,
        path: str,
        version: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str],
        fault: Fault | None,
    ) -> Reply:
        if headers.get("authorization") != f"Bearer {self.token}":
            return refusal(401, "InvalidAuthenticationToken", "The access token is invalid.")
        if fault is not None and fault.kind in _REFUSALS:
            return _refused(fault.kind, method, path)
        if path.lower() == _GRAPH:
            return self._graph(str(body.get("query") or ""))
        found = _PATH.fullmatch(path)
        if found is None:
            return refusal(404, "InvalidResourceType", "The resource type could not be found.")
        if version not in API_VERSIONS:
            return refusal(400, "InvalidApiVersionParameter", f"The api-version '{version}' is invalid.")
        workspace = self.workspaces.get(found["workspace"].lower())
        if workspace is None:
            return refusal(404, "ResourceNotFound", f"The Resource '{found['workspace']}' was not found.")
        if not workspace.onboarded:
            return _refused("not_onboarded", method, path)
        return workspace.answer(method, path, (found["incident"], found["comment"] or ""), body, headers)

    def _graph(self, query: str) -> Reply:
        """Answer the one question to Azure Resource Graph that is asked here: which workspace has an id."""
        wanted = _CUSTOMER.search(query)
        ids = [name for name, one in self.workspaces.items() if wanted and one.id == wanted[1]]
        return 200, {"totalRecords": len(ids), "count": len(ids), "data": [{"id": name} for name in ids], "facets": []}


_REFUSALS: Mapping[Kind, tuple[int, str, str]] = {
    "throttled": (429, "TooManyRequests", "The request was throttled."),
    "unauthorized": (401, "ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than now."),
    "forbidden": (
        403,
        "AuthorizationFailed",
        "The client 'someone' with object id 'x' does not have authorization to perform action "
        "'Microsoft.SecurityInsights/incidents/write' over scope '{path}' or the scope is invalid.",
    ),
    "disallowed": (403, "RequestDisallowedByPolicy", "Resource was disallowed by policy 'no incidents'."),
    "no_group": (404, "ResourceGroupNotFound", "Resource group could not be found."),
    "not_onboarded": (
        400,
        "BadRequest",
        '{"error":{"code":"BadRequest","message":"Workspace is not onboarded to Microsoft Sentinel. Please onboard '
        'through the portal or use the OnboardingStates ARM api."}}',
    ),
    "conflict": (409, "Conflict", "Another operation is in progress."),
    "bad_request": (400, "BadRequest", "Invalid data model."),
    "server_error": (500, "InternalServerError", "Something went wrong."),
    "unavailable": (503, "ServiceUnavailable", "Try again later."),
}


def _refused(kind: Kind, method: str, path: str) -> Reply:
    status, code, message = _REFUSALS[kind]
    action = "read" if method == "GET" else "write"
    told = message.replace("{path}", path).replace("incidents/write", f"incidents/{action}")
    return refusal(status, code, told)


class _Listener(Listener):
    owner: SentinelService


class _Connection(Connection):
    @property
    def owner(self) -> SentinelService:
        assert isinstance(self.server, _Listener)
        return self.server.owner

    def do_GET(self) -> None:
        """Give out a token, or answer."""
        token = token_given(self, self.owner.token)
        if token is not None:
            self._send(200, json.dumps(token).encode())
        else:
            self._answer("GET")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        fault = self.owner.fault(method, unquote(urlsplit(self.path).path))
        kind = fault.kind if fault else ""
        if kind == "reset":
            self.reset()
            return
        status, body = self.owner.seen(method, self.path, raw, headers, fault)
        told = json.dumps(body).encode() if body else b""
        if kind == "lost":
            self.reset()
        elif kind == "silent" and fault is not None:
            time.sleep(fault.seconds)
            self.close_connection = True
        elif kind == "wrong_type":
            self._send(200, b"<!doctype html><title>Sign in to the proxy</title>", "text/html")
        elif kind == "garbage":
            self._send(200, told[: len(told) // 2])
        elif kind == "redirect":
            self._send(302, b"{}", more={"Location": "https://elsewhere.invalid/"})
        else:
            after = {"Retry-After": f"{fault.retry_after:g}"} if fault is not None and fault.retry_after else {}
            self._send(status, told, more=after)

    def _send(
        self,
        status: int,
        raw: bytes,
        kind: str = "application/json; charset=utf-8",
        more: Mapping[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)
