"""What a file of further tests can expect, each where it holds and where it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.test_testing_mutations import EXAMPLE, said, write
from trapline import app
from trapline.testing import model
from trapline.testing.model import Kind, Status

SIDE = "tests/endpoint/base_remote_tool.test.yml"
DATA = """  attack_data:
  - data: tests/endpoint/base.log
    source: XmlWinEventLog:System
    sourcetype: XmlWinEventLog
"""
THROTTLING = "  throttling:\n    fields: [{field}]\n    period: 1h\n"
ROW = r"{count: 2, dest: one.corp.example, service_path: 'C:\Tools\rtool.exe'}"


def extra(root: Path, body: str) -> tuple[model.TestResult, model.Tested]:
    """The result of one further test of the example's first detection."""
    write(root)
    (root / SIDE).write_text(f"tests:\n- name: One\n{DATA}{body}", encoding="utf-8")
    content = app.content([str(root)])
    found = app.run_tests(content, [content.find(EXAMPLE)], jobs=1)
    assert not [one for one in found.warnings if one.code == "content.test-file"], found.warnings
    (result,) = [one for one in found.results[0].tests if one.kind is Kind.EXPECTATION]
    return result, found


def throttle(root: Path, field: str) -> None:
    path = root / "detections/endpoint/base_remote_tool.yml"
    text = path.read_text(encoding="utf-8")
    text = text.replace("tags:\n", "tags:\n" + THROTTLING.format(field=field))
    path.write_text(text.replace("as service_path |", "as service_path | eval when=now() |"), encoding="utf-8")


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        (f"rows: [{ROW}]", ""),
        (f"rows: [{ROW}, {ROW}]", "no row is count=2"),
        (
            "rows: [{count: 2, dest: one.corp.example}]",
            "service_path is C:\\Tools\\rtool.exe, expected is no such field",
        ),
        ("rows: []", "1 row more than expected"),
        ("excludes: [{dest: two.corp.example}]", ""),
        ("excludes: [{dest: one.corp.example}]", "1 row like dest=one.corp.example, which none may be"),
        ("includes: [{dest: one.corp.example}]", ""),
        ("includes: [{dest: two.corp.example}]", "dest is one.corp.example, expected is two.corp.example"),
        ("count: 1", ""),
        ("count: 0", "the search must return nothing here, and returns 1 row"),
        ("count: {min: 2, max: 3}", "the search returns 1 row, expected are 2 to 3"),
        ("risk: [{object: one.corp.example, type: system, field: dest, score: 32}]", ""),
        (
            "risk: [{object: one.corp.example, score: 33}]",
            "raised is system one.corp.example of the field dest with 32",
        ),
    ],
)
def test_rows_and_risk(expect: str, words: str, tmp_path: Path) -> None:
    result, found = extra(tmp_path, f"  expect:\n    {expect}\n")
    assert result.status is (Status.FAIL if words else Status.PASS), said(found)
    assert words in said(found)


def test_a_benign_data_set_must_return_nothing(tmp_path: Path) -> None:
    benign = DATA.replace("base.log", "process.log")
    write(tmp_path)
    (tmp_path / SIDE).write_text(f"tests:\n- name: Benign\n{benign}  expect: {{count: 0}}\n", encoding="utf-8")
    content = app.content([str(tmp_path)])
    found = app.run_tests(content, [content.find(EXAMPLE)], jobs=1)
    assert found.results[0].status is Status.PASS, said(found)
    assert [one.kind for one in found.results[0].tests].count(Kind.EXPECTATION) == 1


@pytest.mark.parametrize(("field", "words"), [("dest", ""), ("when", "within the period of 3,600 s")])
def test_throttled(field: str, words: str, tmp_path: Path) -> None:
    write(tmp_path)
    throttle(tmp_path, field)
    (tmp_path / SIDE).write_text(f"tests:\n- name: One\n{DATA}  expect: {{throttled: true}}\n", encoding="utf-8")
    content = app.content([str(tmp_path)])
    found = app.run_tests(content, [content.find(EXAMPLE)], jobs=1)
    assert not [one for one in found.warnings if one.code == "content.test-file"], found.warnings
    (result,) = [one for one in found.results[0].tests if one.kind is Kind.EXPECTATION]
    assert result.status is (Status.FAIL if words else Status.PASS), said(found)
    assert words in said(found)


