"""macros.conf, transforms.conf and analyticstories.conf -> macros, lookups and stories.

Sources: macros.conf.spec, transforms.conf.spec; facts/CONTENT.md §4.4 for analyticstories.conf.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from trapline.content import marked
from trapline.content.model import Generation, Level, Lookup, Macro, Problem, Story
from trapline.content.savedsearches import Story as Told
from trapline.content.stanza import Stanza, joined, stanzas
from trapline.errors import Warn
from trapline.knowledge.conf import DEFAULT, Conf
from trapline.knowledge.macros import macros_of

_STORY, _SEARCH = "analytic_story://", "savedsearch://"
_TABLES = (".csv", ".csv.gz", ".mlmodel")
_NOT_HERE = ("external_cmd", "time_field", "time_format", "max_offset_secs", "min_offset_secs")
_READ = frozenset(("REGEX", "FORMAT", "DELIMS", "SOURCE_KEY", "DEST_KEY"))
"""Stanzas of transforms.conf with one of these are no lookups."""


def macros(file: Conf, problems: list[Problem]) -> Iterator[Macro]:
    """The macros of macros.conf. A stanza that cannot be used is reported and left out."""
    read = {one.name: one for one in stanzas(file, problems)}
    for key, first in file.stanzas.get(DEFAULT, {}).items():
        if DEFAULT not in file.heads:
            reason = f"'{key[:60]}' stands before any [name]; it is left out"
            problems.append(Problem(Level.WARNING, "conf", reason, first.file, first.line, hint="put it below [name]"))
    doubts: list[Warn] = []
    found = macros_of(file, doubts)
    by_place = {one.where: one for one in doubts}
    for name, keys in read.items():
        own = file.stanzas[name]
        if "definition" not in own:
            place = keys.place("")
            problems.append(
                Problem(
                    Level.ERROR, "missing", f"[{name}] has no definition", *place[:2], name, "write definition = ..."
                )
            )
        elif name in found:
            one = found[name]
            yield Macro(
                name=one.name,
                definition=joined(one.definition),
                args=one.args,
                iseval=one.iseval,
                validation=joined(one.validation),
                errormsg=joined(one.errormsg),
                description=keys.text("description"),
                file=own["definition"].file,
                generation=Generation.APP,
            )
        else:
            doubt = by_place.get(own["definition"].place)
            reason = doubt.reason if doubt is not None else f"[{name}] cannot be used; it is left out"
            hint = doubt.hint if doubt is not None else "correct its head, args and definition"
            problems.append(Problem(Level.ERROR, "macro-args", reason, *keys.place("")[:2], name, hint))


def lookups(file: Conf, collections: Conf, folder: Path, problems: list[Problem]) -> Iterator[Lookup]:
    """The lookups of transforms.conf, and the tables in `folder` that none of them names: Splunk knows those by their
    file names. What takes events apart is no content."""
    typed = {one.name: one for one in stanzas(collections, problems)}
    named: set[str] = set()
    for keys in stanzas(file, problems):
        if not _READ.isdisjoint(keys.settings):
            continue
        filename, collection = keys.text("filename").strip(), keys.text("collection").strip()
        if not filename and not collection:
            if keys.given("external_cmd"):
                keys.warn(
                    "lookup",
                    "a lookup that runs a program is not supported; it is left out",
                    "external_cmd",
                    "write its answers to a .csv",
                )
            continue
        named.add(filename)
        for key in _NOT_HERE:
            if keys.given(key):
                keys.warn("unsupported", "this has no effect for lookups of content", key, "give it as an add-on")
        if collection:
            _typed(typed.get(collection))
        yield _lookup(keys, filename, collection, folder)
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.name.lower().endswith(_TABLES[:2]) and path.name not in named and path.is_file():
                yield Lookup(
                    name=path.name,
                    kind="csv",
                    filename=path.name,
                    file=str(path),
                    generation=Generation.APP,
                )


def _lookup(keys: Stanza, filename: str, collection: str, folder: Path) -> Lookup:
    if filename and not filename.lower().endswith(_TABLES):
        keys.warn("lookup", f"'{filename[:60]}' is no table that can be read here", "filename", ".csv or .csv.gz")
    types = keys.text("match_type")
    return Lookup(
        name=keys.name,
        kind="kvstore" if collection else "mlmodel" if filename.lower().endswith(".mlmodel") else "csv",
        filename="" if collection else filename,
        collection=collection,
        fields=keys.names("fields_list"),
        default_match=keys.text("default_match"),
        match_type=tuple(one.strip() for one in types.split(",") if one.strip()),
        min_matches=keys.number("min_matches"),
        max_matches=keys.number("max_matches"),
        case_sensitive=keys.flag("case_sensitive_match", True),
        case_given=keys.given("case_sensitive_match"),
        filter=keys.text("filter"),
        file=keys.head.file,
        folder="" if collection else str(folder),
        generation=Generation.APP,
    )


def _typed(keys: Stanza | None) -> None:
    """Tells of a collection whose fields have types that are enforced."""
    if keys is not None and keys.flag("enforceTypes"):
        keys.warn(
            "unsupported",
            "types of the fields of a collection are not enforced here",
            "enforceTypes",
            "convert with tonumber() where it matters",
        )


def told(read: Iterable[Stanza]) -> dict[str, Told]:
    """What analyticstories.conf says of searches, by their stanza in savedsearches.conf."""
    found: dict[str, Told] = {}
    for keys in read:
        if keys.name.startswith(_SEARCH):
            explanation = marked.unmark(keys.text("explanation"))[1]
            about = Told(keys.text("asset_type"), "" if explanation == "none" else explanation)
            found[keys.name.removeprefix(_SEARCH)] = about
    return found


def stories(read: Iterable[Stanza]) -> Iterator[Story]:
    """The stories of analyticstories.conf. Their members are the searches that name them."""
    return (_story(keys) for keys in read if keys.name.startswith(_STORY))


def _story(keys: Stanza) -> Story:
    status, description = marked.unmark(keys.text("description"))
    by = keys.objects("maintainers")
    authors = [
        ", ".join(
            text
            for name in ("name", "company")
            if isinstance(text := one.get(name), str) and text not in ("", "no", "-")
        )
        for one in by
    ]
    day = keys.day("last_updated")
    category = keys.text("category").strip()
    return Story(
        name=keys.name.removeprefix(_STORY).strip(),
        version=keys.number("version") or 0,
        modified=day,
        created=day,
        author=next((one for one in authors if one), ""),
        description=description,
        narrative=keys.text("narrative"),
        references=keys.texts("references"),
        category=() if category in ("", "Uncategorized") else (category,),
        status=status,
        file=keys.head.file,
        generation=Generation.APP,
    )
