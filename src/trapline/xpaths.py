"""XPath as xpath takes it (Search Reference, "xpath"): Python's ElementTree subset, with `/@name` or `/text()` at its
end, and conditions on a number in an attribute, on a part of a text and on the position (XPath 1.0, "Predicates").
"""

from __future__ import annotations

import operator
import re
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from trapline.errors import Unsupported

_Elements = list[ElementTree.Element]
_Parents = Mapping[ElementTree.Element, ElementTree.Element]

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_OPERATOR = r"\s*(?P<op>!=|<=|>=|=|<|>)\s*"
_NUMBER = r"(?P<number>-?(?:\d+(?:\.\d*)?|\.\d+))"
_ATTRIBUTE = re.compile(rf"@(?P<name>[\w:.\-]+){_OPERATOR}{_NUMBER}")
_POSITION = re.compile(rf"position\(\s*\){_OPERATOR}{_NUMBER}")
_PART = re.compile(
    r"(?P<how>contains|starts-with)\(\s*(?:@(?P<name>[\w:.\-]+)|\.)\s*,\s*(?:'(?P<one>[^']*)'|\"(?P<two>[^\"]*)\")\s*\)"
)
_XML_NUMBER = re.compile(r"[ \t\r\n]*-?(?:\d+(?:\.\d*)?|\.\d+)[ \t\r\n]*", re.ASCII)
_PREDICATE = re.compile(r"\[((?:[^\[\]'\"]|'[^']*'|\"[^\"]*\")*)\]")
_INDEX = re.compile(r"\s*(?:\d+|last\(.*)\s*")
_OWN = re.compile(
    r"\s*(?:@[\w:.\-]+|(?:@?[\w:.\-]+)\s*!?=\s*(?:'[^']*'|\"[^\"]*\")|[\w:.\-]+|\d+|last\(\)(?:\s*-\s*\d+)?)\s*"
)
"""Conditions that ElementTree has; it reads some others without a word, and finds nothing."""
_STEPS = re.compile(r"[\w:.\-*/]*")
_ENDING = re.compile(r"/{0,2}(?:@([\w:.\-]+)|text\(\))\Z")
_LITERAL = re.compile(r"'[^']*'|\"[^\"]*\"")


@dataclass(frozen=True, slots=True)
class _Test:
    """A condition in brackets, in XPath's own words."""

    match: re.Match[str]

    def keep(self, found: _Elements, parents: _Parents) -> _Elements:
        """The elements for which it is true. A position counts those of the same parent."""
        given = self.match.groupdict()
        if self.match.re is _PART:
            wanted = given["one"] if given["one"] is not None else given["two"]
            texts = ["".join(one.itertext()) if given["name"] is None else one.get(given["name"], "") for one in found]
            if given["how"] == "contains":
                return [one for one, text in zip(found, texts, strict=True) if wanted in text]
            return [one for one, text in zip(found, texts, strict=True) if text.startswith(wanted)]
        compare, number = _COMPARE[given["op"]], float(given["number"])
        if self.match.re is _ATTRIBUTE:
            name = given["name"]
            return [one for one in found if name in one.attrib and compare(_number(one.attrib[name]), number)]
        seen: dict[ElementTree.Element | None, int] = defaultdict(int)
        kept: _Elements = []
        for one in found:
            parent = parents.get(one)
            seen[parent] += 1
            if compare(seen[parent], number):
                kept.append(one)
        return kept


def _number(text: str) -> float:
    return float(text) if _XML_NUMBER.fullmatch(text) else float("nan")


@dataclass(frozen=True, slots=True)
class XPath:
    """An XPath below the root `data`: paths that ElementTree takes, each with the condition that its elements must
    meet. `parts` without any finds nothing. `attribute`: what to read there."""

    parts: tuple[tuple[str, _Test | None], ...]
    attribute: str | None

    def elements(self, root: ElementTree.Element) -> Iterable[ElementTree.Element]:
        """What it finds, in the order of the document."""
        if len(self.parts) == 1 and self.parts[0][1] is None:
            return root.iterfind(self.parts[0][0])
        parents = {child: one for one in root.iter() for child in one}
        found = [root] if self.parts else []
        for path, test in self.parts:
            if path:
                starts = _outermost(root, found, parents) if path.startswith(".//") else found
                ids = {id(one) for start in starts for one in start.iterfind(path)}
                found = [one for one in root.iter() if id(one) in ids]
            if test is not None:
                found = test.keep(found, parents)
        return found


