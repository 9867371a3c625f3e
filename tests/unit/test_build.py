"""`trapline build`: the built-in detection key by key, all three forms, hostile content, the same bytes each time."""

from __future__ import annotations

import configparser
import hashlib
import json
import re
import tarfile
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.shared import shared
from trapline.cli.commands.build import command
from trapline.content import read
from trapline.content.model import Generation, Level, Problem
from trapline.errors import InputError
from trapline.knowledge.conf import parse
from trapline.splunkapp.build import Built, Options, build
from trapline.splunkapp.conf import Stanza, json_text, line_text, usable_name, value_text

MADE = datetime(2024, 10, 23, tzinfo=UTC)
SEED = "ESCU - Windows Service Create RemComSvc - Rule"

Conf = dict[str, dict[str, str]]


def stanzas(app: Path, name: str) -> Conf:
    """The file as Splunk reads it: continued lines joined, then configparser, which refuses what is there twice."""
    text = (app / "default" / f"{name}.conf").read_text(encoding="utf-8")
    joined = text.replace("\\\n", "\x01")  # any mark will do: a line that goes on is one line
    reader = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",), strict=True)
    reader.optionxform = str  # type: ignore[assignment,method-assign]
    reader.read_string(joined)
    found = {
        head: {key: value.replace("\x01", "\n") for key, value in reader[head].items()} for head in reader.sections()
    }
    # ours reads the same
    own: Conf = {}
    for setting in parse(text, name, []):
        own.setdefault(setting.stanza, {})
        if setting.key:
            own[setting.stanza][setting.key] = setting.value
    squeeze = {head: {key: " ".join(value.split()) for key, value in keys.items()} for head, keys in found.items()}
    assert squeeze == {
        head: {key: " ".join(value.split()) for key, value in keys.items()} for head, keys in own.items()
    }
    return found


def made(tmp: Path, *folders: Path, **options: object) -> Built:
    return build(folders, Options(out=tmp / "dist", **options))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return made(tmp_path_factory.mktemp("library"), made=MADE, attack="15.1", api=True)


def test_the_seed_key_by_key(library: Built) -> None:
    seed = read.default_content().find("Windows Service Create RemComSvc")
    found = stanzas(library.app, "savedsearches")[SEED]
    drilldowns = json.loads(found.pop("action.notable.param.drilldown_searches"))
    annotations = json.loads(found.pop("action.correlationsearch.annotations"))
    assert found == {
        "action.escu": "0",
        "action.escu.enabled": "1",
        "description": seed.description,
        "action.escu.mappings": '{"cis20": ["CIS 10"], "kill_chain_phases": ["Exploitation", "Installation"], '
        '"mitre_attack": ["T1543.003", "T1543"], "nist": ["DE.AE"]}',
        "action.escu.data_models": "[]",
        "action.escu.eli5": seed.description,
        "action.escu.how_to_implement": seed.how_to_implement,
        "action.escu.known_false_positives": seed.known_false_positives,
        "action.escu.creation_date": "2024-09-30",
        "action.escu.modification_date": "2024-09-30",
        "action.escu.confidence": "high",
        "action.escu.search_type": "detection",
        "action.escu.product": '["Splunk Enterprise", "Splunk Enterprise Security", "Splunk Cloud"]',
        "action.escu.providing_technologies": "null",
        "action.escu.analytic_story": '["Active Directory Discovery"]',
        "action.risk": "1",
        "action.risk.param._risk_message": "A new service was created related to RemCom on $dest$.",
        "action.risk.param._risk": '[{"risk_object_field": "dest", "risk_object_type": "system", "risk_score": 32}]',
        "action.risk.param._risk_score": "0",
        "action.risk.param.verbose": "0",
        "cron_schedule": "0 * * * *",
        "dispatch.earliest_time": "-70m@m",
        "dispatch.latest_time": "-10m@m",
        "action.correlationsearch.enabled": "1",
        "action.correlationsearch.label": SEED,
        "action.correlationsearch.metadata": '{"deprecated": "0", '
        '"detection_id": "0be4b5d6-c449-4084-b945-2392b519c33b", "detection_version": "2", '
        '"publish_time": 1727654400.0}',
        "schedule_window": "auto",
        "alert.digest_mode": "1",
        "disabled": "true",
        "enableSched": "1",
        "allow_skew": "100%",
        "counttype": "number of events",
        "relation": "greater than",
        "quantity": "0",
        "realtime_schedule": "0",
        "is_visible": "false",
        "search": seed.search,
    }
    assert annotations == {
        "analytic_story": ["Active Directory Discovery"],
        "cis20": ["CIS 10"],
        "confidence": 80,
        "data_source": ["Windows Event Log System 7045"],
        "impact": 40,
        "kill_chain_phases": ["Exploitation", "Installation"],
        "mitre_attack": ["T1543.003", "T1543"],
        "nist": ["DE.AE"],
        "type": "Anomaly",
        "type_list": ["Anomaly"],
    }
    assert [one["name"] for one in drilldowns] == [one.name for one in seed.drilldowns]
    assert drilldowns[0]["search"] == f"{seed.search} | search  dest = $dest$"
    assert drilldowns[0]["earliest_offset"] == "$info_min_time$"


