"""The sample logs: the same for a seed, synthetic by name and address, one RemCom install among thousands."""

from __future__ import annotations

import ipaddress
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest

from trapline.samples import windows
from trapline.samples.event import classic, evtx_json, numbered, xml
from trapline.samples.write import write

NS = "{http://schemas.microsoft.com/win/2004/08/events/event}"
EVENTS = list(numbered(list(windows.Domain(7045).events())))


def test_the_same_seed_makes_the_same_files(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a"), write(tmp_path / "b")
    assert first.to_json() == second.to_json()
    names = sorted(path.name for path in first.logs.iterdir())
    assert names == sorted(one.name for one in first.files)
    for name in names:
        assert (first.logs / name).read_bytes() == (second.logs / name).read_bytes()


def test_another_seed_moves_the_noise_not_the_install() -> None:
    other = list(windows.Domain(1).events())
    assert other != list(windows.Domain(7045).events())
    assert [one.time for one in other if dict(one.data).get("ServiceName") == "RemCom Service"] == [
        one.time for one in EVENTS if dict(one.data).get("ServiceName") == "RemCom Service"
    ]


def test_what_the_manifest_says_is_there(tmp_path: Path) -> None:
    manifest = write(tmp_path)
    said = json.loads((tmp_path / "manifest.json").read_text("utf-8"))
    assert said["synthetic"] is True
    assert said["events"] == manifest.events == len(EVENTS)
    assert 3_500 < len(EVENTS) < 5_000
    assert "synthetic" in (tmp_path / "README.txt").read_text("utf-8")
    counts = Counter(one.host for one in EVENTS)
    assert {one.hosts[0]: one.events for one in manifest.files} == counts
    assert manifest.host == "FS02.corp.example"


def test_exactly_one_remcom_install() -> None:
    installs = [one for one in EVENTS if one.kind is windows.SERVICE_INSTALL]
    remcom = [one for one in installs if "remcom" in str(one.data).lower()]
    assert len(installs) > 10
    assert [(one.host, dict(one.data)["ServiceName"]) for one in remcom] == [("FS02.corp.example", "RemCom Service")]
    assert remcom[0].moment == windows.REMCOM_TIME


def test_every_host_installs_benign_services_too() -> None:
    hosts = {one.host for one in EVENTS if one.kind is windows.SERVICE_INSTALL and "RemCom" not in str(one.data)}
    assert hosts == {host.fqdn for host in windows.HOSTS}


def test_names_and_addresses_are_for_documentation() -> None:
    ranges = [ipaddress.ip_network(one) for one in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "127.0.0.0/8")]
    text = "\n".join(str(one.data) for one in EVENTS)
    for found in set(re.findall(r"\b\d{1,3}(?:\.\d{1,3}){3}\b", text)):
        assert any(ipaddress.ip_address(found) in one for one in ranges), found
    assert all(one.host.endswith(".corp.example") for one in EVENTS)


def test_xml_is_well_formed_and_says_the_same() -> None:
    for event in EVENTS[::7]:
        root = ET.fromstring(xml(event))
        data = {one.get("Name"): one.text or "" for one in root.iterfind(f"{NS}EventData/{NS}Data")}
        assert data == dict(event.data)
        assert root.findtext(f"{NS}System/{NS}EventID") == str(event.kind.id)
        assert root.findtext(f"{NS}System/{NS}Computer") == event.host


def test_json_says_the_same() -> None:
    for event in EVENTS[::7]:
        body = json.loads(evtx_json(event))["Event"]["EventData"]
        body.pop("Binary", None)
        assert {name: str(value) for name, value in body.items()} == dict(event.data)


def test_classic_text_of_an_install() -> None:
    event = next(one for one in EVENTS if one.kind is windows.SERVICE_INSTALL and one.user_sid == "S-1-5-18")
    text = classic(event)
    assert re.match(r"\d\d/\d\d/2026 \d\d:\d\d:\d\d [AP]M\nLogName=System\nSourceName=", text)
    assert "\nEventCode=7045\n" in text
    assert f"\r\nService Name:  {dict(event.data)['ServiceName']}\r\n" not in text.partition("\r\n\r\n")[0]
    assert text.endswith(f"Service Account:  {dict(event.data)['AccountName']}")


def test_record_numbers_rise_per_host_and_channel() -> None:
    last: dict[tuple[str, str], int] = {}
    for event in EVENTS:
        key = (event.host, event.kind.channel)
        assert event.record == last.get(key, event.record - 1) + 1
        last[key] = event.record


@pytest.mark.parametrize("host", windows.HOSTS)
def test_events_are_in_the_working_days(host: windows.Host) -> None:
    days = {one.moment.date().isoformat() for one in EVENTS if one.host == host.fqdn}
    assert {"2026-03-02", "2026-03-03", "2026-03-04"} <= days
    assert max(days) <= "2026-03-05"
