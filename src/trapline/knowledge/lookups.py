"""Where lookup tables come from: JSON-like rows, CSV files, and the definitions of detection content.

Sources: transforms.conf.spec ("Lookup tables"); Search Reference, "outputlookup" (the form of the file).
"""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, cast

from trapline.errors import InputError, SplError, TraplineError
from trapline.knowledge.absent import absent_tables
from trapline.knowledge.computed import COMPUTED
from trapline.spl.lookups import MAX_MATCHES, MOST_MATCHES, MOST_OFFSET, Absent, Lookup, Match, Temporal
from trapline.times import reader
from trapline.values import Row, Scalar, Value, value_text

MULTI_PREFIX = "__mv_"
"""Columns of a CSV file that hold the values of a multivalue: `$a$;$b$`, a `$` in a value doubled."""
_MATCH = re.compile(r"\s*(WILDCARD|CIDR|EXACT)\s*\(\s*\"?([^()\"]+?)\"?\s*\)\s*\Z", re.IGNORECASE)
_CELL = 16_000_000
"""Characters of a CSV cell."""


class Definition(Protocol):
    """A lookup definition of detection content (`trapline.content.model.Lookup`)."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def file(self) -> str: ...
    @property
    def filename(self) -> str: ...
    @property
    def table(self) -> Path | None: ...
    @property
    def collection(self) -> str: ...
    @property
    def filter(self) -> str: ...
    @property
    def fields(self) -> tuple[str, ...]: ...
    @property
    def default_match(self) -> str: ...
    @property
    def match_type(self) -> tuple[str, ...]: ...
    @property
    def min_matches(self) -> int | None: ...
    @property
    def max_matches(self) -> int | None: ...
    @property
    def case_sensitive(self) -> bool: ...


# --- from JSON -----------------------------------------------------------------------------------------------------


def lookup_of(name: str, given: Any) -> Lookup:
    """A lookup from its JSON form (spl/NOTES.md §1): {"rows": [...], "match_type": "CIDR(f)",
    "case_sensitive_match": true, "max_matches": 100, "min_matches": 0, "default_match": "", "fields": [...]}, with
    time_field, time_format, min_offset_secs and max_offset_secs where it is bound to time, and "collection" with
    "types" and "strict" where its rows are in the KV store; from its rows alone; or from the path of a CSV file. Raises
    TraplineError."""
    match given:
        case Lookup():
            return given
        case Path():
            return read_csv(name, given)
        case Mapping():
            settings = dict(given)
        case list() | tuple():
            settings = {"rows": given}
        case _:
            raise TraplineError(f"the lookup '{name}' is neither rows nor a file", code="lookup")
    path = settings.get("filename")
    if path is not None and "rows" not in settings:
        rows, fields = read_rows(Path(str(path)))
    else:
        rows = [_row(row) for row in settings.get("rows", ())]
        fields = tuple(dict.fromkeys(key for row in settings.get("rows", ()) for key in row))
    stated = settings.get("fields") or settings.get("fields_list") or fields
    if isinstance(stated, str):
        stated = [one.strip() for one in stated.split(",") if one.strip()]
    types = settings.get("match_type") or ()
    temporal = _temporal(name, settings)
    return Lookup(
        name,
        rows,
        tuple(dict.fromkeys([*map(str, stated), *fields])),
        match_types(name, re.split(r",(?![^()]*\))", types) if isinstance(types, str) else types),
        case_sensitive=_flag(settings.get("case_sensitive_match", True)),
        max_matches=_count(name, "max_matches", settings.get("max_matches"), 1, 1 if temporal else MAX_MATCHES),
        min_matches=_count(name, "min_matches", settings.get("min_matches"), 0, 0),
        default_match=str(settings.get("default_match") or ""),
        temporal=temporal,
        filter=str(settings.get("filter") or ""),
        filename=Path(str(settings.get("filename") or "")).name,
        collection=str(settings.get("collection") or ""),
        types=dict(settings.get("types") or {}),
        strict=_flag(settings.get("strict", False)),
    )


def _temporal(name: str, settings: Mapping[str, Any]) -> Temporal | None:
    """How a table is bound to time. Raises TraplineError."""
    column = settings.get("time_field")
    if not column:
        return None
    try:
        least = float(settings.get("min_offset_secs") or 0)
        most = float(settings.get("max_offset_secs") or MOST_OFFSET)
    except (TypeError, ValueError):
        raise TraplineError(f"the lookup '{name}': an offset is a number of seconds", code="lookup") from None
    form = str(settings.get("time_format") or "%s")
    if not form.startswith("%s") and reader(form) is None:
        raise TraplineError(f"the lookup '{name}': the time_format '{form}' cannot be read", code="lookup")
    return Temporal(str(column), form, least, most)


def match_types(name: str, given: Iterable[str]) -> dict[str, Match]:
    """`WILDCARD(field)`, `CIDR(field)` by field. Raises TraplineError."""
    found: dict[str, Match] = {}
    for one in given:
        if not one.strip():
            continue
        parts = _MATCH.match(one)
        if parts is None:
            raise TraplineError(
                f"the lookup '{name}' has a match_type that is not known: {one.strip()}",
                hint="WILDCARD(field), CIDR(field) or EXACT(field)",
                code="lookup",
            )
        found[parts.group(2)] = Match(parts.group(1).upper())
    return found


def _row(given: Mapping[str, Any]) -> Row:
    row: Row = {}
    for name, cell in given.items():
        value = _cell(cell)
        if value is not None:
            row[str(name)] = value
    return row


def _cell(cell: Any) -> Value | None:
    match cell:
        case None:
            return None
        case bool():
            return "true" if cell else "false"
        case str() | int() | float():
            return cell
        case list() | tuple():
            values: list[Scalar] = []
            for one in map(_cell, cell):
                if one is not None and not isinstance(one, list):
                    values.append(one)
            return values or None
    return str(cell)


def _flag(value: object) -> bool:
    return str(value).strip().lower() not in ("false", "f", "0", "no", "n")


def _count(name: str, what: str, value: Any, least: int, default: int) -> int:
    if value is None:
        return default
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = -1
    if not least <= number <= MOST_MATCHES:
        raise TraplineError(f"the lookup '{name}': {what} lies between {least} and {MOST_MATCHES:,}", code="lookup")
    return number


# --- from files ----------------------------------------------------------------------------------------------------


def read_csv(name: str, path: Path) -> Lookup:
    """A CSV file as a lookup with the default settings. Raises InputError."""
    rows, fields = read_rows(path)
    return Lookup(name, rows, fields)


def read_rows(path: Path) -> tuple[list[Row], tuple[str, ...]]:
    """The rows and columns of a CSV file (`.csv`, `.csv.gz`), UTF-8; an empty cell is null. Raises InputError."""
    limit = csv.field_size_limit(_CELL)
    line = 1
    try:
        with _open(path, "rb") as raw, io.TextIOWrapper(raw, "utf-8-sig", errors="replace", newline="") as text:
            # Public content has blanks after its commas, and names its fields without them.
            reader = csv.reader(text, skipinitialspace=True)
            header = [name.strip() for name in next(reader, [])]
            rows = []
            for cells in reader:
                line = reader.line_num
                row = _record(header, cells)
                if row:
                    rows.append(row)
    except OSError as error:
        raise InputError(
            f"the lookup file cannot be read: {error.strerror or error}", file=str(path), code="lookup"
        ) from None
    except (csv.Error, EOFError) as error:
        raise InputError(f"this is not a CSV file: {error}", file=str(path), line=line, code="lookup") from None
    finally:
        csv.field_size_limit(limit)
    return rows, tuple(one for one in header if one and not one.startswith(MULTI_PREFIX))


def _open(path: Path, mode: Literal["rb", "wb"], *, zipped: bool | None = None) -> BinaryIO:
    packed = path.suffix == ".gz" if zipped is None else zipped
    return cast("BinaryIO", gzip.open(path, mode) if packed else path.open(mode))


def _record(header: Sequence[str], cells: Sequence[str]) -> Row:
    row: Row = {}
    for name, cell in zip(header, cells, strict=False):
        if not name or not cell:
            continue
        if name.startswith(MULTI_PREFIX):
            values = re.findall(r"\$((?:[^$]|\$\$)*)\$(?:;|\Z)", cell)
            if len(values) > 1:
                row[name.removeprefix(MULTI_PREFIX)] = [value.replace("$$", "$") for value in values]
        else:
            row.setdefault(name, cell)
    return row


def write_csv(path: Path, rows: Sequence[Row], fields: Sequence[str]) -> None:
    """Write a lookup file, in one step, so that a reader sees the old file or the new one. Raises InputError."""
    multi = [name for name in fields if any(isinstance(row.get(name), list) for row in rows)]
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with (
            _open(beside, "wb", zipped=path.suffix == ".gz") as raw,
            io.TextIOWrapper(raw, "utf-8", newline="") as text,
        ):
            writer = csv.writer(text)
            writer.writerow([*fields, *(f"{MULTI_PREFIX}{name}" for name in multi)])
            for row in rows:
                cells = ["" if name not in row else value_text(row[name]) for name in fields]
                writer.writerow(cells + [_packed(row.get(name)) for name in multi])
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise InputError(
            f"the lookup file cannot be written: {error.strerror or error}", file=str(path), code="lookup"
        ) from None


def _packed(cell: Value | None) -> str:
    if not isinstance(cell, list):
        return ""
    return ";".join("$" + value_text(one).replace("$", "$$") + "$" for one in cell)


class LookupFiles(Mapping[str, Lookup]):
    """The lookups of detection content by name and by file name; a file is read when a search first uses it.

    A KV store collection and a file that is not there are empty tables with a note. `fillers`: table -> the baselines
    of the content that write it, asked for when a table is found empty or missing.
    """

    def __init__(
        self, definitions: Iterable[Definition], fillers: Callable[[], Mapping[str, Sequence[str]]] = dict
    ) -> None:
        self._fillers = fillers
        self._definitions: dict[str, Definition] = {}
        found = list(definitions)
        for one in found:
            if one.filename:
                self._definitions.setdefault(one.filename, one)
        self._definitions.update((one.name, one) for one in found)
        self._read: dict[str, Lookup] = {}

    def __getitem__(self, name: str) -> Lookup:
        known = self._read.get(name)
        if known is None:
            known = defined(self._definitions[name])
            if known.note and (filler := self.filled_by(known.name) or self.filled_by(known.filename)):
                known = replace(known, note=f"{known.note}; it is filled by {filler}")
            self._read[name] = known
        return known

    def filled_by(self, name: str) -> str:
        """`the baseline 'x' or 'y'` that writes a table; empty if none does."""
        names = [f"'{one}'" for one in self._fillers().get(name, ())] if name else []
        return f"the baseline {' or '.join(names)}" if names else ""

    def __iter__(self) -> Iterator[str]:
        return iter(self._definitions)

    def __len__(self) -> int:
        return len(self._definitions)


def defined(given: Definition) -> Lookup:
    """The lookup of a definition of detection content, with its file. Raises InputError, TraplineError."""
    rows: Sequence[Row] = ()
    fields = given.fields
    note = ""
    path = given.table
    if given.kind == "kvstore":
        note = f"the lookup {given.name} is a KV store collection, which has no rows here"
    elif path is None or not path.is_file():
        note = f"the file {given.filename or '?'} of the lookup {given.name} is not beside its definition; it is empty"
    else:
        rows, columns = read_rows(path)
        fields = tuple(dict.fromkeys([*columns, *fields]))
    return Lookup(
        given.name,
        rows,
        fields,
        match_types(given.name, given.match_type),
        case_sensitive=given.case_sensitive,
        max_matches=given.max_matches or MAX_MATCHES,
        min_matches=given.min_matches or 0,
        default_match=given.default_match,
        note=note,
        filter=given.filter,
        filename=given.filename if given.kind != "kvstore" else "",
        collection=given.collection if given.kind == "kvstore" else "",
    )


def is_plain(name: str) -> bool:
    """Is it a file name and nothing else: no folder, drive, hidden file or control character in it?"""
    return bool(name) and len(name) <= 200 and re.fullmatch(r"[\w][\w .()+@~-]*", name) is not None


# --- finding -------------------------------------------------------------------------------------------------------


def find(
    name: str, known: Mapping[str, Any], also: Mapping[str, Any] | None = None, own: Mapping[str, Any] | None = None
) -> Lookup:
    """A lookup by name; `x.csv` and `x` stand for each other where only one of them is there. `also`: those of add-ons,
    `own`: files without a definition, which give way in this order. Raises SplError."""
    for tables in (known, also or {}, own or {}):
        for one in (name, name.removesuffix(".csv"), f"{name}.csv"):
            if one in tables:
                return lookup_of(one, tables[one])
    if name in COMPUTED:
        return COMPUTED[name]
    if (stranger := absent_tables().get(name)) is not None:
        raise Absent(
            f"the lookup '{name}' is not here, and nothing defines it: it {stranger.needs}",
            hint=stranger.provide,
            code="lookup",
        )
    if isinstance(known, LookupFiles) and (filler := known.filled_by(name)):
        raise SplError(
            f"the lookup '{name[:80]}' is not here, and nothing defines it: it is made by {filler}",
            hint=f"run that over a store with | savedsearch, or trapline lookups import {name[:80]} FILE",
            code="lookup",
        )
    near = difflib.get_close_matches(name, [*known, *(also or ()), *(own or ())], 1, 0.6)
    some = ", ".join(sorted(known)[:8])
    raise SplError(
        f"the lookup '{name[:80]}' does not exist",
        hint=f"did you mean '{near[0]}'?"
        if near
        else f"there are {some}"
        if some
        else "trapline lookups list shows those that there are",
        code="lookup",
    )
