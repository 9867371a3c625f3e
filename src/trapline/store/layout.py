"""Where a field lives in a table, and the names that may not be used as they are.

A table has the fixed columns of `FIXED`, then one string column per field up to a bound, named exactly like the field.
`_fields` holds the rest by name (the *tail*): names that differ from a column only in case (Delta, DuckDB and Spark
ignore case, Splunk does not: Sysmon has `ProcessID` and `ProcessId`), names beyond the bound, and names that are unfit
for a column. `_mv` holds the cells with more than one value, of any field; their place in the column or tail is null.

Which names get columns: those of `columns.yml` whenever they come, for which room is kept; otherwise first come, and
within one append the most frequent. A place, once given, never changes, so files written under an older layout stay
right under a newer one, which has more columns at its end.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

from trapline.errors import TraplineError

TIME, INDEXTIME, SERIAL, RAW, HOST, SOURCE = "_time", "_indextime", "_serial", "_raw", "host", "source"
TAIL, MULTI = "_fields", "_mv"
FIXED = (TIME, INDEXTIME, SERIAL, RAW, HOST, SOURCE, TAIL, MULTI)
"""In this order at the start of every table."""

BOUND = 256
"""Field columns of a table, at most."""

# Delta without column mapping refuses " ,;{}()\n\t=" in a column name, Spark wants backticks for more; non-ASCII
# letters are left out because Python, DuckDB and Spark lower them differently; a leading "_" is ours.
_FIT = re.compile(r"[A-Za-z0-9@][A-Za-z0-9_.@:/#-]{0,127}", re.ASCII)
_INDEX = re.compile(r"[a-z0-9_][a-z0-9_-]{0,79}", re.ASCII)
_PLAIN = re.compile(rb"[A-Za-z0-9_-]")
_FOLDER_BYTES = 200


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of a table's fields. `multi` names may be in either of the others."""

    columns: tuple[str, ...] = ()
    tail: frozenset[str] = frozenset()
    multi: frozenset[str] = frozenset()

    def grow(
        self, counts: Mapping[str, int], multi: Collection[str], preferred: Collection[str], bound: int = BOUND
    ) -> Layout:
        """The layout with a place for every name of `counts` (name -> number of events that have it). `preferred`: the
        names of `columns.yml` for this sourcetype."""
        known = set(self.columns) | self.tail
        new = [name for name in counts if name not in known]
        if not new and self.multi.issuperset(multi):
            return self
        wish = {name: place for place, name in enumerate(preferred)}
        new.sort(key=lambda name: (wish.get(name, len(wish)), -counts[name], name))
        taken = {name.lower() for name in (*FIXED, *self.columns)}
        kept = {name.lower(): name for name in wish if name.lower() not in taken}
        columns, tail = list(self.columns), set(self.tail)
        for name in new:
            key = name.lower()
            owner = kept.get(key)
            room = bound - len(columns) - (0 if owner == name else len(kept))
            if _FIT.fullmatch(name) is None or key in taken or owner not in (None, name) or room <= 0:
                tail.add(name)
                continue
            columns.append(name)
            taken.add(key)
            kept.pop(key, None)
        return Layout(tuple(columns), frozenset(tail), self.multi | frozenset(multi))


@cache
def preferred_columns(sourcetype: str) -> tuple[str, ...]:
    """The names of `columns.yml` for a sourcetype, most wanted first."""
    lists = _column_lists()
    return lists.get(sourcetype.lower(), lists.get("*", ()))


@cache
def _column_lists() -> dict[str, tuple[str, ...]]:
    text = resources.files(__package__).joinpath("columns.yml").read_text(encoding="utf-8")
    data: dict[str, list[str]] = yaml.safe_load(text)
    return {sourcetype.lower(): tuple(dict.fromkeys(names)) for sourcetype, names in data.items()}


def check_index(index: str) -> str:
    """The name itself. Raises TraplineError unless it is lowercase letters, digits, `_` and `-` ("Create custom
    indexes" in Splunk's Managing Indexers)."""
    if _INDEX.fullmatch(index) is None:
        raise TraplineError(
            f"{index[:80]!r} cannot be an index name",
            hint="use lowercase letters, digits, '_' and '-', at most 80, not starting with '-'",
            code="index-name",
        )
    return index


def folder_of(sourcetype: str) -> str:
    """The folder name of a sourcetype: letters, digits, `_`, `-` and inner dots stay, other bytes of its UTF-8 become
    +XX. Raises TraplineError for an empty or overlong sourcetype."""
    parts = []
    for at, byte in enumerate(sourcetype.encode("utf-8", "surrogatepass")):
        char = bytes((byte,))
        plain = _PLAIN.match(char) is not None and not (at == 0 and char == b"_")
        parts.append(char.decode() if plain or (at > 0 and char == b".") else f"+{byte:02X}")
    folder = "".join(parts)
    if not 0 < len(folder) <= _FOLDER_BYTES:
        raise TraplineError(
            f"a sourcetype of {len(sourcetype)} characters cannot be stored",
            hint="give the events another one with --sourcetype",
            code="sourcetype-name",
        )
    return folder


def sourcetype_of(folder: str) -> str | None:
    """The sourcetype of a folder, None if `folder_of` never gives that name."""
    try:
        text = re.sub(rb"\+([0-9A-F]{2})", lambda m: bytes((int(m[1], 16),)), folder.encode()).decode(
            "utf-8", "surrogatepass"
        )
        return text if folder_of(text) == folder else None
    except (UnicodeError, TraplineError):
        return None
