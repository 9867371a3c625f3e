"""Splunk's caps on what a search may gather, as settings: names and defaults of limits.conf and of the commands.

A cap that cuts says so in a warning on the result. Sources: limits.conf.spec ([subsearch], [searchresults], [join],
[set], [transactions]); Search Reference, "append", "join", "map", "set".
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers of rows, unless said otherwise."""

    subsearch: int = 10_000
    """[subsearch] maxout: rows of a subsearch that becomes part of a search"""
    append: int = 50_000
    """[searchresults] maxresultrows: rows of a subsearch of append, appendcols and union"""
    join: int = 50_000
    """[join] subsearch_maxout: rows of the subsearch of join"""
    set: int = 50_000
    """[set] maxresultrows: rows of each side of set"""
    map: int = 10
    """map maxsearches: searches that a map runs"""
    opentxn: int = 5_000
    """[transactions] maxopentxn: transactions that are open at once"""
    openevents: int = 100_000
    """[transactions] maxopenevents: events in open transactions"""
    nesting: int = 8
    """Searches that start one another (map, savedsearch), deep"""
