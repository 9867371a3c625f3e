"""JUnit XML: a suite for each detection, a case for each test. Built as a tree: what comes from logs and content cannot
leave its place, and what XML cannot hold is shown as an escape."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from trapline.testing.model import DetectionResult, Status, Tested, TestResult

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(tested: Tested) -> str:
    """The XML text."""
    suites = [_suite(one) for one in tested.results]
    root = ET.Element("testsuites", {"name": "trapline test", "time": f"{tested.seconds:.3f}"})
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(one.get(name, "0")) for one in suites)))
    root.extend(suites)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(one: DetectionResult) -> ET.Element:
    states = [test.status for test in one.tests]
    suite = ET.Element(
        "testsuite",
        {
            "name": _plain(one.name),
            "tests": str(len(states)),
            "failures": str(states.count(Status.FAIL)),
            "errors": str(states.count(Status.ERROR)),
            "skipped": str(states.count(Status.SKIP)),
            "time": f"{one.seconds:.3f}",
            "file": _plain(one.file),
        },
    )
    suite.extend(_case(one, test) for test in one.tests)
    return suite


def _case(one: DetectionResult, test: TestResult) -> ET.Element:
    name = test.kind.value if test.kind.value == test.name else f"{test.kind.value}: {test.name}"
    case = ET.Element(
        "testcase",
        {"classname": _plain(one.name), "name": _plain(name), "time": f"{test.seconds:.3f}", "file": _plain(one.file)},
    )
    if test.status is Status.SKIP:
        ET.SubElement(case, "skipped", {"message": _plain(test.reason)})
    elif test.status is not Status.PASS:
        tag = "error" if test.status is Status.ERROR else "failure"
        codes = ",".join(dict.fromkeys(failure.code for failure in test.failures if failure.code))
        body = ET.SubElement(case, tag, {"message": _plain(test.message), "type": codes or tag})
        lines = []
        for failure in test.failures:
            lines += [failure.reason, *(f"  {line}" for line in failure.details)]
            lines += [f"  hint: {failure.hint}"] if failure.hint else []
        body.text = _plain("\n".join(lines))
    if test.notes:
        ET.SubElement(case, "system-out").text = _plain("\n".join(test.notes))
    return case


def _plain(text: str) -> str:
    return _FORBIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
