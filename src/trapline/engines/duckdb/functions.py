"""DuckDB's function table: how each word of the engine vocabulary is written in its SQL.

Three forms: a SQL macro (`MACROS`, created once per connection), an operator or function built here as a tree, and a
Python function (`trapline.engines.scalar`) for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import cast

from sqlglot import exp

from trapline import pcre
from trapline.engines.scalar import FUNCTIONS, failure
from trapline.errors import SplError
from trapline.plan import Agg, Call, Lit
from trapline.values import Kind

Tree = exp.Expression
Builder = Callable[[Call, Sequence[Tree]], Tree]

TYPES: Mapping[Kind, str] = {Kind.TEXT: "VARCHAR", Kind.NUMBER: "DOUBLE", Kind.MULTI: "VARCHAR[]", Kind.BOOL: "BOOLEAN"}

_NUMERIC = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"

MACROS = (
    # Splunk's number syntax is narrower than a cast's: no blanks, no inf, no nan, no underscores.
    f"to_number(x) AS CASE WHEN regexp_full_match(x, '{_NUMERIC}') AND isfinite(try_cast(x AS DOUBLE)) "
    "THEN try_cast(x AS DOUBLE) END",
    "number_text(x) AS CASE WHEN x = trunc(x) AND abs(x) < 1e16 THEN cast(cast(x AS HUGEINT) AS VARCHAR) "
    "ELSE cast(x AS VARCHAR) END",
    "bool_text(x) AS CASE WHEN x THEN 'True' WHEN NOT x THEN 'False' END",
    # x / 0 and results that are no number are null.
    "finite(x) AS CASE WHEN isfinite(x) THEN x END",
    *(
        f"{name}_auto(a, b) AS CASE WHEN spl_to_number(a) IS NOT NULL AND spl_to_number(b) IS NOT NULL "
        f"THEN spl_to_number(a) {op} spl_to_number(b) ELSE a {op} b END"
        for name, op in (("eq", "="), ("ne", "<>"), ("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">="))
    ),
    *(
        f"{name}_number(a, n) AS CASE WHEN a IS NULL THEN NULL WHEN spl_to_number(a) IS NOT NULL "
        f"THEN spl_to_number(a) {op} n ELSE a {op} spl_number_text(n) END"
        for name, op in (("eq", "="), ("ne", "<>"), ("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">="))
    ),
    "is_true(x) AS coalesce(x, false)",
    # Pairs: name, value, name, value ... in one list.
    "pairs_names(p) AS CASE WHEN len(p) > 0 THEN list_transform(range(1, len(p), 2), lambda i: p[i]) END",
    "pairs_values(p, n) AS CASE WHEN list_contains(p, n) THEN list_transform("
    "list_filter(range(1, len(p), 2), lambda i: p[i] = n), lambda i: p[i + 1]) END",
    # A place or a count: whole, and within what lists and texts can have.
    "whole(x) AS CASE WHEN x >= 2147483647 THEN 2147483647 WHEN x <= -2147483647 THEN -2147483647 "
    "ELSE cast(trunc(x) AS BIGINT) END",
    "log_of(x, b) AS CASE WHEN x > 0 AND b > 0 AND b <> 1 THEN CASE b WHEN 10 THEN log10(x) WHEN 2 THEN log2(x) "
    "ELSE ln(x) / ln(b) END END",
    # SQLite's substr: place 0 stands before the text, a negative length takes what comes before the place.
    "substring_start(s, a) AS CASE WHEN a <= -1 THEN length(s) + spl_whole(a) ELSE spl_whole(a) - 1 END",
    "substring_cut(s, first, last) AS substring(s, greatest(first, 0) + 1, greatest(last - greatest(first, 0), 0))",
    "substring_of(s, a, n) AS CASE WHEN coalesce(n, 2147483647) >= 0 "
    "THEN spl_substring_cut(s, spl_substring_start(s, a), "
    "spl_substring_start(s, a) + spl_whole(coalesce(n, 2147483647))) "
    "ELSE spl_substring_cut(s, spl_substring_start(s, a) + spl_whole(n), spl_substring_start(s, a)) END",
    "list_numbers(l) AS list_filter(list_transform(cast(l AS VARCHAR[]), lambda x: spl_to_number(x)), "
    "lambda x: x IS NOT NULL)",
    "list_max(l) AS coalesce(list_max(list_filter(cast(l AS VARCHAR[]), lambda x: spl_to_number(x) IS NULL)), "
    "spl_number_text(list_max(spl_list_numbers(l))))",
    "list_min(l) AS coalesce(spl_number_text(list_min(spl_list_numbers(l))), list_min(cast(l AS VARCHAR[])))",
    # The same with values that are text for certain, also where they look like numbers.
    "list_max_of(l, t) AS coalesce(list_max(list_concat(list_filter(cast(l AS VARCHAR[]), "
    "lambda x: spl_to_number(x) IS NULL), t)), spl_number_text(list_max(spl_list_numbers(l))))",
    "list_min_of(l, t) AS coalesce(spl_number_text(list_min(spl_list_numbers(l))), "
    "list_min(list_concat(cast(l AS VARCHAR[]), t)))",
    "list_sum(l) AS list_sum(spl_list_numbers(l))",
    "list_avg(l) AS list_avg(spl_list_numbers(l))",
    "list_or_null(l) AS CASE WHEN len(l) > 0 THEN l END",
    "list_of(x) AS CASE WHEN x IS NOT NULL THEN [x] END",
    "list_at(l, i) AS CASE WHEN i > -1 THEN l[spl_whole(i) + 1] ELSE l[spl_whole(i)] END",
    "list_place(l, i) AS CASE WHEN i > -1 THEN spl_whole(i) + 1 ELSE len(l) + spl_whole(i) + 1 END",
    # A range that ends beyond the last value ends with it.
    "list_cut(l, a, b) AS CASE WHEN a BETWEEN 1 AND len(l) AND a <= b THEN l[a:b] END",
    "list_slice(l, a, b) AS spl_list_cut(l, spl_list_place(l, a), spl_list_place(l, b))",
    "list_dedup(l) AS list_filter(l, lambda x, i: list_position(l, x) = i)",
    "list_find(l, flags) AS CASE WHEN list_position(flags, true) > 0 "
    "THEN cast(list_position(flags, true) - 1 AS DOUBLE) END",
    "list_zip(a, b, mark) AS CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN "
    "list_transform(range(1, least(len(a), len(b)) + 1), lambda i: a[i] || mark || b[i]) END",
    # The bound stands inside: a list of constants is made before a CASE around it is looked at.
    "list_steps(n) AS CASE WHEN n > 1000000 THEN cast(error('"
    + failure("values", "mvrange() would give more than 1,000,000 values", "a greater step, or a nearer end")
    + "') AS BIGINT) WHEN n > 0 THEN cast(ceil(n) AS BIGINT) ELSE 0 END",
    "list_range(a, b, s) AS spl_list_or_null(list_transform(range(0, spl_list_steps(CASE WHEN s <> 0 AND isfinite(a) "
    "AND isfinite(b) AND isfinite(s) THEN (b - a) / s END)), lambda i: spl_number_text(a + i * s)))",
    "list_join(l, mark) AS list_reduce(l, lambda a, b: a || mark || b)",
    # A counter's growth, over the largest of its values that a smaller one follows: there it began anew.
    # An aggregate must not stand in a lambda, so the lists are paired first.
    "growth(l) AS l[-1] - l[1] + coalesce(list_max(list_transform(list_zip(l, l[2:]), "
    "lambda pair: CASE WHEN pair[2] < pair[1] THEN pair[1] END)), 0)",
    "list_any(flags) AS list_contains(flags, true)",
    "sort_class(x) AS CASE WHEN x IS NULL THEN NULL WHEN spl_to_number(x) IS NOT NULL THEN 0 ELSE 1 END",
    # Each part of an IPv4 address padded, so that text order is address order.
    r"sort_ip(x) AS CASE WHEN regexp_full_match(x, '\d{1,3}(\.\d{1,3}){3}') "
    "THEN array_to_string(list_transform(string_split(x, '.'), lambda p: lpad(p, 3, '0')), '.') ELSE x END",
    # Months since 1970 of a time, floored to n of them, back as a time.
    "months(x) AS CASE WHEN x BETWEEN -62135596800 AND 253402300799 "
    "THEN date_diff('month', DATE '1970-01-01', make_timestamp(cast(floor(x) * 1e6 AS BIGINT))) END",
    "month_floor(x, n) AS epoch_us(TIMESTAMP '1970-01-01' "
    "+ to_months(cast(floor(spl_months(x) / n) * n AS INTEGER))) / 1e6",
    "event_list(mv, x) AS coalesce(mv, spl_list_of(x))",
    "list_head(l, n) AS l[1:spl_whole(n)]",
    # Bitwise functions take whole numbers from 0 to 2^53-1 and give null for all others.
    "bits(x) AS CASE WHEN x BETWEEN 0 AND 9007199254740991 AND x = trunc(x) THEN cast(x AS BIGINT) END",
    "bit_and(a, b) AS cast(spl_bits(a) & spl_bits(b) AS DOUBLE)",
    "bit_or(a, b) AS cast(spl_bits(a) | spl_bits(b) AS DOUBLE)",
    "bit_xor(a, b) AS cast(xor(spl_bits(a), spl_bits(b)) AS DOUBLE)",
    "bit_not(a, mask) AS cast((9007199254740991 - spl_bits(a)) & spl_bits(mask) AS DOUBLE)",
    "bit_left(a, n) AS CASE WHEN spl_bits(a) IS NULL OR spl_bits(n) IS NULL THEN NULL WHEN n >= 53 THEN 0.0 "
    "ELSE cast((cast(spl_bits(a) AS HUGEINT) * cast(pow(2, n) AS HUGEINT)) % 9007199254740992 AS DOUBLE) END",
    "bit_right(a, n) AS CASE WHEN spl_bits(a) IS NULL OR spl_bits(n) IS NULL THEN NULL WHEN n >= 53 THEN 0.0 "
    "ELSE cast(spl_bits(a) >> cast(n AS BIGINT) AS DOUBLE) END",
)
"""Bodies of `CREATE MACRO spl_<...>`, in order of use."""


@cache
def _parsed(name: str) -> exp.DataType:
    return exp.DataType.build(name, dialect="duckdb")


def sql_type(name: str) -> exp.DataType:
    """A type by its SQL name; parsed once."""
    return _parsed(name).copy()


def macro(name: str, *args: Tree) -> Tree:
    return exp.Anonymous(this=f"spl_{name}", expressions=list(args))


def native(name: str, *args: Tree) -> Tree:
    return exp.Anonymous(this=name, expressions=list(args))


def literal(lit: Lit) -> Tree:
    match lit.value:
        case None:
            return exp.Cast(this=exp.Null(), to=sql_type(TYPES[lit.kind]))
        case bool(value):
            return exp.true() if value else exp.false()
        case str(value):
            return exp.Literal.string(value)
        case tuple(values):
            return exp.Array(expressions=[exp.Literal.string(value) for value in values])
        case value:
            text = repr(float(value))
            if text in ("inf", "-inf", "nan"):
                return cast("Tree", exp.Cast(this=exp.Literal.string(text), to=sql_type("DOUBLE")))
            positive = exp.Cast(this=exp.Literal.number(text.lstrip("-")), to=sql_type("DOUBLE"))
            return exp.Neg(this=positive) if text.startswith("-") else positive


def _operator(node: type[exp.Expression]) -> Builder:
    def build(call: Call, args: Sequence[Tree]) -> Tree:
        return exp.Paren(this=node(this=args[0], expression=args[1]))

    return build


def _balanced(node: type[exp.Connector], parts: Sequence[Tree]) -> Tree:
    """A tree of logarithmic depth, for a search may join a thousand conditions."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    left, right = _balanced(node, parts[:middle]), _balanced(node, parts[middle:])
    return cast("Tree", node(this=_grouped(node, left), expression=_grouped(node, right)))


