"""The settings of one stanza of a .conf file as typed values, with a problem record for everything doubtful."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from trapline.content.fields import day_of
from trapline.content.model import Level, Problem
from trapline.errors import InputError, Warn
from trapline.knowledge.conf import DEFAULT, Conf, Setting, truth

_WHOLE = re.compile(r"[+-]?\d{1,18}(?:\.0*)?\Z")
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""A character that JSON writes as one half of a pair."""


@dataclass(slots=True)
class Stanza:
    """A stanza over [default]. Each key is read once; `unread` says what nobody asked for.

    What is wrong with a value becomes a warning in `problems` (file, line, key), and the value an empty one.
    """

    name: str
    settings: Mapping[str, Setting]
    """Its own and those of [default]."""
    head: Setting
    problems: list[Problem]
    asked: set[str] = field(default_factory=set)
    told: list[Problem] = field(default_factory=list)

    def setting(self, key: str) -> Setting | None:
        self.asked.add(key)
        return self.settings.get(key)

    def given(self, key: str) -> bool:
        """The key is there and not empty."""
        found = self.setting(key)
        return found is not None and bool(found.value)

    def text(self, key: str, default: str = "") -> str:
        """The value. Lines that a backslash continues are lines of it, without the blank before the backslash."""
        found = self.setting(key)
        return default if found is None or not found.value else joined(found.value)

    def flag(self, key: str, default: bool = False) -> bool:
        found = self.setting(key)
        if found is None or not found.value:
            return default
        value = truth(found.value)
        if value is None:
            self.warn("type", f"true or false is expected here, not '{found.value[:40]}'", key, "write true or false")
            return default
        return value

    def number(self, key: str) -> int | None:
        found = self.setting(key)
        return None if found is None or not found.value else self.whole(found.value, key)

    def whole(self, value: object, key: str) -> int | None:
        """A whole number out of a text or of JSON."""
        text = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
        if not _WHOLE.match(text):
            self.warn("type", f"a whole number is expected here, not '{str(value)[:40]}'", key, "write digits only")
            return None
        return int(text.partition(".")[0])

    def names(self, key: str) -> tuple[str, ...]:
        """A list with commas."""
        return tuple(one.strip().strip('"') for one in self.text(key).split(",") if one.strip())

    def json(self, key: str) -> Any:
        """The value of a JSON text; None where there is none, or where it is none."""
        found = self.setting(key)
        if found is None or found.value in ("", "null"):
            return None
        text = joined(found.value)
        try:
            value = json.loads(text, strict=False)
            return _sound(value) if _HALF.search(text) else value
        except (ValueError, RecursionError) as error:
            what = f"{error.msg}, character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else "too much"
            self.warn(
                "json", f"this is not valid JSON: {what}; it is left out", key, "write JSON, texts in double quotes"
            )
            return None

    def object(self, key: str) -> dict[str, Any]:
        """A JSON object, {} where there is none."""
        found = self.json(key)
        if found is not None and not isinstance(found, dict):
            self.warn("json", "a JSON object is expected here; it is left out", key, 'write {"key": "value"}')
        return found if isinstance(found, dict) else {}

    def objects(self, key: str) -> list[dict[str, Any]]:
        """A JSON list of objects; what is no object in it is left out."""
        found = self.json(key)
        if found is None:
            return []
        if isinstance(found, dict):
            return [found]
        kept = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        if not isinstance(found, list) or len(kept) < len(found):
            self.warn(
                "json",
                "a JSON list of objects is expected here; what is none is left out",
                key,
                'write [{"key": "value"}]',
            )
        return kept

    def texts(self, key: str) -> tuple[str, ...]:
        """A JSON list of texts, [] or null where there is none."""
        return self.listed(self.json(key), key)

    def listed(self, value: Any, key: str) -> tuple[str, ...]:
        """A list of texts out of JSON; one text alone counts as a list of one."""
        if value is None:
            return ()
        items = value if isinstance(value, list) else [value]
        kept = tuple(one for one in items if isinstance(one, str))
        if len(kept) < len(items):
            self.warn(
                "json", "a list of texts is expected here; what is no text is left out", key, 'write ["text", "text"]'
            )
        return kept

    def day(self, key: str) -> date | None:
        return day_of(self.text(key), lambda *told: self.warn(told[0], told[1], key, told[2]))

    def warn(self, code: str, reason: str, key: str, hint: str | None = None) -> None:
        found = Problem(Level.WARNING, code, reason, *self.place(key), hint)
        if found not in self.told:  # a key may be looked at more than once
            self.told.append(found)
            self.problems.append(found)

    def fail(self, code: str, reason: str, key: str, hint: str | None = None) -> InputError:
        """The error to raise when the object cannot be used."""
        file, line, name = self.place(key)
        return InputError(reason, file=file, line=line, field=name, hint=hint, code=code)

    def place(self, key: str) -> tuple[str, int, str]:
        """File, line and `[stanza] key`; of a key that is not there those of the head."""
        at = self.settings.get(key, self.head)
        return at.file, at.line, f"[{self.name[:100]}] {key}".rstrip()

    def unread(self) -> dict[str, Setting]:
        """The keys of its own that nobody asked for."""
        return {key: one for key, one in self.settings.items() if key not in self.asked and one.stanza != DEFAULT}


def stanzas(conf: Conf, problems: list[Problem]) -> list[Stanza]:
    """The stanzas of a kind of file in order, each over [default]. What was wrong with its lines is told."""
    problems += [problem(one) for one in conf.problems]
    for one in conf.repeated:
        reason = "this key is given twice in its stanza, the last one counts"
        where, hint = f"[{one.stanza}] {one.key}", "delete one of the two"
        problems.append(Problem(Level.WARNING, "repeated-key", reason, one.file, one.line, where, hint))
    common = conf.stanzas.get(DEFAULT, {})
    return [
        Stanza(name, {**common, **keys}, conf.heads[name], problems)
        for name, keys in conf.stanzas.items()
        if name != DEFAULT and name in conf.heads
    ]


def problem(warn: Warn, level: Level = Level.WARNING) -> Problem:
    """What the reading of a .conf file found, as a problem of content."""
    file, colon, line = (warn.where or "").rpartition(":")
    if not (colon and line.isdigit()):
        return Problem(level, warn.code, warn.reason, warn.where or "", hint=warn.hint)
    return Problem(level, warn.code, warn.reason, file, int(line), hint=warn.hint)


def joined(value: str) -> str:
    """A value of several lines as a text: ` \\` and a line end is how a line end is written in it."""
    return value.replace(" \n", "\n")


def _sound(value: Any) -> Any:
    """The value without halves of pairs of characters, which no text can hold."""
    match value:
        case str():
            return value.encode("utf-8", "replace").decode("utf-8")
        case list():
            return [_sound(one) for one in value]
        case dict():
            return {_sound(key): _sound(one) for key, one in value.items()}
        case _:
            return value
