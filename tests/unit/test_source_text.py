"""auditd, key=value, CSV and plain text."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shared import shared
from tests.unit.collect import collect
from trapline.errors import InputError
from trapline.ingest import lines
from trapline.ingest.sources import auditd, csvfile, keyvalue, textlines

SYSCALL = (
    "type=SYSCALL msg=audit(1709553605.123:77): arch=c000003e syscall=59 success=yes exit=0 a0=7ff tty=(none) "
    'comm="ps ax" exe="/usr/bin/ps" key=(null)\x1dARCH=x86_64 SYSCALL=execve AUID="alice" UID="root"'
)


def test_auditd_fields() -> None:
    sink = collect(auditd, SYSCALL + "\n")
    event = sink.events[0]
    assert sink.lost == []
    assert event.raw == SYSCALL
    assert (event.time, event.host, event.source, event.sourcetype) == (
        1_709_553_605_123_000,
        None,
        None,
        "linux:audit",
    )
    assert event.fields == {
        "type": "SYSCALL",
        "msg": "audit(1709553605.123:77)",
        "arch": "c000003e",
        "syscall": "59",
        "success": "yes",
        "exit": "0",
        "a0": "7ff",
        "tty": "(none)",
        "comm": "ps ax",
        "exe": "/usr/bin/ps",
        "key": "(null)",
        "ARCH": "x86_64",
        "SYSCALL": "execve",
        "AUID": "alice",
        "UID": "root",
    }


@pytest.mark.parametrize("separator", ["\x1d", ""])
def test_the_separator_may_be_lost(separator: str) -> None:
    line = f'type=PATH msg=audit(1709553605.123:77): name="/x" cap_frootid=0{separator}OUID="root" OGID="root"'
    fields = collect(auditd, line).events[0].fields
    assert (fields["cap_frootid"], fields["OUID"], fields["OGID"]) == ("0", "root", "root")


def test_what_is_inside_msg_counts() -> None:
    line = (
        'node=web1 type=SERVICE_STOP msg=audit(1709553605.5:9): pid=1 uid=0 msg=\'unit=auditd comm="systemd" '
        'exe="/usr/lib/systemd/systemd" hostname=? res=success\'\x1dUID="root" AUID="unset"'
    )
    event = collect(auditd, line).events[0]
    assert event.host == "web1"
    assert {name: event.fields[name] for name in ("unit", "comm", "exe", "hostname", "res", "UID", "msg")} == {
        "unit": "auditd",
        "comm": "systemd",
        "exe": "/usr/lib/systemd/systemd",
        "hostname": "?",
        "res": "success",
        "UID": "root",
        "msg": "audit(1709553605.5:9)",
    }


def test_hex_stays_and_addresses_are_opened() -> None:
    text = (
        "type=PROCTITLE msg=audit(1709553605.5:9): proctitle=63686D6F640037\n----\n"
        "type=SOCKADDR msg=audit(1709553605.5:9): saddr=0200\x1dSADDR={ saddr_fam=inet laddr=1.2.3.4 lport=53 }\n"
        "not a record\n"
    )
    sink = collect(auditd, text)
    assert sink.events[0].fields["proctitle"] == "63686D6F640037"
    assert (sink.events[1].fields["laddr"], sink.events[1].fields["lport"]) == ("1.2.3.4", "53")
    assert sink.kept == [("not a record", "not an audit record", "line 4")]


def test_real_auditd() -> None:
    base = shared("data", "splunk__attack_data")
    data = (
        base / "8e9648bd/datasets/attack_techniques/T1068/linux_dirtyfrag/dirty_frag_lpe_attack_data.log"
    ).read_bytes()
    sink = collect(auditd, data)
    assert (len(sink.events), sink.lost) == (447, [])
    assert all(event.time for event in sink.events)
    assert not [event for event in sink.events for value in event.fields.values() if "\x1d" in value]


def test_key_value_pairs() -> None:
    text = (
        '2024-03-04T12:00:05Z action=allowed src=10.0.0.1 user="bob b\\" jones" empty= '
        "note='x y', url=http://a/?q=1 src=::1\n"
        "date=2024-03-04 time=12:00:05 devname=fw1\n"
        "time=1709553605 a.b=1\n"
        "no pairs here\n"
    )
    first, second, third, fourth = collect(keyvalue, text).events
    assert first.fields == {
        "action": "allowed",
        "src": ["10.0.0.1", "::1"],
        "user": "bob b\\",
        "note": "x y",
        "url": "http://a/?q=1",
    }
    assert first.time == second.time == third.time == 1_709_553_605_000_000
    assert second.fields["devname"] == "fw1"
    assert third.fields["a_b"] == "1"
    assert (fourth.fields, fourth.time, fourth.sourcetype) == ({}, None, "kv")
    assert len(collect(keyvalue, text).warned) == 1


@given(st.text(max_size=200))
def test_any_line_is_one_event(text: str) -> None:
    expected = [one for one in text.encode("utf-8", "replace").decode().split("\n") if one.strip("\r").strip()]
    for source in (keyvalue, textlines):
        assert [event.raw for event in collect(source, text.encode("utf-8", "replace")).events] == [
            one.lstrip("\ufeff").rstrip("\r") if at == 0 and text[:1] == "\ufeff" else one.rstrip("\r")
            for at, one in enumerate(expected)
        ]


def test_csv() -> None:
    text = (
        "\ufefftime,user name,note,host,\r\n"
        '2024-03-04T12:00:05Z,alice,"two\r\nlines, ""quoted""",h1,x\r\n'
        "2024-03-04T12:00:06Z,bob\r\n"
        "\r\n"
        "1,2,3,4,5,6\r\n"
    )
    sink = collect(csvfile, text)
    first, second = sink.events
    assert first.fields == {
        "time": "2024-03-04T12:00:05Z",
        "user name": "alice",
        "note": 'two\r\nlines, "quoted"',
        "extracted_host": "h1",
        "EXTRA_FIELD_5": "x",
    }
    assert first.raw == '2024-03-04T12:00:05Z,alice,"two\r\nlines, ""quoted""",h1,x'
    assert (first.time, first.sourcetype) == (1_709_553_605_000_000, "csv")
    assert second.fields["user name"] == "bob"
    assert sink.kept == [("1,2,3,4,5,6", "row with more cells than the header", "line 6")]
    assert len(sink.warned) == 1


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_csv_separators(separator: str) -> None:
    text = (
        separator.join(("name", "size", "when"))
        + "\n"
        + separator.join(("a, b" if separator != "," else "a", "1", "x"))
    )
    assert collect(csvfile, text).events[0].fields["size"] == "1"


