"""Windows event XML to fields, fast and by Splunk's names.

For log sources: `add_event(raw, sink)` takes the text of one event, `<Event ...>...</Event>`, and gives the sink an
event with every field, or text to keep. A source whose container holds fields instead of XML (JSON exports) first makes
the text with `event_xml`, so that a Windows event ends in one shape whatever it came in:

    xml = event_xml(
        provider="Service Control Manager", event_id="7045", channel="System", computer="dc1.lab.local",
        time="2024-03-04T10:11:25.483986Z", data=[("ServiceName", "KrbSCM"), ("ImagePath", "a.exe")],
    )
    add_event(xml, sink)

Fields (facts/CIM_FIELDS.tsv rows "ALL XmlWinEventLog", facts/DATA.md §3.2): in System every attribute and the text of
every element without attributes, and EventCode = the text of EventID; in EventData and UserData `<Data Name='X'>v` is
X = v, in UserData the text of every innermost element; of RenderingInfo only Message. A repeated name is a multivalue,
an empty value no field, a `<Data>` without Name no field. What Splunk's add-ons alias or calculate (dest, RecordNumber)
comes at search time. Host is Computer, `_time` TimeCreated, source `XmlWinEventLog:<Channel>`, sourcetype
XmlWinEventLog; Sysmon for Linux has source `Syslog:Linux-Sysmon/Operational`, sourcetype `sysmon:linux`.

How it is fast: `parse_event`, careful and slow, learns from an event a *skeleton*: the literal text between its values,
as one regular expression with a group per value. An event that the skeleton matches whole has the same structure;
the groups are its values. Thus an event costs one dictionary look-up and one match; columns are made by the thousand
(`WindowsLayout`).

Nothing is expanded but the five entities of XML and character references. A DOCTYPE is never read: an entity that one
defines stays the text it is.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from trapline.events import field_name, texts
from trapline.ingest.source import Sink
from trapline.ingest.timestamps import MICROS, iso_column, iso_micros

SOURCETYPE = "XmlWinEventLog"
LINUX_PROVIDER = "Linux-Sysmon"
LINUX_SOURCETYPE = "sysmon:linux"
LINUX_CHANNEL = "Linux-Sysmon/Operational"
EVENT_NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"

MAX_DEPTH = 64
"""Elements within each other; real events have up to 7."""

MAX_VALUES = 10_000
"""Values of one event; real events have up to some hundreds."""

_TIME, _HOST, _CHANNEL = "_time", "host", "_channel"
"""Roles of a value, beside the fields it makes. No extracted field can have such a name (`events.field_name`)."""

_STEADY = frozenset(
    "Name Guid EventSourceName EventID Qualifiers Version Level Task Opcode Keywords Channel".split()  # noqa: SIM905
)
"""Elements and attributes of System that a skeleton holds as text, which spares a third of the values."""

LEARN_AFTER = 4
"""Events of one provider and EventID before a skeleton is compiled, which costs as much as five slow parses."""
_MAX_VARIANTS = 24
"""Skeletons per provider and EventID."""
_STEADY_VARIANTS = 8
"""Skeletons per provider and EventID that hold steady values as text; where they do not do, the next capture them."""
_MAX_SKELETONS = 4096
_MAX_KEY = 1024
_MAX_LITERAL = 32_768
_MAX_CAPTURES = 400
_FEW = 512
"""Rows below which Python makes a column faster than Arrow's kernels."""


CUT_OFF = "the event is cut off"


class MalformedError(ValueError):
    """The text is not one well-formed event. The message is a constant, fit for counting."""


class Capture(NamedTuple):
    """A value of an event.

    Which fields and roles it gives (none: it may differ from event to event, that is all), where its text is in the
    event, and the regular expression that finds it in an event of the same structure.
    """

    fields: tuple[str, ...]
    start: int
    end: int
    pattern: str
    text: str
    steady: bool = False
    """Hardly ever differs between events of one provider and EventID."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What `parse_event` finds.

    `linux`: the provider is Sysmon for Linux. `plain`: no comment, CDATA or the like, and the provider comes before the
    EventID, so that a skeleton can be learnt.
    """

    captures: tuple[Capture, ...]
    linux: bool
    plain: bool


