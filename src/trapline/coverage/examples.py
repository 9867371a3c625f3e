"""Example events of data sources: what a log source looks like, and the names of the fields that Splunk has for it.

Two forms: the `data_sources/*.yml` of a content tree (`example_log`, `fields`), and a JSON list of objects with the
same keys, which may say of an example that it is broken (`wellformed`). Examples that are events of another source than
the one that they are filed under are in `data/misfiled.csv`.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from xml.parsers import expat

from trapline.content.model import DataSource
from trapline.content.read import load
from trapline.errors import InputError

MAX_BYTES = 256 * 2**20
"""A JSON file of examples larger than that is refused."""


@dataclass(frozen=True, slots=True)
class Example:
    """A data source's example. `flaw`: why it says nothing about field extraction, empty where it does. `misfiled`:
    what it is where it is not an event of its own data source, empty where it is."""

    name: str
    sourcetype: str
    source: str
    log: str
    fields: frozenset[str]
    flaw: str = ""
    misfiled: str = ""


def read_examples(path: Path) -> list[Example]:
    """The examples of a JSON file, a content tree, or a folder of data source files, by name.

    Raises InputError where there are none."""
    if path.is_dir():
        below = path / "data_sources"
        content = load(below if below.is_dir() else path)
        found = [_of(one) for one in content.data_sources]
    else:
        found = list(_from_json(path))
    if not found:
        raise InputError(
            "no data sources are here",
            file=str(path),
            hint="give a content tree with data_sources/*.yml, or a JSON list of their name, example_log, fields, ...",
            code="examples",
        )
    return sorted(found, key=lambda one: one.name)


def _of(one: DataSource) -> Example:
    return _example(one.name, one.sourcetype, one.source, one.example_log, one.fields, None)


def _from_json(path: Path) -> Iterator[Example]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError("the file of examples is too large", file=str(path), code="examples")
        body = json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=str(path), code="read") from None
    except (ValueError, RecursionError) as error:
        hint = "give a content tree with data_sources/, or a JSON list"
        raise InputError(f"this is not JSON: {error}", file=str(path), hint=hint, code="examples") from None
    for one in body if isinstance(body, list) else ():
        if isinstance(one, Mapping) and isinstance(one.get("name"), str):
            texts: list[Any] = [one.get(key) or "" for key in ("sourcetype", "source", "example_log")]
            sourcetype, source, log = map(str, texts)
            yield _example(one["name"], sourcetype, source, log, one.get("fields") or (), one.get("wellformed"))


def _example(name: str, sourcetype: str, source: str, log: str, fields: Any, whole: bool | None) -> Example:
    log = log.strip()
    names = frozenset(str(one) for one in fields if not is_metadata(str(one)))
    if not re.search(r"\btimestamp\b", log):
        # Then it is the default field of that name (Getting Data In, "About default fields").
        names -= {"timestamp"}
    flaw = "" if names else "it lists no fields"
    if not log:
        flaw = "it has no example"
    elif whole is False:
        flaw = _flaw(log) or "its example is cut off"
    else:
        flaw = _flaw(log) or flaw
    return Example(name, sourcetype, source, log, names, flaw, _misfiled(name, log))


@cache
def _table() -> list[tuple[str, str, str]]:
    """Data source, what its example begins with, what the example is."""
    with (Path(__file__).parent / "data" / "misfiled.csv").open(encoding="utf-8", newline="") as stream:
        return [(row["data_source"], row["begins"], row["example"]) for row in csv.DictReader(stream)]


def _misfiled(name: str, log: str) -> str:
    """What the example of a data source is, if the table says that it is no event of it. Once it is replaced by another
    text the table does not hold any more."""
    return next((text for one, begins, text in _table() if one == name and log.startswith(begins)), "")


_ONLY_TIME = re.compile(r"\d\d/\d\d/\d{4} \d\d:\d\d:\d\d [AP]M\Z")


def _flaw(log: str) -> str:
    """What is wrong with an example by itself."""
    if _ONLY_TIME.match(log):
        return "its example is only the first line of the event"
    if log.startswith("<"):
        return _xml_flaw(log)
    if log.startswith("{"):
        try:
            json.JSONDecoder().raw_decode(log)
        except (ValueError, RecursionError):
            return "its example is not JSON"
    return ""


def _xml_flaw(log: str) -> str:
    parser = expat.ParserCreate()
    # Entities of its own could grow without bound.
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse("<events>", False)
        parser.Parse(re.sub(r"<\?xml[^>]*\?>", "", log), False)
        parser.Parse("</events>", True)
    except expat.ExpatError:
        return "its example is not well-formed XML"
    return ""


def _refuse(*_: object) -> None:
    raise expat.ExpatError("a document type is not read")


_METADATA = frozenset(
    ["host", "source", "sourcetype", "index", "punct", "linecount", "splunk_server", "splunk_server_group",
     "timestartpos", "timeendpos", "eventtype", "tag", "unix_category", "unix_group"]
)  # fmt: skip


def is_metadata(name: str) -> bool:
    """Is it a field that Splunk gives every event, whatever the add-on?"""
    return name in _METADATA or name.startswith(("_", "date_", "tag::")) or not name.strip()