def _grouped(node: type[exp.Connector], tree: Tree) -> Tree:
    return tree if not isinstance(tree, exp.Connector) or isinstance(tree, node) else exp.Paren(this=tree)


def _chain(node: type[exp.Connector]) -> Builder:
    def build(call: Call, args: Sequence[Tree]) -> Tree:
        return exp.Paren(this=_balanced(node, args))

    return build


def _named(name: str) -> Builder:
    def build(call: Call, args: Sequence[Tree]) -> Tree:
        return native(name, *args)

    return build


def _macro(name: str) -> Builder:
    def build(call: Call, args: Sequence[Tree]) -> Tree:
        return macro(name, *args)

    return build


def _finite(inner: Builder) -> Builder:
    """A macro writes its argument as often as it names it, so only the outermost of nested calculations is checked:
    what is not finite stays so on the way there."""

    def build(call: Call, args: Sequence[Tree]) -> Tree:
        return macro("finite", inner(call, [_unchecked(arg) for arg in args]))

    return build


def _checked(name: str) -> Builder:
    """A native function that may make a finite value of one that is not: 1/infinity is 0, but no number here."""

    def build(call: Call, args: Sequence[Tree]) -> Tree:
        return macro("finite", native(name, *args))

    return build


def _unchecked(tree: Tree) -> Tree:
    if isinstance(tree, exp.Anonymous) and tree.name == "spl_finite":
        return cast("Tree", tree.expressions[0])
    return tree


def _plus(call: Call, args: Sequence[Tree]) -> Tree:
    """`a + b + ...` of fields: the sum where all are numbers, one text where none is; of both, from left to right."""
    numbers = [macro("to_number", arg) for arg in args]
    total = numbers[0]
    joined = args[0]
    for number, arg in zip(numbers[1:], args[1:], strict=True):
        total = exp.Add(this=total, expression=number.copy())
        joined = exp.DPipe(this=joined, expression=arg)
    none = [exp.Is(this=number.copy(), expression=exp.Null()) for number in numbers]
    every = [exp.Not(this=test.copy()) for test in none]
    return exp.Case(
        ifs=[
            exp.If(this=exp.and_(*every), true=macro("number_text", macro("finite", total))),
            exp.If(this=exp.and_(*none), true=joined.copy()),
        ],
        default=macro("py_plus", exp.Array(expressions=[arg.copy() for arg in args])),
    )


_LONGEST = 2**31 - 1
"""Characters that a text can have."""


def _substr(call: Call, args: Sequence[Tree]) -> Tree:
    """Plain places are a native call; the rest of SQLite's rules is a macro."""
    start, length = call.args[1], call.args[2]
    plain = isinstance(start, Lit) and isinstance(start.value, float) and start.value >= 1
    if plain and isinstance(length, Lit) and (length.value is None or isinstance(length.value, float)):
        count = None if length.value is None else int(min(length.value, _LONGEST))
        if count is None or count >= 0:
            assert isinstance(start, Lit)
            places = [exp.Literal.number(int(min(cast("float", start.value), _LONGEST)))]
            return native("substring", args[0], *places, *([] if count is None else [exp.Literal.number(count)]))
    return macro("substring_of", *args)


def _python(name: str) -> Builder:
    return _macro(f"py_{name}")


