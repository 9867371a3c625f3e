"""Index-time settings of an add-on, from props.conf to the events of a store."""

from __future__ import annotations

from pathlib import Path

import pytest

from trapline.ingest.intake import Evidence, ingest
from trapline.knowledge import Knowledge
from trapline.knowledge.indextime import IndexTime
from trapline.search import Session
from trapline.store import Store

NOON = 1_772_625_600  # 2026-03-04 12:00:00 UTC


def events(
    folder: Path, props: str, text: str | bytes, *, name: str = "app.log", sourcetype: str | None = "acme:app"
) -> tuple[list[tuple[float, str]], list[str], str]:
    """(time, raw) of each event in order, the warnings, and the sourcetype."""
    addon = folder / "acme" / "default"
    addon.mkdir(parents=True)
    (addon / "props.conf").write_text(props, encoding="utf-8")
    log = folder / name
    log.write_bytes(text if isinstance(text, bytes) else text.encode())
    with Store.throwaway() as store:
        report = ingest([Evidence(str(log), sourcetype)], store, rules=IndexTime.load([addon.parent]))
        session = Session(tables=store.snapshot().tables)
        rows = session.run("search index=* | reverse | table _time _raw sourcetype").rows
    found = [(float(str(row["_time"])), str(row["_raw"])) for row in rows]
    said = [
        file.error or warning
        for file in report.files
        for warning in [*file.warnings, *([file.error] if file.error else [])]
    ]
    return found, said, str(rows[0]["sourcetype"]) if rows else ""


def test_lines_are_events_where_merging_is_off(tmp_path: Path) -> None:
    props = "[acme:app]\nSHOULD_LINEMERGE = false\nTIME_FORMAT = %Y-%m-%d %H:%M:%S\n"
    found, _, sourcetype = events(tmp_path, props, "2026-03-04 12:00:00 a\n2026-03-04 12:00:01 b\r\n\r\nno time\n")
    assert found == [(NOON, "2026-03-04 12:00:00 a"), (NOON + 1, "2026-03-04 12:00:01 b"), (NOON + 1, "no time")]
    assert sourcetype == "acme:app"


def test_lines_are_joined_until_one_has_a_date(tmp_path: Path) -> None:
    text = "2026-03-04 12:00:00 boom\n  at one\n  at two\n2026-03-04 12:00:01 fine\n"
    found, _, _ = events(tmp_path, "[acme:app]\nSHOULD_LINEMERGE = true\n", text)
    assert found == [(NOON, "2026-03-04 12:00:00 boom\n  at one\n  at two"), (NOON + 1, "2026-03-04 12:00:01 fine")]


def test_break_only_before(tmp_path: Path) -> None:
    text = "BEGIN 1\n2026-03-04 12:00:00\nx\nBEGIN 2\ny\n"
    found, _, _ = events(tmp_path, "[acme:app]\nBREAK_ONLY_BEFORE = ^BEGIN\n", text)
    assert [raw for _, raw in found] == ["BEGIN 1\n2026-03-04 12:00:00\nx", "BEGIN 2\ny"]
    assert found[0][0] == NOON


def test_must_break_after_and_must_not_break(tmp_path: Path) -> None:
    props = (
        "[acme:app]\nBREAK_ONLY_BEFORE = ^-\nMUST_BREAK_AFTER = ^end$\nMUST_NOT_BREAK_AFTER = ^open\n"
        "MUST_NOT_BREAK_BEFORE = ^-keep\nDATETIME_CONFIG = NONE\n"
    )
    text = "- a\n-keep b\n- c\nopen\n- d\nend\nnext\n"
    found, _, _ = events(tmp_path, props, text)
    assert [raw for _, raw in found] == ["- a\n-keep b", "- c\nopen\n- d\nend", "next"]


def test_max_events_bounds_an_event(tmp_path: Path) -> None:
    props = "[acme:app]\nBREAK_ONLY_BEFORE = ^never\nMAX_EVENTS = 2\n"
    found, _, _ = events(tmp_path, props, "a\nb\nc\n")
    assert [raw for _, raw in found] == ["a\nb", "c"]


@pytest.mark.parametrize(
    ("breaker", "text", "expected"),
    [
        (r"([\r\n]+)\d{4}-", "2026-a\nmore\n2026-b\n", ["2026-a\nmore", "2026-b\n"]),
        (r"end(\n)b|end2(\n)b2|b3", "1 end\nb 2 end2\nb2 3b3 4", ["1 end", "b 2 end2", "b2 3", "b3 4"]),
        (r"(,)(?=\{)", '{"a":1},{"a":2}', ['{"a":1}', '{"a":2}']),
    ],
)  # fmt: skip
def test_line_breaker(tmp_path: Path, breaker: str, text: str, expected: list[str]) -> None:
    """The first group of a match is thrown away; a match without one breaks before itself."""
    props = f"[acme:app]\nSHOULD_LINEMERGE = false\nLINE_BREAKER = {breaker}\n"
    found, _, _ = events(tmp_path, props, text)
    assert [raw for _, raw in found] == expected


def test_line_breaker_across_blocks(tmp_path: Path) -> None:
    """Events do not depend on where a block of the file ends."""
    line = "x" * 999
    text = "".join(f"#{number:06d} {line}\n" for number in range(3_000))
    found, _, _ = events(tmp_path, "[acme:app]\nSHOULD_LINEMERGE = false\nLINE_BREAKER = (\\n+)#\n", text)
    assert [raw[:7] for _, raw in found] == [f"#{number:06d}" for number in range(3_000)]


def test_truncate_only_where_it_is_set(tmp_path: Path) -> None:
    found, said, _ = events(tmp_path, "[acme:app]\nSHOULD_LINEMERGE = false\nTRUNCATE = 5\n", "äöüabc\n123\n")
    assert [raw for _, raw in found] == ["äö", "123"]
    assert any("TRUNCATE = 5" in one for one in said)


@pytest.mark.parametrize(
    ("settings", "text", "expected"),
    [
        ("TIME_PREFIX = at=\nTIME_FORMAT = %s", "2020-01-01 00:00:00 at=1772625600 x", NOON),
        ("TIME_PREFIX = at=\nTIME_FORMAT = %d.%m.%Y %H:%M:%S,%3N", "id=7 at=04.03.2026 12:00:00,250", NOON + 0.25),
        ("TIME_FORMAT = %Y-%m-%d %H:%M:%S\nTZ = Europe/Berlin", "2026-03-04 13:00:00 x", NOON),
        ("TIME_FORMAT = %Y-%m-%d %H:%M:%S %z\nTZ = Europe/Berlin", "2026-03-04 14:00:00 +0200 x", NOON),
        ("TZ = America/New_York", "2026-03-04 07:00:00 x", NOON),
        ("TZ = America/New_York", "2026-03-04 12:00:00Z x", NOON),
        ("SHOULD_LINEMERGE = false", '192.0.2.1 - - [04/Mar/2026:13:00:00 +0100] "GET /"', NOON),
        ("TIME_PREFIX = t:\nMAX_TIMESTAMP_LOOKAHEAD = 10\nTIME_FORMAT = %s", "t:1772625600999", NOON),
    ],
)
def test_time(tmp_path: Path, settings: str, text: str, expected: float) -> None:
    found, _, _ = events(tmp_path, f"[acme:app]\n{settings}\n", text + "\n")
    assert [moment for moment, _ in found] == [expected]


def test_a_time_outside_the_lookahead_is_none(tmp_path: Path) -> None:
    """The event then has the time of the one before it."""
    props = "[acme:app]\nSHOULD_LINEMERGE = false\nTIME_PREFIX = at=\nMAX_TIMESTAMP_LOOKAHEAD = 10\n"
    found, _, _ = events(tmp_path, props, "at=1772625600 \nx at=....................2026-03-05 00:00:00\n")
    assert found[0][0] == found[1][0] == NOON


def test_a_source_stanza_names_the_sourcetype(tmp_path: Path) -> None:
    props = "[source::...app-*.log]\nsourcetype = acme:app\n\n[acme:app]\nSHOULD_LINEMERGE = false\nTZ = Asia/Tokyo\n"
    found, _, sourcetype = events(tmp_path, props, "2026-03-04 21:00:00 x\n", name="app-1.log", sourcetype=None)
    assert sourcetype == "acme:app"
    assert found == [(NOON, "2026-03-04 21:00:00 x")]


def test_json_takes_its_time_from_the_rules(tmp_path: Path) -> None:
    props = '[acme:app]\nTIME_PREFIX = "when":\\s*"\nTIME_FORMAT = %d/%m/%Y %H.%M\n'
    found, _, _ = events(tmp_path, props, '{"time": "2020-01-01", "when": "04/03/2026 12.00"}\n')
    assert [moment for moment, _ in found] == [NOON]


def test_indexed_extractions_choose_the_format(tmp_path: Path) -> None:
    found, _, _ = events(tmp_path, "[acme:app]\nINDEXED_EXTRACTIONS = JSON\n", '{"a": 1}\n{"a": 2}\n')
    assert [raw for _, raw in found] == ['{"a": 1}', '{"a": 2}']


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("LINE_BREAKER = ((", "LINE_BREAKER is no regular expression"),
        ("TIME_FORMAT = %m/%Y", "TIME_FORMAT has a part that cannot be read"),
        ("TZ = Mars/Olympus", "TZ is no time zone"),
        ("MAX_EVENTS = many", "MAX_EVENTS is a whole number"),
        ("SHOULD_LINEMERGE = maybe", "SHOULD_LINEMERGE is true or false"),
    ],
)
def test_a_setting_that_cannot_be_followed_is_told(tmp_path: Path, setting: str, said: str) -> None:
    _, warnings, _ = events(tmp_path, f"[acme:app]\n{setting}\n", "2026-03-04 12:00:00 x\n")
    assert any(said in one and "acme/default/props.conf:2" in one for one in warnings), warnings


