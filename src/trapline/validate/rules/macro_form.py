"""A macro whose arguments and definition do not agree.

An argument that the definition does not use, or `$x$` in it that is no argument.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trapline.content.model import Macro
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = False
APPS = False


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, Macro):
        return
    if not one.definition.strip():
        yield Report("the definition is empty", "'search *' lets everything pass", "definition", refused=True)
    used = set(re.findall(r"\$([\w.]+)\$", one.definition))
    for place, name in enumerate(one.args):
        if name not in used:
            hint = f"write ${name}$ where it belongs, or leave it out"
            yield Report(f"the argument '{name}' is not used", hint, f"arguments[{place}]")
    for name in sorted(used - set(one.args)) if one.args else ():
        yield Report(f"${name}$ is no argument of the macro", f"arguments: [..., {name}]", "definition")