def _case(call: Call, args: Sequence[Tree]) -> Tree:
    branches = [exp.If(this=args[at], true=args[at + 1]) for at in range(0, len(args) - 1, 2)]
    return exp.Case(ifs=branches, default=args[-1])


def _within(call: Call, args: Sequence[Tree]) -> Tree:
    return exp.In(this=args[0], expressions=list(args[1:]))


def _domain(low: str, name: str, high: str | None = None) -> Builder:
    """A function that is null outside its domain."""

    def build(call: Call, args: Sequence[Tree]) -> Tree:
        inside: Tree = (
            exp.GTE(this=args[0], expression=exp.Literal.number(low))
            if low != ">0"
            else exp.GT(this=args[0], expression=exp.Literal.number("0"))
        )
        if high is not None:
            inside = exp.And(this=inside, expression=exp.LTE(this=args[0].copy(), expression=exp.Literal.number(high)))
        return exp.Case(ifs=[exp.If(this=inside, true=native(name, args[0].copy()))])

    return build


def _round(call: Call, args: Sequence[Tree]) -> Tree:
    """A double holds no more than 15 decimals for certain; what has more places is itself."""
    value, places = args
    if isinstance(call.args[1], Lit) and isinstance(call.args[1].value, float):
        digits = int(call.args[1].value)
        if 0 <= digits <= 9:
            decimal = exp.TryCast(this=value, to=sql_type("DECIMAL(30,12)"), safe=True)
            exact = exp.Cast(this=native("round", decimal, exp.Literal.number(digits)), to=sql_type("DOUBLE"))
            rough = native("round", value.copy(), exp.Literal.number(digits))
            return exp.Coalesce(this=exact, expressions=[rough])
        return native("round", value, exp.Literal.number(digits)) if 0 <= digits <= 15 else value
    return macro("py_round", value, places)


def _fixed(call: Call, args: Sequence[Tree]) -> Tree:
    """So many decimals; beyond what a decimal holds, in Python."""
    slow = macro("py_fixed", *args)
    places = call.args[1]
    if not (isinstance(places, Lit) and isinstance(places.value, float) and 0 <= places.value <= 12):
        return slow
    decimal = exp.DataType.build(f"DECIMAL(30,{int(places.value)})", dialect="duckdb")
    fast = exp.Cast(this=exp.TryCast(this=args[0].copy(), to=decimal, safe=True), to=exp.DataType.build("VARCHAR"))
    return exp.Coalesce(this=fast, expressions=[slow])


def _pattern(call: Call, place: int) -> pcre.Pattern | None:
    """The checked pattern of an argument that is a literal."""
    arg = call.args[place]
    if isinstance(arg, Lit) and isinstance(arg.value, str):
        return pcre.check(arg.value)
    return None


def _regex_match(call: Call, args: Sequence[Tree]) -> Tree:
    pattern = _pattern(call, 1)
    if pattern is None or pattern.re2 is None:
        return macro("py_regex_match", *args)
    return native("regexp_matches", args[0], exp.Literal.string(pattern.re2))


def _regex_replace(every: bool) -> Builder:
    def build(call: Call, args: Sequence[Tree]) -> Tree:
        name = "py_regex_replace" if every else "py_regex_replace_first"
        pattern = _pattern(call, 1)
        new = call.args[2]
        simple = isinstance(new, Lit) and isinstance(new.value, str) and "\\" not in new.value and "$" not in new.value
        # A `$` that may take a final newline into the match would replace that newline too.
        if pattern is None or pattern.re2 is None or "$" in pattern.source or not simple:
            return macro(name, *args)
        options = [exp.Literal.string("g")] if every else []
        return native("regexp_replace", args[0], exp.Literal.string(pattern.re2), args[2], *options)

    return build


def _regex_extract(call: Call, args: Sequence[Tree]) -> Tree:
    pattern = _pattern(call, 1)
    group = call.args[2]
    assert isinstance(group, Lit)
    assert isinstance(group.value, float)
    if pattern is None or pattern.re2 is None or group.value > 9:
        return macro("py_regex_extract", *args)
    number = exp.Literal.number(int(group.value))
    found = native("regexp_extract", args[0], exp.Literal.string(pattern.re2), number)
    return native("nullif", found, exp.Literal.string(""))


def _lambda_list(name: str, wrap: str | None = None) -> Builder:
    def build(call: Call, args: Sequence[Tree]) -> Tree:
        made = native(name, *args)
        return macro(wrap, made) if wrap else made

    return build


def _list_find(call: Call, args: Sequence[Tree]) -> Tree:
    return macro("list_find", args[0], native("list_transform", args[0].copy(), args[1]))


def _list_concat(call: Call, args: Sequence[Tree]) -> Tree:
    return macro("list_or_null", native("list_concat", *args))


def _list_join(call: Call, args: Sequence[Tree]) -> Tree:
    """The native function takes a literal between the values only."""
    return native("array_to_string", *args) if isinstance(call.args[1], Lit) else macro("list_join", *args)


def _split(call: Call, args: Sequence[Tree]) -> Tree:
    return macro("list_or_null", native("string_split", *args))


