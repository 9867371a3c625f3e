"""Content folders and files: three generations, layers, overrides, and every problem with its place."""

from __future__ import annotations

import textwrap
from datetime import date
from pathlib import Path

import pytest

from trapline.content import read
from trapline.content.catalog import Content
from trapline.content.model import (
    Detection,
    DetectionType,
    Generation,
    Level,
    RiskObject,
    Schedule,
    Status,
    ThreatObject,
    Throttle,
)
from trapline.errors import InputError, TraplineError

S1 = """
name: Old Style
id: 11111111-1111-4111-8111-111111111111
version: 4
date: '2024-05-06'
author: A
status: production
type: TTP
description: It finds.
data_source: [Sysmon EventID 1]
search: '`sysmon` x=1 | `old_style_filter`'
how_to_implement: Do.
known_false_positives: None.
references: [https://example.com/]
drilldown_searches:
- {name: See $dest$, search: '%original_detection_search% | search dest = $dest$', earliest_offset: $info_min_time$}
tags:
  analytic_story: [Story One]
  asset_type: Endpoint
  confidence: 80
  impact: 40
  risk_score: 99
  message: Seen on $dest$ by $user$.
  mitre_attack_id: [T1543.003]
  observable:
  - {name: user, type: User Name, role: [Victim]}
  - {name: dest, type: Endpoint, role: [Victim]}
  - {name: parent, type: Parent Process, role: [Attacker]}
  - {name: src, type: IP Address, role: [Attacker]}
  - {name: odd, type: Other, role: [Target]}
  product: [Splunk Enterprise]
  security_domain: endpoint
  manual_test: needs a person
  throttling: {fields: [dest], period: 1h}
  context: [x]
  confidance: 3
tests:
- name: T
  attack_data:
  - {data: 'https://example.com/a.log', source: s, sourcetype: st, custom_index: main, update_timestamp: true}
"""

S2 = """
name: Middle Style
id: 22222222-2222-4222-8222-222222222222
version: 1
date: 2025-03-04
author: A
status: experimental
type: Anomaly
description: It finds.
data_source: [Sysmon EventID 1]
search: x=1
how_to_implement: Do.
known_false_positives: None.
rba:
  message: Seen $user$
  risk_objects:
  - {field: user, type: user, score: 30}
  - {field: dest, type: system, score: 45}
  threat_objects:
  - {field: src, type: ip_address}
  - {field: proc, type: process_name}
tags:
  analytic_story: [Story One]
  asset_type: Endpoint
  mitre_attack_id: []
  group: [APT1]
  product: [Splunk Enterprise]
  security_domain: network
deployment:
  scheduling: {cron_schedule: '*/5  * * * *', earliest_time: -10m@m, latest_time: now, schedule_window: 5}
  alert_action: {rba: {enabled: true}, notable: {rule_title: T $user$, rule_description: D, nes_fields: [user]}}
"""

S3 = """
name: New Style
id: 33333333-3333-4333-8333-333333333333
version: 2
creation_date: '2026-01-02'
modification_date: '2026-03-04'
author: A
status: production
type: TTP
description: It finds.
data_source: [Sysmon EventID 1]
search: x=1
how_to_implement: Do.
known_false_positives: None.
finding: {title: Found $user$, entity: {field: user, type: user, score: 50}}
intermediate_findings:
  entities:
  - {field: dest, type: system, score: 70, message: Host $dest$}
threat_objects: [{field: src, type: ip_address}]
analytic_story: [Story One]
threat_group: [APT2]
asset_type: Endpoint
mitre_attack_id: [T1543]
product: [Splunk Enterprise]
category: cloud
security_domain: threat
schedule: Default EventBasedDetection
tests:
- name: T
  test_type: experimental
  description: not yet
  expected_results: 3
  attack_data: [{data: x.log, source: s, sourcetype: t, index: i}]
"""

SCHEDULE = """
name: Default EventBasedDetection
id: 44444444-4444-4444-8444-444444444444
version: 1
creation_date: '2026-01-02'
modification_date: '2026-01-02'
author: A
description: Every hour.
cron_schedule: 0 * * * *
earliest_time: -70m@m
latest_time: -10m@m
schedule_window: auto
"""


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    return root


def one(tmp_path: Path, text: str, name: str = "detections/endpoint/x.yml") -> tuple[Detection, Content]:
    content = read.load(write(tmp_path, {name: text}))
    (detection,) = content.detections
    return detection, content


