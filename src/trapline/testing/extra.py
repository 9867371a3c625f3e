"""Further tests of a detection, in a file of their own: `tests/<...>/<stem of the detection>.test.yml` of a content
folder. contentctl refuses keys that it does not know in a detection, so what goes beyond its tests stands there.

    detection: Windows Service Create RemComSvc    # name or id; default: the file of the same name
    tests:
    - name: Other services are not found
      attack_data:
      - data: tests/endpoint/benign.log            # as in a detection: data, source, sourcetype, host, ...
        source: XmlWinEventLog:System
        sourcetype: XmlWinEventLog
      expect:
        count: 0

Under `expect`: count (a number, or min and max), rows (all of them), includes, excludes, risk (object, type, field,
score), throttled. Beside `attack_data`: baselines (names, attack_data), which are run first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trapline.content import schemas, yamlfile
from trapline.content.catalog import Content
from trapline.content.fields import Fields
from trapline.content.model import AttackData, Baseline, Detection, Level, Problem
from trapline.content.shapes import attack_data
from trapline.errors import InputError

SUFFIX = ".test.yml"
MOST_FILES = 100_000


@dataclass(frozen=True, slots=True)
class ExpectedRisk:
    """A risk event that must be raised. `object`, `score` None: any."""

    object: str | None = None
    type: str = ""
    field: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Expect:
    """What the rows must be. Nothing given: contentctl's rule."""

    least: int | None = None
    most: int | None = None
    rows: tuple[Mapping[str, object], ...] | None = None
    """All rows, in any order: as many, each with just these fields."""
    includes: tuple[Mapping[str, object], ...] = ()
    """Rows that must be there; they may have further fields."""
    excludes: tuple[Mapping[str, object], ...] = ()
    """No row may be like one of these."""
    risk: tuple[ExpectedRisk, ...] | None = None
    """All risk objects that the rows raise, with their scores."""
    throttled: bool = False
    """The same again within the throttling period raises nothing, after it something."""

    @property
    def none(self) -> bool:
        """The search must return nothing."""
        return self.most == 0

    @property
    def about_rows(self) -> bool:
        given = (self.least, self.most, self.rows)
        return any(one is not None for one in given) or bool(self.includes or self.excludes)


@dataclass(frozen=True, slots=True)
class Extra:
    """One test of such a file. `history`: what the baselines are run over before the data comes."""

    name: str
    file: str
    line: int
    data: tuple[AttackData, ...] = ()
    history: tuple[AttackData, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    expect: Expect = field(default_factory=Expect)


def read(content: Content) -> dict[str, list[Extra]]:
    """The tests of all content folders by the name of their detection. What is wrong with a file is in the problems of
    the content."""
    found: dict[str, list[Extra]] = {}
    for path in _files(content):
        try:
            for node in yamlfile.parse(_text(path), str(path)):
                if node.value is None:
                    continue
                doubts: list[Problem] = []
                keys = Fields(node, str(path), doubts)
                if _of_first_form(Fields(node, str(path), [])):
                    reason = "a test file of contentctl's first form, which is not read"
                    hint = "its tests belong into the detection: tests: [{name, attack_data}]"
                    raise keys.fail("form", reason, "tests", hint=hint)
                named, tests = _shape(keys)
                # What is passed over may be what is expected: without it a test would pass that shows something else.
                content.problems += [replace(one, level=Level.ERROR) for one in doubts]
                if doubts:
                    continue
                detection = _detection(keys, named, path, content)
                found.setdefault(detection.name, []).extend(_settled(one, detection, content) for one in tests)
        except InputError as error:
            place = (str(path), error.line, error.field)
            content.problems.append(Problem(Level.ERROR, "test-file", error.reason, *place, error.hint))
    return found


def _files(content: Content) -> Iterator[Path]:
    count = 0
    for root in content.roots:
        for folder, names, files in os.walk(root / "tests"):
            names[:] = sorted(one for one in names if not one.startswith("."))
            for name in sorted(files):
                count += 1
                if count > MOST_FILES:
                    return
                if name.endswith(SUFFIX):
                    yield Path(folder, name)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(yamlfile.MAX_BYTES + 1)
        if len(data) > yamlfile.MAX_BYTES:
            raise InputError(f"larger than {yamlfile.MAX_BYTES // 1_000_000} MB", file=str(path))
        return data.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=str(path)) from None
    except UnicodeDecodeError:
        raise InputError("not UTF-8 text", file=str(path), hint="save it as UTF-8") from None