def _trim(name: str) -> Builder:
    def build(call: Call, args: Sequence[Tree]) -> Tree:
        return native(name, *args)

    return build


def _wildcard(call: Call, args: Sequence[Tree]) -> Tree:
    """`*` any text. Only the pattern's own % and _ need escaping."""
    pattern = call.args[1]
    assert isinstance(pattern, Lit)
    assert isinstance(pattern.value, str)
    escaped = pattern.value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    like = exp.Like(this=args[0], expression=exp.Literal.string("%".join(escaped.split("*"))))
    return exp.Escape(this=like, expression=exp.Literal.string("\\"))


def _like(call: Call, args: Sequence[Tree]) -> Tree:
    """Splunk's like() has no escape character but the backslash (like page)."""
    pattern = call.args[1]
    if isinstance(pattern, Lit) and isinstance(pattern.value, str) and "\\" not in pattern.value:
        return exp.Like(this=args[0], expression=args[1])
    doubled = native("replace", args[1], exp.Literal.string("\\"), exp.Literal.string("\\\\"))
    return exp.Escape(this=exp.Like(this=args[0], expression=doubled), expression=exp.Literal.string("\\"))


def _is_null(call: Call, args: Sequence[Tree]) -> Tree:
    return exp.Paren(this=exp.Is(this=args[0], expression=exp.Null()))


def _is_not_null(call: Call, args: Sequence[Tree]) -> Tree:
    return exp.Paren(this=exp.Not(this=_is_null(call, args)))


def _not(call: Call, args: Sequence[Tree]) -> Tree:
    return exp.Paren(this=exp.Not(this=exp.Paren(this=args[0])))


def _xor(call: Call, args: Sequence[Tree]) -> Tree:
    return exp.Paren(this=exp.NEQ(this=args[0], expression=args[1]))


def _neg(call: Call, args: Sequence[Tree]) -> Tree:
    return exp.Paren(this=exp.Neg(this=args[0]))


def _coalesce(call: Call, args: Sequence[Tree]) -> Tree:
    return exp.Coalesce(this=args[0], expressions=list(args[1:]))


def _modulo(call: Call, args: Sequence[Tree]) -> Tree:
    return exp.Case(
        ifs=[
            exp.If(
                this=exp.NEQ(this=args[1], expression=exp.Literal.number(0)),
                true=exp.Paren(this=exp.Mod(this=args[0], expression=args[1])),
            )
        ]
    )


def _divide(call: Call, args: Sequence[Tree]) -> Tree:
    zero = exp.Literal.number(0)
    ratio = exp.Paren(this=exp.Div(this=_unchecked(args[0]), expression=native("nullif", args[1], zero)))
    return macro("finite", ratio)


def _micros(call: Call, args: Sequence[Tree]) -> Tree:
    """Microseconds to the type of a store's `_time`."""
    whole = exp.Cast(this=args[0], to=sql_type("BIGINT"))
    naive = native("make_timestamp", whole)
    return exp.Cast(this=naive, to=sql_type("TIMESTAMPTZ"))


def _time_floor(call: Call, args: Sequence[Tree]) -> Tree:
    """In UTC plain arithmetic; elsewhere days and hours are those of the zone's clock."""
    value, width, origin, tz = args
    if not _is_utc(tz):
        return macro("py_time_floor", *args)
    steps = native("floor", exp.Paren(this=_arithmetic(exp.Div, _arithmetic(exp.Sub, value, origin), width)))
    return _arithmetic(exp.Add, _arithmetic(exp.Mul, steps, width.copy()), origin.copy())


def _month_floor(call: Call, args: Sequence[Tree]) -> Tree:
    return macro("month_floor", *args[:-1]) if _is_utc(args[-1]) else macro("py_month_floor", *args)


def _arithmetic(node: type[exp.Binary], left: Tree, right: Tree) -> Tree:
    return exp.Paren(this=node(this=left, expression=right))


def _is_utc(tz: Tree) -> bool:
    return isinstance(tz, exp.Literal) and tz.name == "UTC"


ZONED = frozenset({"time_format", "time_parse", "time_shift", "time_floor", "month_floor"})
"""Words that depend on the time zone of the search: the engine hands it to them as a last argument."""


def _random(call: Call, args: Sequence[Tree]) -> Tree:
    return native("floor", exp.Mul(this=native("random"), expression=exp.Literal.number("2147483648")))


def _number_of(name: str) -> Builder:
    """A native function with an integer result, as DOUBLE."""

    def build(call: Call, args: Sequence[Tree]) -> Tree:
        return exp.Cast(this=native(name, *args), to=sql_type("DOUBLE"))

    return build


