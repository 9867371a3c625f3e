"""outlier, outlierfilter: numbers far from the others cut to a bound, or their rows removed.

Synopsis: `outlier [action=(transform|tf|remove|rm)] [mark=<bool>] [param=<n>] [uselower=<bool>] [type=iqr]
[<field>...]`. Search Reference, "outlier".
"""

from __future__ import annotations

from trapline.spl.cursor import Cursor, Name
from trapline.spl.quartiles import OPTIONS, Outlier, option

ALIASES = ("outlierfilter",)


def parse(cursor: Cursor) -> Outlier:
    found = Outlier()
    names: list[Name] = []
    while not cursor.done():
        given = cursor.option(OPTIONS)
        if given is not None:
            found = option(found, *given)
        elif cursor.at_option():
            cursor.no_option()
        elif not cursor.take(","):
            names.append(cursor.name())
    return found.of(names)
