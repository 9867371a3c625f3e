"""What the events hold in the fields of a clause that let nothing through: is the field there, which values, which of
them come near the one asked for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trapline.explain.asking import Asking
from trapline.explain.clauses import Tested
from trapline.plan import (
    TRUE,
    Agg,
    Aggregate,
    Col,
    Expand,
    Expr,
    Filter,
    Limit,
    Node,
    Sort,
    SortKey,
    call,
)
from trapline.values import Kind, number_text, star_regex, to_number

MOST_VALUES = 1_000
"""Values of a field that are looked at, the most frequent first."""
SHOWN = 5
SHORTEST = 3
"""Characters of a literal that are looked for inside of values."""
COUNT = "_explain_count"


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """`rows`: of the rows that came into the stage, how many have the field. `within`: how many rows pass every other
    clause, None if `values` are those of all rows that came in. `values`: the most frequent ones with their counts.
    `near`: remarks on values that come near the one asked for, on fields with a like name, on the kind of values."""

    field: str
    rows: int
    of: int
    within: int | None
    values: tuple[tuple[str, int], ...]
    distinct: int
    more: bool
    """There are more values than were looked at."""
    near: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "field": self.field,
            "rows_with_field": self.rows,
            "rows": self.of,
            "rows_that_pass_the_rest": self.within,
            "values": [{"value": value, "rows": rows} for value, rows in self.values],
            "distinct": self.distinct,
            "more_values": self.more,
            "hints": list(self.near),
        }


def field_facts(context: Asking, source: Node, tested: Sequence[Tested], rest: Expr, came: int) -> FieldFacts:
    """The facts about one field, which all of `tested` compare, over rows of `source` that pass `rest`."""
    name = tested[0].field
    kind = source.schema.get(name)
    if kind is None:
        return FieldFacts(name, 0, came, None, (), 0, False, tuple(like_names(context, source, name)))
    has = call("is_not_null", Kind.BOOL, Col(name, kind))
    rows, passing, both_rows = context.counts(source, {"has": has, "rest": rest}, _WANTED)
    if not rows:
        return FieldFacts(name, 0, came, None, (), 0, False, tuple(like_names(context, source, name)))
    chosen = source if not both_rows or rest == TRUE else Filter(source, rest)
    found = most_frequent(context, chosen, name, kind)
    near: list[str] = []
    if both_rows < rows:
        # The value may be there in rows that another clause removes: then what comes near it is beside the point.
        every = most_frequent(context, source, name, kind)
        near = [remark for one in tested for remark in _elsewhere(one, every)]
    if not near:
        near = [remark for one in tested for remark in _near(one, found)]
    if kind is Kind.MULTI and not near and _together(tested, found):
        near = [f'{name} has several values in a row, each compared by itself: mvjoin({name}, " ") makes them one text']
    return FieldFacts(
        name,
        rows,
        came,
        passing if both_rows and rest != TRUE else None,
        tuple(found[:SHOWN]),
        len(found),
        len(found) >= MOST_VALUES,
        tuple(dict.fromkeys(near))[:3],
    )


_HEX = re.compile(r"0[xX][0-9a-fA-F]{1,15}\Z")


def _together(tested: Sequence[Tested], values: Sequence[tuple[str, int]]) -> bool:
    """Has a literal several of the values in it?"""
    words = [set(re.split(r"[\s,;]+", one.literal or "")) for one in tested]
    return any(sum(value in one for value, _ in values) > 1 for one in words)


_HAS, _REST = Col("has", Kind.BOOL), Col("rest", Kind.BOOL)
_WANTED: tuple[Expr, ...] = (_HAS, _REST, call("and", Kind.BOOL, _HAS, _REST))


def most_frequent(context: Asking, source: Node, name: str, kind: Kind) -> list[tuple[str, int]]:
    """The most frequent values with their counts."""
    if kind is Kind.MULTI:
        source, kind = Expand(source, name), Kind.TEXT
    value = Col(name, kind)
    kept = Filter(source, call("is_not_null", Kind.BOOL, value))
    counted = Aggregate(kept, ((name, value),), ((COUNT, Agg("count_rows", None, Kind.NUMBER)),))
    sorted_ = Sort(counted, (SortKey(Col(COUNT, Kind.NUMBER), descending=True),))
    found = []
    for row in context.rows(Limit(sorted_, MOST_VALUES)):
        cell, rows = row[name], row[COUNT]
        assert not isinstance(cell, list)
        assert isinstance(rows, int)
        found.append((cell if isinstance(cell, str) else number_text(float(cell)), rows))
    return found


def like_names(context: Asking, source: Node, name: str) -> list[str]:
    """Fields of a like name that some of the rows have."""
    plain = _folded(name)
    known = [one for one in source.schema if one != name and not one.startswith("_")]
    near = [one for one in known if _folded(one) == plain]
    near += [one for one in known if len(plain) > 3 and _folded(one).endswith(plain) and one not in near]
    near += [one for one in difflib.get_close_matches(name, known, 5, 0.75) if one not in near]
    near = near[:8]
    if not near:
        return []
    tests: Mapping[str, Expr] = {one: call("is_not_null", Kind.BOOL, Col(one, source.schema[one])) for one in near}
    counts = context.counts(source, tests, [Col(one, Kind.BOOL) for one in near])
    return [f"{plural(rows)} {one}" for one, rows in zip(near, counts, strict=True) if rows][:3]


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _near(tested: Tested, values: Sequence[tuple[str, int]]) -> list[str]:
    """Remarks on values that nearly match."""
    literal = tested.literal
    if literal is None or tested.op not in ("=", "==", "like", "match", "<", "<=", ">", ">="):
        return []
    if tested.op in ("<", "<=", ">", ">="):
        return _order(tested, values)
    name = tested.field
    if tested.op == "match":
        return []
    bare = literal.strip("%") if tested.op == "like" else literal
    remarks: list[str] = []
    if tested.exact and tested.op == "==" and "*" in literal:
        remarks.append(f'in where and eval a * is no wildcard: write like({name}, "{literal.replace("*", "%")}")')
        bare = literal
    core = bare.strip("*").strip()
    lowered, blank, slashes = bare.lower(), _blanks(bare), _slashes(bare)
    lower = literal.lower()
    other_case = _pattern(tested, re.DOTALL | re.IGNORECASE) if tested.op == "like" else None
    meant = str(int(literal, 16)) if _HEX.match(literal) else None
    for value, rows in values:
        count = f"{plural(rows)} " + repr_value(value)
        if value == meant:
            remarks.append(f"{count}: {literal} is that number, but values are compared as they are written")
        elif tested.exact and value != bare and value.lower() == lowered:
            remarks.append(f"{count}: letter case counts in where and eval; compare lower({name})")
        elif other_case is not None and other_case.match(value):
            remarks.append(f"{count}: letter case counts in like(); write like(lower({name}), {repr_value(lower)})")
        elif value != bare and value.lower() != lowered and _blanks(value) == blank:
            remarks.append(f"{count}: it differs in blanks")
        elif value.lower() != lowered and _slashes(value) == slashes:
            remarks.append(f"{count}: it differs in backslashes; in quotes \\\\ is one backslash")
        elif not tested.exact and "*" not in literal and len(core) >= SHORTEST and core.lower() in value.lower():
            remarks.append(f'{count}, which holds it: write {name}="*{core}*"')
        elif tested.exact and tested.op == "==" and len(core) >= SHORTEST and core.lower() in value.lower():
            remarks.append(f'{count}, which holds it: write like({name}, "%{core}%")')
        if len(remarks) >= 3:
            break
    if not remarks and "*" not in literal and to_number(literal) is None:
        known = {value.lower(): value for value, _ in reversed(values[:200])}
        near = difflib.get_close_matches(literal.lower(), list(known), 1, 0.7)
        remarks += [f"{repr_value(known[one])} is spelt alike" for one in near]
    return remarks


def _order(tested: Tested, values: Sequence[tuple[str, int]]) -> list[str]:
    numbers = [number for value, _ in values if (number := to_number(value)) is not None]
    if len(numbers) < len(values):
        words = len(values) - len(numbers)
        return [f"{words} of {len(values)} values are no numbers; texts are compared in the order of their characters"]
    if len(values) >= MOST_VALUES:
        return []
    if min(numbers) == max(numbers):
        return []  # it stands above already
    return [f"the values go from {number_text(min(numbers))} to {number_text(max(numbers))}"]


def _elsewhere(tested: Tested, values: Sequence[tuple[str, int]]) -> list[str]:
    """Is the value there in rows that another clause removes?"""
    if tested.literal is None or tested.op not in ("=", "==", "like"):
        return []
    pattern = _pattern(tested, re.DOTALL if tested.exact else re.DOTALL | re.IGNORECASE)
    rows = sum(count for value, count in values if pattern.match(value))
    return [f"{plural(rows)} such a value, but other clauses remove {'it' if rows == 1 else 'them'}"] if rows else []


def _pattern(tested: Tested, flags: re.RegexFlag) -> re.Pattern[str]:
    """What the literal matches: with `*` in search, with `%` and `_` in like()."""
    assert tested.literal is not None
    if tested.op == "like":
        # Each piece is taken where it first fits and never looked for again, so no text takes long.
        first, *rest = re.split("%+", tested.literal)
        plain = _one_by_one(first) + "".join(f"(?>.*?{_one_by_one(piece)})" for piece in rest[:-1])
        plain += f".*{_one_by_one(rest[-1])}" if rest else ""
    elif tested.exact:
        plain = re.escape(tested.literal)
    else:
        plain = star_regex(tested.literal)
    return re.compile(plain + r"\Z", flags)


def _one_by_one(piece: str) -> str:
    """A piece of a like() pattern, in which `_` is any character."""
    return ".".join(map(re.escape, piece.split("_")))


def _blanks(text: str) -> str:
    return re.sub(r"\s+", "", text).lower()


def _slashes(text: str) -> str:
    return re.sub(r"[\\/]+", "/", text).lower()


def repr_value(value: str, width: int = 80) -> str:
    """A value in double quotes, cut if long."""
    return '"' + (value if len(value) <= width else value[: width - 1] + "…") + '"'


def plural(rows: int) -> str:
    """`1 row has`, `2 rows have`."""
    return "1 row has" if rows == 1 else f"{rows:,} rows have"
