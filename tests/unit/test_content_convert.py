"""Content in another generation: what is written reads back, and what is not carried over is in the notes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import date
from pathlib import Path

import pytest

from tests.shared import shared
from trapline.content import read, shapes, tree, yamlfile
from trapline.content.asfile import text_of
from trapline.content.catalog import Content
from trapline.content.convert import Converted, convert
from trapline.content.fields import Fields
from trapline.content.model import (
    Baseline,
    Detection,
    Generation,
    Item,
    Level,
    Problem,
    Rba,
    Removed,
    RiskObject,
    ThreatObject,
)
from trapline.errors import InputError

S1 = """
name: Odd Service
id: 5f4b5b5e-0000-4000-8000-000000000001
version: 3
date: '2024-05-06'
author: A. Person
status: production
type: TTP
description: One.
data_source: [Windows Event Log System 7045]
search: index=x | stats count by user dest | `odd_service_filter`
how_to_implement: Collect it.
known_false_positives: None known.
references: []
tags:
  analytic_story: [Tale]
  asset_type: Endpoint
  confidence: 80
  impact: 50
  message: $user$ on $dest$
  mitre_attack_id: [T1543.003]
  observable:
  - {name: dest, type: Hostname, role: [Victim]}
  - {name: user, type: User, role: [Victim]}
  - {name: mail, type: Email Address, role: [Attacker]}
  - {name: thing, type: Geo Location, role: [Attacker]}
  product: [Splunk Enterprise, Splunk Enterprise Security, Splunk Cloud]
  required_fields: [dest]
  security_domain: endpoint
  throttling: {fields: [dest], period: 1h}
tests:
- name: One
  attack_data:
  - {data: 'https://example.com/a.log', source: s, sourcetype: t, custom_index: i, update_timestamp: true}
"""

BASELINE = """
name: Learn
id: 5f4b5b5e-0000-4000-8000-000000000002
version: 1
date: '2024-05-06'
author: A. Person
type: Baseline
search: index=x | outputlookup seen
tags: {detections: [Odd Service], product: [Splunk Enterprise]}
deployment:
  scheduling: {cron_schedule: 0 2 * * 0, earliest_time: -30d@d, latest_time: -1d@d, schedule_window: auto}
"""


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def converted(root: Path, to: Generation) -> tuple[Content, Content, Converted, Content]:
    """The tree below a folder, the same on top of the library, converted, and all of it."""
    alone = read.load(root)
    content = read.default_content()
    content.lay(alone)
    return alone, content, convert(alone, to, content, day=date(2026, 1, 2), author="Me"), content


def one(tmp_path: Path, to: Generation, text: str = S1) -> tuple[Detection, list[tuple[str, str]]]:
    root = write(tmp_path, {"detections/endpoint/odd_service.yml": text})
    made = converted(root, to)[2]
    found = next(item for _, item in made.items if isinstance(item, Detection))
    assert reread(found) == found
    return found, [(note.code, note.field or "") for note in made.notes]


def reread(item: Item) -> Item:
    """What an object's file says."""
    (node,) = yamlfile.parse(text_of(item), item.file)
    problems: list[Problem] = []
    kind = tree.KINDS[type(item)]
    kind = "schedules" if kind == "deployments" and item.generation is Generation.S3 else kind
    back = shapes.KINDS[kind](Fields(node, item.file, problems))
    assert [problem for problem in problems if problem.code not in ("risk-score", "beside")] == []
    own = item.deployment if isinstance(item, Detection | Baseline) else None
    if own is not None and isinstance(back, Detection | Baseline) and back.deployment is not None:
        # which file an inline block was in, and of which generation that was, is no part of it
        same = replace(back.deployment, file=own.file, generation=own.generation)
        back = replace(back, deployment=same)
    return back


def test_s1_to_s2(tmp_path: Path) -> None:
    found, notes = one(tmp_path, Generation.S2)
    rba = found.rba
    assert rba is not None
    assert (rba.message, rba.score, rba.impact) == ("$user$ on $dest$", 40, None)
    assert rba.risk_objects == (
        RiskObject("dest", "system", 40, rba.message),
        RiskObject("user", "user", 40, rba.message),
    )
    assert rba.threat_objects == (ThreatObject("mail", "email_address"),)
    assert (found.generation, found.version) == (Generation.S2, 4)
    assert notes == [
        ("lost", "tags.required_fields"),
        ("lost", "tests[0].attack_data.update_timestamp"),
        ("lost", "tags.confidence"),
        ("changed", "tags.observable"),
        ("lost", "tags.observable"),
    ]


