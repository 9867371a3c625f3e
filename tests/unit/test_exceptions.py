"""Exceptions: what their files may say, what they hide, and what is told of it."""

from __future__ import annotations

import json
import random
import time
from datetime import UTC
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.unit.test_scheduler import EVENTS, EXPECTED, NAME, at, made, risk, rows, scheduler, simulate
from trapline import app
from trapline.cli import cli
from trapline.detect import filtering
from trapline.detect.exceptions import Exemption, State, files, problems, read
from trapline.detect.exempting import Exempting
from trapline.detect.exemptmacro import definition, stanza
from trapline.detect.jobs import Job, jobs
from trapline.detect.run import Profile
from trapline.detect.settings import Override, write_switches
from trapline.detect.settings import read as read_settings
from trapline.errors import InputError
from trapline.search import search
from trapline.values import Row

LATER = 4e9
ALICE = "owner: alice@corp.example\n  reason: The agent does this every night.\n  reviewed: 2026-01-01\n"


def entry(when: str, *, name: str = "agent", expires: str = "2099-01-01", more: str = "") -> str:
    return f"{name}:\n  when: {when}\n  {ALICE}  expires: {expires}\n{more}"


def given(tmp_path: Path, text: str) -> list[Exemption]:
    path = tmp_path / "exceptions.yml"
    path.write_text(text)
    return read([(path, True)], UTC)


def job(name: str = NAME) -> Job:
    content = app.content()
    made, _ = jobs(content, [content.find(name)], lambda _: Profile(), lambda _: Override())
    return made[0]


def hidden(exemptions: list[Exemption], *given: Row, now: float = 0.0) -> list[bool]:
    kept = Exempting(exemptions)(job(), given, now).kept
    return [row not in kept for row in given]


def test_every_setting_is_read(tmp_path: Path) -> None:
    more = "  detections: [Windows Service Create*]\n"
    (one,) = given(tmp_path, entry("{dest: [ws1, 10.0.0.0/8], user: svc_*}", more=more))
    assert one.when == {"dest": ("ws1", "10.0.0.0/8"), "user": ("svc_*",)}
    assert one.owner == "alice@corp.example"
    assert one.expires == at("2099-01-01")
    assert one.reviewed == at("2026-01-01")
    assert one.concerns(app.content().find(NAME))
    assert one.state(at("2098-12-31T23:59:59")) is State.ACTIVE
    assert one.state(at("2099-01-01")) is State.EXPIRED


