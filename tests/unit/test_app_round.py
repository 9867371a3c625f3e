"""Content built as an app and read back from it is the same content; an app built again is the same app."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.shared import shared
from tests.unit.appkit import REMCOM, SEARCHES, app
from trapline.content import read
from trapline.content.catalog import Content
from trapline.content.convert import convert
from trapline.content.enrich import annotations_of, enrich
from trapline.content.model import Detection, DetectionType, Generation, Level, SavedSearch
from trapline.content.tree import files, write_new
from trapline.splunkapp import derive
from trapline.splunkapp.build import Options, build
from trapline.splunkapp.build import read as read_tree
from trapline.state.journal import Throttle

ATTACK = "15.1"
MADE = datetime(2024, 10, 23, tzinfo=UTC)
SAME = (
    *("id", "version", "status", "type", "search", "description", "how_to_implement", "explanation", "data_source"),
    *("drilldowns", "asset_type", "mitre", "cve", "atomic_guids", "products", "throttle", "enabled", "created"),
    *("modified", "rule_name", "severity", "title"),
)


def differences(tree: Content, found: Content) -> Iterator[tuple[str, Detection, object, object]]:
    """What a detection of an app says otherwise than the file it was built from: (what, detection, file, app)."""
    for one in tree.detections:
        other = found.detections.get(one.name)
        assert other is not None, one.name
        ours, theirs = tree.deployment_of(one), found.deployment_of(other)
        pairs: dict[str, tuple[object, object]] = {name: (getattr(one, name), getattr(other, name)) for name in SAME}
        pairs |= {
            "stories": (sorted(one.stories), sorted(other.stories)),
            "security_domain": (one.security_domain, other.security_domain),
            "known_false_positives": (one.known_false_positives, other.known_false_positives),
            "groups": (one.groups, other.groups),
            "schedule": (ours.schedule, theirs.schedule),
            "risk": (ours.rba, theirs.rba),
            "mail and others": ((ours.email, ours.slack, ours.phantom), (theirs.email, theirs.slack, theirs.phantom)),
        }
        if ours.notable is not None and theirs.notable is not None:
            texts = (ours.notable.title, ours.notable.description)
            said = tuple(derive.filled(text, one)[0] for text in texts)
            pairs["notable"] = (said, (theirs.notable.title.removeprefix("RBA: "), theirs.notable.description))
            pairs["nes_fields"] = (ours.notable.fields, theirs.notable.fields)
        else:
            pairs["notable"] = (ours.notable, theirs.notable)
        if ours.rba and one.rba is not None:
            rba = other.rba
            pairs["risk objects"] = (one.rba.risk_objects, () if rba is None else rba.risk_objects)
            pairs["threat objects"] = (one.rba.threat_objects, () if rba is None else rba.threat_objects)
            pairs["message"] = (one.rba.message, "" if rba is None else rba.message)
        given = annotations_of(one, derive.enriched(one, ATTACK))
        pairs["annotations"] = (given | {"analytic_story": sorted(one.stories)}, annotations_of(other, enrich(other)))
        yield from ((name, one, left, right) for name, (left, right) in pairs.items() if left != right)


def built(folder: Path, *content: Path, generation: Generation | None = None) -> Path:
    return build(content, Options(out=folder, attack=ATTACK, pack=False, made=MADE, generation=generation)).app


def test_the_library(tmp_path: Path) -> None:
    tree, _ = read_tree(())
    found = read.load(built(tmp_path))
    assert found.problems == []
    assert [name for name, *_ in differences(tree, found)] == ["security_domain"]  # an Anomaly has no notable
    assert {one.name: one.narrative for one in found.stories} == {one.name: one.narrative for one in tree.stories}
    for key, macro in tree.macro_defs.items():
        assert (found.macro_defs[key].definition, found.macro_defs[key].args) == (macro.definition, macro.args)


@pytest.mark.parametrize("form", [Generation.S2, Generation.S3])
def test_other_forms(tmp_path: Path, form: Generation) -> None:
    """The form of S3 has no action.escu; what is found, raised and when is the same."""
    tree, _ = read_tree(())
    found = read.load(built(tmp_path, generation=form))
    assert found.problems == []
    differ = {name for name, *_ in differences(tree, found)}
    if form is Generation.S2:
        assert differ == {"security_domain"}
    kept = {"id", "version", "type", "search", "schedule", "risk", "risk objects", "threat objects", "message"}
    assert not differ & (kept | {"rule_name", "enabled", "throttle", "drilldowns", "asset_type"})


def test_the_public_tree(tmp_path: Path) -> None:
    """What differs is in docs/apps.md, and only where the app does not say it."""
    path = shared("content", "security_content")
    tree, _ = read_tree((path,))
    found = read.load(built(tmp_path, path))
    assert {problem.code for problem in found.problems} == {"risk"}
    for name, one, left, right in differences(tree, found):
        notable = tree.deployment_of(one).notable
        match name:
            case "security_domain":
                assert (notable, right) == (None, "")
            case "known_false_positives":
                assert (left, right) == ("None", "")
            case "groups":
                assert right == ()
            case "stories":
                assert isinstance(left, list)
                assert sorted(set(left)) == right
            case "severity":
                assert one.rba is not None
                assert one.rba.risk_objects == ()
            case _:
                pytest.fail(f"{one.name}: {name}: {left!r} != {right!r}")
    assert len(found.detections) == len(tree.detections) > 1700
    for baseline in tree.baselines:
        assert found.baselines[baseline.name].search == baseline.search
        theirs = found.deployment_of(found.baselines[baseline.name]).schedule
        assert replace(theirs, continuous=True) == tree.deployment_of(baseline).schedule
    for task in tree.investigations:
        assert found.investigations[task.name].search == task.search
    for key, macro in tree.macro_defs.items():
        assert found.macro_defs[key].definition == macro.definition


def test_an_app_built_again_is_the_same(tmp_path: Path) -> None:
    local = f"[{REMCOM}]\ncron_schedule = 7 * * * *\n"
    conf = "[launcher]\nversion = 1.2.3\n\n[package]\nid = ours\n\n[ui]\nlabel = Our searches\n"
    first = app(tmp_path, {"local/savedsearches.conf": local, "default/app.conf": conf})
    folder = built(tmp_path / "dist", first)
    assert folder.name == "ours"
    assert "version = 1.2.3\n" in (folder / "default" / "app.conf").read_text()
    again = read.load(folder)
    before = read.load(first)
    assert [(one.name, one.saved) for one in again.detections] == [(one.name, one.saved) for one in before.detections]
    for one in before.detections:
        other = again.find(one.name)
        assert other.saved is not None
        assert one.saved == SavedSearch(one.rule_name)
        assert other.saved.settings == one.saved.settings
        assert (one.search, one.rba, one.throttle, one.deployment and one.deployment.schedule) == (
            other.search,
            other.rba,
            other.throttle,
            other.deployment and other.deployment.schedule,
        )
    assert [(one.name, one.filename) for one in again.lookups if one.name == "known_hosts"] == [
        ("known_hosts", "hosts.csv")
    ]


@pytest.mark.parametrize("to", [Generation.S2, Generation.S3])
def test_an_app_as_files(tmp_path: Path, to: Generation) -> None:
    tree = read.load(app(tmp_path))
    content = read.default_content()
    content.lay(tree)
    made = convert(tree, to, content, day=MADE.date(), author="us")
    write_new(files(made, tree, to), tmp_path / "out")
    found = read.load(tmp_path / "out")
    assert found.problems == []
    before, after = tree.find("Windows Service Create RemComSvc"), found.find("Windows Service Create RemComSvc")
    assert (after.generation, after.search, after.id, after.version) == (to, before.search, before.id, 3)
    assert (after.mitre, after.stories, after.products) == (before.mitre, before.stories, before.products)
    assert after.rba is not None
    assert before.rba is not None
    assert [(one.field, one.type, one.score, one.message) for one in after.rba.risk_objects] == [
        (one.field, one.type, one.score, one.message) for one in before.rba.risk_objects
    ]
    assert after.rba.threat_objects == before.rba.threat_objects
    assert found.lookups["known_hosts"].table is not None
    assert found.lookups["known_hosts"].table.read_text() == "host,owner\nws1.corp.example,anna\n"
    notes = {(note.code, note.field) for note in made.notes if note.file == before.name}
    assert {
        ("by-hand", "tests"),
        ("by-hand", "asset_type"),
        ("by-hand", "security_domain"),
        ("lost", "annotations.our_own"),
        ("lost", "annotations.impact"),
    } <= notes
    plain = found.find("Plain Search")
    if to is Generation.S2:
        assert after.throttle == before.throttle
        assert plain.deployment is not None
        assert plain.deployment.schedule.cron == "*/5 * * * *"
        assert plain.enabled
    else:
        assert ("lost", "tags.throttling") in notes
        assert plain.deployment is not None
    assert (plain.type, plain.rba) == (DetectionType.HUNTING, None)
    assert ("changed", "saved search") in {(note.code, note.field) for note in made.notes if note.file == plain.name}


def test_what_files_have_no_place_for(tmp_path: Path) -> None:
    text = (
        "[Report]\nsearch = index=a\n[Every]\nsearch = index=b\nenableSched = 1\ncron_schedule = 0 * * * *\n"
        "alert.suppress = 1\nalert.suppress.period = 1h\naction.notable = 1\naction.notable.param.severity = low\n"
        "[Mixed]\nsearch = index=c\naction.risk = 1\naction.risk.param._risk = "
        + json.dumps(
            [
                {"risk_object_field": "a", "risk_object_type": "user", "risk_score": 10, "risk_message": "A"},
                {"risk_object_field": "b", "risk_object_type": "robot", "risk_score": 0, "risk_message": "B"},
            ]
        )
    )
    macros = "[m]\ndefinition = x\niseval = 1\n"
    tree = read.load(app(tmp_path, {"default/savedsearches.conf": text, "default/macros.conf": macros}))
    made = convert(tree, Generation.S2, day=MADE.date(), author="us")
    notes = {(note.file, note.code, note.field) for note in made.notes}
    assert {
        ("Report", "changed", "schedule"),
        ("Every", "lost", "realtime_schedule"),
        ("Every", "lost", "throttling"),
        ("Every", "changed", "severity"),
        ("Mixed", "lost", "rba.message"),
        ("Mixed", "by-hand", "rba.risk_objects"),
        ("m", "lost", "iseval"),
    } <= notes


def test_throttling_without_fields_is_of_the_whole_search(tmp_path: Path) -> None:
    """The first run takes all its rows, the runs within the period none."""
    from trapline.detect import risk
    from trapline.detect.actions import decide
    from trapline.detect.hunt import profiles
    from trapline.detect.jobs import jobs

    text = SEARCHES.replace("alert.suppress.fields = dest, ImagePath\n", "")
    content = read.default_content([app(tmp_path, {"default/savedsearches.conf": text})])
    assert [problem for problem in content.problems if problem.level is Level.ERROR] == []
    (job,), _ = jobs(content, [content.find("Windows Service Create RemComSvc")], profiles(content))
    rows = [{"dest": "a", "ImagePath": "x"}, {"dest": "b", "ImagePath": "y"}]
    common = {"by": (), "known": {}, "guid": "g", "urgency": lambda severity, row: severity}

    def events(at: float, held: dict[tuple[str, str], Throttle]) -> tuple[int, int, dict[tuple[str, str], Throttle]]:
        now = {key: one for key, one in held.items() if at < one.until}  # as the journal gives them
        made = decide(job, rows, risk.Run(at, "sid"), at, throttles=now, **common)  # type: ignore[arg-type]
        kept = {(one.search, one.key): one for one in made.throttles}
        return len(made.risk_events), made.held_back, held | kept

    first, none, held = events(3_600.0, {})
    assert (first, none) == (2, 0)
    assert events(7_200.0, held)[:2] == (0, 2)
    assert events(10_800.0, held)[:2] == (2, 0)
