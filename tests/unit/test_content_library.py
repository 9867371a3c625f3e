"""The built-in content: the seed detection, word for word where words are facts."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.shared import shared
from trapline.content import enrich, read
from trapline.content.catalog import Content, calls
from trapline.content.model import Baseline, DetectionType, Schedule, Status, ThreatObject
from trapline.search import Session

NAME = "Windows Service Create RemComSvc"
SEARCH = (
    '`wineventlog_system` EventCode=7045 ServiceName="RemCom Service" '
    "| stats count min(_time) as firstTime max(_time) as lastTime by dest ImagePath ServiceName ServiceType   "
    "| `security_content_ctime(firstTime)` | `security_content_ctime(lastTime)` "
    "| `windows_service_create_remcomsvc_filter`"
)


@pytest.fixture(scope="module")
def content() -> Content:
    return read.default_content()


def test_it_reads_without_a_problem(content: Content) -> None:
    assert content.problems == []


def test_the_seed(content: Content) -> None:
    found = content.find(NAME)
    assert found.id == "0be4b5d6-c449-4084-b945-2392b519c33b"
    assert found.version == 2
    assert found.type is DetectionType.ANOMALY
    assert found.status is Status.PRODUCTION
    assert found.search == SEARCH
    assert found.mitre == ("T1543.003", "T1543")
    assert found.stories == ("Active Directory Discovery",)
    rba = found.rba
    assert rba is not None
    assert rba.message == "A new service was created related to RemCom on $dest$."
    assert (rba.score, rba.impact, rba.confidence) == (32, 40, 80)
    assert [(item.field, item.type, item.score) for item in rba.risk_objects] == [("dest", "system", 32)]
    assert rba.threat_objects == tuple[ThreatObject, ...]()
    assert [item.name for item in found.drilldowns] == [
        "View the detection results for $dest$",
        "View risk events for the last 7 days for $dest$",
    ]
    assert not found.enabled


def test_what_it_needs_is_there(content: Content) -> None:
    found = content.find(NAME)
    (story,) = content.stories_of(found)
    assert story.narrative
    (name,) = found.data_source_names
    source = content.data_sources[name]
    assert (source.source, source.sourcetype) == ("XmlWinEventLog:System", "xmlwineventlog")
    macros = content.macros()
    assert {key: macros[key].definition for key in dict.fromkeys(call.key for call in calls(found.search))} == {
        "wineventlog_system": "eventtype=wineventlog_system",
        "security_content_ctime(1)": 'convert timeformat="%Y-%m-%dT%H:%M:%S" ctime($field$)',
        "windows_service_create_remcomsvc_filter": "search *",
    }


def test_macros_of_the_data_models(content: Content) -> None:
    macros = content.macros()
    assert macros["security_content_summariesonly"].definition == (
        "summariesonly=`summariesonly_config` allow_old_summaries=`oldsummaries_config` "
        "fillnull_value=`fillnull_config`"
    )
    assert macros["summariesonly_config"].definition == "false"
    assert macros["oldsummaries_config"].definition == "true"
    assert macros["fillnull_config"].definition == "null"
    assert macros["drop_dm_object_name(1)"].definition == "rename $object$.* as *"


@pytest.mark.parametrize(
    ("kind", "notable", "rba"),
    [("TTP", True, True), ("Anomaly", False, True), ("Correlation", True, False), ("Hunting", False, False)],
)
def test_deployments(content: Content, kind: str, notable: bool, rba: bool) -> None:
    found = content.deployments[f"ESCU Default Configuration {kind}"]
    assert found.type == kind
    assert found.schedule == Schedule("0 * * * *", "-70m@m", "-10m@m", "auto")
    assert (found.notable is not None, found.rba) == (notable, rba)
    if found.notable is not None:
        assert (found.notable.title, found.notable.description) == ("%name%", "%description%")
        assert found.notable.fields == ("user", "dest")


def test_deployment_of_baselines(content: Content) -> None:
    found = content.deployment_of(Baseline(name="B", search="x"))
    assert found.schedule == Schedule("10 0 * * *", "-1450m@m", "-10m@m", "auto")


def test_enriched_as_on_its_page(content: Content) -> None:
    found = enrich.enrich(content.find(NAME), "15.1")
    assert found.kill_chain == ("Exploitation", "Installation")
    assert found.nist == ("DE.AE",)
    assert found.cis == ("CIS 10",)
    assert len(found.threat_actors) == 20


def test_the_synthetic_event_is_there(content: Content) -> None:
    local = [
        path
        for test in content.find(NAME).tests
        for data in test.attack_data
        if (path := content.data_path(data.data)) is not None
    ]
    (path,) = local
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2
    assert sum("<Data Name='ServiceName'>RemCom Service</Data>" in line for line in lines) == 1
    assert r"<Data Name='ImagePath'>%SystemRoot%\RemComSvc.exe</Data>" in lines[1]
    assert "synthetic" in path.name


def test_equal_to_the_public_file_but_for_the_prose(content: Content) -> None:
    public = shared("content", "security_content", "detections", "endpoint", "windows_service_create_remcomsvc.yml")
    theirs = yaml.safe_load(public.read_text(encoding="utf-8"))
    ours = yaml.safe_load(Path(content.find(NAME).file).read_text(encoding="utf-8"))
    assert list(ours) == list(theirs)
    assert ours["tests"][0] == theirs["tests"][0]
    prose = {"description", "how_to_implement", "known_false_positives", "version", "tests"}
    assert {key: value for key, value in ours.items() if key not in prose} == {
        key: value for key, value in theirs.items() if key not in prose
    }
    assert all(ours[key] != theirs[key] for key in prose)


def test_the_page_that_started_it_has_this_search(content: Content) -> None:
    (page,) = shared("seed").glob("*.txt")
    lines = page.read_text(encoding="utf-8").splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("1`"))
    shown = [line[1:].strip() for line in lines[start : start + 5]]
    assert " ".join(" ".join(shown).split()) == " ".join(SEARCH.split())


EVENT: dict[str, object] = {
    "_time": 1727688041.0739152,
    "eventtype": "wineventlog_system",
    "EventCode": "7045",
    "dest": "srv-1.corp.example",
    "ServiceName": "RemCom Service",
    "ServiceType": "user mode service",
    "ImagePath": r"%SystemRoot%\RemComSvc.exe",
}


def test_the_search_runs_and_its_filter_can_be_redefined(tmp_path: Path) -> None:
    content = read.default_content()
    found = content.find(NAME)
    events = [EVENT, EVENT | {"ServiceName": "Updater"}, EVENT | {"dest": "admin-7.corp.example"}]
    rows = Session(events=events, macros=content.macros()).run(found.search).rows
    assert [row["dest"] for row in rows] == ["admin-7.corp.example", "srv-1.corp.example"]
    assert rows[1] == {
        "dest": "srv-1.corp.example",
        "ImagePath": r"%SystemRoot%\RemComSvc.exe",
        "ServiceName": "RemCom Service",
        "ServiceType": "user mode service",
        "count": 1,
        "firstTime": "2024-09-30T09:20:41",
        "lastTime": "2024-09-30T09:20:41",
    }
    own = tmp_path / "macros.conf"
    own.write_text('[windows_service_create_remcomsvc_filter]\ndefinition = search NOT dest="admin-*"\n')
    read.override(content, own)
    rows = Session(events=events, macros=content.macros()).run(found.search).rows
    assert [row["dest"] for row in rows] == ["srv-1.corp.example"]