_SPACE = " \t\r\n\v\f"
_TAG = re.compile(
    r"<(?:"
    r"/(?P<close>[^\s<>/=]++)\s*+>"
    r"|(?P<open>[^\s<>/=!?'\"]++)(?P<attrs>(?:\s++[^\s<>/=]++\s*+=\s*+(?:'[^']*+'|\"[^\"]*+\"))*+)\s*+(?P<empty>/?)>"
    r"|!\[CDATA\[(?P<cdata>.*?)\]\]>"
    r"|(?P<aside>!--.*?-->|\?.*?\?>)"
    r")",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"\s++([^\s<>/=]++)\s*+=\s*+(?:'([^']*+)'|\"([^\"]*+)\")")


def parse_event(raw: str) -> Parsed:
    """The values of one event, in the order of the text. Raises MalformedError."""
    captures: list[Capture] = []
    plain = True
    linux = False
    provider = False
    stack: list[_Element] = []
    at = 0
    while True:
        tag = _TAG.match(raw, at)
        if tag is None:
            raise MalformedError(_why(raw, at))
        after = tag.end()
        close, name, _, empty, cdata, _ = tag.groups()
        if name is not None:
            parent = stack[-1] if stack else None
            if parent is None:
                if _local(name) != "Event":
                    raise MalformedError("not an event: the outer element is not Event")
            else:
                parent.leaf = False
                if name == "Event":
                    raise MalformedError(CUT_OFF)
            if len(stack) >= MAX_DEPTH:
                raise MalformedError("elements too deep within each other")
            element = _Element(name, parent)
            has_attributes = False
            simple = True
            for found in itertools.islice(_ATTRIBUTE.finditer(raw, *tag.span("attrs")), MAX_VALUES + 1):
                has_attributes = True
                capture = element.attribute(found)
                if capture is not None:
                    captures.append(capture)
                    simple = False
                    if element.path[1:] == ("System", "Provider") and found[1] == "Name":
                        provider = True
                        linux = linux or capture.text == LINUX_PROVIDER
            element.opened(after, has_attributes)
            if empty:
                if parent is None:
                    raise MalformedError("an event with nothing in it")
                if element.is_data and element.fields and simple:
                    head = re.escape(raw[tag.start() : tag.end("attrs")])
                    pattern = f"{head}(?:\\s*/>|>([^<]*)</{re.escape(name)}>)"
                    captures.append(Capture(element.fields, tag.start(), after, pattern, ""))
            else:
                stack.append(element)
        elif close is not None:
            if not stack or stack[-1].name != close:
                raise MalformedError("tags do not match")
            element = stack.pop()
            if element.leaf:
                text = raw[element.start : tag.start()] if element.parts is None else "".join(element.parts)
                steady = element.section == "System" and element.path[-1] in _STEADY
                captures.append(Capture(element.fields, element.start, tag.start(), "[^<]*", text, steady))
                plain = plain and (provider or element.name != "EventID")
            if not stack:
                if raw[after:].strip(_SPACE):
                    raise MalformedError("text after the event")
                return Parsed(tuple(captures), linux, plain)
        else:
            plain = False
            if not stack:
                raise MalformedError("not an event: the outer element is not Event")
            element = stack[-1]
            if element.parts is None:
                element.parts = [raw[element.start : tag.start()]]
            if cdata is not None:
                element.parts.append(cdata.replace("&", "&amp;"))
        if len(captures) > MAX_VALUES:
            raise MalformedError("an event of more than 10,000 values")
        at = raw.find("<", after)
        if at < 0:
            raise MalformedError(CUT_OFF)
        if at > after:
            element = stack[-1]
            if element.parts is not None:
                element.parts.append(raw[after:at])
            follows_child = not element.leaf
            if follows_child or raw[at + 1 : at + 2] not in ("/", "!", "?"):
                blank = not raw[after:at].strip(_SPACE)
                captures.append(Capture((), after, at, r"\s*" if blank else "[^<]*", ""))


