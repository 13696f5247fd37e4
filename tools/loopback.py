"""What the HTTP servers of tests share: a free port of the loopback interface, a thread, a quiet terminal."""

from __future__ import annotations

import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["Connection", "Listener"]


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
