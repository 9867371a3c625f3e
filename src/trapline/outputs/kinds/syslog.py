"""syslog: each notable as a syslog message (RFC 5424) whose text is CEF, over UDP, TCP or TLS.

TCP and TLS frame messages by octet counting (RFC 6587, RFC 5425). Syslog has no answer: over TCP and TLS a message
counts as sent when the server did not reset the connection, over UDP when it has left this machine. Escaping as in
ArcSight's "Implementing ArcSight Common Event Format": `\\` and `|` in the head, `\\` and `=` in the extension. No text
makes a new line. `externalId` may have 40 characters in CEF, so it is the digest in the key;
`traplineKey` is the whole.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from trapline.outputs import wire
from trapline.outputs.message import Message, shown, visible
from trapline.outputs.options import Options

HELP = "syslog with CEF (host, port, protocol: udp, tcp or tls)"
_PORTS = {"udp": 514, "tcp": 601, "tls": 6514}
_FACILITY = 13
"""log audit"""
_LEVELS = {"critical": 2, "high": 3, "medium": 4, "low": 5, "informational": 6}
"""Severity of syslog, by urgency."""
_CEF = {"critical": 10, "high": 8, "medium": 5, "low": 3, "informational": 1}
_UNKNOWN = 5
_NAMES = {
    "dest": "dhost",
    "dest_host": "dhost",
    "dest_port": "dpt",
    "src": "shost",
    "src_host": "shost",
    "src_port": "spt",
    "user": "duser",
    "src_user": "suser",
    "process_name": "dproc",
    "file_name": "fname",
    "file_path": "filePath",
    "file_hash": "fileHash",
    "url": "request",
    "action": "act",
    "app": "app",
}
"""Fields of the Common Information Model -> keys of CEF."""
_ADDRESSES = {"dest": "dst", "dest_ip": "dst", "src": "src", "src_ip": "src"}
"""The same for values that are IPv4 addresses, the only ones that `src` and `dst` take."""
ID = 40
"""Characters of `externalId`."""
GRACE = 2.0
"""Seconds that a server has to close or reset a connection after a message."""
MAX_VALUE = 1000
"""Characters of a value, before escaping."""
_WORD = re.compile(r"[A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Syslog:
    host: str
    port: int
    protocol: str
    timeout: int
    ca: str | None
    most: int
    """Bytes of one message."""

    @property
    def target(self) -> str:
        return f"{self.protocol}://{self.host}:{self.port}"

    def send(self, message: Message) -> None:
        data = record(message, self.most)
        connection: socket.socket | None = None
        with wire.network(self.target), wire.limit(lambda: connection, self.timeout):
            try:
                if self.protocol == "udp":
                    family, kind, _, _, address = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)[0]
                    connection = socket.socket(family, kind)
                    connection.sendto(data, address)
                    return
                connection = socket.create_connection((self.host, self.port), self.timeout)
                if self.protocol == "tls":
                    connection = wire.tls(self.ca).wrap_socket(connection, server_hostname=self.host)
                connection.sendall(b"%d %s" % (len(data), data))
                _close(connection)
            finally:
                if connection is not None:
                    connection.close()


def make(options: Options) -> Syslog:
    protocol = options.choice("protocol", tuple(_PORTS), "tls")
    host = options.text("host")
    if not host or not host.isprintable() or " " in host:
        options.wrong("host", "this is no host")
    return Syslog(
        host,
        options.number("port", _PORTS[protocol], 1, 65535),
        protocol,
        options.number("timeout", wire.TIMEOUT, 1, 300),
        wire.ca_file(options),
        options.number("max_bytes", 2048 if protocol == "udp" else 8192, 1024, 65_000),
    )


def record(message: Message, most: int) -> bytes:
    """The whole syslog message, `most` bytes at most. Fields that find no room are left out, and counted."""
    level = _LEVELS.get(message.urgency.lower(), _UNKNOWN)
    host = re.sub(r"[^\x21-\x7e]", "", socket.gethostname())[:255] or "-"
    name = _head(message.title, 100)
    severity = _CEF.get(message.urgency.lower(), _UNKNOWN)
    cef = f"CEF:0|Trapline|Trapline|1|{_head(message.search, 100)}|{name}|{severity}|"
    head = f"<{_FACILITY * 8 + level}>1 {message.when} {host} trapline {os.getpid()} notable - {cef}".encode()
    parts = [f"externalId={_value(message.key.rpartition('@@')[2][:ID])} traplineKey={_value(message.key)}".encode()]
    size = len(head) + len(parts[0])
    room = most - len(" traplineOmitted=00000")
    omitted = len(message.cut)
    for key, value in _extension(message):
        part = f" {key}={_value(value)}".encode()
        if size + len(part) > room:
            omitted += 1
            continue
        parts.append(part)
        size += len(part)
    if omitted:
        parts.append(f" traplineOmitted={min(omitted, 99999)}".encode())
    return head + b"".join(parts)


def _extension(message: Message) -> Iterator[tuple[str, str]]:
    """The keys of CEF, each once, the more important first."""
    seen = {"externalId", "traplineKey"}
    pairs = [("rt", str(int(message.time * 1000)))]
    for number, (label, value) in enumerate(
        (
            ("entity", message.entity),
            ("entity_type", message.entity_type),
            ("urgency", message.urgency),
            ("severity", message.severity),
        ),
        1,
    ):
        if value:
            pairs += [(f"cs{number}Label", label), (f"cs{number}", value)]
    if message.description:
        pairs.append(("msg", message.description))
    for name, cell in message.body.items():
        text = shown(cell, MAX_VALUE)
        key = _ADDRESSES.get(name) if _is_v4(text) else None
        key = key or (_NAMES.get(name) if not name.endswith("_port") or text.isdecimal() else None)
        pairs.append((key if key and key not in seen else _own(name), text))
        seen.add(pairs[-1][0])
    done = {"externalId", "traplineKey"}
    for key, text in pairs:
        if key not in done and text:
            done.add(key)
            yield key, text


def _own(name: str) -> str:
    """A key of our own: `process_path` -> `traplineProcessPath`. CEF wants letters and digits."""
    return "trapline" + "".join(word[:1].upper() + word[1:] for word in _WORD.findall(name[:100]))


def _head(text: str, limit: int) -> str:
    return visible(text, limit).replace("\\", "\\\\").replace("|", "\\|")


def _value(text: str) -> str:
    return visible(text, MAX_VALUE).replace("\\", "\\\\").replace("=", "\\=")


def _is_v4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _close(connection: socket.socket) -> None:
    """Wait a moment until the server has closed too: a reset tells that it has not read everything."""
    connection.settimeout(GRACE)
    with suppress(TimeoutError, ssl.SSLError):
        if isinstance(connection, ssl.SSLSocket):
            connection = connection.unwrap()
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass
