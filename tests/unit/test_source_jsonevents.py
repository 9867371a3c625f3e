"""JSON of any kind: records out of every container, Splunk's field names, nothing lost without a word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.collect import Bytes, Collector, collect
from trapline.ingest import jsondocs
from trapline.ingest.intake import Evidence, ingest
from trapline.ingest.sources import jsonevents
from trapline.search import Session
from trapline.store import Store


def _fields(data: str | bytes) -> list[dict[str, Any]]:
    sink = collect(jsonevents, data)
    assert sink.lost == []
    return [dict(event.fields) for event in sink.events]


def test_names_are_those_of_splunk() -> None:
    text = '{"a":{"b":"x","n":5},"l":[{"k":"v1"},{"k":"v2"}],"t":true,"f":[1,2.50],"nil":null,'
    text += '"deep":[[1],[2]],"e":[],"o":{}}'
    assert _fields(text) == [
        {
            "a.b": "x",
            "a.n": "5",
            "l{}.k": ["v1", "v2"],
            "t": "true",
            "f{}": ["1", "2.50"],
            "nil": "null",
            "deep{}{}": ["1", "2"],
        }
    ]


def test_numbers_are_the_text_of_the_file() -> None:
    text = '{"id":18446744073709551617,"x":1.10,"e":1E5,"big":9007199254740993,"neg":-0.0}'
    assert _fields(text) == [
        {"id": "18446744073709551617", "x": "1.10", "e": "1E5", "big": "9007199254740993", "neg": "-0.0"}
    ]


def test_splunks_metadata_is_not_overwritten() -> None:
    assert _fields('{"host":"a","source":"b","_raw2":"c","index":"d"}') == [
        {"extracted_host": "a", "extracted_source": "b", "_raw2": "c", "extracted_index": "d"}
    ]


ROWS = [{"n": 1, "s": 'br{ac]e "q" \\'}, {"n": 2, "l": [{"x": 1}]}, {"n": 3}]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(json.dumps(row) for row in ROWS),
        "\r\n".join(json.dumps(row) for row in ROWS) + "\r\n",
        "".join(json.dumps(row) for row in ROWS),
        " ".join(json.dumps(row) for row in ROWS),
        ",\n".join(json.dumps(row) for row in ROWS),
        "\n".join(json.dumps(row, indent=2) for row in ROWS),
        "".join(json.dumps(row, indent=1) for row in ROWS),
        "\n".join(f"Record {at}\n{json.dumps(row, indent=2)}" for at, row in enumerate(ROWS)),
        json.dumps(ROWS),
        json.dumps(ROWS, indent=4),
        "[\n" + ",\n".join(json.dumps(row) for row in ROWS) + "\n]\n",
        json.dumps({"Records": ROWS}),
        json.dumps({"Records": ROWS}, indent=2),
        json.dumps({"@odata.context": "https://x/y", "value": ROWS}),
        json.dumps({"Records": ROWS[:2]}) + "\n" + json.dumps({"Records": ROWS[2:]}),
    ],
)
def test_every_container_gives_the_same_records(text: str) -> None:
    sink = collect(jsonevents, text)
    assert sink.lost == []
    assert [json.loads(event.raw) for event in sink.events] == ROWS
    assert all(event.raw in text for event in sink.events)
    utf16 = collect(jsonevents, text.encode("utf-16"))
    assert [event.fields for event in utf16.events] == [event.fields for event in sink.events]


def test_raw_is_the_text_of_the_file() -> None:
    text = '{"Records": [ {"a" : 1.0,\t"b":"\\u00e9"} , {"a":2} ]}'
    assert [event.raw for event in collect(jsonevents, text).events] == ['{"a" : 1.0,\t"b":"\\u00e9"}', '{"a":2}']


@pytest.mark.parametrize(
    ("text", "numbers", "kept"),
    [
        ('{"n":1}\n{"n":2,"s":"cut\n{"n":3}\n', ["1", "3"], ['{"n":2,"s":"cut']),
        ('{"n":1}\n{"n":2,\r\n{"n":3}\n{"n":4}\n', ["1", "3", "4"], ['{"n":2,']),
        ('{"n":1}\n{"n":2,"u":\n{"n":3}\n{"n":4', ["1", "3"], ['{"n":2,"u":', '{"n":4']),
        ('{"n":1}\n  not json\n{"n":3}\n', ["1", "3"], ["  not json"]),
        ('{"n":1}\n{"n":2}}\n{"n":3}\n', ["1", "2", "3"], ["}"]),
        ('[{"n":1},{"n":2},{"n":', ["1", "2"], ['{"n":']),
        ('{"Records":[{"n":1},{"n":2},{"n"', ["1", "2"], ['{"n"']),
        ('{"@x":"y","value":[{"n', [], ['{"@x":"y","value":[{"n']),
        ('[\n  {\n    "n": 1\n  },\n  {\n    "n": 2\n', ["1"], ['{\n    "n": 2']),
        (
            '[{"n":1},\n{"n":2,,},\n{"n":3},\n{"n":4,\n "m":5,,}\n]\n',
            ["1", "3"],
            ['{"n":2,,},', '{"n":4,\n "m":5,,}\n]'],
        ),
        ('{\n  "n": 1,\n{\n  "n": 2\n}\n', ["2"], ['{\n  "n": 1,']),
        ('Record 1\n{\n  "n": 1,\nRecord 2\n{\n  "n": 2\n}\n', ["2"], ['{\n  "n": 1,']),
        ('[{"n":1}, 5, {"n":3}]', ["1", "3"], ["5"]),
        ('{"n":1}{"n":2}{"n":', ["1", "2"], ['{"n":']),
        ('[{"n":1}][{"n":2}] {"Records":[{"n":3}]}', ["1", "2", "3"], []),
        ('{"n":1}\n{"list":[{"n":2},{"n":3}],"cut":', ["1"], ['{"list":[{"n":2},{"n":3}],"cut":']),
        ("", [], []),
        ('[]\n{"Records": []}\n', [], []),
    ],
)
def test_a_broken_record_is_kept_as_text(text: str, numbers: list[str], kept: list[str]) -> None:
    sink = collect(jsonevents, text)
    assert [event.fields["n"] for event in sink.events] == numbers
    assert [raw for raw, _, _ in sink.kept] == kept
    assert sink.lost == []


def test_an_array_that_ends_between_its_elements_is_told() -> None:
    sink = collect(jsonevents, '[{"n":1},')
    assert (len(sink.events), sink.kept) == (1, [])
    assert sink.lost == [("JSON cut off at the end of the file", "line 1")]


def test_a_broken_document_is_text_of_bounded_length(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["{", *(f' "k{at}": {at},' for at in range(600)), "!"]
    sink = collect(jsonevents, "\n".join(lines))
    assert "\n".join(raw for raw, _, _ in sink.kept) == "\n".join(lines)
    assert [where for _, _, where in sink.kept] == ["line 1", "line 257", "line 513"]
    monkeypatch.setattr(jsondocs, "LINE_LIMIT", 1_000)
    sink = collect(jsonevents, "\n".join(lines))
    assert "\n".join(raw for raw, _, _ in sink.kept) == "\n".join(lines)
    assert all(len(raw) <= 1_000 for raw, _, _ in sink.kept)


def test_careless_writers_are_understood() -> None:
    assert _fields('{"a":NaN,"b":"tab\there","c":"\\ud800x"}') == [{"a": "NaN", "b": "tab\there", "c": "\ud800x"}]


def test_bytes_that_are_not_utf8_are_the_same_in_raw_and_fields() -> None:
    event = collect(jsonevents, b'{"a":"caf\xe9"}').events[0]
    assert (event.raw, event.fields["a"]) == ('{"a":"caf\u00e9"}', "caf\u00e9")


def test_a_key_that_comes_again_has_its_last_value() -> None:
    assert _fields('{"a":1,"a":2}') == [{"a": "2"}]


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"a":' * 100_000, '{"a":' * 150 + "1" + "}" * 150, "[" * 100_000 + "]" * 100_000, "[\n" * 150],
)
def test_hostile_nesting_is_kept_as_text(text: str) -> None:
    sink = collect(jsonevents, text)
    assert sink.events == []
    assert [raw for raw, _, _ in sink.kept] == [text.rstrip("\n")]
    assert sink.lost == []


def test_hostile_nesting_over_many_lines_is_read_once() -> None:
    sink = collect(jsonevents, "[\n" * 5_000 + '{"n":1}\n')
    assert 1 <= len(sink.kept) <= 5_000 / 100
    assert sum(raw.count("[") for raw, _, _ in sink.kept) == 5_000


def test_hostile_names_and_numbers_of_fields_are_bounded() -> None:
    sink = collect(jsonevents, json.dumps({f"k{at}": "v" for at in range(3_000)} | {"x" * 600: "v"}))
    assert len(sink.events[0].fields) == 2_000
    assert len(sink.warned) == 2
    long = json.dumps({"x" * 100_000: {f"k{at}": "v" for at in range(10_000)}})
    assert collect(jsonevents, long).events[0].fields == {}


def test_huge_records_are_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsondocs, "LINE_LIMIT", 1_000)
    monkeypatch.setattr(jsondocs, "DOCUMENT_LIMIT", 5_000)
    big = json.dumps({"n": 0, "s": "x" * 2_000})
    sink = collect(jsonevents, f'{{"n":1}}\n{big}\n{{"n":3}}\n[{{"n":4}},{big}]\n' + "y" * 6_000 + '\n{"n":5}\n')
    assert [event.fields["n"] for event in sink.events] == ["1", "3", "4", "5"]
    assert len(sink.lost) == 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab.{}_", max_size=3), inner, max_size=3),
    max_leaves=12,
)


def _slow(value: Any, path: str, out: dict[str, list[str]]) -> None:
    """The naming rule, said once more and slowly."""
    match value:
        case dict():
            for key, item in value.items():
                _slow(item, f"{path}.{key}" if path else key, out)
        case list():
            for item in value:
                _slow(item, path + "{}", out)
        case bool() | None:
            out.setdefault(path, []).append(json.dumps(value))
        case _:
            out.setdefault(path, []).append(str(value))


@given(st.lists(st.dictionaries(st.text("abc_", min_size=1, max_size=3), JSON, max_size=4), min_size=1, max_size=4))
def test_fields_are_those_of_the_slow_rule(rows: list[dict[str, Any]]) -> None:
    sink = Collector()
    reader = jsonevents._Reader(sink)
    for row in rows:
        reader._plain(row, json.dumps(row))
    for row, event in zip(rows, sink.events, strict=True):
        expected: dict[str, list[str]] = {}
        for key, item in row.items():
            _slow(item, key, expected)
        given_ = {name: value if isinstance(value, list) else [value] for name, value in event.fields.items()}
        assert given_ == {name: values for name, values in expected.items() if name}


@given(st.text('{}[]",:\\ \n1a', max_size=80))
def test_any_text_is_read_to_its_end(text: str) -> None:
    sink = collect(jsonevents, text)
    assert sink.events or sink.lost or sink.kept or not text.strip("\n ,[]}")


def test_the_hec_envelope_is_opened() -> None:
    envelope = {
        "time": 1709553605.5,
        "host": "web1",
        "source": "app",
        "sourcetype": "my:app",
        "event": {"a": {"b": 1}},
        "fields": {"dc": "ams", "tags": ["x", "y"]},
    }
    sink = collect(jsonevents, json.dumps(envelope) + json.dumps({"event": "plain words", "host": "h2"}))
    first, second = sink.events
    assert first.fields == {"a.b": "1", "dc": "ams", "tags": ["x", "y"]}
    assert (first.host, first.source, first.sourcetype, first.raw) == ("web1", "app", "my:app", '{"a": {"b": 1}}')
    assert first.time == 1_709_553_605_500_000
    assert (second.raw, second.host, second.sourcetype, second.fields) == ("plain words", "h2", "_json", {})
    assert len(sink.warned) == 1
    xml = "<Event><System><Provider Name='P'/><EventID>5</EventID><Channel>C</Channel></System></Event>"
    windows = collect(jsonevents, json.dumps({"event": xml, "host": "h"})).events[0]
    assert (windows.sourcetype, windows.source, windows.raw) == ("XmlWinEventLog", "XmlWinEventLog:C", xml)
    assert collect(jsonevents, '{"event":"","host":"x"}').places == [("HEC envelope without an event", "line 1")]


def test_an_ordinary_object_with_an_event_key_is_no_envelope() -> None:
    assert _fields('{"event":"login","user":"a"}') == [{"event": "login", "user": "a"}]
    assert _fields('{"event":"login"}') == [{"event": "login"}]


def test_rows_of_a_splunk_export_keep_what_they_were() -> None:
    row = {"_raw": "a=1", "_time": "2024-03-04T12:00:05.000+00:00", "host": "h", "source": "s", "sourcetype": "t"}
    text = json.dumps({"preview": False, "result": row | {"a": "1", "tags": ["x", "y"], "_bkt": "z", "date_hour": "1"}})
    event = collect(jsonevents, text).events[0]
    assert (event.raw, event.host, event.source, event.sourcetype) == ("a=1", "h", "s", "t")
    assert event.time == 1_709_553_605_000_000
    assert event.fields == {"a": "1", "tags": ["x", "y"]}


@pytest.mark.parametrize(("row", "named"), [({"_raw": "fake"}, False), ({"_raw": "fake", "_time": 5}, True)])
def test_a_key_raw_alone_or_under_a_given_sourcetype_makes_no_export(row: dict[str, Any], named: bool) -> None:
    text = json.dumps({"ts": "2024-03-04T12:00:05Z", "user": "eve"} | row)
    for one in (text, json.dumps({"result": json.loads(text)})):
        sink = Collector(named=named)
        jsonevents.read(Bytes(one.encode()), sink)
        assert [event.raw for event in sink.events] == [one]
        assert sink.events[0].host is None


@pytest.mark.parametrize(
    ("record", "sourcetype", "time"),
    [
        (
            {
                "eventVersion": "1",
                "eventSource": "s3",
                "eventName": "x",
                "awsRegion": "r",
                "eventTime": "2024-03-04T12:00:05Z",
            },
            "aws:cloudtrail",
            1_709_553_605_000_000,
        ),
        (
            {"event_type": "dns", "src_ip": "1.2.3.4", "timestamp": "2024-03-04T12:00:05+0000"},
            "suricata",
            1_709_553_605_000_000,
        ),
        ({"type": "PATH", "msg": "audit(1709553605.5:77)"}, "linux:audit", 1_709_553_605_500_000),
        ({"type": "PATH", "msg": "hello", "time": 1709553605}, "_json", 1_709_553_605_000_000),
        ({"ts": "1709553605.5", "conn_state": "S0", "id.orig_h": "10.0.0.1"}, "zeek:conn:json", 1_709_553_605_500_000),
        ({"words": 1}, "_json", None),
    ],
)
def test_the_sourcetype_is_recognised_by_content(record: dict[str, Any], sourcetype: str, time: int | None) -> None:
    event = collect(jsonevents, json.dumps(record)).events[0]
    assert (event.sourcetype, event.time) == (sourcetype, time)


def test_half_of_a_character_costs_nothing(tmp_path: Path) -> None:
    """JSON can hold what UTF-8 cannot, in names as well as in values."""
    path = tmp_path / "half.json"
    path.write_text('{"half\\ud800":"x\\udfff","a":"1"}\n{"a":"2"}\n', encoding="utf-8")
    with Store.throwaway() as store:
        assert ingest([Evidence(str(path))], store).events == 2
        rows = Session(tables=store.snapshot().tables).run(r"table half* a | sort a").rows
    assert rows == [{"half\\ud800": "x?", "a": "1"}, {"a": "2"}]
