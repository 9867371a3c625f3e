"""Windows events as JSON: whatever the exporter, one shape."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shared import shared
from tests.unit.collect import Event, collect
from trapline.ingest.sources import winjson, xmlwineventlog

XML = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Service Control "
    "Manager' Guid='{555908d1-a6d7-4695-8e1e-26931d2012f4}'/><EventID>7045</EventID><Version>0</Version>"
    "<Level>4</Level><Task>0</Task><Opcode>0</Opcode><Keywords>0x8080000000000000</Keywords>"
    "<TimeCreated SystemTime='2024-03-04T10:11:25.000000Z'/><EventRecordID>42</EventRecordID><Correlation/>"
    "<Execution ProcessID='704' ThreadID='10092'/><Channel>System</Channel><Computer>ws6.lab.local</Computer>"
    "<Security UserID='S-1-5-18'/></System><EventData><Data Name='ServiceName'>Up &amp; 'down'</Data>"
    "<Data Name='ImagePath'>%COMSPEC% /C \"a\" &lt; b</Data><Data Name='ServiceType'>user mode service</Data>"
    "<Data Name='StartType'>demand start</Data><Data Name='AccountName'>LocalSystem</Data></EventData></Event>"
)
DATA = {
    "ServiceName": "Up & 'down'",
    "ImagePath": '%COMSPEC% /C "a" < b',
    "ServiceType": "user mode service",
    "StartType": "demand start",
    "AccountName": "LocalSystem",
}
MESSAGE = "A service was installed.\r\n\r\nService Name:  Up\r\nService Account:  LocalSystem"

TREE: dict[str, Any] = {
    "Event": {
        "#attributes": {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"},
        "System": {
            "Provider": {
                "#attributes": {"Name": "Service Control Manager", "Guid": "{555908d1-a6d7-4695-8e1e-26931d2012f4}"}
            },
            "EventID": 7045,
            "Version": 0,
            "Level": 4,
            "Task": 0,
            "Opcode": 0,
            "Keywords": "0x8080000000000000",
            "TimeCreated": {"#attributes": {"SystemTime": "2024-03-04T10:11:25.000000Z"}},
            "EventRecordID": 42,
            "Correlation": None,
            "Execution": {"#attributes": {"ProcessID": 704, "ThreadID": 10092}},
            "Channel": "System",
            "Computer": "ws6.lab.local",
            "Security": {"#attributes": {"UserID": "S-1-5-18"}},
        },
        "EventData": DATA,
    }
}
NXLOG: dict[str, Any] = {
    "EventTime": "2024-03-04 10:11:25",
    "Hostname": "ws6.lab.local",
    "Keywords": -9187343239835811840,
    "EventType": "INFO",
    "SeverityValue": 2,
    "Severity": "INFO",
    "EventID": 7045,
    "SourceName": "Service Control Manager",
    "ProviderGuid": "{555908d1-a6d7-4695-8e1e-26931d2012f4}",
    "Version": 0,
    "Task": 0,
    "OpcodeValue": 0,
    "RecordNumber": 42,
    "ProcessID": 704,
    "ThreadID": 10092,
    "Channel": "System",
    "Domain": "NT AUTHORITY",
    "AccountName": "SYSTEM",
    "UserID": "S-1-5-18",
    "AccountType": "User",
    "Message": MESSAGE,
    **{name: value for name, value in DATA.items() if name != "AccountName"},
    "EventReceivedTime": "2024-03-04 10:11:26",
    "SourceModuleName": "eventlog",
    "SourceModuleType": "im_msvistalog",
}
BEATS: dict[str, Any] = {
    "@timestamp": "2024-03-04T10:11:25.000Z",
    "message": MESSAGE,
    "log": {"level": "information"},
    "event": {"code": "7045", "kind": "event"},
    "agent": {"type": "winlogbeat"},
    "host": {"name": "collector"},
    "winlog": {
        "channel": "System",
        "computer_name": "ws6.lab.local",
        "event_id": "7045",
        "provider_name": "Service Control Manager",
        "provider_guid": "{555908d1-a6d7-4695-8e1e-26931d2012f4}",
        "record_id": 42,
        "keywords": ["Classic"],
        "process": {"pid": 704, "thread": {"id": 10092}},
        "user": {"identifier": "S-1-5-18", "name": "SYSTEM"},
        "event_data": DATA,
    },
}
BEATS6: dict[str, Any] = {
    "@timestamp": "2024-03-04T10:11:25.000Z",
    "beat": {"hostname": "x"},
    "computer_name": "ws6.lab.local",
    "event_data": DATA,
    "event_id": 7045,
    "keywords": ["Classic"],
    "level": "Information",
    "log_name": "System",
    "message": MESSAGE,
    "process_id": 704,
    "provider_guid": "{555908d1-a6d7-4695-8e1e-26931d2012f4}",
    "record_number": "42",
    "source_name": "Service Control Manager",
    "thread_id": 10092,
    "user": {"identifier": "S-1-5-18"},
}


def _dotted(value: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {path: value}
    out: dict[str, Any] = {}
    for key, item in value.items():
        out |= _dotted(item, f"{path}.{key}" if path else key)
    return out


def _event(record: Any) -> Event:
    sink = collect(winjson, record if isinstance(record, str) else json.dumps(record))
    assert sink.lost == []
    assert len(sink.events) == 1
    return sink.events[0]


EXPECTED = collect(xmlwineventlog, XML).events[0]


def test_evtx_dump_gives_the_xml_event_exactly() -> None:
    event = _event(TREE)
    assert event == EXPECTED
    assert event.raw == XML


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(TREE["Event"]),
        json.dumps(TREE, indent=2),
        "Record 1\n" + json.dumps(TREE, indent=2),
        json.dumps([TREE]),
        json.dumps({"_index": "x", "_source": TREE}),
    ],
)
def test_evtx_dump_in_any_wrapping(text: str) -> None:
    assert _event(text).fields == EXPECTED.fields


def test_separate_json_attributes() -> None:
    text = json.dumps(TREE)
    for name in ("Provider", "TimeCreated", "Execution", "Security"):
        inner = TREE["Event"]["System"][name]["#attributes"]
        text = text.replace(
            f'"{name}": {{"#attributes": {json.dumps(inner)}}}', f'"{name}_attributes": {json.dumps(inner)}'
        )
    assert "Provider_attributes" in text
    assert _event(text).fields == EXPECTED.fields


@pytest.mark.parametrize("record", [NXLOG, BEATS, BEATS6, _dotted(BEATS), BEATS | {"winlog": _dotted(BEATS["winlog"])}])
def test_other_exporters_give_the_same_fields(record: dict[str, Any]) -> None:
    event = _event(record)
    fields = dict(event.fields)
    assert fields.pop("Message") == MESSAGE
    renderings = {"Level", "Version", "Task", "Opcode"}  # numbers that not every exporter hands on
    for name, value in EXPECTED.fields.items():
        if name in renderings and name not in fields:
            continue
        if name == "SystemTime":
            assert str(fields.pop(name)).startswith("2024-03-04T10:11:25")
            continue
        if name == "Keywords" and record is not NXLOG:
            assert fields.pop(name) == "0x8080000000000000"
            continue
        assert fields.pop(name) == value, name
    assert fields == {}
    assert (event.time, event.host, event.source, event.sourcetype) == (
        EXPECTED.time,
        EXPECTED.host,
        EXPECTED.source,
        EXPECTED.sourcetype,
    )


def test_the_account_that_nxlog_overwrote_is_never_the_shippers() -> None:
    assert _event(NXLOG).fields["AccountName"] == "LocalSystem"
    assert "AccountName" not in _event(NXLOG | {"Message": "A service was installed."}).fields
    assert "AccountName" not in _event(NXLOG | {"Message": "A service.\r\nService Account:  \r\n"}).fields
    alone = {name: value for name, value in NXLOG.items() if name not in ("UserID", "AccountType", "Domain")}
    assert _event(alone | {"AccountName": "LocalService"}).fields["AccountName"] == "LocalService"


SYSMON = NXLOG | {
    "SourceName": "Microsoft-Windows-Sysmon",
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "EventID": 13,
    "TargetObject": "HKLM\\x",
    "UtcTime": "2024-03-04 10:11:24.999",
    "Message": "Registry value set:\r\nRuleName: \r\nEventType: SetValue\r\nProcessId: 31\r\nX: x\r\nProcessId: 99",
}


def test_what_nxlog_overwrote_in_sysmon_events_is_recovered() -> None:
    fields = _event(SYSMON).fields
    assert (fields["EventType"], fields["ProcessId"], fields["ProcessID"]) == ("SetValue", "31", "704")
    assert _event(SYSMON | {"EventType": "DeleteValue"}).fields["EventType"] == "DeleteValue"
    both = _event(SYSMON | {"ExecutionProcessID": 5, "ProcessID": "7"}).fields
    assert both["ProcessID"] == ["5", "7"]  # System first, then EventData


def test_local_time_is_told_by_the_collectors_clock() -> None:
    record = SYSMON | {"EventTime": "2024-03-04 06:11:25", "EventReceivedTime": "2024-03-04 06:11:27"}
    assert _event(record | {"@timestamp": "2024-03-04T10:11:27.400Z"}).time == EXPECTED.time
    sink = collect(winjson, json.dumps(record))
    assert sink.events[0].time != EXPECTED.time
    assert sink.warned == ["times are -4 h off Sysmon's UtcTime: the exporter's clock or zone is wrong"]


def test_a_channel_keeps_its_casing() -> None:
    event = _event(NXLOG | {"Channel": "security"})
    assert (event.source, event.fields["Channel"]) == ("XmlWinEventLog:security", "security")


def test_flat_events_of_other_exporters() -> None:
    event = _event(
        {
            "SourceName": "Microsoft-Windows-Security-Auditing",
            "TimeCreated": "2024-03-04T10:11:25.123Z",
            "@timestamp": "2024-03-04T10:11:25.123Z",
            "Hostname": "ws6.lab.local",
            "Keywords": "0x8020000000000000",
            "Channel": "Security",
            "EventID": 5156,
            "ProcessID": "4",
            "Version": "x",
            "Protocol": None,
            "tags": ["lab"],
        }
    )
    assert event.time == 1_709_547_085_123_000
    assert event.fields["ProcessID"] == "4"
    assert event.fields["Version"] == "x"
    assert "tags" not in event.fields
    sentinel = _event(
        {"TimeGenerated": "2024-03-04T10:11:25.1Z", "EventLog": "System", "Source": "S", "Computer": "c", "EventID": 1,
         "TenantId": "t", "Account": "a\\b", "RenderedDescription": "words"}
    )  # fmt: skip
    assert (sentinel.host, sentinel.source) == ("c", "XmlWinEventLog:System")
    assert (sentinel.fields["Account"], sentinel.fields["Message"]) == ("a\\b", "words")
    assert "TenantId" not in sentinel.fields


def test_data_without_name_repeated_data_and_user_data() -> None:
    event = json.loads(json.dumps(TREE["Event"]))
    event["EventData"] = {"Data": {"#text": ["one", "two"]}, "A": "1", "A_1": "2", "Empty": ""}
    found = _event({"Event": event})
    assert "<Data>one</Data><Data>two</Data>" in found.raw
    assert found.fields["A"] == ["1", "2"]
    assert "Empty" not in found.fields
    event["EventData"] = None
    event["UserData"] = {"LogFileCleared": {"SubjectUserName": "eve", "#attributes": {"xmlns": "x"}, "In": {"X": 5}}}
    found = _event({"Event": event})
    assert (found.fields["SubjectUserName"], found.fields["X"]) == ("eve", "5")


def test_guids_by_type_have_braces_and_texts_have_not() -> None:
    event = json.loads(json.dumps(TREE["Event"]))
    event["EventData"] = {
        "ProcessGuid": "5AA13A44-6494-68FE-6A56-000000004002",
        "ScriptBlockId": "965150B4-B107-4CCE-9D30-1D3C55A8A085",
        "Other": "965150b4-b107-4cce-9d30-1d3c55a8a085",
    }
    fields = _event({"Event": event}).fields
    assert fields["ProcessGuid"] == "{5AA13A44-6494-68FE-6A56-000000004002}"
    assert fields["ScriptBlockId"] == "965150B4-B107-4CCE-9D30-1D3C55A8A085"
    assert fields["Other"] == "965150b4-b107-4cce-9d30-1d3c55a8a085"


def test_what_a_winlogbeat_module_moved_is_kept() -> None:
    record = json.loads(json.dumps(BEATS))
    record["process"] = {"command_line": "cmd /c x", "executable": "LocalSystem"}
    fields = _event(record).fields
    assert fields["process_command_line"] == "cmd /c x"
    assert "process_executable" not in fields  # event_data holds that value


def test_audit_keywords_are_the_bits_of_windows() -> None:
    for name, mask in (("Audit Success", "0x8020000000000000"), ("Audit Failure", "0x8010000000000000")):
        record = BEATS | {"winlog": BEATS["winlog"] | {"keywords": [name]}}
        assert _event(record).fields["Keywords"] == mask


def test_other_objects_in_the_file_are_kept() -> None:
    sink = collect(winjson, json.dumps(NXLOG) + '\n{"words":{"a":1}}\n')
    assert [event.sourcetype for event in sink.events] == ["XmlWinEventLog", "_json"]
    assert sink.events[1].fields == {"words.a": "1"}
    assert len(sink.warned) == 1


def test_values_cannot_break_out_of_the_xml() -> None:
    evil = "</Data></EventData><x> & \"'' \ue002 ]]> \u0007"
    records = [NXLOG | {"ServiceName": evil, "SourceName": evil}, NXLOG | {"ServiceName": "plain"}] * 3
    sink = collect(winjson, "\n".join(json.dumps(record) for record in records))
    assert sink.lost == []
    assert len(sink.events) == 6
    for event in sink.events[::2]:
        assert str(event.fields["ServiceName"]).startswith(evil[:-1])
        assert str(event.fields["Name"]).startswith(evil[:-1])
        assert event.fields["ImagePath"] == DATA["ImagePath"]
    named = _event({"Event": TREE["Event"] | {"EventData": {"a'b>\ue002": "v"}}})
    assert "v" in named.fields.values()


def test_real_evtx_dump_pairs_equal_the_evtx() -> None:
    from pathlib import Path

    from tests.unit.collect import Bytes, Collector
    from trapline.ingest.sources import evtx

    class File(Bytes):
        def path(self) -> Path:
            return Path(self.name)

    base = shared("data", "SigmaHQ__sigma")
    pairs = [
        (one, one.with_suffix(".evtx")) for one in sorted(base.rglob("*.json")) if one.with_suffix(".evtx").exists()
    ]
    assert pairs
    edited = {"CommandLine", "ParentCommandLine", "SystemTime"}  # by hand, in a few of the JSON files
    compared = 0
    for text, binary in pairs:
        left = Collector()
        evtx.read(File(binary.read_bytes(), str(binary)), left)
        by_record = {str(event.fields["EventRecordID"]): event for event in left.events}
        right = collect(winjson, text.read_bytes())
        assert right.lost == []
        for event in right.events:
            twin = by_record[str(event.fields["EventRecordID"])]
            different = {
                name
                for name in event.fields.keys() | twin.fields.keys()
                if event.fields.get(name) != twin.fields.get(name)
            }
            assert different <= edited
            assert (event.host, event.source, event.time) == (twin.host, twin.source, twin.time)
            compared += 1
    assert compared == 69


_KEYS = st.sampled_from(
    [
        "Event", "System", "EventData", "UserData", "EventID", "Provider", "TimeCreated", "Keywords", "Channel",
        "Computer", "#attributes", "#text", "Data", "Name", "winlog", "event_data", "user_data", "event_id",
        "channel", "winlog.channel", "log_name", "computer_name", "keywords", "Hostname", "EventTime", "@timestamp",
        "EventReceivedTime", "SeverityValue", "UserID", "ProcessID", "Message", "SourceName", "EventType", "_source",
        "RenderingInfo", "process", "xml_name",
    ]
)  # fmt: skip
_ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=6)
    | st.just("2024-03-04 10:11:25")
    | st.just("S-1-5-18"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(_KEYS, _ANY, max_size=6), st.dictionaries(_KEYS, _ANY, max_size=6), _ANY, _ANY)
def test_whatever_an_event_holds_it_is_an_event_or_text(
    system: dict[str, Any], rest: dict[str, Any], data: Any, user: Any
) -> None:
    rows = [
        {"Event": {"System": {**system, "EventID": 1}, "EventData": data, "UserData": user}},
        {**rest, "winlog": {**system, "channel": "x", "event_data": data, "user_data": user}},
        {"EventID": 5, "Channel": "x", "SeverityValue": 2, **rest},
        {**rest, "log_name": "x", "event_id": 1, "computer_name": "c", "event_data": data},
        rest,
    ]
    sink = collect(winjson, "\n".join(json.dumps({**row, "other": 1}) for row in rows))
    assert len(sink.events) + len(sink.kept) == len(rows)
    assert sink.lost == []
