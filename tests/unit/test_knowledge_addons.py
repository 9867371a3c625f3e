"""The add-ons that come with Trapline: CIM fields of Windows and Sysmon events."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.shared import shared
from tests.unit.knowledgekit import SYSMON, addon, session, xml
from trapline.ingest.intake import Evidence, ingest
from trapline.knowledge import Knowledge, built_in_addons
from trapline.knowledge.records import Unusable
from trapline.search import Session
from trapline.store import Store
from trapline.values import Row

SUCCESS, FAILURE = "0x8020000000000000", "0x8010000000000000"


def only(tmp_path: Path, event: str, fields: str) -> Row:
    """Those fields of one event."""
    with session(tmp_path, [event]) as s:
        result = s.run(f"* | table {fields}")
        assert result.warnings == ()
        return result.rows[0]


def test_built_in_addons_are_read_to_the_last_setting() -> None:
    known = Knowledge.built_in()
    assert known is Knowledge.built_in()
    assert known.addons == tuple(path.name for path in built_in_addons())
    assert set(known.addons) >= {"windows", "sysmon"}
    assert known.problems == ()
    assert [rule for stanza in known.stanzas for rule in stanza.rules.values() if isinstance(rule, Unusable)] == []


def test_every_field_of_the_built_in_addons_can_be_computed(tmp_path: Path) -> None:
    events = [
        xml("System", 7045, ServiceName="a"),
        xml("Security", 4688, keywords=SUCCESS),
        xml(SYSMON, 1, Image="C:\\a.exe"),
        xml("Application", 1),
    ]
    with session(tmp_path, events) as s:
        result = s.run("* | sort EventCode")
        assert result.warnings == ()
        assert len(result.rows) == 4
        assert all(row["vendor_product"] for row in result.rows)


def test_all_channels(tmp_path: Path) -> None:
    fields = "EventCode EventID signature_id RecordNumber event_id id dvc dvc_nt_host user_id vendor_product dest user"
    found = only(tmp_path, xml("Microsoft-Windows-PowerShell/Operational", 4104, ScriptBlockText="x"), fields)
    assert found == {
        "EventCode": "4104",
        "EventID": "4104",
        "signature_id": "4104",
        "RecordNumber": "4711",
        "event_id": "4711",
        "id": "4711",
        "dvc": "ws1.lab.example",
        "dvc_nt_host": "ws1.lab.example",
        "user_id": "S-1-5-18",
        "vendor_product": "Microsoft Windows",
    }, "PowerShell events have no dest and no user (facts/CIM_FIELDS.tsv)"


def test_blocks_of_the_raw_event(tmp_path: Path) -> None:
    found = only(tmp_path, xml("System", 1, a="b"), "System_Props_Xml EventData_Xml UserData_Xml")
    assert str(found["System_Props_Xml"]).startswith("<Provider Name=")
    assert found["EventData_Xml"] == "<Data Name='a'>b</Data>"
    assert "UserData_Xml" not in found


def test_system_service_install(tmp_path: Path) -> None:
    event = xml(
        "System",
        7045,
        provider="Service Control Manager",
        qualifiers=" Qualifiers='16384'",
        ServiceName="RemCom Service",
        ImagePath="%SystemRoot%\\RemComSvc.exe",
        ServiceType="user mode service",
        StartType="demand start",
        AccountName="LocalSystem",
    )
    fields = "dest EventID ServiceName service service_name start_mode vendor product Error_Code user eventtype tag"
    assert only(tmp_path, event, fields) == {
        "dest": "ws1.lab.example",
        "ServiceName": "RemCom Service",
        "service": "RemCom Service",
        "service_name": "RemCom Service",
        "start_mode": "manual",
        "vendor": "Microsoft",
        "product": "Windows",
        "Error_Code": "-",
        "eventtype": ["windows_service_change", "wineventlog_system", "wineventlog_windows", "winsystem"],
        "tag": ["os", "report", "service", "windows"],
    }


def test_system_service_state(tmp_path: Path) -> None:
    event = xml("System", 7036, param1="sppsvc", param2="stopped")
    assert only(tmp_path, event, "ServiceName service status") == {
        "ServiceName": "sppsvc",
        "service": "sppsvc",
        "status": "stopped",
    }


LOGON = {
    "SubjectUserName": "-",
    "SubjectDomainName": "-",
    "SubjectLogonId": "0x0",
    "TargetUserName": "alice",
    "TargetDomainName": "LAB",
    "LogonType": "3",
    "WorkstationName": "-",
    "IpAddress": "10.0.0.7",
    "IpPort": "50123",
}


def test_security_logon(tmp_path: Path) -> None:
    fields = (
        "user src_user src src_ip src_port dest dest_nt_domain action status app Logon_Type session_id tag user_group"
    )
    assert only(tmp_path, xml("Security", 4624, keywords=SUCCESS, **LOGON), fields) == {
        "user": "alice",
        "src_ip": "10.0.0.7",
        "src_port": "50123",
        "dest": "ws1.lab.example",
        "dest_nt_domain": "LAB",
        "action": "success",
        "status": "success",
        "app": "win:remote",
        "Logon_Type": "3",
        "session_id": "0x0",
        "user_group": "alice",
        "tag": ["authentication", "os", "remote", "security", "success", "windows"],
    }


@pytest.mark.parametrize(
    ("code", "keywords", "data", "fields"),
    [
        (4625, FAILURE, {"LogonType": "2"}, {"action": "failure", "status": "failure", "app": "win:local"}),
        (4720, SUCCESS, {}, {"action": "created", "app": "win:unknown"}),
        (4738, SUCCESS, {}, {"action": "modified"}),
        (4726, SUCCESS, {}, {"action": "deleted"}),
        (1102, "0x4020000000000000", {}, {"action": "cleared", "status": "success"}),
        (4648, SUCCESS, {"TargetServerName": "\\\\fs1"}, {"dest": "fs1", "app": "win:remote"}),
        (4648, SUCCESS, {"TargetServerName": "-"}, {"dest": "ws1.lab.example"}),
        (
            4776,
            SUCCESS,
            {"Workstation": "\\\\WS9"},
            {"src": "WS9", "src_nt_host": "WS9", "Source_Workstation": "\\\\WS9"},
        ),
        (4769, SUCCESS, {"IpAddress": "::1"}, {"src": "::1", "src_ip": None}),
        (4728, SUCCESS, {"TargetUserName": "Admins"}, {"Group_Name": "Admins", "user": "Admins"}),
        (4720, SUCCESS, {"TargetUserName": "eve"}, {"Group_Name": None, "object": "eve"}),
        (4663, SUCCESS, {"ObjectType": "File", "ObjectName": "C:\\a\\b.txt"}, {"file_name": "b.txt", "process": None}),
        (4657, SUCCESS, {"ObjectName": "\\REGISTRY\\x", "ObjectValueName": "v"}, {"registry_value_name": "v"}),
        (
            4703,
            SUCCESS,
            {"ProcessName": "C:\\a.exe", "ProcessId": "0x1"},
            {"process_name": "C:\\a.exe", "process_id": "720"},
        ),
        (4697, SUCCESS, {"ServiceStartType": "2", "ServiceName": "s"}, {"start_mode": "auto", "service": "s"}),
        (5136, SUCCESS, {"SubjectUserName": "bob"}, {"src_user": "bob", "user": None}),
    ],
)
def test_security(
    tmp_path: Path, code: int, keywords: str, data: dict[str, str], fields: dict[str, str | None]
) -> None:
    found = only(tmp_path, xml("Security", code, keywords=keywords, **data), " ".join(fields))
    assert {name: found.get(name) for name in fields} == fields


PROCESS = {
    "SubjectUserName": "bob",
    "NewProcessId": "0xf84",
    "NewProcessName": "C:\\Program Files\\a b.exe",
    "ProcessId": "0xb2c",
    "TargetUserName": "-",
    "ParentProcessName": "C:\\Windows\\explorer.exe",
}


@pytest.mark.parametrize(
    ("line", "process"),
    [
        ("\"C:\\Program Files\\a b.exe\" -x", "\"C:\\Program Files\\a b.exe\" -x"),
        ("C:\\a.exe -x \"y z\"", "C:\\a.exe -x \"y z\""),
        ("\"a b.exe\" -x C:\\y", "\"C:\\Program Files\\a b.exe\" -x C:\\y"),
        ("a -x\\y", "\"C:\\Program Files\\a b.exe\" -x\\y"),
        ("", "C:\\Program Files\\a b.exe"),
    ],
)  # fmt: skip
def test_security_process_create(tmp_path: Path, line: str, process: str) -> None:
    event = xml("Security", 4688, keywords=SUCCESS, CommandLine=line.replace('"', "&quot;"), **PROCESS)
    fields = (
        "process process_name process_exec process_path process_id parent_process parent_process_name "
        "parent_process_id action user new_process_name"
    )
    assert only(tmp_path, event, fields) == {
        "process": process,
        "process_name": "a b.exe",
        "process_exec": "a b.exe",
        "new_process_name": "a b.exe",
        "process_path": "C:\\Program Files\\a b.exe",
        "process_id": "0xf84",
        "parent_process": "C:\\Windows\\explorer.exe",
        "parent_process_name": "explorer.exe",
        "parent_process_id": "0xb2c",
        "action": "allowed",
        "user": "bob",
    }


def test_security_command_line_parts(tmp_path: Path) -> None:
    event = xml("Security", 4688, CommandLine="&quot;a b&quot; c  d", **PROCESS)
    fields = "Process_Command_Line process_command_line_process process_command_line_arguments"
    assert only(tmp_path, event, fields) == {
        "Process_Command_Line": '"a b" c  d',
        "process_command_line_process": '"a b"',
        "process_command_line_arguments": "c  d",
    }


def test_a_sourcetype_in_another_letter_case_is_known(tmp_path: Path) -> None:
    with session(tmp_path, [xml("security", 4624, keywords=SUCCESS, **LOGON)], sourcetype="xmlwineventlog") as s:
        assert s.run("eventtype=wineventlog_security | table user signature_id dest").rows == [
            {"user": "alice", "signature_id": "4624", "dest": "ws1.lab.example"}
        ]


CLASSIC = """03/04/2026 10:11:25 AM
LogName=Security
EventCode=4625
EventType=0
ComputerName=dc1.lab.example
SourceName=Microsoft Windows security auditing.
Type=Information
RecordNumber=99
Keywords=Audit Failure
TaskCategory=Logon
Message=An account failed to log on.