def _outermost(root: ElementTree.Element, found: _Elements, parents: _Parents) -> _Elements:
    """Those that stand in no other one: what is below the others is below them too, and is not looked for twice."""
    wanted = {id(one) for one in found}
    inside: set[int] = set()
    for one in root.iter():
        parent = parents.get(one)
        if parent is not None and (id(parent) in wanted or id(parent) in inside):
            inside.add(id(one))
    return [one for one in found if id(one) not in inside]


@lru_cache(maxsize=256)
def compile_xpath(text: str) -> XPath:
    """Raises ValueError for what is no XPath, and Unsupported for an XPath that is not run here."""
    path = text.strip()
    _balanced(path)
    ending = _ENDING.search(path)
    attribute = None
    if ending is not None:
        path, attribute = path[: ending.start()], ending.group(1)
        if ending.group().startswith("//"):
            path += "//*"
    if path.startswith("/") and not path.startswith("//"):
        root, _, rest = path[1:].partition("/")
        if root not in ("data", "*"):
            return XPath((), attribute)
        path = rest or "."
    parts: list[tuple[str, _Test | None]] = []
    at = 0
    for predicate in _PREDICATE.finditer(path):
        inner = predicate.group(1).strip()
        test = next((found for one in (_ATTRIBUTE, _POSITION, _PART) if (found := one.fullmatch(inner))), None)
        if test is not None:
            parts.append((_path(path[at : predicate.start()], text, first=at == 0), _Test(test)))
            at = predicate.end()
    if at == 0 or at < len(path):
        parts.append((_path(path[at:], text, first=at == 0), None))
    return XPath(tuple(parts), attribute)


def _path(path: str, whole: str, *, first: bool) -> str:
    """A piece of an XPath as ElementTree takes it, from the elements before it on; "" for themselves."""
    if not path and not first:
        return ""
    refused = f"the XPath '{whole[:200]}' is not supported here"
    other = next((one for one in _PREDICATE.findall(path) if not _OWN.fullmatch(one)), None)
    if other is not None:
        raise Unsupported(f"{refused}: the condition [{other[:80]}]")
    if not _STEPS.fullmatch(_PREDICATE.sub("", path)) or "::" in path:
        raise Unsupported(f"{refused}: it is more than steps by name and conditions")
    if not first and "/.." in path:
        raise Unsupported(f"{refused}: .. after such a condition")
    if path.startswith("["):
        inner = _PREDICATE.match(path)
        if inner is not None and _INDEX.fullmatch(inner.group(1)):
            raise Unsupported(f"{refused}: a place after another condition")
    path = f".{path}" if path.startswith(("//", "[")) or not first else path or "."
    try:
        list(ElementTree.Element("data").iterfind(path))
    except (SyntaxError, KeyError, TypeError, IndexError, StopIteration) as error:
        reason = str(error) if isinstance(error, SyntaxError) else "it cannot be read"
        raise Unsupported(f"{refused}: {reason}") from None
    return path


def _balanced(path: str) -> None:
    bare = _LITERAL.sub("''", path)
    open_: list[str] = []
    for char in bare.replace("''", ""):
        if char in "'\"":
            raise ValueError("a quote is never closed")
        if char in "[(":
            open_.append(char)
        elif char in "])" and (not open_ or open_.pop() + char not in ("[]", "()")):
            raise ValueError(f"{char} closes nothing")
    if open_:
        raise ValueError(f"{open_[-1]} is never closed")
    if not path or "[]" in bare or (path.endswith("/") and path != "/"):
        raise ValueError("a step or condition is empty")
