"""outlier: numbers far from the others cut to a bound, or their rows removed.

Syntax:
    outlier [action=(transform|tf|remove|rm)] [mark=<bool>] [param=<n>] [uselower=<bool>] [type=iqr] [<field>...]

Options:
    action=(transform|tf|remove|rm) (transform): the bound takes the place of the number, or the row goes.
    mark=<bool> (false): 000 before a changed number.
    param=<n> (2.5): how many times the inter-quartile range is still no outlier.
    uselower=<bool> (false): numbers that are too small are outliers too.
    type=iqr (iqr): the only type there is.
    <field>... (all but internal ones): the fields to look at.

Source: Search Reference, "outlier".
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
