"""Reading the keys of one YAML mapping into typed values, with a problem record for everything doubtful."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from trapline.content.model import Level, Problem
from trapline.content.yamlfile import Node
from trapline.errors import InputError


@dataclass(slots=True)
class Fields:
    """The keys of a mapping. Each is read once; `unknown` says what nobody asked for.

    Raises InputError only from `need`: whatever else is wrong becomes a warning in `problems` and an empty value.
    """

    node: Node
    file: str
    problems: list[Problem]
    path: str = ""
    asked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for key, line in self.node.repeated:
            self.warn(
                "repeated-key",
                "this key is given twice, the first one counts",
                key,
                hint="delete one of the two",
                line=line,
            )

    @property
    def _map(self) -> dict[str, Node]:
        return self.node.value if isinstance(self.node.value, dict) else {}

    def __contains__(self, key: str) -> bool:
        return key in self._map

    def given(self, key: str) -> bool:
        """The key is there and not null."""
        return key in self._map and self._map[key].value is not None

    def nothing(self, key: str) -> Fields:
        """An empty mapping in the place of one that is missing."""
        return Fields(Node({}, self.node.line), self.file, self.problems, self.where(key))

    def where(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def warn(self, code: str, reason: str, key: str, *, hint: str | None = None, line: int | None = None) -> None:
        if line is None:
            line = self._map.get(key, self.node).line
        self.problems.append(Problem(Level.WARNING, code, reason, self.file, line, self.where(key), hint))

    def fail(self, code: str, reason: str, key: str, *, hint: str | None = None) -> InputError:
        """The error to raise when the object cannot be used."""
        line = self._map.get(key, self.node).line
        return InputError(reason, file=self.file, line=line, field=self.where(key), hint=hint, code=code)

    def _take(self, key: str) -> Node | None:
        self.asked.add(key)
        node = self._map.get(key)
        return None if node is None or node.value is None else node

    def text(self, key: str, default: str = "", *, among: type[StrEnum] | None = None) -> str:
        """A text. `among`: what it is to be one of. That is for who completes it (`schemas`); the caller checks."""
        node = self._take(key)
        if node is None:
            return default
        if not isinstance(node.value, str):
            self.warn("type", "a text is expected here", key, hint="write key: text")
            return default
        return node.value

    def must(self, key: str, *, hint: str | None = None) -> str:
        """A text that has to be there, and may be empty."""
        if not self.given(key):
            raise self.fail("missing", f"'{self.where(key)}' is missing", key, hint=hint)
        return self.text(key)

    def need(self, key: str, *, hint: str | None = None, among: type[StrEnum] | None = None) -> str:
        """A text without which the object is of no use. `among`: as in `text`."""
        text = self.text(key)
        if not text.strip():
            raise self.fail("missing", f"'{self.where(key)}' is missing or empty", key, hint=hint)
        return text

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts. One text alone counts as a list of one."""
        node = self._take(key)
        if node is None:
            return ()
        if isinstance(node.value, str):
            return (node.value,) if node.value.strip() else ()
        if not isinstance(node.value, list):
            self.warn("type", "a list of texts is expected here", key, hint="write one '- text' a line")
            return ()
        items = [item.value for item in node.value if isinstance(item.value, str)]
        if len(items) < len(node.value):
            self.warn(
                "type",
                "the list holds something that is not a text; that is left out",
                key,
                hint="write one '- text' a line",
            )
        return tuple(items)

    def number(self, key: str, low: int | None = None, high: int | None = None) -> int | None:
        node = self._take(key)
        if node is None:
            return None
        text = node.value if isinstance(node.value, str) else ""
        whole = re.sub(r"\.0+\Z", "", text.strip())  # 25.0 is met in public content
        digits = whole.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
            self.warn("type", f"a whole number is expected here, not '{text[:40]}'", key, hint="write digits only")
            return None
        number = int(whole)
        if (low is not None and number < low) or (high is not None and number > high):
            self.warn("range", f"{number} is outside {low} to {high}", key, hint=f"give a number from {low} to {high}")
        return number

    def flag(self, key: str, default: bool = False) -> bool:
        text = self.text(key).strip().lower()
        if not text:
            return default
        if text in {"true", "yes", "on", "1"}:
            return True
        if text not in {"false", "no", "off", "0"}:
            self.warn("type", f"true or false is expected here, not '{text[:40]}'", key, hint="write true or false")
            return default
        return False

    def day(self, key: str) -> date | None:
        return day_of(self.text(key), lambda *told: self.warn(told[0], told[1], key, hint=told[2]))

    def child(self, key: str) -> Fields | None:
        node = self._take(key)
        if node is None:
            return None
        if not isinstance(node.value, dict):
            self.warn("type", "a mapping (key: value) is expected here", key, hint="write key: value below it")
            return None
        return Fields(node, self.file, self.problems, self.where(key))

    def children(self, key: str) -> list[Fields]:
        """A list of mappings."""
        node = self._take(key)
        if node is None:
            return []
        if not isinstance(node.value, list):
            self.warn("type", "a list is expected here", key, hint="write one '- ...' a line")
            return []
        out = []
        for at, item in enumerate(node.value):
            if isinstance(item.value, dict):
                out.append(Fields(item, self.file, self.problems, f"{self.where(key)}[{at}]"))
            else:
                self.warn(
                    "type",
                    f"entry {at + 1} is not a mapping (key: value); it is left out",
                    key,
                    hint="write '- key: value'",
                    line=item.line,
                )
        return out

    def some(self, key: str, reason: str, *, hint: str) -> list[Fields]:
        """A list of mappings that has to have one. `reason`: what is said where it has none."""
        found = self.children(key)
        if not found:
            raise self.fail("missing", reason, key, hint=hint)
        return found

    def bounds(self, key: str) -> tuple[int | None, int | None]:
        """A whole number that is not negative, for both ends, or a mapping of `min`, `max` or both."""
        if not self.given(key):
            return None, None
        if isinstance(self._map[key].value, dict):
            ends = self.child(key)
            assert ends is not None
            low, high = ends.number("min", 0), ends.number("max", 0)
            ends.unknown()
            if low is None and high is None:
                raise self.fail(key, f"{key} needs min, max or both", key, hint=f"{key}: 3, or {key}: {{min: 1}}")
            return low, high
        exact = self.number(key, 0)
        if exact is None:
            raise self.fail(key, f"{key} is a whole number, or min and max", key, hint=f"{key}: 0")
        return exact, exact

    def plains(self, key: str) -> tuple[dict[str, Any], ...]:
        """A list of mappings, as they are."""
        return tuple(one.node.plain() for one in self.children(key))

    def plain(self, key: str) -> Any:
        """Whatever is there, as lists, dicts and texts."""
        node = self._take(key)
        return None if node is None else node.plain()

    def unknown(self, tolerated: Iterable[str] = (), *, prefix: str = "") -> dict[str, Any]:
        """The keys not asked for, as read, each with a warning unless public content is known to carry it."""
        rest: dict[str, Any] = {}
        for key, node in self._map.items():
            if key in self.asked:
                continue
            rest[prefix + key] = node.plain()
            if key not in tolerated:
                near = difflib.get_close_matches(key, self.asked, 1)
                hint = f"did you mean '{near[0]}'?" if near else "correct the key, or delete it"
                self.warn("unknown-key", "this key is not known; it is kept but has no effect", key, hint=hint)
        return rest


def day_of(text: str, warn: Callable[[str, str, str], None]) -> date | None:
    """A date at the beginning of a text. `warn`: (code, reason, hint) where there is another text."""
    text = text.strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        warn("date", f"'{text[:40]}' is not a date", "write it as 2024-09-30")
        return None
