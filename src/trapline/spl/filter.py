"""Search expressions: the language of `search`, of the start of a search, of tstats `where` and of eventtypes.

It is not the eval language (spl/NOTES.md §2): parentheses, then NOT, then OR, then AND (blank or word); values are
literals, compared without letter case, `*` is a wildcard even in quotes; keywords are whole terms of `_raw`.
Sources: Search Reference, "search"; Search Manual, "Use CASE() and TERM() to match phrases", "Specify time modifiers".
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from trapline.errors import Span, SplError
from trapline.plan import FALSE, TRUE, Col, Expr, Lambda, Lit, Schema, both, call, either, number, text
from trapline.spl.command import Context, Pipeline
from trapline.spl.cursor import Cursor
from trapline.spl.evaluate import as_number, as_text
from trapline.spl.scan import split_pipes, unescape
from trapline.spl.wildcard import match_names
from trapline.times import parse_time, reader, shift, time_bound
from trapline.values import Kind, number_text, to_number

# --- the tree ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Everything:
    """`*`, or nothing at all."""

    span: Span


@dataclass(frozen=True, slots=True)
class Not:
    operand: Filter
    span: Span


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Filter, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Filter, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Compare:
    """`field op value`; `exact`: the value stood in CASE()."""

    field: str
    op: str
    value: str
    span: Span
    exact: bool = False


@dataclass(frozen=True, slots=True)
class OneOf:
    """`field IN (a, b)`; `lists`: subsearches in it, whose text is a list of values."""

    field: str
    values: tuple[str, ...]
    span: Span
    lists: tuple[Pipeline, ...] = ()


class TermKind(StrEnum):
    """How a term is matched against `_raw`."""

    WORD = "word"
    PHRASE = "phrase"
    TERM = "term"
    CASE = "case"


@dataclass(frozen=True, slots=True)
class Term:
    """A keyword, phrase, TERM() or CASE()."""

    value: str
    how: TermKind
    span: Span


def meant_operator(term: Term) -> bool:
    """Is it a bare `or`, `and` or `not`? Operators are in capitals (Search Manual, "Boolean expressions")."""
    return term.how is TermKind.WORD and term.value in ("or", "and", "not")


@dataclass(frozen=True, slots=True)
class Time:
    """earliest=, latest= and their kin. `form`: the timeformat that the value is written in; `moved`: a modifier that
    is applied to the time, for searchtimespan."""

    which: str
    value: str
    span: Span
    form: str | None = None
    moved: str | None = None


@dataclass(frozen=True, slots=True)
class SubFilter:
    """A subsearch; with `field`, the right side of `field=[...]`."""

    pipeline: Pipeline
    span: Span
    field: str | None = None
    op: str = "="


Filter = Everything | Not | And | Or | Compare | OneOf | Term | Time | SubFilter

_OPERATOR = re.compile(r"\s*(!=|<=|>=|==|=|<|>)\s*")
_IN = re.compile(r"\s+[Ii][Nn]\s*\(")
_NOT_IN = re.compile(r"\s+NOT\s+IN\s*\(", re.IGNORECASE)
_APOSTROPHES = re.compile(r"'([^']+)'(?=\s*[!=<>]|\s+[Ii][Nn]\s*\()")
_FIELD = re.compile(r"[^\s()=<>!|\"\[\],]+")
_WRAPPED = re.compile(r"(CASE|TERM)\(")
_MODIFIERS = {
    "earliest",
    "latest",
    "_index_earliest",
    "_index_latest",
    "starttime",
    "endtime",
    "starttimeu",
    "endtimeu",
    "timeformat",
}
_SPECIFIERS = {"hosttag": "tag::host", "eventtypetag": "tag::eventtype"}
"""Other ways to write a tag (Search Reference, "search": index expression options)."""
_EVENT = frozenset({"_raw", "_indextime", "index", "sourcetype", "source", "host"})
"""Fields that whole events have. Rows without them have their eventtypes and tags as plain fields, if at all."""
_QUALIFIED = re.compile(r"([A-Za-z_][\w.]*)::(?=\S)")
_AGO = re.compile(r"(start|end)?(seconds|minutes|hours|days|months)ago\Z")
_TIMESPAN = re.compile(r"searchtimespan(minutes|hours|days|months)\Z")
_LETTER = {"seconds": "s", "minutes": "m", "hours": "h", "days": "d", "months": "mon"}
MAX_DEPTH = 60


def parse_filter(cursor: Cursor, until: tuple[str, ...] = ()) -> Filter:
    """A search expression up to the end, a closing parenthesis or one of the words `until`. Raises SplError."""
    return _timed(_Reader(cursor, until).conjunction(0))


def _timed(tree: Filter) -> Filter:
    """The tree without timeformat and searchtimespan: what they say is in the bounds that they are about."""
    parts = tree.parts if isinstance(tree, And) else (tree,)
    times = [part for part in parts if isinstance(part, Time)]
    forms = [part.value for part in times if part.which == "timeformat"]
    spans = [part for part in times if _TIMESPAN.match(part.which)]
    if not forms and not spans:
        return tree
    found: list[Filter] = []
    for part in parts:
        if isinstance(part, Time) and part.which in ("starttime", "endtime") and forms:
            found.append(replace(part, form=forms[-1]))
        elif part not in spans and not (isinstance(part, Time) and part.which == "timeformat"):
            found.append(part)
    stated = {part.which: part for part in found if isinstance(part, Time)}
    for one in spans:
        match = _TIMESPAN.match(one.which)
        assert match is not None
        if not one.value.isdecimal():
            raise SplError(f"{one.which} takes a whole number", span=one.span, code="time")
        amount = one.value + _LETTER[match.group(1)]
        start = stated.get("starttime") or stated.get("earliest")
        end = stated.get("endtime") or stated.get("latest")
        if start is not None:
            found.append(replace(start, which="endtime", moved=f"+{amount}"))
        else:
            end = end or Time("latest", "now", one.span)
            found.append(replace(end, which="starttime", moved=f"-{amount}"))
    return found[0] if len(found) == 1 else And(tuple(found), tree.span) if found else Everything(tree.span)


class _Reader:
    def __init__(self, cursor: Cursor, until: tuple[str, ...]) -> None:
        self.cursor = cursor
        self.until = until

    def at_end(self) -> bool:
        cursor = self.cursor
        return cursor.done() or cursor.peek() == ")" or any(cursor.looking_at(word) for word in self.until)

    def conjunction(self, depth: int) -> Filter:
        start = self.cursor.here().start
        parts: list[Filter] = []
        while not self.at_end():
            if self.keyword("AND") or self.cursor.take(","):
                if not parts or self.at_end():
                    self.cursor.fail("AND needs an expression on both sides")
                continue
            parts.append(self.disjunction(depth))
        if not parts:
            return Everything(Span(start, start))
        return parts[0] if len(parts) == 1 else And(tuple(parts), self.cursor.since(start))

    def disjunction(self, depth: int) -> Filter:
        start = self.cursor.here().start
        parts = [self.negation(depth)]
        while self.keyword("OR"):
            if self.at_end():
                self.cursor.fail("OR needs an expression on both sides")
            parts.append(self.negation(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts), self.cursor.since(start))

    def negation(self, depth: int) -> Filter:
        if depth > MAX_DEPTH:
            self.cursor.fail("the search is nested too deeply")
        start = self.cursor.here().start
        if self.keyword("NOT"):
            if self.at_end():
                self.cursor.fail("NOT needs an expression after it")
            operand = self.negation(depth + 1)
            return Not(operand, self.cursor.since(start))
        return self.primary(depth)

    def keyword(self, word: str) -> bool:
        """Operators are upper case; anything else is a term."""
        cursor = self.cursor
        cursor.skip()
        stop = cursor.pos + len(word)
        if cursor.text[cursor.pos : stop] != word or stop > cursor.end:
            return False
        if stop < cursor.end and not (cursor.text[stop].isspace() or cursor.text[stop] in '()["'):
            return False
        if _OPERATOR.match(cursor.text, stop, cursor.end) and not cursor.text[stop:].lstrip().startswith("("):
            return False
        cursor.pos = stop
        return True

    def primary(self, depth: int) -> Filter:
        cursor = self.cursor
        char = cursor.peek()
        start = cursor.pos
        if char == "(":
            cursor.pos += 1
            inner = self._nested(depth)
            if not cursor.take(")"):
                cursor.fail(
                    f"unbalanced parenthesis: expected ) before {cursor.found()}", Span(start, start + 1), "add )"
                )
            return inner
        if char == "[":
            pipeline = cursor.subsearch()
            return SubFilter(pipeline, cursor.since(start))
        if char == "]":
            cursor.fail("this ] closes nothing", hint='the character itself is "]"')
        if char == '"':
            quoted = cursor.string()
            assert quoted is not None
            after = self._comparison(quoted, start)
            return after or Term(quoted, TermKind.PHRASE, cursor.since(start))
        wrapped = _WRAPPED.match(cursor.text, start, cursor.end)
        if wrapped is not None:
            return self._wrapped(wrapped.group(1), start)
        if self.keyword("OR"):
            cursor.fail("OR needs an expression on both sides", Span(start, cursor.pos), 'the word itself is "OR"')
        lone = _OPERATOR.match(cursor.text, start, cursor.end)
        if lone is not None:
            cursor.fail(
                f"there is no field before {lone.group(1)}",
                Span(lone.start(1), lone.end(1)),
                'a name with blanks or parentheses stands in quotes: "sum(bytes)">100',
            )
        named = _APOSTROPHES.match(cursor.text, start, cursor.end)
        if named is not None:
            cursor.pos = named.end()
            compared = self._comparison(named.group(1), start)
            if compared is not None:
                return compared
            cursor.pos = start
        name = _FIELD.match(cursor.text, start, cursor.end)
        if name is not None:
            cursor.pos = name.end()
            found = self._comparison(name.group(), start)
            if found is not None:
                return found
            cursor.pos = start
        qualified = _QUALIFIED.match(cursor.text, start, cursor.end)
        if qualified is not None:
            cursor.pos = qualified.end()
            value = self._value()
            if value:
                return Compare(qualified.group(1), "=", value, cursor.since(start))
            cursor.pos = start
        word = self._word("()")
        if not word:
            cursor.fail(f"unexpected {cursor.found()} in a search expression")
        if word == "*":
            return Everything(cursor.since(start))
        return Term(word, TermKind.WORD, cursor.since(start))

    def _nested(self, depth: int) -> Filter:
        saved, self.until = self.until, ()
        try:
            return self.conjunction(depth + 1)
        finally:
            self.until = saved

    def _comparison(self, field: str, start: int) -> Filter | None:
        """What follows a field name: an operator and a value, or IN and a list."""
        cursor = self.cursor
        membership = _IN.match(cursor.text, cursor.pos, cursor.end)
        if membership is not None:
            cursor.pos = membership.end()
            values, lists = self._list()
            return OneOf(field, values, cursor.since(start), lists)
        if _NOT_IN.match(cursor.text, cursor.pos, cursor.end):
            cursor.fail("NOT stands before the field", hint=f"NOT {field} IN (...)")
        operator = _OPERATOR.match(cursor.text, cursor.pos, cursor.end)
        if operator is None:
            return None
        cursor.pos = operator.end()
        if operator.group(1) == "<" and cursor.text.startswith(">", operator.end(1)):
            cursor.fail("<> is not an operator of a search", Span(operator.start(1), operator.end(1) + 1), "write !=")
        op = "=" if operator.group(1) == "==" else operator.group(1)
        if cursor.peek() == "[":
            pipeline = cursor.subsearch()
            return SubFilter(pipeline, cursor.since(start), field, op)
        if _WRAPPED.match(cursor.text, cursor.pos, cursor.end):
            exact = cursor.text.startswith("CASE", cursor.pos)
            inner = self._wrapped(cursor.text[cursor.pos : cursor.pos + 4], cursor.pos)
            assert isinstance(inner, Term)
            return Compare(field, op, inner.value, cursor.since(start), exact=exact)
        value = self._value()
        if value is None:
            cursor.fail(
                f"expected a value after {field}{op}, found {cursor.found()}", hint='write "" for an empty value'
            )
        lowered = field.lower()
        if lowered in _MODIFIERS or _AGO.match(lowered) or _TIMESPAN.match(lowered):
            if op != "=":
                cursor.fail(f"{field} takes =, not {op}", cursor.since(start))
            return Time(lowered, value, cursor.since(start))
        return Compare(field, op, value, cursor.since(start))

    def _value(self, stops: str = "()") -> str | None:
        quoted = self.cursor.string()
        if quoted is not None:
            return quoted
        return self._word(stops) or None

    def _word(self, stops: str) -> str:
        """A run without blanks. A comma at its end separates it from what follows; others belong to it."""
        word = self.cursor.bare(stops)
        kept = word.rstrip(",")
        if kept and not kept.endswith("\\"):
            self.cursor.pos -= len(word) - len(kept)
            word = kept
        return unescape(word)

    def _list(self) -> tuple[tuple[str, ...], tuple[Pipeline, ...]]:
        cursor = self.cursor
        opened = cursor.pos - 1
        values: list[str] = []
        lists: list[Pipeline] = []
        while not cursor.take(")"):
            if cursor.done():
                cursor.fail("unbalanced parenthesis: this list is never closed", Span(opened, opened + 1), "add )")
            if cursor.take(","):
                continue
            if cursor.peek() == "[":
                lists.append(cursor.subsearch())
                continue
            value = self._value(stops="(),")
            if value is None:
                cursor.fail(f"unexpected {cursor.found()} in a list")
            values.append(value)
        if not values and not lists:
            cursor.fail("IN needs at least one value", Span(opened, cursor.pos))
        return tuple(values), tuple(lists)

    def _wrapped(self, word: str, start: int) -> Filter:
        """TERM(...) or CASE(...)."""
        cursor = self.cursor
        cursor.pos = start + 5
        quoted = cursor.string()
        if quoted is None:
            close = cursor.text.find(")", cursor.pos, cursor.end)
            if close < 0:
                cursor.fail(f"{word}( is never closed", Span(start, start + 5), "add )")
            quoted = cursor.text[cursor.pos : close].strip()
            cursor.pos = close
        cursor.expect(")", f"to close {word}(")
        if not quoted:
            cursor.fail(f"{word}() needs a term", cursor.since(start))
        return Term(quoted, TermKind.CASE if word == "CASE" else TermKind.TERM, cursor.since(start))


# --- lowering ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TimeRange:
    """The part of the time range that a search states for all its events, epoch seconds; None = open."""

    earliest: float | None = None
    latest: float | None = None


def lower_filter(tree: Filter, schema: Schema, context: Context) -> Expr:
    """The predicate of a search expression over rows of that schema. It is null or false where the row does not match;
    NOT is exact: a part that cannot be decided counts as not matching."""
    return _Lowering(schema, context).predicate(tree)


def lower_text(source: str, schema: Schema, context: Context, span: Span, inside: tuple[str, ...] = ()) -> Expr:
    """The predicate of a search expression given as text (searchmatch, eventtypes). `inside`: the eventtypes and saved
    searches that it is part of."""

    try:
        return _Lowering(schema, context, inside).predicate(parse_text(source, span))
    except _Circle:
        raise
    except SplError as error:
        raise SplError(f"'{source[:80]}' is not a search expression: {error.reason}", span=span) from None


def parse_text(source: str, span: Span) -> Filter:
    """A search expression given as text, which has neither pipes nor subsearches. Raises SplError."""
    cursor = Cursor(source, 0, len(source), _refuse(span))
    if len(split_pipes(source, 0, len(source))) > 1:
        raise SplError("a pipe cannot stand here: it is a search without commands", span=span)
    tree = parse_filter(cursor)
    cursor.finish()
    return tree


def answered(tree: Filter, context: Context) -> Filter:
    """The expression with what its subsearches return in their place; those on the right side of a comparison stay.
    Raises SplError."""
    match tree:
        case Not(operand=operand):
            return replace(tree, operand=answered(operand, context))
        case And(parts=parts) | Or(parts=parts):
            return replace(tree, parts=tuple(answered(part, context) for part in parts))
        case SubFilter(pipeline=pipeline, field=None, span=span):
            from trapline.spl.subsearch import as_search

            return _read_text(as_search(context, pipeline), span)
    return tree


def _read_text(source: str, span: Span) -> Filter:
    try:
        return parse_text(source, span)
    except SplError as error:
        raise SplError(f"'{source[:80]}' is not a search expression: {error.reason}", span=span) from None


def _refuse(span: Span) -> Callable[[int, int], Pipeline]:
    def refuse(start: int, end: int) -> Pipeline:
        raise SplError("a subsearch cannot stand here", span=span)

    return refuse


def time_range(tree: Filter, context: Context) -> TimeRange:
    """The bounds that hold for the whole expression, for pruning what is read. The predicate states them again."""
    parts = tree.parts if isinstance(tree, And) else (tree,)
    earliest: float | None = None
    latest: float | None = None
    for part in parts:
        if not isinstance(part, Time):
            continue
        name, bound = _bound(part, context)
        if bound is None:
            continue
        if name == "earliest":
            earliest = bound if earliest is None else max(earliest, bound)
        elif name == "latest":
            latest = bound if latest is None else min(latest, bound)
    return TimeRange(earliest, latest)


def _bound(tree: Time, context: Context) -> tuple[str, float | None]:
    ago = _AGO.match(tree.which)
    if ago is not None:
        which, unit = ago.group(1) or "start", _LETTER[ago.group(2)]
        if not tree.value.isdecimal():
            raise SplError(f"{tree.which} takes a whole number", span=tree.span, code="time")
        bound = time_bound(f"-{tree.value}{unit}", context.now, what=tree.which, span=tree.span, tz=context.tz)
        return ("earliest" if which == "start" else "latest"), bound
    name = {
        "starttime": "earliest",
        "starttimeu": "earliest",
        "endtime": "latest",
        "endtimeu": "latest",
        "_index_earliest": "index_earliest",
        "_index_latest": "index_latest",
    }.get(tree.which, tree.which)
    if re.fullmatch(r"[+-]\d+", tree.value):
        raise SplError(
            f"{tree.which}={tree.value} has no unit", span=tree.span, hint=f"in seconds: {tree.value}s", code="time"
        )
    if tree.form is not None:
        pattern = reader(tree.form)
        bound = None if pattern is None else parse_time(tree.value, pattern, context.tz)
        if bound is None:
            raise SplError(
                f"{tree.which}: '{tree.value}' is not a time of the form {tree.form}", span=tree.span, code="time"
            )
    else:
        bound = time_bound(tree.value, context.now, what=tree.which, span=tree.span, tz=context.tz)
    if tree.moved is not None and bound is not None:
        bound = shift(bound, tree.moved, context.tz)
    if name == "earliest" and bound == 0:
        return name, None
    return name, bound


class _Circle(SplError):
    """Told as it is, and not once for every round."""


class _Lowering:
    def __init__(self, schema: Schema, context: Context, inside: tuple[str, ...] = ()) -> None:
        self.schema = schema
        self.context = context
        self.inside = inside
        """The eventtypes and saved searches that are being lowered"""

    def predicate(self, tree: Filter) -> Expr:
        match tree:
            case Everything():
                return TRUE
            case Not(operand=operand):
                return call("not", Kind.BOOL, call("is_true", Kind.BOOL, self.predicate(operand)))
            case And(parts=parts):
                return both([self.predicate(part) for part in parts])
            case Or(parts=parts):
                return either([self.predicate(part) for part in parts])
            case Compare():
                return self.compare(tree.field, tree.op, tree.value, tree.exact)
            case OneOf(field=name, values=values):
                return self.one_of(name, (*values, *self.listed(tree)))
            case Term():
                return self.term(tree)
            case Time():
                return self.time(tree)
            case SubFilter():
                return self.subsearch(tree)

    def time(self, tree: Time) -> Expr:
        name, bound = _bound(tree, self.context)
        if bound is None:
            return TRUE
        column = "_indextime" if name.startswith("index_") else "_time"
        if column not in self.schema:
            return FALSE
        op = "ge" if name.endswith("earliest") else "lt"
        return call(op, Kind.BOOL, as_number(Col(column, self.schema[column])), number(bound))

    def subsearch(self, tree: SubFilter) -> Expr:
        from trapline.spl.subsearch import as_search

        found = as_search(self.context, tree.pipeline)
        if tree.field is not None:
            return self.compare(tree.field, tree.op, found.strip().strip('"'), exact=False)
        return lower_text(found, self.schema, self.context, tree.span)

    # --- field comparisons

    def compare(self, name: str, op: str, value: str, exact: bool, *, pattern: bool = True) -> Expr:
        """A comparison. `pattern`: a name with `*` means all fields like it, and not the one that has that name."""
        if (name in ("eventtype", "tag") or name.startswith("tag::")) and op in ("=", "!="):
            special = self.eventtype(value) if name == "eventtype" else self.tag(name, value)
            if special is not None:
                return special if op == "=" else call("not", Kind.BOOL, call("is_true", Kind.BOOL, special))
        specifier = _SPECIFIERS.get(name.lower())
        if specifier is not None and name not in self.schema and op in ("=", "!="):
            return self.compare(specifier, op, value, exact)
        if name.lower() in ("savedsearch", "savedsplunk") and name not in self.schema and op == "=":
            return self.saved(value)
        if pattern and "*" in name:
            like = match_names(name, self.schema)
            parts = [self.compare(one, op, value, exact, pattern=False) for one in like]
            return either(parts) if parts else FALSE
        column = self.column(name)
        if column is None:
            return FALSE
        match op:
            case "=":
                return _per_value(column, lambda one: self.equals(one, value, exact))
            case "!=":
                if value == "*":
                    return FALSE

                def differs(one: Expr) -> Expr:
                    found = call("not", Kind.BOOL, self.equals(one, value, exact))
                    return found if isinstance(one, Lit) else both([call("is_not_null", Kind.BOOL, one), found])

                return _per_value(column, differs)
        ordered = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge"}[op]
        return _per_value(column, lambda one: _ordered(ordered, one, value))

    def column(self, name: str) -> Expr | None:
        kind = self.schema.get(name)
        return None if kind is None else Col(name, kind)

    def listed(self, tree: OneOf) -> list[str]:
        """The values that the subsearches in a list return."""
        from trapline.spl.subsearch import as_search

        found: list[str] = []
        for pipeline in tree.lists:
            given = as_search(self.context, pipeline)
            cursor = Cursor(given, 0, len(given), _refuse(tree.span))
            while not cursor.done():
                if cursor.take(","):
                    continue
                if cursor.peek() == "(" or "=" in (word := cursor.value("a value")):
                    raise SplError(
                        f"this subsearch returned '{given[:80]}', which is not a list of values",
                        span=tree.span,
                        hint='return values only: ... | stats values(x) as search | eval search=mvjoin(search, ",")',
                    )
                found.append(word)
        return found

    def one_of(self, name: str, values: tuple[str, ...]) -> Expr:
        if not values:
            return FALSE
        plain = [value for value in values if "*" not in value and not _is_cidr(value)]
        special = [value for value in values if value not in plain]
        column = self.column(name)
        if column is not None and column.kind is Kind.TEXT and len(plain) > 1 and name not in ("eventtype", "tag"):
            lowered = tuple(dict.fromkeys(value.lower() for value in plain))
            first = call("in", Kind.BOOL, _folded(column, "".join(lowered)), *(text(value) for value in lowered))
            return either([first, *(self.compare(name, "=", value, exact=False) for value in special)])
        return either([self.compare(name, "=", value, exact=False) for value in dict.fromkeys(values)])

    def equals(self, one: Expr, value: str, exact: bool) -> Expr:
        """One value against a literal, text or wildcards. Letter case is ignored unless `exact`."""
        if value == "*":
            return call("is_not_null", Kind.BOOL, one)
        if one.kind is Kind.NUMBER:
            found = to_number(value)
            if found is not None and number_text(found) == value:
                return call("eq", Kind.BOOL, one, number(found))
        subject = as_text(one)
        if "*" in value:
            subject, pattern = (subject, value) if exact else (_folded(subject, value), value.lower())
            return _wildcard(subject, pattern)
        if _is_cidr(value):
            return either(
                [call("eq", Kind.BOOL, subject, text(value)), call("cidr_match", Kind.BOOL, text(value), subject)]
            )
        if exact:
            return call("eq", Kind.BOOL, subject, text(value))
        return call("eq", Kind.BOOL, _folded(subject, value), text(value.lower()))

    def saved(self, name: str) -> Expr:
        """`savedsearch=name`: the search expression that a saved search is."""
        found = self.context.saved_search(name)
        if found is None:
            raise SplError(f"there is no saved search '{name[:80]}'", code="name")
        pipeline = self.context.parse(found)
        tree = getattr(pipeline.stages[0].command, "tree", None)
        if len(pipeline.stages) != 1 or tree is None:
            raise SplError(
                f"the saved search '{name[:80]}' is more than a search expression",
                hint=f'run it in brackets: [| savedsearch "{name[:80]}" | fields ...]',
                code="name",
            )
        if name in self.inside:
            raise SplError(f"the saved search '{name[:80]}' is made of itself", code="name")
        self.inside = (*self.inside, name)
        try:
            return self.predicate(tree)
        finally:
            self.inside = self.inside[:-1]

    def eventtype(self, value: str) -> Expr | None:
        """An eventtype is the search it stands for. None where the field is an ordinary one."""
        if "eventtype" in self.schema and not self.schema.keys() >= _EVENT:
            return None
        found = self.context.eventtypes(value)
        if found is None and "eventtype" in self.schema:
            return None
        if not found:
            self.context.warnings.add(
                "eventtype",
                f"no eventtype matches '{value}', so eventtype={value} matches nothing",
                hint="define it in an eventtypes.conf of an add-on; trapline addons check tells those left out",
            )
            return FALSE
        parts: list[Expr] = []
        for name, search in found.items():
            if name in self.inside:
                raise _Circle(f"the eventtype '{name[:80]}' is made of itself", code="name")
            parts.append(lower_text(search, self.schema, self.context, Span(0, 0), (*self.inside, name)))
        return either(parts)

    def tag(self, name: str, value: str) -> Expr | None:
        """A tag is the field values that have it. None where the field is an ordinary one."""
        if name in self.schema and not self.schema.keys() >= _EVENT:
            return None
        found = self.context.tags(name.partition("::")[2] or None, value)
        if found is None:
            return None
        if not found:
            self.context.warnings.add(
                "tag",
                f"nothing has the tag '{value}', so {name}={value} matches nothing",
                hint="define it in a tags.conf of an add-on",
            )
            return FALSE
        return either([self.compare(field, "=", one, exact=False) for field, one in found])

    # --- terms

    def term(self, tree: Term) -> Expr:
        if "_raw" not in self.schema:
            return FALSE
        raw: Expr = Col("_raw", self.schema["_raw"])
        raw = as_text(raw)
        exact = tree.how == TermKind.CASE
        value = tree.value
        if not value.strip("*"):
            return TRUE if value else call("is_not_null", Kind.BOOL, raw)
        pattern = _term_pattern(value, tree.how)
        test = call("regex_match", Kind.BOOL, raw, text(pattern))
        longest = max(re.split(r"[*\s]+", value), key=len)
        if not longest:
            return test
        folded = raw if exact else _folded(raw, longest)
        first = call("contains", Kind.BOOL, folded, text(longest if exact else longest.lower()))
        return both([first, test])


def _per_value(column: Expr, test: Callable[[Expr], Expr]) -> Expr:
    """A test of a value, or of any value of a multivalue."""
    if column.kind is Kind.MULTI:
        return call("list_any", Kind.BOOL, column, Lambda("_v", test(Col("_v", Kind.TEXT))))
    return test(column)


def _folded(subject: Expr, literal: str) -> Expr:
    """The subject in lower case, unless the literal has no letters that case could change: digits compare as they are,
    and files can then be skipped by their statistics."""
    if literal.lower() == literal.upper():
        return subject
    return call("lower", Kind.TEXT, subject)


def _wildcard(subject: Expr, pattern: str) -> Expr:
    """`*` matches any text. The common shapes become plain prefix, suffix and substring tests."""
    parts = re.split(r"\*+", pattern)
    if len(parts) == 2:
        head, tail = parts
        tests = []
        if head:
            tests.append(call("starts_with", Kind.BOOL, subject, text(head)))
        if tail:
            tests.append(call("ends_with", Kind.BOOL, subject, text(tail)))
        if head and tail:
            tests.append(call("ge", Kind.BOOL, call("length", Kind.NUMBER, subject), number(len(head) + len(tail))))
        return both(tests) if tests else call("is_not_null", Kind.BOOL, subject)
    if len(parts) == 3 and not parts[0] and not parts[2]:
        return call("contains", Kind.BOOL, subject, text(parts[1]))
    return call("wildcard", Kind.BOOL, subject, text(pattern))


def _ordered(op: str, one: Expr, value: str) -> Expr:
    """<, <=, >, >=: numbers if both are, else text."""
    found = to_number(value)
    if one.kind is Kind.NUMBER:
        return (
            call(op, Kind.BOOL, one, number(found))
            if found is not None
            else call(op, Kind.BOOL, as_text(one), text(value))
        )
    if found is None:
        return call(op, Kind.BOOL, as_text(one), text(value))
    return call(f"{op}_auto", Kind.BOOL, as_text(one), text(value))


def _is_cidr(value: str) -> bool:
    _, slash, bits = value.partition("/")
    if not slash or not bits.isdecimal():
        return False
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return True


_MAJOR = r"\s\[\]<>(){}|!;,'\"*&?+"
_MINOR = r"/:=@.\-$#%\\_"
"""Major and minor breakers of segmenters.conf, as inside of a character class."""


def _term_pattern(value: str, how: TermKind) -> str:
    """The regular expression of a term: it must start and end where a token does."""
    breakers = _MAJOR if how == TermKind.TERM else _MAJOR + _MINOR
    pieces = value.split("*")
    body = f"[^{_MAJOR}]*".join(_spaced(piece) for piece in pieces)
    flags = "" if how == TermKind.CASE else "(?i)"
    left = "" if _breaks(value[0], breakers) else f"(?:^|[{breakers}])"
    right = "" if _breaks(value[-1], breakers) else f"(?:$|[{breakers}])"
    return f"{flags}{left}{body}{right}"


def prefix_pattern(prefix: str) -> str:
    """The regular expression of terms, between major breakers, that start with a text; group 1 is what follows it
    (tstats page, "PREFIX")."""
    return f"(?:^|[{_MAJOR}]){_quote(prefix)}([^{_MAJOR}]+)"


def _spaced(piece: str) -> str:
    return re.sub(r"(?:\\?\s)+", r"\\s+", _quote(piece))


def _quote(piece: str) -> str:
    """Escape for PCRE and RE2 alike."""
    return re.sub(r"([^\w\s])", r"\\\1", piece, flags=re.ASCII) if piece.isascii() else re.escape(piece)


def _breaks(char: str, breakers: str) -> bool:
    return char == "*" or re.match(f"[{breakers}]", char) is not None
