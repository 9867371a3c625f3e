"""A file that says where data sets are: TSV, CSV or YAML, one entry a data set.

Columns (keys in YAML): `path`, relative to the file itself; and what it is the data of: `data`, the URL or the end of
its path, or `detection`, a name, id or file name. `source` and `sourcetype` narrow a detection's entry to the data set
of that source and sourcetype. Other columns are the user's own. A YAML file may also map data to path: `URL: PATH`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trapline.content import yamlfile
from trapline.content.model import AttackData, Detection
from trapline.errors import InputError

MOST_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One data set and its file, an absolute path."""

    path: Path
    data: str = ""
    detection: str = ""
    source: str = ""
    sourcetype: str = ""

    def fits(self, detection: Detection, data: AttackData) -> bool:
        """Is it the entry of a data set of this detection?"""
        wanted = self.detection.strip().lower()
        stem = wanted.removesuffix(".yml").removesuffix(".yaml")
        if not wanted or (wanted not in (detection.name.lower(), detection.id.lower()) and stem != detection.stem):
            return False
        pairs = ((self.source, data.source), (self.sourcetype, data.sourcetype))
        return all(not mine or mine.lower() == its.lower() for mine, its in pairs)


def read(path: Path) -> list[Entry]:
    """The entries of a file. Raises InputError naming the line."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _wrong(path, "not UTF-8 text") from None
    if len(raw) > MOST_BYTES:
        raise _wrong(path, f"larger than {MOST_BYTES // 1_000_000} MB")
    rows = _yaml(text, path) if path.suffix.lower() in (".yml", ".yaml") else _table(text, path)
    return [_entry(row, path, line) for row, line in rows]


def _table(text: str, path: Path) -> Iterator[tuple[Mapping[str, str], int]]:
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter="\t" if "\t" in first else ",")
    if "path" not in (reader.fieldnames or ()):
        raise _wrong(path, "there is no column 'path'", 1)
    for row in reader:
        yield {key: value for key, value in row.items() if key and isinstance(value, str)}, reader.line_num


def _yaml(text: str, path: Path) -> Iterator[tuple[Mapping[str, str], int]]:
    for node in yamlfile.parse(text, str(path)):
        match node.value:
            case dict(pairs):
                for key, value in pairs.items():
                    if not isinstance(value.value, str):
                        raise _wrong(path, f"the path of {key} is not a text", value.line)
                    yield {"data": key, "path": value.value}, value.line
            case list(items):
                for item in items:
                    plain = item.plain()
                    if not isinstance(plain, dict):
                        raise _wrong(path, "an entry is a mapping with 'path' and 'data' or 'detection'", item.line)
                    yield {key: value for key, value in plain.items() if isinstance(value, str)}, item.line
            case None:
                pass
            case _:
                raise _wrong(path, "a list of entries, or a mapping of data to path, is expected", node.line)


def _entry(row: Mapping[str, str], path: Path, line: int) -> Entry:
    place = row.get("path", "").strip()
    found = Entry(
        (path.resolve().parent / place),
        row.get("data", "").strip(),
        row.get("detection", "").strip(),
        row.get("source", "").strip(),
        row.get("sourcetype", "").strip(),
    )
    if not place:
        raise _wrong(path, "this entry has no path", line)
    if not found.data and not found.detection:
        raise _wrong(path, "this entry says neither 'data' nor 'detection'", line)
    return found


def _wrong(path: Path, reason: str, line: int | None = None) -> InputError:
    hint = "columns are path, and data or detection; source and sourcetype may follow"
    return InputError(reason, file=str(path), line=line, hint=hint, code="testing.map")