@pytest.mark.parametrize(
    ("text", "line", "field", "reason"),
    [
        (entry("{dest: ws1}").replace("owner: alice@corp.example", "x: y"), 3, "agent.x", "no setting 'x'"),
        (entry("{dest: ws1}").replace("owner: alice@corp.example\n", "\n"), 2, "agent.owner", "owner is missing"),
        (entry("{dest: ws1}").replace("The agent does this every night.", "''"), 4, "agent.reason", "empty"),
        (entry("{dest: ws1}").replace("  expires: 2099-01-01\n", ""), 2, "agent.expires", "expires is missing"),
        (entry("{dest: ws1}", expires="never"), 6, "agent.expires", "'never' is no date"),
        (entry("{dest: ws1}", expires="2025-01-01"), 6, "agent.expires", "before it was reviewed"),
        (entry("{}"), 2, "agent.when", "cover every row"),
        (entry('{dest: "*", user: [a, "*.*"]}'), 2, "agent.when", "covers every row"),
        (entry("{src: [0.0.0.0/1, 128.0.0.0/1]}"), 2, "agent.when", "covers every row"),
        (entry('{src: "::/0"}'), 2, "agent.when", "covers every row"),
        (entry("{dest: []}"), 2, "agent.when.dest", "the list is empty"),
        (entry("{dest: null}"), 2, "agent.when.dest", "single value"),
        (entry("{dest: {a: b}}"), 2, "agent.when.dest", "single value"),
        (entry("{dest: a, dest: b}"), 2, "agent.when", "'dest' is there twice"),
        (entry('{"de\'st": a}'), 2, "agent.when.de'st", "no name of a field"),
        (entry("ws1"), 2, "agent.when", "a mapping is wanted"),
        (entry("{dest: ws1}") + entry("{dest: ws2}", name="Agent"), 8, "Agent", "already an exception of this name"),
        ("- a\n- b\n", 1, None, "a mapping is wanted"),
        ("a: [\n", 2, None, "not valid YAML"),
        ("a: {}\n---\nb: {}\n", 3, None, "second document"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, line: int, field: str | None, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        given(tmp_path, text)
    assert (caught.value.line, caught.value.field) == (line, field)
    assert caught.value.hint or field == "agent.when" or "single value" in reason


def test_fields_of_more_than_one_kind(tmp_path: Path) -> None:
    exemptions = given(tmp_path, entry('{src: [10.1.0.0/16, "fe80::/10", host*.corp], user: Svc_Backup}'))
    user: Row = {"user": "SVC_BACKUP"}
    assert hidden(
        exemptions,
        user | {"src": "10.1.2.3"},
        user | {"src": "10.2.2.3"},
        user | {"src": "FE80::1"},
        user | {"src": "HOST17.corp"},
        user | {"src": "host17.corp.evil.example"},
        {"user": "svc_backup2", "src": "10.1.2.3"},
        {"src": "10.1.2.3"},
    ) == [True, False, True, True, False, False, False]


def test_all_values_of_a_multivalue_have_to_be_covered(tmp_path: Path) -> None:
    exemptions = given(tmp_path, entry("{user: [svc_backup, svc_scan]}"))
    assert hidden(
        exemptions,
        {"user": ["svc_backup", "svc_scan"], "count": 2},
        {"user": ["svc_backup", "mallory"], "count": 2},
        {"user": ["svc_backup", ""], "count": 2},
    ) == [True, False, False]


def test_numbers_are_compared_as_they_are_shown(tmp_path: Path) -> None:
    assert hidden(given(tmp_path, entry("{port: 443}")), {"port": 443.0}, {"port": "443"}, {"port": 4430}) == [
        True,
        True,
        False,
    ]


def test_other_detections_are_left_alone(tmp_path: Path) -> None:
    other = given(tmp_path, entry("{dest: ws1}", more="  detections: [Windows AdFind Exe]\n"))
    assert hidden(other, {"dest": "ws1"}) == [False]


def test_an_expired_one_is_not_applied_and_says_so(tmp_path: Path) -> None:
    exemptions = given(tmp_path, entry("{dest: ws1}", expires="2026-06-01"))
    found = Exempting(exemptions)(job(), [{"dest": "ws1"}, {"dest": "ws2"}], at("2026-06-01"))
    assert (len(found.kept), found.hidden) == (2, [])
    assert [warn.reason for warn in found.warnings] == [
        "the exception 'agent' of alice@corp.example expired on 2026-06-01T00:00:00Z: 1 rows show again"
    ]
    assert [warn.code for warn in problems(exemptions, app.content(), at("2026-06-02"))] == ["exceptions.expired"]


def test_an_exception_whose_field_no_row_has_says_so(tmp_path: Path) -> None:
    exemptions = given(tmp_path, entry("{destination: ws1}", more=f"  detections: [{NAME}]\n"))
    found = Exempting(exemptions)(job(), [{"dest": "ws1", "count": 1}], 0)
    assert [(warn.reason, warn.hint) for warn in found.warnings] == [
        ("the exception 'agent' hides nothing: no row has the field destination", "the rows have count, dest")
    ]


def test_problems(tmp_path: Path) -> None:
    text = entry("{dest: ws1}", more="  detections: [Windows Service Create RemComSvx]\n")
    found = problems(given(tmp_path, text.replace("  reviewed: 2026-01-01\n", "")), app.content(), 0)
    assert [warn.code for warn in found] == ["exceptions.review", "exceptions.unknown"]
    assert str(found[1].hint).startswith(f"did you mean '{NAME}'?")
    text = entry("{dest: ws1}", more="  detections: [A Thing Of Another Folder]\n")
    (other,) = problems(given(tmp_path, text), app.content(), 0)
    assert other.reason.endswith("which is no detection of this content")
    assert str(other.hint).endswith("--content DIR")  # as trapline run has it


def test_files_that_the_settings_name(tmp_path: Path) -> None:
    (tmp_path / "trapline.yml").write_text("exceptions: [shared.yml]\n")
    (tmp_path / "exceptions.yml").write_text(entry("{dest: ws1}", name="own"))
    (tmp_path / "shared.yml").write_text(entry("{dest: ws2}", name="shared"))
    settings = read_settings(tmp_path / "trapline.yml")
    assert [one.name for one in app.exemptions(tmp_path, settings)] == ["own", "shared"]
    (tmp_path / "shared.yml").unlink()
    with pytest.raises(InputError, match="no such file"):
        app.exemptions(tmp_path, settings)
    assert read(files(tmp_path / "none", None, ""), UTC) == []


# --- in the scheduler -----------------------------------------------------------------------------------------------


def test_the_scheduler_hides_and_tells(tmp_path: Path) -> None:
    folder = made(tmp_path, *EVENTS)
    (folder / "exceptions.yml").write_text(
        entry("{dest: WS1.corp.*}", name="first")
        + entry("{dest: [ws1.corp.example, ws2.corp.example]}", name="both")
        + entry("{dest: ws9}", name="idle")
    )
    simulate(folder, "2026-03-01", "2026-03-08")
    assert risk(folder) == [one for one in EXPECTED if "ws3" in one[1]]
    told = "index=_scheduler sourcetype=exceptions | stats sum(hidden) as hidden by exception"
    assert rows(folder, told) == [{"exception": "both", "hidden": 4.0}, {"exception": "first", "hidden": 3.0}]

    days = int((time.time() - at("2026-02-28")) / 86_400) + 1
    shown = CliRunner().invoke(cli, ["exceptions", "impact", "--store", str(folder), "--days", str(days), "--json"])
    assert shown.exit_code == 0, shown.output
    found = {one["name"]: one for one in json.loads(shown.output)["exceptions"]}
    assert {name: (one["rows"], one["runs"], one["last"]) for name, one in found.items()} == {
        "both": (4, 3, "2026-03-04T01:00:00Z"),
        "first": (3, 3, "2026-03-04T01:00:00Z"),
        "idle": (0, 0, None),
    }
    assert found["first"]["detections"] == {f"ESCU - {NAME} - Rule": 3}
    assert found["first"]["samples"][0]["dest"] == "ws1.corp.example"


def test_what_was_hidden_is_found_by_a_second_look_without_the_exception(tmp_path: Path) -> None:
    folder = made(tmp_path, *EVENTS[:2])
    (folder / "exceptions.yml").write_text(entry("{dest: ws1.*}"))
    simulate(folder, "2026-03-02", "2026-03-03")
    for _ in range(2):  # a second look with it counts once
        with scheduler(folder) as one:
            one.backfill(one.missing(at("2026-03-02"), at("2026-03-03"), again=True))
        settings = read_settings(folder / "trapline.yml")
        found = app.impact(app.content(), app.knowledge(), folder, app.exemptions(folder, settings), "0")
        assert [(each.name, each.rows) for each in found] == [("agent", 1)]
    assert risk(folder) == EXPECTED[1:2]
    (folder / "exceptions.yml").unlink()
    with scheduler(folder) as one:
        one.backfill(one.missing(at("2026-03-02"), at("2026-03-03"), again=True))
    assert sorted(host for _, host, _ in risk(folder)) == ["ws1.corp.example", "ws2.corp.example"]


def test_a_broken_file_stops_the_scheduler(tmp_path: Path) -> None:
    folder = made(tmp_path, *EVENTS[:1])
    (folder / "exceptions.yml").write_text("agent: {when: {dest: ws1}}\n")
    shown = CliRunner().invoke(cli, ["run", "--once", "--store", str(folder)])
    assert isinstance(shown.exception, InputError)
    assert "exceptions.yml:1: agent.owner: the owner is missing" in shown.exception.render()


def test_an_expired_one_warns_when_the_scheduler_starts(tmp_path: Path) -> None:
    folder = made(tmp_path, *EVENTS[:1])
    (folder / "exceptions.yml").write_text(entry("{dest: ws1.*}", expires="2026-03-02"))
    with scheduler(folder) as one:
        one.begin(at("2026-03-02"))
        one.advance(at("2026-03-03"))
        (run,) = [run for run in one.journal.runs() if run.findings]
    assert run.reason is not None
    assert "expired on 2026-03-02T00:00:00Z: 1 rows show again" in run.reason
    shown = CliRunner().invoke(cli, ["run", "--once", "--store", str(folder)])
    assert "the exception 'agent' of alice@corp.example expired on" in shown.output


# --- the macro ------------------------------------------------------------------------------------------------------


def test_the_filter_macro_hides_the_same_rows(tmp_path: Path) -> None:
    """Random rows through the macro's search, and through the exceptions themselves."""
    chance = random.Random(5)
    pool = [
        "svc_backup",
        "SVC_scan",
        "mallory",
        "a.b",
        "aXb",
        'q"uote',
        "back\\slash",
        "`tick`",
        "10.1.2.3",
        "10.2.0.1",
    ]
    patterns = [*pool, "svc_*", "*b", "a.*", "10.1.0.0/16", "*\\*slash", "Ma*y", "10.2.*"]
    for _ in range(25):
        exemptions = [
            Exemption(
                f"e{number}",
                {
                    name: tuple(chance.sample(patterns, chance.randint(1, 3)))
                    for name in chance.sample(["user", "src.ip", "dest"], chance.randint(1, 2))
                },
                "alice",
                "because",
                LATER,
            )
            for number in range(2)
        ]
        given: list[Row] = [{"n": str(number)} for number in range(40)]
        for row in given:
            for name in ("user", "src.ip", "dest"):
                values = chance.sample(pool, chance.randint(0, 2))
                if values:
                    row[name] = values[0] if len(values) == 1 else [*values]
        kept = Exempting(exemptions)(job(), given, 0).kept
        found = search(f"| {definition(exemptions)} | table n", given)
        assert [row["n"] for row in found] == [row["n"] for row in kept]


def test_the_stanza_of_a_filter_macro(tmp_path: Path) -> None:
    active, late = given(
        tmp_path, entry("{dest: [ws1, 10.0.0.0/8]}") + entry("{dest: x}", name="late", expires="2026-06-01")
    )
    assert stanza("a_filter", [active], [late]).splitlines() == [
        "# agent (alice@corp.example): The agent does this every night.",
        "# left out, expired: late (alice@corp.example)",
        "[a_filter]",
        "definition = where NOT ((isnotnull('dest') AND mvcount('dest') = coalesce(mvcount(mvfilter("
        "match('dest', \"(?is)^(?:ws1|10\\\\.0\\\\.0\\\\.0\\\\/8)\\\\z\") OR cidrmatch(\"10.0.0.0/8\", 'dest'))), 0)))",
        "iseval = 0",
    ]


def test_a_detection_of_another_folder(tmp_path: Path) -> None:
    """One that is enabled exists, though its folder is not named; of another one it is said what to give."""
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "exceptions.yml").write_text(
        "a: {owner: alice, reason: because, reviewed: 2026-01-01, expires: 2099-01-01, "
        "detections: [Of Another Folder], when: {dest: ws1}}\n"
    )
    for names, code in (({"Something Else": True}, 1), ({"Of Another Folder": True}, 0)):
        write_switches(folder / "enabled.yml", names)
        shown = CliRunner().invoke(cli, ["exceptions", "check", "--store", str(folder)])
        assert shown.exit_code == code, shown.output
        assert ("--content DIR" in shown.output) is bool(code)


def test_commands(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "exceptions.yml").write_text(entry("{dest: ws1}") + entry("{dest: x}", name="late", expires="2026-06-01"))

    def run(*args: str, code: int = 0) -> str:
        shown = CliRunner().invoke(cli, ["exceptions", *args, "--store", str(folder)])
        assert shown.exit_code == code, shown.output
        return shown.output

    assert "agent" in run("list")
    assert [one["state"] for one in json.loads(run("list", "--json"))] == ["active", "expired"]
    assert "late' of alice@corp.example expired" in run("check", code=1)
    body = json.loads(run("macro", NAME, "--json"))
    assert (body["exceptions"], body["expired"]) == (["agent"], ["late"])
    assert "[windows_service_create_remcomsvc_filter]" in run("macro", NAME)


FILTER = "a: {{owner: alice, reason: because, reviewed: 2026-01-01, expires: 2099-01-01, {}}}\n"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("filter: search x=1", "a filter needs the detections"),
        ("filter: search x=1, detections: A, when: {dest: a}", "there is `when` already"),
        ("filter: '', detections: A", "this is empty"),
    ],
)
def test_filters_that_are_wrong(tmp_path: Path, given: str, reason: str) -> None:
    (tmp_path / "exceptions.yml").write_text(FILTER.format(given))
    with pytest.raises(InputError, match=reason):
        read([(tmp_path / "exceptions.yml", True)], UTC)


def test_a_filter_is_read_before_it_is_applied(tmp_path: Path) -> None:
    content = app.content()
    path = tmp_path / "exceptions.yml"
    path.write_text(FILTER.format(f"filter: where match(dest, detections: {NAME}"))
    with pytest.raises(InputError) as caught:
        filtering.check(read([(path, True)], UTC), content)
    assert (caught.value.file, caught.value.line, caught.value.field) == (str(path), 1, "a.filter")
    path.write_text(FILTER.format(f'filter: "| search NOT dest=b*", detections: {NAME}'))
    found = read([(path, True)], UTC)
    assert filtering.check(found, content) == []
    assert filtering.joined('search dest!="x"', found) == 'search dest!="x" | search NOT dest=b*'
    assert definition(found) == "search NOT dest=b*"
