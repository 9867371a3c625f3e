"""YAML files of content: text -> a tree of nodes that know their line.

Content may come from anybody, so the tree is built from parser events with bounds of our own: no tags are obeyed,
nesting and size are limited, an alias counts as often as it is used. (Composing with libyaml recurses in C: a file of
opening brackets ends the process.) Every scalar stays text, exactly as written; an unquoted null is None.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from trapline.errors import InputError

MAX_BYTES = 4_000_000
MAX_NODES = 50_000
MAX_DEPTH = 64

_NULL = frozenset(("", "~", "null", "Null", "NULL"))


@dataclass(slots=True)
class Node:
    """A value of a file. `line` is 1-based. `size` counts it and all below it."""

    value: str | list[Node] | dict[str, Node] | None
    line: int
    size: int = 1
    repeated: list[tuple[str, int]] = field(default_factory=list)
    """Keys that a mapping holds twice, with the line of the second, which is dropped."""

    def plain(self) -> Any:
        """The value as lists, dicts, texts and None."""
        match self.value:
            case list(items):
                return [item.plain() for item in items]
            case dict(items):
                return {key: item.plain() for key, item in items.items()}
            case value:
                return value


def parse(text: str, file: str) -> list[Node]:
    """The documents of a YAML text. Raises InputError with the line."""
    try:
        return list(_documents(text, file))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise InputError(
            f"not valid YAML: {error.problem or error.context}",
            file=file,
            line=None if mark is None else mark.line + 1,
            hint="a text that holds ': ', ' #' or begins with a quote, backtick, % or @ has to be quoted",
            code="yaml",
        ) from None
    except yaml.YAMLError as error:
        raise InputError(f"not valid YAML: {str(error).splitlines()[0]}", file=file, code="yaml") from None


def _documents(text: str, file: str) -> Iterator[Node]:
    # Parents on the way to the current node, each with the key that waits for its value (mappings only).
    open_nodes: list[Node] = []
    keys: list[str | None] = []
    anchors: dict[str, Node] = {}
    names: list[str | None] = []
    total = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = _line(event)
        match event:
            case yaml.ScalarEvent():
                null = event.implicit[0] and event.value in _NULL  # implicit[0]: plain, without a tag
                done = Node(None if null else event.value, line)
                name = event.anchor
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                if len(open_nodes) >= MAX_DEPTH:
                    raise _too_big(file, line, f"nested deeper than {MAX_DEPTH} levels")
                empty: dict[str, Node] | list[Node] = {} if isinstance(event, yaml.MappingStartEvent) else []
                open_nodes.append(Node(empty, line))
                keys.append(None)
                names.append(event.anchor)
                continue
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                done = open_nodes.pop()
                keys.pop()
                name = names.pop()
            case yaml.AliasEvent():
                if event.anchor not in anchors:
                    raise InputError(f"the alias *{event.anchor} has no anchor before it", file=file, line=line)
                done = anchors[event.anchor]
                name = None
            case yaml.DocumentStartEvent():
                anchors = {}
                continue
            case _:
                continue
        if name is not None:
            anchors[name] = done
        total += done.size if isinstance(event, yaml.AliasEvent) else 1
        if total > MAX_NODES:
            raise _too_big(file, line, f"more than {MAX_NODES} values")
        if not open_nodes:
            yield done
            continue
        parent = open_nodes[-1]
        parent.size += done.size
        if isinstance(parent.value, list):
            parent.value.append(done)
        elif isinstance(parent.value, dict):
            key = keys[-1]
            if key is None:
                keys[-1] = done.value if isinstance(done.value, str) else ""
            else:
                if key in parent.value:
                    parent.repeated.append((key, done.line))
                else:
                    parent.value[key] = done
                keys[-1] = None


def _line(event: yaml.Event) -> int:
    return 1 if event.start_mark is None else event.start_mark.line + 1


def _too_big(file: str, line: int, reason: str) -> InputError:
    return InputError(reason, file=file, line=line, hint="content files are small", code="yaml")


_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