def test_s1_to_s3(tmp_path: Path) -> None:
    found, notes = one(tmp_path, Generation.S3)
    rba = found.rba
    assert rba is not None
    assert found.title == "$user$ on $dest$"
    assert [(each.field, each.score, each.finding) for each in rba.risk_objects] == [
        ("user", 40, True),  # the first user is what is found
        ("dest", 40, False),
    ]
    assert (found.created, found.modified) == (date(2024, 5, 6), date(2024, 5, 6))
    assert (found.category, found.schedule_name) == ("endpoint", "Default EventBasedDetection")
    assert found.tests[0].attack_data[0].index == "i"
    assert ("lost", "tags.throttling") in notes
    assert ("changed", "creation_date") in notes


@pytest.mark.parametrize(("kind", "code"), [("Hunting", "lost"), ("Correlation", "by-hand")])
def test_types_without_risk(tmp_path: Path, kind: str, code: str) -> None:
    found, notes = one(tmp_path, Generation.S3, S1.replace("type: TTP", f"type: {kind}"))
    assert found.rba is None
    assert ("lost", "tags.message") in notes
    assert (("by-hand", "finding") in notes) == (code == "by-hand")


def test_anomaly_has_no_finding(tmp_path: Path) -> None:
    found, _ = one(tmp_path, Generation.S3, S1.replace("type: TTP", "type: Anomaly"))
    assert found.rba is not None
    assert [each.finding for each in found.rba.risk_objects] == [False, False]
    assert {each.message for each in found.rba.risk_objects} == {"$user$ on $dest$"}
    assert found.title == ""


def test_a_manual_test_is_an_experimental_one_and_back(tmp_path: Path) -> None:
    manual = S1.replace("security_domain: endpoint", "security_domain: endpoint\n  manual_test: two hosts")
    found, _ = one(tmp_path / "a", Generation.S3, manual)
    assert [(test.kind, test.note) for test in found.tests] == [("experimental", "two hosts")]
    back, _ = one(tmp_path / "b", Generation.S2, text_of(found))
    assert (back.manual_test, back.tests[0].kind) == ("two hosts", "manual")


def test_s3_to_s2_and_what_is_lost(tmp_path: Path) -> None:
    text = """
name: Odd Service
id: 5f4b5b5e-0000-4000-8000-000000000001
version: 3
creation_date: '2024-05-06'
modification_date: '2025-05-06'
author: A. Person
status: deprecated
deprecation_info: {reason: replaced by another, removed_in_version: 6.1.0}
type: TTP
description: One.
search: index=x | `odd_service_filter`
finding: {title: $user$, entity: {field: user, type: user, score: 30}}
intermediate_findings: {entities: [{field: dest, type: system, score: 90, message: on $dest$}]}
threat_objects: [{field: b, type: bucket_name}, {field: p, type: process_name}]
custom_schedule: {cron_schedule: 5 * * * *, earliest_time: -2h, latest_time: now, schedule_window: auto}
tests:
- {name: a, test_type: unit, attack_data: [{data: x, source: s, sourcetype: t}], expected_results: 2}
- {name: b, test_type: experimental, description: later}
"""
    found, notes = one(tmp_path, Generation.S2, text)
    assert found.rba is not None
    assert (found.rba.message, found.rba.score) == ("$user$", 90)
    assert found.rba.threat_objects == (ThreatObject("p", "process_name"),)
    assert found.deployment is not None
    assert (found.deployment.schedule.cron, found.deployment.rba) == ("5 * * * *", True)
    assert notes == [
        ("lost", "intermediate_findings"),
        ("lost", "threat_objects"),
        ("changed", "severity"),
        ("lost", "tests[0].expected_results"),
        ("lost", "tests[1]"),
        ("lost", "creation_date"),
        ("changed", "deprecation_info"),
    ]


