"""top: the most frequent values.

Syntax:
    top [<n>] [limit=<n>] [countfield=<name>] [percentfield=<name>] [showcount=<bool>] [showperc=<bool>]
        [useother=<bool>] [otherstr=<text>] <field>... [BY <field>...]

Options:
    limit=<n> (10): how many combinations of values, 0 for all; a number alone says the same.
    countfield=<name> (count): the field with the count.
    percentfield=<name> (percent): the field with the percentage.
    showcount=<bool> (true): whether there is a count.
    showperc=<bool> (true): whether there is a percentage.
    useother=<bool> (false): a row for all other values.
    otherstr=<text> (OTHER): the value of that row.
    BY <field>... (none): the groups; the limit is one per group.

Source: Search Reference, "top".
"""

from __future__ import annotations

from trapline.spl.cursor import Cursor
from trapline.spl.frequent import Frequent, parse_frequent

ALIASES = ("common",)


def parse(cursor: Cursor) -> Frequent:
    return parse_frequent(cursor, "top", descending=True)
