"""Filter macro lines that would remove the most frequent alerts, and as little else as possible.

A line is `search NOT (field="value" ...)`, as the search language compares: without regard to case. It is made of
fields that had one value only in every alert, and of values that such a comparison can say exactly; a `*` is a wildcard
there and a backtick calls a macro (Search Reference, "search"), so values that hold one make no line.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

from trapline.content.model import Detection
from trapline.detect import tokens
from trapline.forecast.model import Line
from trapline.values import Value, value_text

LEAST = 5
"""Alerts that a line has to remove."""
SHARE = 0.1
"""Of all alerts: a line has to remove that share."""
LINES = 5
ALIKE = 0.95
"""Where so many of the alerts that a value is in have the same value of another field, the line names that too."""
NAMED = 3
"""Fields of a line."""
LONGEST = 200
_UNSAYABLE = re.compile(r"[*`\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]|\A\s|\s\Z")
_NAME = re.compile(r"[A-Za-z_][\w.{}-]*\Z")

Alert = Mapping[str, str]


def lines(detection: Detection, rows: Sequence[Mapping[str, Value]], target: int = 0) -> list[Line]:
    """The lines for the alerts of a detection, each removing what those before it leave, until no more than `target`
    of the rows are left or nothing frequent is."""
    alerts = _alerts(rows)
    if len(alerts) < LEAST or len(alerts) <= target:
        return []
    constant = {name for name in _fields(alerts) if len({one.get(name, "").lower() for one in alerts}) == 1}
    first = _telling(detection)
    left, found = alerts, list[Line]()
    while len(left) > target and len(found) < LINES:
        chosen = _next(left, constant, first, max(LEAST, SHARE * len(alerts)))
        if chosen is None:
            break
        rest = [one for one in left if not _matches(one, chosen)]
        removed = len(left) - len(rest)
        found.append(_line(chosen, removed, removed / len(alerts), everything=not rest and not found))
        left = rest
    return found


def definition(old: str | None, lines: Sequence[Line]) -> str:
    """What a filter macro is defined as with further lines. `old`: its definition now, None = none."""
    before = [] if old is None or old.strip() in ("", "search *") else [old.strip()]
    return " | ".join([*before, *(one.text for one in lines)])


def _line(values: Mapping[str, str], removes: int, share: float, *, everything: bool) -> Line:
    tests = " ".join(f"{_named(name)}={tokens.quote(value)}" for name, value in values.items())
    return Line(dict(values), f"search NOT ({tests})", removes, share, everything)


def _named(field: str) -> str:
    return field if re.fullmatch(r"[A-Za-z_][\w.]*", field) else tokens.quote(field)


def _alerts(rows: Sequence[Mapping[str, Value]]) -> list[Alert]:
    """The rows with the fields that a line may name."""
    out: set[str] = set()
    for row in rows:
        out |= {name for name, value in row.items() if isinstance(value, list)}
    return [
        {
            name: text
            for name, value in row.items()
            if name not in out and _NAME.match(name) and value is not None and _sayable(text := value_text(value))
        }
        for row in rows
    ]


def _sayable(text: str) -> bool:
    """Whether a comparison can say a value exactly and a person can read it."""
    if not text or len(text) > LONGEST or _UNSAYABLE.search(text):
        return False
    return all(unicodedata.category(char) not in ("Cf", "Cn", "Co") for char in text)


def _fields(alerts: Sequence[Alert]) -> list[str]:
    return list(dict.fromkeys(name for one in alerts for name in one))


def _telling(detection: Detection) -> list[str]:
    """The fields of the risk and threat objects, which tell whom an alert is about and what did it."""
    rba = detection.rba
    if rba is None:
        return []
    return list(dict.fromkeys([*(one.field for one in rba.threat_objects), *(one.field for one in rba.risk_objects)]))


def _next(left: Sequence[Alert], constant: set[str], first: Sequence[str], least: float) -> dict[str, str] | None:
    """The most frequent value, and what nearly always goes with it; None where nothing is frequent."""
    counts: Counter[tuple[str, str]] = Counter()
    written: dict[tuple[str, str], str] = {}
    for one in left:
        for name, text in one.items():
            if name not in constant:
                counts[name, text.lower()] += 1
                written.setdefault((name, text.lower()), text)
    order = {name: at for at, name in enumerate(first)}
    frequent = [(count, -order.get(key[0], len(order)), key) for key, count in counts.items() if count >= least]
    if not frequent:
        return _all_alike(left, constant, first, least)
    most = max(count for count, _, _ in frequent)
    # Of values that are about as frequent the one of a risk or threat object says more.
    _, _, key = max((one for one in frequent if one[0] >= ALIKE * most), key=lambda one: (one[1], one[0], one[2]))
    chosen = {key[0]: written[key]}
    same = [one for one in left if _matches(one, chosen)]
    return chosen | _with(same, set(chosen), constant, first)


def _all_alike(left: Sequence[Alert], constant: set[str], first: Sequence[str], least: float) -> dict[str, str] | None:
    """Where all alerts are about one and the same, the fields that tell it. What is the same in all alerts because the
    search asks for it tells nothing, unless there is nothing else."""
    names = [one for one in first if one in constant]
    if not names and constant.issuperset(_fields(left)):
        names = sorted(constant)
    told = {name: text for name in names[:NAMED] if (text := left[0].get(name)) is not None}
    return told if told and len(left) >= least and all(_matches(one, told) for one in left) else None


def _with(same: Sequence[Alert], named: set[str], constant: set[str], first: Sequence[str]) -> dict[str, str]:
    """What goes with a value in nearly all alerts that have it, of fields that differ elsewhere. It makes the line
    narrower and costs it little."""
    found: dict[str, str] = {}
    order = {name: at for at, name in enumerate(first)}
    names = sorted(_fields(same), key=lambda name: (order.get(name, len(order)), name))
    for name in names:
        if name in named or name in constant or len(named) + len(found) >= NAMED:
            continue
        counts = Counter(one.get(name, "").lower() for one in same)
        text, count = counts.most_common(1)[0]
        if text and count >= ALIKE * len(same):
            found[name] = next(one[name] for one in same if one.get(name, "").lower() == text)
            same = [one for one in same if _matches(one, found)]
    return found


def _matches(one: Alert, values: Mapping[str, str]) -> bool:
    return all(one.get(name, "").lower() == text.lower() for name, text in values.items())