def test_there_and_back(tmp_path: Path) -> None:
    root = write(tmp_path / "s1", {"detections/endpoint/odd_service.yml": S1, "baselines/learn.yml": BASELINE})
    files: dict[Generation, Path] = {}
    for to in (Generation.S2, Generation.S3, Generation.S2):
        alone, _, made, _ = converted(root, to)
        root = tmp_path / f"to{len(files)}{to}"
        tree.write_new(tree.files(made, alone, to), root)
        files.setdefault(to, root)
    before, after = read.default_content([files[Generation.S2]]), read.default_content([root])
    for item in ("Odd Service",):
        first, last = before.detections[item], after.detections[item]
        same = {each.name for each in fields(Detection)} - {"version", "file", "throttle", "deployment"}
        assert {key: getattr(last, key) for key in same} == {key: getattr(first, key) for key in same}
        assert after.deployment_of(last).schedule == before.deployment_of(first).schedule
    first_learn, last_learn = before.baselines["Learn"], after.baselines["Learn"]
    assert last_learn.detections == ("Odd Service",)
    assert after.deployment_of(last_learn).schedule == before.deployment_of(first_learn).schedule


def test_what_has_nothing_gets_the_same_every_time(tmp_path: Path) -> None:
    files = {
        "macros/m.yml": "name: m\ndefinition: search *\n",
        "lookups/l.yml": "name: l\nfilename: table.csv\nfields_list: a, b\nmatch_type: WILDCARD(a)\n",
        "lookups/table.csv": "a,b\n1,2\n",
        "lookups/k.yml": "name: k\ncollection: kk\nfields_list: a, _key\n",
        "investigations/i.yml": "name: i\nid: x\nversion: 1\ndate: '2020-01-01'\nauthor: A\nsearch: index=x $dest$\n",
    }
    root = write(tmp_path / "in", files)
    alone, _, made, _ = converted(root, Generation.S3)
    assert made == converted(root, Generation.S3)[2]
    assert not any(note.level is Level.ERROR for note in made.notes)
    out = tmp_path / "out"
    tree.write_new(tree.files(made, alone, Generation.S3), out)
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()) == [
        "lookups/csv/l.csv",
        "lookups/csv/l.yml",
        "lookups/kvstore/k.yml",
        "macros/m.yml",
        "removed/investigations/i.yml",
    ]
    back = read.load(out)
    assert back.problems == []
    assert back.lookups["k"].fields == ("_key", "a")
    assert (out / "lookups/csv/l.csv").read_text() == files["lookups/table.csv"]


def test_nothing_is_overwritten_silently(tmp_path: Path) -> None:
    root = write(tmp_path / "in", {"lookups/l.yml": "name: l\ncollection: l\n", "lookups/kvstore/l.yml": "taken"})
    (root / "lookups/kvstore/l.yml").rename(root / "lookups/kvstore/l.txt")
    alone, _, made, _ = converted(root, Generation.S3)
    (root / "lookups/kvstore/l.txt").rename(root / "lookups/kvstore/l.yml")
    with pytest.raises(InputError, match="in the way"):
        tree.write_over(tree.files(made, alone, Generation.S3), root)
    assert (root / "lookups/l.yml").exists()
    with pytest.raises(InputError, match="not empty"):
        tree.write_new(tree.files(made, alone, Generation.S3), root)
    with pytest.raises(InputError, match="S1"):
        convert(alone, Generation.S1)


def test_in_place(tmp_path: Path) -> None:
    root = write(tmp_path, {"detections/endpoint/odd_service.yml": S1, "lookups/l.yml": "name: l\ncollection: l\n"})
    alone, _, made, _ = converted(root, Generation.S3)
    assert tree.write_over(tree.files(made, alone, Generation.S3), root) == 3
    back = read.load(root)
    assert {item.generation for item in back.items()} == {Generation.S3}
    assert not (root / "lookups/l.yml").exists()
    again, _, same, _ = converted(root, Generation.S3)
    assert tree.write_over(tree.files(same, again, Generation.S3), root) == 0


def test_what_is_no_object_goes_along(tmp_path: Path) -> None:
    """The data of tests, further tests and the settings; what a link leads out to stays where it is."""
    (tmp_path / "secret").write_text("x", encoding="utf-8")
    along = {"tests/data/attack.json": "{}\n", "tests/odd_service.test.yml": "tests: []\n", "contentctl.yml": "a: 1\n"}
    root = write(tmp_path / "old", {"detections/endpoint/odd_service.yml": S1, **along})
    (root / "tests/data/link.json").symlink_to(tmp_path / "secret")
    old, _, made, _ = converted(root, Generation.S3)
    tree.write_new(tree.files(made, old, Generation.S3), tmp_path / "new")
    for path, text in along.items():
        assert (tmp_path / "new" / path).read_text(encoding="utf-8") == text
    assert not (tmp_path / "new/tests/data/link.json").exists()