def test_keys_stand_in_the_order_of_splunks_own(library: Built) -> None:
    keys = list(stanzas(library.app, "savedsearches")[SEED])
    assert keys[:3] == ["action.escu", "action.escu.enabled", "description"]
    assert keys[-2:] == ["search", "action.notable.param.drilldown_searches"]
    assert (
        keys.index("action.risk") < keys.index("cron_schedule") < keys.index("schedule_window") < keys.index("disabled")
    )


def test_macros_lookups_and_the_app(library: Built) -> None:
    macros = stanzas(library.app, "macros")
    assert macros["security_content_ctime(1)"]["args"] == "field"
    assert macros["windows_service_create_remcomsvc_filter"]["definition"] == "search *"
    transforms = stanzas(library.app, "transforms")
    assert transforms["mitre_enrichment"] == {"filename": "mitre_enrichment.csv"}
    table = (library.app / "lookups" / "mitre_enrichment.csv").read_text(encoding="utf-8")
    assert table.startswith("mitre_id,technique,tactics,groups\n")
    assert "T1543.003,Windows Service,Persistence|Privilege Escalation," in table
    app = stanzas(library.app, "app")
    assert app["install"]["build"] == "20241023000000"
    assert app["triggers"] == {
        "reload.analyticstories": "simple",
        "reload.content-version": "simple",
        "reload.es_investigations": "simple",
    }
    assert app["package"] == {"id": "trapline_content", "check_for_updates": "false"}
    stories = stanzas(library.app, "analyticstories")
    assert json.loads(stories["analytic_story://Active Directory Discovery"]["searches"]) == [SEED]
    assert stories[f"savedsearch://{SEED}"]["type"] == "detection"
    manifest = json.loads((library.app / "app.manifest").read_text(encoding="utf-8"))
    assert manifest["info"]["id"] == {"group": None, "name": "trapline_content", "version": "0.0.1"}


def test_the_api(library: Built) -> None:
    folder = library.app.parent / "api"
    rows = json.loads((folder / "detections.json").read_text(encoding="utf-8"))["detections"]
    (seed,) = [one for one in rows if one["name"] == "Windows Service Create RemComSvc"]
    assert seed["tags"]["risk_score"] == 32
    assert seed["tags"]["observable"] == [{"name": "dest", "type": "Endpoint", "role": ["Victim"]}]
    assert seed["tags"]["mitre_attack_enrichments"][0]["mitre_attack_technique"] == "Windows Service"
    assert seed["macros"][0]["name"] == "wineventlog_system"
    assert json.loads((folder / "version.json").read_text(encoding="utf-8")) == {
        "version": {"name": "v0.0.1", "published_at": "2024-10-23T00:00:00Z"}
    }


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        found = made(tmp_path / name)
        assert found.archive is not None
        digests.add(hashlib.sha256(found.archive.read_bytes()).hexdigest())
    assert len(digests) == 1
    with tarfile.open(found.archive) as archive:
        members = archive.getmembers()
    assert [one.name for one in members] == sorted((one.name for one in members), key=lambda name: name.split("/"))
    assert {(one.uid, one.gid, one.uname, one.mtime) for one in members} == {(0, 0, "", int(found.made.timestamp()))}


