"""Lookup tables that are the user's own: CSV files in a folder, and collections in the state database.

A file of the user's own takes the place of the one that content or an add-on brings; those are never written to.
Sources: Search Reference, "outputlookup"; collections.conf.spec (types of fields).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path
from typing import IO, TYPE_CHECKING

from trapline.errors import InputError, SplError
from trapline.knowledge.lookups import is_plain, read_rows, write_csv
from trapline.spl.keeping import KEY, Put, keeps, keyed, still_there, table_after
from trapline.spl.lookups import Lookup
from trapline.values import Row, Scalar, Value, to_number, value_text

if TYPE_CHECKING:
    from trapline.state.collections import Collections

TYPES = ("string", "number", "bool", "time", "cidr", "array")
"""Types of fields of a collection."""


@dataclass(slots=True)
class Kept:
    """Tables of the user's own. `folders`: where files are looked for, the first that has one counts; new ones go into
    the first. `database`: the state database, a SQLite file or a URL; None keeps collections as files. `writes`: what
    outputlookup writes ends up here; without it, in the memory of the session."""

    folders: tuple[Path, ...]
    database: Path | str | None = None
    writes: bool = True
    _files: dict[str, Lookup] = field(default_factory=dict)
    _read: dict[str, tuple[Lookup, object, Lookup]] = field(default_factory=dict)
    """By name: the table as defined, which state of its rows was read, and the table with them."""
    _state: list[Collections] = field(default_factory=list)

    # --- reading

    def files(self) -> dict[str, Lookup]:
        """The files by name, as tables without rows: see `current`."""
        found: dict[str, Lookup] = {}
        made = self._files
        for folder in self.folders:
            for path in sorted(folder.glob("*.csv*")):
                if is_plain(path.name) and path.name.endswith((".csv", ".csv.gz")) and path.name not in found:
                    found[path.name] = made.setdefault(path.name, Lookup(path.name, (), filename=path.name))
        return found

    def current(self, table: Lookup) -> Lookup:
        """A table with the rows that the user has for it now, else as it is. Raises TraplineError."""
        if table.collection and self.database is not None:
            return self._collection(table)
        name = file_of(table)
        path = self.file(name) if name else None
        if path is None:
            return table
        seen = path.stat()
        stamp = (path, seen.st_mtime_ns, seen.st_size, seen.st_ino)
        if (known := self._cached(table, stamp)) is not None:
            return known
        rows, fields = read_rows(path)
        return self._keep(table, stamp, replace(table, rows=rows, fields=fields, note=""))

    def file(self, name: str) -> Path | None:
        """The user's own file of that name."""
        found = (folder / name for folder in self.folders if (folder / name).is_file())
        return next(found, None) if is_plain(name) else None

    def _collection(self, table: Lookup) -> Lookup:
        state = self.state(create=False)
        version = state.version(table.collection) if state is not None else None
        if state is None or version is None:
            note = f"the lookup {table.name} is a KV store collection, to which nothing has been written yet"
            return replace(table, rows=(), note=note)
        if (known := self._cached(table, version)) is not None:
            return known
        rows = [_row(document) for document in state.documents(table.collection)]
        fields = table.fields or (KEY, *dict.fromkeys(name for row in rows for name in row if name != KEY))
        return self._keep(table, version, replace(table, rows=rows, fields=fields, note=""))

    def _cached(self, table: Lookup, stamp: object) -> Lookup | None:
        known = self._read.get(table.name)
        return known[2] if known is not None and known[0] is table and known[1] == stamp else None

    def _keep(self, table: Lookup, stamp: object, found: Lookup) -> Lookup:
        self._read[table.name] = (table, stamp, found)
        return found

    # --- writing

    def save(self, table: Lookup, rows: Sequence[Row], fields: Sequence[str], how: Put) -> tuple[str, ...]:
        """Put rows into a table; what was left out. Raises TraplineError."""
        if keeps(rows, how):
            return ()
        if table.collection and self.database is not None:
            return self._into_collection(table, rows, how)
        name = file_of(table)
        if not is_plain(name):
            reason = f"the lookup '{table.name}' is not written: '{name[:80]}' is no plain file name"
            raise SplError(reason, hint="filename = NAME.csv, without a folder", code="lookup")
        path = self.folders[0] / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _alone(path):
                before = self.current(table)
                had = bool(before.fields or before.rows)
                outcome = table_after(before if had else None, rows, fields, how)
                if outcome.rows is not None:
                    write_csv(path, outcome.rows, outcome.fields)
                elif path.is_file():
                    path.unlink()
        except OSError as error:
            raise InputError(
                f"the lookup file cannot be written: {error.strerror or error}", file=str(path), code="lookup"
            ) from None
        if outcome.rows is None and self.current(table).rows:
            return (still_there(table),)
        return outcome.told

    def delete(self, table: Lookup) -> bool:
        """Delete what the user has of a table; was there anything? Raises TraplineError."""
        if table.collection and self.database is not None:
            state = self.state(create=False)
            return state is not None and state.delete(table.collection)
        path = self.file(file_of(table))
        if path is None:
            return False
        with _alone(path):
            path.unlink(missing_ok=True)
        return True

    def _into_collection(self, table: Lookup, rows: Sequence[Row], how: Put) -> tuple[str, ...]:
        told: list[str] = []
        known = set(table.fields) | {KEY}
        lost = dict.fromkeys(name for row in rows for name in row if table.fields and name not in known)
        if lost:
            told.append(f"the lookup '{table.name}' has no field {', '.join(lost)}, which is left out as in Splunk")
        documents: list[dict[str, Value | bool]] = []
        invalid: dict[str, int] = {}
        for row in keyed(rows, how):
            document: dict[str, Value | bool] = {}
            wrong: list[str] = []
            for name, cell in row.items():
                if name == KEY:
                    document[KEY] = value_text(cell)
                elif not table.fields or name in known:
                    value = typed(cell, table.types.get(name))
                    if value is None:
                        wrong.append(name)
                    else:
                        document[name] = value
            for name in wrong:
                invalid[name] = invalid.get(name, 0) + 1
            if not (wrong and table.strict):
                documents.append(document)
        for name, number in invalid.items():
            what = ("record" if table.strict else "value") + ("" if number == 1 else "s")
            told.append(
                f"the collection {table.collection} takes a {table.types[name]} in '{name}': {number:,} {what} left out"
            )
        state = self.state(create=True)
        assert state is not None
        if not how.append:
            state.replace(table.collection, documents)
        else:
            state.put(table.collection, documents, update=how.updates)
        return tuple(told)

    def state(self, *, create: bool) -> Collections | None:
        """The collections of the state database; None where there is none and none is to be made. Raises
        TraplineError."""
        if self._state:
            return self._state[0]
        if self.database is None or (isinstance(self.database, Path) and not create and not self.database.is_file()):
            return None
        from trapline.state.collections import Collections
        from trapline.state.database import Database

        if isinstance(self.database, Path):
            self.database.parent.mkdir(parents=True, exist_ok=True)
        self._state.append(Collections(Database.at(self.database)))
        return self._state[0]


