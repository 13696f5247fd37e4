"""The service on a free port of the loopback interface, with or without TLS."""

from __future__ import annotations

import json
import re
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import duckdb

from soc_analyst.tools.loopback import Connection, Listener, identity_at, with_certificate

from . import wire
from .engine import OpenTenant, SemanticError, Tenant
from .faults import Fault, Faults
from .identity import CLIENT, SECRET, TENANT, Identity

__all__ = ["LogAnalyticsService", "Posted"]

MOST_ROWS = 500_000
"""Rows of a result (Azure Monitor service limits, Log Analytics queries)."""
_QUERY = re.compile(r"/v1/workspaces/([^/]+)/query\Z")
_SPAN = re.compile(r"PT([0-9.]+)S\Z")


@dataclass(frozen=True)
class Posted:
    """One query as it was posted."""

    workspace: str
    kql: str
    timespan: str | None
    prefer: str
    authorization: str
    batch: bool
    status: int
    fault: str = ""
    """The kind of fault that was played on it."""

    @property
    def answered(self) -> bool:
        """Return whether it came back as it should."""
        return self.status == 200 and not self.fault


@dataclass(frozen=True)
class _Answer:
    status: int
    body: dict[str, Any]
    fault: Fault | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class LogAnalyticsService:
    """Serve workspaces by id. Use it as a context manager; `posted` are the queries seen so far, in order, and
    `signed_in` counts the tokens given out by `identity`.

    `tls` gives it a certificate of its own for 127.0.0.1 and localhost; `authority` is the file a client must trust.
    With `token`, requests without `Authorization: Bearer TOKEN` are answered with 401. Its clock is `ahead` of this
    machine's, in the `Date` of every answer.
    """

    def __init__(
        self,
        workspaces: Mapping[str, Tenant | Path],
        *,
        home: Path,
        faults: Iterable[Fault] = (),
        tls: bool = False,
        token: str | None = None,
        ahead: timedelta = timedelta(),
    ) -> None:
        given = {name: one if isinstance(one, Tenant) else Tenant(one) for name, one in workspaces.items()}
        self._tenants = {name: one.opened(home) for name, one in given.items()}
        self._faults = Faults(faults)
        self._token = token
        self.ahead = ahead
        self.gives = Identity(token or "token")
        self._posted: list[Posted] = []
        self.signed_in = 0
        self._lock = threading.Lock()
        self._http = _Listener(_Connection)
        self._http.owner = self
        self._files = tempfile.TemporaryDirectory(prefix="log-analytics-") if tls else None
        self.authority = with_certificate(self._http, Path(self._files.name)) if self._files else None

    @property
    def url(self) -> str:
        """Return the endpoint, as `azure:WORKSPACE_ID@ENDPOINT` takes it."""
        return f"{'https' if self.authority else 'http'}://127.0.0.1:{self._http.server_port}"

    @property
    def token(self) -> str:
        """Return the token that is taken, or any where all are."""
        return self._token or "token"

    @property
    def identity(self) -> Mapping[str, str]:
        """Return the environment in which azure-identity finds this service's managed identity."""
        return identity_at(self.url)

    @property
    def application(self) -> Mapping[str, str]:
        """Return the environment in which azure-identity signs in here as an application with a secret; needs TLS."""
        return {
            "AZURE_AUTHORITY_HOST": self.url,
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": CLIENT,
            "AZURE_CLIENT_SECRET": SECRET,
            "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential",
        }

    @property
    def posted(self) -> tuple[Posted, ...]:
        """Return the queries that were posted so far."""
        with self._lock:
            return tuple(self._posted)

    def fail(self, *faults: Fault) -> None:
        """Switch on other faults from here on, and no longer those before."""
        self._faults = Faults(faults)

    def refuse_sign_in(self, refusal: str) -> None:
        """Give out no token from here on: `no-identity`, or a number of Microsoft Entra ID's such as AADSTS7000215."""
        self.gives = replace(self.gives, refusal=refusal)

    def __enter__(self) -> Self:
        self._http.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.stop()
        for tenant in self._tenants.values():
            tenant.close()
        if self._files is not None:
            self._files.cleanup()

    def answer(self, workspace: str, body: Mapping[str, Any], headers: Mapping[str, str], *, batch: bool) -> _Answer:
        """Return what the service says to one query."""
        kql, timespan = str(body.get("query") or ""), body.get("timespan")
        answer = self._answered(workspace, kql, timespan, headers)
        told = headers.get("prefer", ""), headers.get("authorization", "")
        played = answer.fault.kind if answer.fault else ""
        asked = Posted(workspace, kql, timespan, *told, batch, answer.status, played)
        with self._lock:
            self._posted.append(asked)
        return answer

    def _answered(self, workspace: str, kql: str, timespan: str | None, headers: Mapping[str, str]) -> _Answer:
        if self._token is not None and headers.get("authorization") != f"Bearer {self._token}":
            return _Answer(401, wire.error(401))
        fault = self._faults.next(kql, hours_of(timespan))
        if fault is not None and fault.kind in _REFUSALS:
            return _refused(fault)
        tenant = self._tenants.get(workspace)
        if tenant is None:
            return _Answer(404, wire.error(404))
        return _run(tenant, kql, fault, statistics="include-statistics=true" in headers.get("prefer", ""))


