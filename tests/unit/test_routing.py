"""TRANSFORMS- of an add-on: what events are called, and which are left out.

transforms.conf.spec, "KEYS"; Getting Data In, "Override source types on a per-event basis"; Forwarding Data, "Route and
filter data".
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.knowledgekit import addon, xml
from trapline.ingest.intake import Evidence, ingest
from trapline.knowledge import Knowledge, built_in_addons
from trapline.knowledge.check import check
from trapline.knowledge.indextime import IndexTime
from trapline.search import Session
from trapline.store import Store

LOG = "2026-03-04 12:00:00 TRAFFIC a\n2026-03-04 12:00:01 THREAT b\n2026-03-04 12:00:02 DEBUG c\n"
TO_TRAFFIC = "[to_traffic]\nREGEX = TRAFFIC\nDEST_KEY = MetaData:Sourcetype\nFORMAT = sourcetype::fw:traffic\n"


def run(
    folder: Path, props: str, transforms: str, text: str = LOG, *, given: Evidence | None = None
) -> tuple[list[tuple[str, ...]], list[str]]:
    """(last word of the event, sourcetype, source, host) in order, and the warnings."""
    mine = addon(folder, props=props, transforms=transforms)
    log = folder / "fw.log"
    log.write_text(text, encoding="utf-8")
    evidence = given or Evidence(str(log), "fw:log", "udp:514", "hub")
    with Store.throwaway() as store:
        report = ingest([evidence], store, rules=IndexTime.load([mine]))
        session = Session(tables=store.snapshot().tables)
        rows = session.run(
            'search index=* | reverse | eval w=replace(_raw, "^.* ", "") | table w sourcetype source host'
        )
    assert not [one.error for one in report.files if one.error]
    return [tuple(map(str, row.values())) for row in rows.rows], [said for one in report.files for said in one.warnings]


def test_a_new_sourcetype(tmp_path: Path) -> None:
    found, said = run(tmp_path, "[fw:log]\nTRANSFORMS-st = to_traffic\n", TO_TRAFFIC)
    assert found == [("a", "fw:traffic", "udp:514", "hub"), *[(one, "fw:log", "udp:514", "hub") for one in "bc"]]
    assert not any("transform" in one for one in said)


def test_host_and_source_and_groups(tmp_path: Path) -> None:
    transforms = (
        "[h]\nREGEX = (\\w)$\nDEST_KEY = MetaData:Host\nFORMAT = host::fw-$1\n"
        "[s]\nSOURCE_KEY = MetaData:Host\nREGEX = ^host::(.*)\nDEST_KEY = MetaData:Source\nFORMAT = $0/$1\n"
        "[st]\nSOURCE_KEY = MetaData:Source\nREGEX = udp:(\\d+)\nDEST_KEY = MetaData:Sourcetype\n"
        "FORMAT = sourcetype::port:$1\n"
    )
    found, _ = run(tmp_path, "[source::udp:*]\nTRANSFORMS-a = h, s, st\n", transforms)
    assert found == [(one, "port:514", f"udp:514/fw-{one}", f"fw-{one}") for one in "abc"]


def test_classes_run_in_ascii_order_and_the_last_one_counts(tmp_path: Path) -> None:
    transforms = "".join(
        f"[{name}]\nREGEX = .\nDEST_KEY = MetaData:Sourcetype\nFORMAT = sourcetype::{name}\n" for name in ("x", "y")
    )
    found, _ = run(tmp_path, "[fw:log]\nTRANSFORMS-b = x\nTRANSFORMS-a = y\n", transforms)
    assert {row[1] for row in found} == {"x"}


def test_the_stanza_of_the_source_overrides_the_class_of_the_sourcetype(tmp_path: Path) -> None:
    transforms = TO_TRAFFIC + TO_TRAFFIC.replace("to_traffic", "other").replace("fw:traffic", "other")
    props = "[fw:log]\nTRANSFORMS-st = to_traffic\n[source::udp:514]\nTRANSFORMS-st = other\n"
    assert run(tmp_path, props, transforms)[0][0][1] == "other"
    props += "[source::udp:5*]\npriority = 200\nTRANSFORMS-st =\n"
    assert run(tmp_path, props, transforms)[0][0][1] == "fw:log"


def test_a_new_sourcetype_has_no_further_transforms(tmp_path: Path) -> None:
    transforms = TO_TRAFFIC + "[again]\nREGEX = .\nDEST_KEY = MetaData:Sourcetype\nFORMAT = sourcetype::twice\n"
    props = "[fw:log]\nTRANSFORMS-st = to_traffic\n[fw:traffic]\nTRANSFORMS-st = again\n"
    assert run(tmp_path, props, transforms)[0][0][1] == "fw:traffic"


def test_the_null_queue_drops_and_says_so(tmp_path: Path) -> None:
    drop = "[drop]\nREGEX = DEBUG|THREAT\nDEST_KEY = queue\nFORMAT = nullQueue\n"
    found, said = run(tmp_path, "[fw:log]\nTRANSFORMS-n = drop\n", drop)
    assert [row[0] for row in found] == ["a"]
    assert "2 events are left out: the transform [drop] sends them to the null queue" in said


def test_keeping_some_and_dropping_the_rest_hangs_on_the_order(tmp_path: Path) -> None:
    transforms = (
        "[setnull]\nREGEX = .\nDEST_KEY = queue\nFORMAT = nullQueue\n"
        "[setparsing]\nREGEX = TRAFFIC\nDEST_KEY = queue\nFORMAT = indexQueue\n"
    )
    assert [row[0] for row in run(tmp_path, "[fw:log]\nTRANSFORMS-q = setnull, setparsing\n", transforms)[0]] == ["a"]
    assert run(tmp_path, "[fw:log]\nTRANSFORMS-q = setparsing, setnull\n", transforms)[0] == []


def test_default_value_and_lookahead(tmp_path: Path) -> None:
    transforms = TO_TRAFFIC + "DEFAULT_VALUE = sourcetype::fw:other\nLOOKAHEAD = 22\n"
    found, _ = run(tmp_path, "[fw:log]\nTRANSFORMS-st = to_traffic\n", transforms)
    assert {row[1] for row in found} == {"fw:other"}
    found, _ = run(tmp_path, "[fw:log]\nTRANSFORMS-st = to_traffic\n", transforms.replace("22", "27"))
    assert [row[1] for row in found] == ["fw:traffic", "fw:other", "fw:other"]


def test_the_sourcetype_that_the_lines_tell_has_transforms_too(tmp_path: Path) -> None:
    text = "Mar  4 12:00:00 fw1 app: one\nMar  4 12:00:01 fw2 app: two\n"
    transforms = "[t]\nREGEX = two\nDEST_KEY = MetaData:Sourcetype\nFORMAT = sourcetype::second\n"
    given = Evidence(str(tmp_path / "fw.log"))
    found, _ = run(tmp_path, "[syslog]\nTRANSFORMS-t = t\n", transforms, text, given=given)
    assert [(row[0], row[1]) for row in found] == [("one", "syslog"), ("two", "second")]


def test_json_keeps_its_fields_under_the_new_name(tmp_path: Path) -> None:
    text = '{"timestamp": "2026-03-04T12:00:00Z", "kind": "x", "n": "1"}\n'
    mine = addon(
        tmp_path,
        props="[acme:json]\nTRANSFORMS-t = t\n",
        transforms='[t]\nREGEX = "kind": "(\\w+)"\nDEST_KEY = MetaData:Sourcetype\nFORMAT = sourcetype::acme:$1\n',
    )
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with Store.throwaway() as store:
        ingest([Evidence(str(tmp_path / "a.json"), "acme:json")], store, rules=IndexTime.load([mine]))
        rows = Session(tables=store.snapshot().tables).run("search sourcetype=acme:x n=1 | table sourcetype host").rows
    assert rows == [{"sourcetype": "acme:x", "host": "unknown"}]


@pytest.mark.parametrize(
    ("transform", "reason"),
    [
        ("INGEST_EVAL = a=1", "INGEST_EVAL is not supported"),
        ("REGEX = a\nCLONE_SOURCETYPE = b", "CLONE_SOURCETYPE is not supported"),
        ("REGEX = (a)\nFORMAT = f::$1\nWRITE_META = true", "it makes a field at index time (WRITE_META)"),
        ("REGEX = a", "it has no DEST_KEY"),
        ("REGEX = a\nDEST_KEY = _raw\nFORMAT = b", "it rewrites the text of events"),
        ("REGEX = a\nDEST_KEY = _MetaData:Index\nFORMAT = b", "DEST_KEY = _MetaData:Index is not supported"),
        ("REGEX = a\nDEST_KEY = metadata:sourcetype\nFORMAT = b", "DEST_KEY = metadata:sourcetype is not supported"),
        ("REGEX = a\nDEST_KEY = queue\nSOURCE_KEY = field:x\nFORMAT = b", "SOURCE_KEY = field:x is not supported"),
        ("DEST_KEY = queue\nFORMAT = nullQueue", "it has no REGEX"),
        ("REGEX = (a\nDEST_KEY = queue\nFORMAT = nullQueue", "REGEX is no regular expression"),
        ("REGEX = (a)\nDEST_KEY = queue\nFORMAT = $2", "FORMAT asks for group 2 of 1, so it never applies"),
        ("REGEX = a\nDEST_KEY = MetaData:Host\nFORMAT = b", "a value of MetaData:Host begins with 'host::'"),
        ("REGEX = a\nDEST_KEY = queue\nFORMAT = b\nLOOKAHEAD = x", "LOOKAHEAD is a whole number, not 'x'"),
    ],
)
def test_what_is_not_followed_is_told(tmp_path: Path, transform: str, reason: str) -> None:
    props, transforms = "[fw:log]\nTRANSFORMS-t = t, to_traffic, gone\n", f"[t]\n{transform}\n{TO_TRAFFIC}"
    found, said = run(tmp_path, props, transforms)
    assert [row[1] for row in found] == ["fw:traffic", "fw:log", "fw:log"]
    assert any(reason in one and "transforms.conf" in one for one in said)
    assert any("names the transform [gone], which does not exist" in one for one in said)
    problems = check([tmp_path / "my_addon"])
    assert any(reason in one.reason for one in problems)


def test_one_that_is_followed_is_no_problem(tmp_path: Path) -> None:
    assert check([addon(tmp_path, props="[fw:log]\nTRANSFORMS-st = to_traffic\n", transforms=TO_TRAFFIC)]) == []


def test_a_value_without_its_prefix_is_not_used(tmp_path: Path) -> None:
    transforms = "[t]\nREGEX = (TRAFFIC)\nDEST_KEY = MetaData:Sourcetype\nFORMAT = $1\n"
    found, said = run(tmp_path, "[fw:log]\nTRANSFORMS-t = t\n", transforms)
    assert found[0][1] == "fw:log"
    assert any("does not begin with 'sourcetype::'" in one for one in said)


def test_sourcetypes_from_the_text_of_events_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trapline.ingest.routing.MOST_SOURCETYPES", 2)
    transforms = "[t]\nREGEX = (\\w)$\nDEST_KEY = MetaData:Sourcetype\nFORMAT = sourcetype::fw:$1\n"
    found, said = run(tmp_path, "[fw:log]\nTRANSFORMS-t = t\n", transforms)
    assert [row[1] for row in found] == ["fw:a", "fw:b", "fw:log"]
    assert any("more than 2 sourcetypes" in one for one in said)


def test_a_pattern_that_does_not_end_costs_itself_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trapline.ingest.routing.SECONDS", 0.02)
    transforms = "[slow]\nREGEX = ^(a|aa)+$\nDEST_KEY = queue\nFORMAT = nullQueue\n" + TO_TRAFFIC
    text = f"2026-03-04 12:00:00 TRAFFIC\n{('a' * 60 + 'b' + chr(10)) * 5}"
    found, said = run(tmp_path, "[fw:log]\nTRANSFORMS-t = slow, to_traffic\n", transforms, text)
    assert sorted(row[1] for row in found) == [*["fw:log"] * 5, "fw:traffic"]
    assert any("[slow] took more than" in one and "rest of the file" in one for one in said)


def test_event_xml_is_called_what_its_channel_says(tmp_path: Path) -> None:
    transforms = "[t]\nREGEX = .\nDEST_KEY = MetaData:Sourcetype\nFORMAT = sourcetype::other\n"
    given = Evidence(str(tmp_path / "fw.log"))
    found, said = run(tmp_path, "[XmlWinEventLog]\nTRANSFORMS-t = t\n", transforms, xml("System", 7036), given=given)
    assert found[0][1] == "XmlWinEventLog"
    assert any("[t] is not applied to Windows event XML" in one for one in said)


def test_the_new_name_has_its_knowledge(tmp_path: Path) -> None:
    props = "[fw:log]\nTRANSFORMS-st = to_traffic\n[fw:traffic]\nEXTRACT-w = (?<what>\\w)$\n"
    mine = addon(tmp_path, props=props, transforms=TO_TRAFFIC)
    (tmp_path / "fw.log").write_text(LOG, encoding="utf-8")
    known = Knowledge.load([mine])
    with Store.throwaway() as store:
        ingest([Evidence(str(tmp_path / "fw.log"), "fw:log")], store, rules=known.index_time)
        rows = Session(tables=store.snapshot().tables, knowledge=known).run("search what=* | table what").rows
    assert rows == [{"what": "a"}]


def hosts(tmp_path: Path, sourcetype: str, addons: list[Path], host: str | None = None) -> set[str]:
    log = tmp_path / "a.log"
    log.write_text("Jan  6 10:00:00 web01 sshd[12]: a\n<34>1 2026-01-06T10:00:00Z h2 app 1 - - b\n", encoding="utf-8")
    with Store.throwaway() as store:
        rules = IndexTime.load([*built_in_addons(), *addons])
        ingest([Evidence(str(log), sourcetype, host=host)], store, rules=rules)
        rows = Session(tables=store.snapshot().tables).run("search index=* | table host").rows
    return {str(row["host"]) for row in rows}


def test_a_given_host_is_stronger_than_that_of_a_syslog_header(tmp_path: Path) -> None:
    assert hosts(tmp_path, "syslog", []) == {"web01", "h2"}
    assert hosts(tmp_path, "syslog", [], "given") == {"given"}


def test_an_add_on_can_have_the_host_of_a_syslog_header_for_its_sourcetype(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    (mine / "default").mkdir(parents=True)
    (mine / "default" / "props.conf").write_text("[acme:fw]\nTRANSFORMS-h = syslog-host\n", encoding="utf-8")
    assert hosts(tmp_path, "acme:fw", []) == {"unknown"}
    assert hosts(tmp_path, "acme:fw", [mine]) == {"web01", "h2"}


def test_the_host_of_a_syslog_header_stays_where_an_add_on_describes_the_sourcetype(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    (mine / "default").mkdir(parents=True)
    (mine / "default" / "props.conf").write_text("[linux_secure]\nSHOULD_LINEMERGE = false\n", encoding="utf-8")
    assert hosts(tmp_path, "linux_secure", [mine]) == {"web01", "h2"}
