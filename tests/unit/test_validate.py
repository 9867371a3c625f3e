"""`content validate`: the ignore list, exit codes, the processes, and the reports for machines."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from tests.rulecase import BASE, TODAY, told
from tests.shared import ROOT, shared
from trapline.cli import cli
from trapline.content.enrich import attack
from trapline.content.read import default_content
from trapline.errors import InputError, TraplineError
from trapline.knowledge import Knowledge
from trapline.validate import check, ignore, reports
from trapline.validate.check import Asked, all_rules, validate
from trapline.validate.finding import Finding, Level
from trapline.validate.subject import Tree

ONE = "detections/endpoint/base_one.yml"
ENTRY = "ignore:\n- rule: {rule}\n  owner: The Authors\n  reason: It was looked at.\n{more}"


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["content", "validate", *words])


def code(*words: str) -> int:
    """The exit code as a shell sees it."""
    error = run(*words).exception
    return error.exit_code if isinstance(error, TraplineError) else run(*words).exit_code


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Content with one warning: 'x' is no URL."""
    root = tmp_path / "content"
    shutil.copytree(BASE, root)
    text = (root / ONE).read_text(encoding="utf-8")
    (root / ONE).write_text(text.replace("https://example.org/services", "x"), encoding="utf-8")
    return root


@pytest.fixture
def broken(root: Path) -> Path:
    """Besides, an error: a token that is not in the row."""
    text = (root / ONE).read_text(encoding="utf-8")
    (root / ONE).write_text(text.replace("message: $user$", "message: $usr$"), encoding="utf-8")
    return root


# --- ignore list


def listed(root: Path, rule: str = "reference", more: str = "") -> list[str]:
    (root / "trapline-validate.yml").write_text(ENTRY.format(rule=rule, more=more), encoding="utf-8")
    return told(root)


WARNING = f"warning {ONE}:15 references[0]: 'x' is no URL [reference]"


@pytest.mark.parametrize(
    "more",
    ["", "  file: [detections/*]\n", "  name: [base one]\n", "  field: references\n", f"  until: '{TODAY}'\n"],
)
def test_an_entry_ignores_what_it_describes(root: Path, more: str) -> None:
    assert listed(root, more=more) == []


@pytest.mark.parametrize("more", ["  file: [macros/*]\n", "  name: [base two]\n", "  field: tags\n"])
def test_an_entry_about_something_else_ignores_nothing_and_is_told_of(root: Path, more: str) -> None:
    unused = (
        "warning trapline-validate.yml:2 ignore: nothing is left that this entry of The Authors ignores (reference)"
    )
    assert listed(root, more=more) == [WARNING, f"{unused} [unused-ignore]"]


def test_an_entry_whose_day_has_passed_warns_and_ignores_nothing(root: Path) -> None:
    ended = "this entry of The Authors ended on 2026-01-31, and what it ignored (reference) is told again"
    lines = listed(root, more="  until: '2026-01-31'\n")
    assert lines == [WARNING, f"warning trapline-validate.yml:2 ignore: {ended} [expired-ignore]"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ignore:\n- {rule: reference, reason: x}\n", "owner"),
        ("ignore:\n- {rule: reference, owner: x}\n", "reason"),
        ("ignore:\n- {owner: x, reason: x}\n", "rule"),
        ("ignore:\n- {rule: reference, owner: x, reason: x, until: soon}\n", "until"),
        ("ignore:\n- {rule: reference, owner: x, reason: x, fiel: a}\n", "fiel"),
        ("- rule\n", "mapping"),
        ("ignore: [", "trapline-validate.yml"),
    ],
)
def test_an_ignore_list_that_is_wrong_is_refused(root: Path, text: str, said: str) -> None:
    (root / "trapline-validate.yml").write_text(text, encoding="utf-8")
    result = run("--content", str(root))
    error = result.exception
    assert isinstance(error, InputError)
    assert error.exit_code == 2
    assert error.file.endswith("trapline-validate.yml")
    assert said in f"{error.place} {error.reason}"


def test_the_number_of_ignored_findings_is_told(root: Path) -> None:
    listed(root)
    assert "1 ignored by trapline-validate.yml" in run("--content", str(root)).output
    assert json.loads(run("--content", str(root), "--json").output)["summary"]["ignored"] == 1


# --- exit codes and what is asked for