def file_of(table: Lookup) -> str:
    """The file that keeps a table: the one of its definition, else one by its name."""
    if table.filename:
        return table.filename
    name = table.collection or table.name
    return name if name.endswith((".csv", ".csv.gz")) else f"{name}.csv"


def typed(cell: Value, kind: str | None) -> Value | bool | None:
    """A value as a collection stores it; None if it is not of the type. Without a type it is as given."""
    match kind:
        case "number" | "time":
            number = None if isinstance(cell, list) else to_number(value_text(cell))
            return int(number) if number is not None and number == int(number) else number
        case "bool":
            return {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}.get(
                value_text(cell).strip().lower()
            )
        case "cidr":
            try:
                ip_network(value_text(cell).strip(), strict=False)
            except ValueError:
                return None
            return value_text(cell)
        case "array":
            return list(cell) if isinstance(cell, list) else [cell]
        case "string":
            return value_text(cell)
    return cell


def _row(document: Mapping[str, object]) -> Row:
    row: Row = {}
    for name, value in document.items():
        match value:
            case bool():
                row[name] = "true" if value else "false"
            case str() | int() | float():
                row[name] = value
            case list():
                values: list[Scalar] = [one for one in value if isinstance(one, str | int | float)]
                if values:
                    row[name] = values[0] if len(values) == 1 else values
    return row


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold off other writers of a file."""
    with path.with_name(f".{path.name}.lock").open("a+b") as file:
        _lock(file)
        yield


def _lock(file: IO[bytes]) -> None:
    """Wait for the lock, which ends when the file is closed."""
    if sys.platform == "win32":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
