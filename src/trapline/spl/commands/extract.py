"""extract: fields from key=value pairs in the text of the event.

Syntax:
    extract [pairdelim=<characters>] [kvdelim=<characters>] [limit=<n>] [maxchars=<n>] [mv_add=<bool>]
        [clean_keys=<bool>] [keep_empty_vals=<bool>] [reload=<bool>] [segment=<bool>] [auto=<bool>]

Options:
    pairdelim=<characters> (any blank or comma): each of them ends a pair.
    kvdelim=<characters> (=): the first of them ends a key.
    limit=<n> (50): pairs at most.
    maxchars=<n> (10240): characters of _raw that are looked at.
    mv_add=<bool> (false): a key that repeats, or a field that is there already, becomes a multivalue.
    clean_keys=<bool> (true): characters but letters, digits and _ become _ in names.
    keep_empty_vals=<bool> (false): empty values are kept.
    reload=<bool> (false): no effect: settings are read when a search starts.
    segment=<bool> (false): refused if true.
    auto=<bool> (true): key=value anywhere in the text; with false, only what the delimiters say.

Differences:
    - Refused: the name of a stanza of transforms.conf, and segment=true.

Source: Search Reference, "extract".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Col, Expr, Lit, Node, call, number, text
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, count, flag
from trapline.spl.evaluate import as_text
from trapline.spl.extraction import Existing, spread
from trapline.values import Kind

ALIASES = ("kv",)
LIMIT = 50
"""Pairs that are taken from one event (extract page)."""
MAXCHARS = 10_240
"""limits.conf [kv] maxchars: characters of an event that are read"""

FLAGS = ("mv_add", "clean_keys", "keep_empty_vals", "reload", "segment", "auto")


@dataclass(frozen=True, slots=True)
class Extract:
    pairdelim: str | None
    kvdelim: str | None
    limit: int
    maxchars: int
    mv_add: bool
    clean_keys: bool
    keep_empty_vals: bool

    def lower(self, context: Context, source: Node) -> Node:
        kind = source.schema.get("_raw")
        if kind is None:
            return source
        head = call("substr", Kind.TEXT, as_text(Col("_raw", kind)), number(1), number(self.maxchars))
        flags = ("c" if self.clean_keys else "") + ("e" if self.keep_empty_vals else "")
        pairs = call(
            "kv_fields",
            Kind.MULTI,
            head,
            _optional(self.pairdelim),
            _optional(self.kvdelim),
            number(self.limit),
            text(flags),
        )
        existing = Existing.APPEND if self.mv_add else Existing.KEEP
        return spread(context, source, pairs, what="extract", existing=existing, repeats=self.mv_add)


def _optional(value: str | None) -> Expr:
    return Lit(value, Kind.TEXT)


def parse(cursor: Cursor) -> Extract:
    delimiters: dict[str, str] = {}
    numbers = {"limit": LIMIT, "maxchars": MAXCHARS}
    flags = {"mv_add": False, "clean_keys": True, "keep_empty_vals": False, "reload": False, "segment": False}
    flags["auto"] = True
    while not cursor.done():
        option = cursor.option(("pairdelim", "kvdelim", "limit", "maxchars", *FLAGS))
        match option:
            case None if cursor.take(","):
                continue
            case None if cursor.at_option():
                cursor.no_option()
            case None:
                cursor.unsupported(
                    f"extract cannot use the transforms.conf stanza {cursor.found()} yet",
                    hint='say how with pairdelim= and kvdelim=, or use rex "(?<field>...)"',
                )
            case ("pairdelim" | "kvdelim" as name, value, span):
                if not value:
                    cursor.fail(f"{name} needs characters", span)
                delimiters[name] = value.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r")
            case ("limit" | "maxchars" as name, value, span):
                numbers[name] = count(value, span)
            case (name, value, span):
                flags[name] = flag(value, span)
                if name == "segment" and flags[name]:
                    cursor.unsupported("extract segment=true is not supported: results carry no positions", span)
    # reload has nothing to reload: knowledge is read when a search starts. auto=f without delimiters extracts nothing.
    limit = numbers["limit"] if flags["auto"] or delimiters else 0
    return Extract(
        delimiters.get("pairdelim"),
        delimiters.get("kvdelim"),
        limit,
        numbers["maxchars"] if flags["auto"] or delimiters else 0,
        flags["mv_add"],
        flags["clean_keys"],
        flags["keep_empty_vals"],
    )
