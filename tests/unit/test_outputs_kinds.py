"""Every kind of output against a real local server."""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import hmac
import json
import re
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.unit.outputkit import HOSTILE, hostile, listener, message, output, smtp, web
from trapline.outputs.kinds import slack, stdout, syslog
from trapline.outputs.message import Message
from trapline.outputs.output import Later, Refused
from trapline.outputs.wire import Poster, Url

HEC_OK: tuple[int, dict[str, str], bytes] = (200, {}, b'{"text":"Success","code":0}')


def test_webhook_is_signed_and_has_its_key() -> None:
    with web() as server:
        output(f'kind: webhook, url: "{server.url}/in?x=1", secret: "${{S}}"', environment={"S": "geheim"}).send(
            message()
        )
    path, headers, body = server.got[0]
    assert path == "/in?x=1"
    assert headers["Idempotency-Key"] == "k1"
    found = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers["X-Trapline-Signature"])
    assert found is not None
    assert found[2] == hmac.new(b"geheim", found[1].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert Message.loads(body.decode()) == message()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, Later),
        (503, Later),
        (429, Later),
        (408, Later),
        (401, Later),
        (404, Later),
        (302, Later),
        (400, Refused),
        (413, Refused),
        (422, Refused),
    ],
)
def test_answers_of_a_web_server(status: int, kind: type[Exception]) -> None:
    with web((status, {"Location": "http://127.0.0.1:1/"}, b"no\x1b[2J")) as server:
        sender = output(f'kind: webhook, url: "{server.url}"')
        with pytest.raises(kind, match=f"answered {status}: no") as caught:
            sender.send(message())
    assert len(server.got) == 1  # a redirect is not followed
    assert "\x1b" not in str(caught.value)


def test_retry_after_and_a_token_told_back() -> None:
    with web((429, {"Retry-After": "77"}, b"bad token Splunk s3cr3t-token")) as server:
        sender = output(f'kind: hec, url: "{server.url}", token: "${{T}}"', environment={"T": "s3cr3t-token"})
        with pytest.raises(Later) as caught:
            sender.send(message())
    assert caught.value.after == 77
    assert "s3cr3t" not in caught.value.reason
    assert "s3cr3t" not in repr(sender) + repr(sender.sender)