def test_s1(tmp_path: Path) -> None:
    found, content = one(tmp_path, S1, "detections/endpoint/old_style.yml")
    assert found.generation is Generation.S1
    assert (found.type, found.status, found.version) == (DetectionType.TTP, Status.PRODUCTION, 4)
    assert found.created == found.modified == date(2024, 5, 6)
    assert found.category == "endpoint"
    assert found.rba is not None
    message = "Seen on $dest$ by $user$."
    assert found.rba.risk_objects == (
        RiskObject("user", "other", 32, message),
        RiskObject("dest", "system", 32, message),
    )
    assert found.rba.threat_objects == (ThreatObject("parent", "parent process"), ThreatObject("src", "ip_address"))
    assert (found.rba.impact, found.rba.confidence, found.rba.score) == (40, 80, 32)
    assert found.throttle == Throttle(("dest",), "1h")
    assert found.tests[0].kind == "manual"
    assert found.tests[0].note == "needs a person"
    assert found.tests[0].attack_data[0].index == "main"
    assert found.drilldowns[0].latest == ""
    assert found.extra == {"tags.context": ["x"], "tags.confidance": "3"}
    assert [(p.code, p.line, p.field) for p in content.problems] == [
        ("observable", 29, "tags.observable[4].role"),
        ("risk-score", 21, "tags.risk_score"),
        ("unknown-key", 35, "tags.confidance"),
    ]
    assert content.problems[2].hint == "did you mean 'confidence'?"
    assert all(problem.level is Level.WARNING for problem in content.problems)


def test_s2(tmp_path: Path) -> None:
    found, content = one(tmp_path, S2)
    assert content.problems == []
    assert found.generation is Generation.S2
    assert found.modified == date(2025, 3, 4)
    assert found.rba is not None
    assert [item.field for item in found.rba.risk_objects] == ["dest", "user"]
    assert [item.field for item in found.rba.threat_objects] == ["proc", "src"]
    assert found.rba.score == 45
    assert found.groups == ("APT1",)
    settings = content.deployment_of(found)
    assert settings.schedule == Schedule("*/5 * * * *", "-10m@m", "now", "5")
    assert settings.rba
    assert settings.notable is not None
    assert settings.notable.title == "T $user$"


def test_s2_without_rba(tmp_path: Path) -> None:
    text = S2.replace("type: Anomaly", "type: Hunting").partition("rba:")[0] + "tags: {analytic_story: [A]}\n"
    found, content = one(tmp_path, text)
    assert found.generation is Generation.S2
    assert found.rba is None
    assert content.problems == []


def test_s3(tmp_path: Path) -> None:
    content = read.load(write(tmp_path, {"detections/cloud/new_style.yml": S3, "schedules/d.yml": SCHEDULE}))
    assert content.problems == []
    found = content.find("new style")
    assert found.generation is Generation.S3
    assert (found.created, found.modified) == (date(2026, 1, 2), date(2026, 3, 4))
    assert found.title == "Found $user$"
    assert found.rba is not None
    assert found.rba.message == "Found $user$"
    assert found.rba.risk_objects == (
        RiskObject("user", "user", 50, "Found $user$", finding=True),
        RiskObject("dest", "system", 70, "Host $dest$"),
    )
    assert found.rba.score == 50
    assert found.stories == ("Story One",)
    assert found.groups == ("APT2",)
    assert (found.tests[0].kind, found.tests[0].expected_results, found.tests[0].note) == ("experimental", 3, "not yet")
    settings = content.deployment_of(found)
    assert settings.schedule == Schedule("0 * * * *", "-70m@m", "-10m@m", "auto")
    assert settings.rba
    assert settings.notable is not None
    assert settings.notable.title == "Found $user$"


def test_s3_custom_schedule_and_unknown_schedule(tmp_path: Path) -> None:
    custom = S3.replace(
        "schedule: Default EventBasedDetection", "custom_schedule: {cron_schedule: 5 4 * * *, earliest_time: -1d}"
    )
    found, content = one(tmp_path / "a", custom)
    assert content.deployment_of(found).schedule == Schedule("5 4 * * *", "-1d", "", "0")
    found, content = one(tmp_path / "b", S3)
    with pytest.raises(TraplineError, match="schedule 'Default EventBasedDetection', which does not exist"):
        content.deployment_of(found)


