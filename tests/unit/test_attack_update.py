"""A bundle of ATT&CK in STIX 2.1 becomes the table that enrichment uses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from trapline import app
from trapline.cli.commands import attack as attack_command
from trapline.content.attackbundle import read
from trapline.content.attackkept import Kept
from trapline.content.enrich import enrich
from trapline.content.model import Detection, DetectionType, Status
from trapline.errors import InputError, TraplineError


def pattern(number: str, name: str, tactics: tuple[str, ...] = ("persistence",), **more: Any) -> dict[str, Any]:
    return {
        "type": "attack-pattern",
        "id": f"attack-pattern--{number}",
        "name": name,
        "external_references": [{"source_name": "mitre-attack", "external_id": number, "url": "https://example.org"}],
        "kill_chain_phases": [{"kill_chain_name": "mitre-attack", "phase_name": one} for one in tactics],
        "description": "passed over",
        **more,
    }


def group(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "intrusion-set", "id": f"intrusion-set--{name}", "name": name, **more}


def related(kind: str, source: str, target: str, **more: Any) -> dict[str, Any]:
    return {"type": "relationship", "relationship_type": kind, "source_ref": source, "target_ref": target, **more}


OBJECTS: list[dict[str, Any]] = [
    {"type": "x-mitre-collection", "id": "x-mitre-collection--1", "name": "Enterprise", "x_mitre_version": "19.0"},
    {
        "type": "x-mitre-tactic",
        "id": "x-mitre-tactic--1",
        "name": "Persistence",
        "x_mitre_shortname": "persistence",
        "external_references": [{"source_name": "mitre-attack", "external_id": "TA0003"}],
    },
    {
        "type": "x-mitre-tactic",
        "id": "x-mitre-tactic--2",
        "name": "Tunnelling",
        "x_mitre_shortname": "tunnelling",
        "external_references": [{"source_name": "mitre-attack", "external_id": "TA0999"}],
    },
    pattern("T1001", "First | One", ("tunnelling", "persistence")),
    pattern("T1001.001", "Below It"),
    pattern("T1002", "Old One", revoked=True),
    pattern("T1003", "Dropped", x_mitre_deprecated=True),
    group("Zebra"),
    group("Adder"),
    group("Gone Group", revoked=True),
    related("uses", "intrusion-set--Zebra", "attack-pattern--T1001"),
    related("uses", "intrusion-set--Adder", "attack-pattern--T1001"),
    related("uses", "intrusion-set--Adder", "attack-pattern--T1001"),
    related("uses", "intrusion-set--Adder", "attack-pattern--T1001.001", revoked=True),
    related("uses", "intrusion-set--Gone Group", "attack-pattern--T1001.001"),
    related("uses", "malware--1", "attack-pattern--T1001.001"),
    related("revoked-by", "attack-pattern--T1002", "attack-pattern--T1001"),
]


def written(folder: Path, objects: object, **more: Any) -> Path:
    path = folder / "enterprise-attack.json"
    path.write_text(json.dumps({"type": "bundle", "id": "bundle--1", "objects": objects, **more}), encoding="utf-8")
    return path


def test_techniques_tactics_groups_and_successors_are_taken(tmp_path: Path) -> None:
    found = read(written(tmp_path, OBJECTS))
    assert found.version == "19.0"
    assert found.techniques == (
        ("T1001", "First / One", ("persistence", "tunnelling"), ("Adder", "Zebra")),
        ("T1001.001", "Below It", ("persistence",), ()),
    )
    assert found.retired == {"T1002": "T1001", "T1003": ""}
    assert found.tactics == {"persistence": ("Persistence", "TA0003"), "tunnelling": ("Tunnelling", "TA0999")}


def test_the_version_of_the_bundle_is_used_from_then_on(tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert app.attack(store).version == "18.1"
    table, strange = app.attack_update(store, written(tmp_path, OBJECTS))
    assert (table.version, strange) == ("19.0", ["tunnelling"])
    assert app.attack(store).version == "19.0"
    assert app.attack(store, "15.1").version == "15.1"
    assert Kept(store / "attack").versions() == ["19.0", "18.1", "15.1"]
    one = Detection(
        name="x", type=DetectionType.TTP, status=Status.PRODUCTION, search="a", mitre=("T1002", "T1001.001")
    )
    known = enrich(one, app.attack(store))
    assert known.attack_version == "19.0"
    assert known.threat_actors == ("Adder", "Zebra")
    assert known.kill_chain == ("Installation",)
    assert [technique.id for _, technique in known.techniques if technique] == ["T1001", "T1001.001"]
    assert [(one.code, one.hint) for one in known.warnings] == [("content.attack-revoked", "write T1001")]


def test_a_version_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(TraplineError) as error:
        app.attack(tmp_path, "../18.1")
    assert "18.1, 15.1" in str(error.value.hint)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "it is no JSON"),
        ("[" * 20_000, "not in the form of a STIX bundle"),
        ('{"x": ' + "[" * 20_000, "it is no JSON"),
        ("[1]", "not in the form of a STIX bundle"),
        ('{"type": "bundle", "objects": [{"type": 3}]}', "not in the form of a STIX bundle: Expected `str`, got `int`"),
        ('{"type": "indicator"}', "it is of the type 'indicator', not a STIX bundle"),
        ('{"type": "bundle", "objects": []}', "the bundle does not say its version"),
        (
            json.dumps(
                {"type": "bundle", "objects": [*OBJECTS, {"type": "x-mitre-collection", "x_mitre_version": "7"}]}
            ),
            "the bundle says several versions: 19.0, 7",
        ),
        (json.dumps({"type": "bundle", "objects": OBJECTS[:1]}), "no technique (attack-pattern) is in the bundle"),
        (
            json.dumps({"type": "bundle", "objects": [OBJECTS[0], pattern("T1001", "Mobile", ())]}),
            "none of the 1 techniques is of ATT&CK Enterprise",
        ),
        (json.dumps({"type": "bundle", "objects": [*OBJECTS, OBJECTS[3]]}), None),
        (
            json.dumps({"type": "bundle", "objects": [*OBJECTS, OBJECTS[3] | {"id": "attack-pattern--9"}]}),
            "the technique T1001 is in the bundle twice",
        ),
    ],
)
def test_a_bundle_that_will_not_do_is_refused_with_what_is_wrong(tmp_path: Path, text: str, reason: str | None) -> None:
    path = tmp_path / "bundle.json"
    path.write_text(text, encoding="utf-8")
    if reason is None:
        assert read(path).version == "19.0"
        return
    with pytest.raises(InputError) as error:
        app.attack_update(tmp_path / "store", path)
    assert reason in error.value.reason
    assert error.value.file == str(path)
    assert not (tmp_path / "store" / "attack").exists()


def test_a_version_from_the_bundle_is_no_path(tmp_path: Path) -> None:
    objects = [OBJECTS[0] | {"x_mitre_version": "../../19"}, *OBJECTS[1:]]
    with pytest.raises(InputError, match="no version of ATT&CK"):
        read(written(tmp_path, objects))


def test_the_commands(tmp_path: Path) -> None:
    run = CliRunner()
    store = ["--store", str(tmp_path / "store")]
    made = run.invoke(attack_command.command, ["update", str(written(tmp_path, OBJECTS)), "--json", *store])
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["techniques"] == 2
    shown = run.invoke(attack_command.command, ["show", "T1002", "--json", *store])
    body = json.loads(shown.stdout)
    assert body["attack_version"] == "19.0"
    assert body["techniques"][0]["id"] == "T1001"
    assert body["techniques"][0]["sub_techniques"] == [{"id": "T1001.001", "name": "Below It"}]
    assert run.invoke(attack_command.command, ["show", "T9999", *store]).exit_code == 1
    older = run.invoke(attack_command.command, ["show", "T1543.003", "--attack", "15.1", *store])
    assert "Windows Service" in older.output
