"""From files to the store: what is recognised, what is counted, what a kill leaves."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.shared import ROOT
from tests.unit.storekit import read
from trapline.errors import EngineError, InputError, TraplineError
from trapline.ingest import intake
from trapline.ingest.intake import Evidence, Progress, format_of, formats, ingest
from trapline.ingest.report import iso_text
from trapline.ingest.source import Input, Sink
from trapline.ingest.winxml import event_xml
from trapline.search import Session
from trapline.store import Portion, Store


def xml(number: int, *, channel: str = "System", second: int | None = None, **data: str) -> str:
    return event_xml(
        provider="Demo",
        event_id="7045",
        channel=channel,
        computer="dc1.lab.example",
        time=f"2024-03-04T10:{number // 60 % 60:02}:{number % 60 if second is None else second:02}.000001Z",
        record_id=str(number),
        data=(data or {"ServiceName": f"svc{number}"}).items(),
    )


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.throwaway() as opened:
        yield opened


def rows(store: Store, *fields: str, index: str = "main") -> list[dict[str, Any]]:
    tables = store.snapshot([index]).tables
    return sorted((row for table in tables for row in read(table, fields)), key=lambda row: (row["_time"], row["_raw"]))


def test_a_file_becomes_rows(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "a.log"
    path.write_text("".join(xml(n) + "\n" for n in range(100)))
    report = ingest([path], store)
    (file,) = report.files
    assert (file.format, file.events, file.bad_records, file.skipped, file.error) == (
        "xmlwineventlog",
        100,
        0,
        None,
        None,
    )
    assert file.sourcetypes == ("XmlWinEventLog",)
    found = rows(store, "ServiceName", "EventCode", "host", "source")
    assert [row["ServiceName"] for row in found] == [f"svc{n}" for n in range(100)]
    assert {row["EventCode"] for row in found} == {"7045"}
    assert found[0]["_raw"] == xml(0)
    assert found[0]["_time"] == 1_709_546_400_000_001
    assert (iso_text(file.earliest), iso_text(file.latest)) == (
        "2024-03-04T10:00:00.000001Z",
        "2024-03-04T10:01:39.000001Z",
    )


def test_sources_are_counted_apart(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "a.log"
    path.write_text("\n".join(xml(n, channel=("System", "Security")[n % 2]) for n in range(5)))
    report = ingest([path], store)
    assert [(one.source, one.events) for one in report.by_source()] == [
        ("XmlWinEventLog:Security", 2),
        ("XmlWinEventLog:System", 3),
    ]
    assert json.loads(json.dumps(report.to_json()))["sources"][0] == {
        "sourcetype": "XmlWinEventLog",
        "source": "XmlWinEventLog:Security",
        "events": 2,
        "earliest": "2024-03-04T10:00:01.000001Z",
        "latest": "2024-03-04T10:00:03.000001Z",
    }


def test_names_that_the_user_gives(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "a.log"
    path.write_text(xml(1))
    own = tmp_path / "b.log"
    own.write_text(xml(2))
    given: list[Path | Evidence] = [path, Evidence(str(own), sourcetype="own", index="other")]
    report = ingest(given, store, sourcetype="st", source="src", host="h")
    assert [(file.index, file.sourcetypes) for file in report.files] == [("main", ("st",)), ("other", ("own",))]
    (table,) = store.snapshot(["main"]).tables
    assert table.sourcetype == "st"
    (table,) = store.snapshot(["other"]).tables
    assert table.sourcetype == "own"
    assert set(report.files[1].sources) == {("own", "src")}


def test_a_file_is_read_once(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "a.log"
    path.write_text(xml(1))
    (tmp_path / "b.log.gz").write_bytes(gzip.compress(path.read_bytes()))
    first = ingest([tmp_path], store)
    assert [file.skipped for file in first.files] == [None, "the same content as another file"]
    assert first.files[1].hint == f"It was read as {path}."
    second = ingest([tmp_path / "b.log.gz"], store)
    assert [file.skipped for file in second.files] == ["already ingested"]
    assert not second.nothing_read
    assert len(rows(store)) == 1
    again = ingest([path], store, again=True)
    assert again.events == 1
    assert len(rows(store)) == 2
    assert ingest([path], store, index="other").events == 1, "another index knows nothing of it"


def test_what_is_not_read_is_told(tmp_path: Path, store: Store) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "picture").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40)
    (tmp_path / "broken.evtx").write_bytes(b"ElfFile\0" + bytes(20))
    report = ingest([tmp_path, tmp_path / "nope"], store)
    told = {Path(file.name).name: (file.skipped, file.error) for file in report.files}
    assert told["empty"] == ("empty", None)
    assert told["nope"] == ("does not exist", None)
    assert told["picture"] == ("not recognised", None)
    assert told["broken.evtx"][1] is not None
    assert report.nothing_read
    assert all(file.hint for file in report.files if file.lost or file.error)
    assert not store.snapshot().tables


def test_a_file_that_ends_in_an_error_is_read_again(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.log"
    path.write_text(xml(1) + "\n" + xml(2))

    def give_up(file: Input, sink: Sink) -> None:
        reader(file, sink)
        raise InputError("half of it is missing", file=file.name)

    module = formats()["xmlwineventlog"]
    reader = module.read
    monkeypatch.setattr(module, "read", give_up)
    (file,) = ingest([path], store).files
    assert (file.events, file.error) == (2, "half of it is missing")
    monkeypatch.undo()
    (file,) = ingest([path], store).files
    assert (file.events, file.skipped) == (2, None)
    assert len(rows(store)) == 2, "what was in already was recognised"


def test_a_defect_of_a_source_costs_one_file(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.log").write_text(xml(1))
    (tmp_path / "b.csv").write_text("a,b\n1,2\n3,4\n")

    def fail(file: Input, sink: Sink) -> None:
        raise KeyError("unforeseen")

    monkeypatch.setattr(formats()["csvfile"], "read", fail)
    report = ingest([tmp_path], store, format=None)
    assert report.events == 1
    assert "KeyError" in (report.files[1].error or "")
    assert report.files[1].hint is not None


def test_formats_are_known_by_content_and_overridden(tmp_path: Path, store: Store) -> None:
    assert {"evtx", "xmlwineventlog"} <= set(formats())
    assert format_of(xml(1).encode(), "a.json") == "xmlwineventlog"
    with pytest.raises(TraplineError, match="unknown format") as error:
        ingest([], store, format="evtxx")
    assert "evtx" in (error.value.hint or "")
    path = tmp_path / "a.log"
    path.write_text(xml(1))
    (file,) = ingest([path], store, format="evtx").files
    assert (file.format, file.events, file.error) == ("evtx", 0, "not an EVTX file")


def test_events_without_a_time(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """They get the time of the event before them, over portions too, the first ones that of the file."""
    monkeypatch.setattr(intake, "PORTION_EVENTS", 3)
    path = tmp_path / "a.log"
    timeless = xml(0).replace("SystemTime", "Other")
    path.write_text("\n".join([timeless, timeless, xml(5), timeless, timeless, timeless, timeless, xml(9), timeless]))
    os.utime(path, (1_000_000, 1_000_000))
    (file,) = ingest([path], store).files
    assert file.untimed == 7
    assert "7 events without a time" in file.note
    micros = [row["_time"] for row in rows(store)]
    base = 1_709_546_400_000_001
    assert micros == [1_000_000_000_000] * 2 + [base + 5_000_000] * 5 + [base + 9_000_000] * 2


def test_portions_are_cut_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same places whatever else is read, in order, and small files share an append."""
    monkeypatch.setattr(intake, "PORTION_EVENTS", 10)
    monkeypatch.setattr(intake, "APPEND_EVENTS", 25)
    for name in "abc":
        (tmp_path / name).write_text("\n".join(xml(n, ServiceName=f"{name}{n}") for n in range(24)))

    class Recorder(Store):
        def __init__(self) -> None:
            self.appends: list[list[tuple[str, int, int]]] = []

        def append(self, index: str, portions: Any) -> int:
            self.appends.append([(p.file_id[:8], p.number, _events(p)) for p in portions])
            return 0

        def seen(self, index: str, file_id: str) -> bool:
            return False

        def finish(self, index: str, file_id: str, label: str, events: int) -> None:
            pass

    together, alone = Recorder(), Recorder()
    ingest([tmp_path], together)
    ingest([tmp_path / "b"], alone)
    flat = [one for append in together.appends for one in append]
    assert [(number, events) for _, number, events in flat] == [(0, 10), (1, 10), (2, 4)] * 3
    assert [one for append in alone.appends for one in append] == flat[3:6]
    assert [len(append) for append in together.appends] == [4, 4, 1]