S1 = """\
name: {name}
id: 11111111-2222-4333-8444-55555555555{digit}
version: 4
date: '2024-05-06'
author: A. Author, Some Company
type: {type}
status: {status}
description: What it finds.
data_source: [Some Log]
search: '| tstats count from datamodel=Endpoint.Processes by Processes.dest Processes.user | `{stem}_filter`'
how_to_implement: Collect it.
known_false_positives: None known.
references: ['https://example.com/a?b=1&c=2']
drilldown_searches: []
tags:
  analytic_story: [Story B, Story A]
  asset_type: Endpoint
  confidence: 50
  impact: 90
  message: It's <b>$user$</b> & $dest$
  mitre_attack_id: [T1059]
  observable:
  - {{name: src, type: IP Address, role: [Attacker]}}
  - {{name: user, type: User, role: [Victim]}}
  - {{name: process_name, type: Process Name, role: [Attacker]}}
  - {{name: dest, type: Hostname, role: [Victim]}}
  product: [Splunk Enterprise]
  required_fields: [_time]
  security_domain: network
  atomic_guid: [0aa0aa00-0000-4000-8000-000000000001]
  cve: [CVE-2024-0001]
  throttling: {{fields: [dest, user], period: 1h}}
tests: []
{more}"""

S2 = """\
name: Second Form
id: 11111111-2222-4333-8444-666666666666
version: 1
date: '2025-02-03'
author: A. Author
type: TTP
status: production
description: What it finds.
data_source: [Some Log]
search: index=main | stats count by user dest src | `second_form_filter`
how_to_implement: Collect it.
known_false_positives: None known.
rba:
  message: $user$ did it
  risk_objects:
  - {field: user, type: user, score: 70}
  - {field: dest, type: system, score: 40}
  threat_objects:
  - {field: src, type: ip_address}
tags:
  analytic_story: [Story A]
  asset_type: Endpoint
  mitre_attack_id: []
  product: [Splunk Enterprise]
  security_domain: endpoint
"""

S3 = """\
name: Third Form
id: 11111111-2222-4333-8444-777777777777
version: 1
creation_date: '2026-01-01'
modification_date: '2026-03-04'
author: A. Author
type: TTP
status: production
description: What it finds.
data_source: [Z Log AND A Log, B Log]
search: index=main | stats count by user dest src | `third_form_filter`
how_to_implement: Collect it.
known_false_positives: None known.
references: []
drilldown_searches:
- name: See it
  search: '%original_detection_search% | search user="$user$"'
  earliest_offset: $info_min_time$
  latest_offset: $info_max_time$
finding:
  title: $user$ did it
  entity: {field: user, type: user, score: 70}
intermediate_findings:
  entities:
  - {field: src, type: system, score: 30, message: from $src$}
  - {field: dest, type: system, score: 40, message: on $dest$}
threat_objects:
- {field: url, type: url}
- {field: hash, type: file_hash}
analytic_story: [Story A]
asset_type: Endpoint
mitre_attack_id: [T1059, T1003]
product: [Splunk Enterprise]
category: endpoint
security_domain: endpoint
custom_schedule: {cron_schedule: '*/5 * * * *', earliest_time: -10m, latest_time: now, schedule_window: '0'}
tests: []
"""

DEPLOYMENT = """\
deployment:
  scheduling: {cron_schedule: '7 * * * *', earliest_time: -1h, latest_time: now, schedule_window: '5'}
  alert_action:
    notable: {rule_title: 'Seen: %name%', rule_description: '%description%', nes_fields: [user, dest]}
    rba: {enabled: true}
    email: {to: soc@example.com, subject: 'Alert %name% %severity%', message: Look}
    slack: {channel: '#soc', message: '%security_domain%'}
    phantom: {cam_workers: local, label: events, phantom_server: s, sensitivity: amber, severity: medium}
"""


