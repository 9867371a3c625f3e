"""An ATT&CK id that is no technique of the version chosen, was revoked, or is misspelt.

The version is that of `--attack`; a revoked id is told with the one that took its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trapline.content.model import Detection, Generation
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = False

FORM = re.compile(r"T\d{4}(\.\d{3})?\Z")
FORM_S3 = re.compile(r"T1\d{3}(\.\d{3})?\Z")


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, Detection):
        return
    form = FORM_S3 if one.generation is Generation.S3 else FORM
    for place, text in enumerate(one.mitre):
        path = f"{subject.at('mitre_attack_id')}[{place}]"
        if not form.match(text):
            hint = "a technique is T1543, a sub-technique T1543.003"
            yield Report(f"'{text[:40]}' is no ATT&CK id", hint, path, level=Level.ERROR, refused=True)
            continue
        _, warn = subject.tree.attack.resolve(text)
        if warn is not None:
            yield Report(warn.reason, warn.hint, path)
    if len(set(one.mitre)) < len(one.mitre):
        twice = next(text for text in one.mitre if one.mitre.count(text) > 1)
        yield Report(f"{twice} is named twice", "name each id once", subject.at("mitre_attack_id"))
