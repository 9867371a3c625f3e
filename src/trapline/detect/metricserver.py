"""Serves metrics over HTTP, for Prometheus to fetch, beside the scheduler."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from trapline.detect.metrics import CONTENT_TYPE
from trapline.errors import EngineError, TraplineError

KEPT = 5.0
"""Seconds for which an answer is given again: whoever asks often costs the scheduler nothing."""
PATIENCE = 10.0
"""Seconds that a client may take."""
HOST = "127.0.0.1"


def address(text: str) -> tuple[str, int]:
    """PORT, or HOST:PORT; an address of version 6 in brackets. Raises TraplineError."""
    host, _, port = text.strip().rpartition(":")
    if port.isascii() and port.isdecimal() and int(port) < 65_536:
        return host.removeprefix("[").removesuffix("]") or HOST, int(port)
    raise TraplineError(f"'{text}' is no port", hint="write 9100 or 0.0.0.0:9100", code="usage")


@contextmanager
def serving(place: tuple[str, int], text: Callable[[], str]) -> Iterator[str]:
    """Answer `GET /metrics` with a text while the block runs; gives the URL. Port 0: a free one. `text` is called from
    other threads, by one at a time. Raises EngineError where the port cannot be had."""
    kept = _Kept(text)

    class Handler(_Handler):
        metrics = kept

    class Server(ThreadingHTTPServer):
        address_family = _family(place[0])
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that breaks off is no matter."""

    try:
        server = Server(place, Handler)
    except OSError as error:
        raise EngineError(
            f"metrics cannot be served at {place[0]}:{place[1]}: {error.strerror or error}",
            hint="name another port with --metrics",
            code="metrics",
        ) from None
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        host = f"[{place[0]}]" if ":" in place[0] else place[0]
        yield f"http://{host}:{server.server_address[1]}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


def _family(host: str) -> Any:
    import socket

    return socket.AF_INET6 if ":" in host else socket.AF_INET


class _Kept:
    """A text that is made again at most every few seconds."""

    def __init__(self, make: Callable[[], str]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._text = b""
        self._until = 0.0

    def get(self) -> bytes:
        with self._lock:
            if time.monotonic() >= self._until:
                self._text = self._make().encode("utf-8", "replace")
                self._until = time.monotonic() + KEPT
            return self._text


class _Handler(BaseHTTPRequestHandler):
    metrics: _Kept
    timeout = PATIENCE
    server_version = "trapline"
    sys_version = ""

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/metrics":
            self._answer(404, b"see /metrics\n", "text/plain")
            return
        try:
            body = self.metrics.get()
        except Exception as error:  # whatever it is, the scheduler goes on
            self._answer(500, f"{type(error).__name__}: {error}\n".encode("utf-8", "replace"), "text/plain")
        else:
            self._answer(200, body, CONTENT_TYPE)

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any, **__: Any) -> None:
        """Requests are not logged."""
