"""The file is not named as the object, or the name has blanks around it.

Everything that goes from a name to a file and back, contentctl's filter macro included, takes the file name to be the
name in lower case, with `_` for blanks and for `-`, `.` and `/` (facts/CONTENT.md §1.1; ESCU 6 keeps `/`). Blanks
around the name are left out here, and become `_` there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from trapline.content.model import Generation, Macro, file_stem
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True
APPS = False


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if Path(one.file).suffix.lower() not in (".yml", ".yaml"):
        return
    written = subject.source.text_at("name")
    if written != written.strip():
        yield Report("the name begins or ends with a blank", f"write name: {one.name}", "name")
    wanted = re.sub(r"[ \-.]", "_", one.name.lower()) if one.generation is Generation.S3 else file_stem(one.name)
    if isinstance(one, Macro):
        wanted = re.sub(r"\W+\Z", "", wanted)
    stem = Path(one.file).stem
    if stem == wanted and Path(one.file).suffix == ".yml":
        return
    if stem.lower() == wanted.lower() and stem != wanted:
        reason = f"the file name '{stem}' is not in lower case"
    elif stem == wanted:
        reason = f"the file ends in {Path(one.file).suffix}, which contentctl leaves out"
    else:
        reason = f"the file is not named as the object '{one.name}'"
    yield Report(reason, f"name it {wanted}.yml, or correct the name", "name")
