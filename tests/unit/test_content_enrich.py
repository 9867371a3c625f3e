"""ATT&CK, kill chain, NIST and CIS (facts/CONTENT.md §2, facts/ATTACK.md)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.shared import shared
from trapline.content import enrich
from trapline.content.model import Detection, DetectionType, Rba, Status
from trapline.errors import TraplineError

ACTORS_15 = (
    "APT19 APT3 APT32 APT38 APT41 Blue_Mockingbird Carbanak Cinnamon_Tempest Cobalt_Group DarkVishnya Earth_Lusca FIN7 "
    "Ke3chang Kimsuky Lazarus_Group PROMETHIUM TeamTNT Threat_Group-3390 Tropic_Trooper Wizard_Spider"
)
NEW_IN_18 = ("Agrius", "Aquatic Panda", "BlackByte", "Lotus Blossom", "Medusa Group", "OilRig")


def detection(
    *mitre: str, kind: DetectionType = DetectionType.ANOMALY, domain: str = "endpoint", **more: Any
) -> Detection:
    return Detection(
        name="D", type=kind, status=Status.PRODUCTION, search="x", mitre=mitre, security_domain=domain, **more
    )


def test_actors_of_v15_1() -> None:
    found = enrich.enrich(detection("T1543.003", "T1543"), "15.1")
    assert found.threat_actors == tuple(name.replace("_", " ") for name in ACTORS_15.split())
    assert len(found.threat_actors) == 20
    assert found.attack_version == "15.1"


def test_actors_of_v18_1() -> None:
    old = enrich.enrich(detection("T1543.003", "T1543"), "15.1")
    new = enrich.enrich(detection("T1543.003", "T1543"))
    assert new.attack_version == enrich.DEFAULT_ATTACK == "18.1"
    assert set(new.threat_actors) == {*old.threat_actors, *NEW_IN_18}
    assert len(new.threat_actors) == 26
    assert list(new.threat_actors) == sorted(new.threat_actors)


def test_technique_and_tactics() -> None:
    found = enrich.enrich(detection("T1543.003", "T1543"))
    assert [(written, one.name if one else None) for written, one in found.techniques] == [
        ("T1543.003", "Windows Service"),
        ("T1543", "Create or Modify System Process"),
    ]
    parent = found.techniques[1][1]
    assert parent is not None
    assert [(tactic.id, tactic.name) for tactic in parent.tactics] == [
        ("TA0003", "Persistence"),
        ("TA0004", "Privilege Escalation"),
    ]
    assert parent.groups == ()


def test_phases_come_from_all_tactics_sorted() -> None:
    assert enrich.enrich(detection("T1543")).kill_chain == ("Exploitation", "Installation")
    assert enrich.enrich(detection("T1071", "T1041", "T1566", "T1595", "T1583")).kill_chain == (
        "Actions on Objectives",
        "Command and Control",
        "Delivery",
        "Reconnaissance",
        "Weaponization",
    )
    assert enrich.enrich(detection()).kill_chain == ()


@pytest.mark.parametrize(
    ("kind", "nist"),
    [
        (DetectionType.TTP, ("DE.CM",)),
        (DetectionType.ANOMALY, ("DE.AE",)),
        (DetectionType.HUNTING, ("DE.AE",)),
        (DetectionType.CORRELATION, ("DE.AE",)),
    ],
)
def test_nist_by_type(kind: DetectionType, nist: tuple[str, ...]) -> None:
    assert enrich.enrich(detection(kind=kind)).nist == nist


@pytest.mark.parametrize(("domain", "cis"), [("network", "CIS 13"), ("endpoint", "CIS 10"), ("", "CIS 10")])
def test_cis_by_security_domain(domain: str, cis: str) -> None:
    assert enrich.enrich(detection(domain=domain)).cis == (cis,)


def test_a_revoked_id_is_resolved_with_a_warning() -> None:
    found = enrich.enrich(detection("T1574.002"))
    ((written, technique),) = found.techniques
    assert written == "T1574.002"
    assert technique is not None
    assert technique.id == "T1574.001"
    (warn,) = found.warnings
    assert warn.code == "content.attack-revoked"
    assert "T1574.001" in warn.reason
    assert enrich.mappings(detection("T1574.002"), found)["mitre_attack"] == ["T1574.002"]
    assert enrich.enrich(detection("T1574.002"), "15.1").warnings == ()


def test_a_chain_of_revoked_ids() -> None:
    technique, warn = enrich.attack().resolve("T1073")  # T1073 -> T1574.002 -> T1574.001
    assert technique is not None
    assert technique.id == "T1574.001"
    assert warn is not None


@pytest.mark.parametrize(
    ("written", "code"),
    [("T1064", "content.attack-retired"), ("T9999", "content.attack-unknown"), ("x", "content.attack-unknown")],
)
def test_ids_that_mean_nothing(written: str, code: str) -> None:
    found = enrich.enrich(detection(written))
    assert found.techniques == ((written, None),)
    assert [warn.code for warn in found.warnings] == [code]


def test_versions() -> None:
    assert enrich.attack_versions() == ["18.1", "15.1"]
    with pytest.raises(TraplineError) as caught:
        enrich.attack("../18.1")
    assert caught.value.hint == "versions here: 18.1, 15.1; trapline attack update FILE adds one"


def test_every_tactic_has_a_phase() -> None:
    for version in enrich.attack_versions():
        for technique in enrich.attack(version).techniques.values():
            assert technique.tactics
            assert all(tactic.kill_chain and tactic.id for tactic in technique.tactics)
    assert enrich.tactics()["stealth"].kill_chain == "Exploitation"


def test_annotations() -> None:
    one = detection(
        "T1543.003",
        "T1543",
        stories=("Active Directory Discovery",),
        data_source=("Windows Event Log System 7045",),
        cve=("CVE-2024-1",),
        rba=Rba("m", impact=40, confidence=80),
    )
    found = enrich.annotations_of(one, enrich.enrich(one))
    assert json.dumps(found) == json.dumps(
        {
            "analytic_story": ["Active Directory Discovery"],
            "cis20": ["CIS 10"],
            "confidence": 80,
            "cve": ["CVE-2024-1"],
            "data_source": ["Windows Event Log System 7045"],
            "impact": 40,
            "kill_chain_phases": ["Exploitation", "Installation"],
            "mitre_attack": ["T1543.003", "T1543"],
            "nist": ["DE.AE"],
            "type": "Anomaly",
            "type_list": ["Anomaly"],
        }
    )


def test_annotations_leave_out_what_is_empty() -> None:
    one = detection(rba=Rba("m"))
    assert enrich.annotations_of(one, enrich.enrich(one)) == {
        "analytic_story": [],
        "cis20": ["CIS 10"],
        "data_source": [],
        "nist": ["DE.AE"],
        "type": "Anomaly",
        "type_list": ["Anomaly"],
    }


@pytest.mark.parametrize(
    ("version", "file"), [("18.1", "attack_enterprise.json"), ("15.1", "attack_enterprise_v15.1.json")]
)
def test_tables_equal_the_facts(version: str, file: str) -> None:
    facts = json.loads(shared("facts", file).read_text(encoding="utf-8"))
    table = enrich.attack(version).techniques
    assert {
        one.id: {"name": one.name, "tactics": [tactic.shortname for tactic in one.tactics], "groups": list(one.groups)}
        for one in table.values()
    } == facts["techniques"]
    for short, tactic in facts["tactics"].items():
        assert (enrich.tactics()[short].id, enrich.tactics()[short].name) == (tactic["id"], tactic["name"])