Subject:
\tSecurity ID:\t\tS-1-5-18
\tAccount Name:\t\tDC1$

Account For Which Logon Failed:
\tSecurity ID:\t\tS-1-0-0
\tAccount Name:\t\tmallory

Network Information:
\tWorkstation Name:\tWS7
\tSource Network Address:\t10.0.0.9
\tSource Port:\t\t-
"""


def test_classic_security(tmp_path: Path) -> None:
    path = tmp_path / "classic.log"
    path.write_text(CLASSIC, encoding="utf-8")
    with Store.throwaway() as store:
        ingest([Evidence(str(path))], store)
        result = Session(tables=store.snapshot().tables).run(
            "eventtype=wineventlog_security | table dest user src_user src src_ip src_port action signature_id id"
        )
    assert result.rows == [
        {
            "dest": "dc1.lab.example",
            "user": "mallory",
            "src_user": "DC1$",
            "src": "WS7",
            "src_ip": "10.0.0.9",
            "action": "failure",
            "signature_id": "4625",
            "id": "99",
        }
    ]


@pytest.mark.parametrize(
    ("code", "data", "fields"),
    [
        (
            1,
            {
                "Image": "C:\\Windows\\cmd.exe",
                "CommandLine": "cmd /c whoami",
                "User": "LAB\\alice",
                "OriginalFileName": "Cmd.Exe",
                "IntegrityLevel": "High",
                "Hashes": "MD5=0A,SHA256=0B,IMPHASH=0C",
                "ParentImage": "C:\\a\\word.exe",
                "ParentCommandLine": "word /x",
                "ParentProcessId": "9",
            },
            {
                "action": "allowed",
                "dest": "ws1.lab.example",
                "user": "alice",
                "process": "cmd /c whoami",
                "process_name": "cmd.exe",
                "process_path": "C:\\Windows\\cmd.exe",
                "process_hash": "MD5=0A,SHA256=0B,IMPHASH=0C",
                "MD5": "0A",
                "SHA256": "0B",
                "SHA1": None,
                "original_file_name": "Cmd.Exe",
                "process_integrity_level": "high",
                "parent_process": "word /x",
                "parent_process_name": "word.exe",
                "parent_process_id": "9",
                "vendor_product": "Microsoft Sysmon",
                "tag": ["process", "report"],
            },
        ),
        (
            3,
            {
                "SourceIp": "10.0.0.1",
                "SourcePort": "50000",
                "DestinationIp": "10.0.0.2",
                "DestinationPort": "445",
                "Protocol": "tcp",
                "Initiated": "true",
                "Image": "C:\\a.exe",
            },
            {
                "dest": "10.0.0.2",
                "dest_port": "445",
                "src": "10.0.0.1",
                "transport": "tcp",
                "direction": "outbound",
                "app": "C:\\a.exe",
                "tag": ["communicate", "network"],
            },
        ),
        (
            10,
            {
                "SourceImage": "C:\\evil.exe",
                "SourceProcessGUID": "{1}",
                "TargetImage": "C:\\lsass.exe",
                "TargetProcessGUID": "{2}",
                "GrantedAccess": "0x1fffff",
            },
            {
                "process_name": "lsass.exe",
                "process_guid": "{2}",
                "parent_process_name": "evil.exe",
                "parent_process_guid": "{1}",
                "granted_access": "0x1fffff",
                "action": "allowed",
            },
        ),
        (
            11,
            {"TargetFilename": "C:\\t\\x.exe", "UtcTime": "t", "CreationUtcTime": "t"},
            {"action": "created", "file_path": "C:\\t\\x.exe", "file_name": "x.exe", "file_create_time": "t"},
        ),
        (11, {"TargetFilename": "x", "UtcTime": "t", "CreationUtcTime": "u"}, {"action": "modified"}),
        (
            12,
            {"EventType": "DeleteKey", "TargetObject": "HKLM\\SOFTWARE\\a\\b"},
            {
                "action": "deleted",
                "status": "success",
                "registry_key_name": "b",
                "registry_value_name": None,
                "registry_hive": "HKEY_LOCAL_MACHINE\\\\Software",
                "tag": ["endpoint", "registry"],
            },
        ),
        (
            13,
            {"TargetObject": "HKU\\S-1\\Run\\v", "Details": "DWORD (0x00000001)"},
            {
                "action": "modified",
                "registry_key_name": "Run",
                "registry_value_name": "v",
                "registry_value_data": "0x00000001",
                "registry_value_type": "REG_DWORD",
                "registry_hive": "HKEY_CURRENT_USER",
            },
        ),
        (
            13,
            {"TargetObject": "HKCR\\x\\y", "Details": "Binary Data"},
            {"registry_value_data": "Binary Data", "registry_value_type": None, "registry_hive": None},
        ),
        (
            22,
            {"QueryName": "a.example", "QueryStatus": "0", "QueryResults": "type:  5 b.example;::ffff:10.0.0.1;"},
            {
                "dest": None,
                "src": "ws1.lab.example",
                "query": "a.example",
                "reply_code_id": "0",
                "answer": ["b.example", "::ffff:10.0.0.1"],
            },
        ),
    ],
)
def test_sysmon(tmp_path: Path, code: int, data: dict[str, str], fields: dict[str, str | list[str] | None]) -> None:
    found = only(tmp_path, xml(SYSMON, code, **data), " ".join(fields))
    assert {name: found.get(name) for name in fields} == fields


def test_sysmon_for_linux(tmp_path: Path) -> None:
    event = xml(
        "Linux-Sysmon/Operational",
        1,
        provider="Linux-Sysmon",
        Image="/usr/bin/sudo",
        CommandLine="sudo id",
        User="ubuntu",
    )
    fields = "sourcetype process_name process user dest vendor_product RecordID tag"
    assert only(tmp_path, event, fields) == {
        "sourcetype": "sysmon:linux",
        "process_name": "sudo",
        "process": "sudo id",
        "user": "ubuntu",
        "dest": "ws1.lab.example",
        "vendor_product": "Microsoft Sysmon",
        "RecordID": "4711",
        "tag": ["process", "report"],
    }


@pytest.mark.parametrize(
    "stanza", ["source::(?i)XmlWinEventLog:System", "source::XmlWinEventLog:System", "source::Xml*"]
)
def test_an_addon_of_the_user_overrides_a_built_in_one(tmp_path: Path, stanza: str) -> None:
    mine = addon(tmp_path, props=f"[{stanza}]\nEVAL-dest = upper(Computer)\n")
    with session(tmp_path, [xml("System", 7036)], Knowledge.load([*built_in_addons(), mine])) as s:
        assert s.run("* | table dest vendor").rows == [{"dest": "WS1.LAB.EXAMPLE", "vendor": "Microsoft"}]


# --- over real events and real output


def test_a_registry_event_as_splunk_gave_it(tmp_path: Path) -> None:
    """facts/DATA.md §3.4: the fields of a result row of Splunk from the event that it came from."""
    log = shared(
        "data", "splunk__attack_data", "89162164", "datasets", "attack_techniques", "T1112", "firewall_modify_delete",
        "firewall-mod-delete.log.txt",
    )  # fmt: skip
    with Store.throwaway() as store:
        ingest([Evidence(str(log))], store)
        result = Session(tables=store.snapshot().tables).run(
            'tag=registry EventCode=13 | eval firstTime=strftime(_time, "%Y-%m-%dT%H:%M:%S") | table action dest '
            "process_guid process_id registry_hive registry_key_name registry_value_data registry_value_name "
            "registry_value_type status user firstTime"
        )
    assert len(result.rows) == 1
    row = result.rows[0]
    replay = shared("data", "splunk__attack_data", "a8c90cda", "total_replay", "detection_results.jsonl")
    expected = _replayed(replay, "windows_modify_registry_to_add_or_modify_firewall_rule.yml", str(row["process_guid"]))
    unknown = {name: row.get(name, "unknown") for name in ("registry_value_type",)}
    assert {name: expected[name] for name in row | unknown} == row | unknown


def _replayed(path: Path, detection: str, guid: str) -> dict[str, str]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if detection in line.lower() and guid in line:
            found = _find(json.loads(line), guid)
            if found is not None:
                return found
    raise AssertionError(f"no row of {detection} with {guid}")


def _find(value: object, guid: str) -> dict[str, str] | None:
    """The innermost object that has that process_guid."""
    if isinstance(value, dict):
        if value.get("process_guid") == guid:
            return value
        value = list(value.values())
    if isinstance(value, list):
        return next((found for one in value if (found := _find(one, guid)) is not None), None)
    return None
