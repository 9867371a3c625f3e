"""The add-on `risk`: its table of ATT&CK is that of the project, and its factors change nothing as shipped."""

from __future__ import annotations

import re

import pytest

from trapline.content import attacktable
from trapline.content.enrich import attack, attack_versions
from trapline.knowledge import Knowledge
from trapline.knowledge.lookups import read_rows
from trapline.search import Session


def test_the_table_is_made_from_the_tables_of_content() -> None:
    rows, fields = read_rows(attacktable.FILE)
    assert fields == attacktable.COLUMNS
    assert rows == attacktable.rows(), "make it anew: python -m trapline.content.attacktable"


def test_every_id_of_every_version_is_there() -> None:
    known = {str(row["mitre_technique_id"]) for row in attacktable.rows()}
    for version in attack_versions():
        assert set(attack(version).techniques) <= known
    by_id = {row["mitre_technique_id"]: row for row in attacktable.rows()}
    assert by_id["T1543.003"]["mitre_tactic_id"] == ["TA0003", "TA0004"]
    assert by_id["T1543.003"]["mitre_tactic"] == ["persistence", "privilege-escalation"]
    assert by_id["T1050"]["mitre_tactic"] == by_id["T1543.003"]["mitre_tactic"]  # it became T1543.003
    assert len(by_id) == len(known) > 690


_MACROS = Knowledge.built_in().macros
_FACTORS = sorted(name for name in _MACROS if name.startswith("risk_factor_"))


@pytest.mark.parametrize("name", _FACTORS)
def test_a_factor_is_an_expression_that_concerns_some_events_only(name: str) -> None:
    text = _MACROS[name].definition
    wanted = dict(re.findall(r'(\w+)="(\w+)"', text))
    assert wanted
    with_it, without = (
        Session(events=[row], macros=_MACROS).run(f"| eval f=`{name}` | table f").rows[0]["f"]
        for row in (wanted, {"other": "x"})
    )
    assert float(str(without)) in (0, 1)
    assert float(str(with_it)) > 1


def test_there_are_those_of_enterprise_security() -> None:
    assert len(_FACTORS) == 7
    assert (_MACROS["risk_factors_additive"].definition, _MACROS["risk_factors_multiplicative"].definition) == (
        "0",
        "1",
    )