def test_exit_codes(root: Path, broken: Path, tmp_path: Path) -> None:
    assert code("--content", str(BASE)) == 0
    assert code("--content", str(broken)) == 1
    assert code("--content", str(broken), "--ignore", "message-token") == 0
    assert code("--content", str(broken), "--ignore", "message-token", "--warnings-as-errors") == 1
    assert code("--content", str(broken), "--rule", "reference") == 0
    assert code("--content", str(broken), "--rule", "reference", "--strict") == 1
    assert code("--content", str(tmp_path / "none")) == 2
    assert code("--content", str(broken), "--rule", "referense") == 2
    wrong = run("--content", str(broken), "--rule", "referense").exception
    assert isinstance(wrong, TraplineError)
    assert wrong.hint == "did you mean 'reference'?"
    assert code("--content", str(broken), "--format", "sarif", "--json") == 2
    assert code("--content", str(broken), "no such detection") == 2


def test_the_level_shown_does_not_change_the_answer(broken: Path) -> None:
    result = run("--content", str(broken), "--level", "error", "--json")
    body = json.loads(result.output)
    assert result.exit_code == 1
    assert [one["rule"] for one in body["findings"]] == ["message-token"]
    assert body["summary"]["levels"] == {"error": 1, "warning": 1, "note": 0}


@pytest.mark.parametrize("name", ["Base One", "base_one", "11111111-1111-4111-8111-111111111111", ONE])
def test_one_object_by_name_file_or_id(broken: Path, name: str) -> None:
    name = str(broken / name) if name == ONE else name
    body = json.loads(run("--content", str(broken), name, "--json").output)
    assert body["summary"]["objects"] == {"detection": 1}
    assert {one["rule"] for one in body["findings"]} == {"message-token", "reference"}
    assert json.loads(run("--content", str(broken), "Base Two", "--json").output)["findings"] == []


def test_the_built_in_content_is_clean() -> None:
    result = run("--json")
    assert json.loads(result.output)["findings"] == []
    assert result.exit_code == 0


def test_strict_refuses_nothing_of_the_public_content_that_contentctl_builds() -> None:
    """contentctl 4 builds this tree (facts/CONTENT.md §0); rules whose own level is an error say more than it does."""
    root = shared("content", "security_content")
    tree = Tree(default_content([root]), Knowledge.built_in(), (root,), attack(), TODAY)
    rules = tuple(one.name for one in all_rules() if one.refused and one.level is not Level.ERROR)
    sample = frozenset(check.key(one) for one in tree.targets()[::8])
    found = validate(tree, Asked(rules, strict=True, items=sample))
    assert sum(found.items.values()) > 250
    assert [one for one in found.findings if one.level is Level.ERROR] == []


# --- processes


