"""EVTX files: whole, damaged, cut off, foreign."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.collect import Bytes, Collector
from tests.unit.evtxkit import CHUNK, Element, event, evtx, record_places
from trapline.errors import InputError
from trapline.ingest.sources import evtx as source

HEADER = 4096


class OnDisk(Bytes):
    """An input that has a path."""

    def __init__(self, folder: Path, data: bytes) -> None:
        super().__init__(data, "test.evtx")
        self._path = folder / "1"
        self._path.write_bytes(data)

    def path(self) -> Path:
        return self._path


def read(folder: Path, data: bytes) -> Collector:
    sink = Collector()
    source.read(OnDisk(folder, data), sink)
    return sink


def install(number: int, **names: str) -> Element:
    data = {"ServiceName": f"svc{number}", "ImagePath": r"%SystemRoot%\a.exe"} | names
    return event(number, data=data.items())


def two_chunks() -> bytes:
    return evtx([[install(n) for n in range(1, 8)], [install(8)]])


def ids(sink: Collector) -> list[object]:
    return [one.fields["EventRecordID"] for one in sink.events]


def test_an_event_as_windows_prints_it(tmp_path: Path) -> None:
    text = 'it\'s <50%> & "more"'
    sink = read(tmp_path, evtx([[event(1, data=[("ServiceName", text), ("Empty", ""), ("Product Name", "x")])]]))
    assert sink.lost == []
    (one,) = sink.events
    assert one.raw == (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        "<Provider Name='Service Control Manager' Guid='{555908D1-A6D7-4695-8E1E-26931D2012F4}'/>"
        "<EventID Qualifiers='16384'>7045</EventID><TimeCreated SystemTime='2024-03-04T10:11:25.483986Z'/>"
        "<EventRecordID>1</EventRecordID><Correlation/><Channel>System</Channel>"
        "<Computer>dc1.lab.example</Computer><Security UserID='S-1-5-18'/></System><EventData>"
        "<Data Name='ServiceName'>it's &lt;50%&gt; &amp; \"more\"</Data><Data Name='Empty'></Data>"
        "<Data Name='Product Name'>x</Data></EventData></Event>"
    )
    assert one.fields == {
        "Name": "Service Control Manager",
        "Guid": "{555908D1-A6D7-4695-8E1E-26931D2012F4}",
        "Qualifiers": "16384",
        "EventCode": "7045",
        "SystemTime": "2024-03-04T10:11:25.483986Z",
        "EventRecordID": "1",
        "Channel": "System",
        "Computer": "dc1.lab.example",
        "UserID": "S-1-5-18",
        "ServiceName": text,
        "Product_Name": "x",
    }
    assert (one.sourcetype, one.source, one.host) == ("XmlWinEventLog", "XmlWinEventLog:System", "dc1.lab.example")
    assert one.time == 1_709_547_085_483_986


def test_the_fast_path_gives_what_the_slow_one_gives(tmp_path: Path) -> None:
    """The same events, read alone by a new reader and in a file long enough for the structure to be learnt."""
    values = ["a", "", "it's", "100 %s", " ", "\n", "x & y", "54849625-5478-4994-A5BA-3E3B0328C30D", "é", "\n  "]
    events = [install(n, ImagePath=values[n % len(values)], ID=values[n % 7]) for n in range(1, 33)]
    together = read(tmp_path, evtx([events]))
    assert together.lost == []
    from trapline.ingest.winxml import LEARN_AFTER, WindowsEvents

    for one, alone_event in zip(together.events, events, strict=True):
        file = OnDisk(tmp_path, evtx([[alone_event]]))
        alone = Collector()
        before = source._events
        source._events = WindowsEvents(rendered=True, learn_after=LEARN_AFTER)
        try:
            source.read(file, alone)
        finally:
            source._events = before
        assert alone.events == [one]


def test_a_damaged_record_costs_itself(tmp_path: Path) -> None:
    data = bytearray(two_chunks())
    place = record_places(bytes(data))[2]
    data[place + 28 : place + 60] = b"\xff" * 32
    sink = read(tmp_path, bytes(data))
    assert sink.lost == [("damaged record", "record 3")]
    assert ids(sink) == ["1", "2", "4", "5", "6", "7", "8"]


def test_a_damaged_record_header_costs_the_rest_of_its_chunk(tmp_path: Path) -> None:
    data = bytearray(two_chunks())
    place = record_places(bytes(data))[2]
    data[place : place + 2] = b"xx"
    sink = read(tmp_path, bytes(data))
    assert sink.lost == [("damaged record header", "after 2 records")]
    assert ids(sink) == ["1", "2", "8"]


def test_a_damaged_chunk_costs_itself(tmp_path: Path) -> None:
    data = bytearray(two_chunks())
    data[HEADER : HEADER + 8] = b"nothing."
    sink = read(tmp_path, bytes(data))
    assert sink.lost == [("damaged chunk", "chunk 0")]
    assert ids(sink) == ["8"]


@pytest.mark.parametrize("extra", [0, 1, 100])
def test_a_file_cut_off_keeps_its_whole_chunks(tmp_path: Path, extra: int) -> None:
    size = HEADER + CHUNK + extra
    sink = read(tmp_path, two_chunks()[:size])
    assert sink.lost == [("chunks missing, the file is cut off", f"byte {size}")]
    assert len(sink.events) == 7


def test_a_file_cut_off_within_a_chunk_keeps_the_whole_records_of_it(tmp_path: Path) -> None:
    size = HEADER + CHUNK + CHUNK - 1
    sink = read(tmp_path, two_chunks()[:size])
    assert sink.lost == [("chunks missing, the file is cut off", f"byte {size}")]
    assert ids(sink)[-1] == "8"
    assert len(sink.events) == 8


def test_a_file_cut_off_within_a_record_loses_that_one(tmp_path: Path) -> None:
    data = two_chunks()
    size = record_places(data)[3] + 60
    sink = read(tmp_path, data[:size])
    assert ids(sink) == ["1", "2", "3"]
    assert ("chunks missing, the file is cut off", f"byte {size}") in sink.lost


def test_a_file_without_chunks(tmp_path: Path) -> None:
    assert read(tmp_path, evtx([])).lost == []
    assert read(tmp_path, two_chunks()[:HEADER]).lost == [("chunks missing, the file is cut off", f"byte {HEADER}")] * 2


def test_room_for_more_chunks_is_no_damage(tmp_path: Path) -> None:
    """Windows makes files of a fixed size and fills them."""
    sink = read(tmp_path, two_chunks() + bytes(3 * CHUNK))
    assert sink.lost == []
    assert len(sink.events) == 8


def test_a_header_cut_off_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="header is damaged") as error:
        read(tmp_path, two_chunks()[:100])
    assert error.value.hint is not None


def test_a_foreign_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not an EVTX file"):
        read(tmp_path, b"<Event>")


def test_events_of_1601_and_without_a_channel(tmp_path: Path) -> None:
    sink = read(tmp_path, evtx([[event(1, channel=None, time="1601-01-01T00:00:00.000000Z")]]))
    (one,) = sink.events
    assert one.source == "XmlWinEventLog"
    assert one.time == -11_644_473_600_000_000


def test_sniff() -> None:
    assert source.sniff(two_chunks()[:65_536], "any name") == 100
    assert source.sniff(b"ElfFil", "a.evtx") == 0
