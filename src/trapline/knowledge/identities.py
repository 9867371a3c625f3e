"""Assets and identities: two CSV files in the columns of Enterprise Security, as its lookup tables.

Sources: Administer Splunk Enterprise Security, "Format an asset or identity list as a lookup", "Asset and identity
fields after processing", "Manage asset field settings" and "Manage identity field settings".

Rows that share a key are one asset (keys: ip, mac, nt_host, dns) or one identity (key: identity); with a
`cim_entity_zone` only those of the same zone. Letter case of keys is ignored. Values of all rows are kept, in order,
each once; of `priority` the highest counts, of the columns that are true or false `true`. An asset is found by its
names and addresses in `asset_lookup_by_str`, by the networks and ranges in `ip` in `asset_lookup_by_cidr`, the
smallest network first. An identity is also found by its mail address and by what is before the `@` of it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from trapline.errors import InputError
from trapline.knowledge.lookups import read_rows
from trapline.spl.lookups import Lookup, Match, cell_values
from trapline.values import Row, Value

ASSETS = "assets.csv"
IDENTITIES = "identities.csv"

BY_STR = "asset_lookup_by_str"
BY_CIDR = "asset_lookup_by_cidr"
EXPANDED = "identity_lookup_expanded"
GIVEN = (BY_STR, BY_CIDR, EXPANDED)
"""Tables that are there only if the user gives assets or identities."""

ASSET_KEYS = ("ip", "mac", "nt_host", "dns")
ASSET_COLUMNS = (
    *ASSET_KEYS,
    *("owner", "priority", "lat", "long", "city", "country", "bunit", "category", "pci_domain", "is_expected"),
    *("should_timesync", "should_update", "requires_av", "cim_entity_zone"),
)
ASSET_TAGS = ("bunit", "category", "is_expected", "pci_domain", "requires_av", "should_timesync", "should_update")
IDENTITY_COLUMNS = (
    *("identity", "prefix", "nick", "first", "last", "suffix", "email", "phone", "phone2", "managedBy", "priority"),
    *("bunit", "category", "watchlist", "startDate", "endDate", "work_city", "work_country", "work_lat", "work_long"),
    "cim_entity_zone",
)
IDENTITY_TAGS = ("bunit", "category", "watchlist")
FLAGS = frozenset({"is_expected", "should_timesync", "should_update", "requires_av", "watchlist"})
"""Columns that are true or false."""
PRIORITIES = ("unknown", "informational", "low", "medium", "high", "critical")
"""The lowest first."""
ZONE = "cim_entity_zone"


def tables(assets: Path | None, identities: Path | None) -> dict[str, Lookup]:
    """The lookup tables by name, of the files that are given. Raises InputError."""
    found: dict[str, Lookup] = {}
    if assets is not None:
        rows, fields = read_rows(assets)
        found |= asset_tables(rows, _columns(assets, fields, ASSET_COLUMNS, ASSET_KEYS))
    if identities is not None:
        rows, fields = read_rows(identities)
        found |= identity_tables(rows, _columns(identities, fields, IDENTITY_COLUMNS, ("identity",)))
    return found


def not_given(name: str) -> Lookup:
    """One of `GIVEN` where the user has given nothing for it: no rows, and why."""
    what, file = ("identities", IDENTITIES) if name == EXPANDED else ("assets", ASSETS)
    found = identity_tables(()) if name == EXPANDED else asset_tables(())
    note = f"{name} is empty: no {what} are given (--{what} FILE, or {file} in the lookups folder of the store)"
    return replace(found[name], note=note)


def _columns(path: Path, fields: Sequence[str], known: Sequence[str], keys: Sequence[str]) -> tuple[str, ...]:
    """All columns: those of Enterprise Security, then the user's own. Raises InputError where there is no key."""
    if not any(key in fields for key in keys):
        raise InputError(
            f"this file has no column {', '.join(keys)}" + (" of which one is needed" if len(keys) > 1 else ""),
            file=str(path),
            hint=f"its columns are those of Enterprise Security: {', '.join(known[:6])}, ...",
            code="identities",
        )
    return tuple(dict.fromkeys([*known, *fields]))


def asset_tables(rows: Sequence[Row], columns: Sequence[str] = ASSET_COLUMNS) -> dict[str, Lookup]:
    """`asset_lookup_by_str` and `asset_lookup_by_cidr` of the rows of an asset list."""
    by_str: list[Row] = []
    networks: list[tuple[int, Row]] = []
    for asset in _merged(rows, columns, ASSET_KEYS):
        names: list[str] = []
        ranges: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for key in ASSET_KEYS:
            for text in asset.get(key, ()):
                found = list(_networks(text)) if key == "ip" else []
                ranges += found
                if not found:
                    names.append(text)
        own = {"asset_id": [_id(asset, ASSET_KEYS)], "asset_tag": _tags(asset, ASSET_TAGS)} | asset
        if names:
            by_str.append(_row({"asset": names} | own))
        networks += (
            (one.prefixlen + (96 if one.version == 4 else 0), _row({"asset": [str(one)]} | own)) for one in ranges
        )
    networks.sort(key=lambda one: -one[0])
    fields = ("asset", "asset_id", "asset_tag", *columns)
    return {
        BY_STR: Lookup(BY_STR, by_str, fields, case_sensitive=False, max_matches=1),
        BY_CIDR: Lookup(
            BY_CIDR, [row for _, row in networks], fields, {"asset": Match.CIDR}, case_sensitive=False, max_matches=1
        ),
    }