class _Element:
    """An element being read."""

    __slots__ = ("fields", "is_data", "leaf", "name", "parts", "path", "start")

    def __init__(self, name: str, parent: _Element | None) -> None:
        self.name = name
        self.path: tuple[str, ...] = (_local(name),) if parent is None else (*parent.path, _local(name))
        self.leaf = True
        self.parts: list[str] | None = None
        self.start = 0
        self.fields: tuple[str, ...] = ()
        self.is_data = False

    @property
    def section(self) -> str:
        return self.path[1] if len(self.path) > 1 else ""

    def attribute(self, found: re.Match[str]) -> Capture | None:
        """The capture of an attribute, None where it belongs to the structure."""
        name = _local(found[1])
        if found[1].startswith("xmlns"):
            return None
        group = 2 if found[2] is not None else 3
        pattern = "[^']*" if group == 2 else '[^"]*'
        start, end = found.span(group)
        fields: tuple[str, ...] = ()
        if self.section == "System":
            fields = _named(name)
            if self.path[2:] == ("TimeCreated",) and name == "SystemTime":
                fields += (_TIME,)
        elif self.section in ("EventData", "UserData") and name == "Name" and self.path[-1] in ("Data", "ComplexData"):
            self.is_data = True
            self.fields = _named(unescape(found[group]))
            return None
        steady = self.section == "System" and name in _STEADY
        return Capture(fields, start, end, pattern, found[group], steady)

    def opened(self, start: int, has_attributes: bool) -> None:
        """The start tag is read: which fields does a text in this element give?"""
        self.start = start
        name = self.path[-1]
        if self.is_data or len(self.path) < 3:
            return
        if self.section == "System":
            match name:
                case "EventID":
                    self.fields = ("EventCode",) if has_attributes else ("EventCode", "EventID")
                case "Computer":
                    self.fields = ("Computer", _HOST)
                case "Channel":
                    self.fields = ("Channel", _CHANNEL)
                case _ if not has_attributes:
                    self.fields = _named(name)
        elif (self.section == "UserData" and name != "Data") or self.path[1:] == ("RenderingInfo", "Message"):
            self.fields = _named(name)


@functools.lru_cache(maxsize=4096)
def _named(name: str) -> tuple[str, ...]:
    clean = field_name(name, clean=True)
    return (clean,) if clean else ()


def _local(name: str) -> str:
    return name.rpartition(":")[2] if ":" in name else name


def _why(raw: str, at: int) -> str:
    """Why there is no tag at this `<`."""
    if not raw.startswith("<", at):
        return "not an event: it does not start with a tag"
    if raw.startswith("<!DOCTYPE", at) or raw.startswith("<!ENTITY", at):
        return "a document type within an event"
    end = raw.find(">", at)
    return CUT_OFF if end < 0 else "not well-formed: a broken tag"


_REFERENCE = re.compile(r"&(?:(amp|lt|gt|quot|apos)|#([0-9]{1,8})|#x([0-9A-Fa-f]{1,6}));", re.ASCII)
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


def unescape(text: str) -> str:
    """The text with the five entities of XML and character references resolved, once. All else stays as written."""
    return _REFERENCE.sub(_resolve, text) if "&" in text else text


def _resolve(found: re.Match[str]) -> str:
    if found[1] is not None:
        return _NAMED[found[1]]
    code = int(found[2]) if found[2] is not None else int(found[3], 16)
    if code == 0 or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return found[0]
    return chr(code)


class LayoutKey(NamedTuple):
    """What makes a layout; see `WindowsLayout`."""

    captured: tuple[tuple[str, ...], ...]
    linux: bool
    braced: frozenset[int] = frozenset()
    constants: tuple[str | None, ...] = ()


