"""A Splunk app written by hand, for tests of apps as content."""

from __future__ import annotations

from pathlib import Path

from tests.unit.riskkit import service

REMCOM = "ESCU - Windows Service Create RemComSvc - Rule"

SEARCHES = r"""
# A comment, and a multi-line search
[default]
schedule_window = auto
realtime_schedule = 0

[ESCU - Windows Service Create RemComSvc - Rule]
action.escu = 0
action.escu.enabled = 1
description = Finds the install of RemCom's service.
action.escu.how_to_implement = Collect event 7045.
action.escu.known_false_positives = Administrators.
action.escu.creation_date = 2024-03-01
action.escu.modification_date = 2024-09-30
action.escu.search_type = detection
action.escu.product = ["Splunk Enterprise", "Splunk Cloud"]
action.escu.analytic_story = ["Active Directory Discovery"]
action.risk = 1
action.risk.param._risk_message = A new service was created related to RemCom on $dest$.
action.risk.param._risk = [{"risk_object_field": "dest", "risk_object_type": "system", "risk_score": 32}, \
  {"threat_object_field": "ImagePath", "threat_object_type": "file_path"}]
action.risk.param._risk_score = 0
cron_schedule = 0 * * * *
dispatch.earliest_time = -70m@m
dispatch.latest_time = -10m@m
action.correlationsearch.enabled = 1
action.correlationsearch.label = ESCU - Windows Service Create RemComSvc - Rule
action.correlationsearch.annotations = {"mitre_attack": ["T1543.003"], "nist": ["DE.AE"], "type": "Anomaly", \
  "data_source": ["Windows Event Log System 7045"], "type_list": ["Anomaly"], "our_own": ["x"], "impact": 40}
action.correlationsearch.metadata = {"detection_id": "0be4b5d6-c449-4084-b945-2392b519c33b", "detection_version": "2"}
disabled = true
enableSched = 1
alert.digest_mode = 1
counttype = number of events
relation = greater than
quantity = 0
alert.suppress = 1
alert.suppress.fields = dest, ImagePath
alert.suppress.period = 2h
search = `system_log` EventCode=7045 ServiceName="RemCom Service" \
| stats count min(_time) as firstTime max(_time) as lastTime by dest ImagePath ServiceName \
| lookup known_hosts host as dest OUTPUT owner \
| `windows_service_create_remcomsvc_filter`
action.notable.param.drilldown_searches = [{"name": "View $dest$", "search": "`system_log` EventCode=7045 \
ServiceName=\"RemCom Service\" | head 3", "earliest_offset": "$info_min_time$"}]

[Plain Search]
enableSched = 1
cron_schedule = */5 * * * *
dispatch.earliest_time = -5m@m
dispatch.latest_time = now
search = index=main sourcetype=x user=*
"""
MACROS = """[system_log]
definition = sourcetype=XmlWinEventLog source="XmlWinEventLog:System"

[least(1)]
args = level
definition = status>=$level$
"""
TRANSFORMS = """[known_hosts]
filename = hosts.csv
max_matches = 1
"""


def app(folder: Path, files: dict[str, str | bytes] | None = None) -> Path:
    """The app below `folder`, with other or further files."""
    root = folder / "our_app"
    given: dict[str, str | bytes] = {
        "default/savedsearches.conf": SEARCHES,
        "default/macros.conf": MACROS,
        "default/transforms.conf": TRANSFORMS,
        "lookups/hosts.csv": "host,owner\nws1.corp.example,anna\n",
        **(files or {}),
    }
    for name, text in given.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def log(folder: Path) -> Path:
    """A log with one event that installs RemCom's service."""
    path = folder / "system.log"
    path.write_text(service("2026-03-02T10:05:00", "ws1.corp.example"))
    return path
