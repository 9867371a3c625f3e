"""Windows event XML: which values are fields, what is malformed, what text can do no harm."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pytest

from tests.unit.collect import Collector, Event, collect
from trapline.events import Layout
from trapline.ingest.sources import xmlwineventlog
from trapline.ingest.timestamps import iso_column, iso_micros
from trapline.ingest.winxml import (
    MalformedError,
    WindowsEvents,
    add_event,
    as_rendered,
    event_xml,
    parse_event,
    unescape,
)

SYSTEM = (
    "<System><Provider Name='Demo' Guid='{0a}'/><EventID>1</EventID><Level>4</Level>"
    "<TimeCreated SystemTime='2024-03-04T10:11:25.4839861Z'/><Correlation ActivityID='{ac}'/>"
    "<Execution ProcessID='4' ThreadID='8'/><Channel>Demo/Log</Channel><Computer>h1.example</Computer>"
    "<Security UserID='S-1-5-18'/></System>"
)


def event(body: str, system: str = SYSTEM) -> str:
    return f"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>{system}{body}</Event>"


def read(raw: str) -> Event:
    sink = Collector()
    assert WindowsEvents().take(raw, sink) is None
    return sink.events[0]


def fields(body: str) -> dict[str, str | list[str]]:
    """What the body adds to the fields of SYSTEM."""
    plain = read(event("")).fields
    return {name: value for name, value in read(event(body)).fields.items() if plain.get(name) != value}


def test_system() -> None:
    one = read(event(""))
    assert one.fields == {
        "Name": "Demo",
        "Guid": "{0a}",
        "EventCode": "1",
        "EventID": "1",
        "Level": "4",
        "SystemTime": "2024-03-04T10:11:25.4839861Z",
        "ActivityID": "{ac}",
        "ProcessID": "4",
        "ThreadID": "8",
        "Channel": "Demo/Log",
        "Computer": "h1.example",
        "UserID": "S-1-5-18",
    }
    assert one.time == 1_709_547_085_483_986
    assert (one.sourcetype, one.source, one.host) == ("XmlWinEventLog", "XmlWinEventLog:Demo/Log", "h1.example")


def test_an_event_id_with_an_attribute_gives_only_event_code() -> None:
    one = read(event("", SYSTEM.replace("<EventID>", "<EventID Qualifiers='7'>")))
    assert one.fields["EventCode"] == "1"
    assert one.fields["Qualifiers"] == "7"
    assert "EventID" not in one.fields


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("<EventData><Data Name='A'>v</Data></EventData>", {"A": "v"}),
        ('<EventData><Data Name="A">v</Data></EventData>', {"A": "v"}),
        ("<EventData><Data Name='A'>v</Data><Data Name='A'>w</Data></EventData>", {"A": ["v", "w"]}),
        ("<EventData><Data Name='A'>v</Data><Data Name='A'></Data></EventData>", {"A": ["v"]}),
        ("<EventData><Data Name='Name'>v</Data></EventData>", {"Name": ["Demo", "v"]}),
        ("<EventData><Data Name='A'></Data><Data Name='B'/><Data Name='C'> \n</Data></EventData>", {}),
        ("<EventData><Data>v</Data><Binary>00ff</Binary></EventData>", {}),
        ("<EventData><Data Name='Product Name'>v</Data></EventData>", {"Product_Name": "v"}),
        ("<EventData><Data Name='_time'>1</Data><Data Name='host'>2</Data></EventData>",
         {"time": "1", "extracted_host": "2"}),
        ("<EventData><Data Name='A'>x\n  y\t</Data></EventData>", {"A": "x\n  y\t"}),
        ("<EventData><Data Name='A'>&lt;&gt;&amp;&quot;&apos;&#65;&#x42;</Data></EventData>", {"A": "<>&\"'AB"}),
        ("<EventData><Data Name='A'>&amp;lt; &lol; &#0; &#xD800; & &#x110000;</Data></EventData>",
         {"A": "&lt; &lol; &#0; &#xD800; & &#x110000;"}),
        ("<EventData><Data Name='A'><![CDATA[<b>&amp;</b>]]></Data></EventData>", {"A": "<b>&amp;</b>"}),
        ("<EventData><!-- <Data Name='B'>w</Data> --><Data Name='A'>v</Data></EventData>", {"A": "v"}),
        ("<UserData><Cleared xmlns='x'><SubjectUserName>eve</SubjectUserName><E/></Cleared></UserData>",
         {"SubjectUserName": "eve"}),
        ("<UserData><a:X xmlns:a='x'><a:Y z='1'>v</a:Y></a:X></UserData>", {"Y": "v"}),
        ("<RenderingInfo Culture='en-US'><Message>m</Message><Level>Information</Level></RenderingInfo>",
         {"Message": "m"}),
    ],
)  # fmt: skip
def test_fields(body: str, found: dict[str, object]) -> None:
    assert fields(body) == found


def test_sysmon_for_linux() -> None:
    system = SYSTEM.replace("'Demo'", "'Linux-Sysmon'").replace("Demo/Log", "Linux-Sysmon/Operational")
    one = read(event("<EventData><Data Name='Image'>/bin/sh</Data></EventData>", system.replace("'", '"')))
    assert (one.sourcetype, one.source) == ("sysmon:linux", "Syslog:Linux-Sysmon/Operational")
    assert one.fields["Image"] == "/bin/sh"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (event("<EventData>")[:-40], "cut off"),
        ("<Event><System></Event>", "do not match"),
        ("<Event><System>", "cut off"),
        ("<Event/>", "nothing in it"),
        ("<Event/>x<", "nothing in it"),
        ("", "not an event"),
        ("<System></System>", "not an event"),
        ("<Event></Event>x", "after the event"),
        ("<Event>" + "<a>" * 100, "too deep"),
        ("<Event><a " + "b='1' " * 20_000 + "/></Event>", "10,000 values"),
        ("<Event><a b=1/></Event>", "broken tag"),
        ("<Event><!DOCTYPE x></Event>", "document type"),
        ("<Event><Event></Event></Event>", "cut off"),
    ],
)
def test_malformed(raw: str, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        parse_event(raw)
    sink = Collector()
    assert not add_event(raw, sink, "line 3")
    assert [(text, where) for text, _, where in sink.kept] == [(raw, "line 3")]
    assert sink.lost == []
    assert sink.events == []


def test_another_structure_under_the_same_event_id() -> None:
    """A learnt skeleton matches only what has its structure."""
    reader, sink = WindowsEvents(learn_after=1), Collector()
    bodies = [f"<EventData><Data Name='{name}'>{n}</Data></EventData>" for n, name in enumerate("AABABC" * 3)]
    for body in bodies:
        assert reader.take(event(body), sink) is None
    assert [read(event(body)) for body in bodies] == sink.events


def test_a_linux_event_after_a_provider_behind_the_event_id() -> None:
    """The provider decides on the sourcetype, so nothing is learnt when it stands behind what the look-up goes by."""
    reader, sink = WindowsEvents(learn_after=1), Collector()
    for name in ("Demo", "Demo", "Demo", "Linux-Sysmon"):
        raw = f"<Event><System><EventID>1</EventID><Provider Name='{name}'/></System></Event>"
        assert reader.take(raw, sink) is None
    assert [one.sourcetype for one in sink.events] == ["XmlWinEventLog"] * 3 + ["sysmon:linux"]


def test_many_rows_are_as_one_row() -> None:
    """Columns of many events are made by Arrow, those of few by Python."""
    texts = ["a", "", " ", "x", "é", "  y"]
    refs = ["&lt;", "b", ""]
    reader = WindowsEvents(learn_after=1)
    rows: list[Sequence[str | None]] = []
    layouts: list[Layout] = []

    class Rows(Collector):
        def put(self, layout: Layout, texts: Sequence[str | None], raw: str) -> None:
            rows.append(texts)
            layouts.append(layout)

    sink = Rows()
    for n in range(1200):
        body = f"<EventData><Data Name='A'>{texts[n % 6]}</Data><Data Name='B'>{refs[n % 3]}</Data></EventData>"
        assert reader.take(event(body), sink) is None
    assert set(layouts[1:]) == {layouts[1]}
    rows = rows[1:]
    many = layouts[1].columns(rows)
    for n in range(0, 1199, 97):
        one = layouts[1].columns([rows[n]])
        assert {name: column[n].as_py() for name, column in many.items()} == {
            name: column[0].as_py() for name, column in one.items()
        }


def test_event_xml_is_read_back() -> None:
    hostile = "<x a='1'>&amp;]]>\x00\x1b\ud800"
    xml = event_xml(
        provider="P'1",
        event_id="7",
        channel="C",
        computer="h",
        time="2024-01-01T00:00:00Z",
        qualifiers="0",
        data=[("A", hostile), (None, "unnamed"), ("a b", "v")],
        message="said",
    )
    one = read(xml)
    assert one.fields["Name"] == "P'1"
    assert one.fields["A"] == "<x a='1'>&amp;]]>\ufffd\ufffd\ufffd"
    assert one.fields["a_b"] == "v"
    assert one.fields["Message"] == "said"
    assert "\n" not in xml
    cleared = event_xml(
        provider="P",
        event_id="1102",
        channel="C",
        computer="h",
        time=None,
        user_data=("Cleared", [("1 bad <name>", "v")]),
    )
    assert read(cleared).fields["bad__name_"] == "v"


def test_as_rendered() -> None:
    text = (
        '<?xml version="1.0" encoding="utf-8"?>\n<Event xmlns="x">\n  <System>\n    <Provider Name="it\'s">\n'
        "    </Provider>\n  </System>\n  <EventData>\n"
        '    <Data Name="G">54849625-5478-4994-A5BA-3E3B0328C30D</Data>\n'
        '    <Data Name="ID">54849625-5478-4994-A5BA-3E3B0328C30D</Data>\n'
        '    <Data Name="Q">say "a=\'b\'"</Data>\n    <Data Name="E">\n    </Data>\n  </EventData>\n</Event>\n'
    )
    assert as_rendered(text) == (
        "<Event xmlns='x'><System><Provider Name='it&apos;s'/></System><EventData>"
        "<Data Name='G'>{54849625-5478-4994-A5BA-3E3B0328C30D}</Data>"
        "<Data Name='ID'>54849625-5478-4994-A5BA-3E3B0328C30D</Data>"
        "<Data Name='Q'>say \"a='b'\"</Data><Data Name='E'></Data></EventData></Event>"
    )


def test_unescape_once() -> None:
    assert unescape("&amp;amp;&#38;lt;") == "&amp;&lt;"


# --- text with events in it ------------------------------------------------------------------------------------------

ONE = event("<EventData><Data Name='A'>1</Data></EventData>")
TWO = event("<EventData>\n  <Data Name='A'>2\nlines</Data>\n</EventData>").replace("'", '"')


@pytest.mark.parametrize(
    "text",
    [
        ONE + TWO,
        f"#a comment\n{ONE}\n\n{TWO}\n",
        f'"{ONE}"\r\n"{TWO}"',
        f"<?xml version='1.0'?>\n<!DOCTYPE Events>\n<Events>{ONE}\n{TWO}</Events>",
        f"Mar  4 10:11:25 h sysmon: {ONE}\nMar  4 10:11:26 h sysmon: {TWO}\n",
        f"</Events>\0\0\0{ONE}\0\0{TWO}\0",
    ],
)
def test_events_in_text(text: str) -> None:
    sink = collect(xmlwineventlog, text)
    assert [one.raw for one in sink.events] == [ONE, TWO]
    assert [one.fields["A"] for one in sink.events] == ["1", "2\nlines"]
    assert (sink.lost, sink.warned) == ([], [])


def test_an_event_cut_off_by_the_next() -> None:
    sink = collect(xmlwineventlog, f"{ONE}\n{ONE[:150]}\n{ONE}\n{ONE[:60]}")
    assert [one.raw for one in sink.events] == [ONE, ONE]
    assert sink.places == [("the event is cut off", "line 2"), ("the event is cut off", "line 4")]
    assert [raw for raw, _, _ in sink.kept] == [ONE[:150].strip(), ONE[:60].strip()]
    sink = collect(xmlwineventlog, f"{ONE}\n{ONE[:150]}\n{ONE[:60]}\n")
    assert [(raw, where) for raw, _, where in sink.kept] == [
        (ONE[:150].strip(), "line 2"),
        (ONE[:60].strip(), "line 3"),
    ]


def test_an_end_without_a_start_and_two_starts() -> None:
    sink = collect(xmlwineventlog, f"{ONE[100:]}\n<Event>\n<Event>\n{ONE}")
    assert [one.raw for one in sink.events] == [ONE]
    kept = [(raw, where) for raw, _, where in sink.kept]
    assert kept == [(ONE[100:], "line 1"), ("<Event>", "line 2"), ("<Event>", "line 3")]


def test_blocks_cut_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(f"junk {n} {ONE.replace('>1<', f'>é{n}<')}\n" for n in range(40))
    whole = collect(xmlwineventlog, text)
    assert len(whole.events) == 40
    for size in (1, 7, 64, 501):
        monkeypatch.setattr(xmlwineventlog, "_BLOCK", size)
        assert collect(xmlwineventlog, text) == whole


def test_a_giant_event_is_lost_and_the_next_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xmlwineventlog, "MAX_EVENT", 5000)
    monkeypatch.setattr(xmlwineventlog, "_BLOCK", 1000)
    giant = ONE.replace(">1<", ">" + "A" * 20_000 + "<")
    sink = collect(xmlwineventlog, f"{ONE}\n{giant}\n{ONE}\n{giant[:9000]}")
    assert [one.raw for one in sink.events] == [ONE, ONE]
    assert [where for _, where in sink.lost] == ["line 2", "line 4"]
    assert sink.kept == []


def test_bytes_that_are_not_utf8() -> None:
    sink = collect(xmlwineventlog, ONE.encode().replace(b">1<", b">a\xff\x80<"))
    assert sink.events[0].fields["A"] == "a\ufffd\ufffd"
    assert len(sink.warned) == 1


def test_much_other_text_is_told() -> None:
    assert len(collect(xmlwineventlog, ONE + "other " * 500 + ONE).warned) == 1


def test_an_entity_is_never_expanded() -> None:
    lines = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    sink = collect(xmlwineventlog, f"<!DOCTYPE x [{lines}]>\n{ONE.replace('>1<', '>&l9;<')}")
    assert sink.events[0].fields["A"] == "&l9;"


def test_sniff() -> None:
    classic = b"03/04/2024 10:11:25 AM\nLogName=System\nEventCode=1\n"
    assert xmlwineventlog.sniff(ONE.encode(), "") == 95
    assert xmlwineventlog.sniff(classic + ONE.encode(), "") < 95, "for the source that reads both"
    assert xmlwineventlog.sniff(b'{"xml": "' + ONE.encode() + b'"}', "") < 50
    assert xmlwineventlog.sniff(b"<Events><EventData/>", "") == 0


# --- timestamps ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.000001Z", 1),
        ("1969-12-31T23:59:59.9999999Z", -1),
        ("2024-03-04T10:11:25.483986123Z", 1_709_547_085_483_986),
        ("2024-03-04 10:11:25", 1_709_547_085_000_000),
        ("2024-03-04T12:11:25+02:00", 1_709_547_085_000_000),
        ("2024-03-04T05:11:25.5-0500", 1_709_547_085_500_000),
        ("1601-01-01T00:00:00.0000000Z", -11_644_473_600_000_000),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
        ("2024-02-30T00:00:00Z", None),
        ("0000-01-01T00:00:00Z", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_iso(text: str, micros: int | None) -> None:
    assert iso_micros(text) == micros
    assert iso_column(pa.array([text])).cast(pa.int64()).to_pylist() == [micros]
    mixed = iso_column(pa.array([text, None, "2024-03-04T10:11:25Z"])).cast(pa.int64()).to_pylist()
    assert mixed == [micros, None, 1_709_547_085_000_000]
