"""Real local servers for the outputs: HTTP, SMTP, syslog; and messages."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from trapline.content.yamlfile import parse
from trapline.outputs.message import Message
from trapline.outputs.output import Output
from trapline.outputs.settings import read
from trapline.values import Value

HOSTILE = (
    "a\nBcc: evil@example.com\r\n.\r\nQUIT\r\n",
    "nul\0 esc\x1b[2J\x1b]0;t\x07 c1\x9b31m del\x7f",
    "lone \ud800 surrogate, bidi \u202e, zero\u200b, line\u2028sep",
    "<!channel> <@U1> <https://evil.example|click> @here https://evil.example *b* _i_ `code`",
    "x|y=z\\ CEF:0|a|b externalId=forged",
    "<script>alert(1)</script>\" onload='x'",
    "\U0001f600" * 300_000,
    "\\" * 5000 + "=" * 5000,
    "",
)


def message(key: str = "k1", **given: Any) -> Message:
    """A message with what a test wants to be different."""
    base: dict[str, Any] = {
        "time": 1_700_000_000.5,
        "title": "Suspicious service on srv1",
        "description": "A service was made",
        "severity": "high",
        "urgency": "critical",
        "search": "Made - Service - Rule",
        "entity": "srv1",
        "entity_type": "system",
        "body": {"dest": "srv1", "user": ["alice", "bob"], "src_ip": "10.0.0.7"},
    }
    return Message.of(key, **(base | given))


def hostile() -> Iterator[Message]:
    """Every hostile text in every place of a message."""
    for number, text in enumerate(HOSTILE):
        body: dict[str, Value] = {"field": text, "many": [text] * 3, text[:50]: "name", "dest": text}
        yield message(
            f"h{number}" + text,
            title=text,
            description=text,
            severity=text,
            urgency=text,
            search=text,
            entity=text,
            entity_type=text,
            body=body,
            drilldowns=[{"name": text, "search": text}],
        )


def output(text: str, file: str = "trapline.yml", environment: Mapping[str, str] | None = None) -> Output:
    """The one output of a flow mapping: `kind: jsonl, path: x`."""
    node = parse("out: {" + text + "}", file)[0]
    return read(node, file, environment or {})[0]


@dataclass
class Web:
    """What came to a web server. `answers`: what it says, in order; the last one again and again."""

    url: str
    answers: list[tuple[int, Mapping[str, str], bytes]]
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    before: Callable[[], None] | None = None
    """Called before it answers."""


@contextmanager
def web(*answers: tuple[int, Mapping[str, str], bytes]) -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            place.got.append((self.path, dict(self.headers), body))
            if place.before is not None:
                place.before()
            code, headers, text = place.answers.pop(0) if len(place.answers) > 1 else place.answers[0]
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    place = Web(f"http://127.0.0.1:{server.server_port}", list(answers) or [(200, {}, b"ok")])
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield place
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def listener(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server; each connection is served in a thread of its own. Gives the port."""
    server = socket.create_server(("127.0.0.1", 0))

    def one(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            serve(connection)

    def loop() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)


@dataclass
class Mailbox:
    port: int = 0
    mails: list[bytes] = field(default_factory=list)
    commands: list[bytes] = field(default_factory=list)


@contextmanager
def smtp(
    answers: Mapping[bytes, bytes] | None = None, offers: Sequence[bytes] = (), context: ssl.SSLContext | None = None
) -> Iterator[Mailbox]:
    """A mail server. `answers`: what it says to a command instead of yes (`DATA.`: to the mail itself). `context`: it
    speaks TLS, from the start or, where it offers STARTTLS, when it is asked to."""
    said = dict(answers or {})
    box = Mailbox()

    def serve(connection: socket.socket) -> None:
        if context is not None and b"STARTTLS" not in offers:
            with context.wrap_socket(connection, server_side=True) as secure:
                talk(secure, b"220 test")
        else:
            talk(connection, b"220 test")

    def talk(connection: socket.socket, greeting: bytes) -> None:
        file = connection.makefile("rwb")

        def say(text: bytes) -> None:
            file.write(text + b"\r\n")
            file.flush()

        if greeting:
            say(greeting)
        for line in file:
            words = line.split() or [b""]
            word = words[0].upper()
            box.commands.append(line.strip())
            if word in said:
                say(said[word])
            elif word == b"EHLO":
                say(b"\r\n".join([b"250-test", *(b"250-" + one for one in offers), b"250 8BITMIME"]))
            elif word == b"STARTTLS" and context is not None:
                say(b"220 go on")
                with context.wrap_socket(connection, server_side=True) as secure:
                    talk(secure, b"")
                return
            elif word == b"DATA":
                say(b"354 go on")
                text = b""
                for part in file:
                    if part == b".\r\n":
                        break
                    text += part
                box.mails.append(text)
                say(said.get(b"DATA.", b"250 taken"))
            elif word == b"QUIT":
                say(b"221 bye")
                return
            else:
                say(b"250 ok")

    with listener(serve) as port:
        box.port = port
        yield box