def test_throttled_without_throttling_is_an_error_of_the_file(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / SIDE).write_text(f"tests:\n- name: One\n{DATA}  expect: {{throttled: true}}\n", encoding="utf-8")
    content = app.content([str(tmp_path)])
    found = app.run_tests(content, [content.find(EXAMPLE)], jobs=1)
    (problem,) = [one for one in found.warnings if "has no throttling" in str(one)]
    assert problem.code == "content.test-file"


BASELINE = """name: Known Tools
id: 1e3d6b1c-1f8f-4f3e-9a43-0d8a2f6f5d70
version: 1
date: '2026-01-15'
author: Example
type: Baseline
description: Keeps what is installed.
search: '`base_system` EventCode={code} | stats count by ImagePath | rename ImagePath as service_path
  | outputlookup known_tools'
how_to_implement: Run it daily.
known_false_positives: none
references: []
tags:
  analytic_story: [Active Directory Discovery]
  detections: [Base Remote Tool]
  product: [Splunk Enterprise]
  required_fields: [_time]
  security_domain: endpoint
"""
LOOKUP = "name: known_tools\nfilename: known_tools.csv\ndescription: Tools that are known.\n"


@pytest.mark.parametrize(
    ("code", "expect", "words"),
    [
        (7045, "count: 0", ""),
        (7045, "count: 1", "isnull(known) holds for none"),
        (1, "count: 0", "the baseline 'Known Tools' gives no rows: EventCode=1 holds for none"),
    ],
)
def test_baselines_run_first(code: int, expect: str, words: str, tmp_path: Path) -> None:
    write(tmp_path)
    for name, text in {
        "baselines/known_tools.yml": BASELINE.replace("{code}", str(code)),
        "lookups/known_tools.yml": LOOKUP,
        "lookups/known_tools.csv": "service_path,count\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    path = tmp_path / "detections/endpoint/base_remote_tool.yml"
    new = "as service_path | lookup known_tools service_path OUTPUT count as known | where isnull(known) |"
    path.write_text(path.read_text(encoding="utf-8").replace("as service_path |", new), encoding="utf-8")
    before = (
        DATA.replace("  attack_data", "    attack_data").replace("  - ", "    - ").replace("    source", "      source")
    )
    body = f"  baselines:\n    names: [Known Tools]\n{before}  expect: {{{expect}}}\n"
    (tmp_path / SIDE).write_text(f"tests:\n- name: One\n{DATA}{body}", encoding="utf-8")
    content = app.content([str(tmp_path)])
    found = app.run_tests(content, [content.find(EXAMPLE)], jobs=1)
    assert not [one for one in found.warnings if one.code == "content.test-file"], found.warnings
    results = [one for one in found.results[0].tests if one.kind is Kind.EXPECTATION]
    told = [failure.reason for one in results for failure in one.failures]
    assert [one.status for one in results] == [Status.FAIL if words else Status.PASS], told
    assert words in "\n".join(told)


@pytest.mark.parametrize(
    ("body", "words"),
    [("  expects: {count: 0}\n", "expects"), ("  expect: {count: 0}\n  hosts: [a]\n", "hosts")],
)
def test_what_is_not_known_in_a_further_test_fails(body: str, words: str, tmp_path: Path) -> None:
    """Passed over, the first of these would make a test that nothing is found into one that something is."""
    write(tmp_path)
    (tmp_path / SIDE).write_text(f"tests:\n- name: One\n{DATA}{body}", encoding="utf-8")
    content = app.content([str(tmp_path)])
    found = app.run_tests(content, [content.find(EXAMPLE)], jobs=1)
    (result,) = [one for one in found.results[0].tests if one.kind is Kind.EXPECTATION]
    assert result.status is Status.ERROR
    assert words in said(found)
