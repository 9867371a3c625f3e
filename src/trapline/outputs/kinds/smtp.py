"""smtp: each notable as a mail, plain text and HTML.

Its Message-ID is made of the key, so that a mail that is sent twice is the same mail. Texts of logs are on one line
with controls shown as escapes, and are escaped in the HTML: they make neither a header nor a tag.
"""

from __future__ import annotations

import hashlib
import html
import smtplib
import socket
from contextlib import suppress
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from trapline.outputs import wire
from trapline.outputs.message import Message, shown, visible
from trapline.outputs.options import Options, Secret
from trapline.outputs.output import Later, Refused

HELP = "mails (host, from, to, security: starttls, tls or none, user, password)"
MAX_VALUE = 2000
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


@dataclass(frozen=True, slots=True)
class Mail:
    host: str
    port: int
    security: str
    user: str | None
    password: Secret | None
    sender: str
    to: tuple[str, ...]
    timeout: int
    ca: str | None

    @property
    def target(self) -> str:
        return f"{self.host}:{self.port}"

    def _server(self) -> smtplib.SMTP:
        """Not connected yet, so that the time limit finds its socket."""
        me = socket.gethostname() or "localhost"
        me = me if me.isascii() else "localhost"
        server: smtplib.SMTP
        if self.security == "tls":
            server = smtplib.SMTP_SSL(local_hostname=me, timeout=self.timeout, context=wire.tls(self.ca))
        else:
            server = smtplib.SMTP(local_hostname=me, timeout=self.timeout)
        server._host = self.host  # type: ignore[attr-defined] # the name that the certificate has to have
        return server

    def send(self, message: Message) -> str | None:
        mail = compose(message, self.sender, self.to)
        server: smtplib.SMTP | None = None

        def connection() -> socket.socket | None:
            return getattr(server, "sock", None)

        refused: dict[str, tuple[int, bytes]] = {}
        with wire.network(self.target), wire.limit(connection, self.timeout):
            try:
                server = self._server()
                server.connect(self.host, self.port)
                if self.security == "starttls":
                    server.starttls(context=wire.tls(self.ca))
                if self.user is not None and self.password is not None:
                    server.login(self.user, self.password.reveal())
                refused = server.send_message(mail, self.sender, list(self.to))
                with suppress(OSError):
                    server.quit()
            except smtplib.SMTPDataError as error:
                if error.smtp_code >= 500:
                    raise Refused(_said(self.target, error.smtp_code, error.smtp_error)) from None
                raise Later(_said(self.target, error.smtp_code, error.smtp_error)) from None
            except smtplib.SMTPResponseException as error:
                raise Later(_said(self.target, error.smtp_code, error.smtp_error)) from None
            except smtplib.SMTPRecipientsRefused as error:
                code, text = next(iter(error.recipients.values()))
                raise Later(_said(self.target, code, text)) from None
            finally:
                if server is not None:
                    server.close()
        return f"{self.target} refused the recipients {', '.join(sorted(refused))}" if refused else None


def make(options: Options) -> Mail:
    security = options.choice("security", tuple(_PORTS), "starttls")
    user, password = (options.text("user") if options.has("user") else None), options.secret("password")
    if (user is None) != (password is None):
        options.missing("password" if password is None else "user")
    if user is not None and security == "none":
        options.wrong("security", "a password would be readable on the way", "use starttls or tls")
    host = options.text("host")
    if not host or not host.isprintable() or " " in host:
        options.wrong("host", "this is no host")
    return Mail(
        host,
        options.number("port", _PORTS[security], 1, 65535),
        security,
        user,
        password,
        _address(options, "from", options.text("from")),
        tuple(_address(options, "to", one) for one in options.texts("to")),
        options.number("timeout", wire.TIMEOUT, 1, 300),
        wire.ca_file(options),
    )


def compose(message: Message, sender: str, to: tuple[str, ...]) -> EmailMessage:
    """The mail of a message."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Subject"] = visible(f"[{message.urgency}] {message.title}", 200)
    mail["Date"] = formatdate(message.time)
    mail["Message-ID"] = f"<{hashlib.sha256(message.key.encode()).hexdigest()}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    pairs = [("time", message.when), ("urgency", message.urgency), ("search", message.search)]
    if message.entity:
        pairs.append((message.entity_type or "entity", message.entity))
    pairs += [(name, shown(value, MAX_VALUE)) for name, value in message.body.items()]
    pairs += [(f"next: {one.get('name', '')}", one.get("search", "")) for one in message.drilldowns]
    if message.cut:
        pairs.append(("too long to show in full", ", ".join(message.cut)))
    pairs.append(("key", message.key))
    rows = [(visible(name, 200), visible(value, MAX_VALUE)) for name, value in pairs]
    head, about = visible(message.title, MAX_VALUE), visible(message.description, MAX_VALUE)
    mail.set_content("\n".join([head, about, "", *(f"{name}: {value}" for name, value in rows)]) + "\n")
    cells = "".join(f"<tr><th align=left>{_html(name)}</th><td>{_html(value)}</td></tr>\n" for name, value in rows)
    mail.add_alternative(
        f"<!DOCTYPE html><html><body><h3>{_html(head)}</h3><p>{_html(about)}</p>\n<table>{cells}</table>"
        "</body></html>\n",
        subtype="html",
    )
    return mail


def _said(target: str, code: int, text: bytes | str) -> str:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{target} answered {code}: {visible(said, 200)}"


def _html(text: str) -> str:
    # Mail programs make links of addresses that they find in text.
    return html.escape(text).replace("://", "&#58;<wbr>//")


def _address(options: Options, name: str, text: str) -> str:
    try:
        address = Address(addr_spec=text)
    except (ValueError, IndexError):
        options.wrong(name, "this is no mail address", "write name@example.com")
    if not address.domain or not text.isascii() or not text.isprintable():
        options.wrong(name, "this is no mail address", "write name@example.com")
    return text
