"""The pages of tests/cases/testing: a detection that is wrong in one place, and the words its failed test must have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.shared import CASES
from trapline import app
from trapline.testing import model
from trapline.testing.model import Kind, Status

EXAMPLE = "Base Remote Tool"
PAGE = CASES / "testing" / "mutations.md"
_BLOCK = re.compile(r"^```(\w+)(?: ([^\n]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEAD, *SECTIONS = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def write(root: Path, mutation: tuple[str, str] | None = None) -> None:
    """The page's content into a folder. `mutation`: a path and its YAML of the old and the new text."""
    for kind, path, text in _BLOCK.findall(HEAD):
        assert kind == "file"
        if mutation is not None and mutation[0] == path:
            change = yaml.safe_load(mutation[1])
            assert text.count(change["old"]) == 1, f"{change['old']} must be in {path} once"
            text = text.replace(change["old"], change["new"])
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def outcome(root: Path, mutation: tuple[str, str] | None = None) -> model.Tested:
    """The result over the page's content."""
    write(root, mutation)
    content = app.content([str(root)])
    return app.run_tests(content, app.to_test(content, (), [str(root)]), jobs=1)


def test_as_written_all_tests_pass(tmp_path: Path) -> None:
    found = outcome(tmp_path)
    assert [one.status for one in found.results] == [Status.PASS] * 3, said(found)
    kinds = [[test.kind for test in one.tests] for one in found.results]
    assert kinds == [[Kind.VALIDATION, Kind.UNIT, Kind.INTEGRATION]] * 3


@pytest.mark.parametrize("section", SECTIONS, ids=lambda text: text.partition("\n")[0])
def test_a_mutation_fails_with_its_cause(section: str, tmp_path: Path) -> None:
    blocks = {kind: (path, text) for kind, path, text in _BLOCK.findall(section)}
    found = outcome(tmp_path, blocks["mutation"])
    assert sorted(one.status for one in found.results) == [Status.FAIL, Status.PASS, Status.PASS]
    told = said(found)
    for words in blocks["says"][1].splitlines():
        assert words in told, told


def said(found: model.Tested) -> str:
    """All that is told about failures, a line each."""
    failures = [failure for one in found.results for test in one.tests for failure in test.failures]
    return "\n".join(text for one in failures for text in (one.reason, *one.details, one.hint or ""))
