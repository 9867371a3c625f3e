"""Stanzas of transforms.conf and automatic key-values at work, over real events in a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.unit.knowledgekit import addon, session
from trapline.ingest.intake import Evidence, ingest
from trapline.knowledge import Knowledge
from trapline.search import Session
from trapline.store import Store
from trapline.values import Row


@contextmanager
def over(tmp_path: Path, events: list[Mapping[str, Any] | str], **files: str) -> Iterator[Session]:
    """A session over JSON events of sourcetype `app` from source `/var/log/app.log`, with one add-on."""
    knowledge = Knowledge.load([addon(tmp_path, **files)])
    with session(tmp_path, events, knowledge, sourcetype="app", source="/var/log/app.log", host="web1") as found:
        yield found


@contextmanager
def text(tmp_path: Path, lines: list[str], **files: str) -> Iterator[Session]:
    """A session over lines of text of sourcetype `note`, with one add-on; no props means the default settings."""
    knowledge = Knowledge.load([addon(tmp_path, **({"props": "[other]\nEVAL-x = 1\n"} | files))])
    path = tmp_path / "notes.txt"
    path.write_text("".join(f"2026-03-04 10:00:0{at} {line}\n" for at, line in enumerate(lines)), encoding="utf-8")
    with Store.throwaway() as store:
        ingest([Evidence(str(path), sourcetype="note")], store, format="textlines")
        yield Session(tables=store.snapshot().tables, knowledge=knowledge)


def rows(session: Session, spl: str) -> list[Row]:
    result = session.run(spl)
    assert result.warnings == ()
    return result.rows


@pytest.mark.parametrize(
    ("settings", "value", "found"),
    [
        ('DELIMS = ","\nFIELDS = x, y, z', "1,,3", {"x": "1", "z": "3"}),
        ('DELIMS = ","\nFIELDS = x, "y z"', '"1,1",2,3', {"x": "1,1", "y_z": "2"}),
        ('DELIMS = "|;"\nFIELDS = x y', "1;2", {"x": "1", "y": "2"}),
        ('DELIMS = "\\t"\nFIELDS = x y', "1\t2", {"x": "1", "y": "2"}),
        ('DELIMS = "|", "="', "x=1|y z=2|x=3|z=", {"x": "1", "y_z": "2"}),
        ('DELIMS = "|", "="\nMV_ADD = true', "x=1|x=3", {"x": ["1", "3"]}),
        ('DELIMS = "|", "="\nCLEAN_KEYS = false', "y z=2", {"y z": "2"}),
        (r"REGEX = (\w+):(\w+)" "\nFORMAT = $1::$2", "x:1 y:2 x:3", {"x": "1", "y": "2"}),
        (r"REGEX = (\w+):(\w+)" "\nFORMAT = $1::$2\nMV_ADD = 1", "x:1 y:2 x:3", {"x": ["1", "3"], "y": "2"}),
        (r"REGEX = (\w+):(\w+)" "\nFORMAT = k_$1::<$2>", "x:1", {"k_x": "<1>"}),
        (r"REGEX = (?<_KEY_1>\w+):(?<_VAL_1>\w+)", "x:1 y:2", {"x": "1", "y": "2"}),
        (r"REGEX = (\d)(\d)" "\nFORMAT = x::$2-$1 y::$1", "12 34", {"x": "2-1", "y": "1"}),
        (r"REGEX = (\d)(\d)" "\nFORMAT = x::$2-$1\nMV_ADD = true", "12 34", {"x": ["2-1", "4-3"]}),
        (r"REGEX = (\d)(\d)?" "\nFORMAT = x::$1-$2 y::$1", "1", {"y": "1"}),
        (r"REGEX = (\d)" "\nFORMAT = kind::number", "1", {"kind": "number"}),
        (r"REGEX = (\d)" "\nFORMAT = kind::number", "a", {}),
        (r"REGEX = x=(?<x>\d*)", "x=", {}),
    ],
)
def test_a_stanza_of_transforms(tmp_path: Path, settings: str, value: str, found: Row) -> None:
    with over(
        tmp_path,
        [{"f": value}],
        props="[app]\nREPORT-x = t\n",
        transforms=f"[t]\nSOURCE_KEY = f\nCAN_OPTIMIZE = true\n{settings}\n",
    ) as s:
        names = {"x", "y", "z", "k_x", "y_z", "y z", "kind"}
        assert [{key: row[key] for key in row.keys() & names} for row in rows(s, "*")] == [found]
        for name, cell in found.items():
            assert rows(s, f'* | table "{name}"') == [{name: cell}]


def test_keep_empty_vals(tmp_path: Path) -> None:
    transforms = '[t]\nSOURCE_KEY = f\nDELIMS = ","\nFIELDS = x, y\nKEEP_EMPTY_VALS = true\n'
    with over(tmp_path, [{"f": "1,"}], props="[app]\nREPORT-x = t\n", transforms=transforms) as s:
        assert rows(s, '* | eval e=if(y=="", "empty", "none") | table x e') == [{"x": "1", "e": "empty"}]


def test_host_and_source_can_be_read(tmp_path: Path) -> None:
    transforms = r"""
