"""Text lines and JSON objects get the sourcetype that detection content searches for."""

from __future__ import annotations

import pytest

from trapline.ingest.sourcetypes import json_kinds, text_kind

LINES = {
    "pan:traffic": [
        "Mar  4 12:00:09 fw1 1,2026/03/04 12:00:09,0001,TRAFFIC,end,1,",
        "577 <14>1 2026-03-04T12:00:09-05:00 fw1 - - - - 1,2026/03/04 12:00:09,0001,TRAFFIC,end,1,",
        "1,2026/03/04 12:00:09,0001,TRAFFIC,end,1,",
    ],
    "pan:threat": ["Mar  4 12:00:09 fw1 1,2026/03/04 12:00:09,0001,THREAT,url,1,"],
    "pan:system": ["Mar  4 12:00:09 fw1 1,2026/03/04 12:00:09,0001,SYSTEM,auth,1,"],
    "linux_secure": [
        "Mar  4 12:00:09 web1 sshd[1]: Accepted password for a from 192.0.2.1 port 1 ssh2",
        "<86>Mar  4 12:00:09 web1 userdel[1]: delete user 'a'",
        "2026-03-04T12:00:09.123456+01:00 web1 sshd-session[1]: Connection closed by 192.0.2.1 port 1",
    ],
    "syslog": ["Mar  4 12:00:09 web1 kernel: eth0: link up", "Mar  4 12:00:09 fw1 1,2026/03/04,TRAFFIC,"],
    "cisco:asa": ["<166>Mar  4 2026 12:00:00 fw1 : %ASA-6-302013: Built inbound"],
    "cisco:ios": ["Mar  4 12:00:00 sw1 61: Mar  4 12:00:00.200 UTC: %PM-4-ERR_DISABLE: psecure-violation error"],
    "nginx:plus:kv": ['site="www.example.com" server="www.example.com" dest_port="443" dest_ip="192.0.2.1"'],
    "access_combined": ['192.0.2.1 - - [04/Mar/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-"'],
    "splunkd_ui_access": [
        '192.0.2.1 - admin [04/Mar/2026:12:00:00.123 +0000] "GET /en-US/app HTTP/1.1" 200 1 - - - 5ms'
    ],
    "splunkd_access": ['192.0.2.1 - - [04/Mar/2026:12:00:00.123 +0000] "GET /services/x HTTP/1.1" 200 1 - - - 5ms'],
    "audittrail": ["Audit:[timestamp=03-04-2026 12:00:00.123, user=admin, action=search, info=granted ]"],
    "crushftp:sessionlogs": ["SESSION|03/04/2026 12:00:00.123|[HTTPS:1:anonymous:192.0.2.1] READ: *GET / HTTP/1.1*"],
    "ivanti_vtm_audit": ["[04/Mar/2026:12:00:00 +0000] USER=admin GROUP=admin AUTH=local IP=192.0.2.1 OPERATION=login"],
    "text": ["1,2026/03/04,TRAFFIC", "USER=a GROUP=b", "100% sure", ""],
}


@pytest.mark.parametrize(("sourcetype", "line"), [(kind, line) for kind, lines in LINES.items() for line in lines])
def test_text(sourcetype: str, line: str) -> None:
    assert text_kind(line) == sourcetype


FLOW: dict[str, object] = {"endtime": "x", "timestamp": "x", "src_ip": "192.0.2.1", "dest_ip": "192.0.2.2"}
ZEEK: dict[str, object] = {"ts": 1.5, "uid": "C1", "id.orig_h": "192.0.2.1", "id.resp_h": "192.0.2.2"}
OBJECTS: list[tuple[str, dict[str, object]]] = [
    ("zeek:conn:json", ZEEK | {"conn_state": "SF"}),
    ("zeek:dns:json", ZEEK | {"trans_id": 1, "query": "example.com"}),
    ("zeek:http:json", ZEEK | {"trans_depth": 1, "method": "GET"}),
    ("zeek:smtp:json", ZEEK | {"trans_depth": 1, "helo": "mail.example.com"}),
    ("zeek:ssl:json", ZEEK | {"established": True, "server_name": "example.com"}),
    ("zeek:rpc:json", ZEEK | {"operation": "DRSGetNCChanges", "endpoint": "drsuapi"}),
    ("zeek:kerberos:json", ZEEK | {"request_type": "TGS", "client": "a/EXAMPLE"}),
    ("zeek:ntlm:json", ZEEK | {"username": "a", "server_nb_computer_name": "DC1"}),
    ("zeek:smb_files:json", ZEEK | {"action": "SMB::FILE_OPEN", "name": "a", "path": "b"}),
    ("zeek:notice:json", {"ts": 1.5, "note": "Scan::Port_Scan", "actions": ["Notice::ACTION_LOG"]}),
    ("stream:dns", FLOW | {"query_type": ["A"], "protocol_stack": "ip:udp:dns"}),
    ("stream:http", FLOW | {"http_method": "GET", "protocol_stack": "ip:tcp:http"}),
    ("stream:tcp", FLOW | {"protocol_stack": "ip:tcp:unknown"}),
    ("stream:udp", FLOW | {"protocol_stack": "ip:udp:unknown"}),
    ("stream:ip", FLOW | {"protocol_stack": "ip:icmp"}),
    ("suricata", {"event_type": "alert", "flow_id": 1, "timestamp": "x"}),
    ("zscalernss-web", {"datetime": "x", "urlcategory": "News", "threatname": "None"}),
    ("_json", {"ts": 1.5, "id.orig_h": "192.0.2.1"}),
    ("_json", {"endtime": "x", "timestamp": "x"}),
]


@pytest.mark.parametrize(("sourcetype", "value"), OBJECTS)
def test_json(sourcetype: str, value: dict[str, object]) -> None:
    found = next(kind for kind in json_kinds() if kind.has_keys(value) and kind.has_values(value))
    assert found.sourcetype == sourcetype