def _events(portion: Portion) -> int:
    return sum(batch.table.num_rows for batch in portion.batches)


def test_the_writer_failing_ends_the_ingest(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "PORTION_EVENTS", 10)
    monkeypatch.setattr(intake, "APPEND_EVENTS", 10)
    path = tmp_path / "a.log"
    path.write_text("\n".join(xml(n) for n in range(200)))

    def full(*_: object) -> int:
        raise EngineError("the disk is full")

    monkeypatch.setattr(store, "append", full)
    with pytest.raises(EngineError, match="disk is full"):
        ingest([path], store)
    assert not store.seen("main", "anything")


def test_progress_ends_at_the_size_of_the_files(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "PORTION_EVENTS", 10)
    (tmp_path / "a").write_text("\n".join(xml(n) for n in range(35)))
    (tmp_path / "b.gz").write_bytes(gzip.compress("\n".join(xml(n) for n in range(50, 70)).encode()))
    steps: list[Progress] = []
    ingest([tmp_path], store, progress=steps.append)
    assert sum(step.disk for step in steps) == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert [step.events for step in steps] == sorted(step.events for step in steps)
    assert steps[-1].events == 55
    assert min(step.disk for step in steps) >= 0


_CHILD = """
import sys
from trapline.ingest import intake
from trapline.store import Store
intake.PORTION_EVENTS, intake.APPEND_EVENTS = 200, 400
with Store.open(sys.argv[1]) as store:
    print(intake.ingest(sys.argv[2:], store).events, flush=True)
"""


