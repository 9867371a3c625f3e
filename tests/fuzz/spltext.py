"""SPL text for fuzzing: by a grammar, by breaking searches that are known, and plain junk."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from functools import cache

import yaml
from hypothesis import strategies as st

from tests import casefile
from tests.shared import SHARED, search_pages
from trapline.search import Macro

LONGEST = 4_000
"""Characters of an input. Long inputs are a matter of their own: `test_long_searches`."""


def _macros() -> Mapping[str, Macro]:
    given = {
        "empty": Macro("empty", ""),
        "term": Macro("term", "(status=404 OR user=*)"),
        "pipes": Macro("pipes", "stats count by user | where count>1"),
        "one(1)": Macro("one(1)", "eval $f$=len($f$)", ("f",)),
        "two(2)": Macro("two(2)", 'search $a$="$b$"', ("a", "b")),
        "loop": Macro("loop", "`loop`"),
        "ping": Macro("ping", "`pong`"),
        "pong": Macro("pong", "x `ping`"),
        "quote": Macro("quote", '"'),
        "tick": Macro("tick", "`"),
        "open": Macro("open", "[ ( "),
        "comment": Macro("comment", "a ```b``` c"),
        "bomb0": Macro("bomb0", "x"),
        "void0": Macro("void0", ""),
    }
    # Each doubles the one before: 2**40 of them, of one character or of none.
    for level in range(1, 41):
        for name in ("bomb", "void"):
            given[f"{name}{level}"] = Macro(f"{name}{level}", f"`{name}{level - 1}``{name}{level - 1}`")
    # The argument doubles: 2**26 characters are more than a search may have, and still fit into memory.
    given["grow0(1)"] = Macro("grow0(1)", "$x$", ("x",))
    for level in range(1, 27):
        given[f"grow{level}(1)"] = Macro(f"grow{level}(1)", f"`grow{level - 1}($x$$x$)`", ("x",))
    return given


MACROS = _macros()


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIELDS = (
    "user",
    "src_ip",
    "status",
    "_time",
    "_raw",
    "host",
    "n",
    "items{}.name",
    "Processes.user",
    "'a b'",
    '"a b"',
    "sum(n)",
    "*",
    "src_*",
    "_*",
)
VALUES = (
    "404",
    "-1",
    "1.5e3",
    "alice",
    "al*",
    '"a b"',
    '"*\\\\cmd.exe"',
    "10.0.0.0/8",
    "$user$",
    "é",
    '"\\""',
    '""',
    "OR",
    "t",
    "f",
    "-1d@d",
    "now",
)
OPTIONS = (
    "span=1h",
    "limit=5",
    "useother=f",
    "keepempty=t",
    "max_match=0",
    "field=_raw",
    "value=0",
    "mode=sed",
    "current=f",
    "window=3",
    "type=left",
    "max=0",
    "allnum=",
    "=5",
)
COMMANDS = _words("""
    abstract append appendcols appendpipe bin bucket chart convert datamodel dedup delta eval eventstats extract
    fieldformat fields  fillnull filldown foreach format from head inputlookup iplocation join lookup makemv
    makeresults map mstats multisearch mvcombine  mvexpand nomv outputlookup rangemap rare regex rename replace
    return reverse rex search sort spath stats strcat  streamstats table tail timechart top transaction transpose
    tstats union untable where xyseries
""")
FUNCTIONS = _words("""
    abs case ceil cidrmatch coalesce exp floor if in isint isnotnull isnull isnum isstr len like ln log lower
    ltrim match max md5 min  mvappend mvcount mvdedup mvfilter mvfind mvindex mvjoin mvmap mvrange mvsort mvzip
    now null nullif pow printf random relative_time  replace round rtrim searchmatch sha1 sha256 split sqrt
    strftime strptime substr time tonumber tostring trim true false typeof  upper urldecode validate spath
    json_extract
""")
AGGREGATES = _words("""
    avg c count dc distinct_count earliest estdc first last latest list max median min mode p95 perc99.9 range
    stdev sum sumsq values var