SCALARS: dict[str, Builder] = {
    "and": _chain(exp.And),
    "or": _chain(exp.Or),
    "xor": _xor,
    "not": _not,
    "is_true": _macro("is_true"),
    "is_null": _is_null,
    "is_not_null": _is_not_null,
    "eq": _operator(exp.EQ),
    "ne": _operator(exp.NEQ),
    "lt": _operator(exp.LT),
    "le": _operator(exp.LTE),
    "gt": _operator(exp.GT),
    "ge": _operator(exp.GTE),
    **{
        f"{op}_{how}": _macro(f"{op}_{how}")
        for op in ("eq", "ne", "lt", "le", "gt", "ge")
        for how in ("auto", "number")
    },
    "in": _within,
    "case": _case,
    "coalesce": _coalesce,
    "add": _finite(_operator(exp.Add)),
    "sub": _finite(_operator(exp.Sub)),
    "mul": _finite(_operator(exp.Mul)),
    "div": _divide,
    "mod": _modulo,
    "neg": _neg,
    "plus_auto": _plus,
    "concat": _operator(exp.DPipe),
    "to_number": _macro("to_number"),
    "number_text": _macro("number_text"),
    "bool_text": _macro("bool_text"),
    "month_floor": _month_floor,
    "time_floor": _time_floor,
    "sort_class": _macro("sort_class"),
    "sort_ip": _macro("sort_ip"),
    "abs": _named("abs"),
    "ceil": _named("ceil"),
    "floor": _named("floor"),
    "sqrt": _domain("0", "sqrt"),
    "exp": _checked("exp"),
    "ln": _domain(">0", "ln"),
    "log": _macro("log_of"),
    "pow": _checked("pow"),
    "round": _round,
    "fixed": _fixed,
    "sin": _named("sin"),
    "cos": _named("cos"),
    "tan": _named("tan"),
    "asin": _domain("-1", "asin", "1"),
    "acos": _domain("-1", "acos", "1"),
    "atan": _named("atan"),
    "atan2": _named("atan2"),
    "sinh": _finite(_named("sinh")),
    "cosh": _finite(_named("cosh")),
    "tanh": _named("tanh"),
    "asinh": _named("asinh"),
    "acosh": _domain("1", "acosh"),
    "atanh": _finite(_domain("-1", "atanh", "1")),
    "random": _random,
    "max_number": _named("greatest"),
    "min_number": _named("least"),
    "length": _number_of("length"),
    "lower": _named("lower"),
    "upper": _named("upper"),
    "substr": _substr,
    "trim": _named("trim"),
    "ltrim": _named("ltrim"),
    "rtrim": _named("rtrim"),
    "contains": _named("contains"),
    "starts_with": _named("starts_with"),
    "ends_with": _named("suffix"),
    "wildcard": _wildcard,
    "like": _like,
    "split": _split,
    "md5": _named("md5"),
    "sha1": _named("sha1"),
    "sha256": _named("sha256"),
    "regex_match": _regex_match,
    "regex_replace": _regex_replace(every=True),
    "regex_replace_first": _regex_replace(every=False),
    "regex_extract": _regex_extract,
    "translate": _named("translate"),
    "list_of": _macro("list_of"),
    "list_null": lambda call, args: exp.Cast(this=exp.Array(expressions=[exp.Null()]), to=sql_type("VARCHAR[]")),
    "list_pack": lambda call, args: exp.Array(
        expressions=[exp.Coalesce(this=arg, expressions=[exp.Literal.string("")]) for arg in args]
    ),
    "list_count": _number_of("len"),
    "list_concat": _list_concat,
    "list_join": _list_join,
    "list_single": lambda call, args: exp.Case(
        ifs=[
            exp.If(
                this=exp.EQ(this=native("len", args[0]), expression=exp.Literal.number(1)),
                true=native("list_extract", args[0].copy(), exp.Literal.number(1)),
            )
        ]
    ),
    "list_at": _macro("list_at"),
    "list_head": _macro("list_head"),
    "bit_and": _macro("bit_and"),
    "bit_or": _macro("bit_or"),
    "bit_xor": _macro("bit_xor"),
    "bit_not": _macro("bit_not"),
    "bit_left": _macro("bit_left"),
    "bit_right": _macro("bit_right"),
    "list_slice": _macro("list_slice"),
    "list_dedup": _macro("list_dedup"),
    "list_sort": _named("list_sort"),
    "pairs_names": _macro("pairs_names"),
    "pairs_values": _macro("pairs_values"),
    "list_reverse": _named("list_reverse"),
    "list_find": _list_find,
    "list_zip": _macro("list_zip"),
    "list_range": _macro("list_range"),
    "list_max": _macro("list_max"),
    "list_min": _macro("list_min"),
    "list_max_of": _macro("list_max_of"),
    "list_min_of": _macro("list_min_of"),
    "list_sum": _macro("list_sum"),
    "list_avg": _macro("list_avg"),
    "list_map": lambda call, args: macro(
        "list_or_null",
        native(
            "list_filter",
            native("list_transform", *args),
            exp.Lambda(
                this=exp.Not(this=exp.Is(this=exp.column("y"), expression=exp.Null())),
                expressions=[exp.to_identifier("y")],
            ),
        ),
    ),
    "list_flat_map": lambda call, args: macro("list_or_null", native("flatten", native("list_transform", *args))),
    "list_filter": lambda call, args: macro("list_or_null", native("list_filter", *args)),
    "list_any": lambda call, args: macro("list_any", native("list_transform", *args)),
    "micros_time": _micros,
    **{
        name: _python(name)
        for name in (
            "plus",
            "regex_extract_all",
            "time_format",
            "time_parse",
            "time_shift",
            "number_format",
            "number_in_base",
            "cidr_match",
            "url_decode",
            "sha512",
            "printf",
            "regex_tokens",
            "regex_offsets",
            "regex_replace_nth",
            "significant",
            "decimals",
            "round_significant",
            "duration_seconds",
            "ip_mask",
            "commands_of",
            "json_fragment",
            "json_list",
            "json_object",
            "json_array",
            "json_valid",
            "json_container",
            "json_extract",
            "json_extract_exact",
            "json_keys",
            "json_entries",
            "json_has_key",
            "json_values",
            "json_change",
            "json_delete",
            "json_fields",
            "spath",
            "spath_fields",
            "xpath",
            "xml_fields",
            "kv_fields",
            "listed_values",
            "regex_fields",
        )
    },
}
"""Every word of the vocabulary that DuckDB has."""

