"""Findings for machines: JUnit XML, SARIF 2.1.0, workflow commands of GitHub.

Sources: the JUnit schema of Jenkins' xUnit plugin (testsuites, testsuite, testcase, failure, system-out); SARIF 2.1.0
(OASIS); GitHub Docs, "Workflow commands for GitHub Actions" (error, warning, notice, and how they are escaped).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

from trapline.lint import sarif as documents
from trapline.lint.check import all_rules as lint_rules
from trapline.validate.check import LINT, OWN, READING, Result, all_rules
from trapline.validate.finding import Finding, Level

_SARIF = {Level.NOTE: "note", Level.WARNING: "warning", Level.ERROR: "error"}
_GITHUB = {Level.NOTE: "notice", Level.WARNING: "warning", Level.ERROR: "error"}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold."""


def junit(result: Result, *, warnings_fail: bool, seconds: float) -> str:
    """One test suite a kind, one test case an object; its errors are failures, what else was found is its output."""
    found: dict[tuple[str, str, str], list[Finding]] = defaultdict(list)
    for one in result.findings:
        found[(one.kind, one.name, one.file)].append(one)
    cases: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for case in (*result.checked, *(key for key in found if key not in set(result.checked))):
        cases[case[0]].append(case)
    root = ET.Element("testsuites", name="trapline content validate", time=f"{seconds:.3f}")
    total = failures = 0
    for kind, members in cases.items():
        suite = ET.SubElement(root, "testsuite", name=kind)
        failing = 0
        for case in members:
            failing += _case(suite, case, found.get(case, []), warnings_fail=warnings_fail)
        for key, count in (("tests", len(members)), ("failures", failing), ("errors", 0), ("skipped", 0)):
            suite.set(key, str(count))
        total, failures = total + len(members), failures + failing
    for key, count in (("tests", total), ("failures", failures), ("errors", 0)):
        root.set(key, str(count))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, case: tuple[str, str, str], found: list[Finding], *, warnings_fail: bool) -> bool:
    kind, name, file = case
    node = ET.SubElement(suite, "testcase", name=_xml(name), classname=_xml(kind.replace(" ", "_")), file=_xml(file))
    least = Level.WARNING if warnings_fail else Level.ERROR
    bad = [one for one in found if one.level.reaches(least)]
    rest = [one for one in found if not one.level.reaches(least)]
    if bad:
        failure = ET.SubElement(node, "failure", message=_xml(bad[0].reason), type=bad[0].rule)
        failure.text = _xml("\n".join(map(_line, bad)))
    if rest:
        ET.SubElement(node, "system-out").text = _xml("\n".join(map(_line, rest)))
    return bool(bad)


def _line(one: Finding) -> str:
    hint = f" ({one.hint})" if one.hint else ""
    return f"{one.place}: {one.level.value} [{one.rule}] {one.field + ': ' if one.field else ''}{one.reason}{hint}"


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


def sarif(result: Result, version: str) -> dict[str, Any]:
    """One run with its rules and results."""
    described = {one.name: (one.summary, one.text, _SARIF[one.level]) for one in all_rules()}
    described |= {f"{LINT}.{one.name}": (one.summary, one.text, "warning") for one in lint_rules()}
    described |= {name: (summary, "", "warning") for name, summary in OWN.items()}
    names = sorted({one.rule for one in result.findings} | {one.name for one in all_rules()})
    rules = [documents.rule(name, *described.get(name, (_reading(name), "", "warning"))) for name in names]
    places = {name: place for place, name in enumerate(names)}
    results = []
    for one in result.findings:
        region = {} if one.line is None else {"startLine": one.line}
        if one.column is not None:
            region["startColumn"] = one.column
        results.append(
            documents.result(
                one.rule,
                places[one.rule],
                _SARIF[one.level],
                (one.reason, one.hint),
                one.file,
                region,
                one.name,
            )
        )
    return documents.document("trapline content validate", version, rules, results)


def _reading(name: str) -> str:
    return f"What reading a content file says: {name.removeprefix(f'{READING}.').replace('-', ' ')}."


def github(result: Result) -> Iterator[str]:
    """A workflow command a finding, which the forge shows at its line."""
    for one in result.findings:
        at = {"file": one.file, "line": one.line, "col": one.column, "title": f"{one.rule} ({one.name})"}
        given = ",".join(f"{key}={_property(str(value))}" for key, value in at.items() if value is not None)
        hint = f"\n{one.hint}" if one.hint else ""
        yield f"::{_GITHUB[one.level]} {given}::{_data(one.reason + hint)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
