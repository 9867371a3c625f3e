"""Search macros of add-ons, from macros.conf.

Source: Admin Manual, "macros.conf.spec": `[name]` or `[name(2)]`, `definition`, `args`, `iseval`,
`validation`, `errormsg`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trapline.errors import Warn
from trapline.knowledge.conf import DEFAULT, Conf, truth

_COUNTED = re.compile(r"(?P<name>.+?)\((?P<count>\d+)\)\Z")


@dataclass(frozen=True, slots=True)
class Macro:
    """A search macro. `args` are the names that stand as $name$ in the definition."""

    name: str
    definition: str
    args: tuple[str, ...] = ()
    iseval: bool = False
    """The definition is an eval expression, and its result the text."""
    validation: str = ""
    """An eval expression that says whether the arguments will do."""
    errormsg: str = ""
    """What is said where it is false or null."""
    place: str = field(default="", compare=False)
    """Where it is defined, for what is told of it."""


def macros_of(file: Conf, problems: list[Warn]) -> Mapping[str, Macro]:
    """The macros by "name", or "name(2)" with two arguments. One that cannot be used is a problem and left out."""
    found: dict[str, Macro] = {}
    for stanza, keys in file.stanzas.items():
        if stanza == DEFAULT or "definition" not in keys:
            continue
        place = keys["definition"].place
        counted = _COUNTED.match(stanza)
        args = _names(keys["args"].value) if "args" in keys else ()
        if len(args) != (int(counted["count"]) if counted else 0):
            reason = f"the macro [{stanza}] names another number of arguments than its args; it is left out"
            problems.append(Warn("knowledge", reason, "args = a, b for [name(2)]", place))
        else:
            name = counted["name"] if counted else stanza
            iseval = "iseval" in keys and bool(truth(keys["iseval"].value))
            validation, errormsg = (keys[key].value if key in keys else "" for key in ("validation", "errormsg"))
            definition = keys["definition"].value
            found[stanza] = Macro(name, definition, tuple(args), iseval, validation, errormsg, place)
    return found


def _names(text: str) -> Sequence[str]:
    return [one.strip() for one in text.split(",") if one.strip()]