assert set(FUNCTIONS) <= set(SCALARS)


def scalar(call: Call, args: Sequence[Tree]) -> Tree:
    builder = SCALARS.get(call.op)
    if builder is None:
        raise SplError(f"BUG: DuckDB has no function '{call.op}'", code="engine")
    return builder(call, args)


# --- aggregates ----------------------------------------------------------------------------------------------------

Over = Callable[[Tree], Tree]


def aggregate(agg: Agg, arg: Tree | None, extra: Tree | None, order: Sequence[exp.Ordered], over: Over) -> Tree:
    """An aggregate. `over` is put around every aggregate function of the result (a window, or nothing)."""
    builder = AGGREGATES.get(agg.op)
    if builder is None:
        raise SplError(f"BUG: DuckDB has no aggregate '{agg.op}'", code="engine")
    return builder(_Inputs(agg, arg, extra, order, over))


class _Inputs:
    def __init__(
        self, agg: Agg, arg: Tree | None, extra: Tree | None, order: Sequence[exp.Ordered], over: Over
    ) -> None:
        self.agg = agg
        self._arg = arg
        self._extra = extra
        self.order = order
        self.over = over

    @property
    def windowed(self) -> bool:
        """Is it a window function?"""
        probe = exp.Null()
        return self.over(probe) is not probe

    @property
    def arg(self) -> Tree:
        assert self._arg is not None
        return self._arg.copy()

    @property
    def extra(self) -> Tree:
        assert self._extra is not None
        return self._extra.copy()

    def run(
        self, name: str, *args: Tree, only: Tree | None = None, ordered: bool = False, distinct: bool = False
    ) -> Tree:
        """An aggregate function call with its FILTER, ORDER BY and window."""
        first: list[Tree] = list(args)
        if distinct:
            first = [exp.Distinct(expressions=first)]
        if ordered and self.order:
            first[-1] = exp.Order(this=first[-1], expressions=[one.copy() for one in self.order])
        tree = native(name, *first)
        if only is not None:
            tree = exp.Filter(this=tree, expression=exp.Where(this=only))
        return self.over(tree)

    def present(self) -> Tree:
        return exp.Not(this=exp.Is(this=self.arg, expression=exp.Null()))

    def as_number(self) -> Tree:
        return exp.Cast(this=self.arg, to=sql_type("DOUBLE"))


def _double(tree: Tree) -> Tree:
    return exp.Cast(this=tree, to=sql_type("DOUBLE"))


def _or_zero(tree: Tree) -> Tree:
    return exp.Coalesce(this=tree, expressions=[exp.Literal.number(0)])


def _simple(name: str) -> Callable[[_Inputs], Tree]:
    return lambda i: macro("finite", _double(i.run(name, i.arg)))


def _deviation(name: str) -> Callable[[_Inputs], Tree]:
    """One value has a deviation of 0, not null."""
    return lambda i: exp.Coalesce(
        this=macro("finite", i.run(name, i.arg)),
        expressions=[
            exp.Case(
                ifs=[
                    exp.If(
                        this=exp.EQ(this=i.run("count", i.arg), expression=exp.Literal.number(1)),
                        true=exp.Literal.number(0),
                    )
                ]
            )
        ],
    )


def _is_text(i: _Inputs) -> Tree:
    return exp.Is(this=macro("to_number", i.arg), expression=exp.Null())


def _max_text(i: _Inputs) -> Tree:
    """Every number is less than every other text."""
    return exp.Coalesce(
        this=i.run("max", i.arg, only=_is_text(i)),
        expressions=[macro("number_text", i.run("max", macro("to_number", i.arg)))],
    )


def _min_text(i: _Inputs) -> Tree:
    return exp.Coalesce(
        this=macro("number_text", i.run("min", macro("to_number", i.arg))), expressions=[i.run("min", i.arg)]
    )


def _first(i: _Inputs) -> Tree:
    return _at_end(i, "first", exp.FirstValue)


def _last(i: _Inputs) -> Tree:
    return _at_end(i, "last", exp.LastValue)


def _at_end(i: _Inputs, name: str, window: type[exp.Func]) -> Tree:
    """The first or last value that is not null. As window functions these have no FILTER, but can pass over nulls."""
    if i.windowed:
        return i.over(exp.IgnoreNulls(this=window(this=i.arg)))
    return i.run(name, i.arg, only=i.present(), ordered=True)