class WindowsLayout:
    """Columns for events that give the same fields in the same order. One per list of fields, shared by skeletons.

    `captured`: the fields and roles of each value. `braced`: places of those values that are identifiers which the
    container held without braces, `{...}` as Windows prints them. `constants`: for each value its text, or None where
    it is in the rows, which hold only the others.
    """

    __slots__ = ("_braced", "_channel", "_constants", "_fields", "_host", "_linux", "_places", "_time", "sourcetype")

    def __init__(self, key: LayoutKey) -> None:
        self.sourcetype = LINUX_SOURCETYPE if key.linux else SOURCETYPE
        self._linux = key.linux
        self._braced = key.braced
        self._constants = dict(enumerate(key.constants))
        in_rows = (at for at in range(len(key.captured)) if self._constants.get(at) is None)
        self._places = {at: place for place, at in enumerate(in_rows)}
        roles: dict[str, int] = {}
        fields: dict[str, list[int]] = {}
        for at, names in enumerate(key.captured):
            for name in names:
                if name in (_TIME, _HOST, _CHANNEL):
                    roles.setdefault(name, at)
                else:
                    fields.setdefault(name, []).append(at)
        self._fields = list(fields.items())
        self._time, self._host, self._channel = (roles.get(role) for role in (_TIME, _HOST, _CHANNEL))

    def columns(self, rows: Sequence[Sequence[str | None]]) -> dict[str, pa.Array]:
        """See `events.Layout`."""
        captured = list(zip(*rows, strict=True))
        arrays: dict[int, pa.Array] = {}

        def array(at: int) -> pa.Array:
            if at not in arrays:
                constant = self._constants.get(at)
                if constant is None:
                    arrays[at] = _column(captured[self._places[at]], at in self._braced)
                else:
                    arrays[at] = pa.repeat(pa.scalar(_value(constant), pa.string()), len(rows))
            return arrays[at]

        nothing = pa.nulls(len(rows), pa.string())
        columns = {
            "_time": pa.nulls(len(rows), MICROS) if self._time is None else _times(array(self._time)),
            "host": nothing if self._host is None else array(self._host),
            "source": self._source(nothing if self._channel is None else array(self._channel)),
        }
        for name, places in self._fields:
            if len(places) == 1:
                columns[name] = array(places[0])
            else:
                several = zip(*(array(at).to_pylist() for at in places), strict=True)
                lists = [[one for one in row if one is not None] for row in several]
                columns[name] = pa.array([row or None for row in lists], pa.list_(pa.string()))
        return columns

    def _source(self, channel: pa.Array) -> pa.Array:
        if self._linux:
            return pa.array([f"Syslog:{LINUX_CHANNEL}"] * len(channel), pa.string())
        if len(channel) < _FEW:
            named = [f"{SOURCETYPE}:{one}" if one else SOURCETYPE for one in channel.to_pylist()]
            return pa.array(named, pa.string())
        joined = pc.binary_join_element_wise(SOURCETYPE, channel, ":")
        return pc.fill_null(joined, SOURCETYPE) if channel.null_count else joined


def _column(captured: Sequence[str | None], braced: bool) -> pa.Array:
    """Captured texts, their references resolved, empty as null."""
    first = captured[0]
    if first == captured[-1] and captured.count(first) == len(captured):  # as most of System is within a file
        value = f"{{{first}}}" if braced else _value(first)
        return pa.repeat(pa.scalar(value, pa.string()), len(captured))
    if braced:
        return texts([f"{{{text}}}" for text in captured])
    if len(captured) < _FEW:
        return texts([_value(text) for text in captured])
    column = texts(captured)
    data = column.buffers()[2]
    if data is not None and b"&" in data.to_pybytes():
        return texts([_value(text) for text in captured])
    empty = pc.equal(pc.ascii_trim_whitespace(column), "")
    return pc.if_else(empty, pa.scalar(None, pa.string()), column) if pc.any(empty).as_py() else column


def _value(text: str | None) -> str | None:
    if not text or not text.strip(_SPACE):
        return None
    return unescape(text) if "&" in text else text


def _times(column: pa.Array) -> pa.Array:
    if len(column) < _FEW:
        return pa.array([None if one is None else iso_micros(one) for one in column.to_pylist()], pa.int64()).cast(
            MICROS
        )
    return iso_column(column)


@dataclass(frozen=True, slots=True)
class _Skeleton:
    match: Callable[[str], re.Match[str] | None]
    layout: WindowsLayout
    template: str | None
    """With `%s` for each group: the event as it is stored, where that is not the text that was matched."""