@pytest.mark.parametrize(
    ("change", "line", "field", "reason"),
    [
        (("type: TTP", "type: Anomoly"), 7, "type", "'Anomoly' is not a known type"),
        (("type: TTP\n", ""), 1, "type", "'type' is missing"),
        (("search: '`sysmon` x=1 | `old_style_filter`'", "search: ''"), 10, "search", "'search' is missing"),
        (("name: Old Style", "name:"), 1, "name", "'name' is missing"),
        (("search: '`", "search: `"), 10, None, "not valid YAML"),
    ],
)
def test_a_detection_that_cannot_be_used(
    tmp_path: Path, change: tuple[str, str], line: int, field: str | None, reason: str
) -> None:
    broken = S1.replace(*change)
    assert broken != S1
    root = write(tmp_path, {"detections/a.yml": broken, "detections/b.yml": S2})
    content = read.load(root)
    assert [item.name for item in content.detections] == ["Middle Style"]
    (problem,) = read.errors(content.problems)
    assert reason in problem.reason
    assert (problem.line, problem.field) == (line, field)
    assert problem.file.endswith("a.yml")
    with pytest.raises(InputError) as caught:
        read.read_detection(root / "detections/a.yml")
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        (("version: 4", "version: four"), "type", "version"),
        (("date: '2024-05-06'", "date: May"), "date", "date"),
        (("confidence: 80", "confidence: 800"), "range", "tags.confidence"),
        (("status: production", "status: done"), "value", "status"),
        (("period: 1h", "period: soon"), "throttling", "tags.throttling.period"),
        (("references: [https://example.com/]", "references: {a: b}"), "type", "references"),
        (("data: 'https://example.com/a.log'", "data: ''"), "missing", "tests[0].attack_data[0].data"),
        (("author: A", "author: A\nauthor: B"), "repeated-key", "author"),
        (("asset_type: Endpoint", "asset_type: [Endpoint]"), "type", "tags.asset_type"),
    ],
)
def test_a_detection_with_a_doubt_is_kept(tmp_path: Path, change: tuple[str, str], code: str, field: str) -> None:
    _, content = one(tmp_path, S1.replace(*change))
    assert (code, field) in [(problem.code, problem.field) for problem in content.problems]
    assert read.errors(content.problems) == []
    assert all(problem.hint for problem in content.problems)


@pytest.mark.parametrize(
    ("text", "level"), [("", "error"), ("# nothing yet\n", "error"), ("---\n...\n", "error"), ("name: x\n", None)]
)
def test_an_empty_file_is_told(tmp_path: Path, text: str, level: str | None) -> None:
    root = write(tmp_path, {"macros/one.yml": text, "notes/other.yml": ""})
    found = [(Path(one.file).name, one.level.value) for one in read.load(root).problems if one.code == "empty"]
    assert found == ([("one.yml", level)] if level else [])


def test_the_second_of_a_name_is_told_at_its_line(tmp_path: Path) -> None:
    two = "description: d\ndefinition: x\nname: same\n"
    root = write(tmp_path, {"macros/a.yml": f"{two}---\n{two}", "macros/b.yml": two})
    found = [(Path(one.file).name, one.line) for one in read.load(root).problems if one.code == "duplicate"]
    assert found == [("a.yml", 7), ("b.yml", 3)]


def test_files_that_are_no_content(tmp_path: Path) -> None:
    root = write(tmp_path, {"detections/list.yml": "- a\n", "detections/empty.yml": "", "detections/ok.yml": S2})
    (root / "detections/bytes.yml").write_bytes(b"name: x\nauthor: \xff\n")
    (root / "detections/readme.txt").write_text("not read")
    (root / "removed/detections").mkdir(parents=True)
    (root / "removed/detections/gone.yml").write_text(S1)
    (root / ".git/detections").mkdir(parents=True)
    (root / ".git/detections/x.yml").write_text("- a\n")
    content = read.load(root)
    assert len(content.detections) == 1
    assert [(Path(p.file).name, p.line, p.reason) for p in content.problems] == [
        ("bytes.yml", 2, "not UTF-8 text"),
        ("empty.yml", 1, "this file is empty"),
        ("list.yml", 1, "a content file is a mapping (key: value)"),
    ]


def test_a_file_too_big_is_refused(tmp_path: Path) -> None:
    root = write(tmp_path, {"detections/a.yml": S2, "detections/big.yml": "a: " + "x" * 4_100_000})
    (problem,) = read.load(root).problems
    assert "larger than 4 MB" in problem.reason