def test_several_processes_find_what_one_finds(broken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (broken / "macros/base_events.yml").read_text(encoding="utf-8")
    (broken / "macros/base_events.yml").write_text(text.replace("index=main", "`gone`"), encoding="utf-8")
    knowledge = Knowledge.built_in()

    def found(jobs: int) -> check.Result:
        tree = Tree(default_content([broken]), knowledge, (broken,), attack(), TODAY)
        return validate(tree, Asked(strict=True), jobs=jobs)

    monkeypatch.setattr(check, "FEW", 1)
    monkeypatch.setattr(check, "CHUNK", 2)
    one = found(1)
    assert len(one.findings) > 4
    assert found(2) == one


# --- reports

ODD = Finding(
    "reference",
    Level.ERROR,
    "a,b:c/x%.yml",
    3,
    7,
    "references[0]",
    "detection",
    "A, B: C",
    "100% wrong:\r\n<b>&\x07]]>",
    "write :: it",
)


def result(*found: Finding) -> check.Result:
    return check.Result(
        found, {"detection": 2}, (("detection", "A, B: C", "a,b:c/x%.yml"), ("detection", "Z", "z.yml"))
    )


def test_annotations_escape_what_ends_them() -> None:
    (line,) = reports.github(result(ODD))
    assert line == (
        "::error file=a%2Cb%3Ac/x%25.yml,line=3,col=7,title=reference (A%2C B%3A C)"
        "::100%25 wrong:%0D%0A<b>&\x07]]>%0Awrite :: it"
    )


def test_annotations_of_a_finding_without_a_place() -> None:
    note = Finding("story", Level.NOTE, "s.yml", None, None, "", "story", "S", "lonely")
    assert list(reports.github(result(note))) == ["::notice file=s.yml,title=story (S)::lonely"]


def counted(suite: ET.Element) -> tuple[int, int]:
    cases = suite.findall(".//testcase")
    return len(cases), sum(case.find("failure") is not None for case in cases)


def suites(text: str) -> Iterator[ET.Element]:
    root = ET.fromstring(text)
    yield root
    yield from root.findall("testsuite")


def test_junit_parses_whatever_a_file_says() -> None:
    warning = Finding("dates", Level.WARNING, "z.yml", 1, None, "date", "detection", "Z", "in the future")
    outside = Finding("orphan-file", Level.ERROR, "l.csv", None, None, "", "file", "l.csv", "no lookup names it")
    for warnings_fail, failures in ((False, 2), (True, 3)):
        text = reports.junit(result(ODD, warning, outside), warnings_fail=warnings_fail, seconds=1.25)
        for suite in suites(text):
            assert (int(suite.attrib["tests"]), int(suite.attrib["failures"])) == counted(suite)
        root = next(suites(text))
        assert (root.attrib["tests"], root.attrib["failures"], root.attrib["time"]) == ("3", str(failures), "1.250")
    failure = root.find(".//failure")
    assert failure is not None
    assert "<b>&\ufffd]]>" in (failure.text or "")


def test_junit_of_a_run_agrees_with_its_findings(broken: Path) -> None:
    done = run("--content", str(broken), "--format", "junit")
    assert done.exit_code == 1
    root, *kinds = suites(done.stdout)
    assert counted(root) == (int(root.attrib["tests"]), 1)
    assert {suite.attrib["name"] for suite in kinds} >= {"detection", "macro", "story", "data source"}
    assert "[message-token]" in "".join(root.itertext())


def test_sarif_has_what_the_standard_requires(broken: Path) -> None:
    body = json.loads(run("--content", str(broken), "--format", "sarif").stdout)
    assert body["version"] == "2.1.0"
    assert "sarif" in body["$schema"]
    (one,) = body["runs"]
    driver = one["tool"]["driver"]
    assert driver["name"]
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(ids) == len(set(ids))
    assert set(check.modules()) <= set(ids)
    assert {found["ruleId"] for found in one["results"]} == {"message-token", "reference"}
    for found in one["results"]:
        assert ids[found["ruleIndex"]] == found["ruleId"]
        assert found["level"] in ("none", "note", "warning", "error")
        assert found["message"]["text"]
        place = found["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"].endswith("base_one.yml")
        assert place["region"]["startLine"] >= 1


def test_a_report_goes_to_a_file(broken: Path, tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    done = run("--content", str(broken), "--format", "json", "--out", str(out))
    assert done.exit_code == 1
    assert json.loads(out.read_text(encoding="utf-8"))["summary"]["levels"]["error"] == 1
    assert code("--content", str(broken), "--out", str(tmp_path / "none" / "x")) == 2


def test_text_tells_file_line_rule_and_hint(broken: Path) -> None:
    text = run("--content", str(broken)).stdout
    assert re.search(r"^.*base_one\.yml$", text, re.MULTILINE)
    assert "15  warning references[0]: 'x' is no URL [reference]" in text
    assert "-> write it as https://" in text
    assert "1 error, 1 warning, 0 notes" in text


def test_every_rule_is_listed() -> None:
    rules = json.loads(run("--list-rules", "--json").output)["rules"]
    assert [one["rule"] for one in rules] == sorted(check.modules())


def test_the_page_lists_every_rule() -> None:
    page = (ROOT / "docs" / "validate.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if re.match(r"\| [a-z-]+ \| (note|warning|error) \|", line)]
    wanted = [f"| {one.name} | {one.level} | {'yes' if one.refused else ''} | {one.summary} |" for one in all_rules()]
    assert rows == wanted


def test_the_ignore_list_of_the_page_is_read(root: Path) -> None:
    page = (ROOT / "docs" / "validate.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert example is not None
    (root / ignore.NAME).write_text(example[1], encoding="utf-8")
    (entry,) = ignore.read(root)
    assert (entry.owner, str(entry.until)) == ("Detection team", "2027-01-31")
