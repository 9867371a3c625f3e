"""Classic WinEventLog text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.shared import shared
from tests.unit.collect import collect
from trapline.ingest.sources import wineventlog

OLD = (
    "01/25/2024 02:03:04 PM\nLogName=Security\nSourceName=Microsoft Windows security auditing.\nEventCode=4688\n"
    "EventType=0\nType=Information\nComputerName=dc1.lab.local\nTaskCategory=Process Creation\nOpCode=Info\n"
    "RecordNumber=7\nKeywords=Audit Success\nMessage=A new process has been created.\r\n\r\nCreator Subject:\r\n"
    "\tSecurity ID:\t\tLAB\\alice\r\n\tAccount Name:\t\talice\r\n\r\nTarget Subject:\r\n\tSecurity ID:\t\tNULL SID\r\n"
    "\tAccount Name:\t\t-\r\n\r\nProcess Information:\r\n\tNew Process Name:\tC:\\Windows\\System32\\cmd.exe\r\n"
    "\tProcess Command Line:\tcmd /c echo a=b: c\r\n\r\nNote that this is prose: it is no field.\n"
)
NEW = (
    "\u200e1/\u200e26/\u200e2024 12:00:00 AM\nLogName=System\nEventCode=7045\nEventType=4\nComputerName=ws1\n"
    "User=NOT_TRANSLATED\nSid=S-1-5-18\nSidType=0\nSourceName=Service Control Manager\nType=Information\n"
    "RecordNumber=8\nKeywords=Classic\nTaskCategory=None\nOpCode=Info\nMessage=A service was installed.\r\n\r\n"
    "Service Name:  Example\r\nService File Name:  C:\\x.exe\r\nService Account:  LocalSystem\n"
)


def test_both_header_orders_and_mixed_line_ends() -> None:
    sink = collect(wineventlog, OLD + NEW)
    assert sink.lost == []
    first, second = sink.events
    assert first.raw == OLD.rstrip("\r\n")
    assert second.raw == NEW.rstrip("\r\n")
    assert (first.sourcetype, first.source, first.host) == ("WinEventLog", "WinEventLog:Security", "dc1.lab.local")
    assert (second.source, second.host) == ("WinEventLog:System", "ws1")
    assert first.time == 1_706_191_384_000_000  # 2024-01-25 14:03:04 UTC
    assert second.time == 1_706_227_200_000_000  # midnight
    assert first.fields["EventCode"] == "4688"
    assert first.fields["Security_ID"] == ["LAB\\alice", "NULL SID"]
    assert first.fields["Account_Name"] == ["alice", "-"]
    assert first.fields["New_Process_Name"] == "C:\\Windows\\System32\\cmd.exe"
    assert first.fields["Process_Command_Line"] == "cmd /c echo a=b: c"
    assert str(first.fields["Message"]).startswith("A new process has been created.\r\n")
    assert not [name for name in first.fields if name.startswith("Note")]
    assert second.fields["Service_File_Name"] == "C:\\x.exe"
    assert second.fields["Sid"] == "S-1-5-18"


def test_lists_of_values_belong_to_their_label() -> None:
    event = collect(
        wineventlog,
        "01/25/2024 02:03:04 PM\nLogName=Security\nEventCode=4672\nMessage=Special.\r\n\r\n"
        "Privileges:\t\tSeSecurityPrivilege\r\n\t\t\tSeBackupPrivilege\r\n\r\n\t\tnot this\r\n",
    ).events[0]
    assert event.fields["Privileges"] == ["SeSecurityPrivilege", "SeBackupPrivilege"]


def test_sysmon_messages_are_name_and_value() -> None:
    event = collect(
        wineventlog,
        "01/25/2024 02:03:04 PM\nLogName=Microsoft-Windows-Sysmon/Operational\nSourceName=Microsoft-Windows-Sysmon\n"
        "EventCode=1\nMessage=Process Create:\r\nImage: C:\\a.exe\r\nCommandLine: a: b\r\n",
    ).events[0]
    assert (event.fields["Image"], event.fields["CommandLine"]) == ("C:\\a.exe", "a: b")


def test_xml_events_between_classic_ones_are_events_of_their_own() -> None:
    xml = (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='P'/>"
        "<EventID>5</EventID><Channel>C</Channel><Computer>h</Computer></System>"
        "<EventData><Data Name='A'>two\nlines</Data></EventData></Event>"
    )
    sink = collect(wineventlog, f"{xml}\n{OLD}{xml}\n{NEW}")
    assert sink.lost == []
    assert [event.sourcetype for event in sink.events] == ["XmlWinEventLog", "WinEventLog"] * 2
    assert sink.events[0].raw == xml
    assert sink.events[2].fields["A"] == "two\nlines"
    assert sink.events[1].raw == OLD.rstrip("\r\n")


def test_what_is_outside_of_records_is_told() -> None:
    sink = collect(wineventlog, "junk\nmore junk\n" + OLD)
    assert [(raw, where) for raw, _, where in sink.kept] == [("junk", "line 1"), ("more junk", "line 2")]
    assert len(sink.events) == 1
    assert collect(wineventlog, "01/25/2024 02:03:04 PM\n\n").places == [("a date without an event", "line 1")]


@given(st.lists(st.sampled_from([OLD, NEW, "junk\n", "LogName=x\n", "Message=\r\n", "99/99/2024 10:00:00 AM\n", "\n"])))
def test_every_record_is_found_in_any_order(parts: list[str]) -> None:
    sink = collect(wineventlog, "".join(parts))
    assert len(sink.events) == parts.count(OLD) + parts.count(NEW)
    text = "".join(parts)
    assert all(event.raw in text for event in sink.events)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_junk_never_crashes_and_never_hides_a_record(before: bytes, after: bytes) -> None:
    if before[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return
    sink = collect(wineventlog, before.replace(b"<Event", b"") + b"\n" + OLD.encode() + after)
    assert any("LAB\\alice" in event.raw for event in sink.events)


def test_real_files() -> None:
    base = shared("data", "splunk__attack_data")
    counts = {
        "d9f042ee/datasets/attack_techniques/T1003.003/atomic_red_team/windows-sec-events.log": (1797, 0),
        "a4ccad8b/datasets/attack_techniques/T1003.002/atomic_red_team/windows-system.log": (1070, 0),
        "90ccf5ea/datasets/attack_techniques/T1003.006/impacket/windows-security.log": (4, 0),
        "240c41a6/datasets/attack_techniques/T1547.001/atomic_red_team/t1547001-runonce.log": (23, 22),
    }
    for name, (classic, xml) in counts.items():
        data = (base / name).read_bytes()
        sink = collect(wineventlog, data)
        assert sink.lost == []
        kinds = [event.sourcetype for event in sink.events]
        assert (kinds.count("WinEventLog"), kinds.count("XmlWinEventLog")) == (classic, xml)
        assert all(event.time is not None and event.host and "EventCode" in event.fields for event in sink.events)
        if not xml:  # nothing but the line ends between records is left out
            assert sum(len(event.raw.encode()) for event in sink.events) >= len(data.rstrip()) - 3 * len(sink.events)
