"""An official STIX 2.1 bundle of ATT&CK Enterprise -> the table of its version.

What of a bundle is taken (facts/ATTACK.md): a technique is an attack-pattern that is neither revoked nor deprecated.
Its id is the external reference of `mitre-attack`, its tactics are the phases of the kill chain `mitre-attack`; its
groups are the intrusion sets with a `uses` relationship to this very technique, relationship and both ends neither
revoked nor deprecated. A `revoked-by` relationship says what took the place of a technique. Everything else of the
bundle is passed over while it is read and takes no memory.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import msgspec

from trapline.errors import InputError

MOST_BYTES = 300_000_000
"""Bundles of today have 50 MB."""
MOST_OBJECTS = 500_000
SOURCE = "mitre-attack"
_TECHNIQUE = re.compile(r"T\d{4}(\.\d{3})?\Z")
_VERSION = re.compile(r"\d{1,3}(\.\d{1,3}){0,2}\Z")
_LONGEST = 300
"""Characters of a name."""


class _Reference(msgspec.Struct):
    source_name: str = ""
    external_id: str = ""


class _Phase(msgspec.Struct):
    kill_chain_name: str = ""
    phase_name: str = ""


class _Object(msgspec.Struct):
    """What of a STIX object is read."""

    type: str
    id: str = ""
    name: str = ""
    revoked: bool = False
    x_mitre_deprecated: bool = False
    external_references: list[_Reference] = []
    kill_chain_phases: list[_Phase] = []
    relationship_type: str = ""
    source_ref: str = ""
    target_ref: str = ""
    x_mitre_shortname: str = ""
    x_mitre_version: str = ""

    @property
    def gone(self) -> bool:
        return self.revoked or self.x_mitre_deprecated

    @property
    def attack_id(self) -> str:
        return next((one.external_id for one in self.external_references if one.source_name == SOURCE), "")


class _Bundle(msgspec.Struct):
    type: str = ""
    objects: list[_Object] = []


@dataclass(frozen=True, slots=True)
class Found:
    """The table that a bundle holds. `techniques`: rows of id, name, tactics (short names), groups. `retired`: old id
    -> new one, or "". `tactics`: short name -> (name, id)."""

    version: str
    techniques: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...]
    retired: dict[str, str]
    tactics: dict[str, tuple[str, str]]


def read(path: Path, version: str | None = None) -> Found:
    """The table of a bundle. `version`: in place of that of the bundle. Raises InputError that says what is wrong."""
    bundle = _bundle(path)
    number = version or _version(bundle, path)
    if not _VERSION.match(number):
        raise _wrong(path, f"'{number[:40]}' is no version of ATT&CK", "a version is like 19.0")
    patterns = [one for one in bundle.objects if one.type == "attack-pattern"]
    if not patterns:
        raise _wrong(path, "no technique (attack-pattern) is in the bundle", "take enterprise-attack.json")
    alive = {one.id: one for one in patterns if not one.gone}
    rows = _rows(bundle, alive, path)
    retired = _retired(bundle, {one.id: one for one in patterns})
    used = {row[0] for row in rows}  # an id that was revoked and given anew is in use
    return Found(number, rows, {old: new for old, new in retired.items() if old not in used}, _tactics(bundle))


def _bundle(path: Path) -> _Bundle:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror or error}", None) from None
    if len(data) > MOST_BYTES:
        raise _wrong(path, f"larger than {MOST_BYTES // 1_000_000} MB, too much for a bundle of ATT&CK", None)
    try:
        bundle = msgspec.json.decode(data, type=_Bundle)
    except msgspec.ValidationError as error:
        hint = "take the official enterprise-attack.json in STIX 2.1"
        raise _wrong(path, f"it is not in the form of a STIX bundle: {error}", hint) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        line = None
        if found := re.search(r"byte (\d+)", str(error)):
            line = data.count(b"\n", 0, int(found[1])) + 1
        raise InputError(f"it is no JSON: {error}", file=str(path), line=line, code="attack.bundle") from None
    if bundle.type != "bundle":
        what = f"of the type '{bundle.type[:40]}'" if bundle.type else "without a type"
        raise _wrong(path, f"it is {what}, not a STIX bundle", "take enterprise-attack.json as a whole")
    if len(bundle.objects) > MOST_OBJECTS:
        raise _wrong(path, f"more than {MOST_OBJECTS:,} objects", None)
    return bundle


def _version(bundle: _Bundle, path: Path) -> str:
    found = [one.x_mitre_version for one in bundle.objects if one.type == "x-mitre-collection" and one.x_mitre_version]
    if len(set(found)) != 1:
        why = "does not say its version" if not found else f"says several versions: {', '.join(sorted(set(found)))}"
        raise _wrong(path, f"the bundle {why} (x-mitre-collection)", "say it: --as 19.0")
    return found[0]


def _rows(
    bundle: _Bundle, alive: dict[str, _Object], path: Path
) -> tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...]:
    groups = {one.id: one.name for one in bundle.objects if one.type == "intrusion-set" and not one.gone}
    used: dict[str, set[str]] = defaultdict(set)
    for one in bundle.objects:
        if one.type != "relationship" or one.relationship_type != "uses" or one.gone:
            continue
        if one.source_ref in groups and one.target_ref in alive:
            used[one.target_ref].add(_clean(groups[one.source_ref]))
    rows = {}
    other = 0
    for stix, one in alive.items():
        tactics = [_clean(phase.phase_name) for phase in one.kill_chain_phases if phase.kill_chain_name == SOURCE]
        number = one.attack_id
        if not _TECHNIQUE.match(number) or not one.name.strip() or not tactics:
            other += 1
            continue
        if number in rows:
            raise _wrong(path, f"the technique {number} is in the bundle twice", "take the official bundle")
        rows[number] = (number, _clean(one.name), tuple(sorted(set(tactics))), tuple(sorted(used[stix])))
    if not rows:
        reason = f"none of the {other:,} techniques is of ATT&CK Enterprise: no id T1234, name and tactic of {SOURCE}"
        raise _wrong(path, reason, "take enterprise-attack.json, not that of Mobile or ICS")
    return tuple(rows[number] for number in sorted(rows))


def _retired(bundle: _Bundle, patterns: dict[str, _Object]) -> dict[str, str]:
    by = {
        one.source_ref: one.target_ref
        for one in bundle.objects
        if one.type == "relationship" and one.relationship_type == "revoked-by"
    }
    found = {}
    for stix, one in patterns.items():
        if not one.gone or not _TECHNIQUE.match(one.attack_id):
            continue
        successor = patterns.get(by.get(stix, ""))
        new = successor.attack_id if successor is not None and _TECHNIQUE.match(successor.attack_id) else ""
        found[one.attack_id] = new if new != one.attack_id else ""
    return dict(sorted(found.items()))


def _tactics(bundle: _Bundle) -> dict[str, tuple[str, str]]:
    return {
        _clean(one.x_mitre_shortname): (_clean(one.name), _clean(one.attack_id))
        for one in bundle.objects
        if one.type == "x-mitre-tactic" and one.x_mitre_shortname and not one.gone
    }


def _clean(text: str) -> str:
    """A name on one line that can stand in a table: the bar separates names there."""
    return " ".join("".join(char if char.isprintable() else " " for char in text[:_LONGEST]).replace("|", "/").split())


def _wrong(path: Path, reason: str, hint: str | None) -> InputError:
    return InputError(reason, file=str(path), hint=hint, code="attack.bundle")
