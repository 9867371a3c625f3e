"""Detections over several processes: what comes out is what one process gives, whoever dies on the way."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.unit.hunting import NOW, detection
from trapline.content.enrich import annotations_of, enrich
from trapline.content.model import Detection, Macro
from trapline.detect import run, workers
from trapline.detect.run import Detected, Order, Profile
from trapline.ingest.intake import ingest
from trapline.samples.write import write
from trapline.search import Session
from trapline.store import Store

TSTATS = (
    "| tstats count from datamodel=Endpoint.Processes by Processes.dest Processes.process | rename Processes.* as *"
)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = tmp_path_factory.mktemp("logs")
    write(folder)
    with Store.throwaway() as store:
        ingest([str(folder)], store)
        yield Session(tables=store.snapshot().tables)


def profile(detection: Detection) -> Profile:
    return Profile(annotations=annotations_of(detection, enrich(detection)))


DETECTIONS = [
    detection("A", ("dest", "system", 20), search=TSTATS),
    detection("B", ("host", "system", 30), search="index=main EventCode=7045 | stats count by host, ServiceName"),
    detection("C", search="index=main | nosuchcommand"),
    detection("D", ("dest", "system", 20), search=f"{TSTATS} | where count>1"),
    *(detection(f"E{at}", search=f"index=main EventCode={at} | stats count by host") for at in range(4600, 4640)),
    detection("W", search="| makeresults | eval k=1, v=5 | outputlookup t.csv | table k v"),
    detection("R", search="| inputlookup t.csv | where v=5"),
]


def told(found: Detected) -> object:
    outcomes = [(one.detection, one.rows, one.kept, one.error) for one in found.outcomes]
    findings = [one.to_json() for one in found.findings]
    return outcomes, findings, found.risk_events, [one.to_json() for one in found.hosts], found.warnings


def test_what_several_processes_find_is_what_one_finds(session: Session) -> None:
    calls: list[tuple[str, int, int, str]] = []
    several = workers.run(session, DETECTIONS, profile, Order(NOW), jobs=2, progress=lambda *told: calls.append(told))
    one = run.run(session, DETECTIONS, profile, Order(NOW))
    assert told(several) == told(one)
    assert sum(one.rows for one in several.outcomes) > 10
    assert several.outcomes[-1].rows == 1  # it read what the one before wrote
    done = [call[1] for call in calls if call[0] == "detections"]
    assert done == list(range(1, len(DETECTIONS) + 1))


def test_a_process_that_dies_costs_nothing(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    take = workers._Told.take

    def kill(self: workers._Told, frame: object) -> None:
        take(self, frame)  # type: ignore[arg-type]
        if not killed:
            found = subprocess.run(
                ["ps", "--ppid", str(os.getpid()), "-o", "pid=,args="], capture_output=True, text=True
            )
            killed.extend(int(line.split()[0]) for line in found.stdout.splitlines() if "detect.workers" in line)
            for pid in killed:
                os.kill(pid, 9)

    if not Path("/bin/ps").exists() and not Path("/usr/bin/ps").exists():
        pytest.skip("there is no ps to find the processes with")
    monkeypatch.setattr(workers._Told, "take", kill)
    several = workers.run(session, DETECTIONS, profile, Order(NOW), jobs=2)
    assert len(killed) == 2
    assert told(several) == told(run.run(session, DETECTIONS, profile, Order(NOW)))


def test_a_process_looks_for_no_modules_where_the_user_is(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of evidence may hold a file of any name."""
    (tmp_path / "pickle.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "one", lambda *_: pytest.fail("the processes did nothing"))
    found = workers.run(session, [one for one in DETECTIONS if one.name in "ABD"], profile, Order(NOW), jobs=2)
    assert [one.error for one in found.outcomes] == [None, None, None]


def spread(
    detections: Mapping[str, str], macros: Mapping[str, str] = {}, jobs: int = 2
) -> tuple[list[set[str]], set[str]]:
    made = [detection(name, search=search) for name, search in detections.items()]
    defined = {name: Macro(name=name, definition=text) for name, text in macros.items()}
    groups, free = workers.spread(made, defined, range(len(made)), jobs)
    return [{made[at].name for at in (*own, *others)} for own, others in groups], {made[at].name for at in free}


def test_those_that_read_a_dataset_stay_together() -> None:
    groups, free = spread(
        {
            "P": "| tstats count from datamodel=Endpoint.Processes",
            "Q": '| tstats count FROM datamodel="Endpoint.Processes" by x',
            "W": "| tstats count from datamodel=Web",
            "V": "| tstats count from datamodel=Web.Web",
            "X": "index=main",
        }
    )
    assert sorted(groups, key=len) == sorted([{"P", "Q"}, {"W", "V"}], key=len)
    assert free == {"X"}


@pytest.mark.parametrize(
    ("writes", "reads", "macros"),
    [
        ("| makeresults | outputlookup append=t seen.csv", "| inputlookup seen | where a=1", {}),
        ("| makeresults | `keep`", "index=main | `known`", {"keep": "outputlookup seen", "known": "lookup seen a"}),
        (
            "| makeresults | `outer`",
            "x [| inputlookup seen]",
            {"outer": "`inner`", "inner": "outputlookup seen.csv.gz"},
        ),
    ],
)
def test_those_that_read_what_another_writes_go_with_it(writes: str, reads: str, macros: dict[str, str]) -> None:
    groups, free = spread({"W": writes, "R": reads, "X": "index=main"}, macros)
    assert {"W", "R"} in groups
    assert free == {"X"}


@pytest.mark.parametrize(
    ("detections", "events", "several"), [(1700, 1_000_000, True), (1700, 1000, False), (1, 10**7, False)]
)
def test_more_processes_only_where_they_pay(
    detections: int, events: int, several: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "cores", lambda: 8)
    assert workers.jobs(detections, events) == (workers.MOST if several else 1)