""")
OPERATORS = (
    "=",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "+",
    "-",
    "*",
    "/",
    "%",
    ".",
    " AND ",
    " OR ",
    " XOR ",
    " NOT ",
    " LIKE ",
    " IN ",
    " and ",
    " ",
)
BITS = (
    "|",
    "||",
    "[",
    "]",
    "(",
    ")",
    '"',
    "'",
    "`",
    "```",
    "\\",
    "\\\\",
    '\\"',
    "\\|",
    ",",
    "=",
    "$",
    "{",
    "}",
    "\n",
    "\t",
    "\x00",
    "\u2028",
    "\ud800",
    " AS ",
    " BY ",
    " OVER ",
    "NOT ",
    "IN (",
    "TERM(",
    "CASE(",
    "eval(",
    "-",
    "+",
    "*",
    "%",
    "#",
    "9" * 400,
    "1e999",
    "é",
    "𝄞",
)
PATTERNS = (
    '"(?<a>\\w+)"',
    '"(?P<a>[^\\\\\\\\]+)$"',
    '"("',
    '"a{1,99999}"',
    '"(?<=x)y"',
    '"s/a/b/g"',
    '"y/ab/cd/"',
    '"(a+)+$"',
    '""',
)

word = st.sampled_from(FIELDS)
value = st.sampled_from(VALUES) | st.integers(-999, 999).map(str) | st.text(max_size=6)
quoted = st.text(max_size=12).map(lambda text: f'"{text}"')


def _call(names: Sequence[str], inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    arguments = st.lists(inside, max_size=4).map(", ".join)
    return st.tuples(st.sampled_from(names), arguments).map(lambda pair: f"{pair[0]}({pair[1]})")


def _bigger(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    chain = st.lists(st.tuples(st.sampled_from(OPERATORS), inside), min_size=1, max_size=4)
    return st.one_of(
        st.tuples(inside, chain).map(lambda pair: pair[0] + "".join(op + right for op, right in pair[1])),
        _call(FUNCTIONS, inside),
        inside.map(lambda one: f"({one})"),
        inside.map(lambda one: f"NOT {one}"),
        inside.map(lambda one: f"-{one}"),
        st.tuples(word, st.lists(value, max_size=3)).map(lambda pair: f"{pair[0]} IN ({', '.join(pair[1])})"),
    )


expression = st.recursive(word | value | quoted, _bigger, max_leaves=12)
comparison = st.tuples(word, st.sampled_from(("=", "!=", "<", ">=", " = ", " IN ")), value).map("".join)
term = st.one_of(
    comparison,
    value,
    quoted,
    st.sampled_from([f"`{name}`" for name in MACROS if "(" not in name]),
    st.sampled_from(
        (
            "`one(x)`",
            '`two(a, "b, c")`',
            "`two(b=1, a=2)`",
            "`two(1)`",
            "TERM(a.b)",
            "CASE(Ab)",
            "earliest=-1h@h",
            "latest=now",
        )
    ),
)


def _search(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    joined = st.lists(inside, min_size=1, max_size=4).flatmap(
        lambda parts: st.sampled_from((" ", " OR ", " AND ", " NOT ")).map(lambda by: by.join(parts))
    )
    return st.one_of(joined, joined.map(lambda one: f"({one})"), joined.map(lambda one: f"NOT ({one})"))


filters = st.recursive(term, _search, max_leaves=10)
names = st.lists(word, max_size=4).flatmap(lambda some: st.sampled_from((" ", ", ", ",")).map(lambda by: by.join(some)))
aggregate = st.one_of(
    st.just("count"),
    _call(AGGREGATES, word),
    st.tuples(st.sampled_from(AGGREGATES), expression).map(lambda pair: f"{pair[0]}(eval({pair[1]}))"),
)
named = st.tuples(aggregate, st.sampled_from(("", " as x", ' AS "a b"', " as"))).map("".join)
by = names.flatmap(lambda some: st.sampled_from(("", f" by {some}", f" BY {some}", f" over {some}")))
options = st.lists(st.sampled_from(OPTIONS), max_size=2).map(" ".join)


def _stage(pipeline: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    loose = st.one_of(
        names,
        options,
        expression,
        filters,
        value,
        quoted,
        st.sampled_from(PATTERNS),
        pipeline.map(lambda one: f"[{one}]"),
    )
    assigned = st.lists(st.tuples(word, expression).map("=".join), min_size=1, max_size=3).map(", ".join)
    return st.one_of(
        filters,
        filters.map(lambda one: f"search {one}"),
        expression.map(lambda one: f"where {one}"),
        assigned.map(lambda one: f"eval {one}"),
        st.tuples(
            st.sampled_from(("stats", "eventstats", "timechart", "chart")),
            st.lists(named, min_size=1, max_size=3).map(" ".join),
            by,
        ).map(lambda parts: f"{parts[0]} {parts[1]}{parts[2]}"),
        st.tuples(st.sampled_from(COMMANDS), st.lists(loose, max_size=4).map(" ".join)).map(" ".join),
        st.tuples(
            st.sampled_from(("rename", "convert", "rex", "regex", "bin", "sort", "dedup", "fillnull")),
            options,
            names,
            st.sampled_from(PATTERNS),
        ).map(" ".join),
    )


def _pipeline(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(
        st.sampled_from(("", "", "| ", "search ", " ")),
        st.lists(_stage(inside), min_size=1, max_size=5).map(" | ".join),
    ).map("".join)


by_grammar = _pipeline(_pipeline(st.just("search a=1 | return $a")))

_TOKEN = re.compile(r"\s+|\w+|.", re.DOTALL)


@cache
def known() -> tuple[str, ...]:
    """Searches that people write: of the case files, and of the detection content beside the repository, if any."""
    found: list[str] = []
    for path in search_pages():
        found += [case.spl for case in casefile.read(path).cases]
    return (*found, *content(every=40))


@cache
def content(every: int = 1) -> tuple[str, ...]:
    """The searches of the detection content beside the repository, or none; one of so many."""
    if SHARED is None:
        return ()
    found: list[str] = []
    for path in sorted((SHARED / "content").rglob("*.yml"))[::every]:
        try:
            body = yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except (yaml.YAMLError, UnicodeDecodeError):
            continue
        spl = body.get("search", body.get("definition")) if isinstance(body, dict) else None
        if isinstance(spl, str):
            found.append(spl)
    return tuple(found)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A known search, or one by the grammar, cut into tokens and damaged in a few places."""
    text = draw(st.sampled_from(known()) | by_grammar)[:LONGEST]
    tokens = _TOKEN.findall(text)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(tokens) - 1)))
        match draw(st.integers(0, 6)):
            case 0:
                tokens[at : at + draw(st.integers(1, 3))] = []
            case 1:
                tokens.insert(at, draw(st.sampled_from(BITS)))
            case 2:
                tokens[at : at + 1] = [draw(st.sampled_from(BITS))]
            case 3:
                tokens[at:at] = tokens[at : at + draw(st.integers(1, 8))] * draw(st.integers(1, 3))
            case 4:
                del tokens[at:]
            case 5:
                other = _TOKEN.findall(draw(st.sampled_from(known()))[:LONGEST])
                tokens[at:] = other[draw(st.integers(0, max(0, len(other) - 1))) :]
            case _:
                tokens.insert(at, draw(st.text(max_size=5)))
    return "".join(tokens)[:LONGEST]


