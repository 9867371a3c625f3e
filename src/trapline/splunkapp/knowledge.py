"""macros.conf, transforms.conf, collections.conf and the files of lookups (facts/CONTENT.md §4.4)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from trapline.content.catalog import Content, calls, filter_macro, is_filter
from trapline.content.enrich import DEFAULT_ATTACK
from trapline.content.enrich import attack as attack_table
from trapline.content.model import DataSource, Generation, Item, Level, Lookup, Macro, Problem, Removed
from trapline.splunkapp.conf import Stanza, line_text

MITRE = "mitre_enrichment"
DATA_SOURCES = "data_sources"
DEPRECATION = "deprecation_info"
_AS_NAMED = (Generation.S1, Generation.APP)
"""Whose tables keep their names."""
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. ()+,@=-]{0,199}\Z")


def all_macros(content: Content) -> list[Macro]:
    """Those that files define, then the filter macros that searches call and no file defines."""
    found = dict(content.macro_defs)
    for detection in content.detections:
        for call in calls(detection.search):
            if call.key not in found and is_filter(detection, call.key):
                found[call.key] = filter_macro(call.key)
    return list(found.values())


def macro(one: Macro) -> Stanza:
    out = Stanza(one.key)
    if one.args:
        out.add("args", ", ".join(line_text(arg) for arg in one.args))
    out.add("definition", one.definition)
    out.add("description", one.description)
    if one.iseval:
        out.add("iseval", 1)
    out.add("validation", one.validation or None)
    out.add("errormsg", one.errormsg or None)
    return out


def transform(one: Lookup, form: Generation) -> Stanza:
    out = Stanza(one.name)
    out.notes = [f"description = {one.description}"] if one.description else []
    if one.kind == "kvstore":
        out.add("collection", one.collection)
        out.add("external_type", "kvstore")
    else:
        out.add("filename", app_file(one, form))
    match = one.default_match
    out.add(
        "default_match",
        (match.lower() if form is Generation.S1 and one.generation is not Generation.APP else match) or None,
    )
    if one.case_given or not one.case_sensitive:
        out.add("case_sensitive_match", int(one.case_sensitive) if form is Generation.S3 else one.case_sensitive)
    out.add("match_type", ", ".join(one.match_type) or None)
    out.add("max_matches", one.max_matches)
    out.add("min_matches", one.min_matches)
    out.add("fields_list", ", ".join(one.fields) or None)
    out.add("filter", one.filter or None)
    return out


def collection(one: Lookup) -> Stanza:
    out = Stanza(one.collection)
    out.add("enforceTypes", False)
    out.add("replicate", False)
    return out


def table(name: str, description: str) -> Stanza:
    """The lookup of a table that the build makes itself."""
    out = Stanza(name)
    out.notes = [f"description = {description}"]
    out.add("filename", f"{name}.csv")
    return out


def app_file(one: Lookup, form: Generation) -> str:
    """The name of a lookup's file in the app: S1 as given, after that with the day of its last change, so that a
    changed table is another file."""
    if form is Generation.S1 or one.kind == "mlmodel" or one.modified is None or one.generation in _AS_NAMED:
        return one.filename
    return f"{one.name}_{one.modified:%Y%m%d}.csv"


def source_file(one: Lookup, roots: Sequence[Path], problems: list[Problem]) -> Path | None:
    """The file of a lookup beside its definition. A name that would lead out of its folder is a problem, and so is a
    file that is not there."""

    def wrong(level: Level, code: str, reason: str, hint: str) -> None:
        problems.append(Problem(level, code, reason, one.file, field="filename", hint=hint))

    if not usable_file(one.filename) or Path(one.filename).suffix.lower() not in (".csv", ".mlmodel"):
        wrong(
            Level.ERROR,
            "build.filename",
            f"'{one.filename[:80]}' is not the name of a table",
            "a .csv beside this file",
        )
        return None
    path = one.table
    if path is None or not path.is_file():
        wrong(
            Level.WARNING, "build.no-table", f"there is no {one.filename} beside it; the app is built without", "add it"
        )
        return None
    if not inside(path, roots):
        wrong(
            Level.ERROR, "build.filename", f"{one.filename} leads out of the content folder", "put the file itself here"
        )
        return None
    return path


def usable_file(name: str) -> bool:
    """Whether a file of the app can have this name: no folder in it, nothing that a shell or Windows takes amiss."""
    return bool(_FILE.match(name)) and ".." not in name


def inside(path: Path, roots: Iterable[Path]) -> bool:
    """Whether a file, links followed, lies in one of the folders."""
    found = path.resolve()
    return any(found.is_relative_to(root.resolve()) for root in roots)


_COLUMNS = (
    "name",
    "id",
    "author",
    "source",
    "sourcetype",
    "separator",
    "supported_TA_name",
    "supported_TA_version",
    "supported_TA_url",
    "description",
)


def data_sources_csv(sources: Iterable[DataSource]) -> str:
    rows = []
    for one in sources:
        ta = one.supported_ta[0] if one.supported_ta else None
        of_ta = (ta.name, ta.version, ta.url) if ta is not None else ("", "", "")
        rows.append((one.name, one.id, one.author, one.source, one.sourcetype, one.separator, *of_ta, one.description))
    return _csv(_COLUMNS, rows)


_DEPRECATED = (
    "Name",
    "Content Type",
    "Removed in Version",
    "Reason",
    "Replacement Content",
    "Replacement Content Link",
)


def deprecation_csv(content: Content, name_of: Callable[[Item], str]) -> str:
    """What is deprecated or removed, since when and what takes its place; `name_of`: what it is called in the app."""
    rows = []
    for one in (*content.items(), *content.removed):
        why = content.deprecation_of(one)
        if why is not None:
            kind = one.kind.removesuffix("s").capitalize() if isinstance(one, Removed) else type(one).__name__
            others = [other for name in why.replacement_content if (other := content.detections.get(name)) is not None]
            links = [f"https://research.splunk.com/{other.category}/{other.id}/" for other in others]
            replacement = "\n".join(why.replacement_content)
            rows.append((name_of(one), kind, why.removed_in_version, why.reason, replacement, "\n".join(links)))
    return _csv(_DEPRECATED, rows)


def mitre_csv(attack: str | None) -> str:
    """The techniques of a version of ATT&CK, for searches that add names to ids."""
    table = attack_table(attack or DEFAULT_ATTACK)
    rows = [
        (one.id, one.name, "|".join(tactic.name for tactic in one.tactics), "|".join(one.groups) or "no")
        for _, one in sorted(table.techniques.items())
    ]
    return _csv(("mitre_id", "technique", "tactics", "groups"), rows)


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()
