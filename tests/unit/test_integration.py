"""The integration test of a detection: what passes it, and what each failure says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from trapline import app
from trapline.content.catalog import Content
from trapline.content.model import Detection, DetectionType, Generation, Notable, Rba, RiskObject, Throttle
from trapline.detect.hunt import profiles
from trapline.ingest.intake import Evidence, ingest
from trapline.store import Store
from trapline.testing.integration import Integrated, _lists, _object, check, made_from

NOW = 1_780_000_000.0
ROWS = [
    {"time": NOW - 90_000, "dest": "FS02", "user": "ann", "cmd": "a  b", "action": "bad"},
    {"time": NOW - 60_000, "dest": "FS03", "user": "bob", "cmd": "$dest$", "action": "bad"},
    {"time": NOW + 9_000, "dest": "LATER", "user": "eve", "cmd": "x", "action": "bad"},
    {"time": NOW - 50_000, "dest": "FS02", "user": "ann", "cmd": "x", "action": "good"},
]
DEST = RiskObject("dest", "system", 60, "$user$ ran $cmd$ on $dest$.")
USER = RiskObject("user", "user", 25, "$user$ ran $cmd$ on $dest$.")


@pytest.fixture(scope="module")
def content() -> Content:
    return app.content()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    log = tmp_path / "app.log"
    log.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    with Store.open(tmp_path / "store") as opened:
        ingest([Evidence(str(log), "app")], opened)
        yield opened


def detection(**changes: object) -> Detection:
    base = next(iter(app.content().detections))
    given = replace(
        base,
        name="Test Of Integration",
        type=DetectionType.TTP,
        search="index=main action=bad | stats count by dest user cmd",
        rba=Rba(DEST.message, (DEST, USER)),
        stories=("One", "Two"),
        mitre=("T1543.003",),
        throttle=None,
        deployment=None,
    )
    return replace(given, **changes)  # type: ignore[arg-type]


def checked(content: Content, store: Store, one: Detection) -> Integrated:
    return check(content, one, store, app.knowledge(), profile=profiles(content), now=NOW)


def reasons(found: Integrated) -> list[str]:
    return [one.reason for one in found.failures]


def test_risk_events_and_notables_are_as_the_detection_says(content: Content, store: Store) -> None:
    found = checked(content, store, detection())
    assert found.failures == []
    told = {(one["risk_object"], one["risk_score"], one["risk_message"]) for one in found.risk_events}
    assert told == {
        ("FS02", "60.0", "ann ran a  b on FS02."),
        ("ann", "25.0", "ann ran a  b on FS02."),
        ("FS03", "60.0", "bob ran $dest$ on FS03."),
        ("bob", "25.0", "bob ran $dest$ on FS03."),
    }
    assert sorted((str(one["entity"]), one["risk_score"]) for one in found.notables) == [
        ("FS02", "60.0"),
        ("FS03", "60.0"),
    ]
    assert found.run is not None
    assert found.run.earliest is None
    assert found.run.latest == found.run.scheduled


@pytest.mark.parametrize("kind", [DetectionType.HUNTING, DetectionType.CORRELATION])
def test_hunting_and_correlation_have_none(content: Content, store: Store, kind: DetectionType) -> None:
    found = checked(content, store, detection(type=kind))
    assert found.failures == []
    assert found.risk_events == ()
    assert kind.value in found.skipped
    assert [one.index for one in store.snapshot().tables] == ["main"]


NOTHING = "no notable: the scheduled run over all time found nothing"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"search": "index=main action=none | stats count by dest user cmd"},
            ["no risk event: the scheduled run over all time found nothing", NOTHING],
        ),
        (
            {"search": "index=main action=bad | stats count by dest cmd"},
            [
                "the token $user$ of the message has no value: $user$ ran a  b on FS02.",
                "the token $user$ of the message has no value: $user$ ran $dest$ on FS03.",
                "no risk event for the risk object user (user, 25): no row has a value for it",
            ],
        ),
        (
            {"search": "index=main action=bad | stats count by cmd"},
            [
                "no risk event: the run found 2 rows, but the field of no risk object has a value in any of them",
            ],
        ),
        (
            {"search": "index=main action=bad | stats count by dest user cmd | eval risk_score=7"},
            [
                "a risk event for dest is system with 7, not system with 60",
                "a risk event for user is user with 7, not user with 25",
            ],
        ),
        (
            {"search": 'index=main action=bad | stats count by dest user cmd | eval risk_message="x"'},
            ["the message is x, which is not made from $user$ ran $cmd$ on $dest$."],
        ),
        (
            {"search": 'index=main action=bad | stats count by dest user cmd | eval risk_object="x"'},
            ["a risk event is about the field risk_object, which is none of the risk objects (dest, user)"],
        ),
        (
            {"search": "index=main | nosuchcommand"},
            ["the run failed: unknown command 'nosuchcommand' (a stage after a pipe starts with a command name)"],
        ),
        ({"rba": None}, ["the detection names no risk object"]),
    ],
)
def test_a_failure_says_what_is_wrong(
    content: Content, store: Store, changes: dict[str, object], expected: list[str]
) -> None:
    assert sorted(reasons(checked(content, store, detection(**changes)))) == sorted(expected)


def test_failures_of_many_events_are_told_once(content: Content, store: Store) -> None:
    found = checked(content, store, detection(search="index=main action=bad | table dest user cmd | eval risk_score=1"))
    assert [one.details for one in found.failures] == [("so in 2 events",)] * 2


def test_notables_in_the_data_model_risk_fail(content: Content, store: Store, tmp_path: Path) -> None:
    macros = tmp_path / "macros.conf"
    macros.write_text("[cim_Risk_indexes]\ndefinition = (index=risk OR index=notable)\n")
    found = checked(app.content((), [macros]), store, detection())
    assert [(one.code, one.details) for one in found.failures] == [("test.notable-is-risk", ("so in 2 events",))]


def test_a_throttle_holds_back_within_the_run(content: Content, store: Store) -> None:
    found = checked(content, store, detection(throttle=Throttle(("action",), "1d")))
    assert found.failures == []
    assert len(found.notables) == 1


def test_a_finding_of_escu_6_is_about_its_entity(content: Content, store: Store) -> None:
    finding = replace(USER, finding=True)
    own = replace(content.deployments.get("ESCU Default Configuration TTP"), rba=True)  # type: ignore[type-var]
    assert own is not None
    one = detection(
        generation=Generation.S3,
        title="$user$ did it",
        rba=Rba(USER.message, (finding, DEST)),
        deployment=replace(own, notable=Notable("$user$ did it", "x")),
    )
    found = checked(content, store, one)
    assert found.failures == []
    assert {(n["entity"], n["entity_type"], n["risk_score"], n["rule_title"]) for n in found.notables} == {
        ("ann", "user", "25.0", "ann did it"),
        ("bob", "user", "25.0", "bob did it"),
    }
    wrong = replace(one, name="Test Of Another", search=one.search + ' | eval normalized_risk_object="x"')
    again = checked(content, store, wrong)
    assert "entity of the notable is x, where the finding says ann" in reasons(again)


@pytest.mark.parametrize(
    ("message", "template", "made"),
    [
        ("a on b", "$x$ on $y$", True),
        ("a\nb on c", "$x$ on $y$", True),
        ("  on c", "$x$ on $y$", False),
        ("a on ", "$x$ on $y$", False),
        ("a on b on c", "$x$ on $y$", True),
        ("on on on", "$x$on$y$", True),
        ("ab", "$x$$y$", True),
        ("a", "$x$$y$", False),
        ("costs 5$ on a", "costs 5$ on $x$", True),  # an odd $ is text
        ("plain", "plain", True),
        ("plainer", "plain", False),
        ("xa", "$x$a", True),
        ("xab", "$x$a", False),
    ],
)
def test_a_message_is_held_against_its_template(message: str, template: str, made: bool) -> None:
    assert made_from(message, template) is made


def test_a_long_hostile_message_is_no_trouble() -> None:
    assert made_from("a b " * 100_000, "$a$ b $b$ b $c$ b $d$ b $e$ b $f$!") is False


def test_an_event_that_is_not_of_the_detection_is_told_in_words() -> None:
    """No row can bring that about, only a defect: so the events are handed over as they are."""
    (about,) = _lists(detection(stories=(), mitre=()), "A Rule", {"search_name": "Another"})
    assert about.reason == "the field search_name of the risk event is Another, where the content says A Rule"
    assert about.code == "test.risk-field"
    failure, _ = _object((DEST,), "A Rule", {"contributing_events_search": '| savedsearch "Another" | search dest="x"'})
    assert failure is not None
    assert failure.reason.startswith("contributing_events_search does not name the detection: | savedsearch")
    assert failure.code == "test.contributing"
