"""The rules of `content validate`: what they say of the cases in tests/cases/validate, and that each has its cases."""

from __future__ import annotations

import pytest

from tests.rulecase import BASE, FOLDER, Case, cases, findings, told
from trapline.validate.check import modules

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=[f"{case.rule}: {case.name}" for case in CASES])
def test_a_case_finds_what_its_page_says(case: Case) -> None:
    for kind in ("findings", "strict"):
        expected = case.expected(kind)
        if expected is not None:
            assert findings(case, strict=kind == "strict") == expected, f"{case.page.name}: {case.name} ({kind})"


def test_every_rule_has_a_case_that_trips_it_and_one_that_does_not() -> None:
    tripping = {case.rule for case in CASES if case.expected("findings")}
    silent = {case.rule for case in CASES if case.expected("findings") == []}
    assert tripping == silent == set(modules())
    assert {page.stem for page in FOLDER.glob("*.md")} == set(modules())


def test_every_case_has_its_findings() -> None:
    assert [f"{case.rule}: {case.name}" for case in CASES if case.expected("findings") is None] == []


@pytest.mark.parametrize("strict", [False, True])
def test_nothing_is_found_in_the_content_that_the_cases_change(strict: bool) -> None:
    assert told(BASE, strict=strict) == []
