"""`trapline content new`: what is written reads back as what was meant, and has no errors."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from trapline.cli import cli
from trapline.content import new as making
from trapline.content.model import YAML, Detection, DetectionType, Generation, Macro, Problem, RiskObject, ThreatObject
from trapline.content.read import read_file
from trapline.content.tree import put
from trapline.errors import TraplineError

SEARCH = "`wineventlog_system` EventCode=7045 | stats count by dest, src, ServiceName"
DAY = date(2026, 3, 1)


def run(*args: object, text: str = "") -> Result:
    return CliRunner().invoke(cli, ["content", *map(str, args)], input=text)


def answers(kind: DetectionType, name: str = "Odd Service a-b") -> making.Answers:
    return making.Answers(
        name=name,
        type=kind,
        description="Finds # odd: services, 'quoted'\nin two lines.",
        search=SEARCH,
        author="An Author",
        risk=[RiskObject("dest", "system", 40, "Odd $ServiceName$ on $dest$")],
        threats=[ThreatObject("src", "ip_address")],
        data_sources=["Windows Event Log System 7045"],
        stories=["Active Directory Discovery"],
        mitre=["T1543.003"],
        how_to_implement="Collect it.",
        known_false_positives="Yes",
        references=["https://example.com/a"],
        data="tests/endpoint/x/attack.log",
        source="XmlWinEventLog:System",
        sourcetype="XmlWinEventLog",
    )


@pytest.mark.parametrize("generation", YAML)
@pytest.mark.parametrize("kind", list(DetectionType))
def test_reads_back_without_problems(generation: Generation, kind: DetectionType, tmp_path: Path) -> None:
    made = making.files(answers(kind), generation, DAY)
    assert [one.path for one in made] == [
        "detections/endpoint/odd_service_a_b.yml",
        "macros/odd_service_a_b_filter.yml",
    ]
    problems: list[Problem] = []
    for one in made:
        put(one, tmp_path)
    (found,) = read_file(tmp_path / made[0].path, problems)
    (macro,) = read_file(tmp_path / made[1].path, problems)
    assert problems == []
    assert isinstance(found, Detection)
    assert isinstance(macro, Macro)
    assert (found.generation, found.type, found.version, found.modified) == (generation, kind, 1, DAY)
    assert found.search == f"{SEARCH} | `odd_service_a_b_filter`"
    assert found.description == answers(kind).description
    assert macro.name == found.filter_macro
    assert macro.definition == "search *"
    (test,) = found.tests
    assert (test.kind, test.attack_data[0].data) == ("unit", "tests/endpoint/x/attack.log")
    if making.wants_risk(kind, generation):
        assert found.rba is not None
        (entity,) = found.rba.risk_objects
        assert (entity.field, entity.type, entity.score) == ("dest", "system", 40)
        assert entity.message == "Odd $ServiceName$ on $dest$"
        assert entity.finding is (generation is Generation.S3 and kind is not DetectionType.ANOMALY)
        assert found.rba.threat_objects == (ThreatObject("src", "ip_address"),)
        assert found.rba.score == 40
    else:
        assert found.rba is None
    assert len(found.drilldowns) == (0 if kind is DetectionType.HUNTING else 2)


def test_a_filter_macro_that_is_called_is_not_called_twice() -> None:
    search = f"{SEARCH} | `odd_service_filter` | sort dest"
    one = replace(answers(DetectionType.TTP), name="Odd Service", search=search)
    made = making.detection(one, Generation.S2, DAY)
    assert made.search == search


@pytest.mark.parametrize("name", ["", "../up", "a/b", "x" * 68, "`x`", "a\nb"])
def test_names_that_make_no_file_name(name: str) -> None:
    with pytest.raises(TraplineError, match="cannot be the name"):
        making.detection(answers(DetectionType.TTP, name), Generation.S2, DAY)


GIVEN = ("--no-input", "--name", "Odd Service", "--type", "Anomaly", "--search", SEARCH, "--risk-field", "dest")


@pytest.mark.parametrize("generation", ["s1", "s2", "s3"])
def test_passes_validation(generation: str, tmp_path: Path) -> None:
    args = [*GIVEN, "--threat", "src:ip_address", "--mitre", "T1543.003", "--story", "Active Directory Discovery"]
    found = run("new", tmp_path, *args, "--generation", generation)
    assert found.exit_code == 0, found.output
    assert "trapline test" in found.output
    checked = run("validate", "--content", tmp_path, "--json")
    assert checked.exit_code == 0, checked.output


def test_asks_and_takes_what_is_answered(tmp_path: Path) -> None:
    told = ["Odd Service", "Anomaly", "Finds it", SEARCH, "dest", "system", "70", "Odd on $dest$", "endpoint", ""]
    told += ["Me", "src:ip_address", "Windows Event Log System 7045", "Active Directory Discovery", "T1543.003, T1543"]
    told += ["", "", "", "", "", "", ""]
    found = run("new", tmp_path, text="\n".join(told) + "\n")
    assert found.exit_code == 0, found.output
    problems: list[Problem] = []
    (one,) = read_file(tmp_path / "detections/endpoint/odd_service.yml", problems)
    assert isinstance(one, Detection)
    assert one.rba is not None
    assert (one.rba.message, one.rba.score, one.mitre) == ("Odd on $dest$", 70, ("T1543.003", "T1543"))
    assert (one.author, one.rba.threat_objects) == ("Me", (ThreatObject("src", "ip_address"),))
    assert one.tests[0].attack_data[0].data == "tests/endpoint/odd_service/attack.log"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    assert run("new", tmp_path, *GIVEN).exit_code == 0
    file = tmp_path / "detections/endpoint/odd_service.yml"
    file.rename(file.parent / "ODD_SERVICE.yml")
    before = (file.parent / "ODD_SERVICE.yml").read_bytes()
    found = run("new", tmp_path, *GIVEN, "--category", "network")
    assert isinstance(found.exception, TraplineError)
    assert "nothing is overwritten" in found.exception.render()
    assert (file.parent / "ODD_SERVICE.yml").read_bytes() == before
    assert not (tmp_path / "detections/network").exists()


def test_a_detection_with_errors_is_not_written(tmp_path: Path) -> None:
    for args in (("--search", "index=main | stats count by"), ("--category", "../up")):
        found = run("new", tmp_path / "new", *GIVEN, *args)
        assert isinstance(found.exception, TraplineError)
        assert found.exception.exit_code == 2
        assert not (tmp_path / "new").exists()


def test_json_names_the_files(tmp_path: Path) -> None:
    found = run("new", tmp_path, *GIVEN, "--json")
    assert [Path(one).is_file() for one in json.loads(found.stdout)["files"]] == [True, True]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    found = run("new", tmp_path, "--no-input", "--name", "x y")
    assert found.exit_code == 2
    assert "--search" in found.output
    assert run("new", tmp_path, *GIVEN, "--threat", "src").exit_code == 2
