"""The first steps of the search-time sequence: EXTRACT, REPORT, automatic key-values.

Sources: props.conf.spec (EXTRACT, REPORT, KV_MODE, AUTO_KV_JSON), transforms.conf.spec, limits.conf.spec ([kv] and
[spath]). The first extraction that finds a value wins, and it wins over a stored field; with MV_ADD values are added.
Empty values are none unless KEEP_EMPTY_VALS keeps them. Fields whose names are in the data are discovered over the
events before the search runs. Automatic key-values come last, for the events that ingest has not taken apart.

A name that comes from the data never is one of Splunk's own: what a log calls `host` or `index` is `extracted_host` and
`extracted_index`, as at ingest (`trapline.events`). Only a setting that names host, source or sourcetype itself writes
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from trapline.errors import SplError, Warn
from trapline.events import field_name
from trapline.knowledge.records import Extraction, Listed, Mode, Pairs, Pattern, Rule, Template, Unusable
from trapline.knowledge.steps import Choice, Choices, Values, current, decide, first_of
from trapline.pcre import check
from trapline.plan import FALSE, NULL, TRUE, Call, Expr, Lit, Schema, both, call, number, text
from trapline.spl.evaluate import as_multi, as_text, is_null_literal
from trapline.values import Kind

Discover = Callable[[Expr], Sequence[str]]
"""The names in pairs, an expression over stored fields, in all events that are looked at."""

MOST_PAIRS = 100
"""limits.conf [kv] limit: fields that automatic extraction makes of an event."""
MOST_TEXT = 10_240
"""limits.conf [kv] maxchars"""
CUTOFF = 5_000
"""limits.conf [spath] extraction_cutoff"""

MODES = frozenset({"auto", "auto_escaped", "json", "xml", "multi", "none"})
"""What KV_MODE can be. The tables of `multi` are taken apart at ingest."""


def extractions(choices: Choices, stored: Schema, discover: Discover, bare: Expr) -> Values:
    """While they run, a field holds only what was extracted; the stored value comes last. `bare`: which events ingest
    has not taken apart."""
    step = Values(dict(stored))
    found: dict[str, Expr] = {}
    for prefix in ("EXTRACT-", "REPORT-"):
        for key in sorted(key for key in choices if key.startswith(prefix)):
            branches = [
                (condition, _extracted(key, choices[key], place, found, step, stored, discover))
                for place, (condition, _) in enumerate(choices[key])
            ]
            for name in dict.fromkeys(name for _, values in branches for name in values):
                # What is new stands apart from what was there, so that many extractions add up, not multiply.
                new = decide(
                    [(condition, values[name].value if name in values else NULL) for condition, values in branches]
                )
                several = any(values[name].several for _, values in branches if name in values)
                found[name] = _added(found.get(name, NULL), new, several)
    for name, value in _automatic(choices, stored, discover, bare).items():
        found[name] = first_of([found.get(name, NULL), value])
    for name, value in found.items():
        step.put(name, first_of([value, current(name, stored)]), stored)
    return step


class _Extracted(NamedTuple):
    value: Expr
    several: bool


def _extracted(
    key: str,
    choices: Sequence[Choice],
    place: int,
    found: Mapping[str, Expr],
    step: Values,
    stored: Schema,
    discover: Discover,
) -> dict[str, _Extracted]:
    """What an extraction finds in events that follow it."""
    rule: Rule = choices[place][1]
    values: dict[str, _Extracted] = {}
    if isinstance(rule, Unusable):
        step.unusable(rule, stored)
    if not isinstance(rule, Extraction):
        return values
    for pattern in rule.patterns:
        own = values[pattern.source].value if pattern.source in values else NULL
        subject = as_text(first_of([own, found.get(pattern.source, NULL), current(pattern.source, stored)]))
        if is_null_literal(subject):
            new: dict[str, Expr] = {name: NULL for name, _ in pattern.fields}
        else:
            try:
                new = _found(pattern, subject, _follows(choices, place), discover)
            except SplError as error:
                reason = f"{rule.setting.key} is not a regular expression: {error.reason}"
                warn = Warn("knowledge", reason, error.hint, rule.setting.place)
                step.unusable(Unusable(rule.setting, rule.fields, warn), stored)
                return {}
        for name, value in new.items():
            old = values[name] if name in values else _Extracted(NULL, False)
            values[name] = _Extracted(_added(old.value, value, pattern.several), old.several or pattern.several)
    return values


def _follows(choices: Sequence[Choice], place: int) -> Expr:
    """Which events follow this one of the choices."""
    branches: list[tuple[Expr, Expr]] = [
        (condition, text("1" if at == place else "0")) for at, (condition, _) in enumerate(choices)
    ]
    which = decide(branches, text("0"))
    return TRUE if which == text("1") else call("eq", Kind.BOOL, which, text("1"))


def _added(old: Expr, new: Expr, several: bool) -> Expr:
    """A field after one more extraction of it."""
    if several and not is_null_literal(old) and not is_null_literal(new):
        return call("list_concat", Kind.MULTI, as_multi(old), as_multi(new))
    return first_of([old, new])


def _found(pattern: Pattern | Listed | Pairs, subject: Expr, follows: Expr, discover: Discover) -> dict[str, Expr]:
    """The fields that a pattern finds. Raises SplError for one that is no regular expression."""
    match pattern:
        case Pattern():
            return _groups(pattern, subject)
        case Listed():
            pieces = call("listed_values", Kind.MULTI, subject, text(pattern.ends))
            values: dict[str, Expr] = {}
            for name, place in pattern.fields:
                value: Expr = call("list_at", Kind.TEXT, pieces, number(place))
                if not pattern.keep_empty:
                    full = call("gt", Kind.BOOL, call("length", Kind.NUMBER, value), number(0))
                    value = call("case", Kind.TEXT, full, value, NULL)
                values[name] = _added(values.get(name, NULL), value, pattern.several)
            return values
    if pattern.word == "regex_fields":
        check(str(pattern.arguments[0]))
    pairs: Expr = Call(pattern.word, (subject, *map(_literal, pattern.arguments)), Kind.MULTI)
    if follows != TRUE:
        pairs = call("case", Kind.MULTI, follows, pairs, Lit(None, Kind.MULTI))
    made = {name: _picked(pairs, name, several=pattern.several) for name in pattern.names}
    for name, value in _named(pairs, [name for name in discover(pairs) if name not in made], pattern.several).items():
        made[name] = _added(made.get(name, NULL), value, pattern.several)
    return made


def _named(pairs: Expr, names: Sequence[str], several: bool) -> dict[str, Expr]:
    """The values of pairs by the field names that their names in the data stand for."""
    made: dict[str, Expr] = {}
    for name in names:
        field = field_name(name)
        made[field] = _added(made.get(field, NULL), _picked(pairs, name, several=several), several)
    return made


def _literal(value: str | float | tuple[str, ...] | None) -> Lit:
    match value:
        case tuple():
            return Lit(value, Kind.MULTI)
        case float() | int():
            return number(value)
    return Lit(value, Kind.TEXT)


def _picked(pairs: Expr, name: str, *, several: bool) -> Expr:
    values = call("pairs_values", Kind.MULTI, pairs, text(name))
    return values if several else call("list_at", Kind.TEXT, values, number(0))


def _groups(pattern: Pattern, subject: Expr) -> dict[str, Expr]:
    groups = dict(check(pattern.regex).groups)
    regex = text(pattern.regex)

    def group(which: int | str) -> Expr:
        place = number(groups[which] if isinstance(which, str) else which)
        if pattern.several:
            return call("regex_extract_all", Kind.MULTI, subject, regex, place, number(0))
        return call("regex_extract", Kind.TEXT, subject, regex, place)

    values: dict[str, Expr] = {}
    for name, target in pattern.fields:
        if isinstance(target, Template):
            parts = [text(part) if isinstance(part, str) else group(part) for part in target.parts]
            value: Expr = parts[0]
            for part in parts[1:]:
                value = call("concat", Kind.TEXT, value, part)
            if all(isinstance(part, str) for part in target.parts):
                value = call("case", Kind.TEXT, call("regex_match", Kind.BOOL, subject, regex), value, NULL)
        else:
            value = group(target)
        values[name] = _added(values.get(name, NULL), value, pattern.several)
    return values


# --- automatic key-values ------------------------------------------------------------------------------------------


def _automatic(choices: Choices, stored: Schema, discover: Discover, bare: Expr) -> dict[str, Expr]:
    """The fields of events that nobody has described: key=value, JSON, XML, as KV_MODE says."""
    if bare == FALSE or "_raw" not in stored:
        return {}
    mode = _setting(choices.get("KV_MODE", ()), "auto")
    json = _setting(choices.get("AUTO_KV_JSON", ()), "true")
    raw = current("_raw", stored)
    escaped = _is(mode, "auto_escaped")
    flags = decide([(escaped, text("cltx"))] if escaped != FALSE else [], text("clt"))
    pairs = call("kv_fields", Kind.MULTI, raw, NULL, NULL, number(MOST_PAIRS), number(MOST_TEXT), flags)
    document = call("spath_fields", Kind.MULTI, as_multi(raw), number(CUTOFF))
    autos = ("auto", "auto_escaped")
    structured = [
        both([_is(mode, "json"), _starts(raw, r"\A\s*[{\[]")]),
        both([_is(mode, *autos), _is(json, "true", "1", "t", "yes", "y", "enabled"), _starts(raw, r"\A\s*[{\[]")]),
        both([_is(mode, "xml"), _starts(raw, r"\A\s*<")]),
    ]
    found: dict[str, Expr] = {}
    for conditions, made, several in (
        (structured, document, True),
        (
            [both([_is(mode, *autos), call("contains", Kind.BOOL, raw, text("="))])],
            pairs,
            False,
        ),
    ):
        kept = [one for one in conditions if one != FALSE]
        if not kept:
            continue
        which = both([bare, kept[0] if len(kept) == 1 else Call("or", tuple(kept), Kind.BOOL)])
        own = call("case", Kind.MULTI, which, made, Lit(None, Kind.MULTI))
        for name, value in _named(own, discover(own), several).items():
            found[name] = first_of([found.get(name, NULL), value])
    return found


def _setting(choices: Sequence[Choice], default: str) -> Expr:
    """What a setting says, event by event."""
    values = [(condition, text(rule.value) if isinstance(rule, Mode) else text(default)) for condition, rule in choices]
    return decide(values, text(default))


def _is(value: Expr, *wanted: str) -> Expr:
    if isinstance(value, Lit):
        return TRUE if value.value in wanted else FALSE
    return call("in", Kind.BOOL, value, *map(text, wanted))


def _starts(raw: Expr, regex: str) -> Expr:
    return call("regex_match", Kind.BOOL, raw, text(regex))
