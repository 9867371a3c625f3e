"""Files asked of web servers that content names: what is taken, from whom, and how an answer is read.

The URLs come with content, which others write. So only http and https are spoken, servers of this machine and of
private networks are asked only where the user names them, redirects are few and checked alike, and no answer is read
beyond its limits.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from functools import partial
from typing import Any, NoReturn
from urllib.parse import quote, urljoin, urlsplit

from trapline.errors import TraplineError
from trapline.outputs.wire import limit

REDIRECTS = 5
SILENCE = 30.0
"""Seconds without a byte."""
HEAD = 60.0
"""Seconds until the beginning of an answer is there."""
OFFLINE = "with a network: run it again, what is there already is kept; without: give a mirror with --data DIR"
_BLOCK = 65_536
_KEPT = "!$&'()*+,/:;=?@[]%~"


class FetchError(TraplineError):
    """A file could not be fetched. `again`: it may be there later."""

    exit_code = 3

    def __init__(self, reason: str, hint: str | None = None, *, again: bool = False, code: str = "fetch") -> None:
        super().__init__(reason, hint=hint, code=code)
        self.again = again


@dataclass(slots=True)
class Answer:
    """The beginning of an answer: its status (200, 206, 304 or 416), its headers, its bytes in blocks."""

    status: int
    headers: Message
    _response: Any = field(repr=False, default=None)

    def blocks(self) -> Iterator[bytes]:
        """Raises FetchError (`again`) when the connection breaks."""
        if self._response is None:
            return
        with _network("the connection"):
            while block := self._response.read1(_BLOCK):
                yield block

    @property
    def length(self) -> int | None:
        """Bytes of the body, where the server says so."""
        return whole(self.headers.get("Content-Length"))


def whole(text: str | None) -> int | None:
    """A number of bytes as a header has it."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def shown(url: str) -> str:
    """A URL for messages: without what may be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:300]


def clean(url: str) -> str:
    """The URL as it is asked for: escaped, without fragment. Raises FetchError for what is none that is asked for."""
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise FetchError(f"this is no URL: {url[:80]!r}", "correct it in the test") from None
    if parts.scheme not in ("http", "https"):
        raise FetchError(
            f"'{parts.scheme[:20]}' is no protocol that data is fetched by",
            "https:// or http://, or a path below the content folder",
        )
    if not host or not url.isprintable() or any(char in parts.netloc for char in " \\"):
        raise FetchError(f"this URL names no web server: {url[:80]!r}", "correct it in the test")
    if "@" in parts.netloc:
        raise FetchError(f"a user or password is in the URL of {shown(url)}", "data is fetched without; use --data DIR")
    return quote(parts._replace(fragment="").geturl(), safe=_KEPT)


@contextmanager
def ask(url: str, headers: Mapping[str, str], hosts: Collection[str] = ()) -> Iterator[Answer]:
    """Ask for a file, over up to `REDIRECTS` redirects. `hosts`: those of this machine or a private network that may be
    asked, in lower case. Raises FetchError."""
    here = clean(url)
    for _ in range(REDIRECTS + 1):
        _written(urlsplit(here).hostname or "", hosts)
        try:
            with _network(urlsplit(here).netloc):
                response = _opener(frozenset(hosts)).open(
                    urllib.request.Request(here, headers=dict(headers)),  # noqa: S310 -- `clean` took http and https only
                    timeout=SILENCE,
                )
        except _Answered as found:
            if found.code in (304, 416):
                yield Answer(found.code, found.headers)
                return
            if found.code in (301, 302, 303, 307, 308):
                here = _next(here, found.headers.get("Location"))
                continue
            _refused(here, found.code)
        else:
            with response:
                yield Answer(response.status, response.headers, response)
            return
    raise FetchError(f"{shown(url)} leads from one place to another, more than {REDIRECTS} times", "correct the URL")


def _next(here: str, location: str | None) -> str:
    """Where a redirect leads."""
    if not location:
        raise FetchError(f"{shown(here)} leads elsewhere and does not say where", "correct the URL")
    there = clean(urljoin(here, location))
    if here.startswith("https:") and not there.startswith("https:"):
        raise FetchError(f"{shown(here)} leads to {shown(there)}, which is not encrypted", "use a mirror: --data DIR")
    return there


def _refused(url: str, code: int) -> NoReturn:
    what = f"{shown(url)}: the server answered {code}"
    if code in (404, 410):
        raise FetchError(f"{shown(url)}: there is no such file ({code})", "correct the URL in the test")
    if code in (401, 403, 407):
        raise FetchError(what, "data is fetched without a password; fetch it yourself and give --data DIR")
    if code in (408, 425, 429) or code >= 500:
        raise FetchError(what, "run it again later", again=True)
    raise FetchError(what, "open the URL in a browser to see why")


@contextmanager
def _network(target: str) -> Iterator[None]:
    """Errors of the network become FetchError."""
    try:
        yield
    except (FetchError, _Answered):
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        inner = error.reason if isinstance(error, urllib.error.URLError) else error
        match inner:
            case FetchError():
                raise inner from None
            case ssl.SSLCertVerificationError():
                hint = "its certificate has to be among those of the system, or in the file that SSL_CERT_FILE names"
                raise FetchError(f"{target}: its certificate is not trusted: {inner.verify_message}", hint) from None
            case socket.gaierror():
                raise FetchError(f"the host {target} is not found", OFFLINE, again=True, code="fetch.offline") from None
            case TimeoutError():
                raise FetchError(f"{target} took too long", OFFLINE, again=True) from None
            case OSError():
                reason = inner.strerror or type(inner).__name__
                gone = isinstance(inner, ConnectionRefusedError) or "unreachable" in reason
                code = "fetch.offline" if gone else "fetch"
                raise FetchError(f"{target}: {reason}", OFFLINE, again=True, code=code) from None
            case _:
                reason = f"{target} broke off: {type(inner).__name__}"
                raise FetchError(reason, "run it again: it goes on where it was", again=True) from None


class _Answered(Exception):
    """An answer that is no file. Its body is not read."""

    def __init__(self, code: int, headers: Message) -> None:
        super().__init__(code)
        self.code = code
        self.headers = headers


class _NoErrors(urllib.request.HTTPErrorProcessor):
    """Redirects are followed by `ask`: urllib reads their bodies without a limit."""

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        if response.status in (200, 206):
            return response
        response.close()
        raise _Answered(response.status, response.headers)

    https_response = http_response


class _Looking(http.client.HTTPConnection):
    """A connection that looks whom it has reached before it says anything. `hosts` None: a proxy of the user's."""

    def __init__(self, *args: Any, hosts: Collection[str] | None, **more: Any) -> None:
        super().__init__(*args, **more)
        self.hosts = hosts

    def connect(self) -> None:
        super().connect()
        _check(self)

    def getresponse(self) -> http.client.HTTPResponse:
        with limit(lambda: self.sock, HEAD):
            return super().getresponse()


