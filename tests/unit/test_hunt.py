"""The hunt from files to findings: the sample logs, the built-in library, the command line."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from trapline import app
from trapline.cli import cli
from trapline.detect.hunt import HuntResult
from trapline.detect.run import KEPT_PER_DETECTION
from trapline.ingest.intake import Evidence
from trapline.samples import windows
from trapline.samples.event import Event, evtx_json, numbered, xml
from trapline.samples.write import Manifest, write

REMCOM = "Windows Service Create RemComSvc"
OWN = """\
name: {name}
id: 00000000-0000-4000-8000-{number:012d}
version: 1
date: '2026-01-01'
author: t
status: production
type: Hunting
description: d
data_source: []
search: '{search}'
how_to_implement: none
known_false_positives: none
references: []
tags: {{analytic_story: [], asset_type: Endpoint, product: [Splunk Enterprise], security_domain: endpoint}}
"""


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return write(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def hunted(manifest: Manifest) -> HuntResult:
    content = app.content()
    return app.hunt([Evidence(str(manifest.logs))], content, app.select(content))


def invoke(*args: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(one) for one in args], standalone_mode=False)


def test_remcom_is_found_on_the_right_host_and_nothing_else(hunted: HuntResult, manifest: Manifest) -> None:
    (finding,) = hunted.findings
    assert finding.detection == REMCOM
    assert [(one.field, one.value, one.type, one.score) for one in finding.risk_objects] == [
        ("dest", manifest.host, "system", 32.0)
    ]
    assert finding.message == f"A new service was created related to RemCom on {manifest.host}."
    assert finding.time == int(manifest.time)
    assert finding.severity == "low"
    assert finding.row["ImagePath"] == r"%SystemRoot%\RemComSvc.exe"
    assert finding.row["ServiceType"] == "user mode service"
    assert finding.row["count"] == 1
    assert [(one.risk_object, one.score, one.findings) for one in hunted.hosts] == [(manifest.host, 32.0, 1)]


def test_its_risk_event(hunted: HuntResult, manifest: Manifest) -> None:
    (event,) = hunted.risk_events
    assert event["index"] == "risk"
    assert event["search_name"] == event["source"] == f"ESCU - {REMCOM} - Rule"
    assert (event["risk_object"], event["risk_object_type"], event["risk_score"]) == (manifest.host, "system", "32.0")
    assert event["_time"] == hunted.started
    assert event["annotations.mitre_attack"] == ["T1543.003", "T1543"]
    assert event["info_max_time"] == "+Infinity"
    assert f'risk_object="{manifest.host}"' in str(event["_raw"])


def test_every_event_of_every_file_is_accounted_for(hunted: HuntResult, manifest: Manifest) -> None:
    read = {Path(one.name).name: (one.events, one.bad_records) for one in hunted.sources}
    assert read == {one.name: (one.events, 0) for one in manifest.files}
    assert hunted.events == manifest.events
    assert hunted.warnings == []
    assert hunted.coverage() == "ran 3 of 3 detections"


def test_sourcetype_and_source_of_evidence(tmp_path: Path) -> None:
    """Lines whose source nothing tells are searched under the source that the user names."""
    file = tmp_path / "x.log"
    file.write_text("EventCode=7045 ServiceName=x\n" * 3)
    content = app.content()
    result = app.hunt([Evidence(str(file), "my:sourcetype", "my source")], content, app.select(content))
    assert result.events == 3
    assert result.sources[0].sourcetypes == ("my:sourcetype",)


@pytest.mark.parametrize("form", [xml, evtx_json])
def test_the_install_alone_in_each_form_of_a_windows_event(tmp_path: Path, form: Callable[[Event], str]) -> None:
    install = next(
        one for one in numbered(list(windows.Domain(1).events())) if ("ServiceName", "RemCom Service") in one.data
    )
    with gzip.open(tmp_path / "one.gz", "wt", encoding="utf-8") as out:
        out.write(form(install))
    content = app.content()
    result = app.hunt([Evidence(str(tmp_path))], content, app.select(content))
    assert [one.risk_objects[0].value for one in result.findings] == [install.host]


# -- the command line


def test_hunt_json(manifest: Manifest) -> None:
    ran = invoke("hunt", manifest.logs, "--json")
    assert ran.exit_code == 0
    found: dict[str, Any] = json.loads(ran.stdout)
    assert {"findings", "risk_events", "hosts", "sources", "warnings", "summary"} == set(found)
    assert [one["detection"] for one in found["findings"]] == [REMCOM]
    assert found["summary"]["findings"] == 1


def test_hunt_text(manifest: Manifest) -> None:
    ran = invoke("hunt", manifest.logs)
    assert ran.exit_code == 0
    for wanted in (
        "Findings (1)",
        manifest.host,
        "RemComSvc",
        "32",
        "Who is at risk (1)",
        "Sources (6, below",
        "1 finding",
    ):
        assert wanted in ran.stdout


def test_hunt_reports(tmp_path: Path, manifest: Manifest) -> None:
    outs = [tmp_path / f"r.{one}" for one in ("html", "json", "csv")]
    ran = invoke("hunt", manifest.logs, *[part for out in outs for part in ("--out", out)])
    assert ran.exit_code == 0
    assert manifest.host in outs[0].read_text("utf-8")
    assert json.loads(outs[1].read_text("utf-8"))["findings"][0]["detection"] == REMCOM
    rows = list(csv.DictReader(outs[2].read_text("utf-8").splitlines()))
    assert [(one["risk_object"], one["score"]) for one in rows] == [(manifest.host, "32")]


def test_fail_on_findings(tmp_path: Path, manifest: Manifest) -> None:
    assert invoke("hunt", manifest.logs, "--fail-on-findings").exit_code == 1
    assert invoke("hunt", manifest.logs / "DC01-xmlwineventlog.log", "--fail-on-findings").exit_code == 0


def test_a_filter_macro_of_the_user_silences_a_host(tmp_path: Path, manifest: Manifest) -> None:
    macros = tmp_path / "macros.conf"
    macros.write_text(f'[windows_service_create_remcomsvc_filter]\ndefinition = search NOT dest="{manifest.host}"\n')
    ran = invoke("hunt", manifest.logs, "--macros", macros, "--json")
    assert json.loads(ran.stdout)["findings"] == []


def test_own_content_and_a_detection_that_cannot_run(tmp_path: Path, manifest: Manifest) -> None:
    folder = tmp_path / "content" / "detections" / "endpoint"
    folder.mkdir(parents=True)
    searches = {
        "own_installs": "EventCode=7045 | stats count by host",
        "broken_one": "EventCode=7045 | nosuchcommand x",
    }
    for number, (name, search) in enumerate(searches.items()):
        text = OWN.format(name=name.replace("_", " ").title(), search=search, number=number)
        (folder / f"{name}.yml").write_text(text)
    ran = invoke("hunt", manifest.logs, "--content", tmp_path / "content", "--json")
    assert ran.exit_code == 0
    found = json.loads(ran.stdout)
    assert {one["detection"] for one in found["findings"]} == {REMCOM, "Own Installs"}
    assert found["summary"]["not_runnable"] == 1
    (broken,) = [one for one in found["warnings"] if one["code"].startswith("detect.not-runnable")]
    assert broken["where"] == "Broken One"
    assert "nosuchcommand" in broken["reason"]
    alone = invoke("hunt", manifest.logs, "--content", tmp_path / "content", "--detection", "broken one")
    assert alone.exit_code == 2
    assert "no detection could run" in alone.stderr


def test_nothing_to_hunt_over_is_not_a_clean_result(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        ran = invoke("hunt", path)
        assert ran.exit_code == 2
        assert "no event was read" in ran.stderr


def test_help_tells_the_limit_that_holds() -> None:
    assert f"Default: {KEPT_PER_DETECTION}." in invoke("hunt", "--help").stdout


def test_limit(manifest: Manifest, tmp_path: Path) -> None:
    own = tmp_path / "own.yml"
    own.write_text(OWN.format(name="Own", search="EventCode=7045 | table host ServiceName", number=1))
    found = json.loads(invoke("hunt", manifest.logs, "--detection", own, "--limit", "2", "--json").stdout)
    assert len(found["findings"]) == found["summary"]["findings_listed"] == 2
    assert found["summary"]["findings"] > 10
    assert [one["code"] for one in found["warnings"]] == ["detect.capped"]


def test_lookups_of_the_content_are_used(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "lookups").mkdir()
    (tmp_path / "lookups" / "known_services.csv").write_text("ServiceName,verdict\nRemCom*,bad\n")
    (tmp_path / "lookups" / "known_services.yml").write_text(
        "name: known_services\ndescription: d\nfilename: known_services.csv\nmatch_type: WILDCARD(ServiceName)\n"
    )
    (tmp_path / "detections").mkdir()
    search = (
        'EventCode=7045 | lookup known_services ServiceName OUTPUT verdict | where verdict="bad" | table host verdict'
    )
    (tmp_path / "detections" / "own.yml").write_text(OWN.format(name="Own", search=search, number=1))
    ran = invoke("hunt", manifest.logs, "--content", tmp_path, "--detection", "Own", "--json")
    assert [one["row"] for one in json.loads(ran.stdout)["findings"]] == [{"host": manifest.host, "verdict": "bad"}]


def test_an_add_on_of_the_user_is_used(manifest: Manifest, tmp_path: Path) -> None:
    addon = tmp_path / "TA-own"
    (addon / "default").mkdir(parents=True)
    (addon / "default" / "eventtypes.conf").write_text("[own_installs]\nsearch = EventCode=7045\n")
    (addon / "default" / "props.conf").write_text("[XmlWinEventLog]\nFIELDALIAS-own = ServiceName AS own_service\n")
    own = tmp_path / "own.yml"
    search = "eventtype=own_installs own_service=RemCom* | table own_service"
    own.write_text(OWN.format(name="Own", search=search, number=1))
    found = json.loads(invoke("hunt", manifest.logs, "--detection", own, "--addon", addon, "--json").stdout)
    assert [one["row"] for one in found["findings"]] == [{"own_service": "RemCom Service"}]
    without = json.loads(invoke("hunt", manifest.logs, "--detection", own, "--json").stdout)
    assert without["findings"] == []
    assert "own_installs" in without["warnings"][0]["reason"]
    assert "no add-on folder" in str(invoke("hunt", manifest.logs, "--addon", tmp_path).exception)


def test_types(manifest: Manifest) -> None:
    assert "there is no detection type 'x'" in str(invoke("hunt", manifest.logs, "--type", "x").exception)
    assert "no detection is selected" in str(invoke("hunt", manifest.logs, "--type", "Hunting").exception)
    assert invoke("hunt", manifest.logs, "--type", "anomaly").exit_code == 0


def test_wrong_report_suffix_is_told_before_the_work(tmp_path: Path) -> None:
    ran = invoke("hunt", tmp_path, "--out", tmp_path / "r.pdf")
    assert "no known form" in str(ran.exception)


def test_terminal_escapes_of_a_log_do_not_reach_the_terminal(tmp_path: Path) -> None:
    event = next(one for one in numbered(list(windows.Domain(1).events())) if one.kind is windows.SERVICE_INSTALL)
    text = xml(event).replace(dict(event.data)["ServiceName"], "RemCom Service")
    text = text.replace(event.host, "evil\u202ehost\u009b31m")
    (tmp_path / "evil.xml").write_text(text, "utf-8")
    ran = invoke("hunt", tmp_path)
    assert "Findings (1)" in ran.stdout
    assert "\u009b" not in ran.stdout
    assert "\u202e" not in ran.stdout


def test_demo(tmp_path: Path) -> None:
    ran = invoke("demo", "--out", tmp_path / "demo")
    assert ran.exit_code == 0
    assert f"Found: {REMCOM} on FS02.corp.example, and nothing else." in ran.stdout
    assert "Next steps" in ran.stdout
    assert (tmp_path / "demo" / "report.html").exists()
    again = json.loads(invoke("demo", "--out", tmp_path / "demo", "--json").stdout)
    assert again["demo"]["found"] is True


def test_demo_names_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    ran = invoke("demo", "--out", tmp_path / "file" / "demo")
    assert "cannot write" in str(ran.exception)