def _flat(i: _Inputs) -> Tree:
    """All values of a multivalue argument in one list."""
    return native("flatten", i.run("list", i.arg, only=i.present(), ordered=True))


def _capped(values: Tree, limit: int) -> Tree:
    return native("list_slice", values, exp.Literal.number(1), exp.Literal.number(limit))


def _list_stat(name: str) -> Callable[[_Inputs], Tree]:
    return lambda i: macro(
        "finite", _double(native("list_aggregate", macro("list_numbers", _flat(i)), exp.Literal.string(name)))
    )


def _squared() -> Tree:
    x = exp.column("x")
    return exp.Lambda(this=exp.Mul(this=x, expression=x.copy()), expressions=[exp.to_identifier("x")])


def _rate(i: _Inputs) -> Tree:
    """How much a counter grew from its earliest to its latest value, per second between the two; null at one moment."""
    in_time = exp.Order(this=i.arg, expressions=[exp.Ordered(this=i.extra)])
    grown = macro("growth", i.run("list", in_time, only=i.present()))
    passed = exp.Sub(this=i.run("max", i.extra, only=i.present()), expression=i.run("min", i.extra, only=i.present()))
    nonzero = native("nullif", exp.Paren(this=passed), exp.Literal.number(0))
    return macro("finite", _double(exp.Div(this=grown, expression=nonzero)))


AGGREGATES: dict[str, Callable[[_Inputs], Tree]] = {
    "count_rows": lambda i: _double(i.over(exp.Count(this=exp.Star()))),
    "count": lambda i: _double(i.run("count", i.arg)),
    "count_true": lambda i: _double(_or_zero(i.run("count", exp.Literal.number(1), only=i.arg))),
    "row_number": lambda i: _double(i.over(exp.RowNumber())),
    "sum": _simple("sum"),
    "avg": _simple("avg"),
    "min": _simple("min"),
    "max": _simple("max"),
    "min_text": _min_text,
    "max_text": _max_text,
    "range": lambda i: macro("finite", exp.Sub(this=i.run("max", i.arg), expression=i.run("min", i.arg))),
    "stdev": _deviation("stddev_samp"),
    "stdevp": _simple("stddev_pop"),
    "var": _deviation("var_samp"),
    "varp": _simple("var_pop"),
    "sumsq": lambda i: macro("finite", i.run("sum", exp.Mul(this=i.arg, expression=i.arg))),
    "percentile": lambda i: i.run("quantile_cont", i.arg, exp.Literal.number(str(i.agg.params[0] / 100))),
    "mode": lambda i: i.run("mode", i.arg, ordered=True),
    "dc": lambda i: _double(i.run("count", i.arg, distinct=True)),
    "values": lambda i: native("list_sort", i.run("list", i.arg, only=i.present(), distinct=True)),
    "list": lambda i: _capped(i.run("list", i.arg, only=i.present(), ordered=True), int(i.agg.params[0])),
    "first": _first,
    "last": _last,
    "earliest": lambda i: i.run("arg_min", i.arg, i.extra, only=i.present()),
    "latest": lambda i: i.run("arg_max", i.arg, i.extra, only=i.present()),
    "sum_or_zero": lambda i: _double(_or_zero(i.run("sum", i.arg))),
    "multi_dc": lambda i: _double(_or_zero(native("list_unique", _flat(i)))),
    "multi_values": lambda i: native("list_sort", native("list_distinct", _flat(i))),
    "multi_list": lambda i: _capped(_flat(i), int(i.agg.params[0])),
    "multi_first": lambda i: native("list_extract", _first(i), exp.Literal.number(1)),
    "multi_last": lambda i: native("list_extract", _last(i), exp.Literal.number(-1)),
    "multi_sum": _list_stat("sum"),
    "multi_avg": _list_stat("avg"),
    "multi_min": lambda i: macro("list_min", _flat(i)),
    "multi_max": lambda i: macro("list_max", _flat(i)),
    "multi_stdev": _list_stat("stddev_samp"),
    "multi_stdevp": _list_stat("stddev_pop"),
    "multi_var": _list_stat("var_samp"),
    "multi_varp": _list_stat("var_pop"),
    "multi_sumsq": lambda i: macro(
        "finite",
        native(
            "list_sum",
            native("list_transform", macro("list_numbers", _flat(i)), _squared()),
        ),
    ),
    "multi_range": lambda i: macro("finite", exp.Sub(this=_list_stat("max")(i), expression=_list_stat("min")(i))),
    "multi_percentile": lambda i: native(
        "list_aggregate",
        macro("list_numbers", _flat(i)),
        exp.Literal.string("quantile_cont"),
        exp.Literal.number(str(i.agg.params[0] / 100)),
    ),
    "rate": _rate,
    "multi_mode": lambda i: native("list_aggregate", _flat(i), exp.Literal.string("mode")),
    "lag": lambda i: i.over(native("lag", i.arg, exp.Literal.number(int(i.agg.params[0])))),
    "last_present": lambda i: i.over(exp.IgnoreNulls(this=exp.LastValue(this=i.arg))),
}