def damage(text: str, rng: random.Random) -> str:
    """As `mutated`, but thousands of times a second: for long runs."""
    tokens = _TOKEN.findall(text[:LONGEST])
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(tokens) + 1)
        match rng.randrange(6):
            case 0:
                del tokens[at : at + rng.randint(1, 3)]
            case 1:
                tokens.insert(at, rng.choice(BITS))
            case 2:
                tokens[at : at + 1] = [rng.choice(BITS)]
            case 3:
                tokens[at:at] = tokens[at : at + rng.randint(1, 8)] * rng.choice((1, 2, 3, 100))
            case 4:
                other = _TOKEN.findall(rng.choice(known())[:LONGEST])
                tokens[at:] = other[rng.randrange(len(other) + 1) :]
            case _:
                tokens.insert(at, chr(rng.choice((rng.randrange(32, 127), rng.randrange(0x110000)))))
    return "".join(tokens)[:LONGEST]


@st.composite
def nested(draw: st.DrawFn) -> str:
    """The same few characters, very often: deep nesting, and endless lists."""
    head = draw(st.sampled_from(("", "search ", "where ", "eval x=", "stats ", "| append ", "rename ", "sort ")))
    unit = draw(
        st.sampled_from(
            (
                "(",
                "[",
                "[search ",
                "NOT ",
                "-",
                "!",
                "a OR ",
                "a AND ",
                "a+",
                "if(",
                "case(a,",
                "a,",
                "a as ",
                "`term`",
                "`empty`",
                "``",
                "```",
                "\\",
                '"',
                "'",
                "|",
                "a|",
                "[a|",
                "{",
                "x=",
                "<<",
                "eval(",
                "a.",
                "1-",
                " ",
                "a IN (",
            )
        )
    )
    times = draw(st.integers(1, 1500))
    tail = draw(st.sampled_from(("", "a", ")" * 1500, "]" * 1500, '"', "|")))
    return head + unit * times + tail


texts = st.one_of(by_grammar, mutated(), mutated(), nested(), st.text(max_size=80))
