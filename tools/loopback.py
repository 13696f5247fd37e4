"""What the HTTP servers of tests share: a free port of the loopback interface, a thread, a certificate, a token."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["Connection", "Listener", "identity_at", "token_given", "with_certificate"]

IDENTITY = "/identity/token"
IDENTITY_SECRET = "loopback"
FAR = "4102444800"
"""When a token ends: the year 2100."""


class Listener(ThreadingHTTPServer):
    """Listen on a free port, in a thread from `start` to `stop`. A subclass names its `owner`."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, connection: type[Connection]) -> None:
        super().__init__(("127.0.0.1", 0), connection)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer nobody any more."""
        self.shutdown()
        self._thread.join()
        self.server_close()

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close without a word, so that a reset is one."""
        self.close_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that left."""


class Connection(BaseHTTPRequestHandler):
    """Speak HTTP/1.1 and keep standard error clean."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""

    def reset(self) -> None:
        """Let the connection end as one that was torn down, once the request is done with."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def with_certificate(http: Listener, folder: Path) -> Path:
    """Give a server a certificate made now, and return the file to trust."""
    from .certificate import write_certificate

    certificate, key = write_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    http.socket = context.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
    return certificate


def identity_at(url: str) -> Mapping[str, str]:
    """Return the environment in which azure-identity finds the managed identity of the server at a URL."""
    return {
        "IDENTITY_ENDPOINT": f"{url}{IDENTITY}",
        "IDENTITY_HEADER": IDENTITY_SECRET,
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
    }


def token_given(request: Connection, token: str) -> Mapping[str, str] | None:
    """Return a token as the managed identity of an App Service gives it (API version 2019-08-01), or None where none
    is asked for."""
    if urlsplit(request.path).path != IDENTITY or request.headers.get("X-IDENTITY-HEADER") != IDENTITY_SECRET:
        return None
    return {"access_token": token, "expires_on": FAR, "token_type": "Bearer", "resource": ""}
