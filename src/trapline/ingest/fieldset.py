"""Collecting the fields of one event: repeated names become multivalues, equal shapes share one tuple of names, and a
hostile event cannot make fields without end."""

from __future__ import annotations

from collections.abc import Iterable

from trapline.events import Cell, field_name
from trapline.ingest.source import Sink

FIELD_LIMIT = 2_000
"""Fields of one event. What is beyond stays in `_raw` only, with a warning."""

NAME_LIMIT = 512
"""Characters of a field name; a longer one stays in `_raw` only, with a warning."""

RAW_ONLY = "in _raw only"
"""How a warning about values that are no field ends."""

_SHAPE_LIMIT = 10_000


class Fields:
    """Makes `names, values` for `Sink.add` from pairs. One per file."""

    def __init__(self, sink: Sink, *, clean: bool = False) -> None:
        """`clean`: names as Splunk cleans them (`events.field_name`)."""
        self._sink = sink
        self._clean = clean
        self._names: dict[str, str] = {}
        self._shapes: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._simple: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._told: set[str] = set()

    def of(self, pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, ...], list[Cell]]:
        """The fields of one event. Values of a name that comes again are kept in order."""
        listed = list(pairs)
        if not listed:
            return (), []
        given, values = zip(*listed, strict=True)
        names = self._simple.get(given)
        if names is not None:
            return names, list(values)
        names, cells = self._collect(listed)
        if len(names) == len(given):  # nothing repeats, nothing is left out
            if len(self._simple) > _SHAPE_LIMIT:
                self._simple.clear()
            self._simple[given] = names
        return names, cells

    def _collect(self, pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, ...], list[Cell]]:
        out: dict[str, Cell] = {}
        known = self._names
        for given, value in pairs:
            name = known.get(given)
            if name is None:
                name = self._name(given)
            if not name:
                continue
            old = out.get(name)
            if old is None:
                if len(out) >= FIELD_LIMIT and name not in out:
                    self._tell(f"events with more than {FIELD_LIMIT} fields: the rest is {RAW_ONLY}")
                    continue
                out[name] = value
            elif isinstance(old, list):
                old.append(value)
            else:
                out[name] = [old, value]
        names = tuple(out)
        if len(self._shapes) > _SHAPE_LIMIT:
            self._shapes.clear()
        return self._shapes.setdefault(names, names), list(out.values())

    def _name(self, given: str) -> str:
        if len(given) > NAME_LIMIT:
            self._tell(f"field names longer than {NAME_LIMIT} characters: their values are {RAW_ONLY}")
            return ""
        name = field_name(given, clean=self._clean)
        if len(self._names) > _SHAPE_LIMIT:
            self._names.clear()
        self._names[given] = name
        return name

    def _tell(self, reason: str) -> None:
        if reason not in self._told:
            self._told.add(reason)
            self._sink.warn(reason)
