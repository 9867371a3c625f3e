"""A store in which a simulated week has raised notables about hosts and users with hostile names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from trapline import app
from trapline.content.catalog import Content
from trapline.detect.settings import read
from trapline.ingest.intake import Evidence, ingest
from trapline.search import Session
from trapline.state.notables import Notables
from trapline.store import Store

RISK = (
    "| from datamodel Risk.All_Risk | search normalized_risk_object IN ({0}) starthoursago=168 endhoursago=1"
    ' | stats count min(_time) as firstTime max(_time) as lastTime values(search_name) as "Search Name"'
    ' values(risk_message) as "Risk Message" by normalized_risk_object'
    " | `security_content_ctime(firstTime)` | `security_content_ctime(lastTime)`"
)
LOGON = "Simulated Logon"
INCIDENT = "Simulated Incident"

_LOGON = f"""\
name: {LOGON}
id: 6f3f1b1e-0000-4000-8000-000000000001
version: 1
date: '2026-01-01'
author: Trapline
type: TTP
status: production
description: Finds the logons of the test.
search: 'index=main action="bad" | stats count min(_time) as firstTime max(_time) as lastTime values(status) as status
  by dest user | `simulated_logon_filter`'
how_to_implement: It is a test.
known_false_positives: none
drilldown_searches:
- name: View the detection results for $user$ and $dest$
  search: '%original_detection_search% | search  user = $user$ dest = $dest$'
  earliest_offset: $info_min_time$
  latest_offset: $info_max_time$
- name: View risk events for the last 7 days for $user$ and $dest$
  search: '{RISK.format("$user$, $dest$")}'
  earliest_offset: $info_min_time$
  latest_offset: $info_max_time$
- name: View the detection results for - "$user$" and "$dest$"
  search: '%original_detection_search% | search  user = "$user$" dest = "$dest$"'
  earliest_offset: $info_min_time$
  latest_offset: $info_max_time$
- name: View risk events for the last 7 days for - "$user$" and "$dest$"
  search: '{RISK.format('"$user$", "$dest$"')}'
  earliest_offset: 7d
  latest_offset: "0"
tags:
  analytic_story: [Active Directory Discovery]
  asset_type: Endpoint
  confidence: 80
  impact: 80
  message: $user$ logged on to $dest$.
  mitre_attack_id: [T1078]
  observable:
  - {{name: dest, type: Endpoint, role: [Victim]}}
  - {{name: user, type: User, role: [Victim]}}
  product: [Splunk Enterprise]
  required_fields: [_time]
  risk_score: 64
  security_domain: access
"""
_INCIDENT = f"""\
name: {INCIDENT}
id: 6f3f1b1e-0000-4000-8000-000000000002
version: 1
date: '2026-01-01'
author: Trapline
type: Correlation
status: production
description: Objects with much risk.
search: '| tstats `security_content_summariesonly` sum(All_Risk.calculated_risk_score) as risk_score count
  values(source) as source from datamodel=Risk.All_Risk by All_Risk.risk_object All_Risk.risk_object_type
  | `drop_dm_object_name(All_Risk)` | where risk_score >= 60 | `simulated_incident_filter`'
how_to_implement: It is a test.
known_false_positives: none
drilldown_searches:
- name: View the detection results for $risk_object$
  search: '%original_detection_search% | search  risk_object = $risk_object$'
  earliest_offset: $info_min_time$
  latest_offset: $info_max_time$
tags:
  analytic_story: [Active Directory Discovery]
  asset_type: Endpoint
  confidence: 80
  impact: 80
  message: $risk_object$ has much risk.
  mitre_attack_id: [T1078]
  observable:
  - {{name: risk_object, type: Other, role: [Victim]}}
  product: [Splunk Enterprise]
  required_fields: [_time]
  risk_score: 64
  security_domain: threat
"""

HOSTS = (
    "plain.corp.example",
    'quo"ted \\ "host"\\',
    "pi|pe | stats count [brackets] ] [search index=*]",
    "$info_min_time$ 100% `macro`",
    "it's (not) = NOT\x1b[31m 7*",
)
USERS = ("alice", "CORP\\bob", 'eve "the" | one', "[carol", "=o'hara, (x) AND\\")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def content(tmp_path: Path) -> Content:
    folder = tmp_path / "content" / "detections"
    if not folder.is_dir():
        folder.mkdir(parents=True)
        (folder / "logon.yml").write_text(_LOGON)
        (folder / "incident.yml").write_text(_INCIDENT)
    return app.content([tmp_path / "content"])


def simulated(tmp_path: Path, *, settings: str = "", lookups: dict[str, str] | None = None) -> Path:
    """The store after a week. Every host has one logon, a day part; and with it enough risk for an incident."""
    store = tmp_path / "store"
    log = tmp_path / "logons.json"
    lines = [
        {"time": f"2026-03-0{day % 6 + 1}T1{day % 9}:05:0{day % 10}Z", "action": "bad", "dest": host, "user": user,
         "status": "failure"}
        for day, (host, user) in enumerate(zip(HOSTS, USERS, strict=True))
    ]  # fmt: skip
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with Store.open(store) as opened:
        report = ingest([Evidence(str(log), "test", "_json")], opened)
        assert sum(one.events for one in report.files) == len(HOSTS)
    often = "{cron: '0 */12 * * *', earliest: -12h@h, latest: now}"
    (store / "trapline.yml").write_text(f"detections: {{{INCIDENT}: {often}}}\n" + settings)
    for name, text in (lookups or {}).items():
        (store / "lookups").mkdir(exist_ok=True)
        (store / "lookups" / name).write_text(text)
    known = content(tmp_path)
    kept = app.kept(store)
    with app.scheduler(
        known,
        app.with_lookups(app.knowledge(), kept),
        store=store,
        kept=kept,
        settings=read(store / "trapline.yml"),
        detections=app.select(known, [LOGON, INCIDENT]),
        simulated=True,
    ) as (scheduler, warnings):
        assert [one for one in warnings if one.code.startswith(("settings", "schedule"))] == []
        scheduler.begin(at("2026-03-01"))
        scheduler.advance(at("2026-03-08"))
        failed = [run for run in scheduler.journal.runs() if run.status.value != "done"]
        assert failed == []
    return store


@contextmanager
def session(tmp_path: Path, store: Path) -> Iterator[Session]:
    kept = app.kept(store)
    with app.session(content(tmp_path), app.with_lookups(app.knowledge(), kept), store=store, kept=kept) as (one, _):
        yield one


def notables(store: Path) -> Notables:
    return app.notables(store)