class WindowsEvents:
    """Reads event texts and remembers the structures it has seen, within bounds.

    `rendered`: the texts come from a parser of binary events. They have double quotes, no apostrophe outside text, bare
    identifiers, and are stored as `as_rendered` makes them. `learn_after`: events of one provider and EventID before a
    skeleton is learnt.

    What is shared between calls is only ever replaced as a whole, so threads may share a reader.
    """

    def __init__(self, *, rendered: bool = False, learn_after: int = 3) -> None:
        self._rendered = rendered
        self._learn_after = learn_after
        self._skeletons: dict[str, tuple[_Skeleton, ...]] = {}
        self._counts: dict[str, int] = {}
        self._layouts: dict[LayoutKey, WindowsLayout] = {}
        self._learnt = 0

    def take(self, text: str, sink: Sink) -> str | None:
        """One event into the sink, or the reason why it is a bad record, which the caller reports with its place."""
        key = text[: text.find("</EventID>")]
        known = self._skeletons.get(key, ())
        for skeleton in known:
            found = skeleton.match(text)
            if found is not None:
                values = found.groups("")
                template = skeleton.template
                sink.put(skeleton.layout, values, text if template is None else template % values)
                if skeleton is not known[0]:
                    self._skeletons[key] = (skeleton, *(one for one in known if one is not skeleton))
                return None
        raw = as_rendered(text) if self._rendered else text
        try:
            parsed = parse_event(raw)
        except MalformedError as error:
            return str(error)
        captures = [one for one in parsed.captures if one.fields]
        layout = self._layout(LayoutKey(tuple(one.fields for one in captures), parsed.linux))
        sink.put(layout, tuple(one.text for one in captures), raw)
        if parsed.plain and len(key) <= _MAX_KEY and len(known) < _MAX_VARIANTS:
            self._learn(key, text, raw, parsed)
        return None

    def _layout(self, key: LayoutKey) -> WindowsLayout:
        layout = self._layouts.get(key)
        if layout is None:
            if len(self._layouts) >= _MAX_SKELETONS:
                self._layouts = {}
            layout = self._layouts[key] = WindowsLayout(key)
        return layout

    def _learn(self, key: str, text: str, raw: str, parsed: Parsed) -> None:
        count = self._counts[key] = self._counts.get(key, 0) + 1
        if count < self._learn_after:
            if len(self._counts) > 8 * _MAX_SKELETONS:
                self._counts = {}
            return
        steady = len(self._skeletons.get(key, ())) < _STEADY_VARIANTS
        skeleton = (
            self._rendered_skeleton(text, raw, steady) if self._rendered else self._skeleton(text, parsed, steady)
        )
        if skeleton is None:
            return
        if self._learnt >= _MAX_SKELETONS:
            self._skeletons, self._learnt = {}, 0
        self._skeletons[key] = (skeleton, *self._skeletons.get(key, ()))
        self._learnt += 1

    def _skeleton(self, text: str, parsed: Parsed, steady: bool) -> _Skeleton | None:
        """None if it would be too large to pay. `steady`: hold steady values as text."""
        if not _pays(text, parsed):
            return None
        parts: list[str] = []
        fields: list[tuple[str, ...]] = []
        constants: list[str | None] = []
        at = 0
        for capture in parsed.captures:
            parts.append(re.escape(text[at : capture.start]))
            at = capture.end
            if not capture.fields:
                parts.append(capture.pattern)
                continue
            fields.append(capture.fields)
            if steady and capture.steady:
                parts.append(re.escape(text[capture.start : at]))
                constants.append(capture.text)
            else:
                # A self-closed <Data/> brings its own group
                parts.append(capture.pattern if "(" in capture.pattern else f"({capture.pattern})")
                constants.append(None)
        parts.append(re.escape(text[at:]))
        layout = self._layout(LayoutKey(tuple(fields), parsed.linux, constants=tuple(constants)))
        return _Skeleton(re.compile("".join(parts)).fullmatch, layout, None)

    def _rendered_skeleton(self, text: str, raw: str, steady: bool) -> _Skeleton | None:
        """None if it would be too large to pay, or the text is not what a parser of binary events writes."""
        start, end = text.find("<Event"), text.rfind(">") + 1
        body = text[start:end]
        parsed = parse_event(body)
        if not _pays(body, parsed):
            return None
        parts = [re.escape(text[:start])]
        template: list[str] = []
        fields: list[tuple[str, ...]] = []
        constants: list[str | None] = []
        braced: set[int] = set()
        at = 0
        for capture in parsed.captures:
            if "(" in capture.pattern:
                return None
            literal = body[at : capture.start]
            parts.append(re.escape(literal))
            template.append(_holeless(literal))
            at = capture.end
            if capture.pattern == r"\s*" or body.startswith(_ALWAYS_EMPTY, at):
                between = body[capture.start : capture.end]
                parts.append(re.escape(between))
                template.append("" if _INDENT.fullmatch(f">{between}<") else _holeless(between))
                continue
            fields.append(capture.fields)
            if steady and capture.steady:
                between = body[capture.start : capture.end]
                constant = "" if _INDENT.fullmatch(f">{between}<") else between
                constant = f"{{{constant}}}" if _BARE_GUID.fullmatch(constant) else constant
                parts.append(re.escape(between))
                template.append(constant.replace("%", "%%"))
                constants.append(constant)
                continue
            constants.append(None)
            hole = "%s"
            if "ID" not in capture.fields and _BARE_GUID.fullmatch(capture.text):
                pattern, hole = f"({_GUID})", "{%s}"
                braced.add(len(fields) - 1)
            else:
                values = "[^\"']*" if capture.pattern == '[^"]*' else capture.pattern
                bare = "" if "ID" in capture.fields else "(?![0-9A-F]{8}-)"
                pattern = f"{bare}({values})" if values != "[^<]*" else f"(?:\n *(?=<)|{bare}([^<]*))"
            parts.append(pattern)
            template.append(hole)
        parts.append(re.escape(text[start + at :]))
        template.append(_holeless(body[at:]))
        match = re.compile("".join(parts)).fullmatch
        matched = match(text)
        whole = _self_closed("".join(template))
        if matched is None or whole % matched.groups("") != raw:
            return None
        layout = self._layout(LayoutKey(tuple(fields), parsed.linux, frozenset(braced), tuple(constants)))
        return _Skeleton(match, layout, whole)


