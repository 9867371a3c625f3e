"""A week of data, detections of different tactics over it, and the scheduler, for the tests of risk."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from trapline import app
from trapline.content.catalog import Content
from trapline.detect.scheduler import Scheduler
from trapline.detect.settings import read, write_switches
from trapline.ingest.intake import Evidence, ingest
from trapline.store import Store
from trapline.values import Row

REMCOM = "Windows Service Create RemComSvc"
DAY = "Risk Threshold Exceeded For Object Over 24 Hour Period"
WEEK = "ATT&CK Tactic Threshold Exceeded For Object Over Previous 7 Days"

OWN = {
    "Test Memory Dump": ("dump", 50, ["T1003.001"]),
    "Test Admin Share": ("share", 30, ["T1021.002"]),
    "Test Script": ("script", 10, ["T1059.001"]),
}
"""Detections of the tests: what they look for, their score and their technique of ATT&CK."""

_DETECTION = """\
name: {name}
id: {id}
version: 1
date: '2026-03-01'
author: Trapline
type: Anomaly
status: production
data_source: []
description: Finds {action}.
search: 'index=main sourcetype=app action={action} | stats count by dest'
how_to_implement: none
known_false_positives: none
rba:
  message: {action} on $dest$
  risk_objects: [{{field: dest, type: system, score: {score}}}]
  threat_objects: []
tags:
  analytic_story: [Active Directory Discovery]
  asset_type: Endpoint
  mitre_attack_id: {ids}
  product: [Splunk Enterprise Security]
  security_domain: endpoint
tests: []
"""


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def stamp(time: object) -> str:
    return datetime.fromtimestamp(float(str(time)), UTC).strftime("%dT%H:%M")


def service(moment: str, host: str) -> str:
    """Event 7045 of RemCom's service."""
    return (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        "<Provider Name='Service Control Manager'/><EventID>7045</EventID><Level>4</Level>"
        f"<TimeCreated SystemTime='{moment}Z'/><EventRecordID>7</EventRecordID><Channel>System</Channel>"
        f"<Computer>{host}</Computer></System><EventData><Data Name='ServiceName'>RemCom Service</Data>"
        r"<Data Name='ImagePath'>%SystemRoot%\RemComSvc.exe</Data><Data Name='ServiceType'>user mode service</Data>"
        "</EventData></Event>\n"
    )


def content(folder: Path, macros: Sequence[Path] = ()) -> Content:
    """The library and the detections of the tests."""
    place = folder / "content" / "detections"
    place.mkdir(parents=True, exist_ok=True)
    for number, (name, (action, score, ids)) in enumerate(OWN.items()):
        text = _DETECTION.format(
            name=name, id=f"00000000-0000-4000-8000-00000000000{number}", action=action, score=score, ids=ids
        )
        (place / f"{name.lower().replace(' ', '_')}.yml").write_text(text)
    found = app.content([folder / "content"], macros)
    assert found.problems == []
    return found


def store(folder: Path, *events: tuple[str, str, str], rules: Sequence[str] = (DAY, WEEK), settings: str = "") -> Path:
    """A store with events of (time, host, action), action remcom being the service; all detections are enabled."""
    place = folder / "store"
    system, own = folder / "system.log", folder / "app.log"
    system.write_text("".join(service(time, host) for time, host, what in events if what == "remcom"))
    own.write_text(
        "".join(
            json.dumps({"time": at(time), "dest": host, "action": what}) + "\n"
            for time, host, what in events
            if what != "remcom"
        )
    )
    with Store.open(place) as opened:
        evidence = [Evidence(str(system), "XmlWinEventLog", "XmlWinEventLog:System"), Evidence(str(own), "app")]
        report = ingest(evidence, opened)
        assert sum(one.events for one in report.files) == len(events)
    write_switches(place / "enabled.yml", dict.fromkeys([REMCOM, *OWN, *rules], True))
    if settings:
        (place / "trapline.yml").write_text(settings)
    return place


@contextmanager
def scheduler(place: Path, known: Content) -> Iterator[Scheduler]:
    with app.scheduler(known, app.knowledge(), store=place, settings=read(place / "trapline.yml"), simulated=True) as (
        one,
        warnings,
    ):
        assert [warn for warn in warnings if warn.code.startswith(("settings", "schedule"))] == []
        yield one


def simulate(place: Path, known: Content, start: str, end: str) -> None:
    with scheduler(place, known) as one:
        one.begin(at(start))
        one.advance(at(end))
        assert [run.reason for run in one.journal.runs() if run.reason] == []


def rows(place: Path, known: Content, spl: str) -> list[Row]:
    with app.session(known, app.knowledge(), store=place, kept=app.kept(place)) as (session, _):
        return session.run(spl).rows
