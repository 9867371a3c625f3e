"""Automatic lookups: real add-on folders over real events in a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.unit.knowledgekit import addon, session
from trapline.knowledge import Knowledge
from trapline.search import Session
from trapline.values import Row

CODES = "code,action,change\n1,created,account\n2,deleted,\n3,modified,account\n3,changed,group\n"


@contextmanager
def over(tmp_path: Path, events: list[Mapping[str, Any] | str], **files: str) -> Iterator[Session]:
    """A session over JSON events of sourcetype `app` from source `/var/log/app.log`, with one add-on."""
    files = {"transforms": "[codes]\nfilename = codes.csv\n", "codes_csv": CODES} | files
    knowledge = Knowledge.load([addon(tmp_path, **files)])
    with session(tmp_path, events, knowledge, sourcetype="app", source="/var/log/app.log") as found:
        yield found


def rows(session: Session, spl: str) -> list[Row]:
    result = session.run(spl)
    assert result.warnings == ()
    return result.rows


EVENTS: list[Mapping[str, Any] | str] = [
    {"n": 1, "code": "1", "action": "own"},
    {"n": 2, "code": "2"},
    {"n": 3, "code": "3"},
    {"n": 4, "code": "9", "action": "own"},
    {"n": 5, "action": "own"},
]


def test_output_replaces_and_clears_but_leaves_an_event_without_the_match_field(tmp_path: Path) -> None:
    with over(tmp_path, EVENTS, props="[app]\nLOOKUP-x = codes code OUTPUT action, change AS kind\n") as s:
        assert rows(s, "* | sort n | table n action kind") == [
            {"n": "1", "action": "created", "kind": "account"},
            {"n": "2", "action": "deleted"},
            {"n": "3", "action": ["modified", "changed"], "kind": ["account", "group"]},
            {"n": "4"},
            {"n": "5", "action": "own"},
        ]


def test_outputnew_fills_what_is_missing(tmp_path: Path) -> None:
    with over(tmp_path, EVENTS, props="[app]\nLOOKUP-x = codes code OUTPUTNEW action\n") as s:
        assert rows(s, "* | sort n | table action") == [
            {"action": "own"},
            {"action": "deleted"},
            {"action": ["modified", "changed"]},
            {"action": "own"},
            {"action": "own"},
        ]


def test_without_an_output_list_all_other_columns_come(tmp_path: Path) -> None:
    with over(tmp_path, [{"code": "1"}], props="[app]\nLOOKUP-x = codes code\n") as s:
        assert rows(s, "* | table code action change") == [{"code": "1", "action": "created", "change": "account"}]


def test_order_is_that_of_the_keys_and_each_sees_the_ones_before(tmp_path: Path) -> None:
    props = "[app]\nLOOKUP-b = names action OUTPUT name\nLOOKUP-a = codes code OUTPUT action\n"
    with over(
        tmp_path,
        [{"code": "1"}],
        props=props,
        transforms="[codes]\nfilename = codes.csv\n[names]\nfilename = names.csv\n",
        names_csv="action,name\ncreated,New\n",
    ) as s:
        assert rows(s, "* | table name") == [{"name": "New"}]
    props = "[app]\nLOOKUP-2 = codes code OUTPUTNEW action AS word\nLOOKUP-10 = codes code OUTPUTNEW change AS word\n"
    with over(tmp_path, [{"code": "1"}, {"code": "2"}], props=props) as s:
        assert [row["word"] for row in rows(s, "* | sort code | table word")] == ["account", "deleted"]


def test_lookups_read_calculated_fields_and_eventtypes_and_tags_read_lookups(tmp_path: Path) -> None:
    with over(
        tmp_path,
        [{"n": 1, "raw_code": "X1"}, {"n": 2, "raw_code": "X2"}],
        props='[app]\nEVAL-code = replace(raw_code, "X", "")\nLOOKUP-x = codes code OUTPUT action\n',
        eventtypes="[made]\nsearch = action=created\n",
        tags="[eventtype=made]\nnew = enabled\n[action=deleted]\ngone = enabled\n",
    ) as s:
        assert rows(s, "* | sort n | table n eventtype tag") == [
            {"n": "1", "eventtype": "made", "tag": "new"},
            {"n": "2", "tag": "gone"},
        ]
        assert rows(s, "tag=new | table n") == [{"n": "1"}]


def test_the_strongest_stanza_decides_event_by_event(tmp_path: Path) -> None:
    props = (
        "[app]\nLOOKUP-x = codes code OUTPUT action\n[source::/var/*/app.log]\nLOOKUP-x = codes code OUTPUT change\n"
    )
    with over(tmp_path, [{"code": "1"}], props=props) as s:
        assert rows(s, "* | table action change") == [{"change": "account"}]
    with over(tmp_path, [{"code": "1"}], props=props.replace("/var/*/app", "/opt/*/app")) as s:
        assert rows(s, "* | table action change") == [{"action": "created"}]


@pytest.mark.parametrize(
    ("settings", "table", "value", "found"),
    [
        ("case_sensitive_match = false", "k,v\nABC,1\n", "aBc", "1"),
        ("max_matches = 1", "k,v\na,1\na,2\n", "a", "1"),
        ("min_matches = 1\ndefault_match = none", "k,v\na,1\n", "b", "none"),
        ("match_type = WILDCARD(k)", "k,v\n*.exe,1\ncmd*,2\n", "cmd.exe", ["1", "2"]),
        ("match_type = WILDCARD(k)\nmax_matches = 1", "k,v\n*.exe,1\ncmd*,2\n", "cmd.exe", "1"),
        ("match_type = CIDR(k)\nmin_matches = 1\ndefault_match = far", "k,v\n10.0.0.0/8,near\n", "10.1.2.3", "near"),
        ("match_type = CIDR(k)\nmin_matches = 1\ndefault_match = far", "k,v\n10.0.0.0/8,near\n", "11.1.2.3", "far"),
        ("filter = v>1", "k,v\na,1\na,2\n", "a", "2"),
    ],
)
def test_settings_of_the_table(tmp_path: Path, settings: str, table: str, value: str, found: str) -> None:
    with over(
        tmp_path,
        [{"f": value}, {"g": "1"}],
        props="[app]\nLOOKUP-x = t k AS f OUTPUT v\n",
        transforms=f"[t]\nfilename = t.csv\n{settings}\n",
        t_csv=table,
    ) as s:
        assert rows(s, "* | sort g | table g v") == [{"g": "1"}, {"v": found}]
        assert len(rows(s, "* | table _time")) == 2


def test_a_table_bound_to_time(tmp_path: Path) -> None:
    with over(
        tmp_path,
        [{"time": 1_700_000_000 + at, "ip": "a"} for at in (100, 200, 300)],
        props="[app]\nLOOKUP-x = leases ip OUTPUT user\n",
        transforms="[leases]\nfilename = leases.csv\ntime_field = at\ntime_format = %s\nmax_offset_secs = 100\n",
        leases_csv="at,ip,user\n1700000150,a,bob\n1700000050,a,ann\n",
    ) as s:
        assert rows(s, "* | sort _time | table user") == [{"user": "ann"}, {"user": "bob"}, {}]


def test_a_multivalue_looks_up_each_value_and_rows_stay(tmp_path: Path) -> None:
    with over(tmp_path, [{"code": ["1", "2"]}], props='[app]\nLOOKUP-x = codes code AS "code{}" OUTPUT action\n') as s:
        assert rows(s, "* | table action") == [{"action": ["created", "deleted"]}]


@pytest.mark.parametrize(
    ("transforms", "reason"),
    [
        ("[other]\nfilename = codes.csv\n", "the lookup codes is no stanza of transforms.conf"),
        ("[codes]\nfilename = nowhere.csv\n", "is in no add-on's lookups folder"),
        ("[codes]\nexternal_type = kvstore\ncollection = c\n", "KV store collection"),
        ("[codes]\nexternal_cmd = dns.py a b\n", "external program"),
    ],
)
def test_what_cannot_be_followed_warns_where_it_is_asked_for(tmp_path: Path, transforms: str, reason: str) -> None:
    with over(
        tmp_path, EVENTS[:1], props="[app]\nLOOKUP-x = codes code OUTPUT action, change\n", transforms=transforms
    ) as s:
        assert rows(s, "* | table n") == [{"n": "1"}]
        result = s.run("* | table action change")
        assert result.rows == [{"action": "own"}]
        assert [one.where for one in result.warnings] == ["my_addon/default/props.conf:2"]
        assert reason in result.warnings[0].reason


def test_commands_use_the_tables_of_add_ons(tmp_path: Path) -> None:
    with over(tmp_path, [{"code": "1"}], transforms="[codes]\nfilename = codes.csv\nfilter = code<3\n") as s:
        assert rows(s, "* | lookup codes code OUTPUT action | table action") == [{"action": "created"}]
        assert len(rows(s, "| inputlookup codes")) == 2
