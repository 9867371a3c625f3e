"""The 15 correlation searches of the public content, word for word, over risk events made from its own detections."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.shared import shared
from trapline import app
from trapline.content.catalog import Content
from trapline.content.model import DetectionType
from trapline.detect import risk
from trapline.detect.hunt import profiles
from trapline.detect.settings import read
from trapline.state.journal import Status
from trapline.store import Store, collected
from trapline.values import Row

START = 1_772_625_600.0
STORIES = {
    "Living Off The Land": "Living Off The Land Detection",
    "Windows Post-Exploitation": "Windows Post Exploitation Risk Behavior",
    "Active Directory Lateral Movement": "Active Directory Lateral Movement Identified",
    "Active Directory Privilege Escalation": "Active Directory Privilege Escalation Identified",
    "Windows Certificate Services": "Steal or Forge Authentication Certificates Behavior Identified",
    "Log4Shell CVE-2021-44228": "Log4Shell CVE-2021-44228 Exploitation",
    "ProxyShell": "ProxyShell ProxyNotShell Behavior Detected",
    "Linux Privilege Escalation": "Linux Persistence and Privilege Escalation Risk Behavior",
    "Windows Registry Abuse": "Windows Modify Registry Risk Behavior",
}
"""Stories all of whose detections find something on one host, and the correlation search that says so."""


def _found(content: Content, stories: Sequence[str]) -> list[Row]:
    """Risk events as if all detections of stories had found something on a host, a minute apart."""
    profile = profiles(content)
    events: list[Row] = []
    for story in stories:
        host = f"host-of-{story}"
        for detection in content.detections:
            if story not in detection.stories or detection.type is DetectionType.CORRELATION or detection.rba is None:
                continue
            entry = risk.Entry("dest", host, "system", 20.0, f"{detection.name} on {host}")
            run = risk.Run(START + len(events) * 1.0, "sid")
            events += risk.events(
                detection, {"dest": host}, [entry], rid=0, run=run, annotations=profile(detection).annotations
            )
    return events


@pytest.fixture(scope="module")
def correlations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    """The rows of each correlation search."""
    content = app.content([shared("content", "security_content")])
    events = _found(content, list(STORIES))
    place = tmp_path_factory.mktemp("risk") / "store"
    with Store.open(place) as store:
        collected.write(store, "risk", events)
    found: dict[str, list[Row]] = {}
    asked = [
        one
        for one in content.detections
        if one.type is DetectionType.CORRELATION and "security_content" in Path(one.file).parts
    ]
    assert len(asked) == 15
    with app.session(content, app.knowledge(), store=place) as (session, _):
        for one in asked:
            found[one.name] = session.run(one.search, earliest=START - 3600, latest=START + 86_400, now=START).rows
    return found


@pytest.mark.parametrize(("story", "name"), STORIES.items())
def test_it_names_the_host_of_its_story(correlations: dict[str, list[Row]], story: str, name: str) -> None:
    rows = correlations[name]
    assert f"host-of-{story}" in {row["risk_object"] for row in rows}
    for row in rows:
        assert float(str(row["risk_score"])) == 20 * float(str(row["risk_event_count"]))


def test_all_run(correlations: dict[str, list[Row]]) -> None:
    assert len(correlations) == 15
    assert sum(bool(rows) for rows in correlations.values()) >= len(STORIES)


def test_all_run_on_their_schedules(correlations: dict[str, list[Row]], tmp_path: Path) -> None:
    """Also where a search is asked ahead in which of many windows there is anything for it."""
    content = app.content([shared("content", "security_content")])
    found = _found(content, ["Windows Registry Abuse"])
    place = tmp_path / "store"
    with Store.open(place) as store:
        collected.write(store, "risk", found)
    asked = [one for one in content.detections if one.name in correlations and "security_content" in one.file]
    with app.scheduler(
        content, app.knowledge(), store=place, settings=read(place / "trapline.yml"), detections=asked, simulated=True
    ) as (one, _):
        one.begin(START - 2 * 3600)
        one.advance(START + 3 * 3600)
        runs = one.journal.runs()
    assert {run.search for run in runs} == {f"ESCU - {name} - Rule" for name in correlations}
    assert [(run.search, run.reason) for run in runs if run.status is not Status.DONE] == []
    assert "ESCU - Windows Modify Registry Risk Behavior - Rule" in {run.search for run in runs if run.findings}
