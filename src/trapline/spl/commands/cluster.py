"""cluster: groups rows whose texts are alike.

Syntax:
    cluster [t=<0..1>] [delims=<text>] [showcount=<bool>] [countfield=<field>] [labelfield=<field>] [field=<field>]
        [labelonly=<bool>] [match=(termlist|termset|ngramset)]

Options:
    t=<0..1> (0.8): how alike two texts of a group are at the least.
    delims=<text> (all but letters, digits and _): the characters at which a term ends.
    showcount=<bool> (false): the size of the group, in countfield.
    countfield=<field> (cluster_count): where that goes.
    labelfield=<field> (cluster_label): where the number of the group goes.
    field=<field> (_raw): the text that is compared.
    labelonly=<bool> (false): all rows stay, not only the first of each group.
    match=(termlist|termset|ngramset) (termlist): terms in the same place, different terms, or runs of three characters.

Differences:
    - Splunk does not publish how it measures alike, so groups can be others than its own. Here: the share of terms, or
      of runs of characters, that two texts have in common.

Source: Search Reference, "cluster".
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from trapline.plan import Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, flag
from trapline.values import Row, to_number, value_text

MATCHES = ("termlist", "termset", "ngramset")
MAX_WORK = 20_000_000
"""Terms that are compared at most; one that is kept counts `KEPT` times."""
KEPT = 10

_Terms = tuple[str, ...] | frozenset[str]


@dataclass(frozen=True, slots=True)
class Cluster:
    threshold: float
    delims: str | None
    match: str
    field: str
    labelonly: bool
    labelfield: str
    countfield: str | None

    def lower(self, context: Context, source: Node) -> Node:
        def clustered(rows: list[Row]) -> Iterable[Row]:
            return self._clustered(context, rows)

        return context.apply(source, clustered, "cluster")

    def _clustered(self, context: Context, rows: list[Row]) -> Iterable[Row]:
        groups = _Groups(self.threshold)
        sizes: list[int] = []
        known: dict[str, int] = {}
        labels: list[tuple[Row, int, bool]] = []
        alone = 0
        for row in rows:
            if self.field not in row:
                continue
            text = value_text(row[self.field])
            place = known.get(text)
            opened = False
            if place is None:
                full = groups.full
                place = None if full else groups.find(terms := self._terms(text))
                opened = place is None
                if place is None:
                    place = len(sizes)
                    sizes.append(0)
                    if full:
                        alone += 1
                    else:
                        groups.add(terms, place)
                known[text] = place
            sizes[place] += 1
            labels.append((row, place, opened))
        if alone:
            context.warnings.add(
                "cluster-cut",
                f"cluster: too many rows are not alike; {alone:,} of them were not compared, each is a group",
                hint="filter first, or lower t",
            )
        for row, place, opened in labels:
            if opened or self.labelonly:
                counted: Row = {} if self.countfield is None else {self.countfield: sizes[place]}
                yield {**row, self.labelfield: place + 1, **counted}

    def _terms(self, text: str) -> _Terms:
        if self.match == "ngramset":
            return frozenset(text[at : at + 3] for at in range(max(1, len(text) - 2)))
        pattern = r"[^A-Za-z0-9_]+" if self.delims is None else f"[{re.escape(self.delims)}]+"
        terms = tuple(term for term in re.split(pattern, text.lower()) if term)
        return terms if self.match == "termlist" else frozenset(terms)


class _Groups:
    """The first texts of the groups by the terms that they have.

    Two texts that are alike by `t` have at least the share `t` of the terms of either in common. So of any
    terms of a text that are more than the rest, one at least is in each group that it belongs to: the rarest such terms
    say which groups to compare.
    """

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self._firsts: dict[int, _Terms] = {}
        self._places: dict[object, list[int]] = {}
        self._work = 0

    @property
    def full(self) -> bool:
        """Has as much been compared as may be?"""
        return self._work > MAX_WORK

    def find(self, terms: _Terms) -> int | None:
        """The first group that is alike."""
        keys = _keys(terms)
        shared = math.ceil(self.threshold * len(keys) - 1e-9)
        rarest = sorted((self._places.get(key, ()) for key in keys), key=len)[: len(keys) - shared + 1]
        candidates = sorted(set().union(*rarest))
        self._work += len(keys)
        for place in candidates:
            self._work += len(keys)
            if _alike(self._firsts[place], terms) >= self.threshold:
                return place
            if self.full:
                return None
        return None

    def add(self, terms: _Terms, place: int) -> None:
        self._firsts[place] = terms
        keys = _keys(terms)
        self._work += KEPT * len(keys)
        for key in keys:
            self._places.setdefault(key, []).append(place)


def _keys(terms: _Terms) -> Collection[object]:
    """What stands in the same place, or is there at all. Texts without terms are alike."""
    if not terms:
        return ((),)
    return list(enumerate(terms)) if isinstance(terms, tuple) else terms


def _alike(one: _Terms, other: _Terms) -> float:
    if isinstance(one, tuple):
        longest = max(len(one), len(other))
        return sum(map(str.__eq__, one, other)) / longest if longest else 1.0
    assert isinstance(other, frozenset)
    both = len(one | other)
    return len(one & other) / both if both else 1.0


def parse(cursor: Cursor) -> Cluster:
    texts = {"match": "termlist", "field": "_raw", "labelfield": "cluster_label", "countfield": "cluster_count"}
    delims: str | None = None
    threshold = 0.8
    showcount = labelonly = False
    while not cursor.done():
        match cursor.option(("t", "delims", "showcount", "labelonly", *texts)):
            case ("t", value, span):
                number = to_number(value)
                if number is None or not 0 < number <= 1:
                    cursor.fail(f"t={value} is not between 0 and 1", span, "t=0.8")
                threshold = number
            case ("delims", value, _):
                delims = value
            case ("showcount", value, span):
                showcount = flag(value, span)
            case ("labelonly", value, span):
                labelonly = flag(value, span)
            case ("match", value, span):
                if value.lower() not in MATCHES:
                    cursor.fail(f"'{value}' is no way to match", span, "one of: " + ", ".join(MATCHES))
                texts["match"] = value.lower()
            case (name, value, _):
                texts[name] = value
            case _:
                if cursor.at_option():
                    cursor.no_option()
                if not cursor.take(","):
                    cursor.fail(f"unexpected {cursor.found()}", hint="cluster t=0.9 showcount=true")
    return Cluster(
        threshold,
        delims,
        texts["match"],
        texts["field"],
        labelonly,
        texts["labelfield"],
        texts["countfield"] if showcount else None,
    )
