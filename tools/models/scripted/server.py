"""A server on this machine that speaks OpenAI's chat completions and replies what it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from soc_analyst.tools.loopback import Connection, Listener

from . import wire
from .asked import Asked
from .replies import Broken, Called, Delayed, Endless, HttpError, Reply, Said, denied
from .script import Script, ScriptError

__all__ = ["ScriptedServer"]

JSON, EVENTS, HTML = "application/json", "text/event-stream; charset=utf-8", "text/html; charset=utf-8"
UNSCRIPTED = 418
"""The status of a request that the script does not expect: no client tries it again."""


class ScriptedServer:
    """Serve a script, or any callable from a request to a reply, on a free port of the loopback interface.

    Use it as a context manager: leaving raises ScriptError over requests not expected and steps left, or what the
    callable raised.
    Paths: `…/chat/completions` (with OpenAI's `/v1` as with Azure's `/openai/deployments/NAME`) and `…/models`.
    """

    def __init__(
        self,
        model: Callable[[Asked], Reply],
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        models: tuple[str, ...] = ("scripted",),
    ) -> None:
        self._model = model
        self._headers = dict(headers or {})
        self._models = models
        self._key = key
        self._asked: list[Asked] = []
        self._faults: list[Exception] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._http = _Listener(_Connection)
        self._http.owner = self

    @property
    def root(self) -> str:
        """Return the address, as an Azure endpoint takes it."""
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def url(self) -> str:
        """Return the base URL, as `NAME@BASE_URL` takes it."""
        return f"{self.root}/v1"

    @property
    def asked(self) -> tuple[Asked, ...]:
        """Return the requests for completions so far."""
        with self._lock:
            return tuple(self._asked)

    def __enter__(self) -> Self:
        self._http.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closing.set()
        self._http.stop()
        try:
            self._finish()
        except Exception as fault:
            if error is None:
                raise
            error.add_note(f"scripted model: {fault}")

    def _finish(self) -> None:
        if isinstance(self._model, Script):
            self._model.finish()
        if self._faults:
            raise self._faults[0]

    def reply_to(self, asked: Asked) -> wire.Played:
        """Return the reply to a request, and keep the request."""
        with self._lock:
            self._asked.append(asked)
        if not self.takes_key(asked.headers):
            return denied()
        return wire.played(self._model(asked), asked)

    def takes_key(self, headers: Mapping[str, str]) -> bool:
        """Return whether the headers of a request hold the key that the server was given."""
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        return self._key is None or self._key in (bearer, headers.get("api-key"))

    def failed(self, fault: Exception) -> None:
        """Keep what the model raised; a script keeps its own."""
        if not isinstance(fault, ScriptError):
            self._faults.append(fault)

    def wait(self, seconds: float) -> None:
        """Sleep, unless the server closes."""
        self._closing.wait(seconds)

    @property
    def closing(self) -> bool:
        """Return whether the server is on its way out."""
        return self._closing.is_set()

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the headers of every answer."""
        return self._headers

    @property
    def models(self) -> tuple[str, ...]:
        """Return the models it says it has."""
        return self._models


class _Listener(Listener):
    owner: ScriptedServer


class _Connection(Connection):
    @property
    def owner(self) -> ScriptedServer:
        assert isinstance(self.server, _Listener)
        return self.server.owner

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        if not self.owner.takes_key(headers):
            self._send(401, wire.error_of(denied()))
        elif urlsplit(self.path).path.endswith("/models"):
            self._send(200, wire.models_of(self.owner.models))
        else:
            self._send(404, wire.error_of(HttpError(404, "not_found", "There is no such path.")))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not urlsplit(self.path).path.endswith("/chat/completions"):
            self._send(404, wire.error_of(HttpError(404, "not_found", "There is no such path.")))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.path, headers, json.loads(raw))
        try:
            reply = self.owner.reply_to(asked)
        except Exception as fault:
            self.owner.failed(fault)
            self._send(UNSCRIPTED, wire.error_of(HttpError(UNSCRIPTED, "unscripted", str(fault))))
            raise
        self._play(reply, asked)

    def _play(self, reply: wire.Played, asked: Asked) -> None:
        if isinstance(reply, HttpError):
            kind = JSON if reply.text is None else HTML
            self._send(reply.status, wire.error_of(reply), kind, reply.headers)
        elif isinstance(reply, Broken):
            self._break(reply, asked)
        elif isinstance(reply, Endless):
            self._go_on(reply, asked)
        elif isinstance(reply, Delayed):
            self._late(reply, asked)
        elif asked.streams:
            self._stream(wire.events_of(reply, asked), reply.headers)
        else:
            self._send(200, wire.body_of(reply, asked), JSON, reply.headers)

    def _late(self, reply: Delayed, asked: Asked) -> None:
        then = reply.then
        if reply.late and asked.streams and isinstance(then, Said | Called):
            self._stream(self._held_back(wire.events_of(then, asked), reply.seconds), then.headers)
            return
        self.owner.wait(reply.seconds)
        self._play(then, asked)

    def _held_back(self, events: Iterator[bytes], seconds: float) -> Iterator[bytes]:
        for n, event in enumerate(events):
            if n == 2:
                self.owner.wait(seconds)
            yield event

    def _go_on(self, reply: Endless, asked: Asked) -> None:
        if not asked.streams:
            text = reply.piece * (reply.size // len(reply.piece))
            self._send(200, wire.body_of(Said(text), asked))
            return
        piece = reply.piece * max(1, 1000 // len(reply.piece))
        pieces = iter(range(reply.size // len(piece)))
        self._stream(
            event
            for _ in pieces
            if not self.owner.closing
            for event in list(wire.events_of(Said(piece, usage=False), asked))[1:-1]
        )

    def _break(self, reply: Broken, asked: Asked) -> None:
        self.close_connection = True
        if reply.kind == "reset":
            self.reset()
        elif reply.kind == "cut":
            self._cut(asked)
        elif reply.kind == "html":
            self._send(200, b"<!doctype html><title>Sign in to the proxy</title>", HTML)
        elif reply.kind == "foreign":
            self._send(200, b'{"ok": true}')
        else:
            self._send(200, b'{"id": "chatcmpl-1", "choices": [{"mess' if reply.kind == "malformed" else b"")

    def _cut(self, asked: Asked) -> None:
        """Promise more than comes."""
        half = (
            b"".join(list(wire.events_of(Said('{"half": "of an answer'), asked))[:3]) if asked.streams else b'{"id": '
        )
        self.send_response(200)
        self.send_header("Content-Type", EVENTS if asked.streams else JSON)
        self.send_header("Content-Length", str(len(half) + 1000))
        self.end_headers()
        self.wfile.write(half)

    def _send(self, status: int, body: bytes, kind: str = JSON, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        self._send_headers(kind, headers)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, events: Iterator[bytes], headers: Mapping[str, str] | None = None) -> None:
        self.send_response(200)
        self._send_headers(EVENTS, headers)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events:
            self._chunk(event)
        self._chunk(wire.DONE)
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _send_headers(self, kind: str, headers: Mapping[str, str] | None) -> None:
        self.send_header("Content-Type", kind)
        for name, value in {"x-request-id": "req_scripted", **self.owner.headers, **(headers or {})}.items():
            self.send_header(name, value)
