"""JSON Schemas of content: what the reader takes without a doubt fits them, and what it doubts does not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from tests.shared import shared
from trapline.cli import cli
from trapline.content import schemas
from trapline.content.model import Generation, Item, Problem
from trapline.content.read import LIBRARY, read_file
from trapline.errors import TraplineError
from trapline.testing import extra

KEYWORDS = {
    "$schema",
    "title",
    "description",
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "minItems",
}
_TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
}


def is_a(value: Any, kind: str) -> bool:
    if kind in ("number", "integer"):
        whole = kind == "number" or isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return isinstance(value, int | float) and not isinstance(value, bool) and whole
    return isinstance(value, _TYPES[kind])


def misfits(value: Any, schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Where a value does not fit, by the keywords that our schemas use."""
    assert schema.keys() <= KEYWORDS, schema.keys() - KEYWORDS
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(is_a(value, one) for one in kinds):
        yield f"{path}: {type(value).__name__} is none of {kinds}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value} is none of {schema['enum']}"
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: {value[:40]!r} does not match"
    if is_a(value, "number") and (value < schema.get("minimum", value) or value > schema.get("maximum", value)):
        yield f"{path}: {value} is out of range"
    if isinstance(value, dict) and "properties" in schema:
        yield from (f"{path}.{key}: is missing" for key in schema.get("required", []) if key not in value)
        for key, one in value.items():
            if key in schema["properties"]:
                yield from misfits(one, schema["properties"][key], f"{path}.{key}")
            elif schema.get("additionalProperties") is False:
                yield f"{path}.{key}: is not known"
    if isinstance(value, list) and "items" in schema:
        for at, one in enumerate(value):
            yield from misfits(one, schema["items"], f"{path}[{at}]")


def plain(value: Any) -> Any:
    """YAML as an editor sees it: a date is a text."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def checked(file: Path, kind: str) -> tuple[list[str], list[Problem], Item | None]:
    problems: list[Problem] = []
    items = read_file(file, problems)
    if not items:
        return [], problems, None
    value = plain(yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER))
    return list(misfits(value, schemas.schema(kind, items[0].generation))), problems, items[0]


def files(root: Path) -> Iterator[tuple[Path, str]]:
    for kind in schemas.kinds():
        yield from ((file, kind) for file in sorted((root / kind).rglob("*.yml")) if ".test." not in file.name)


def test_the_library_fits() -> None:
    found = {str(file): checked(file, kind)[0] for file, kind in files(LIBRARY)}
    assert len(found) > 20
    assert {file: told for file, told in found.items() if told} == {}


@pytest.mark.parametrize("tree", ["security_content", "escu6"])
def test_public_content_fits_where_the_reader_has_no_doubt(tree: str) -> None:
    root = shared("content", tree)
    count = 0
    wrong = []
    for file, kind in files(root):
        told, problems, item = checked(file, kind)
        count += item is not None
        if told and not problems:
            wrong.append((file.name, told[:3]))
    assert count
    assert wrong == []


@pytest.mark.parametrize("kind", schemas.kinds())
def test_every_generation_has_its_schema(kind: str) -> None:
    for generation in schemas.generations(kind):
        made = json.loads(json.dumps(schemas.schema(kind, generation)))
        assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert "name" in made["required"]
        assert ("date" in made["properties"]) is (generation is not Generation.S3)
        list(misfits({}, made))


GOOD = """
name: Odd
type: TTP
status: production
search: index=main
rba: {message: m, risk_objects: [{field: dest, type: system, score: 10}], threat_objects: []}
tags: {analytic_story: [A], mitre_attack_id: T1543}
"""


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("type: TTP", "type: Odd", ".type"),
        ("status: production", "status: done", ".status"),
        ("search: index=main", "serch: index=main", ".search"),
        ("score: 10", "score: 1000", ".rba.risk_objects[0].score"),
        ("score: 10", "score: ten", ".rba.risk_objects[0].score"),
        ("analytic_story: [A]", "analytic_storys: [A]", ".tags.analytic_storys"),
        ("tags: {", "tags: [] #", ".tags"),
    ],
)
def test_what_is_wrong_does_not_fit(old: str, new: str, place: str) -> None:
    schema = schemas.schema("detections", Generation.S2)
    assert list(misfits(yaml.safe_load(GOOD), schema)) == []
    found = list(misfits(yaml.safe_load(GOOD.replace(old, new)), schema))
    assert any(one.startswith(f"{place}:") for one in found), found


FURTHER = """
detection: One
tests:
- name: a
  attack_data: [{data: a.log, source: s, sourcetype: t, host: h, update_timestamp: true}]
  baselines: {names: [B], attack_data: [{data: b.log}]}
  expect: {count: {min: 1}, rows: [{a: 1}], includes: [{b: null}], risk: [{object: x, score: 3.5}], throttled: false}
- {name: b, attack_data: [{data: a.log}], expect: {count: 0}}
"""


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("count: 0", "cuont: 0", ".tests[1].expect.cuont"),
        ("count: 0", "count: -1", ".tests[1].expect.count"),
        ("count: 0", "count: few", ".tests[1].expect.count"),
        ("{min: 1}", "{least: 1}", ".tests[0].expect.count.least"),
        ("name: b, ", "", ".tests[1].name"),
        ("object: x", "objekt: x", ".tests[0].expect.risk[0].objekt"),
        ("host: h", "hosts: h", ".tests[0].attack_data[0].hosts"),
        ("tests:", "test:", ".tests"),
    ],
)
def test_files_of_further_tests(old: str, new: str, place: str) -> None:
    schema = extra.schema()
    assert not list(misfits(yaml.safe_load(FURTHER), schema))
    assert schema["properties"]["tests"]["minItems"] == 1
    found = list(misfits(yaml.safe_load(FURTHER.replace(old, new)), schema))
    assert any(one.startswith(f"{place}:") for one in found), found


def run(*args: object) -> Any:
    return CliRunner().invoke(cli, ["content", "schema", *map(str, args)])


def test_the_command(tmp_path: Path) -> None:
    assert json.loads(run("detection", "--generation", "s3").stdout)["title"] == "Detection, S3"
    assert json.loads(run("schedules").stdout)["title"] == "Schedule, S3"
    assert {one["kind"] for one in json.loads(run("--json").stdout)} == {*schemas.kinds(), "tests"}
    found = run("--out", tmp_path / "new", "--json")
    names = {Path(one).name for one in json.loads(found.stdout)["files"]}
    assert names == {path.name for path in (tmp_path / "new").iterdir()}
    assert {"detections.s1.json", "macros.s3.json", "tests.json"} <= names
    assert "schedules.s1.json" not in names
    assert json.loads(run("tests").stdout) == extra.schema()
    assert run("tests", "--generation", "s1").exit_code == 2
    for args in (("nothing",), ("schedules", "--generation", "s1")):
        assert isinstance(run(*args).exception, TraplineError)