@pytest.mark.parametrize("name", ["", "nothing", "file.yml"])
def test_folders_that_cannot_be_content(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.yml").write_text("") if name else None
    target = tmp_path / (name or "empty")
    if not name:
        target.mkdir()
    with pytest.raises(InputError) as caught:
        read.load(target)
    assert caught.value.hint


def test_a_folder_without_the_public_layout(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "mine/a.yml": S1,
            "mine/m.yml": "name: sysmon\ndefinition: index=win\n",
            "mine/s.yml": "name: Story One\nnarrative: text\n",
            "mine/d.yml": "name: Sysmon EventID 1\nsource: s\nsourcetype: t\n",
            "mine/x.yml": "name: what\nfoo: bar\n",
        },
    )
    content = read.load(root)
    assert [len(index) for index in (content.detections, content.stories, content.data_sources)] == [1, 1, 1]
    assert content.macro_defs["sysmon"].definition == "index=win"
    assert ("kind", "x.yml") in [(problem.code, Path(problem.file).name) for problem in content.problems]


def test_detections_folder_alone(tmp_path: Path) -> None:
    write(tmp_path, {"detections/cloud/a.yml": S1})
    content = read.load(tmp_path / "detections")
    assert [item.name for item in content.detections] == ["Old Style"]


def test_the_second_of_a_name_is_left_out(tmp_path: Path) -> None:
    root = write(tmp_path, {"detections/a.yml": S1, "detections/b.yml": S1.replace("Old Style", "OLD style")})
    content = read.load(root)
    assert [Path(item.file).name for item in content.detections] == ["a.yml"]
    (problem,) = read.errors(content.problems)
    assert problem.code == "duplicate"
    assert problem.file.endswith("b.yml")


def test_other_kinds(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "macros/two.yml": "name: two\narguments: [a, b]\ndefinition: $a$=$b$\ndescription: d\n",
            "macros/bad.yml": "name: bad\ndescription: d\n",
            "lookups/old.yml": "name: old\nfilename: old.csv\nmatch_type: WILDCARD(a), CIDR(b)\n"
            "case_sensitive_match: 'false'\nmin_matches: 1\n",
            "lookups/kv.yml": "name: kv\ncollection: kv_coll\nfields_list: _key, a, b\n",
            "lookups/csv/new.yml": "name: new\nid: x\nlookup_type: csv\nmatch_type: [WILDCARD(a)]\n",
            "stories/s.yml": "name: S\nnarrative: N\ntags: {category: [Malware], usecase: Other, product: [P]}\n",
            "data_sources/d.yml": "name: D\nsource: s\nsourcetype: t\nseparator: EventID\nseparator_value: '1'\n"
            "supported_TA: [{name: TA, url: u, version: 1.0.0}]\nfields: [a]\n"
            "field_mappings: [{data_model: cim, mapping: {a: b}}]\n",
            "baselines/b.yml": "name: B\ntype: Baseline\nsearch: x | outputlookup y\ntags: {detections: [D1]}\n"
            "deployment: {scheduling: {cron_schedule: 0 2 * * 0, earliest_time: -30d@d, latest_time: -1d@d}}\n",
            "investigations/i.yml": "name: I\ntype: Investigation\nsearch: x=$dest$\ntags: {analytic_story: [S]}\n",
        },
    )
    content = read.load(root)
    assert content.macro_defs["two(2)"].args == ("a", "b")
    (problem,) = content.problems
    assert (Path(problem.file).name, problem.field, problem.level) == ("bad.yml", "definition", Level.ERROR)
    old, kv, new = content.lookups["old"], content.lookups["kv"], content.lookups["new"]
    assert (old.kind, old.filename, old.match_type, old.case_sensitive, old.min_matches) == (
        "csv",
        "old.csv",
        ("WILDCARD(a)", "CIDR(b)"),
        False,
        1,
    )
    assert (kv.kind, kv.collection, kv.fields) == ("kvstore", "kv_coll", ("_key", "a", "b"))
    assert (new.kind, new.filename, new.match_type, new.case_sensitive) == ("csv", "new.csv", ("WILDCARD(a)",), True)
    assert content.stories["s"].category == ("Malware",)
    source = content.data_sources["D"]
    assert (source.separator_value, source.supported_ta[0].name) == ("1", "TA")
    assert source.field_mappings[0]["mapping"] == {"a": "b"}
    baseline = content.baselines["B"]
    assert content.deployment_of(baseline).schedule == Schedule("0 2 * * 0", "-30d@d", "-1d@d", "0")
    assert content.investigations["I"].stories == ("S",)