@pytest.mark.parametrize("text", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx"])
def test_garbage_instead_of_http(text: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(text)

    with listener(serve) as port, pytest.raises(Later):
        output(f'kind: hec, url: "http://127.0.0.1:{port}", token: "${{T}}"', environment={"T": "t"}).send(message())


@pytest.mark.parametrize("drip", [False, True])
def test_a_server_that_hangs_or_drips_is_cut_off(drip: bool) -> None:
    end = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        while not end.wait(0.1):
            if drip:
                connection.sendall(b"H")

    with listener(serve) as port:
        start = time.monotonic()
        with pytest.raises(Later, match="too long"):
            output(f'kind: webhook, url: "http://127.0.0.1:{port}", timeout: 1').send(message())
        end.set()
    assert time.monotonic() - start < 30


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Later):
        output(f'kind: webhook, url: "http://127.0.0.1:{port}"').send(message())
    with pytest.raises(Later):
        output(f"kind: syslog, host: 127.0.0.1, port: {port}, protocol: tcp").send(message())
    with pytest.raises(Later):
        output(f"kind: smtp, host: 127.0.0.1, port: {port}, security: none, from: a@b.c, to: d@e.f").send(message())


def test_hec_has_the_fields_of_the_notable() -> None:
    with web(HEC_OK) as server:
        output(
            f'kind: hec, url: "{server.url}", token: "${{T}}", index: soc, channel: c-1', environment={"T": "tok"}
        ).send(message())
    path, headers, text = server.got[0]
    assert path == "/services/collector/event"
    assert headers["Authorization"] == "Splunk tok"
    assert headers["X-Splunk-Request-Channel"] == "c-1"
    body = json.loads(text)
    assert {k: v for k, v in body.items() if k != "event"} == {
        "time": 1_700_000_000.5,
        "index": "soc",
        "sourcetype": "trapline:notable",
        "source": "Made - Service - Rule",
    }
    assert body["event"]["event_id"] == "k1"
    assert body["event"]["user"] == ["alice", "bob"]
    assert body["event"]["urgency"] == "critical"


def test_hec_wants_the_answer_of_a_collector() -> None:
    with web((200, {}, b"<html>log in")) as server, pytest.raises(Later, match="HTTP Event Collector"):
        output(f'kind: hec, url: "{server.url}", token: "${{T}}"', environment={"T": "t"}).send(message())


def test_slack_text() -> None:
    with web() as server:
        output(f'kind: slack, url: "{server.url}/services/T0/B0/x", fields: [user]').send(message())
    assert json.loads(server.got[0][2])["text"].splitlines() == [
        ":red_circle: *Suspicious service on srv1*",
        "A service was made",
        "• urgency: `critical`",
        "• search: `Made - Service - Rule`",
        "• system: `srv1`",
        "• user: `alice, bob`",
        "2023-11-14T22:13:20.500Z `k1`",
    ]


def test_slack_shows_hostile_text_as_text() -> None:
    for one in hostile():
        text = slack.text(one)
        assert not re.search(r"[<>]|&(?!(amp|lt|gt);)|://|@(?!\u200b)", text)
        assert len(text) <= 4 * slack.MAX_TEXT
        assert text.count("`") % 2 == 0
        for line in text.splitlines()[:1]:
            assert line.count("*") == 2


def test_jsonl_appends_once_and_mends_a_torn_line(tmp_path: Path) -> None:
    sender = output("kind: jsonl, path: out.jsonl", str(tmp_path / "trapline.yml"))
    file = tmp_path / "out.jsonl"
    sender.send(message("a"))
    with file.open("a") as more:
        more.write('{"key": "b", "time"')
    sender.send(message("b"))
    sender.send(message("a"))
    sender.send(message("b"))
    lines = file.read_text().splitlines()
    assert lines[1] == '{"key": "b", "time"'
    assert [json.loads(one)["key"] for one in (lines[0], *lines[2:])] == ["a", "b"]
    assert file.stat().st_mode & 0o077 == 0


def test_jsonl_takes_hostile_values(tmp_path: Path) -> None:
    sender = output("kind: jsonl, path: out.jsonl", str(tmp_path / "trapline.yml"))
    for one in hostile():
        sender.send(one)
    lines = (tmp_path / "out.jsonl").read_bytes().split(b"\n")
    assert len(lines) == len(HOSTILE) + 1
    for line in lines[:-1]:
        json.loads(line)["title"].encode()
        assert len(line) < 2_000_000


def test_jsonl_without_a_folder_is_tried_again(tmp_path: Path) -> None:
    with pytest.raises(Later, match="No such file"):
        output("kind: jsonl, path: none/out.jsonl", str(tmp_path / "trapline.yml")).send(message())


def test_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    output("kind: stdout, fields: [user]").send(message())
    assert capsys.readouterr().out.splitlines() == [
        "2023-11-14T22:13:20.500Z  CRITICAL  Suspicious service on srv1",
        "  search: Made - Service - Rule",
        "  entity: srv1 (system)",
        "  user: alice, bob",
        "  key: k1",
    ]
    for one in hostile():
        text = stdout.text(one)
        assert all(line.isprintable() for line in text.split("\n"))
        assert len(text.split("\n")) <= 10
        assert len(text) < 10_000
        output("kind: stdout, format: json").send(one)
        assert len(capsys.readouterr().out.splitlines()) == 1


SYSLOG = re.compile(rb"<(\d+)>1 (\S+) (\S+) trapline \d+ notable - (CEF:0\|.*)")


def _cef(text: str) -> tuple[list[str], dict[str, str]]:
    """What a reader of CEF sees."""
    head = re.split(r"(?<!\\)(?:\\\\)*\|", text, maxsplit=7)
    marks = list(re.finditer(r"(?:^| )([A-Za-z0-9]+)(?<!\\)=", head[7]))
    ends = [one.start() for one in marks[1:]] + [len(head[7])]
    return head[:7], {one[1]: head[7][one.end() : end] for one, end in zip(marks, ends, strict=True)}


def test_syslog_over_udp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        output(f"kind: syslog, host: 127.0.0.1, port: {server.getsockname()[1]}, protocol: udp").send(message())
        data = server.recv(65536)
    found = SYSLOG.fullmatch(data)
    assert found is not None
    assert found[1] == b"106"  # log audit, critical
    assert found[2] == b"2023-11-14T22:13:20.500Z"
    head, keys = _cef(found[4].decode())
    assert head == ["CEF:0", "Trapline", "Trapline", "1", "Made - Service - Rule", "Suspicious service on srv1", "10"]
    assert keys == {
        "externalId": "k1",
        "traplineKey": "k1",
        "rt": "1700000000500",
        "cs1Label": "entity",
        "cs1": "srv1",
        "cs2Label": "entity_type",
        "cs2": "system",
        "cs3Label": "urgency",
        "cs3": "critical",
        "cs4Label": "severity",
        "cs4": "high",
        "msg": "A service was made",
        "dhost": "srv1",
        "duser": "alice, bob",
        "src": "10.0.0.7",
    }


def test_syslog_over_tcp_counts_octets() -> None:
    got: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        got.append(connection.makefile("rb").read())

    with listener(serve) as port:
        output(f"kind: syslog, host: 127.0.0.1, port: {port}, protocol: tcp").send(message(title="ü"))
    count, _, rest = got[0].partition(b" ")
    assert int(count) == len(rest)
    assert SYSLOG.fullmatch(rest)


def test_syslog_tells_a_reset() -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with listener(serve) as port, pytest.raises(Later):
        output(f"kind: syslog, host: 127.0.0.1, port: {port}, protocol: tcp").send(message())


def test_syslog_takes_hostile_values() -> None:
    for one in hostile():
        for most in (1024, 8192):
            data = syslog.record(one, most)
            assert len(data) <= most
            assert data.decode().isprintable()
            head, keys = _cef(data.decode())
            assert len(head) == 7
            assert keys["traplineKey"] == one.key  # never forged: an = of a value is escaped
            assert data.partition(b"|externalId=")[2].count(b"externalId=") == 0


def test_mail() -> None:
    with smtp() as box:
        sender = output(
            f"kind: smtp, host: 127.0.0.1, port: {box.port}, security: none, from: t@example.com, "
            "to: [a@example.com, b@x.org]"
        )
        sender.send(message())
        sender.send(message())
    mails = [email.message_from_bytes(one, policy=email.policy.default) for one in box.mails]
    first = mails[0]
    assert isinstance(first, EmailMessage)
    assert first["Subject"] == "[critical] Suspicious service on srv1"
    assert first["To"] == "a@example.com, b@x.org"
    assert {one["Message-ID"] for one in mails} == {f"<{hashlib.sha256(b'k1').hexdigest()}@example.com>"}
    plain, page = first.get_body(("plain",)), first.get_body(("html",))
    assert plain is not None
    assert page is not None
    assert "user: alice, bob" in plain.get_content().splitlines()
    assert "<td>alice, bob</td>" in page.get_content()


def test_mail_takes_hostile_values() -> None:
    with smtp() as box:
        sender = output(f"kind: smtp, host: 127.0.0.1, port: {box.port}, security: none, from: t@x.org, to: a@x.org")
        for one in hostile():
            sender.send(one)
    assert len(box.mails) == len(HOSTILE)
    for text in box.mails:
        mail = email.message_from_bytes(text, policy=email.policy.default)
        assert sorted(mail.keys()) == sorted(
            ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]
        )
        assert isinstance(mail, EmailMessage)
        page = mail.get_body(("html",))
        assert page is not None
        assert "<script" not in page.get_content()
        assert "://" not in page.get_content()
    assert [one for one in box.commands if one.upper().startswith(b"RCPT")] == [b"rcpt TO:<a@x.org>"] * len(HOSTILE)


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ({b"DATA.": b"554 spam"}, Refused),
        ({b"DATA.": b"451 busy"}, Later),
        ({b"RCPT": b"550 nobody"}, Later),
        ({b"MAIL": b"550 not you"}, Later),
        ({b"EHLO": b"421 busy", b"HELO": b"421 busy"}, Later),
    ],
)
def test_answers_of_a_mail_server(answers: dict[bytes, bytes], kind: type[Exception]) -> None:
    with smtp(answers) as box, pytest.raises(kind):
        output(f"kind: smtp, host: 127.0.0.1, port: {box.port}, security: none, from: t@x.org, to: a@x.org").send(
            message()
        )