class _Encrypted(_Looking, http.client.HTTPSConnection):
    """The same over TLS."""


def _written(host: str, hosts: Collection[str]) -> None:
    """Raises FetchError for a host that is a private address as it is written: a proxy would be asked for it."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if host == "localhost" and host not in hosts:
            raise _private(host, "127.0.0.1") from None
        return
    if host not in hosts and not (getattr(address, "ipv4_mapped", None) or address).is_global:
        raise _private(host, str(address))


def _private(host: str, address: str) -> FetchError:
    return FetchError(
        f"{host} is on this machine or in a private network ({address}), where content may send nobody",
        f"if it is meant: --allow-host {host}",
        code="fetch.private",
    )


def _check(connection: _Looking) -> None:
    if connection.hosts is None or connection.host.lower() in connection.hosts:
        return
    address = ipaddress.ip_address(str(connection.sock.getpeername()[0]).partition("%")[0])
    if not (getattr(address, "ipv4_mapped", None) or address).is_global:
        connection.close()
        raise _private(connection.host, str(address))


class _HTTP(urllib.request.HTTPHandler):
    def __init__(self, hosts: Collection[str]) -> None:
        super().__init__()
        self.hosts = hosts

    def http_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(partial(_Looking, hosts=_asked(req, self.hosts)), req)


class _HTTPS(urllib.request.HTTPSHandler):
    def __init__(self, hosts: Collection[str]) -> None:
        super().__init__()
        self.hosts = hosts

    def https_open(self, req: urllib.request.Request) -> Any:
        made = partial(_Encrypted, hosts=_asked(req, self.hosts), context=ssl.create_default_context())
        return self.do_open(made, req)


def _asked(req: urllib.request.Request, hosts: Collection[str]) -> Collection[str] | None:
    """None where a proxy is asked: the user has named it, and it alone knows whom it reaches."""
    return hosts if req.host == urlsplit(req.full_url).netloc else None


def _opener(hosts: Collection[str]) -> urllib.request.OpenerDirector:
    made = urllib.request.OpenerDirector()
    for one in (urllib.request.ProxyHandler(), _HTTP(hosts), _HTTPS(hosts), _NoErrors()):
        made.add_handler(one)
    return made