def _pays(text: str, parsed: Parsed) -> bool:
    literal = len(text) - sum(one.end - one.start for one in parsed.captures)
    return len(parsed.captures) <= _MAX_CAPTURES and literal <= _MAX_LITERAL


_GUID = "[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}"
_BARE_GUID = re.compile(_GUID)
_RENDER = re.compile(
    r"(?P<tag><[^<>\s/!?][^\s<>/]*)(?P<attrs>(?:\s++[^\s<>/=]++=\"[^\"<]*+\")*+)(?P<end>\s*+/?>)"
    rf"(?:(?P<guid>{_GUID})(?=<))?"
)
_QUOTED = re.compile(r"(\s++[^\s<>/=]++=)\"([^\"<]*+)\"")


def as_rendered(text: str) -> str:
    """An event written by a parser of binary events as Windows would print it: on one line, attributes in single
    quotes, and braces around identifiers of the type GUID.

    Such a parser prints a GUID bare and in capitals; text that merely looks like one is in small letters or has its
    braces (facts/DATA.md's EVTX files, some 17,000 values). The one exception known is Defender's `ID`, which is text.
    """
    start = text.find("<Event")
    if start > 0 and text.startswith("<?xml"):
        text = text[start:]
    # The parser breaks lines before every tag and nowhere else
    return _RENDER.sub(_render_tag, _self_closed(_INDENT.sub("><", text.rstrip("\n"))))


_INDENT = re.compile(r">\n *<")
_ALWAYS_EMPTY = ("</Provider>", "</TimeCreated>", "</Correlation>", "</Execution>", "</Security>")


def _self_closed(text: str) -> str:
    """Elements of System that hold nothing but attributes as Windows writes them."""
    return (
        text.replace("></Provider>", "/>")
        .replace("></TimeCreated>", "/>")
        .replace("></Correlation>", "/>")
        .replace("></Execution>", "/>")
        .replace("></Security>", "/>")
    )


def _holeless(literal: str) -> str:
    """Text of the structure as a part of a template."""
    return literal.replace('"', "'").replace("%", "%%")


def _render_tag(found: re.Match[str]) -> str:
    attrs = found["attrs"]
    guid = found["guid"]
    if guid is not None and ' Name="ID"' not in attrs and found["tag"] != "<ID":
        guid = f"{{{guid}}}"
    return found["tag"] + _QUOTED.sub(_render_attribute, attrs) + found["end"] + (guid or "")


def _render_attribute(found: re.Match[str]) -> str:
    value = found[2].replace("'", "&apos;")
    if _BARE_GUID.fullmatch(value):
        value = f"{{{value}}}"
    return f"{found[1]}'{value}'"


