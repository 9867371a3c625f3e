"""Which source recognises what, by content alone."""

from __future__ import annotations

import gzip
import json
import tarfile
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shared import shared
from tests.unit.collect import chosen
from tests.unit.test_source_text import SYSCALL
from tests.unit.test_source_wineventlog import NEW, OLD
from tests.unit.test_source_winjson import BEATS, BEATS6, NXLOG, TREE, XML


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (OLD, "wineventlog"),
        (NEW + OLD, "wineventlog"),
        (XML + "\n" + OLD, "wineventlog"),
        (XML, "xmlwineventlog"),
        ("# notes\n" + XML, "xmlwineventlog"),
        (json.dumps(TREE), "winjson"),
        (json.dumps(TREE, indent=2), "winjson"),
        ("Record 1\n" + json.dumps(TREE, indent=2), "winjson"),
        (json.dumps([TREE] * 400, indent=2), "winjson"),
        (json.dumps(NXLOG), "winjson"),
        (json.dumps(BEATS), "winjson"),
        (json.dumps(BEATS6), "winjson"),
        ('{"winlog.channel":"System","winlog.event_id":1}', "winjson"),
        ('{"EventID":"login","Channel":"web"}', "jsonevents"),
        ('{"a":1}', "jsonevents"),
        ('\n\n[{"a":1}]', "jsonevents"),
        (json.dumps({"Records": [{"a": "x" * 100}] * 2000}), "jsonevents"),
        ('{"event":"<Event xmlns=\'x\'><System>","host":"a"}', "jsonevents"),
        (json.dumps({"a": 1, "long": "x" * 100_000}), "jsonevents"),
        (json.dumps({"a": {"b": [1, {"c": "y"}]}, "long": ["x"] * 50_000}, indent=2), "jsonevents"),
        (json.dumps(NXLOG | {"Message": "x" * 100_000}), "winjson"),
        (json.dumps(NXLOG | {"ScriptBlockText": "x" * 100_000}), "winjson"),
        (SYSCALL, "auditd"),
        ("03/04/2026 12:00:00.125\ndcName=dc1.example.com\nadmonEventType=Update\n", "admon"),
        ("a=1 b=2\nc=3 d=4\n", "keyvalue"),
        ("2024-03-04 12:00:05 a=1 b=2 c=3 d=4 e=5\n", "keyvalue"),
        ("name,size\na,1\n", "csvfile"),
        ("name;size\na;1\n", "csvfile"),
        ('_raw,_time,source\n"x, y",1,z\n', "csvfile"),
        ("May 27 09:28:36 h sshd[1]: x\n", "textlines"),
        ("[2024-03-04 12:00:05] words {and} braces\n", "textlines"),
        ("just words\nand more, with a comma\n", "textlines"),
        ("{not json}\n", "textlines"),
        ("[section]\nkey\n", "textlines"),
        ("", None),
        ("   \n\n", None),
    ],
)
def test_by_content(text: str, source: str | None) -> None:
    assert chosen(text.encode()) == source
    if text.strip():
        assert chosen(b"\xef\xbb\xbf" + text.encode()) == source


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0",
        b"PK\3\4\x14\0\0\0\x08\0" + bytes(range(256)),
        gzip.compress(b"a=1 b=2\n" * 1000, mtime=0),
        b"\x7fELF\2\1\1" + b"\0" * 60,
        b"SQLite format 3\0" + bytes(100),
        b"regf" + bytes(range(32)) * 4,
        bytes(range(256)) * 4,
        b"ElfFile\0" + bytes(120),
    ],
)
def test_binary_files_are_nobodys_text(data: bytes) -> None:
    assert chosen(data) in (None, "evtx")


@given(st.binary(max_size=300))
def test_any_bytes_may_be_sniffed(data: bytes) -> None:
    chosen(data)


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    data = path.read_bytes()
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(BytesIO(data)) as archive:
            yield from ((one, archive.read(one)) for one in archive.namelist() if not one.endswith("/"))
    elif path.name.endswith(".tar.gz"):
        with tarfile.open(fileobj=BytesIO(data)) as tar:
            for one in tar:
                member = tar.extractfile(one)
                if member is not None:
                    yield one.name, member.read(100_000)
    else:
        yield path.name, data[:100_000]


def _expected(path: Path, name: str, data: bytes) -> set[str | None]:
    """What a person says that a file of the collection is."""
    folder = str(path)
    start = data.lstrip(b"\xef\xbb\xbf \r\n")
    if data.startswith(b"ElfFile"):
        return {"evtx"}
    if "SigmaHQ" in folder and name.endswith(".json"):
        return {"winjson"}
    if "atomic/windows" in folder or name == "attack_data.txt" or name == "WindowsEvents.json":
        return {"winjson"}
    if start.startswith(b"{"):
        return {"jsonevents"}
    if start.startswith(b"type="):
        return {"auditd"}
    if b"\nLogName=" in data:
        return {"wineventlog"}
    if b"<Event>" in data or b"<Event xmlns=" in data:
        return {"xmlwineventlog"}
    return {"csvfile"} if name.endswith(".tsv") else {"textlines"}


def test_every_real_file_is_what_a_person_says() -> None:
    wrong = [
        (str(path), name, found)
        for path in sorted(shared("data").rglob("*"))
        if path.is_file()
        for name, data in _members(path)
        if (found := chosen(data, name)) not in _expected(path, name, data)
    ]
    assert wrong == []
