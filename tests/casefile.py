"""Case files: Markdown pages whose examples are run. The format is described in tests/cases/README.md."""

from __future__ import annotations

import difflib
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from trapline.values import number_text, to_number

SEVERAL = frozenset({"file", "addon", "content"})
"""Blocks of which a case may have more than one."""
GIVEN = frozenset({"spl", "json", "yaml", "settings", "exceptions"}) | SEVERAL
EXPECTED = frozenset({"rows", "fields", "error", "warnings", "explain", "because"})
PROSE = frozenset({"", "text", "sh", "conf"})
"""Fences that are for the reader only."""

SETTINGS: Mapping[str, type | tuple[type, ...]] = {
    "now": (int, float),
    "earliest": (int, float, str),
    "latest": (int, float, str),
    "macros": dict,
    "lookups": dict,
    "datamodels": dict,
    "store": bool,
    "tz": str,
    "limits": dict,
    "saved_searches": dict,
    "jobs": dict,
    "models": dict,
    "places": dict,
    "assets": list,
    "identities": list,
    "folder": bool,
    "enable": list,
    "steps": list,
    "drilldowns": str,
}

Row = Mapping[str, Any]


class CaseError(Exception):
    """A case file is not in the format. The text names file and line."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. `first` and `last` are the 0-based line numbers of its fences."""

    kind: str
    words: tuple[str, ...]
    attributes: Mapping[str, str]
    text: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Case:
    """One `## section` of a case file, with what it inherits from the head of the file."""

    file: Path
    name: str
    line: int
    """1-based line of the heading."""
    last: int
    """0-based number of the last line that belongs to the case's blocks: where an expectation is put."""
    blocks: tuple[Block, ...]
    spl: str
    trapline: str = ""
    """The text of trapline.yml."""
    exceptions: str = ""
    """The text of exceptions.yml."""
    events: tuple[Row, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"

    def expectations(self) -> list[Block]:
        return [block for block in self.blocks if block.kind in EXPECTED]

    def files(self) -> list[Block]:
        """Raw logs to ingest before the search."""
        return [block for block in self.blocks if block.kind == "file"]

    def content(self) -> list[Block]:
        """Detections, stories, macros and the like on top of the library."""
        return [block for block in self.blocks if block.kind == "content"]

    def addon(self) -> dict[str, str]:
        """The files of an add-on by their paths: the case's own in place of those of the page."""
        return {block.attributes.get("path", ""): block.text for block in self.blocks if block.kind == "addon"}


@dataclass(frozen=True, slots=True)
class CaseFile:
    path: Path
    title: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an engine made of a case: rows, or the rendered error."""

    fields: Sequence[str] = ()
    rows: Sequence[Row] = ()
    warnings: Sequence[str] = ()
    error: str | None = None
    stages: Sequence[tuple[int, str]] = ()
    because: Sequence[str] = ()


# --- reading -------------------------------------------------------------------------------------------------------

_ADDON_FILE = re.compile(r"(?:default|local)/\w+\.conf|lookups/\w+\.csv")
_CONTENT_FILE = re.compile(r"(?:detections|stories|macros|lookups|baselines)/\w+\.yml")
_FENCE = re.compile(r"^(`{3,}|~{3,})[ \t]*(.*)$")


def read(path: Path) -> CaseFile:
    """Read a case file. Raises CaseError."""
    return parse(path.read_text(encoding="utf-8"), path)


def parse(text: str, path: Path) -> CaseFile:
    """Read the text of a case file; `path` is only for messages. Raises CaseError."""
    lines = text.split("\n")
    title = ""
    sections: list[tuple[str, int, list[Block]]] = [("", 0, [])]
    index = 0
    while index < len(lines):
        line = lines[index]
        fence = _FENCE.match(line)
        if fence is not None:
            block = _block(lines, index, fence, path)
            sections[-1][2].append(block)
            index = block.last
        elif line.startswith("## "):
            sections.append((line[3:].strip(), index, []))
        elif line.startswith("# "):
            if title or len(sections) > 1:
                raise CaseError(f"{path}:{index + 1}: a second title; cases are '## ' sections")
            title = line[2:].strip()
        index += 1
    if not title:
        raise CaseError(f"{path}:1: no '# title'")
    head, *rest = sections
    shared = [block for block in head[2] if block.kind in GIVEN]
    for block in head[2]:
        if block.kind in EXPECTED or block.kind == "spl":
            raise CaseError(f"{path}:{block.first + 1}: a '{block.kind}' block before the first '## case'")
    names: set[str] = set()
    cases: list[Case] = []
    for name, at, blocks in rest:
        if not any(block.kind not in PROSE for block in blocks):
            continue  # a section of prose
        if name in names:
            raise CaseError(f"{path}:{at + 1}: a second case named '{name}'")
        names.add(name)
        cases.append(_case(path, name, at, shared, blocks))
    return CaseFile(path, title, tuple(cases))


def _block(lines: Sequence[str], first: int, fence: re.Match[str], path: Path) -> Block:
    marks, info = fence.group(1), fence.group(2).strip()
    for last in range(first + 1, len(lines)):
        end = lines[last].rstrip()
        if end.startswith(marks) and not end.strip(marks[0]):
            break
    else:
        raise CaseError(f"{path}:{first + 1}: the block has no closing {marks}")
    try:
        kind, *words = shlex.split(info) or [""]
    except ValueError as error:
        raise CaseError(f"{path}:{first + 1}: {error}") from error
    if kind not in GIVEN | EXPECTED | PROSE:
        known = ", ".join(sorted(GIVEN | EXPECTED | PROSE - {""}))
        raise CaseError(f"{path}:{first + 1}: unknown block '{kind}'; known are {known}")
    attributes = dict(word.split("=", 1) for word in words if "=" in word)
    plain = tuple(word for word in words if "=" not in word)
    return Block(kind, plain, attributes, "\n".join(lines[first + 1 : last]), first, last)


def _case(path: Path, name: str, at: int, shared: Sequence[Block], own: Sequence[Block]) -> Case:
    blocks = [block for block in own if block.kind not in PROSE]
    kinds = [block.kind for block in blocks]
    for kind in set(kinds) - SEVERAL:
        if kinds.count(kind) > 1:
            raise CaseError(f"{path}:{at + 1}: case '{name}' has more than one '{kind}' block")
    if "error" in kinds and {"rows", "fields", "explain", "because"} & set(kinds):
        raise CaseError(f"{path}:{at + 1}: case '{name}' expects rows and an error")
    for block in [*shared, *blocks]:
        if block.kind == "addon" and not _ADDON_FILE.fullmatch(block.attributes.get("path", "")):
            raise CaseError(f"{path}:{block.first + 1}: an addon block needs path=, such as default/props.conf")
        if block.kind == "content" and not _CONTENT_FILE.fullmatch(block.attributes.get("path", "")):
            raise CaseError(f"{path}:{block.first + 1}: a content block needs path=, such as detections/mine.yml")
        if block.words and (block.kind, block.words) != ("rows", ("unordered",)):
            raise CaseError(f"{path}:{block.first + 1}: '{' '.join(block.words)}' says nothing to a {block.kind} block")
    given = {block.kind: block for block in [*shared, *own] if block.kind in GIVEN - SEVERAL}
    if "spl" not in given:
        raise CaseError(f"{path}:{at + 1}: case '{name}' has no 'spl' block")
    inherited = [block for block in shared if block.kind in SEVERAL]
    several = {block.kind for block in [*inherited, *blocks]}
    if "addon" in several and "file" not in several:
        raise CaseError(f"{path}:{at + 1}: case '{name}' has an add-on and no file whose events it speaks of")
    settings: dict[str, Any] = {}
    for block in [*shared, *own]:
        if block.kind == "yaml":
            settings |= _settings(block, path)
    return Case(
        file=path,
        name=name,
        line=at + 1,
        last=max(block.last for block in blocks),
        blocks=(*inherited, *blocks),
        spl=given["spl"].text,
        exceptions=given["exceptions"].text if "exceptions" in given else "",
        trapline=given["settings"].text if "settings" in given else "",
        events=_rows(given["json"], path) if "json" in given else (),
        settings=settings,
    )


def _rows(block: Block, path: Path) -> tuple[Row, ...]:
    rows: list[Row] = []
    for offset, line in enumerate(block.text.split("\n")):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise CaseError(f"{path}:{block.first + offset + 2}: not a JSON object on one line: {error}") from error
        if not isinstance(row, dict):
            raise CaseError(f"{path}:{block.first + offset + 2}: not a JSON object")
        rows.append(row)
    return tuple(rows)


def _settings(block: Block, path: Path) -> dict[str, Any]:
    try:
        given = yaml.safe_load(block.text) or {}
    except yaml.YAMLError as error:
        raise CaseError(f"{path}:{block.first + 1}: {error}") from error
    if not isinstance(given, dict):
        raise CaseError(f"{path}:{block.first + 1}: settings are 'name: value' lines")
    for name, value in given.items():
        if name not in SETTINGS:
            raise CaseError(f"{path}:{block.first + 1}: unknown setting '{name}'; known are {', '.join(SETTINGS)}")
        if not isinstance(value, SETTINGS[name]):
            raise CaseError(f"{path}:{block.first + 1}: the setting '{name}' cannot be {value!r}")
    return given


# --- comparing -----------------------------------------------------------------------------------------------------


def differences(case: Case, got: Outcome) -> list[str]:
    """What is wrong, as lines of text; empty when all expectations hold."""
    said: list[str] = []
    expected = {block.kind: block for block in case.expectations()}
    if not {"rows", "error", "explain", "because"} & set(expected):
        return ["no expectation: --update-cases writes one from what the engine gives"]
    if got.error is not None or "error" in expected:
        want = expected["error"].text.rstrip() if "error" in expected else ""
        if want != (got.error or "").rstrip():
            said += _diff("error", want.splitlines(), (got.error or f"none, but {len(got.rows)} rows").splitlines())
        if got.error is not None:
            return said
    if "rows" in expected:
        block = expected["rows"]
        said += _rows_differ(_rows(block, case.file), got.rows, unordered="unordered" in block.words)
    if "fields" in expected:
        names = expected["fields"].text.strip()
        if json.loads(names or "[]") != list(got.fields):
            said += _diff("fields", [names], [_line(list(got.fields))])
    warnings = expected["warnings"].text.strip().splitlines() if "warnings" in expected else []
    if warnings != list(got.warnings):
        said += _diff("warnings", warnings, list(got.warnings))
    if "explain" in expected:
        stages = [line.split(None, 1) for line in expected["explain"].text.strip().split("\n")]
        if [" ".join(stage) for stage in stages] != [f"{count} {text}" for count, text in got.stages]:
            said += _diff("explain", expected["explain"].text.strip("\n").split("\n"), _stages(got).split("\n"))
    if "because" in expected and expected["because"].text.strip().splitlines() != list(got.because):
        said += _diff("because", expected["because"].text.strip().splitlines(), list(got.because))
    return said


def _rows_differ(want: Sequence[Row], got: Sequence[Row], *, unordered: bool) -> list[str]:
    if unordered:
        left = list(got)
        missing: list[Row] = []
        for row in want:
            found = next((index for index, other in enumerate(left) if same_row(row, other)), None)
            if found is None:
                missing.append(row)
            else:
                del left[found]
        if not missing and not left:
            return []
        return _diff("rows, in any order", [_line(row) for row in missing], [_line(row) for row in left])
    if len(want) == len(got) and all(map(same_row, want, got)):
        return []
    # A row that agrees is shown as it was written, so that the diff has only real differences.
    shown = [_line(want[i] if i < len(want) and same_row(want[i], row) else row) for i, row in enumerate(got)]
    return _diff("rows", [_line(row) for row in want], shown)


def same_row(want: Row, got: Row) -> bool:
    """Whether two rows print the same. An absent key is null; nothing else is let pass."""
    return all(same_cell(want.get(name), got.get(name)) for name in want.keys() | got.keys())


def same_cell(want: Any, got: Any) -> bool:
    """Whether two cells print the same: 5 and "5" do. Two numbers may differ by one part in 1e9."""
    if isinstance(want, list) or isinstance(got, list):
        return (
            isinstance(want, list)
            and isinstance(got, list)
            and len(want) == len(got)
            and all(map(same_cell, want, got))
        )
    if want is None or got is None or isinstance(want, bool) or isinstance(got, bool):
        return want is got
    if isinstance(want, str) and isinstance(got, str):
        return want == got
    a, b = (to_number(x) if isinstance(x, str) else float(x) for x in (want, got))
    if a is None or b is None:
        return False
    if isinstance(want, str) or isinstance(got, str):
        text, number = (want, b) if isinstance(want, str) else (got, a)
        return bool(text == number_text(number))
    return a == b or abs(a - b) <= 1e-9 * max(abs(a), abs(b))


def _diff(what: str, want: Sequence[str], got: Sequence[str]) -> list[str]:
    lines = list(difflib.unified_diff(want, got, "expected", "got", lineterm="", n=2))
    return [f"{what} differ:", *(f"  {line}" for line in lines[2:] if not line.startswith("@@"))]


# --- writing -------------------------------------------------------------------------------------------------------


def update(case: Case, got: Outcome) -> None:
    """Write what the engine gave into the case's file, touching nothing else of it. Raises CaseError."""
    text = case.file.read_text(encoding="utf-8")
    fresh = next((one for one in parse(text, case.file).cases if one.name == case.name), None)
    if fresh is None:
        raise CaseError(f"{case.file}: the case '{case.name}' has gone while the tests ran")
    lines = text.split("\n")
    old = {block.kind: block for block in fresh.expectations()}
    new: list[str] = []
    for info, body in _written(old, got):
        marks = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", body))])
        new += ["", f"{marks}{info}", *(body.split("\n") if body else []), marks]
    if not old:
        lines[fresh.last + 1 : fresh.last + 1] = new
    else:
        spots = sorted(old.values(), key=lambda block: block.first)
        for block in reversed(spots[1:]):
            start = block.first
            while start > 0 and not lines[start - 1].strip():
                start -= 1
            del lines[start : block.last + 1]
        lines[spots[0].first : spots[0].last + 1] = new[1:]
    case.file.write_text("\n".join(lines), encoding="utf-8")


def _written(old: Mapping[str, Block], got: Outcome) -> Iterator[tuple[str, str]]:
    """The expectation blocks: what stands on the fence, and the body."""
    if got.error is not None:
        yield "error", got.error
        return
    if "explain" in old:
        yield "explain", _stages(got)
    if "because" in old:
        yield "because", "\n".join(got.because)
    if "rows" in old or not {"explain", "because"} & set(old):
        unordered = "rows" in old and "unordered" in old["rows"].words
        yield "rows unordered" if unordered else "rows", "\n".join(_line(row) for row in got.rows)
    if "fields" in old:
        yield "fields", _line(list(got.fields))
    if got.warnings:
        yield "warnings", "\n".join(got.warnings)


def _stages(got: Outcome) -> str:
    width = max((len(str(count)) for count, _ in got.stages), default=1)
    return "\n".join(f"{count:>{width}}  {text}" for count, text in got.stages)


def _line(value: Any) -> str:
    return json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(cell) for name, cell in value.items() if cell is not None}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e16:
        return int(value)
    return value