@dataclass(frozen=True, slots=True)
class _Written:
    """A test as its file has it. `at`, `before`, `expects`: where it is."""

    at: Fields
    name: str
    data: tuple[AttackData, ...]
    before: Fields | None
    history: tuple[AttackData, ...]
    baselines: tuple[str, ...]
    expects: Fields | None
    expect: Expect


def schema() -> dict[str, Any]:
    """The JSON Schema of these files."""
    return schemas.of(_shape, f"Further tests of a detection (STEM{SUFFIX})")


def _shape(keys: Fields) -> tuple[str, list[_Written]]:
    """(detection, its tests) as a file has them. Raises InputError."""
    named = keys.text("detection").strip()
    tests = [_written(one) for one in keys.some("tests", "the file has no tests", hint="tests: [{name, attack_data}]")]
    keys.unknown(("description",))
    return named, tests


def _written(one: Fields) -> _Written:
    name = one.need("name", hint="a name that says what it shows")
    entries = one.some("attack_data", "the test names no data", hint="a list of {data, source, ...}")
    before = one.child("baselines")
    history: tuple[AttackData, ...] = ()
    baselines: tuple[str, ...] = ()
    data = tuple(found for entry in entries if (found := attack_data(entry)) is not None)
    if before is not None:
        history = tuple(f for entry in before.children("attack_data") if (f := attack_data(entry)) is not None)
        baselines = before.texts("names")
        before.unknown()
    expects = one.child("expect")
    expect = _expect(expects) if expects is not None else Expect()
    one.unknown(("description",))
    return _Written(one, name, data, before, history, baselines, expects, expect)


def _of_first_form(keys: Fields) -> bool:
    return any("pass_condition" in one or "file" in one for one in keys.children("tests"))


def _detection(keys: Fields, named: str, path: Path, content: Content) -> Detection:
    query = named or path.name.removesuffix(SUFFIX)
    found = content.detections.find(query)
    if found is not None:
        return found
    near = content.detections.near(query)
    hint = f"did you mean '{near[0]}'?" if near else "say it with detection: NAME"
    raise keys.fail("detection", f"there is no detection '{query}'", "detection", hint=hint)


def _settled(one: _Written, detection: Detection, content: Content) -> Extra:
    """A test with the objects that it names. Raises InputError where there are none."""
    if not one.data:
        raise one.at.fail("missing", "the test names no data", "attack_data", hint="a list of {data, source, ...}")
    baselines: tuple[Baseline, ...] = ()
    if one.before is not None:
        if not one.baselines:
            hint = "names: [NAME, ...], run in this order"
            raise one.before.fail("missing", "no baseline is named", "names", hint=hint)
        baselines = tuple(_baseline(one.before, query, content) for query in one.baselines)
    if one.expect.throttled and detection.throttle is None:
        assert one.expects is not None
        reason = f"'{detection.name}' has no throttling"
        raise one.expects.fail("throttled", reason, "throttled", hint="tags.throttling sets it")
    return Extra(one.name, one.at.file, one.at.node.line, one.data, one.history, baselines, one.expect)


def _baseline(keys: Fields, query: str, content: Content) -> Baseline:
    found = content.baselines.find(query)
    if found is None:
        near = content.baselines.near(query)
        hint = f"did you mean '{near[0]}'?" if near else "baselines are in the folder baselines/"
        raise keys.fail("baseline", f"there is no baseline '{query}'", "names", hint=hint)
    return found


def _expect(keys: Fields) -> Expect:
    least, most = keys.bounds("count")
    throttled = keys.flag("throttled")
    rows, includes, excludes = keys.plains("rows"), keys.plains("includes"), keys.plains("excludes")
    risk = tuple(_risk(each) for each in keys.children("risk"))
    left = keys.unknown()
    if left:
        key, known = next(iter(left)), "count, rows, includes, excludes, risk, throttled"
        raise keys.fail("unknown-key", f"'{key}' is nothing that can be expected", key, hint=known)
    return Expect(
        least,
        most,
        rows if keys.given("rows") else None,
        includes,
        excludes,
        risk if keys.given("risk") else None,
        throttled,
    )


def _risk(keys: Fields) -> ExpectedRisk:
    score = keys.text("score").strip()
    try:
        number = float(score) if score else None
    except ValueError:
        raise keys.fail("score", f"a score is a number, not '{score[:40]}'", "score") from None
    found = ExpectedRisk(keys.text("object") or None, keys.text("type"), keys.text("field"), number)
    left = keys.unknown()
    if left:
        key = next(iter(left))
        raise keys.fail("unknown-key", f"'{key}' is not known here", key, hint="object, type, field, score")
    return found
