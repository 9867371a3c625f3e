"""The recorded attack of a test lacks its source or sourcetype, has an outdated key, or cannot be found.

Without them add-ons make no fields of the events. `data` is a URL, or a path below the content folder. contentctl 5
refuses keys that it does not know, `update_timestamp` of older content among them (facts/CONTENT.md §1.4).
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from trapline.content.model import Detection, Generation
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True
APPS = False

OLD_TAGS = ("observable", "message", "impact", "confidence", "risk_score", "required_fields")
"""Tags that only S1 has: a hunt of S1 has no message by which reading could tell it from S2."""


def check(subject: Subject) -> Iterator[Report]:
    one, source = subject.item, subject.source
    if not isinstance(one, Detection):
        return
    newer = one.generation in (Generation.S2, Generation.S3) and not any(source.has(f"tags.{key}") for key in OLD_TAGS)
    for place, _ in enumerate(source.list_at("tests")):
        entries = source.list_at(f"tests[{place}].attack_data")
        if not entries:
            hint = "attack_data: [{data: ..., source: ..., sourcetype: ...}]"
            yield Report("the test has no attack data", hint, f"tests[{place}]")
        for number, _ in enumerate(entries):
            path = f"tests[{place}].attack_data[{number}]"
            for key in ("source", "sourcetype"):
                if not source.text_at(f"{path}.{key}").strip():
                    yield Report(
                        f"the attack data has no {key}", f"write {key}: as the events have it", f"{path}.{key}"
                    )
            if newer and source.has(f"{path}.update_timestamp"):
                reason = "contentctl 5 does not know the key update_timestamp, and refuses the file"
                yield Report(reason, "take the line out", f"{path}.update_timestamp")
            yield from _data(subject, source.text_at(f"{path}.data").strip(), f"{path}.data")


def _data(subject: Subject, data: str, path: str) -> Iterator[Report]:
    if not data:
        return  # told of when the file is read
    if "://" in data:
        parts = urlsplit(data)
        if parts.scheme not in ("http", "https") or not parts.netloc or any(char.isspace() for char in data):
            yield Report(f"'{data[:80]}' is no URL that can be fetched", "http:// or https://", path)
    elif subject.tree.content.data_path(data) is None:
        hint = "a URL, or a path below the content folder"
        yield Report(f"the file '{data[:80]}' is not below the content folder", hint, path, refused=False)