def write(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def s1(
    name: str = "First Form", *, kind: str = "TTP", status: str = "production", more: str = "", digit: int = 5
) -> str:
    stem = re.sub(r"[ \-./]", "_", name.lower())
    return S1.format(name=name, stem=stem, type=kind, status=status, more=more, digit=digit)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    write(root, "detections/endpoint/first_form.yml", s1(more=DEPLOYMENT))
    write(
        root,
        "stories/story_a.yml",
        "name: Story A\nid: a\nversion: 1\ndate: '2024-01-02'\nauthor: X Y, Z\ndescription: d\n"
        "narrative: n\ntags: {category: [Malware, Abuse]}\n",
    )
    write(
        root, "macros/with_args.yml", "name: with_args\ndefinition: eval x=$a$+$b$\ndescription: d\narguments: [a, b]\n"
    )
    write(
        root,
        "lookups/names.yml",
        "name: names\nfilename: names.csv\ndescription: 'the names\n\n  of things'\n"
        "match_type: WILDCARD(name)\nmin_matches: 1\ndefault_match: 'False'\n"
        "case_sensitive_match: 'false'\n",
    )
    write(root, "lookups/names.csv", "name\nx*\n")
    write(root, "lookups/kept.yml", "name: kept\ncollection: kept_things\nfields_list: _key, a, b\ndescription: d\n")
    write(
        root,
        "baselines/learn_it.yml",
        "name: Learn It\nid: b\nversion: 1\ndate: '2024-01-02'\nauthor: X\ntype: Baseline\ndescription: d\n"
        "search: index=main | outputlookup kept\nhow_to_implement: h\nknown_false_positives: k\n"
        "tags: {analytic_story: [Story A]}\n",
    )
    write(
        root,
        "investigations/ask_it.yml",
        "name: Ask It\nid: i\nversion: 1\ndate: '2024-01-02'\nauthor: X\ntype: Investigation\n"
        "description: d\nsearch: 'index=main user=$user$ a<b \"x&y\"'\nhow_to_implement: h\n"
        "known_false_positives: k\ntags: {analytic_story: [Story A]}\n",
    )
    write(
        root,
        "dashboards/board.yml",
        "name: Board\nid: d\nversion: 1\ndate: '2024-01-02'\nauthor: X\ndescription: d <x>\ntheme: dark\n",
    )
    write(root, "dashboards/board.json", json.dumps({"title": "Board", "description": "a ]]> b"}))
    write(
        root,
        "data_sources/some_log.yml",
        "name: Some Log\nid: s\nversion: 1\ndate: '2024-01-02'\nauthor: X\ndescription: 'a, \"b\"'\n"
        "source: so\nsourcetype: st\nsupported_TA: [{name: TA, url: u, version: '1'}]\n",
    )
    write(
        root,
        "contentctl.yml",
        "app:\n  uid: 1\n  title: My App\n  appid: my_app\n  version: 1.2.3\n  label: MINE\n"
        "  description: d\n  author_name: Me\n  author_email: me@example.com\n  author_company: We\n",
    )
    write(root, "app_template/default/data/ui/views/home.xml", "<dashboard/>")
    write(root, "app_template/default/props.conf", "[x]\n")
    write(root, "app_template/README.md", "read me")
    return root


def test_a_project_of_the_first_form(tmp_path: Path, project: Path) -> None:
    built = made(tmp_path, project, attack=None)
    assert built.app == tmp_path / "dist" / "my_app"
    assert built.form is Generation.S1
    assert [one for one in built.problems if one.level is Level.ERROR] == []
    searches = stanzas(built.app, "savedsearches")
    assert list(searches) == ["MINE - First Form - Rule", "MINE - Learn It", "MINE - Ask It - Response Task"]
    rule = searches["MINE - First Form - Rule"]
    assert json.loads(rule["action.risk.param._risk"]) == [
        {"threat_object_field": "src", "threat_object_type": "ip_address"},
        {"risk_object_field": "user", "risk_object_type": "user", "risk_score": 45},
        {"threat_object_field": "process_name", "threat_object_type": "process"},
        {"risk_object_field": "dest", "risk_object_type": "system", "risk_score": 45},
    ]
    assert rule["action.risk.param._risk_message"] == "It's <b>$user$</b> & $dest$"
    assert json.loads(rule["action.escu.mappings"]) == {
        "cis20": ["CIS 13"],
        "mitre_attack": ["T1059"],
        "nist": ["DE.CM"],
    }
    assert rule["action.escu.data_models"] == '["Endpoint"]'
    assert "Microsoft Sysmon" in json.loads(rule["action.escu.providing_technologies"])
    assert rule["action.escu.analytic_story"] == '["Story A", "Story B"]'
    assert rule["action.escu.atomic_red_team_guids"] == '["0aa0aa00-0000-4000-8000-000000000001"]'
    assert (rule["cron_schedule"], rule["schedule_window"]) == ("7 * * * *", "5")
    assert rule["action.notable.param.rule_title"] == "Seen: First Form"
    assert rule["action.notable.param.nes_fields"] == "user,dest"
    assert rule["action.notable.param.severity"] == "medium"
    assert rule["action.email.subject.alert"] == "Alert First Form medium"
    assert rule["action.slack.param.message"] == "network"
    assert rule["action.sendtophantom.param._cam_workers"] == "local"
    assert (rule["alert.suppress"], rule["alert.suppress.fields"], rule["alert.suppress.period"]) == (
        "true",
        "dest,user",
        "1h",
    )
    assert searches["MINE - Learn It"]["cron_schedule"] == "10 0 * * *"
    assert "cron_schedule" not in searches["MINE - Ask It - Response Task"]

    assert stanzas(built.app, "macros")["with_args(2)"] == {
        "args": "a, b",
        "definition": "eval x=$a$+$b$",
        "description": "d",
    }
    transforms = stanzas(built.app, "transforms")
    assert transforms["names"] == {
        "filename": "names.csv",
        "default_match": "false",
        "case_sensitive_match": "false",
        "match_type": "WILDCARD(name)",
        "min_matches": "1",
    }
    assert transforms["kept"] == {"collection": "kept_things", "external_type": "kvstore", "fields_list": "_key, a, b"}
    assert stanzas(built.app, "collections") == {"kept_things": {"enforceTypes": "false", "replicate": "false"}}
    assert (built.app / "lookups" / "names.csv").read_text() == "name\nx*\n"
    story = stanzas(built.app, "analyticstories")["analytic_story://Story A"]
    assert json.loads(story["searches"]) == ["MINE - First Form - Rule", "MINE - Ask It - Response Task"]
    assert json.loads(story["maintainers"]) == [{"company": "Z", "email": "-", "name": "X Y"}]
    assert story["category"] == "Malware"
    panel = stanzas(built.app, "es_investigations")["panel://workbench_panel_ask_it___response_task"]
    assert json.loads(panel["tokens"])["user"]["value"] == "identity"
    xml = ET.parse(built.app / "default/data/ui/panels/workbench_panel_ask_it___response_task.xml")
    assert xml.findtext("table/search/query") == 'index=main user=$user$ a<b "x&y"'
    link = stanzas(built.app, "workflow_actions")["workbench_panel_ask_it___response_task"]
    assert "type_identity=$@field_value$" in link["link.uri"]
    board = ET.parse(built.app / "default/data/ui/views/board.xml").getroot()
    assert board.get("theme") == "dark"
    assert json.loads(board.findtext("definition") or "")["description"] == "a ]]> b"
    sources = (built.app / "lookups" / "data_sources.csv").read_text()
    assert sources.splitlines()[1] == 'Some Log,s,X,so,st,,TA,1,u,"a, ""b"""'
    assert (built.app / "default/props.conf").read_text() == "[x]\n"
    assert stanzas(built.app, "app")["ui"] == {"is_visible": "true", "label": "My App"}


def test_second_and_third_form_stand_beside_each_other(tmp_path: Path, project: Path) -> None:
    write(project, "detections/endpoint/second_form.yml", S2)
    write(project, "detections/endpoint/third_form.yml", S3)
    built = made(tmp_path, project, attack=None)
    assert built.form is Generation.S3  # one of each: the newest
    searches = stanzas(built.app, "savedsearches")
    assert list(searches) == ["default", *sorted(set(searches) - {"default"})]
    assert all(list(keys) == sorted(keys) for keys in searches.values())
    second = searches["MINE - Second Form - Rule"]
    assert second["action.correlationsearch.detection_type"] == "ebd"
    assert second["action.notable.param.severity"] == "high"
    assert "risk_message" not in second["action.risk.param._risk"]
    third = searches["MINE - Third Form - Rule"]
    assert not [key for key in third if key.startswith("action.escu")]
    assert third["action.risk.param._risk"] == (
        '[{"risk_message":"on $dest$","risk_object_field":"dest","risk_object_type":"system","risk_score":40},'
        '{"risk_message":"from $src$","risk_object_field":"src","risk_object_type":"system","risk_score":30},'
        '{"threat_object_field":"hash","threat_object_type":"file_hash"},'
        '{"threat_object_field":"url","threat_object_type":"url"}]'
    )
    assert third["action.risk.param._risk_message"] == "on $dest$"
    assert (
        third["action.notable.param._entities"]
        == '[{"risk_object_field":"user","risk_object_type":"user","risk_score":70}]'
    )
    assert third["action.notable.param.rule_title"] == "$user$ did it"
    assert third["disabled"] == "1"
    assert third["cron_schedule"] == "*/5 * * * *"
    drill = json.loads(third["action.notable.param.drilldown_searches"])
    assert drill[0]["search"] == '| savedsearch "MINE - Third Form - Rule" | search user="$user$"'
    assert json.loads(third["action.correlationsearch.annotations"])["mitre_attack"] == ["T1003", "T1059"]
    assert (built.app / "lookups/deprecation_info.csv").is_file()


def test_one_form_for_all(tmp_path: Path, project: Path) -> None:
    write(project, "detections/endpoint/third_form.yml", S3)
    first = made(tmp_path, project, generation=Generation.S2, attack=None)
    third = stanzas(first.app, "savedsearches")["MINE - Third Form - Rule"]
    assert third["action.escu.enabled"] == "1"
    assert {
        one["risk_object_field"] for one in json.loads(third["action.risk.param._risk"]) if "risk_score" in one
    } == {"user", "src", "dest"}
    again = made(tmp_path, project, generation=Generation.S3, attack=None)
    rule = stanzas(again.app, "savedsearches")["MINE - First Form - Rule"]
    assert json.loads(rule["action.notable.param._entities"])[0]["risk_object_field"] == "user"
    assert rule["alert.suppress.period"] == "1h"  # what a file says is not lost in another form


def test_the_names_of_tables_tell_their_day_since_the_second_form(tmp_path: Path) -> None:
    root = tmp_path / "two"
    write(root, "detections/endpoint/second_form.yml", S2)
    write(
        root,
        "lookups/names.yml",
        "name: names\nid: l\nversion: 2\ndate: '2025-06-07'\nauthor: x\nlookup_type: csv\ndescription: d\n",
    )
    write(root, "lookups/names.csv", "a\n1\n")
    built = made(tmp_path, root, generation=Generation.S2)
    name = stanzas(built.app, "transforms")["names"]["filename"]
    assert name in ("names_20250607.csv", "names.csv")
    assert (built.app / "lookups" / name).is_file()


EVIL = "x\n[evil]\nkey = 1\n# no\n\\\nend\\"


def test_no_value_starts_a_stanza_or_a_key(tmp_path: Path, project: Path) -> None:
    clean = stanzas(made(tmp_path / "clean", project, attack=None).app, "savedsearches")
    text = s1(more=DEPLOYMENT)
    evil = json.dumps(EVIL)
    for key in ("description", "how_to_implement", "known_false_positives", "author"):
        text = re.sub(rf"(?m)^{key}: .*$", f"{key}: {evil}".replace("\\", r"\\"), text)
    text = re.sub(r"(?m)^  message: .*$", lambda _: f"  message: {evil}", text)
    text = re.sub(
        r"(?m)^search: .*$",
        lambda _: "search: " + json.dumps("index=main `first_form_filter`\n| eval a=1\n[evil]\nx = 2\\"),
        text,
    )
    write(project, "detections/endpoint/first_form.yml", text.replace("Story B", "'B\"]\\n[evil]'"))
    write(
        project,
        "macros/with_args.yml",
        f"name: with_args\ndefinition: {evil}\ndescription: {evil}\n"
        f"arguments: {json.dumps(['a' + chr(10) + '[evil]', 'b'])}\n",
    )
    write(
        project, "lookups/names.yml", f"name: names\nfilename: names.csv\ndescription: {evil}\ndefault_match: {evil}\n"
    )
    write(
        project,
        "stories/story_a.yml",
        f"name: Story A\nid: a\nversion: 1\ndate: '2024-01-02'\nauthor: {evil}\ndescription: {evil}\n"
        f"narrative: {evil}\n",
    )
    write(
        project,
        "contentctl.yml",
        f"app:\n  appid: my_app\n  label: MINE\n  title: {evil}\n  description: {evil}\n"
        f"  author_name: {evil}\n  author_company: {evil}\n",
    )
    built = made(tmp_path, project, attack=None)
    found = stanzas(built.app, "savedsearches")
    assert {name: list(keys) for name, keys in found.items()} == {name: list(keys) for name, keys in clean.items()}
    for name in (
        "macros",
        "transforms",
        "analyticstories",
        "app",
        "collections",
        "es_investigations",
        "content-version",
    ):
        assert not [head for head in stanzas(built.app, name) if "evil" in head], name
    rows = parse((built.app / "default/savedsearches.conf").read_text(), "x", [])
    (search,) = [row.value for row in rows if row.key == "search" and "First Form" in row.stanza]
    assert search.replace(" \n", "\n") == "index=main `first_form_filter`\n| eval a=1\n[evil]\nx = 2\\"
    problems: list[Problem] = []
    macros = {one.key for one in read.read_macros(built.app / "default/macros.conf", problems)}
    assert "evil" not in macros


def test_a_name_that_no_stanza_can_have_costs_its_object(tmp_path: Path, project: Path) -> None:
    write(project, "detections/endpoint/bad.yml", s1('"a]\\n[evil"', digit=6))
    built = made(tmp_path, project, attack=None)
    (lost,) = [one for one in built.problems if one.level is Level.ERROR]
    assert lost.file.endswith("bad.yml")
    assert lost.field == "name"
    assert len(stanzas(built.app, "savedsearches")) == 3
    done = CliRunner().invoke(command, ["--content", str(project), "--out", str(tmp_path / "o"), "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["counts"]["detections"] == 1


def test_no_path_leads_out(tmp_path: Path, project: Path) -> None:
    secret = write(tmp_path, "secret.csv", "secret\n")
    write(project, "lookups/names.yml", "name: names\nfilename: ../../secret.csv\ndescription: d\n")
    write(project, "lookups/linked.yml", "name: linked\nfilename: linked.csv\ndescription: d\n")
    (project / "lookups/linked.csv").symlink_to(secret)
    (project / "app_template/link").symlink_to(secret)
    (project / "app_template/folder").symlink_to(tmp_path)
    built = made(tmp_path, project, attack=None)
    texts = [path.read_text(errors="replace") for path in built.app.rglob("*") if path.is_file()]
    assert not [text for text in texts if text == "secret\n"]
    told = {(Path(one.file).name, one.code) for one in built.problems}
    assert {("names.yml", "build.filename"), ("linked.csv", "build.filename"), ("linked.yml", "lookup")} <= told


@pytest.mark.parametrize("appid", ["../evil", "a/b", "", ".hidden", "a..b", "x y"])
def test_an_app_id_is_one_name(tmp_path: Path, project: Path, appid: str) -> None:
    write(project, "contentctl.yml", f"app: {{appid: {json.dumps(appid)}}}\n")
    with pytest.raises(InputError, match="cannot be the id of an app"):
        made(tmp_path, project)
    assert not (tmp_path / "dist").exists()


def test_what_is_no_app_is_left_alone(tmp_path: Path, project: Path) -> None:
    mine = write(tmp_path, "dist/my_app/notes.txt", "mine")
    with pytest.raises(InputError, match="is no app"):
        made(tmp_path, project)
    assert mine.read_text() == "mine"
    mine.unlink()
    assert made(tmp_path, project).counts["detections"] == 1
    assert made(tmp_path, project).counts["detections"] == 1  # over its own
    assert sorted(path.name for path in (tmp_path / "dist").iterdir()) == [
        "my_app",
        "my_app-1.2.3.tar.gz",
        "my_app-latest.tar.gz",
    ]


def test_a_missing_macro_is_told(tmp_path: Path, project: Path) -> None:
    write(
        project,
        "detections/endpoint/other.yml",
        s1("Other", digit=7).replace("| `other_filter`", "| `nowhere(1)` | `other_filter`"),
    )
    found = [one for one in made(tmp_path, project).problems if one.code == "build.macro"]
    assert ["nowhere(1)" in one.reason for one in found] == [True]


def test_experimental_says_so_first(tmp_path: Path, project: Path) -> None:
    write(project, "detections/endpoint/other.yml", s1("Other", status="experimental", digit=7))
    other = stanzas(made(tmp_path, project).app, "savedsearches")["MINE - Other - Rule"]
    assert other["description"].startswith("**WARNING**: this detection is marked **EXPERIMENTAL**")
    assert other["description"].endswith("What it finds.")
    assert other["action.escu.eli5"] == "What it finds."


def test_the_time_of_the_build(tmp_path: Path, project: Path) -> None:
    runner = CliRunner()
    where = ["--content", str(project), "--out", str(tmp_path / "o"), "--no-archive"]
    done = runner.invoke(command, [*where, "--json"], env={"SOURCE_DATE_EPOCH": "86400"})
    assert json.loads(done.stdout)["built"] == "1970-01-02T00:00:00+00:00"
    done = runner.invoke(command, [*where, "--json", "--build-time", "2024-01-02T03:04:05"])
    assert json.loads(done.stdout)["built"] == "2024-01-02T03:04:05+00:00"
    assert json.loads(done.stdout)["archive"] is None
    done = runner.invoke(command, [*where, "--json"])
    assert json.loads(done.stdout)["built"] == "2024-05-06T00:00:00+00:00"
    assert runner.invoke(command, [*where, "--build-time", "soon"]).exit_code == 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (" a ", "a"),
        ("a\nb", "a \\\nb"),
        ("a\r\nb\rc", "a \\\nb \\\nc"),
        ("a\u2028b\x85c", "a \\\nb \\\nc"),
        ("a\x00b\x1b", "a b"),
        ("C:\\", "C:\\ "),
        ("a\\\nb", "a\\ \\\nb"),
    ],
)
def test_values(text: str, value: str) -> None:
    assert value_text(text) == value


def test_texts_on_one_line() -> None:
    assert line_text("a\n[b]\\\\") == "a [b]"
    assert json_text({"b": "<&>'", "a": "é"}) == '{"a": "\\u00e9", "b": "\\u003c\\u0026\\u003e\\u0027"}'
    assert usable_name("Net  and SC")
    assert not any(usable_name(name) for name in ("", "a\nb", "a]", "[a", "a\x00", "a\u2028b", "a\\"))
    out = Stanza("x", notes=["a\n[evil] \\"])
    assert list(out.lines()) == ["[x]", "# a [evil]", ""]


def test_the_public_tree(tmp_path: Path) -> None:
    root = shared("content", "security_content")
    built = made(tmp_path, root, made=MADE, pack=False)
    content = read.load(root)
    found = stanzas(built.app, "savedsearches")
    assert len(found) == 1824
    assert (built.counts["detections"], built.counts["baselines"], built.counts["response tasks"]) == (1711, 66, 47)
    assert not [one for one in built.problems if one.level is Level.ERROR]
    orders = set()
    for one in content.detections:
        keys = found[f"ESCU - {one.name} - Rule"]
        assert keys["search"].split() == one.search.split(), one.name
        assert keys["cron_schedule"] == content.deployment_of(one).schedule.cron
        risk = json.loads(keys.get("action.risk.param._risk", "[]"))
        assert ("action.risk" in keys) == (one.type.value in ("TTP", "Anomaly"))
        if risk and one.rba is not None:
            assert len(risk) == len(one.rba.risk_objects) + len(one.rba.threat_objects)
        assert ("action.notable" in keys) == (one.type.value in ("TTP", "Correlation"))
        assert keys["action.notable.param.rule_title"].startswith("RBA: ") if one.type.value == "Correlation" else True
        assert json.loads(keys["action.correlationsearch.metadata"])["detection_id"] == one.id
        assert len(json.loads(keys["action.notable.param.drilldown_searches"])) == len(one.drilldowns)
        orders.add(
            tuple(key for key in keys if not re.match(r"action\.(risk|notable|escu\.atomic)|alert\.suppress", key))
        )
    assert len(orders) == 1  # the same keys in the same order for all
    macros = stanzas(built.app, "macros")
    assert {macro.key for macro in content.macro_defs.values()} <= macros.keys()
    assert len(macros) == 1900
    transforms = stanzas(built.app, "transforms")
    assert {one.name for one in content.lookups} == transforms.keys() - {"data_sources", "mitre_enrichment"}
    stories = stanzas(built.app, "analyticstories")
    assert sum(name.startswith("analytic_story://") for name in stories) == 261
    for path in (built.app / "default/data/ui/panels").iterdir():
        ET.parse(path)