def test_layers(tmp_path: Path) -> None:
    detection = S1.replace("Old Style", "Windows Service Create RemComSvc")
    root = write(tmp_path, {"detections/endpoint/windows_service_create_remcomsvc.yml": detection})
    content = read.default_content([root])
    assert content.find("Windows Service Create RemComSvc").version == 4
    assert len(content.detections) == len(read.default_content().detections)  # it takes the place of the one there
    assert content.deployment_of(content.find("Windows Service Create RemComSvc")).rba


@pytest.mark.parametrize(
    "query",
    [
        "Old Style",
        "old style",
        " OLD STYLE ",
        "11111111-1111-4111-8111-111111111111",
        "old_style",
        "old_style.yml",
        "detections/endpoint/old_style.yml",
    ],
)
def test_finding(tmp_path: Path, query: str) -> None:
    _, content = one(tmp_path, S1, "detections/endpoint/old_style.yml")
    assert content.find(query).name == "Old Style"


def test_not_finding_names_the_nearest(tmp_path: Path) -> None:
    root = write(tmp_path, {"detections/old_style.yml": S1, "detections/new_style.yml": S3})
    content = read.load(root)
    with pytest.raises(TraplineError, match="no detection 'Old Stile'") as caught:
        content.find("Old Stile")
    assert "'Old Style'" in str(caught.value.hint)
    with pytest.raises(TraplineError) as caught:
        content.find("zzzzzzzz")
    assert "--content" in str(caught.value.hint)


def test_a_file_is_read_where_it_lies(tmp_path: Path) -> None:
    path = write(tmp_path, {"mine.yml": S1}) / "mine.yml"
    content = read.default_content()
    assert read.find_or_read(content, str(path)).name == "Old Style"
    assert "old style" in content.detections
    with pytest.raises(InputError, match="this file is empty"):
        read.find_or_read(content, str(write(tmp_path, {"empty.yml": ""}) / "empty.yml"))


def test_filter_macros_are_made(tmp_path: Path) -> None:
    _, content = one(tmp_path, S1, "detections/endpoint/old_style.yml")
    assert content.macros()["old_style_filter"].definition == "search *"
    automatic = content.macro("old_style_filter")
    assert automatic is not None
    assert automatic.definition == "search *"
    assert "old_style_filter" not in content.macro_defs
    assert content.macro("other_filter") is None
    assert "sysmon" not in content.macros()


def test_a_copy_under_another_name_keeps_its_filter_macro(tmp_path: Path) -> None:
    _, content = one(tmp_path, S1, "detections/endpoint/copy.yml")
    assert content.macros()["old_style_filter"].definition == "search *"


CONF = """
# my filters
[default]
definition = none

[old_style_filter]
definition = search NOT (dest="a" \\
  OR dest="b")

[ge(2)]
args = field, value
definition = $field$ >= $value$
"""


def test_override_by_conf(tmp_path: Path) -> None:
    _, content = one(tmp_path, S1, "detections/endpoint/old_style.yml")
    path = write(tmp_path, {"my.conf": CONF}) / "my.conf"
    read.override(content, path)
    assert content.macros()["old_style_filter"].definition == 'search NOT (dest="a"\n  OR dest="b")'
    assert content.macros()["ge(2)"].args == ("field", "value")
    assert list(content.overridden) == ["old_style_filter", "ge(2)"]
    assert "default" not in content.macros()


def test_override_by_yaml_and_folder(tmp_path: Path) -> None:
    _, content = one(tmp_path / "c", S1, "detections/endpoint/old_style.yml")
    folder = write(
        tmp_path / "mine",
        {
            "a.yml": "name: old_style_filter\ndefinition: search a=1\n---\nname: sysmon\ndefinition: index=w\n",
            "app/local/macros.conf": "[sysmon]\ndefinition = index=local\n",
            "app/default/macros.conf": "[sysmon]\ndefinition = index=default\n",
        },
    )
    read.override(content, folder)
    assert content.macros()["old_style_filter"].definition == "search a=1"
    assert content.macros()["sysmon"].definition == "index=local"


