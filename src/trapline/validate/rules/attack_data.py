"""The recorded attack of a test lacks its source or sourcetype, or cannot be found.

Without them add-ons make no fields of the events. `data` is a URL, or a path below the content folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from trapline.content.model import Detection
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True
APPS = False


def check(subject: Subject) -> Iterator[Report]:
    one, source = subject.item, subject.source
    if not isinstance(one, Detection):
        return
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