def identity_tables(rows: Sequence[Row], columns: Sequence[str] = IDENTITY_COLUMNS) -> dict[str, Lookup]:
    """`identity_lookup_expanded` of the rows of an identity list."""
    found: list[Row] = []
    for one in _merged(rows, columns, ("identity",)):
        mails = one.get("email", [])
        names = one["identity"] + mails + [mail.partition("@")[0] for mail in mails if "@" in mail]
        own = {"identity_id": [_id(one, ("identity",))], "identity_tag": _tags(one, IDENTITY_TAGS)} | one
        found.append(_row(own | {"identity": _each(names)}))
    fields = ("identity", "identity_id", "identity_tag", *(name for name in columns if name != "identity"))
    return {EXPANDED: Lookup(EXPANDED, found, fields, case_sensitive=False, max_matches=1)}


def _merged(rows: Sequence[Row], columns: Sequence[str], keys: Sequence[str]) -> Iterator[dict[str, list[str]]]:
    """One object for the rows that hang together by equal keys, in the order of their first rows."""
    cut = [{name: _split(row[name]) for name in columns if name in row} for row in rows]
    leader = list(range(len(cut)))

    def lead(place: int) -> int:
        while leader[place] != place:
            leader[place] = leader[leader[place]]
            place = leader[place]
        return place

    first: dict[tuple[str, str, str], int] = {}
    for place, row in enumerate(cut):
        zone = next(iter(row.get(ZONE, ())), "").lower()
        for key in keys:
            for text in row.get(key, ()):
                one, other = sorted((lead(place), lead(first.setdefault((zone, key, text.lower()), place))))
                leader[other] = one
    groups: dict[int, list[Mapping[str, list[str]]]] = {}
    for place, row in enumerate(cut):
        if any(row.get(key) for key in keys):
            groups.setdefault(lead(place), []).append(row)
    for group in groups.values():
        yield {
            name: values
            for name in columns
            if (values := _together(name, [text for row in group for text in row.get(name, ())]))
        }


def _together(name: str, values: Sequence[str]) -> list[str]:
    """What a merged object has in a column."""
    if name == "priority":
        return [max(values, key=_rank)] if values else []
    if name in FLAGS:
        return ["true" if any(map(_truth, values)) else "false"] if values else []
    return _each(values)


def _rank(priority: str) -> int:
    return PRIORITIES.index(priority.lower()) if priority.lower() in PRIORITIES else -1


def _truth(text: str) -> bool:
    return text.strip().lower() in ("true", "t", "1", "yes", "y")


def _split(cell: Value) -> list[str]:
    """The values of a cell, which `|` separates."""
    return [one.strip() for text in cell_values(cell) for one in text.split("|") if one.strip()]


def _each(values: Sequence[str]) -> list[str]:
    """Each value once, letter case aside, in order."""
    return list({value.lower(): value for value in reversed(values)}.values())[::-1]


def _id(one: Mapping[str, list[str]], keys: Sequence[str]) -> str:
    """Names an object: the first value of its first key."""
    return next(value for key in keys for value in one.get(key, ()))


def _tags(one: Mapping[str, list[str]], columns: Sequence[str]) -> list[str]:
    """What an object is tagged with: values, and the names of columns that are true."""
    found: list[str] = []
    for column in columns:
        values = one.get(column, [])
        if column in FLAGS:
            found += [column.removeprefix("is_")] if values == ["true"] else []
        else:
            found += values
    return _each(found)


def _row(cells: Mapping[str, Sequence[str]]) -> Row:
    return {name: cell[0] if len(cell) == 1 else list(cell) for name, cell in cells.items() if cell}


def _networks(text: str) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """The networks of `10.0.0.0/8` and of `10.0.0.1-10.0.0.9`; none for a single address and for anything else."""
    try:
        if "/" in text:
            yield ipaddress.ip_network(text, strict=False)
        elif "-" in text:
            first, _, last = text.partition("-")
            yield from _range(ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip()))
    except (ValueError, TypeError):
        return


def _range(
    first: ipaddress.IPv4Address | ipaddress.IPv6Address, last: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    if (isinstance(first, ipaddress.IPv4Address) and isinstance(last, ipaddress.IPv4Address)) or (
        isinstance(first, ipaddress.IPv6Address) and isinstance(last, ipaddress.IPv6Address)
    ):
        yield from ipaddress.summarize_address_range(first, last)