def test_a_kill_at_any_moment_loses_and_doubles_nothing(tmp_path: Path) -> None:
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    for name in "ab":
        channels = ("System", "Security")
        events = (xml(n, channel=channels[n % 2], ServiceName=f"{name}{n}") for n in range(2000))
        (evidence / name).write_text("\n".join(events))
    child = [sys.executable, "-c", _CHILD, str(tmp_path / "store"), str(evidence)]
    dice = random.Random(7)
    kills = 0
    for _ in range(6):
        process = subprocess.Popen(child, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 0.25 + dice.random() * 0.6
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        assert process.stderr is not None
        errors = process.stderr.read()
        process.stderr.close()
        assert process.wait() in (0, -signal.SIGKILL), errors.decode()
    assert kills
    subprocess.run(child, cwd=ROOT, check=True, capture_output=True)
    with Store.open(tmp_path / "store") as store:
        names = [row["ServiceName"] for row in rows(store, "ServiceName")]
        assert sorted(names) == sorted(f"{name}{n}" for name in "ab" for n in range(2000))
        assert {file.skipped for file in ingest([evidence], store).files} == {"already ingested"}


def test_what_breaks_the_json_does_not_hide_the_event(tmp_path: Path) -> None:
    """The text stays: with the sourcetype given, else that of the event before, and with a time of its own."""
    path = tmp_path / "a.log"
    cut = '{"ts":"2026-03-01T10:00:01Z","cmd":"mimikatz", "u":'
    deep = '{"cmd":"mimikatz","d":' + "[" * 3_000 + "]" * 3_000 + "}"
    hec = '{"event":{"ts":"2026-03-01T10:00:00Z"},"sourcetype":"my:app","time":1772359200}'
    path.write_text(
        f"{hec}\n{cut}\n{deep}\n" + '{"ts":"2026-03-01T10:00:03Z","_raw":"fake","_time":"1","host":"spoof"}\n'
    )
    found = "index=main mimikatz | eval n=len(_raw) | table _time sourcetype host n"
    for given, told in (("acme:json", "acme:json"), (None, "my:app")):
        with Store.open(tmp_path / f"s-{given}") as store:
            report = ingest([Evidence(str(path), sourcetype=given)], store)
            file = report.files[0]
            assert (file.events, file.bad_records, file.kept_records, file.whole) == (4, 0, 2, True)
            rows = Session(tables=store.snapshot().tables).run(found).rows
            assert [(row["sourcetype"], row["host"], row["n"]) for row in rows] == [
                (told, "unknown", len(deep)),
                (told, "unknown", len(cut)),
            ]
            times = [row["_time"] for row in rows]
            assert times[0] == times[1]
