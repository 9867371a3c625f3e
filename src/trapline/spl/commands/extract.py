"""extract: fields from key=value pairs in the text of the event.

Syntax:
    extract [<stanza>...] [pairdelim=<characters>] [kvdelim=<characters>] [limit=<n>] [maxchars=<n>] [mv_add=<bool>]
        [clean_keys=<bool>] [keep_empty_vals=<bool>] [reload=<bool>] [segment=<bool>] [auto=<bool>]

Options:
    <stanza>... (none): stanzas of the transforms.conf of the add-ons, before what the text says by itself.
    pairdelim=<characters> (any blank or comma): each of them ends a pair.
    kvdelim=<characters> (=): the first of them ends a key.
    limit=<n> (50): pairs at most.
    maxchars=<n> (10240): characters of _raw that are looked at.
    mv_add=<bool> (false, or MV_ADD of the stanza): a key that repeats, or a field that is
        there already, becomes a multivalue.
    clean_keys=<bool> (true, or CLEAN_KEYS of the stanza): characters but letters, digits and _ become _ in names.
    keep_empty_vals=<bool> (false): empty values are kept.
    reload=<bool> (false): no effect: settings are read when a search starts.
    segment=<bool> (false): refused if true.
    auto=<bool> (true): key=value anywhere in the text; with false, only what the delimiters say.

Differences:
    - Refused: segment=true.

Source: Search Reference, "extract".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.errors import Span, SplError, Unsupported
from trapline.pcre import check
from trapline.plan import NULL, Col, Expr, Extend, Lit, Node, call, number, only, text
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, count, flag
from trapline.spl.evaluate import as_multi, as_text
from trapline.spl.extraction import Existing, spread
from trapline.spl.transforms import Transform, cleaned, read_transform
from trapline.values import Kind

ALIASES = ("kv",)
LIMIT = 50
"""Pairs that are taken from one event (extract page)."""
MAXCHARS = 10_240
"""limits.conf [kv] maxchars: characters of an event that are read"""

_PIECES = "_pieces "
"""A column on the way; no field of an event has a blank there."""
FLAGS = ("mv_add", "clean_keys", "keep_empty_vals", "reload", "segment", "auto")


@dataclass(frozen=True, slots=True)
class Extract:
    """`mv_add`, `clean_keys`, `keep_empty`: None where nothing is said."""

    stanzas: tuple[tuple[str, Span], ...]
    automatic: bool
    pairdelim: str | None
    kvdelim: str | None
    limit: int
    maxchars: int
    mv_add: bool | None
    clean_keys: bool | None
    keep_empty: bool | None

    def lower(self, context: Context, source: Node) -> Node:
        node = source
        for name, span in self.stanzas:
            node = self._by_stanza(context, node, _transform(context, name, span))
        return self._pairs(context, node) if self.automatic else node

    def _by_stanza(self, context: Context, source: Node, transform: Transform) -> Node:
        if transform.source not in source.schema:
            return source
        several = transform.mv_add if self.mv_add is None else self.mv_add
        clean = transform.clean_keys if self.clean_keys is None else self.clean_keys
        keep = transform.keep_empty if self.keep_empty is None else self.keep_empty
        if transform.fields:
            return self._listed(source, transform, several, clean, keep)
        if transform.regex is None:
            pairs = self._cut(source, transform.source, transform.delims[0], transform.delims[1], clean, keep)
        else:
            templates = Lit(transform.templates(), Kind.MULTI)
            flags = text(transform.flags(every=several, clean=clean, keep=keep))
            head = self._head(source, transform.source)
            pairs = call("regex_fields", Kind.MULTI, head, text(transform.regex), templates, flags)
        return _spread(context, source, pairs, several)

    def _listed(self, source: Node, transform: Transform, several: bool, clean: bool, keep: bool) -> Node:
        """The pieces of the text under the names of FIELDS."""
        pieces = call("listed_values", Kind.MULTI, self._head(source, transform.source), text(transform.delims[0]))
        node: Node = Extend(source, ((_PIECES, pieces),))
        found: dict[str, Expr] = {}
        for place, field in enumerate(transform.fields):
            name = cleaned(field) if clean else field
            value: Expr = call("list_at", Kind.TEXT, Col(_PIECES, Kind.MULTI), number(place))
            if not keep:
                full = call("gt", Kind.BOOL, call("length", Kind.NUMBER, value), number(0))
                value = call("case", Kind.TEXT, full, value, NULL)
            old = found.get(name, Col(name, source.schema[name]) if name in source.schema else None)
            if old is None or not name:
                new = value
            elif several:
                new = call("list_concat", Kind.MULTI, as_multi(old), as_multi(value))
            elif old.kind is Kind.MULTI:
                new = call("coalesce", Kind.MULTI, old, as_multi(value))
            else:
                new = call("coalesce", Kind.TEXT, as_text(old), value)
            if name:
                found[name] = new
        node = Extend(node, tuple(found.items()))
        return only(node, set(node.schema) - {_PIECES})

    def _pairs(self, context: Context, source: Node) -> Node:
        """What the text says by itself, or by the delimiters."""
        if "_raw" not in source.schema:
            return source
        clean = True if self.clean_keys is None else self.clean_keys
        pairs = self._cut(source, "_raw", self.pairdelim, self.kvdelim, clean, bool(self.keep_empty))
        return _spread(context, source, pairs, bool(self.mv_add))

    def _cut(self, source: Node, field: str, ends: str | None, middles: str | None, clean: bool, keep: bool) -> Expr:
        # A default that cuts is told.
        flags = {"c": clean, "e": keep, "l": self.limit == LIMIT, "t": self.maxchars == MAXCHARS}
        return call(
            "kv_fields",
            Kind.MULTI,
            as_text(Col(field, source.schema[field])),
            Lit(ends, Kind.TEXT),
            Lit(middles, Kind.TEXT),
            number(self.limit),
            number(self.maxchars),
            text("".join(flag for flag, on in flags.items() if on)),
        )

    def _head(self, source: Node, field: str) -> Expr:
        """As much of a field as is read."""
        return call("substr", Kind.TEXT, as_text(Col(field, source.schema[field])), number(1), number(self.maxchars))


def _spread(context: Context, source: Node, pairs: Expr, several: bool) -> Node:
    existing = Existing.APPEND if several else Existing.KEEP
    return spread(context, source, pairs, what="extract", existing=existing, repeats=several)


def _transform(context: Context, name: str, span: Span) -> Transform:
    settings = context.stanza("transforms", name)
    if settings is None:
        raise SplError(
            f"there is no stanza [{name[:80]}] in the transforms.conf of the add-ons",
            span=span,
            hint='--addon DIR adds one; or say how with pairdelim= and kvdelim=, or rex "(?<field>...)"',
            code="name",
        )
    if "INGEST_EVAL" in settings or "DEST_KEY" in settings:
        raise Unsupported(
            f"the stanza [{name}] of transforms.conf is one of index time", span=span, hint="one with REGEX or DELIMS"
        )
    try:
        found = read_transform(name, settings)
        if found.regex is not None:
            check(found.regex)
    except SplError as error:
        raise SplError(
            f"the stanza [{name}] of transforms.conf {error.reason}", span=span, hint=error.hint, code=error.code
        ) from None
    return found


def parse(cursor: Cursor) -> Extract:
    delimiters: dict[str, str] = {}
    numbers = {"limit": LIMIT, "maxchars": MAXCHARS}
    flags: dict[str, bool] = {}
    stanzas: list[tuple[str, Span]] = []
    while not cursor.done():
        option = cursor.option(("pairdelim", "kvdelim", "limit", "maxchars", *FLAGS))
        match option:
            case None if cursor.take(","):
                continue
            case None if cursor.at_option():
                cursor.no_option()
            case None:
                name = cursor.name("the name of a stanza of transforms.conf")
                stanzas.append((name.text, name.span))
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
    return Extract(
        tuple(stanzas),
        flags.get("auto", True) or bool(delimiters),
        delimiters.get("pairdelim"),
        delimiters.get("kvdelim"),
        numbers["limit"],
        numbers["maxchars"],
        flags.get("mv_add"),
        flags.get("clean_keys"),
        flags.get("keep_empty_vals"),
    )