[file]
SOURCE_KEY = source
REGEX = /([^/]+)\.log
FORMAT = file::$1
[number]
SOURCE_KEY = MetaData:Host
REGEX = (\d+)$
FORMAT = number::$1
"""
    with over(
        tmp_path,
        [{"f": "1"}],
        props="[app]\nREPORT-x = file, number\nEXTRACT-y = (?<dir>/var/\\w+) in source\n",
        transforms=transforms,
    ) as s:
        assert rows(s, "* | table file number dir") == [{"file": "app", "number": "1", "dir": "/var/log"}]


def test_later_steps_see_names_from_the_data(tmp_path: Path) -> None:
    with over(
        tmp_path,
        [{"f": "colour:red"}, {"f": "size:9"}],
        props='[app]\nREPORT-x = t\nFIELDALIAS-y = colour AS color\nEVAL-big = if(size>5, "yes", null())\n',
        transforms="[t]\nSOURCE_KEY = f\nREGEX = (\\w+):(\\w+)\nFORMAT = $1::$2\n",
        eventtypes="[reddish]\nsearch = color=red\n",
    ) as s:
        assert rows(s, "eventtype=reddish | table colour color") == [{"colour": "red", "color": "red"}]
        assert rows(s, "big=yes | table size") == [{"size": "9"}]


# --- automatic key-values


def test_text_gives_its_key_values_by_itself(tmp_path: Path) -> None:
    with text(tmp_path, ['user=alice msg="a b" user=bob', "nothing here", "id.x=7"]) as s:
        assert rows(s, "* | sort _time | table user msg id_x") == [{"user": "alice", "msg": "a b"}, {}, {"id_x": "7"}]
        assert rows(s, "user=alice | stats count by user") == [{"user": "alice", "count": 1}]


def test_an_extraction_wins_over_automatic_key_values(tmp_path: Path) -> None:
    props = "[note]\nEXTRACT-u = (?<user>carol)\nFIELDALIAS-n = user AS name\n"
    with text(tmp_path, ["user=alice carol", "user=bob"], props=props) as s:
        assert rows(s, "* | sort _time | table name") == [{"name": "carol"}, {"name": "bob"}]


@pytest.mark.parametrize(
    ("mode", "found"),
    [
        ("none", {}),
        ("auto", {"k": "1"}),
        ("auto_escaped", {"k": "1"}),
        ("json", {}),
        ("xml", {}),
    ],
)
def test_kv_mode_of_plain_text(tmp_path: Path, mode: str, found: Row) -> None:
    with text(tmp_path, ["k=1"], props=f"[note]\nKV_MODE = {mode}\n") as s:
        assert rows(s, "* | table k") == [found]


@pytest.mark.parametrize(
    ("mode", "path", "quoted"),
    [("auto", "C:\\Temp\\", "say \\"), ("auto_escaped", 'C:\\Temp" z=', 'say "hi" to \\ and \\n')],
)
def test_only_auto_escaped_honors_escapes_within_quotes(tmp_path: Path, mode: str, path: str, quoted: str) -> None:
    said = r'q="say \"hi\" to \\ and \n"'.replace("\\\\", "\\" * 2)
    props = f"[note]\nKV_MODE = {mode}\n"
    with text(tmp_path, [r'p="C:\Temp\" z="1"', said], props=props) as s:
        assert rows(s, "* | sort _time | table p q") == [{"p": path}, {"q": quoted}]


def test_extract_reads_quotes_as_auto_does(tmp_path: Path) -> None:
    with text(tmp_path, [r'p="C:\Temp\" z="1"'], props="[note]\nKV_MODE = none\n") as s:
        assert rows(s, "* | extract | table p z") == [{"p": "C:\\Temp\\", "z": "1"}]


@pytest.mark.parametrize(("mode", "found"), [("auto", "C:\\T\\"), ("auto_escaped", 'C:\\T" b=')])
def test_ingest_of_pairs_follows_kv_mode(tmp_path: Path, mode: str, found: str) -> None:
    path = tmp_path / "pairs.log"
    path.write_text(r'2024-03-04T12:00:05Z a="C:\T\" b="1" c=2' + "\n", encoding="utf-8")
    knowledge = Knowledge.load([addon(tmp_path, props=f"[note]\nKV_MODE = {mode}\n")])
    with Store.throwaway() as store:
        ingest([Evidence(str(path), sourcetype="note")], store, rules=knowledge.index_time)
        session = Session(tables=store.snapshot().tables, knowledge=knowledge)
        assert rows(session, "* | table a c") == [{"a": found, "c": "2"}]


@contextmanager
def whole(tmp_path: Path, event: str, props: str) -> Iterator[Session]:
    path = tmp_path / "notes.txt"
    path.write_text(event + "\n", encoding="utf-8")
    knowledge = Knowledge.load([addon(tmp_path, props=props)])
    with Store.throwaway() as store:
        ingest([Evidence(str(path), sourcetype="note")], store, format="textlines")
        yield Session(tables=store.snapshot().tables, knowledge=knowledge)


JSON = '{"a": {"b": [{"c": 1}, {"c": 2}]}, "k": "x y=3"}'


@pytest.mark.parametrize("mode", ["json", "auto"])
def test_json_of_a_users_sourcetype(tmp_path: Path, mode: str) -> None:
    with whole(tmp_path, JSON, f"[note]\nKV_MODE = {mode}\n") as s:
        assert rows(s, "* | table a.b{}.c k") == [{"a.b{}.c": ["1", "2"], "k": "x y=3"}]


def test_json_is_left_alone_where_the_settings_say_so(tmp_path: Path) -> None:
    with whole(tmp_path, JSON, "[note]\nAUTO_KV_JSON = false\n") as s:
        assert rows(s, "* | table k a.b{}.c") == [{}]


def test_xml_of_a_users_sourcetype(tmp_path: Path) -> None:
    with whole(tmp_path, "<e><user id='7'>alice</user></e>", "[note]\nKV_MODE = xml\n") as s:
        assert rows(s, "* | table e.user e.user{@id}") == [{"e.user": "alice", "e.user{@id}": "7"}]


def test_what_ingest_has_extracted_is_not_extracted_again(tmp_path: Path) -> None:
    with over(tmp_path, [{"f": "k=1"}], props="[app]\nKV_MODE = auto\n") as s:
        assert rows(s, "* | table f k") == [{"f": "k=1"}]


def test_automatic_key_values_of_a_renamed_sourcetype(tmp_path: Path) -> None:
    with text(
        tmp_path, ["k=1"], props="[note]\nrename = memo\nEXTRACT-x = (?<no>k)\n[memo]\nEXTRACT-x = (?<yes>k)\n"
    ) as s:
        assert rows(s, "sourcetype=memo | table k yes no") == [{"k": "1", "yes": "k"}]