def test_s3_wants_a_story(tmp_path: Path) -> None:
    _, notes = one(tmp_path / "a", Generation.S3)
    assert ("by-hand", "analytic_story") not in notes
    bare = S1.replace("  analytic_story: [Tale]\n", "")
    _, notes = one(tmp_path / "b", Generation.S3, bare)
    assert ("by-hand", "analytic_story") in notes


def test_the_mapping_of_s2(tmp_path: Path) -> None:
    old = S1.replace("status: production", "status: deprecated")
    mapping = "detections:\n- {content: Odd Service, removed_in_version: 5.2.0, reason: replaced}\n"
    root = write(
        tmp_path / "a",
        {"detections/deprecated/odd_service.yml": old, "removed/deprecation_mapping_2025.YML": mapping},
    )
    alone, _, made, _ = converted(root, Generation.S3)
    newer = tmp_path / "b"
    tree.write_new(tree.files(made, alone, Generation.S3), newer)
    item = read.load(newer).detections["Odd Service"]
    assert item.deprecation is not None
    assert item.deprecation.reason == "replaced"
    alone, _, made, _ = converted(newer, Generation.S2)
    older = tmp_path / "c"
    tree.write_new(tree.files(made, alone, Generation.S2), older)
    assert read.load(older).deprecations["odd service"].removed_in_version == "5.2.0"


# --- whole trees -------------------------------------------------------------------------------------------------

# A field of the model -> what the notes call it, where a conversion may change it.
NOTED = {
    "rba": ("tags.confidence", "tags.message", "rba", "tags.observable", "finding", "intermediate_findings"),
    "required_fields": ("tags.required_fields",),
    "explanation": ("explanation",),
    "enabled": ("enabled_by_default",),
    "throttle": ("tags.throttling",),
    "tests": ("tests",),
    "deprecation": ("deprecation_info", "status"),
    "collection": ("collection",),
    "filename": ("filename",),
    "fields": ("fields", "fields_list"),
    "filter": ("filter",),
    "created": ("creation_date", "date"),
    "modified": ("date",),
    "id": ("id",),
    "author": ("author",),
    "detections": ("tags.detections",),
}
# What the rules of the conversion change everywhere (docs), or what is carried in another place.
MOVED = {"version", "generation", "extra", "deployment", "schedule_name", "title", "manual_test", "baselines", "file"}


def changes(before: Item, after: Item) -> Iterator[str]:
    for each in fields(before):
        if each.name not in MOVED and hasattr(after, each.name):
            old, new = getattr(before, each.name), getattr(after, each.name)
            if each.name == "tests":  # their kind and note are those of manual_test in S1 and S2
                old, new = ([test.attack_data for test in side] for side in (old, new))
            if each.name == "rba" and isinstance(before, Detection):
                old, new = risk_of(old), risk_of(new)
            if old != new:
                yield each.name


def risk_of(rba: Rba | None) -> object:
    """What an rba says in every generation."""
    if rba is None:
        return None
    objects = sorted((one.field, one.type, one.score, one.message) for one in rba.risk_objects)
    return rba.message, rba.impact, objects, sorted((one.field, one.type) for one in rba.threat_objects)


@pytest.mark.parametrize("to", [Generation.S2, Generation.S3])
@pytest.mark.parametrize("where", ["library", "security_content", "escu6"])
def test_whole_trees(where: str, to: Generation) -> None:
    root = read.LIBRARY if where == "library" else shared("content", where)
    _, content, made, _ = converted(root, to)
    noted: dict[str, set[str]] = {}
    for note in made.notes:
        noted.setdefault(note.file, set()).add((note.field or "").partition("[")[0])
    for before, after in made.items:
        if after is not before and not isinstance(after, Removed):
            assert reread(after) == after
        if before is None or type(before) is not type(after):
            continue
        said = noted.get(before.file, set())
        for name in changes(before, after):
            words = NOTED[name]
            if name == "detections" and to is Generation.S3:
                continue  # the detections name the baseline
            assert any(word == have or have.startswith(f"{word}.") for word in words for have in said), (
                before.file,
                name,
                said,
            )
        if isinstance(before, Detection | Baseline) and isinstance(after, Detection | Baseline):
            own, default = after.deployment, content.deployment_of(before)
            assert own is None or own.schedule == default.schedule
