"""iplocation: where an IP address is, from a MaxMind database that the user names.

Syntax:
    iplocation [prefix=<text>] [allfields=<bool>] [lang=<code>[,<code>...]] <field>

Options:
    prefix=<text> (none): what stands before the names of the new fields.
    allfields=<bool> (false): also Continent, MetroCode and Timezone.
    lang=<code>[,<code>...] (en): the languages of the names, the first one that there is; `code` gives ISO codes.

Source: Search Reference, "iplocation".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trapline.plan import NULL, Agg, Aggregate, Col, Extend, Filter, Join, Node, call, number
from trapline.spl.command import Context, Places
from trapline.spl.cursor import Cursor, Name, flag
from trapline.spl.evaluate import as_text
from trapline.values import Kind, value_text

FIELDS = ("City", "Country", "Region", "lat", "lon")
MORE = ("Continent", "MetroCode", "Timezone")
KEY = "address"


@dataclass(frozen=True, slots=True)
class IpLocation:
    field: Name
    prefix: str
    names: tuple[str, ...]
    languages: tuple[str, ...]

    def lower(self, context: Context, source: Node) -> Node:
        places = context.places()
        if places is None:
            context.warnings.add(
                "geoip",
                "iplocation has no geographic database, so it adds nothing: "
                f"{', '.join(self.prefix + name for name in self.names)} are null",
                hint="name a MaxMind City file: --geoip FILE.mmdb, or Session(geoip=Path(...)) in Python",
            )
        if places is None or self.field.text not in source.schema:
            return Extend(source, tuple((self.prefix + name, NULL) for name in self.names))
        column = Col(self.field.text, source.schema[self.field.text])
        # A multivalue field counts with its first value.
        address = call("list_at", Kind.TEXT, column, number(0)) if column.kind is Kind.MULTI else as_text(column)
        present = Filter(source, call("is_not_null", Kind.BOOL, address))
        distinct = Aggregate(present, ((KEY, address),), (("n", Agg("count_rows", None, Kind.NUMBER)),))
        known = [self._place(value_text(row[KEY]), places) for row in context.rows(distinct)]
        # A row that names every field makes sure that all of them are there.
        table = context.given([{KEY: "", **dict.fromkeys(self.names)}, *(one for one in known if one)])
        values = tuple((self.prefix + name, Col(name, table.schema[name])) for name in self.names)
        return Join(source, table, ((address, Col(KEY, Kind.TEXT)),), values)

    def _place(self, text: str, places: Places) -> dict[str, object] | None:
        address = _address(text)
        if address is None:
            return None
        record = places(address)
        if not record:
            return None
        found = {
            "City": self._name(record, "city"),
            "Country": self._name(record, "country"),
            "Region": self._region(record),
            "lat": _degrees(_at(record, "location", "latitude")),
            "lon": _degrees(_at(record, "location", "longitude")),
            "Continent": self._name(record, "continent"),
            "MetroCode": _at(record, "location", "metro_code"),
            "Timezone": _at(record, "location", "time_zone"),
        }
        return {KEY: text, **{name: found[name] for name in self.names}}

    def _name(self, record: object, *path: str) -> object:
        names = _at(record, *path, "names")
        for language in self.languages:
            found = self._code(_at(record, *path)) if language == "code" else _at(names, language)
            if found:
                return found
        return _at(names, "en")

    def _code(self, record: object) -> object:
        """The ISO code of a country or a region, the code of a continent."""
        return _at(record, "iso_code") or _at(record, "code")

    def _region(self, record: Mapping[str, object]) -> object:
        regions = record.get("subdivisions")
        return self._name(regions[0]) if isinstance(regions, Sequence) and regions else None


def _at(record: object, *path: str) -> object:
    for step in path:
        if not isinstance(record, Mapping):
            return None
        record = record.get(step)
    return record


def _degrees(value: object) -> object:
    return f"{value:.5f}" if isinstance(value, int | float) else value


def _address(text: str) -> str | None:
    """The address to ask for: one on the internet, or the first of such a network."""
    try:
        found = ipaddress.ip_network(text.strip(), strict=False).network_address
    except ValueError:
        return None
    return str(found) if found.is_global else None


def parse(cursor: Cursor) -> IpLocation:
    field: Name | None = None
    prefix, every = "", False
    languages: tuple[str, ...] = ()
    while not cursor.done():
        match cursor.option(("prefix", "allfields", "lang")):
            case ("prefix", value, _):
                prefix = value
            case ("allfields", value, span):
                every = flag(value, span)
            case ("lang", value, _):
                languages = tuple(one.strip() for one in value.split(",") if one.strip())
            case _:
                if cursor.at_option():
                    cursor.no_option()
                if field is not None:
                    cursor.fail(f"unexpected {cursor.found()}", hint="iplocation src")
                field = cursor.name("a field of IP addresses")
    if field is None:
        cursor.fail("iplocation needs a field of IP addresses", hint="iplocation src")
    return IpLocation(field, prefix, FIELDS + MORE if every else FIELDS, languages)