def test_an_override_that_nothing_calls_is_reported(tmp_path: Path) -> None:
    _, content = one(tmp_path, S1, "detections/endpoint/old_style.yml")
    conf = "[{}]\ndefinition = search x=1\n"
    names = ("old_style_filter", "old_stile_filter", "far_away_filter", "my_own", "sysmom")
    read.override(content, write(tmp_path, {"m.conf": "".join(map(conf.format, names))}) / "m.conf")
    found = read.unused_overrides(content)
    assert [(problem.code, problem.field, problem.hint) for problem in found] == [
        ("unused-macro", "old_stile_filter", "did you mean 'old_style_filter'?"),
        ("unused-macro", "far_away_filter", "the name has to be exactly as in the search"),
        ("unused-macro", "sysmom", "did you mean 'sysmon'?"),
    ]


def test_an_override_for_a_detection_that_is_read_later(tmp_path: Path) -> None:
    root = write(tmp_path, {"old_style.yml": S1, "m.conf": "[old_style_filter]\ndefinition = search x=1\n"})
    content = read.default_content([], [root / "m.conf"])
    read.find_or_read(content, str(root / "old_style.yml"))
    assert read.unused_overrides(content) == []
    assert content.macros()["old_style_filter"].definition == "search x=1"


def test_asking_for_a_broken_detection_tells_what_is_wrong(tmp_path: Path) -> None:
    root = write(tmp_path, {"detections/old_style.yml": S1.replace("type: TTP", "type: TPT"), "detections/b.yml": S2})
    content = read.load(root)
    for query in ("Old Style", "old_style", "old_style.yml"):
        with pytest.raises(InputError, match="'TPT' is not a known type"):
            read.find_or_read(content, query)


@pytest.mark.parametrize(
    ("conf", "code", "line"),
    [
        ("[a(2)]\nargs = x\ndefinition = y\n", "macro-args", 1),
        ("[a]\ndescription = y\n", "missing", 1),
        ("[b]\ndefinition = x\njunk\n", "conf", 3),
        ("definition = x\n", "conf", 1),
    ],
)
def test_conf_problems(tmp_path: Path, conf: str, code: str, line: int) -> None:
    _, content = one(tmp_path, S1)
    before = len(content.problems)
    read.override(content, write(tmp_path, {"m.conf": conf}) / "m.conf")
    assert (code, line) in [(problem.code, problem.line) for problem in content.problems[before:]]
    assert "a" not in content.macro_defs


def test_override_that_is_not_there(tmp_path: Path) -> None:
    content = read.default_content()
    with pytest.raises(InputError, match="cannot be read"):
        read.override(content, tmp_path / "none.conf")
    with pytest.raises(InputError, match="no macros"):
        read.override(content, tmp_path)


def test_no_deployment_is_an_error(tmp_path: Path) -> None:
    found, content = one(tmp_path, S1)
    with pytest.raises(TraplineError, match="no deployment for type TTP"):
        content.deployment_of(found)


def test_test_data_stays_inside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.log").write_text("x")
    root = write(tmp_path / "c", {"detections/a.yml": S1, "tests/a.log": "x"})
    content = read.load(root)
    assert content.data_path("tests/a.log") == (root / "tests/a.log").resolve()
    assert content.data_path("../secret.log") is None
    assert content.data_path(str(tmp_path / "secret.log")) is None
    assert content.data_path("https://example.com/tests/a.log") is None
    assert content.data_path("tests/none.log") is None


def test_members_of_a_story(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {"detections/a.yml": S1, "detections/b.yml": S3, "stories/s.yml": "name: Story One\nnarrative: n\n"},
    )
    content = read.load(root)
    assert [item.name for item in content.members("story one")] == ["Old Style", "New Style"]
    assert [story.name for story in content.stories_of(content.find("Old Style"))] == ["Story One"]


def test_the_table_of_a_lookup_lies_in_its_folder(tmp_path: Path) -> None:
    """A link in content of others may lead to any file of the machine: no search reads it."""
    (tmp_path / "secret.csv").write_text("user\nroot\n", encoding="utf-8")
    tree = tmp_path / "tree"
    (tree / "lookups").mkdir(parents=True)
    for name in ("link", "own"):
        (tree / f"lookups/{name}.yml").write_text(f"name: {name}\nfilename: {name}.csv\n", encoding="utf-8")
    (tree / "lookups/link.csv").symlink_to(tmp_path / "secret.csv")
    (tree / "lookups/own.csv").write_text("a\n1\n", encoding="utf-8")
    found = read.load(tree)
    assert [one.name for one in found.lookups] == ["own"]
    (problem,) = [one for one in found.problems if one.level is Level.ERROR]
    assert problem.reason == "link.csv leads out of the content folder"
