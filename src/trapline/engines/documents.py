"""JSON and XML values: reading, paths, flattening to fields. What spath, xpath, xmlkv and the JSON functions stand on.

Paths (Search Reference, "spath", "JSON functions"): steps separated by dots; `{n}` is an array element, counted from 0
in JSON and from 1 in XML; `{}` is all of them; `{@name}` is an XML attribute.

Documents come from logs: nothing here resolves entities or references, every scan is linear, and nesting beyond what
Python can hold makes a document unreadable (None), not a crash.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NoReturn

from trapline.xpaths import compile_xpath

PATH_STEPS = 200
"""Steps of a path; beyond it nothing is found."""


class Written(str):
    """A JSON number exactly as it stands in the document."""

    __slots__ = ()


class _Missing:
    __slots__ = ()


MISSING = _Missing()


def _refuse(text: str) -> NoReturn:
    """NaN and Infinity are not JSON."""
    raise ValueError(text)


def _float(text: str) -> int | float:
    """1.00 is written 1 (conversion functions, "toarray")."""
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return int(value) if value.is_integer() and abs(value) < 1e16 else value


def _int(text: str) -> int:
    if len(text) > 4000:
        raise ValueError("a number of more than 4,000 digits")
    return int(text)


_PLAIN = json.JSONDecoder(parse_constant=_refuse, parse_float=_float, parse_int=_int)
_WRITTEN = json.JSONDecoder(parse_constant=_refuse, parse_float=Written, parse_int=Written)


def load(text: str, *, written: bool = False) -> Any:
    """The JSON value of a text, or MISSING where it is none. `written`: numbers keep their spelling."""
    try:
        return (_WRITTEN if written else _PLAIN).decode(text)
    except (ValueError, RecursionError):
        return MISSING


def dump(value: Any) -> str:
    """JSON without blanks, the way Splunk's functions write it. Raises RecursionError."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(key)}:{dump(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dump, value)) + "]"
    if isinstance(value, Written):
        return str(value)
    if isinstance(value, str):
        return _quoted(value)
    return json.dumps(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def native(value: Any) -> str | None:
    """A JSON value as a field value: text without quotes, true and false, JSON text for objects and arrays; null is
    null."""
    if value is None or value is MISSING:
        return None
    return field_text(value)


def field_text(value: Any) -> str:
    """As `native`, but null is the text `null`, as it is in fields extracted from JSON."""
    if isinstance(value, str):
        return str(value)
    if value is None:
        return "null"
    return dump(value)


def shallow(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, None where a document is nested too deeply for it."""

    def call(*args: Any) -> Any:
        try:
            return function(*args)
        except RecursionError:
            return None

    call.__name__ = function.__name__
    return call


# --- paths ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Key:
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    place: int | None
    """None is every element"""


@dataclass(frozen=True, slots=True)
class Attribute:
    name: str


Step = Key | Index | Attribute

_STEP = re.compile(r"([^.{}]*)((?:\{[^{}]*\})*)(?:\.|\Z)")
_BRACES = re.compile(r"\{([^{}]*)\}")


@lru_cache(maxsize=1024)
def steps_of(path: str) -> tuple[Step, ...] | None:
    """A path cut into steps; None where it is none."""
    steps: list[Step] = []
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None or match.end() == at or len(steps) > PATH_STEPS:
            return None
        name, braces = match.groups()
        if name:
            steps.append(Key(name))
        elif not braces:
            return None
        for inside in _BRACES.findall(braces):
            inside = inside.strip()
            if inside == "":
                steps.append(Index(None))
            elif inside.startswith("@"):
                steps.append(Attribute(inside[1:]))
            elif inside.isdecimal() and len(inside) < 10:
                steps.append(Index(int(inside)))
            else:
                return None
        at = match.end()
    return tuple(steps)


def find(document: Any, steps: Sequence[Step]) -> list[Any]:
    """The JSON values at a path."""
    nodes = [document]
    for step in steps:
        match step:
            case Key(name=name):
                nodes = [node[name] for node in nodes if isinstance(node, dict) and name in node]
            case Index(place=None):
                nodes = [item for node in nodes if isinstance(node, list) for item in node]
            case Index(place=int(place)):
                nodes = [node[place] for node in nodes if isinstance(node, list) and place < len(node)]
            case _:
                return []
    return nodes


# --- flattening ----------------------------------------------------------------------------------------------------


def flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The fields of a JSON value: `a.b`, `list{}`, `list{}.x`, in document order. Raises RecursionError."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from flatten(one, f"{prefix}.{key}" if prefix else key)
    elif isinstance(value, list):
        for one in value:
            yield from flatten(one, prefix + "{}")
    elif prefix:
        yield prefix, field_text(value)


_TOKEN = re.compile(r'\s*+(?:([{}\[\],:])|"((?:[^"\\]|\\.)*+)"|([^\s{}\[\],:"]++))', re.DOTALL)


def flatten_prefix(text: str) -> Iterator[tuple[str, str]]:
    """The fields of the beginning of a JSON text: up to where it was cut or stops being JSON."""
    stack: list[str] = []  # the name of each open object or array; arrays end in {}
    kinds: list[str] = []
    key: str | None = None
    at = 0
    while (match := _TOKEN.match(text, at)) is not None:
        at = match.end()
        mark, string, word = match.groups()
        inside = kinds[-1] if kinds else ""
        name = stack[-1] if stack else ""
        if inside == "{":
            name = "" if key is None else f"{name}.{key}" if name else key
        if mark in ("{", "["):
            if inside == "{" and key is None:
                return
            stack.append(name + ("{}" if mark == "[" else ""))
            kinds.append(mark)
            key = None
        elif mark in ("}", "]"):
            if inside != ("{" if mark == "}" else "["):
                return
            stack.pop()
            kinds.pop()
            key = None
        elif mark == ",":
            key = None
        elif mark == ":":
            continue
        elif string is not None:
            if inside == "{" and key is None:
                key = _unquoted(string)
            elif name:
                yield name, _unquoted(string)
        elif word is not None:
            if at == len(text) or (inside == "{" and key is None):
                return
            if name:
                yield name, word


def _unquoted(inside: str) -> str:
    try:
        return str(json.loads(f'"{inside}"', strict=False))
    except ValueError:
        return inside


# --- XML -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Element:
    """An element of a leniently read XML text. `start` and `end` are the places of its content."""

    name: str
    attributes: list[tuple[str, str]] = field(default_factory=list)
    children: list[Element] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    start: int = 0
    end: int = 0

    def text(self) -> str:
        return "".join(self.texts).strip()

    def value(self, source: str) -> str:
        """The text of a leaf, the XML inside of any other."""
        return source[self.start : self.end].strip() if self.children else self.text()


_TAG = re.compile(r"<(/?)([^\s<>/!?=\"']++)((?:[^<>\"'/]++|\"[^\"<]*+\"|'[^'<]*+'|/(?!>))*+)(/?)>")
_ATTRIBUTE = re.compile(r"([^\s=\"'/]++)\s*+=\s*+(?:\"([^\"]*)\"|'([^']*)'|([^\s\"']++))")
_ENTITY = re.compile(r"&(?:#(\d{1,7})|#[xX]([0-9A-Fa-f]{1,6})|(amp|lt|gt|quot|apos));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


def _entity(match: re.Match[str]) -> str:
    decimal, hexadecimal, name = match.groups()
    if name is not None:
        return _NAMED[name]
    code = int(decimal) if decimal is not None else int(hexadecimal, 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else match.group()


def unescape(text: str) -> str:
    """The five entities of XML and character references."""
    return _ENTITY.sub(_entity, text) if "&" in text else text


def read_xml(source: str) -> Element:
    """The elements of an XML text below a nameless root. Lenient, as logs need it: unquoted attributes, a prologue,
    text around, tags that never close."""
    root = Element("", end=len(source))
    stack = [root]
    at = 0
    while at < len(source):
        mark = source.find("<", at)
        if mark < 0:
            stack[-1].texts.append(unescape(source[at:]))
            break
        if mark > at:
            stack[-1].texts.append(unescape(source[at:mark]))
        if source.startswith("<![CDATA[", mark):
            close = source.find("]]>", mark)
            stack[-1].texts.append(source[mark + 9 : close if close >= 0 else len(source)])
            at = close + 3 if close >= 0 else len(source)
            continue
        tag = _TAG.match(source, mark)
        if tag is None:
            ending = "-->" if source.startswith("<!--", mark) else ">"
            close = source.find(ending, mark)
            at = close + len(ending) if close >= 0 else len(source)
            continue
        at = tag.end()
        closing, name, inside, single = tag.groups()
        if closing:
            _close(stack, name, mark)
            continue
        element = Element(name, _attributes(inside), start=at, end=at)
        stack[-1].children.append(element)
        if not single:
            element.end = len(source)
            stack.append(element)
    return root


def _close(stack: list[Element], name: str, end: int) -> None:
    """End the innermost open element of that name, and those within it; an end tag of none is passed over."""
    if not any(element.name == name for element in stack[-50:]):
        return
    while len(stack) > 1:
        element = stack.pop()
        element.end = end
        if element.name == name:
            return


def _attributes(inside: str) -> list[tuple[str, str]]:
    return [
        (name, unescape(double if double is not None else single if single is not None else bare))
        for name, double, single, bare in (match.groups() for match in _ATTRIBUTE.finditer(inside))
    ]


def find_xml(source: str, steps: Sequence[Step]) -> list[str]:
    """The values at a path: the text of leaves, the XML inside of other elements, attributes."""
    nodes = [read_xml(source)]
    values: list[str] | None = None
    place = 0
    while place < len(steps):
        match steps[place]:
            case Key(name=name):
                after = steps[place + 1] if place + 1 < len(steps) else None
                found: list[Element] = []
                for node in nodes:
                    named = [child for child in node.children if child.name == name]
                    if isinstance(after, Index) and after.place is not None:
                        named = named[after.place - 1 : after.place] if after.place > 0 else []
                    found += named
                nodes = found
                place += isinstance(after, Index)
            case Attribute(name=name) if values is None:
                values = [value for node in nodes for key, value in node.attributes if key == name]
            case _:
                return []
        place += 1
    if values is None:
        values = [node.value(source) for node in nodes]
    return [value for value in values if value != ""]


def flatten_xml(source: str) -> Iterator[tuple[str, str]]:
    """The fields of an XML text: `a.b` for elements with text, `a.b{@name}` for attributes, in document order."""
    stack: list[tuple[str, Element]] = [("", read_xml(source))]
    while stack:
        prefix, element = stack.pop()
        for name, value in element.attributes:
            yield f"{prefix}{{@{name}}}", value
        text = element.text()
        if prefix and text:
            yield prefix, text
        for child in reversed(element.children):
            stack.append((f"{prefix}.{child.name}" if prefix else child.name, child))


def is_json(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[")


def is_xml(text: str) -> bool:
    return text.lstrip().startswith("<")


# --- xpath ---------------------------------------------------------------------------------------------------------


def xpath_values(text: str, path: str) -> list[str]:
    """The values of an XPath in a text that is wrapped in <data>. A prologue or DOCTYPE makes it unreadable, as it does
    in Splunk ("xpath"), so no entity is ever defined."""
    compiled = compile_xpath(path)
    try:
        root = ElementTree.fromstring(f"<data>{text}</data>")  # noqa: S314 no DOCTYPE can stand inside an element
    except (ElementTree.ParseError, ValueError):
        return []
    found: list[str] = []
    for element in compiled.elements(root):
        if compiled.attribute is not None:
            value = element.get(compiled.attribute)
        elif len(element):
            value = "".join(element.itertext())
        else:
            value = element.text
        if value is not None and value.strip():
            found.append(value.strip())
    return found