def test_mail_never_goes_without_the_tls_that_is_wanted() -> None:
    with smtp() as box, pytest.raises(Later, match="STARTTLS"):
        output(f"kind: smtp, host: 127.0.0.1, port: {box.port}, from: t@x.org, to: a@x.org").send(message())
    assert not box.mails


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost with its key, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_bytes((folder / "cert.pem").read_bytes() + (folder / "key.pem").read_bytes())
    return both


def test_tls_is_checked(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    got: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            text = b""
            while part := secure.recv(65536):
                text += part
            got.append(text)

    with listener(serve) as port:
        base = f"kind: syslog, port: {port}, protocol: tls"
        with pytest.raises(Later, match="certificate is not trusted"):
            output(f"{base}, host: localhost").send(message())
        with pytest.raises(Later, match="certificate is not trusted"):
            output(f'{base}, host: 127.0.0.1, ca: "{certificate}"').send(message())
        assert not got
        output(f'{base}, host: localhost, ca: "{certificate}"').send(message())
        assert got[0].partition(b" ")[2].startswith(b"<106>1 ")
        with pytest.raises(Later, match="certificate is not trusted"):
            output(f'kind: webhook, url: "https://localhost:{port}"').send(message())


def test_tls_goes_unchecked_only_where_asked(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            got, more = b"", b"."
            while more and not got.endswith(b"{}"):  # the body may come after the head
                more = secure.recv(65536)
                got += more
            secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with listener(serve) as port:
        url = Url.of(f"https://127.0.0.1:{port}")
        assert Poster(url, 5, None, verify=False).post(b"{}", {}) == b"ok"
        with pytest.raises(Later, match="certificate is not trusted"):
            Poster(url, 5, None).post(b"{}", {})


def test_web_outputs_take_hostile_values() -> None:
    with web(HEC_OK) as server:
        senders = [
            output(f'kind: webhook, url: "{server.url}", secret: "${{T}}"', environment={"T": "t"}),
            output(f'kind: hec, url: "{server.url}", token: "${{T}}"', environment={"T": "t"}),
            output(f'kind: slack, url: "{server.url}"'),
        ]
        for one in hostile():
            for sender in senders:
                sender.send(one)
    assert len(server.got) == 3 * len(HOSTILE)
    for _, _, body in server.got:
        json.dumps(json.loads(body), ensure_ascii=False).encode()


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_mail_over_tls_with_a_password(certificate: Path, security: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    offers = [b"AUTH PLAIN", *([b"STARTTLS"] if security == "starttls" else [])]
    with smtp({b"AUTH": b"235 come in"}, offers, context) as box:
        base = f"kind: smtp, port: {box.port}, security: {security}, from: t@x.org, to: a@x.org, user: u"
        base += ', password: "${P}"'
        with pytest.raises(Later, match="certificate is not trusted"):
            output(f"{base}, host: localhost", environment={"P": "geheim"}).send(message())
        assert not any(one.startswith(b"AUTH") for one in box.commands)
        output(f'{base}, host: localhost, ca: "{certificate}"', environment={"P": "geheim"}).send(message())
    assert b"AUTH PLAIN " + base64.b64encode(b"\0u\0geheim") in box.commands
    assert len(box.mails) == 1


def test_a_password_that_is_refused_is_not_told(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with smtp({b"AUTH": b"535 no"}, [b"AUTH PLAIN"], context) as box:
        sender = output(
            f"kind: smtp, host: localhost, port: {box.port}, security: tls, from: t@x.org, to: a@x.org, user: u, "
            f'password: "${{P}}", ca: "{certificate}"',
            environment={"P": "geheim"},
        )
        with pytest.raises(Later, match="answered 535: no") as caught:
            sender.send(message())
    assert "geheim" not in str(caught.value)
