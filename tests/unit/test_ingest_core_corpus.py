"""Real logs beside the repository, where they are: everything is accounted for, and the counts that are known hold."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.shared import shared
from tests.unit.collect import Collector
from trapline.ingest.intake import ingest
from trapline.ingest.report import FileReport, IngestReport
from trapline.ingest.winxml import WindowsEvents
from trapline.store import Store


@pytest.fixture(scope="module")
def report() -> IngestReport:
    with Store.throwaway() as store:
        report = ingest([shared("data")], store)
        stored = sum(table.rows for table in store.snapshot().tables)
    assert stored == report.events
    return report


def file(report: IngestReport, end: str) -> FileReport:
    (found,) = [one for one in report.files if one.name.endswith(end)]
    return found


@pytest.mark.parametrize(
    ("end", "events", "bad"),
    [
        ("sample_with_a_bad_chunk_magic.evtx", 270, 2),
        ("sample-with-zero-data-size-event.evtx", 335, 1),
        ("2-vss_0-Microsoft-Windows-RemoteDesktopServices-RdpCoreTS%4Operational.evtx", 1910, 4),
        ("samples/sysmon.evtx", 358, 8),
    ],
)
def test_damaged_evtx(report: IngestReport, end: str, events: int, bad: int) -> None:
    """facts/DATA.md: the expected counts."""
    found = file(report, end)
    assert (found.format, found.events, found.bad_records, found.error) == ("evtx", events, bad, None)


def test_every_file_is_accounted_for(report: IngestReport) -> None:
    on_disk = sum(1 for path in shared("data").rglob("*") if path.is_file())
    top = {one.name.split("!")[0] for one in report.files}
    assert len(top) == on_disk
    assert [one.name for one in report.files if one.error] == []
    assert set(report.skipped_by_reason()) <= {"the same content as another file", "no events in it"}
    evtx = [one for one in report.read if one.format == "evtx"]
    assert len(evtx) > 250
    assert sum(one.bad_records for one in evtx) == 15


def test_xml_text(report: IngestReport) -> None:
    """One event per `</Event>`, in files that hold nothing else."""
    checked = Counter[str]()
    for one in report.read:
        if one.format == "xmlwineventlog" and "!" not in one.name:
            assert one.events == Path(one.name).read_bytes().count(b"</Event>"), one.name
            checked.update(one.sourcetypes)
    assert checked["XmlWinEventLog"] >= 10
    assert checked["sysmon:linux"] >= 1


def test_fast_and_slow_agree() -> None:
    """Every EVTX event of one origin, read by a reader that has seen all before it and by a new one."""
    from evtx import PyEvtxParser

    reader = WindowsEvents(rendered=True, learn_after=1)
    count = 0
    for path in sorted(shared("data", "mdecrevoisier__EVTX-to-MITRE-Attack").rglob("*.evtx"))[:60]:
        for record in PyEvtxParser(str(path)).records():
            fast, slow = Collector(), Collector()
            assert record is not None
            assert reader.take(record["data"], fast) is None
            WindowsEvents(rendered=True).take(record["data"], slow)
            assert fast.events == slow.events
            count += 1
    assert count > 500