def test_a_catastrophic_pattern_costs_the_file_not_the_ingest(tmp_path: Path) -> None:
    props = "[acme:app]\nSHOULD_LINEMERGE = false\nLINE_BREAKER = ((?:a|aa)+)(?=[0-9])\n"
    _, said, _ = events(tmp_path, props, "a" * 60 + "c\n")
    assert any("took more than 2 s" in one for one in said)


def test_a_break_of_no_width_ends_with_the_text(tmp_path: Path) -> None:
    props = "[acme:app]\nSHOULD_LINEMERGE = false\nLINE_BREAKER = (?=\\{)|$\n"
    found, _, _ = events(tmp_path, props, '{"a":1}{"a":2}', name="app.txt")
    assert [raw for _, raw in found] == ['{"a":1}', '{"a":2}']


def test_events_that_max_events_cuts_are_told(tmp_path: Path) -> None:
    _, said, _ = events(tmp_path, "[acme:app]\nBREAK_ONLY_BEFORE = ^never\nMAX_EVENTS = 2\n", "a\nb\nc\n")
    assert any("1 events were cut after 2 lines" in one for one in said)


@pytest.mark.parametrize("setting", ["INDEXED_EXTRACTIONS = yaml", "TIME_FORMAT = %m/%Y"])
def test_a_setting_that_cannot_be_followed_is_told_for_json_too(tmp_path: Path, setting: str) -> None:
    _, said, _ = events(tmp_path, f"[acme:app]\n{setting}\n", '{"a": 1}\n')
    assert any(setting.split(" ")[0] in one for one in said), said


def test_the_time_zero_is_a_time(tmp_path: Path) -> None:
    props = '[acme:app]\nTIME_PREFIX = "t":\nTIME_FORMAT = %s\n'
    found, _, _ = events(tmp_path, props, '{"time": "2020-01-01T00:00:00Z", "t":0}\n')
    assert [moment for moment, _ in found] == [0]


def test_a_slow_prefix_costs_the_file_and_is_no_defect(tmp_path: Path) -> None:
    props = "[acme:app]\nTIME_PREFIX = ((?:a|aa)+)(?=[0-9])\n"
    _, said, _ = events(tmp_path, props, '{"x": "' + "a" * 60 + '"}\n')
    assert any("TIME_PREFIX took too long" in one for one in said)


@pytest.mark.parametrize(
    ("props", "sourcetype", "fields"),
    [
        ("", "acme:app", True),
        ("[acme:app]\nKV_MODE = auto\n", "acme:app", True),
        ("[acme:app]\nKV_MODE = NONE\n", "acme:app", False),
        ("[acme:app]\nKV_MODE = json\n", "acme:app", False),
        ("[source::...app.log]\nKV_MODE = none\n", "acme:app", False),
        ("[source::...app.log]\nKV_MODE = none\n", None, False),
        ("[source::...app.log]\nKV_MODE = auto\n[acme:app]\nKV_MODE = none\n", "acme:app", True),
        ("[source::...app.log]\nKV_MODE =\n[other]\nKV_MODE = none\n", "acme:app", True),
    ],
)
def test_pairs_are_taken_apart_unless_kv_mode_says_otherwise(
    tmp_path: Path, props: str, sourcetype: str | None, fields: bool
) -> None:
    log = tmp_path / "app.log"
    log.write_text("2026-03-04 12:00:00 a=1 b=2\n2026-03-04 12:00:01 a=2 b=3\n", encoding="utf-8")
    addon = tmp_path / "acme" / "default"
    addon.mkdir(parents=True)
    (addon / "props.conf").write_text(props, encoding="utf-8")
    with Store.throwaway() as store:
        known = Knowledge.load([addon.parent])
        ingest([Evidence(str(log), sourcetype)], store, rules=known.index_time)
        session = Session(tables=store.snapshot().tables, knowledge=known)
        rows = session.run("search index=* | stats count(a) as a").rows
    assert rows == [{"a": 2 if fields else 0}]


def test_the_sourcetype_of_a_source_holds_for_every_format(tmp_path: Path) -> None:
    """props.conf.spec, "sourcetype": of a [source::...] stanza."""
    addon = tmp_path / "acme" / "default"
    addon.mkdir(parents=True)
    (addon / "props.conf").write_text("[source::....(log|json)]\nsourcetype = mine\n", encoding="utf-8")
    (tmp_path / "a.log").write_text("2026-03-04 12:00:00 a=1 b=2\n", encoding="utf-8")
    (tmp_path / "b.json").write_text('{"a": "1"}\n', encoding="utf-8")
    (tmp_path / "c.txt").write_text("2026-03-04 12:00:00 a=1 b=2\n2026-03-04 12:00:00 a=1 b=3\n", encoding="utf-8")
    with Store.throwaway() as store:
        ingest(
            [str(tmp_path / one) for one in ("a.log", "b.json", "c.txt")], store, rules=IndexTime.load([addon.parent])
        )
        rows = Session(tables=store.snapshot().tables).run("search a=1 | stats count by sourcetype").rows
    assert rows == [{"sourcetype": "kv", "count": 2}, {"sourcetype": "mine", "count": 2}]