_shared = WindowsEvents(learn_after=LEARN_AFTER)


def add_event(raw: str, sink: Sink, where: str = "") -> bool:
    """Give one event, `<Event ...>...</Event>`, to the sink, with all its fields; False when it is kept as text.

    `where` names the event's place in the file for the report, e.g. `line 7`. `raw` becomes `_raw` as it is.
    """
    reason = take_event(raw, sink)
    if reason is not None:
        sink.keep(raw, reason, where, SOURCETYPE)
    return reason is None


def take_event(raw: str, sink: Sink) -> str | None:
    """Like `add_event`, for readers that work out the place of an event only when they need it: the reason why it is a
    bad record, None when it went well."""
    return _shared.take(raw, sink)


def event_xml(
    *,
    provider: str | None,
    event_id: str | None,
    channel: str | None,
    computer: str | None,
    time: str | None,
    data: Iterable[tuple[str | None, str]] = (),
    user_data: tuple[str, Iterable[tuple[str, str]]] | None = None,
    guid: str | None = None,
    event_source: str | None = None,
    qualifiers: str | None = None,
    version: str | None = None,
    level: str | None = None,
    task: str | None = None,
    opcode: str | None = None,
    keywords: str | None = None,
    record_id: str | None = None,
    activity_id: str | None = None,
    related_activity_id: str | None = None,
    process_id: str | None = None,
    thread_id: str | None = None,
    user_id: str | None = None,
    message: str | None = None,
) -> str:
    """The XML of one event as Splunk's renderXml writes it: one line, attributes in single quotes, escaped.

    Arguments are the values of System by their Windows meaning, as text; None leaves an attribute or element out.
    `time`: ISO 8601 in UTC, the SystemTime. `data`: (name, value) of EventData in order, the name None for an unnamed
    `<Data>`. `user_data`: the name of the element in UserData and the (name, value) of its children. `message`: the
    rendered text, which goes to RenderingInfo. Names that XML does not allow are cleaned as field names are.
    """
    system = "".join(
        (
            _empty("Provider", Name=provider, Guid=guid, EventSourceName=event_source),
            _element("EventID", event_id, Qualifiers=qualifiers),
            _element("Version", version),
            _element("Level", level),
            _element("Task", task),
            _element("Opcode", opcode),
            _element("Keywords", keywords),
            _empty("TimeCreated", SystemTime=time),
            _element("EventRecordID", record_id),
            _empty("Correlation", ActivityID=activity_id, RelatedActivityID=related_activity_id),
            _empty("Execution", ProcessID=process_id, ThreadID=thread_id),
            _element("Channel", channel),
            _element("Computer", computer),
            _empty("Security", UserID=user_id),
        )
    )
    named = "".join("<Data>" + escape(v) + "</Data>" if n is None else _element("Data", v, Name=n) for n, v in data)
    body = f"<EventData>{named}</EventData>" if named else ""
    if user_data is not None:
        root = _tag(user_data[0])
        leaves = "".join(_element(_tag(name), value) for name, value in user_data[1])
        body += f"<UserData><{root}>{leaves}</{root}></UserData>"
    if message is not None:
        body += f"<RenderingInfo Culture='en-US'>{_element('Message', message)}</RenderingInfo>"
    return f"<Event xmlns='{EVENT_NAMESPACE}'><System>{system}</System>{body}</Event>"


def _element(name: str, value: str | None, **attributes: str | None) -> str:
    return "" if value is None else f"<{name}{_attributes(attributes)}>{escape(value)}</{name}>"


def _empty(name: str, **attributes: str | None) -> str:
    return f"<{name}{_attributes(attributes)}/>"


def _attributes(attributes: dict[str, str | None]) -> str:
    return "".join(f" {name}='{_quotable(value)}'" for name, value in attributes.items() if value is not None)


def _quotable(value: str) -> str:
    return escape(value).replace("'", "&apos;")


def _tag(name: str) -> str:
    return name if _XML_NAME.fullmatch(name) else field_name(name, clean=True) or "Value"


_XML_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)


def escape(text: str) -> str:
    """Text for the content of an XML element. What XML 1.0 cannot hold becomes U+FFFD."""
    if _UNFIT.search(text):
        text = _UNFIT.sub("\ufffd", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
