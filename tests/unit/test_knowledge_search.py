"""Search-time settings at work: real add-on folders over real events in a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.unit.knowledgekit import addon, session
from trapline.errors import SplError, Warnings
from trapline.knowledge import Knowledge
from trapline.plan import Extend, Scan
from trapline.search import Macro, Session
from trapline.spl.command import Context
from trapline.values import Kind, Row

Events = list[Mapping[str, Any] | str]


@contextmanager
def over(tmp_path: Path, events: Events, **files: str) -> Iterator[Session]:
    """A session over JSON events of sourcetype `app` from source `/var/log/app.log`, with one add-on."""
    knowledge = Knowledge.load([addon(tmp_path, **files)])
    with session(tmp_path, events, knowledge, sourcetype="app", source="/var/log/app.log") as found:
        yield found


def rows(session: Session, spl: str) -> list[Row]:
    result = session.run(spl)
    assert result.warnings == ()
    return result.rows


# --- aliases


def test_alias_adds_replaces_and_removes(tmp_path: Path) -> None:
    props = "[app]\nFIELDALIAS-x = a AS b a AS d\n"
    with over(tmp_path, [{"n": 1, "a": "A", "b": "B"}, {"n": 2, "b": "B"}], props=props) as s:
        assert rows(s, "* | sort n | table n a b d") == [{"n": "1", "a": "A", "b": "A", "d": "A"}, {"n": "2"}]


def test_asnew_keeps_what_is_there(tmp_path: Path) -> None:
    props = "[app]\nFIELDALIAS-x = a ASNEW b\n"
    with over(tmp_path, [{"n": 1, "a": "A", "b": "B"}, {"n": 2, "a": "A"}, {"n": 3, "b": "B"}], props=props) as s:
        assert rows(s, "* | sort n | table b") == [{"b": "B"}, {"b": "A"}, {"b": "B"}]


def test_aliases_run_in_the_order_of_their_keys_and_see_each_other(tmp_path: Path) -> None:
    props = "[app]\nFIELDALIAS-z = b AS c\nFIELDALIAS-a = a AS b\n"
    with over(tmp_path, [{"a": "A", "b": "B"}], props=props) as s:
        assert rows(s, "* | table c") == [{"c": "A"}]


def test_names_with_blanks_in_aliases(tmp_path: Path) -> None:
    props = "[app]\nFIELDALIAS-x = \"a b\" AS c, c as 'd'\n"
    with over(tmp_path, [{"a b": "1"}], props=props) as s:
        assert rows(s, "* | table c d") == [{"c": "1", "d": "1"}]


# --- calculated fields


def test_calculated_fields_do_not_see_each_other(tmp_path: Path) -> None:
    props = '[app]\nEVAL-x = y*2\nEVAL-y = 100\nEVAL-z = if(y=3, "before", "after")\n'
    with over(tmp_path, [{"y": 3}], props=props) as s:
        assert rows(s, "* | table x y z") == [{"x": "6", "y": "100", "z": "before"}]


def test_a_calculated_field_sees_aliases_and_replaces_by_nothing(tmp_path: Path) -> None:
    props = "[app]\nFIELDALIAS-x = a AS b\nEVAL-c = upper(b)\nEVAL-a = null()\n"
    with over(tmp_path, [{"a": "v"}], props=props) as s:
        assert rows(s, "* | table a b c") == [{"b": "v", "c": "V"}]


def test_a_calculated_multivalue(tmp_path: Path) -> None:
    props = '[app]\nEVAL-parts = split(path, "/")\nEVAL-last = mvindex(split(path, "/"), -1)\n'
    with over(tmp_path, [{"path": "a/b"}], props=props) as s:
        assert rows(s, "parts=b | table parts last") == [{"parts": ["a", "b"], "last": "b"}]
        assert rows(s, "* | stats count by parts") == [{"parts": "a", "count": 1}, {"parts": "b", "count": 1}]


def test_now_is_that_of_the_search(tmp_path: Path) -> None:
    with over(tmp_path, [{"a": 1}], props="[app]\nEVAL-age = now() - 100\n") as s:
        assert s.run("* | table age", now=1000.0).rows == [{"age": "900"}]
        assert s.run("* | table age", now=2000.0).rows == [{"age": "1900"}]


def test_numbers_of_calculated_fields_count_as_numbers(tmp_path: Path) -> None:
    with over(tmp_path, [{"b": 10}, {"b": 9}], props="[app]\nEVAL-kb = b / 2\n") as s:
        assert rows(s, "kb>4.6 | stats sum(kb) as sum max(kb) as max") == [{"sum": 5, "max": "5"}]


# --- extractions


def test_extract_from_raw_and_from_a_field(tmp_path: Path) -> None:
    props = '[app]\nEXTRACT-a = "msg": "(?<verb>\\w+) (?<what>\\w+)\nEXTRACT-b = ^(?<first>.) in verb\n'
    with over(tmp_path, [{"msg": "drop table"}, {"msg": "-"}], props=props) as s:
        assert rows(s, "verb=drop | table verb what first") == [{"verb": "drop", "what": "table", "first": "d"}]


def test_the_first_extraction_that_finds_a_value_wins_over_later_ones_and_stored_fields(tmp_path: Path) -> None:
    props = "[app]\nEXTRACT-2 = (?<v>y\\d) in t\nEXTRACT-1 = (?<v>x\\d) in t\n"
    with over(tmp_path, [{"n": 1, "t": "y1 x1", "v": "s"}, {"n": 2, "t": "y2"}, {"n": 3, "v": "s"}], props=props) as s:
        assert rows(s, "* | sort n | table v") == [{"v": "x1"}, {"v": "y2"}, {"v": "s"}]


def test_report_with_format_and_several_values(tmp_path: Path) -> None:
    props = "[app]\nREPORT-x = one, all\n"
    transforms = (
        "[one]\nREGEX = (\\w+)=(\\w+)\nFORMAT = key::$1 value::$2\nSOURCE_KEY = t\n"
        "[all]\nREGEX = =(?<every>\\w+)\nSOURCE_KEY = t\nMV_ADD = true\n"
    )
    with over(tmp_path, [{"t": "a=1 b=2 c=3"}], props=props, transforms=transforms) as s:
        assert rows(s, "* | table key value every") == [{"key": "a", "value": "1", "every": ["1", "2", "3"]}]


def test_a_pattern_that_only_pcre_has(tmp_path: Path) -> None:
    with over(tmp_path, [{"t": "ab12"}], props="[app]\nEXTRACT-a = (?<=ab)(?<n>\\d+) in t\n") as s:
        assert rows(s, "* | table n") == [{"n": "12"}]


def test_groups_of_one_name_are_refused_with_a_warning(tmp_path: Path) -> None:
    props = "[app]\nEXTRACT-a = k1=(?<v>\\d)|k2=(?<v>\\d) in t\n"
    with over(tmp_path, [{"t": "k2=2"}], props=props) as s:
        found = s.run("* | table v")
        assert [warning.reason for warning in found.warnings if "the name 'v'" in warning.reason]


def test_many_extractions_and_aliases_of_a_field_cost_no_more_than_their_sum(tmp_path: Path) -> None:
    props = "\n".join(
        f"[source::...{at}...]\n"
        + "\n".join(f"EXTRACT-{n:02} = (?<v>{at}{n:02}) in t\nFIELDALIAS-{n:02} = t ASNEW w" for n in range(30))
        for at in ("app", "log")
    )
    with over(tmp_path, [{"t": "app29 log07"}], props=props) as s:
        assert rows(s, "* | table v w") == [{"v": "app29", "w": "app29 log07"}]
        assert len(s.sql("* | table v w")) < 60_000


# --- which stanza


STANZAS = """
[default]
EVAL-who = "default"
EVAL-only_default = "yes"
[app]
EVAL-who = "sourcetype"
EVAL-only_sourcetype = "yes"
[host::h*]
EVAL-who = "host"
[source::...app...]
EVAL-who = "source a"
EVAL-prio = "a"
[source::...b...]
EVAL-who = "source b"
EVAL-prio = "b"
priority = 10
[source::/elsewhere]
EVAL-who = "elsewhere"
EVAL-other = "x"
"""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("/var/log/app.log", {"who": "source a", "prio": "a"}),
        ("/b/app.log", {"who": "source b", "prio": "b"}),
        ("/elsewhere", {"who": "elsewhere", "other": "x"}),
        ("/x", {"who": "host"}),
    ],
)
def test_every_key_follows_its_strongest_stanza(tmp_path: Path, source: str, expected: dict[str, str]) -> None:
    knowledge = Knowledge.load([addon(tmp_path, props=STANZAS)])
    with session(tmp_path, [{"a": 1}], knowledge, sourcetype="app", source=source, host="H1") as s:
        expected = expected | {"only_default": "yes", "only_sourcetype": "yes"}
        assert rows(s, "* | table who prio other only_default only_sourcetype") == [expected]


def test_a_stanza_does_not_touch_other_sourcetypes(tmp_path: Path) -> None:
    knowledge = Knowledge.load([addon(tmp_path, props="[other]\nEVAL-a = 1\n[app]\nEVAL-a = a . a\n")])
    with session(tmp_path, [{"a": "x"}], knowledge, sourcetype="app") as s:
        (tmp_path / "more").mkdir()
        with session(tmp_path / "more", [{"a": "y"}], knowledge, sourcetype="third") as t:
            both = Session(tables=[*s.tables, *t.tables], knowledge=knowledge)
            assert rows(both, "* | stats values(a) as a by sourcetype") == [
                {"sourcetype": "app", "a": "xx"},
                {"sourcetype": "third", "a": "y"},
            ]


# --- eventtypes and tags

EVENTTYPES = """
[login]
search = action=login
[bad_login]
search = eventtype=login NOT result=ok
[raw]
search = "hunter two"
[old]
search = action=login
disabled = 1
[circle]
search = eventtype=round
[round]
search = eventtype=circle
[called]
search = `wanted`
"""
TAGS = """
[eventtype=bad_login]
attack = enabled
watch = enabled
[user=al%20ice]
vip = enabled
watch = enabled
ignored = disabled
[eventtype=of_another_addon]
watch = enabled
"""
LOGINS: Events = [
    {"n": 1, "action": "login", "result": "ok", "user": "al ice"},
    {"n": 2, "action": "login", "result": "no", "user": "bob"},
    {"n": 3, "action": "logout", "user": "bob", "note": "hunter two"},
]


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("eventtype=login", "12"),
        ("eventtype=LOGIN", "12"),
        ("eventtype=*login", "12"),
        ("eventtype=bad_login", "2"),
        ("NOT eventtype=login", "3"),
        ("eventtype!=bad_login", "13"),
        ("eventtype IN (raw, bad_login)", "23"),
        ("tag=attack", "2"),
        ("tag=watch", "12"),
        ("tag::user=watch", "1"),
        ("tag::eventtype=watch", "2"),
        ("tag=v*", "1"),
        ("NOT tag=watch", "3"),
        ("tag IN (vip, attack)", "12"),
        ("* | search eventtype=login tag=vip", "1"),
        ("* | fields n, eventtype, tag | search eventtype=raw", "3"),
        ("eventtype=called", "3"),
    ],
)
def test_events_by_eventtype_and_tag(tmp_path: Path, search: str, expected: str) -> None:
    with over(tmp_path, LOGINS, props="", eventtypes=EVENTTYPES, tags=TAGS) as s:
        s.macros = {"wanted": Macro("wanted", "action=logout")}
        assert "".join(sorted(str(row["n"]) for row in rows(s, search + " | table n"))) == expected


def test_eventtype_and_tag_as_fields(tmp_path: Path) -> None:
    eventtypes = EVENTTYPES.replace("`wanted`", "action=nothing")
    with over(tmp_path, LOGINS, props="", eventtypes=eventtypes, tags=TAGS) as s:
        assert rows(s, "* | sort n | table n eventtype tag tag::user tag::eventtype") == [
            {"n": "1", "eventtype": "login", "tag": ["vip", "watch"], "tag::user": ["vip", "watch"]},
            {
                "n": "2",
                "eventtype": ["bad_login", "login"],
                "tag": ["attack", "watch"],
                "tag::eventtype": ["attack", "watch"],
            },
            {"n": "3", "eventtype": "raw"},
        ]
        assert rows(s, "* | stats count by eventtype") == [
            {"eventtype": "bad_login", "count": 1},
            {"eventtype": "login", "count": 2},
            {"eventtype": "raw", "count": 1},
        ]


def test_an_eventtype_or_tag_that_nothing_has_warns(tmp_path: Path) -> None:
    with over(tmp_path, LOGINS, props="", eventtypes=EVENTTYPES, tags=TAGS) as s:
        for search in ("eventtype=nothing", "eventtype=old", "eventtype=circle", "tag=nothing", "tag=ignored"):
            result = s.run(search)
            assert result.rows == []
            assert [warn.code for warn in result.warnings] == [search.partition("=")[0]]


def test_an_eventtype_reads_fields_of_search_time(tmp_path: Path) -> None:
    with over(tmp_path, [{"a": "x"}], props="[app]\nEVAL-b = a . a\n", eventtypes="[e]\nsearch = b=xx\n") as s:
        assert rows(s, "eventtype=e | table eventtype") == [{"eventtype": "e"}]


# --- what is not supported

UNSUPPORTED = """
[app]
LOOKUP-a = people name AS user OUTPUT dept AS department, floor
LOOKUP-b = rooms room
REPORT-c = cut
REPORT-d = nowhere
EVAL-broken = if(a
EVAL-strange = no_such_function(a)
EXTRACT-none = \\d+
EXTRACT-bad = (?<bad>[)
SOMETHING = 1
SEDCMD-x = s/a/b/
"""
TRANSFORMS = '[cut]\nSOURCE_KEY = queue\nDELIMS = ","\nFIELDS = first, "second one"\n[rooms]\nfilename = rooms.csv\n'


@contextmanager
def unsupported(tmp_path: Path) -> Iterator[Session]:
    files = {"props": UNSUPPORTED, "transforms": TRANSFORMS, "rooms_csv": "room,house,colour\nr1,h1,red\n"}
    with over(tmp_path, [{"a": "x", "first": "kept"}], **files) as s:
        yield s


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("department", 3),
        ("floor", 3),
        ("first", 5),
        ("second one", 5),
        ("broken", 7),
        ("strange", 8),
        ("bad", 10),
    ],
)
def test_a_field_that_cannot_be_made_warns_when_it_is_asked_for(tmp_path: Path, field: str, line: int) -> None:
    with unsupported(tmp_path) as s:
        result = s.run(f'* | table "{field}"')
        assert [warn.where for warn in result.warnings] == [f"my_addon/default/props.conf:{line}"]
        assert result.rows == [{"first": "kept"} if field == "first" else {}]


def test_other_searches_do_not_warn(tmp_path: Path) -> None:
    with unsupported(tmp_path) as s:
        assert rows(s, "a=x | stats count by a") == [{"a": "x", "count": 1}]


def test_nothing_of_a_conf_file_is_lost(tmp_path: Path) -> None:
    with unsupported(tmp_path) as s:
        assert s.knowledge is not None
        found = {(warn.code, str(warn.where).rpartition(":")[2]) for warn in s.knowledge.problems}
        assert found == {("conf-unknown", "11"), ("conf-index-time", "12")}


# --- what it costs


def test_the_scan_reads_only_what_the_fields_asked_for_need(tmp_path: Path) -> None:
    props = "[app]\nEXTRACT-a = (?<x>.) in t\nFIELDALIAS-b = x AS y\nEVAL-z = y . u\nEVAL-other = _raw . v\n"
    with over(tmp_path, [{"t": "q", "u": "r", "v": "w"}], props=props) as s:
        assert _reads(s, frozenset({"z"})) == {"t", "u"}
        assert _reads(s, frozenset({"u"})) == {"u"}
        assert _reads(s, frozenset({"other"})) == {"_raw", "v"}
        assert _reads(s, frozenset()) == set()


def _reads(session: Session, need: frozenset[str]) -> set[str]:
    """The stored fields that a scan reads when these fields are asked for."""
    assert session.knowledge is not None
    stored = {"_raw": Kind.TEXT, "source": Kind.TEXT, "t": Kind.TEXT, "u": Kind.TEXT, "v": Kind.TEXT}
    bound = session.knowledge.bind(session.tables, stored)
    context = cast("Context", SimpleNamespace(warnings=Warnings()))
    node = bound.expander(context)(Scan(bound.schema, tuple(session.tables)), need).node
    while isinstance(node, Extend):
        node = node.input
    assert isinstance(node, Scan)
    assert node.expand is None
    return set(node.schema)


def test_fields_of_search_time_are_known(tmp_path: Path) -> None:
    with over(tmp_path, [{"user_a": "1"}], props="[app]\nEVAL-user_b = 2\nEVAL-c = 3\n") as s:
        assert s.run("* | table user_*").rows == [{"user_a": "1", "user_b": "2"}]
        assert rows(s, "user_*=2 | table c") == [{"c": "3"}]


# --- names that change


def test_rename_shows_a_sourcetype_under_another_name_with_its_settings(tmp_path: Path) -> None:
    props = "[app]\nrename = web\nEVAL-x = 1\n[web]\nEVAL-y = 2\n"
    with over(tmp_path, [{"a": "1"}], props=props) as s:
        assert rows(s, "* | table sourcetype _sourcetype x y") == [
            {"sourcetype": "web", "_sourcetype": "app", "y": "2"}
        ]
        assert len(rows(s, "sourcetype=web")) == 1
        assert rows(s, "sourcetype=app") == []
        assert len(rows(s, "_sourcetype=app")) == 1


def test_aliases_with_wildcards(tmp_path: Path) -> None:
    with over(tmp_path, [{"src_ip": "1", "src_port": "2"}], props="[app]\nFIELDALIAS-x = src_* AS s_*\n") as s:
        assert rows(s, "* | table s_ip s_port") == [{"s_ip": "1", "s_port": "2"}]


def test_an_eventtype_with_fields_in_its_name(tmp_path: Path) -> None:
    files = {"eventtypes": "[kind-%k%-%l%]\nsearch = a=*\npriority = 1\ncolor = none\n"}
    with over(tmp_path, [{"a": "1", "k": "x", "l": "y"}, {"a": "2", "k": "x"}], **files) as s:
        assert rows(s, "* | sort a | table eventtype") == [{"eventtype": "kind-x-y"}, {}]


def test_tags_by_host_and_source(tmp_path: Path) -> None:
    tags = "[source::/var/log/app.log]\nlog = enabled\n[source=%2Fvar%2Flog%2Fapp.log]\nfile = enabled\n"
    with over(tmp_path, [{"a": "1"}], tags=tags) as s:
        assert rows(s, "* | table tag") == [{"tag": ["file", "log"]}]


def test_nothing_of_a_disabled_addon_is_used(tmp_path: Path) -> None:
    with over(tmp_path, [{"a": "1"}], props="[app]\nEVAL-x = 1\n", app="[install]\nstate = disabled\n") as s:
        assert rows(s, "* | table a x") == [{"a": "1"}]
        assert s.knowledge is not None
        assert [one.code for one in s.knowledge.problems] == ["conf-disabled"]


def test_saved_searches_of_an_addon(tmp_path: Path) -> None:
    saved = "[errors]\nsearch = a=1 | table a\n[off]\nsearch = *\ndisabled = 1\n"
    with over(tmp_path, [{"a": "1"}, {"a": "2"}], savedsearches=saved) as s:
        assert rows(s, "| savedsearch errors") == [{"a": "1"}]
        with pytest.raises(SplError):
            s.run("| savedsearch off")
