"""A lookup whose settings do not agree.

A table has a file or a collection, not both; match types are WILDCARD or CIDR of one of its fields; the fields of a
collection begin with _key (facts/CONTENT.md §1.7).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trapline.content.model import Generation, Lookup
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True
APPS = False


def check(subject: Subject) -> Iterator[Report]:
    one, source = subject.item, subject.source
    if not isinstance(one, Lookup):
        return
    new = one.generation is not Generation.S1 or source.has("lookup_type")
    if source.has("filename") and source.has("collection"):
        yield Report("both a file and a collection are named", "keep one of them", "collection")
    if not new and not source.has("filename") and not source.has("collection"):
        yield Report("neither a file nor a collection is named", "write filename: x.csv", "name")
    for place, text in enumerate(one.match_type):
        found = re.fullmatch(r"(WILDCARD|CIDR|EXACT)\(([^()]+)\)", text, re.IGNORECASE)
        if found is None:
            yield Report(f"'{text[:60]}' is no match type", "WILDCARD(field) or CIDR(field)", f"match_type[{place}]")
        elif one.fields and found[2] not in one.fields:
            reason = f"the match type {text} names a field that the lookup does not have"
            yield Report(reason, f"its fields are {', '.join(one.fields)}", "match_type", refused=False)
    if new and one.kind == "kvstore":
        if one.fields[:1] != ("_key",):
            yield Report("the fields of a collection begin with _key", "fields: [_key, ...]", "fields")
        if one.collection != one.name:
            yield Report("the collection is not named as the lookup", f"collection: {one.name}", "collection")
