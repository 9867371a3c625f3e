"""What outputs over the network share: time limits, TLS, and JSON posted over HTTP.

A certificate is always checked, unless a `Poster` says otherwise. Redirects are not followed: what is sent goes to the
host that the user named. An endpoint that drips bytes is cut off too: a limit holds for the whole exchange.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cache
from urllib.parse import urlsplit

from trapline.outputs.message import visible
from trapline.outputs.options import Options
from trapline.outputs.output import Later, Refused

TIMEOUT = 10
"""Seconds for a whole exchange, unless the settings say another number."""
MAX_ANSWER = 65_536
"""Bytes of an answer that are read."""
LONGEST_WAIT = 86_400.0
"""Seconds that an endpoint can make us wait."""
_NOT_US = frozenset((401, 403, 404, 407, 408, 425, 429))
"""Answers that are about the endpoint, our rights, or the moment, and not about the message: they may be mended."""
URL_HINT = "write https://host/path; no user or password in it"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Url:
    """Where to post. It may hold a secret (a Slack webhook does): people see `target`."""

    scheme: str
    host: str
    port: int
    path: str = field(repr=False)

    @property
    def target(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @classmethod
    def of(cls, text: str, path: str | None = None, *, plain: bool = False) -> Url:
        """What a user wrote. `path`: taken where the text has none. `plain`: http:// to other hosts, too. Raises
        WrongUrl."""
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise WrongUrl("this is no URL") from None
        if (
            parts.scheme not in ("http", "https")
            or not host
            or "@" in parts.netloc
            or not text.isascii()
            or not text.isprintable()
            or " " in text
        ):
            raise WrongUrl("this is no URL of a web server")
        if parts.scheme == "http" and host not in _LOOPBACK and not plain:
            raise WrongUrl("http:// is readable on the way", plain=True)
        target = parts.path if parts.path not in ("", "/") or path is None else path
        target = (target or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), target)


class WrongUrl(ValueError):
    """A text that is no URL to post to. `plain`: it is one, but not encrypted."""

    def __init__(self, reason: str, *, plain: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.plain = plain


@dataclass(frozen=True, slots=True)
class Poster:
    """An HTTP endpoint."""

    url: Url
    timeout: int
    ca: str | None
    verify: bool = True
    """Whether certificate and host name are checked."""

    @classmethod
    def of(cls, options: Options, path: str | None = None) -> Poster:
        """The settings `url`, `timeout`, `ca` and `plain_http`. `path`: taken where the URL has none. Raises
        InputError."""
        text, plain = options.text("url"), options.flag("plain_http")
        try:
            url = Url.of(text, path, plain=plain)
        except WrongUrl as error:
            other = "use https://, or set plain_http: true"
            options.wrong("url", error.reason, other if error.plain else URL_HINT)
        return cls(url, options.number("timeout", TIMEOUT, 1, 300), ca_file(options))

    def post(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Post JSON; the beginning of the answer. Raises Later and Refused."""
        url = self.url
        connection: http.client.HTTPConnection
        if url.scheme == "https":
            context = tls(self.ca) if self.verify else _unchecked()
            connection = http.client.HTTPSConnection(url.host, url.port, timeout=self.timeout, context=context)
        else:
            connection = http.client.HTTPConnection(url.host, url.port, timeout=self.timeout)
        base = {"Content-Type": "application/json", "User-Agent": "trapline", "Connection": "close"}
        with network(url.target), limit(lambda: connection.sock, self.timeout):
            try:
                connection.request("POST", url.path, body, base | dict(headers))
                answer = connection.getresponse()
                text = answer.read(MAX_ANSWER)
            finally:
                connection.close()
        if 200 <= answer.status < 300:
            return text
        reason = f"{url.target} answered {answer.status}"
        if said := text.decode("utf-8", "replace").strip():
            # An answer may tell our own secrets back.
            for secret in sorted({url.path, *headers.values(), *" ".join(headers.values()).split()}, key=len)[::-1]:
                said = said.replace(secret, "***") if len(secret) > 7 else said
            reason += f": {visible(said, 200)}"
        if 300 <= answer.status < 400:
            raise Later(f"{reason}; redirects are not followed")
        if answer.status >= 500 or answer.status in _NOT_US:
            raise Later(reason, wait(answer.headers.get("Retry-After")), answer.status)
        raise Refused(reason)


def ca_file(options: Options) -> str | None:
    """The setting `ca`: a file of certificates to trust instead of those of the system. Raises InputError."""
    if not options.has("ca"):
        return None
    path = options.path("ca")
    try:
        tls(str(path))
    except (OSError, ssl.SSLError):
        options.wrong("ca", "there are no certificates in this file", "give a PEM file")
    return str(path)


@cache
def tls(ca: str | None) -> ssl.SSLContext:
    """How TLS is spoken: certificates and host names are checked."""
    return ssl.create_default_context(cafile=ca)


@cache
def _unchecked() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@contextmanager
def network(target: str) -> Iterator[None]:
    """Errors of the network become Later."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise Later(f"{target}: its certificate is not trusted: {error.verify_message}") from None
    except TimeoutError:
        raise Later(f"{target} took too long") from None
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or visible(str(error), 200) or type(error).__name__
        raise Later(f"{target}: {reason}") from None


@contextmanager
def limit(find: Callable[[], socket.socket | None], seconds: float) -> Iterator[None]:
    """Cut the connection off that is open after `seconds`; what then failed is a TimeoutError."""
    over = threading.Event()

    def end() -> None:
        over.set()
        connection = find()
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception:
        if over.is_set():
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()


def wait(header: str | None) -> float | None:
    """Seconds that a `Retry-After` asks for: a number, or a date."""
    if not header:
        return None
    text = header.strip()
    if text.isascii() and text.isdecimal() and len(text) < 12:
        return min(float(text), LONGEST_WAIT)
    try:
        seconds = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)