_OF_THE_BODY = frozenset({"reset", "trickle", "wrong_type", "garbage"})
_REFUSALS: Mapping[str, int] = {
    "throttled": 429, "unauthorized": 401, "forbidden": 403, "not_found": 404, "semantic": 400, "syntax": 400,
    "timeout": 504, "server_error": 500, "other_tenant": 401, "token_over": 401, "other_audience": 403,
}  # fmt: skip


def _refused(fault: Fault) -> _Answer:
    status = _REFUSALS[fault.kind]
    if fault.kind in wire.TOKENS:
        return _Answer(status, wire.refused_token(fault.kind), fault)
    codes = {"semantic": "SEM0100", "syntax": "SYN0002"}
    inner = (codes[fault.kind], fault.message or "Failed to resolve") if fault.kind in codes else None
    headers = {"Retry-After": f"{fault.retry_after:g}"} if status in (429, 500) and fault.retry_after else {}
    return _Answer(status, wire.error(status, inner=inner), fault, headers)


def _run(tenant: OpenTenant, kql: str, fault: Fault | None, *, statistics: bool) -> _Answer:
    begun = time.perf_counter()
    try:
        rows = tenant.run(kql)
    except SemanticError as error:
        return _Answer(400, wire.error(400, inner=(error.code, str(error))), fault)
    except duckdb.Error as error:
        return _Answer(500, wire.error(500, message=" ".join(str(error).split())[:200]), fault)
    told = wire.statistics(rows, seconds=time.perf_counter() - begun, scanned=tenant.scanned(kql))
    body = wire.result(rows.slice(0, MOST_ROWS), tenant.dynamic, statistics=told if statistics else None)
    if rows.num_rows > MOST_ROWS:
        return _Answer(200, wire.partial(body, "-2133196797", _TOO_LARGE.format("record count", MOST_ROWS)), fault)
    if fault is not None and fault.kind == "partial":
        table = body["tables"][0]
        table["rows"] = table["rows"][: len(table["rows"]) // 2]
        return _Answer(
            200, wire.partial(body, "-2133196805", fault.message or "Query execution lacks memory resources"), fault
        )
    if fault is not None and fault.kind == "too_large":
        return _Answer(200, _fitted(body, fault.bytes), fault)
    return _Answer(200, body, fault)


_TOO_LARGE = (
    "The results of this query exceed the set {} limit of {}, so not all records were returned "
    "(E_QUERY_RESULT_SET_TOO_LARGE, 0x80DA0003). See https://aka.ms/kustoquerylimits."
)


def _fitted(body: dict[str, Any], most: int) -> dict[str, Any]:
    """Return as many rows as a response may hold, with the service's error where that is not all."""
    table, size, kept = body["tables"][0], 0, []
    for row in table["rows"]:
        size += wire.row_bytes(row)
        if size > most:
            break
        kept.append(row)
    if len(kept) == len(table["rows"]):
        return body
    table["rows"] = kept
    return wire.partial(body, "-2133196797", _TOO_LARGE.format("size", f"{most} bytes"))


def hours_of(timespan: str | None) -> float | None:
    """Return how long a timespan is, or None where it is not bounded."""
    if not timespan:
        return None
    if found := _SPAN.match(timespan):
        return float(found[1]) / 3600
    start, _, end = timespan.partition("/")
    if found := _SPAN.match(end):
        return float(found[1]) / 3600
    begun, ended = (datetime.fromisoformat(one.replace("Z", "+00:00")) for one in (start, end))
    return (ended - begun).total_seconds() / 3600


_NO_PATH = (404, {"error": {"message": "The requested path does not exist", "code": "PathNotFoundError"}})


class _Listener(Listener):
    owner: LogAnalyticsService


class _Connection(Connection):
    @property
    def owner(self) -> LogAnalyticsService:
        assert isinstance(self.server, _Listener)
        return self.server.owner

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the time by the service's clock."""
        return super().date_time_string((timestamp or time.time()) + self.owner.ahead.total_seconds())

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, told = self.owner.gives.answer_get(urlsplit(self.path).path, headers) or _NO_PATH
        self.owner.signed_in += status == 200
        self._send(status, told)

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = urlsplit(self.path).path
        if path == "/v1/$batch":
            self._play(self._batch(json.loads(raw), headers))
        elif found := _QUERY.match(path):
            self._play(self.owner.answer(found[1], json.loads(raw), headers, batch=False))
        else:
            self._send(*(self.owner.gives.answer_post(path, raw) or _NO_PATH))

    def _batch(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> _Answer:
        """Return one response for several queries; what breaks the body of one breaks that of all."""
        responses = []
        broken: Fault | None = None
        for one in body.get("requests", ()):
            own = {**headers, **{name.lower(): value for name, value in (one.get("headers") or {}).items()}}
            answer = self.owner.answer(str(one.get("workspace")), one.get("body") or {}, own, batch=True)
            broken = answer.fault if answer.fault is not None and answer.fault.kind in _OF_THE_BODY else broken
            responses.append(
                {"id": one["id"], "status": answer.status, "headers": dict(answer.headers), "body": answer.body}
            )
        return _Answer(200, {"responses": responses}, broken)

    def _play(self, answer: _Answer) -> None:
        kind = answer.fault.kind if answer.fault else ""
        raw = json.dumps(answer.body, separators=(",", ":")).encode()
        if kind == "wrong_type":
            self._send_raw(200, b"<!doctype html><title>Sign in to the proxy</title>", "text/html")
        elif kind == "garbage":
            self._send_raw(200, raw[: len(raw) // 2])
        elif kind == "reset":
            self._break(raw)
        elif kind == "trickle" and answer.fault is not None:
            self._trickle(raw, answer.fault.seconds)
        else:
            self._send_raw(answer.status, raw, headers=answer.headers)

    def _break(self, raw: bytes) -> None:
        self._head(200, len(raw) + 10)
        self.wfile.write(raw[: len(raw) // 2])
        self.wfile.flush()
        self.reset()

    def _trickle(self, raw: bytes, seconds: float) -> None:
        self._head(200, len(raw))
        step = max(1, len(raw) // 20)
        for start in range(0, len(raw), step):
            self.wfile.write(raw[start : start + step])
            self.wfile.flush()
            time.sleep(seconds)

    def _send(self, status: int, body: Mapping[str, Any]) -> None:
        self._send_raw(status, json.dumps(body).encode())

    def _send_raw(
        self,
        status: int,
        raw: bytes,
        kind: str = "application/json; charset=utf-8",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._head(status, len(raw), kind, headers)
        self.wfile.write(raw)

    def _head(
        self,
        status: int,
        length: int,
        kind: str = "application/json; charset=utf-8",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
