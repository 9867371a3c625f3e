"""The file of an object as it is written: its values with their lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from trapline.content import yamlfile
from trapline.content.model import Item
from trapline.content.yamlfile import Node
from trapline.errors import InputError, Span
from trapline.lint.inputs import Search, scalar

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Source:
    """`node` is the mapping of the object; empty where the file is no YAML (macros.conf) or cannot be read."""

    file: str
    text: str
    node: Node

    def get(self, path: str) -> Node | None:
        """The value at a path (`tags.observable[1].name`), None where there is none."""
        found: Node | None = self.node
        for key, place in _STEP.findall(path):
            value = found.value if found is not None else None
            if key and isinstance(value, dict):
                found = value.get(key)
            elif place and isinstance(value, list) and int(place) < len(value):
                found = value[int(place)]
            else:
                return None
        return found

    def text_at(self, path: str) -> str:
        """The text at a path, empty where there is none."""
        found = self.get(path)
        return found.value if found is not None and isinstance(found.value, str) else ""

    def list_at(self, path: str) -> list[Node]:
        found = self.get(path)
        return found.value if found is not None and isinstance(found.value, list) else []

    def has(self, path: str) -> bool:
        """Is the key there, and not null?"""
        found = self.get(path)
        return found is not None and found.value is not None

    def line(self, path: str) -> int | None:
        """The line of a path, or of what of it is there."""
        if not self.text:
            return None
        while path:
            found = self.get(path)
            if found is not None:
                return found.line
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.node.line

    def position(self, span: Span) -> tuple[int, int] | None:
        """Line and column of a place in the search, which is held without the blanks around it."""
        node = self.get("search")
        if node is None or not isinstance(node.value, str):
            return None
        blank = len(node.value) - len(node.value.lstrip())
        search = Search(node.value, self.file, "", self.text, scalar(self.text, node.line, node.value))
        at = search.position(Span(span.start + blank, span.end + blank))
        return at.line, at.column


def read(item: Item) -> Source:
    """The file of an object. What cannot be read has been told of by the reading of it."""
    empty = Source(item.file, "", Node({}, 1))
    path = Path(item.file)
    if path.suffix.lower() not in (".yml", ".yaml"):
        return empty
    try:
        with path.open("rb") as file:
            text = file.read(yamlfile.MAX_BYTES + 1).decode("utf-8-sig").replace("\r\n", "\n")
        nodes = [node for node in yamlfile.parse(text, item.file) if isinstance(node.value, dict)]
    except (OSError, UnicodeDecodeError, InputError):
        return empty
    for node in nodes:
        name = node.value.get("name") if isinstance(node.value, dict) else None
        if name is not None and isinstance(name.value, str) and name.value.strip() == item.name:
            return Source(item.file, text, node)
    return Source(item.file, text, nodes[0]) if nodes else empty
