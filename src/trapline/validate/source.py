"""The file of an object as it is written: its values with their lines."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from trapline.content import yamlfile
from trapline.content.model import Generation, Item, Lookup, Macro, Story
from trapline.content.stanza import joined
from trapline.content.yamlfile import Node
from trapline.errors import InputError, Span
from trapline.knowledge.conf import Setting, parse
from trapline.lint.inputs import Search, scalar, setting

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Source:
    """`node` is the mapping of the object; empty where its file cannot be read. Of an app it has the keys of the stanza
    by their own names and, where a rule looks for them, by those of YAML; `text` is then the stanza alone, after
    `before` lines."""

    file: str
    text: str
    node: Node
    before: int = 0

    def get(self, path: str) -> Node | None:
        """The value at a path (`tags.observable[1].name`), None where there is none."""
        found: Node | None = self.node
        whole = self.node.value
        if isinstance(whole, dict) and path in whole:  # a key of an app has dots in it
            return whole[path]
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
        if self.before or Path(self.file).suffix == ".conf":
            places = setting(self.text, node.line - self.before, node.value)
        else:
            places = scalar(self.text, node.line, node.value)
        at = Search(node.value, self.file, "", self.text, places).position(Span(span.start + blank, span.end + blank))
        return at.line + self.before, at.column


def read(item: Item) -> Source:
    """The file of an object. What cannot be read has been told of by the reading of it."""
    empty = Source(item.file, "", Node({}, 1))
    if item.generation is Generation.APP:
        return _stanza(item) or empty
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


# --- apps --------------------------------------------------------------------------------------------------------

_NAMES = {
    "rba": "action.risk.param._risk",
    "drilldown_searches": "action.notable.param.drilldown_searches",
    "throttling": "alert.suppress.fields",
    "deployment": "cron_schedule",
    "id": "action.correlationsearch.metadata",
    "version": "action.correlationsearch.metadata",
    "security_domain": "action.notable.param.security_domain",
    "analytic_story": "action.escu.analytic_story",
    "data_source": "action.correlationsearch.annotations",
    "mitre_attack_id": "action.correlationsearch.annotations",
    "cve": "action.correlationsearch.annotations",
    "type": "action.correlationsearch.annotations",
}
"""Keys of YAML -> keys of savedsearches.conf that say the same."""


@dataclass(frozen=True, slots=True)
class _Conf:
    lines: list[str]
    heads: list[int]
    """Lines of the stanza heads, in order."""
    stanzas: Mapping[str, Mapping[str, Setting]]
    """The settings; the head of a stanza is its key ""."""


@lru_cache(maxsize=4)
def _conf(file: str, changed: int) -> _Conf:
    """A .conf file; `changed` is the time of its last change."""
    text = Path(file).read_bytes().decode("utf-8-sig", "replace").replace("\r\n", "\n")
    found: dict[str, dict[str, Setting]] = {}
    heads = []
    for one in parse(text, file, []):
        found.setdefault(one.stanza, {})[one.key] = one
        if not one.key:
            heads.append(one.line)
    return _Conf(text.split("\n"), heads, found)


def _stanza(item: Item) -> Source | None:
    """The stanza of an object of an app in the file that its search or definition is in."""
    match item:
        case Macro():
            name, main = item.key, "definition"
        case Story():
            name, main = f"analytic_story://{item.name}", ""
        case Lookup():
            name, main = item.name, ""
        case _:
            saved = getattr(item, "saved", None)
            name, main = saved.name if saved is not None else item.name, "search"
    try:
        conf = _conf(item.file, Path(item.file).stat().st_mtime_ns)
    except OSError:
        return None
    keys = conf.stanzas.get(name, {})
    at = keys.get(main) or keys.get("")
    if at is None:
        return None
    place = bisect_right(conf.heads, at.line)
    first = conf.heads[place - 1] if place else 1
    last = conf.heads[place] - 1 if place < len(conf.heads) else len(conf.lines)
    node = {key: Node(joined(one.value), one.line) for key, one in keys.items() if key}
    node |= {new: Node("", node[old].line) for new, old in _NAMES.items() if old in node and new not in node}
    return Source(item.file, "\n".join(conf.lines[first - 1 : last]), Node(dict(node), first), first - 1)
