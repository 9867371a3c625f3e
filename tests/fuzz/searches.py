"""Whole searches for fuzzing, thousands a second, that mostly get as far as running.

Commands, functions and aggregations come from the registries, and a command's words (its options and their values) from
its own module, so that a new one is tried without being named here. The shapes of arguments are those that SPL has.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import product
from pathlib import Path
from random import Random

from tests.fuzz.spltext import BITS, LONGEST, content, damage, known
from tests.shared import SHARED
from trapline.errors import SplError, TraplineError
from trapline.search import Session
from trapline.spl import aggregates, commands
from trapline.spl.command import is_generating, takes_rows
from trapline.spl.functions import registry
from trapline.spl.parser import command_names, parse
from trapline.spl.scan import split_pipes

FIELDS = (
    "user", "n", "status", "mv", "src_ip", "host", "big", "flag", "_time", "_raw", "missing", "source",
    "sourcetype", "index",
    "items{}.name", "Processes.user", "a", "count", "x", "linecount", "CommandLine",
)  # fmt: skip
"""Fields of the hostile events (one that there is not), and some that commands make."""

PATTERNED = ("*", "u*", "_*", "*s*", "no*", "'a b'", '"a b"', "$n$", "<<FIELD>>", "é", "a-b", "0", "_none", "N", "User")
NUMBERS = (
    "0", "1", "-1", "2", "3", "10", "0.5", "-0.0", "1e3", "1e308", "-1e308", "1e999", "9" * 25, "100000", "1705312800",
    "2147483648", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "0x10",
    "1.7976931348623157e308",
    "5e-324", "253402300800", "1e18", "00012", "4294967296", "1000000000",
)  # fmt: skip
TEXTS = (
    '""', '" "', '"alice"', '"*"', '"a*"', '"%"', '"_"', '"404"', '"-5"', '"1e5"', '"NaN"', '"inf"', '"é𝄞"', '"a\\"b"',
    '"\\\\"', '"C:\\\\a\\\\b"', '"\x00"', '"\n"', '","', '";:"', '"10.0.0.0/8"', '"::1/200"', '"1.2.3.4"',
    '"2024-01-15"',
    '"%Y-%m-%dT%H:%M:%S.%Q%z"', '"%s %V %Ez %+ %9N %q %"', '"-1d@d"', '"@w7+3h"', '"-9999999999y"',
    '"a.b{}.c"', '"a{0}.b"',
    '"{}"', '"//a/@b"', '"[1,2,{\\"a\\":null}]"', '"{\\"a\\": 1}"', '"<a><b>1</b></a>"', '"s/a/b/g"', '"y/ab/cd/"',
    '"s/(a)/\\1\\2\\9/2"', '"(?<f>\\w+)"', '"(?<f>a)|(?<g>b)"', '"(?i)(?<=x)y"', '"(a+)+$"', '"["',
    '"(?P<_f>.*)"', '"\\d{1,3}"',
    '"(.)\\1"', '"^$"', '"(?<a>)"', '"hex"', '"commas"', '"duration"', '"%d %s %5.2f %x %c %%"', '"%*d"',
    '"%n$s"', '"utf-8"',
    '"' + "a" * 300 + '"', '"count"', '"user"', '"$user$"', '"1970-01-01"', '"now"', '"0"', '"true"',
    '"desc"', '"\ufeff"',
)  # fmt: skip
WORDS = (
    "t", "f", "true", "false", "0", "1", "2", "5", "-1", "all", "none", "asc", "left", "outer", "inner", "1h",
    "1d@d", "5m", "1mon",
    "10s", "1", "log2", "100", "user", "n", "_time", "alice", "*", "\"a b\"", "''", "a=b", "sum", "min",
    "-1d@d", "now", "users",
    "wild", "nets", "empty", "job", "users.csv", "Endpoint.Processes", "Endpoint", "Given.Rows", "main",
    "risk", "plain", "m",
    "é", "sed", "1-4", "relative", "auto", "99999999999", "1e9", "0.5", "1us", "3q", "json", "csv", "xml", "hosts",
)  # fmt: skip
SUPPLIED = ("users", "wild", "nets", "empty", "users.csv", "job", "plain", "m", "Endpoint", "main", "lookup:users")
"""Names of lookups, models, saved searches and the like that there are."""
JOINTS = (
    "as", "by", "over", "in", "with", "output", "outputnew", "where", "AS", "BY", "OUTPUT", "from", "eval",
    "datamodel=",
    "search", "fields", "filter", "sortby", ",", "(", ")", "=", "groupby",
)  # fmt: skip
OPERATORS = ("=", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", ".", " AND ", " OR ", " XOR ", " LIKE ")

_KEPT = frozenset(
    word for joint in (*JOINTS, "and", "or", "not", "like", "AND", "OR", "NOT") for word in (joint, joint.upper())
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]{0,24}\Z")
_FIELD = re.compile(r"(?<![\w.{}])[A-Za-z_]\w*(?![\w.{}]*\s*[=(])")
_CALL = re.compile(r'\b([A-Za-z]\w*)\((?:"(?:[^"\\]|\\.)*"|[^()"]|\((?:"(?:[^"\\]|\\.)*"|[^()"])*\))*\)', re.DOTALL)
_TERM = re.compile(r'"(?:[^"\\]|\\.)*"|(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])', re.DOTALL)


@cache
def words_of(name: str) -> tuple[str, ...]:
    """The words in the module of a command: its options, and their values."""
    return _constants(f"{commands.__name__}.{name}")


@cache
def _constants(name: str) -> tuple[str, ...]:
    module = importlib.import_module(name)
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    found = {
        word
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for word in (node.value.split() if len(node.value) < 200 else ())
        if _WORD.match(word)
    }
    return tuple(sorted(found))


@cache
def options_of(name: str) -> tuple[str, ...]:
    """The options of a command: those of the words in its module, and in the modules it is made of, that it takes."""
    module = importlib.import_module(f"{commands.__name__}.{name}")
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    used = [
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith("trapline.spl.")
    ]
    words = {word for one in (module.__name__, *used) for word in _constants(one)} - {"as", "by", "in", "over"}
    before = (name, *(stages().get(name) or ())[:1])
    return tuple(sorted(word for word in words if any(_takes(f"| {one} {word}=1") for one in before)))


def _takes(text: str) -> bool:
    try:
        parse(text)
    except SplError as error:
        return not error.reason.startswith(("unknown", "unexpected"))
    return True


@cache
def generates(name: str) -> bool:
    """Must the command come first?"""
    for one in (name, *stages().get(name, ())):
        try:
            command = parse(f"| {one}").stages[0].command
        except SplError:
            continue
        return is_generating(command) and not takes_rows(command)
    return False


@cache
def wants(name: str) -> tuple[bool, tuple[bool, ...]]:
    """Does a function give a boolean, and which of its arguments are to be booleans? As found by trying."""
    function = registry()[name]
    count = max(function.least, 1) if function.most != 0 else 0
    for several in (count, count + 1, count + 2):
        for marks in product((False, True), repeat=min(several, 3)):
            places = (*marks, *[False] * (several - len(marks)))
            inside = ", ".join("a=1" if one else '"1"' for one in places)
            for boolean, head in ((False, "eval x="), (True, "where ")):
                if _compiles(f"{head}{name}({inside})"):
                    return boolean, places
    return False, (False,) * count


def _compiles(text: str) -> bool:
    try:
        Session(events=[{"a": "1"}]).sql(text)
    except TraplineError:
        return False
    return True


@cache
def names() -> tuple[str, ...]:
    return tuple(sorted(command_names()))


@cache
def functions() -> tuple[str, ...]:
    return tuple(sorted(registry()))


@cache
def aggregations() -> tuple[str, ...]:
    plain = [name for name, one in aggregates.FUNCTIONS.items() if not one.percentile]
    shares = [
        f"{name}{share}"
        for name, one in aggregates.FUNCTIONS.items()
        if one.percentile
        for share in ("0", "95.5", "100")
    ]
    return tuple(sorted((*plain, *shares)))


@cache
def stages() -> Mapping[str, Sequence[str]]:
    """The stages of known searches, by command."""
    found: dict[str, list[str]] = {name: [] for name in names()}
    for text in corpus():
        try:
            spans = split_pipes(text, 0, len(text))
        except Exception:  # whatever is wrong with it, it has no stages to take
            continue
        for place, span in enumerate(spans):
            stage = text[span.start : span.end].strip()
            name = re.match(r"\w*", stage)
            word = name.group().lower() if name is not None else ""
            if word in found and len(stage) < 1_000:
                found[word].append(stage)
            elif place == 0 and stage:
                found["search"].append(f"search {stage}" if len(stage) < 1_000 else "search *")
    return {name: tuple(dict.fromkeys(some)) for name, some in found.items()}


@cache
def calls() -> Mapping[str, Sequence[str]]:
    """The calls of functions in known searches that have no parentheses in them, or one level of them."""
    found: dict[str, list[str]] = {}
    for text in corpus():
        for call in _CALL.finditer(text):
            if call[1].lower() in registry():
                found.setdefault(call[1].lower(), []).append(call[0])
    return {name: tuple(dict.fromkeys(some)) for name, some in found.items()}


@cache
def corpus() -> tuple[str, ...]:
    """Searches that people wrote: of the case files, of the conformance cases and of detection content, if any."""
    found = list(known())
    cases = SHARED / "spl" / "cases.jsonl" if SHARED is not None else None
    if cases is not None and cases.is_file():
        found += [json.loads(line)["spl"] for line in cases.read_text(encoding="utf-8").splitlines() if line.strip()]
    return (*found, *content(every=3))


# --- expressions


def field(rng: Random) -> str:
    return rng.choice(FIELDS) if rng.random() < 0.85 else rng.choice(PATTERNED)


def quoted(name: str) -> str:
    """A field as an expression names it."""
    return name if re.fullmatch(r"\w+|'.*'", name) else "'" + name.strip('"') + "'"


def literal(rng: Random) -> str:
    if rng.random() < 0.05:
        return '"' + "".join(chr(rng.choice((rng.randrange(1, 128), rng.randrange(0xD800)))) for _ in range(5)) + '"'
    return rng.choice(NUMBERS) if rng.random() < 0.5 else rng.choice(TEXTS)


def call(rng: Random, depth: int, name: str = "") -> str:
    """A function (any, or that one) with as many arguments as it takes, of every kind."""
    name = name or rng.choice(functions())
    function = registry()[name]
    if rng.random() < 0.15 and name in calls():
        return _TERM.sub(lambda found: literal(rng) if rng.random() < 0.2 else found.group(), rng.choice(calls()[name]))
    places = list(wants(name)[1])
    most = max(len(places), function.least + 3) if function.most is None else function.most
    for _ in range(rng.randint(0, max(0, most - len(places)))):
        places.append(rng.random() < 0.5 if name in ("case", "validate") and len(places) % 2 == 0 else False)
    if rng.random() < 0.03:
        del places[rng.randint(0, len(places)) :]
    arguments = [condition(rng, depth - 1) if one else expression(rng, depth - 1) for one in places]
    return f"{name}({', '.join(arguments)})"


@cache
def _of_kind(boolean: bool) -> tuple[str, ...]:
    return tuple(name for name in functions() if wants(name)[0] is boolean)


def expression(rng: Random, depth: int = 3) -> str:
    """An expression that has a value, nearly always."""
    choice = rng.random()
    if depth <= 0 or choice < 0.3:
        return quoted(field(rng)) if rng.random() < 0.55 else literal(rng)
    if choice < 0.7:
        return call(rng, depth, rng.choice(_of_kind(False)))
    if choice < 0.9:
        return f"{expression(rng, depth - 1)}{rng.choice(('+', '-', '*', '/', '%', '.'))}{expression(rng, depth - 1)}"
    match rng.randrange(5):
        case 0:
            return f"({expression(rng, depth - 1)})"
        case 1:
            return condition(rng, depth - 1)
        case 2:
            return f"-{expression(rng, depth - 1)}"
        case 3:
            return f"if({condition(rng, depth - 1)}, {expression(rng, depth - 1)}, {expression(rng, depth - 1)})"
        case _:
            return f'split({expression(rng, depth - 1)}, "{rng.choice((",", "", "a"))}")'


def condition(rng: Random, depth: int = 2) -> str:
    """An expression that is true or false, nearly always."""
    match rng.randrange(8):
        case 0 | 1:
            return f"{quoted(field(rng))}{rng.choice(OPERATORS[:7])}{expression(rng, depth - 1)}"
        case 2 | 3:
            return call(rng, depth, rng.choice(_of_kind(True)))
        case 4 if depth > 0:
            return f"{condition(rng, depth - 1)}{rng.choice((' AND ', ' OR ', ' XOR '))}{condition(rng, depth - 1)}"
        case 5 if depth > 0:
            return f"NOT ({condition(rng, depth - 1)})"
        case 6:
            values = (literal(rng) for _ in range(rng.randint(1, 3)))
            return f"{quoted(field(rng))} {rng.choice(('IN', 'in', 'NOT IN'))} ({', '.join(values)})"
        case _:
            return f"{expression(rng, depth - 1)}{rng.choice((*OPERATORS[:7], ' LIKE '))}{expression(rng, depth - 1)}"


def aggregation(rng: Random) -> str:
    name = rng.choice(aggregations())
    if name == "sparkline":
        inner = f"{rng.choice(sorted(aggregates.SPARKLINE))}({field(rng)})"
        text = rng.choice(("sparkline", f"sparkline({inner})", f"sparkline({inner}, {rng.choice(WORDS)})"))
    elif rng.random() < 0.12:
        text = rng.choice(("count", "c", name))
    elif rng.random() < 0.25:
        text = f"{name}(eval({expression(rng, 2)}))"
    else:
        text = f"{name}({field(rng)})"
    return text + rng.choice(("", "", f" as {field(rng)}", f' AS "{rng.choice(("a b", "x", "*", "é"))}"'))


# --- stages


def option(rng: Random, name: str) -> str:
    known = options_of(name) if rng.random() < 0.9 else words_of(name)
    return f"{rng.choice(known)}={rng.choice((*WORDS, *words_of(name), *TEXTS[:10]))}" if known else ""


def _names(rng: Random) -> str:
    return rng.choice((" ", ", ", ",")).join(field(rng) for _ in range(rng.randint(1, 4)))


def _loose(rng: Random, name: str) -> str:
    """Options, names, words and values in any order: what commands of every shape may get."""
    parts = [rng.choice((option, option, _piece))(rng, name) for _ in range(rng.randint(0, 5))]
    return " ".join((name, *parts))


def _piece(rng: Random, name: str) -> str:
    match rng.randrange(9):
        case 0:
            return rng.choice(JOINTS)
        case 1:
            return rng.choice(words_of(name) or WORDS)
        case 2:
            return literal(rng)
        case 3:
            return f"[{subsearch(rng)}]"
        case 4:
            return aggregation(rng)
        case 5:
            return rng.choice(WORDS)
        case _:
            return _names(rng)


def _known(rng: Random, name: str) -> str:
    """A stage that somebody wrote, with other fields, values and options in it."""
    some = stages().get(name) or ()
    if not some:
        return _shaped(rng, name)
    text = rng.choice(some)
    if rng.random() < 0.8:
        keep = {*words_of(name), *_KEPT}
        text = name + _FIELD.sub(
            lambda found: found.group() if found.group() in keep or rng.random() < 0.6 else field(rng),
            text[len(name) :],
        )
    if rng.random() < 0.6:
        text = _TERM.sub(lambda found: literal(rng) if rng.random() < 0.4 else found.group(), text)
    if rng.random() < 0.3:
        text = re.sub(r"\A(\w+\s+)[\w.]+", lambda found: found[1] + rng.choice(SUPPLIED), text)
    if rng.random() < 0.3:
        text = f"{name} {option(rng, name)} {text[len(name) :].lstrip()}"
    elif rng.random() < 0.2:
        text += f" {option(rng, name)}"
    return text


def _shaped(rng: Random, name: str) -> str:
    """A stage in one of the shapes that commands have."""
    head = " ".join([name, *(option(rng, name) for _ in range(rng.choice((0, 0, 0, 1, 2))))])
    match rng.randrange(11):
        case 0:
            return f"{head} {_names(rng)}"
        case 1:
            return f"{head} {', '.join(aggregation(rng) for _ in range(rng.randint(1, 3)))}"
        case 2:
            return f"{head} {' '.join(aggregation(rng) for _ in range(rng.randint(1, 3)))} by {_names(rng)}"
        case 3:
            return f"{head} {field(rng)}={expression(rng)}, {field(rng)}={expression(rng, 1)}"
        case 4:
            return f"{head} {condition(rng)}"
        case 5:
            return f"{head} {field(rng)} as {field(rng)}, {field(rng)} as {field(rng)}"
        case 6:
            return f"{head} {_names(rng)} [{subsearch(rng)}]"
        case 7:
            return f"{head} [{subsearch(rng)}] [{subsearch(rng)}]"
        case 8:
            return f"{head} {rng.choice(WORDS)} {_names(rng)} {rng.choice(JOINTS)} {_names(rng)}"
        case 9:
            return f"{head} {literal(rng)} {rng.choice(JOINTS)} {literal(rng)} {rng.choice(JOINTS)} {_names(rng)}"
        case _:
            return f"{head} {rng.choice('+-')}{field(rng)} {rng.choice(NUMBERS)}"


def _test(rng: Random, name: str) -> str:
    return f"where {condition(rng, 3)}"


def _assign(rng: Random, name: str) -> str:
    pairs = [f"{rng.choice(('x', 'y', quoted(field(rng))))}={expression(rng)}" for _ in range(rng.randint(1, 3))]
    return "eval " + ", ".join(pairs)


def _grouped(rng: Random, name: str) -> str:
    verb = rng.choice(("stats", "eventstats", "streamstats", "chart", "timechart", "tstats", "mstats"))
    some = rng.choice((" ", ", ")).join(aggregation(rng) for _ in range(rng.randint(1, 3)))
    rest = rng.choice(("", f" by {_names(rng)}", f" over {field(rng)} by {field(rng)}"))
    return f"{verb} {option(rng, verb) if rng.random() < 0.3 else ''} {some}{rest}"


def _term(rng: Random, depth: int) -> str:
    match rng.randrange(14):
        case 0 if depth > 0:
            return f"NOT {_term(rng, depth - 1)}"
        case 1 if depth > 0:
            return f"({_term(rng, depth - 1)}{rng.choice((' OR ', ' AND ', ' '))}{_term(rng, depth - 1)})"
        case 2 if depth > 0:
            return f"{_term(rng, depth - 1)} OR {_term(rng, depth - 1)}"
        case 3:
            return f"[{subsearch(rng)}]"
        case 4:
            return f"{field(rng)} IN ({literal(rng)}, {rng.choice(WORDS)})"
        case 5:
            return f"{rng.choice(('TERM', 'CASE'))}({rng.choice(WORDS)})"
        case 6:
            return rng.choice(
                ("`term`", "eventtype=*", "tag=process", "tag::user=x", "latest=now", "_index_earliest=0")
            )
        case 7:
            return f"earliest={rng.choice(('0', '-1d@d', '@w3', '1705312800', '2024-01-15:10:00:00', *TEXTS))}"
        case 8:
            return rng.choice(TEXTS)
        case 9:
            return rng.choice(WORDS)
        case _:
            return f"{field(rng)}{rng.choice(OPERATORS[:7])}{rng.choice((literal(rng), rng.choice(WORDS)))}"


def _filter(rng: Random, name: str) -> str:
    return "search " + " ".join(_term(rng, 2) for _ in range(rng.randint(1, 3)))


_STAGES: Sequence[Callable[[Random, str], str]] = (
    _known, _known, _known, _known, _shaped, _shaped, _loose, _test, _assign, _assign, _grouped, _filter,
)  # fmt: skip


def stage(rng: Random) -> str:
    return rng.choice(_STAGES)(rng, rng.choice(names()))


def alone(rng: Random, name: str) -> str:
    """A search that is about one command."""
    one = rng.choice((_known, _known, _known, _shaped, _loose))(rng, name)
    return ("| " if generates(name) else rng.choice(("| ", "search * | ", "search n=7 | "))) + one


def subsearch(rng: Random) -> str:
    if rng.random() < 0.4:
        return rng.choice(
            (f"search user=* | table {field(rng)}", f"inputlookup {rng.choice(WORDS)}", f"eval x={expression(rng, 1)}")
        )
    return search(rng, most=2)


def search(rng: Random, *, most: int = 4) -> str:
    """A search of a few stages."""
    some = [stage(rng) for _ in range(min(rng.randint(1, most), rng.randint(1, most)))]
    first = [one for one in some if generates(one.split(maxsplit=1)[0])]
    if rng.random() < 0.9:
        some = [*first[:1], *(one for one in some if one not in first)]
    head = ("| ", "| ", "") if first else ("", "", "search * | ", "| makeresults count=3 | ")
    return rng.choice(head) + " | ".join(some)


class Shape(StrEnum):
    """How a text was made."""

    RULES = "made by the rules of the language"
    RULES_DAMAGED = "made by the rules, damaged"
    KNOWN_DAMAGED = "written by people, damaged"
    KNOWN_CHANGED = "written by people, with other names and values"


_SHARES = {Shape.RULES: 45, Shape.RULES_DAMAGED: 10, Shape.KNOWN_DAMAGED: 20, Shape.KNOWN_CHANGED: 25}
"""Of 100 texts."""


@dataclass(frozen=True, slots=True)
class Made:
    """A text to try, and how it was made."""

    text: str
    shape: Shape


def made(rng: Random) -> Made:
    """A search made by the rules, one that somebody wrote with other names and values in it, or a damaged one."""
    shape = rng.choices(tuple(_SHARES), tuple(_SHARES.values()))[0]
    match shape:
        case Shape.RULES:
            text = search(rng)
        case Shape.RULES_DAMAGED:
            text = damage(search(rng), rng)
        case Shape.KNOWN_DAMAGED:
            text = damage(rng.choice(corpus()), rng)
        case Shape.KNOWN_CHANGED:
            whole = rng.choice(corpus())
            text = _TERM.sub(lambda found: literal(rng) if rng.random() < 0.3 else found.group(), whole)
            text = _FIELD.sub(lambda found: field(rng) if rng.random() < 0.1 else found.group(), text)
    if rng.random() < 0.01:
        text += rng.choice(BITS)
    return Made(text[:LONGEST], shape)
