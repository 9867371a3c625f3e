"""The outputs of the settings, and `trapline outputs`."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.unit.outputkit import message, output, web
from trapline.cli import main
from trapline.content.yamlfile import parse
from trapline.errors import InputError
from trapline.outputs.dispatch import queue
from trapline.outputs.options import Secret
from trapline.outputs.settings import kind, kind_names, read
from trapline.state.database import Database
from trapline.state.deliveries import Deliveries


def test_kinds() -> None:
    assert kind_names() == ["hec", "jsonl", "slack", "smtp", "stdout", "syslog", "webhook"]
    for name in kind_names():
        assert kind(name).HELP


@pytest.mark.parametrize(
    ("text", "field", "reason", "hint"),
    [
        ("kind: slak", "kind", "there is no kind 'slak'", "did you mean 'slack'?"),
        ("url: x", "", "the setting 'kind' is missing", None),
        ("kind: jsonl", "", "the setting 'path' is missing", None),
        ("kind: jsonl, path: x, pth: y", "pth", "there is no setting 'pth'", "did you mean 'path'?"),
        ("kind: jsonl, path: [x]", "path", "a single value is wanted here", None),
        ("kind: stdout, format: xml", "format", "'xml' is none of text, json", None),
        ("kind: stdout, attempts: 0", "attempts", "a number from 1 to 1000 is wanted here", None),
        ("kind: stdout, only: high", "only", "a mapping is wanted here", None),
        ("kind: stdout, fields: []", "fields", "the list is empty", None),
        ('kind: hec, url: "https://x", token: abc', "token", "a secret does not belong in this file", "${"),
        ('kind: hec, url: "https://x", token: "${NO}"', "token", "the environment variable NO is not set", "export"),
        ('kind: hec, url: "https://x"', "", "the setting 'token' is missing", None),
        ('kind: hec, url: "https://x", token: "${BAD}"', "token", "more than printable ASCII", None),
        ('kind: webhook, url: "ftp://x"', "url", "no URL of a web server", "https://"),
        ('kind: webhook, url: "https://u:p@x/"', "url", "no URL of a web server", "no user or password"),
        ('kind: webhook, url: "https://x/\\r\\nA: b"', "url", "no URL of a web server", None),
        ('kind: webhook, url: "https://x:99999/"', "url", "no URL", None),
        ('kind: webhook, url: "http://x.example/"', "url", "readable on the way", "plain_http"),
        ('kind: webhook, url: "https://x", ca: none.pem', "ca", "no certificates", "PEM"),
        ("kind: smtp, host: h, from: a@b.c, to: nobody", "to", "no mail address", None),
        ('kind: smtp, host: h, from: "a@b.c\\nBcc: x@y.z", to: a@b.c', "from", "no mail address", None),
        ("kind: smtp, host: h, from: a@b.c, to: a@b.c, user: u", "", "'password' is missing", None),
        (
            'kind: smtp, host: h, from: a@b.c, to: a@b.c, security: none, user: u, password: "${P}"',
            "security",
            "readable on the way",
            "starttls",
        ),
        ("kind: syslog, host: h, protocol: tpc", "protocol", "'tpc' is none of udp, tcp, tls", None),
    ],
)
def test_wrong_settings(text: str, field: str, reason: str, hint: str | None) -> None:
    with pytest.raises(InputError) as caught:
        output(text, environment={"P": "geheim", "BAD": "tok\nen"})
    error = caught.value
    assert reason in error.reason
    assert hint is None or hint in (error.hint or "")
    assert error.field == f"outputs.out{'.' if field else ''}{field}"
    assert error.line == 1
    assert "geheim" not in error.render()
    assert "abc" not in error.render()


@pytest.mark.parametrize("text", ["a: {kind: stdout}\na: {kind: stdout}", "- a", "a: text"])
def test_a_section_that_is_none(text: str) -> None:
    with pytest.raises(InputError):
        read(parse(text, "f")[0], "f")


def test_no_section() -> None:
    assert read(None, "f") == []


def test_secrets_show_nowhere() -> None:
    one = output(
        'kind: webhook, url: "https://x/${P}", secret: "${S}", authorization: "Bearer ${S}"',
        environment={"P": "path-secret", "S": "geheim"},
    )
    secret = Secret("geheim")
    for text in (repr(one), repr(one.sender), f"{secret}", repr(secret), str(secret), one.sender.target):
        assert "geheim" not in text
        assert "path-secret" not in text
    assert one.sender.target == "https://x:443"


def _settings(folder: Path, text: str) -> list[str]:
    (folder / "trapline.yml").write_text(text)
    return ["--store", str(folder)]


def _run(args: list[str]) -> int:
    try:
        main(args)
    except SystemExit as leave:
        return int(leave.code or 0)
    return 0


def test_cli(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with web((500, {}, b""), (200, {}, b"")) as server:
        store = _settings(tmp_path, f'outputs:\n  one: {{kind: webhook, url: "{server.url}/p", attempts: 1}}\n')
        assert _run(["outputs", "test", "one", *store]) == 1
        assert "answered 500" in capsys.readouterr().err
        assert _run(["outputs", "test", "one", "--json", *store]) == 0
        assert json.loads(capsys.readouterr().out) == {
            "output": "one",
            "target": server.url,
            "sent": True,
            "error": None,
        }
        assert _run(["outputs", "test", "on", *store]) == 2
        assert "did you mean 'one'" in capsys.readouterr().err
    assert not (tmp_path / "state.db").exists()
    assert _run(["outputs", "dead", *store]) == 0
    assert _run(["outputs", "retry", "--all", *store]) == 1
    assert _run(["outputs", "retry", *store]) == 2
    capsys.readouterr()
    database = Database.file(tmp_path / "state.db")
    with database.write() as connection:
        queue(connection, [output("kind: stdout")], [message()], 5.0)
    waiting = Deliveries(database)
    waiting.refused(waiting.due("out", 5.0, 1)[0], "no\x1b[2J")
    assert _run(["outputs", "dead", *store]) == 0
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert "k1" in text
    assert _run(["outputs", "retry", "1", "--json", *store]) == 0
    assert json.loads(capsys.readouterr().out) == {"queued": 1, "unknown": []}
    waiting.refused(waiting.due("out", time.time() + 1, 1)[0], "no")
    assert _run(["outputs", "retry", "1", "99", *store]) == 1  # what is known is done, what is not is told
    said = capsys.readouterr()
    assert said.out == "1 queued again\n"
    assert said.err == "99 is no message that was given up; trapline outputs dead lists them\n"
    assert len(waiting.due("out", time.time() + 1, 9)) == 1
    waiting.leave(waiting.due("out", time.time() + 1, 1)[0], time.time())
    assert waiting.due("out", time.time() + 1, 9) == []
    assert _run(["outputs", "list", "--json", *store]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["outputs"] == [
        {"name": "one", "kind": "webhook", "target": server.url, "waiting": 0, "sent": 0, "dead": 0}
    ]
    assert found["warnings"][0]["code"] == "outputs.orphan"
    assert _run(["outputs", "list", *store]) == 0
    assert "webhook" in capsys.readouterr().out