def test_a_splunk_export_keeps_what_it_was() -> None:
    text = (
        '"_raw","_time",host,source,sourcetype,index,linecount,action,tags\n'
        '"{""a"":1}","2024-03-04T12:00:05.000+0000",h,s,aws:cloudtrail,main,1,deleted,"x\ny"\n'
    )
    event = collect(csvfile, text).events[0]
    assert (event.raw, event.host, event.source, event.sourcetype) == ('{"a":1}', "h", "s", "aws:cloudtrail")
    assert event.time == 1_709_553_605_000_000
    assert event.fields == {"action": "deleted", "tags": ["x", "y"]}


def test_csv_that_is_none() -> None:
    with pytest.raises(InputError, match="no header"):
        collect(csvfile, "\n\n")
    with pytest.raises(InputError, match="columns"):
        collect(csvfile, ",".join(f"c{at}" for at in range(3_000)) + "\n")
    with pytest.raises(InputError, match="not a text"):
        collect(csvfile, b"\0\1\2\3" * 50)


def test_an_open_quote_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csvfile, "_ROW_LIMIT", 1_000)
    sink = collect(csvfile, 'a,b\n1,"open\n' + "x" * 100 + ("\n" + "y" * 100) * 30 + "\n")
    assert sink.kept
    assert all(len(raw) < 2_000 for raw, _, _ in sink.kept)
    assert all(len(event.raw) < 2_000 for event in sink.events)


CELLS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=6))
def test_what_csv_writes_is_read(rows: list[tuple[str, str, str]]) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(("first", "second", "third"))
    writer.writerows(rows)
    sink = collect(csvfile, out.getvalue())
    assert sink.lost == []
    assert [tuple(event.fields.get(name, "") for name in ("first", "second", "third")) for event in sink.events] == rows


def test_plain_text() -> None:
    text = (
        "May 27 09:28:36 ip-10 sshd[5617]: Accepted password for bob from 10.0.0.1 port 5 ssh2\r\n"
        "<189>Jan 16 03:48:22 sw1 61: Jan 16 03:48:22.200 CET: %SISF-4-IP_THEFT: IP Theft A=::1\n"
        "2024-03-04 12:00:05 started\n\nwords\n"
    )
    sink = collect(textlines, text, mtime=1_709_553_605.0)
    secure, cisco, dated, words = sink.events
    assert (secure.sourcetype, secure.fields) == ("linux_secure", {})
    assert secure.time == 1_685_179_716_000_000  # May of the year before
    assert cisco.sourcetype == "cisco:ios"
    assert (dated.sourcetype, dated.time, dated.host) == ("text", 1_709_553_605_000_000, None)
    assert (words.sourcetype, words.time) == ("text", None)
    assert len(sink.warned) == 2


@pytest.mark.parametrize("source", [keyvalue, textlines, auditd, csvfile])
def test_a_huge_line_costs_itself_only(source: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import ModuleType

    assert isinstance(source, ModuleType)
    monkeypatch.setattr(lines.lines, "__defaults__", (1_000,))
    good = SYSCALL if source is auditd else "a,b=1"
    sink = collect(source, f"{good}\n" + "x" * 5_000 + f"\n{good}\n{good}\n")
    assert len(sink.events) == (2 if source is csvfile else 3)
    assert [reason for reason, _ in sink.lost] == [f"line longer than {lines.LINE_LIMIT // 2**20} MiB"]
