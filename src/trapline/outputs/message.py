"""What an output sends: one notable as a message, bounded, and its texts made safe to show.

Fields hold what attackers wrote to logs. `Message.of` bounds them and takes out what is no Unicode; whoever shows them
escapes for the place they are shown in.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from trapline.values import Scalar, Value, value_text

MAX_TEXT = 10_000
"""Characters of one value."""
MAX_VALUES = 100
"""Values of one multivalue."""
MAX_BODY = 200_000
"""Characters of all fields."""
SEVERITIES = ("informational", "unknown", "low", "medium", "high", "critical")
"""Severities and urgencies of Enterprise Security, the least first."""

_SAFE_KEY = re.compile(r"[\x21-\x7e]{1,200}\Z")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Message:
    """One notable. Make it with `Message.of`, which bounds its texts. `time`: epoch seconds. `body`: the fields of the
    notable. `cut`: names of fields that were shortened or left out because they are too long."""

    key: str
    """Names it for good: a receiver that has it already has had the message. Printable ASCII, at most 200."""
    time: float
    title: str
    description: str
    severity: str
    urgency: str
    search: str
    entity: str | None = None
    entity_type: str | None = None
    body: Mapping[str, Value] = field(default_factory=dict)
    drilldowns: tuple[Mapping[str, str], ...] = ()
    """Searches to go on with: `name`, `search`, `earliest`, `latest`."""
    cut: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        key: str,
        *,
        time: float,
        title: str,
        severity: str,
        urgency: str,
        search: str,
        description: str = "",
        entity: str | None = None,
        entity_type: str | None = None,
        body: Mapping[str, Value] | None = None,
        drilldowns: Iterable[Mapping[str, str]] = (),
    ) -> Message:
        """A message whose texts are bounded and valid Unicode. A key that is no short printable ASCII is hashed."""
        fields, cut = _bounded(body or {})
        return cls(
            key if _SAFE_KEY.match(key) else hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest(),
            time,
            _text(title),
            _text(description),
            _text(severity),
            _text(urgency),
            _text(search),
            None if entity is None else _text(entity),
            None if entity_type is None else _text(entity_type),
            fields,
            tuple({_text(k): _text(v) for k, v in one.items()} for one in list(drilldowns)[:MAX_VALUES]),
            cut,
        )

    @property
    def when(self) -> str:
        """Its time, ISO 8601, UTC, milliseconds."""
        return datetime.fromtimestamp(self.time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def only(self, names: Iterable[str]) -> Message:
        """The same with these fields only, in this order."""
        return replace(self, body={name: self.body[name] for name in names if name in self.body})

    def to_json(self) -> dict[str, Any]:
        """The message for machines: what webhook, JSON lines and HEC send (docs/outputs.md)."""
        found: dict[str, Any] = {
            "key": self.key,
            "time": self.time,
            "title": self.title,
            "description": self.description,
            "severity": self.severity,
            "urgency": self.urgency,
            "search": self.search,
            "entity": self.entity,
            "entity_type": self.entity_type,
            "fields": dict(self.body),
            "drilldowns": [dict(one) for one in self.drilldowns],
        }
        return found | ({"cut": list(self.cut)} if self.cut else {})

    def dumps(self) -> str:
        """`to_json` as one line of ASCII."""
        return json.dumps(self.to_json(), allow_nan=False)

    @classmethod
    def loads(cls, text: str) -> Message:
        """What `dumps` wrote. Raises ValueError for another text."""
        try:
            given = json.loads(text)
            return cls(
                body=given.pop("fields"),
                drilldowns=tuple(given.pop("drilldowns")),
                cut=tuple(given.pop("cut", ())),
                **given,
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"this is no message: {error}") from None

    def __str__(self) -> str:
        return f"{self.title} ({self.key})"


def visible(text: str, limit: int = MAX_TEXT) -> str:
    """A text on one line, with what does not print (controls, escapes, marks of direction) written as escapes, and cut
    at `limit` characters."""
    short = text[:limit]
    shown = short if short.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in short)
    return shown if len(text) <= limit and len(shown) <= limit else shown[: max(0, limit - 3)] + "..."


def shown(value: Value, limit: int = MAX_TEXT) -> str:
    """A cell on one line: the values of a multivalue with commas between."""
    if isinstance(value, list):
        return visible(", ".join(value_text(one) for one in value), limit)
    return visible(value_text(value), limit)


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _text(text: str, limit: int = MAX_TEXT) -> str:
    if len(text) > limit:
        text = f"{text[:limit]}... [{len(text) - limit} more characters]"
    return _SURROGATE.sub("\ufffd", text)


def _bounded(body: Mapping[str, Value]) -> tuple[dict[str, Value], tuple[str, ...]]:
    found: dict[str, Value] = {}
    cut: list[str] = []
    room = MAX_BODY
    for name, value in body.items():
        label = _text(name, 200)
        many: list[Scalar] = value if isinstance(value, list) else [value]
        kept = [_text(one) if isinstance(one, str) else _finite(one) for one in many[:MAX_VALUES]]
        size = len(label) + sum(len(one) if isinstance(one, str) else 20 for one in kept)
        short = len(many) > MAX_VALUES or any(isinstance(one, str) and len(one) > MAX_TEXT for one in many)
        if size > room:
            cut.append(label) if len(cut) < MAX_VALUES else None
            continue
        room -= size
        if short and len(cut) < MAX_VALUES:
            cut.append(label)
        found[label] = kept if isinstance(value, list) else kept[0]
    return found, tuple(cut)


def _finite(number: int | float) -> Scalar:
    """JSON knows no infinity."""
    return number if isinstance(number, int) or number - number == 0 else str(number)
