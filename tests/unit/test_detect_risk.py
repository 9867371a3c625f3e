"""Risk events: what a finding becomes in index=risk (facts/CONTENT.md §6.1)."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from trapline.content.model import Detection, DetectionType, Rba, RiskObject, Status, ThreatObject
from trapline.detect import risk
from trapline.values import Row

ANNOTATIONS: dict[str, object] = {
    "analytic_story": ["Active Directory Discovery"],
    "cis20": ["CIS 10"],
    "confidence": 80,
    "cve": [],
    "mitre_attack": ["T1543.003", "T1543"],
    "type": "Anomaly",
    "type_list": ["Anomaly"],
}
RUN = risk.Run(time=1_772_634_731.25, sid="sid-1")
ROW: Row = {"dest": "FS02.corp.example", "ImagePath": r"%SystemRoot%\RemComSvc.exe", "count": 1.0, "user": "adm-01"}


def detection(
    *objects: RiskObject, threats: tuple[ThreatObject, ...] = (), description: str = "Finds it.", message: str = ""
) -> Detection:
    return Detection(
        name="Service Install",
        type=DetectionType.ANOMALY,
        status=Status.PRODUCTION,
        search="index=*",
        description=description,
        stories=("Active Directory Discovery",),
        rba=Rba(message, objects or (RiskObject("dest", "system", 32, "A service on $dest$."),), threats),
    )


def made(one: Detection, row: Row, **more: Any) -> list[Row]:
    found, _ = risk.entries(one, row)
    return risk.events(one, row, found, rid=3, run=more.pop("run", RUN), annotations=ANNOTATIONS, **more)


def test_the_whole_event() -> None:
    (event,) = made(detection(), ROW)
    raw = event.pop("_raw")
    assert event == {
        "_time": 1_772_634_731.25,
        "index": "risk",
        "sourcetype": "stash",
        "source": "ESCU - Service Install - Rule",
        "search_name": "ESCU - Service Install - Rule",
        "ImagePath": r"%SystemRoot%\RemComSvc.exe",
        "analyticstories": "Active Directory Discovery",
        "annotations": '{"analytic_story":["Active Directory Discovery"],"cis20":["CIS 10"],"confidence":80,"cve":[],'
        '"mitre_attack":["T1543.003","T1543"],"type":"Anomaly","type_list":["Anomaly"]}',
        "annotations._all": ["Active Directory Discovery", "CIS 10", "T1543.003", "T1543", "Anomaly"],
        "annotations._frameworks": ["analytic_story", "cis20", "mitre_attack", "type_list"],
        "annotations.analytic_story": "Active Directory Discovery",
        "annotations.cis20": "CIS 10",
        "annotations.mitre_attack": ["T1543.003", "T1543"],
        "annotations.type_list": "Anomaly",
        "contributing_events_search": '| savedsearch "ESCU - Service Install - Rule" | search dest="FS02.corp.example"',
        "count": "1",
        "dest": "FS02.corp.example",
        "info_max_time": "+Infinity",
        "info_min_time": "0.000",
        "orig_rid": "3",
        "orig_sid": "sid-1",
        "risk_message": "A service on FS02.corp.example.",
        "risk_object": "FS02.corp.example",
        "risk_object_type": "system",
        "risk_score": "32.0",
        "savedsearch_description": "Finds it.",
        "user": "adm-01",
    }
    assert isinstance(raw, str)
    assert raw.startswith(
        '1772634731, search_name="ESCU - Service Install - Rule", ImagePath="%SystemRoot%\\RemComSvc.exe"'
    )


def test_the_window_of_the_run() -> None:
    (event,) = made(detection(), ROW, run=risk.Run(5.0, "s", earliest=1.5, latest=4.0))
    assert (event["info_min_time"], event["info_max_time"]) == ("1.500", "4.000")


def test_the_label_is_a_setting() -> None:
    (event,) = made(detection(), ROW, label="Own")
    assert event["source"] == event["search_name"] == "Own - Service Install - Rule"


def test_one_event_per_object_that_the_row_has() -> None:
    objects = [
        RiskObject(field, kind, 10, "m $dest$")
        for field, kind in (("dest", "system"), ("user", "user"), ("src", "system"))
    ]
    events = made(detection(*objects), ROW | {"src": " "})
    assert [(one["risk_object"], one["risk_object_type"]) for one in events] == [
        ("FS02.corp.example", "system"),
        ("adm-01", "user"),
    ]


def test_one_event_per_value_of_a_multivalue() -> None:
    events = made(detection(), {"dest": ["a", "b"]})
    assert [one["risk_object"] for one in events] == ["a", "b"]
    assert events[0]["dest"] == ["a", "b"]
    assert events[0]["risk_message"] == "A service on a\nb."


def test_unknown_and_null_are_values() -> None:
    assert [made(detection(), {"dest": value})[0]["risk_object"] for value in ("unknown", "null")] == [
        "unknown",
        "null",
    ]


def test_threat_objects_are_parallel_and_on_every_event() -> None:
    threats = (ThreatObject("process", "process"), ThreatObject("src", "ip_address"), ThreatObject("gone", "url"))
    objects = (RiskObject("dest", "system", 5, "m"), RiskObject("user", "user", 5, "m"))
    events = made(detection(*objects, threats=threats), ROW | {"process": ["a.exe", "b.exe"], "src": "192.0.2.1"})
    assert len(events) == 2
    for event in events:
        assert event["threat_object"] == ["a.exe", "b.exe", "192.0.2.1"]
        assert event["threat_object_type"] == ["process", "process", "ip_address"]


def test_no_threat_object_no_field() -> None:
    (event,) = made(detection(threats=(ThreatObject("gone", "url"),)), ROW)
    assert "threat_object" not in event
    assert "threat_object_type" not in event


def test_metadata_of_the_row_is_renamed() -> None:
    row = ROW | {
        "source": "s",
        "host": "h",
        "sourcetype": "t",
        "index": "i",
        "_time": 7.0,
        "_raw": "r",
        "orig_sid": "x",
    }
    (event,) = made(detection(), row | {"annotations": "mine", "_serial": "1", "date_hour": "3", "punct": "..."})
    names = ("orig_source", "orig_host", "orig_sourcetype", "orig_index", "orig_time", "orig_raw")
    assert [event[name] for name in names] == ["s", "h", "t", "i", "7", "r"]
    assert event["orig_annotations"] == "mine"
    assert json.loads(str(event["annotations"]))["type"] == "Anomaly"
    assert event["orig_sid"] == "sid-1"
    assert not {"_serial", "date_hour", "punct", "host"} & set(event)


def test_the_row_overrides_score_message_and_object() -> None:
    (event,) = made(detection(), ROW | {"risk_score": "7.5", "risk_message": "own $dest$"})
    assert (event["risk_score"], event["risk_message"]) == ("7.5", "own $dest$")
    (event,) = made(detection(), ROW | {"risk_object": "ann", "risk_object_type": "user"})
    assert (event["risk_object"], event["risk_object_type"], event["risk_score"]) == ("ann", "user", "32.0")
    (event,) = made(detection(), ROW | {"risk_score": "high"})
    assert event["risk_score"] == "32.0"


def test_an_empty_message_falls_back_to_the_description() -> None:
    (event,) = made(detection(RiskObject("dest", "system", 1, "")), ROW)
    assert event["risk_message"] == "Finds it."


def test_an_unresolved_token_is_reported() -> None:
    found, warnings = risk.entries(detection(RiskObject("dest", "system", 1, "by $src$ on $dest$")), ROW)
    assert found[0].message == "by $src$ on FS02.corp.example"
    assert [(one.code, one.where) for one in warnings] == [("detect.token", "Service Install")]


def test_no_rba_no_entries() -> None:
    plain = Detection(name="H", type=DetectionType.HUNTING, status=Status.PRODUCTION, search="x")
    assert risk.entries(plain, ROW) == ([], [])


def read_stash(raw: str) -> list[tuple[str, str]]:
    """Reads a stash event back: name="...", where a backslash keeps the character behind it inside the string."""
    found = re.findall(r', ([^=,"\s]+)="((?:\\.|[^"\\])*)"', raw, re.DOTALL)
    return [(name, value) for name, value in found]


@given(st.lists(st.text(alphabet='ab\\" ,=\n', max_size=12), min_size=2, max_size=2))
def test_a_value_cannot_swallow_the_next_field(values: list[str]) -> None:
    fields: Row = {"a": values[0], "b": values[1], "risk_object": "host"}
    read = read_stash(risk.stash(1.0, fields))
    assert [name for name, _ in read] == [name for name in ("a", "b") if str(fields[name]).strip()] + ["risk_object"]


def test_stash_repeats_multivalues_and_escapes_quotes() -> None:
    raw = risk.stash(10.9, {"b": ["1", "2"], "search_name": "s", "a": 'say "x"', 'q"k=': "v", "p": "C:\\dir\\"})
    assert raw == '10, search_name="s", a="say \\"x\\"", b="1", b="2", p="C:\\dir\\\\", q_k_="v"'
