"""DuckDB's table of scalar functions: how each word of the engine vocabulary is written in its SQL.

Three forms: a SQL macro (`macros.py`), an operator or function built here as a tree, and a Python function
(`trapline.engines.scalar`) for the rest. Aggregates are in `aggregates.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import cast

from sqlglot import exp

from trapline import pcre
from trapline.engines.duckdb.trees import Tree, macro, native, sql_type
from trapline.engines.scalar import FUNCTIONS
from trapline.errors import SplError
from trapline.plan import Call, Lit

Builder = Callable[[Call, Sequence[Tree]], Tree]


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
    if plain and isinstance(length, Lit) and isinstance(length.value, float):
        count = int(min(length.value, _LONGEST))
        if count >= 0:
            assert isinstance(start, Lit)
            places = [exp.Literal.number(int(min(cast("float", start.value), _LONGEST)))]
            return native("substring", args[0], *places, *([] if count == _LONGEST else [exp.Literal.number(count)]))
    return macro("substring_of", *args)


def _python(name: str) -> Builder:
    return _macro(f"py_{name}")


def _case(call: Call, args: Sequence[Tree]) -> Tree:
    branches = [exp.If(this=args[at], true=args[at + 1]) for at in range(0, len(args) - 1, 2)]
    return exp.Case(ifs=branches, default=args[-1])


def _within(call: Call, args: Sequence[Tree]) -> Tree:
    return exp.In(this=args[0], expressions=list(args[1:]))


def _domain(low: str, name: str, high: str = "Infinity") -> Builder:
    """A function that is null outside its domain, which includes its ends. What is to be computed first stands in the
    query once: calls within calls would double it at each level."""

    def build(call: Call, args: Sequence[Tree]) -> Tree:
        value, ends = args[0], [exp.Cast(this=exp.Literal.string(end), to=sql_type("DOUBLE")) for end in (low, high)]
        if not isinstance(value, exp.Column | exp.Identifier):
            return native(name, macro("within", value, *ends))
        inside = exp.Between(this=value, low=ends[0], high=ends[1])
        return exp.Case(ifs=[exp.If(this=inside, true=native(name, value.copy()))])

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
    if pattern is None:
        return macro("py_regex_match_of_data", *args)
    if pattern.re2 is None:
        return macro("py_regex_match", *args)
    return native("regexp_matches", args[0], exp.Literal.string(pattern.re2))


def _regex_replace(every: bool) -> Builder:
    def build(call: Call, args: Sequence[Tree]) -> Tree:
        name = "py_regex_replace" if every else "py_regex_replace_first"
        pattern = _pattern(call, 1)
        if pattern is None and every:
            return macro("py_regex_replace_of_data", *args)
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


_CLOCK = re.compile(r"(?:[^%\0]|%[YymdjHIMSpaAbBFTf%])*")
"""Forms of a time that the engine writes as we do; the others, and clocks of time zones, are Python's."""
_LONG = {"%F": "%Y-%m-%d", "%T": "%H:%M:%S"}


def _time_format(call: Call, args: Sequence[Tree]) -> Tree:
    form, tz = call.args[1], args[2]
    if not isinstance(form, Lit) or not isinstance(form.value, str) or tz != exp.Literal.string("UTC"):
        return macro("py_time_format", *args)
    if _CLOCK.fullmatch(form.value) is None:
        return macro("py_time_format", *args)
    plain = re.sub("%.", lambda found: _LONG.get(found[0], found[0]), form.value)
    return macro("clock_text", args[0], exp.Literal.string(plain))


def _random(call: Call, args: Sequence[Tree]) -> Tree:
    return native("floor", exp.Mul(this=native("random"), expression=exp.Literal.number("2147483648")))


def _number_of(name: str) -> Builder:
    """A native function with an integer result, as DOUBLE."""

    def build(call: Call, args: Sequence[Tree]) -> Tree:
        return exp.Cast(this=native(name, *args), to=sql_type("DOUBLE"))

    return build


SCALARS: dict[str, Builder] = {
    "told": _python("told"),
    "wildcard_replace": _python("wildcard_replace"),
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
    "ln": _domain("5e-324", "ln"),
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
    "time_format": _time_format,
    **{
        name: _python(name)
        for name in (
            "plus",
            "regex_extract_all",
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
