"""Windows events as JSON, of whatever exporter, in the shape that EVTX gives: `_raw` is the event's XML.

- evtx_dump and its like: `{"Event": {"System": {..}, "EventData": {..}}}`, with `#attributes` or `X_attributes`; also
  without the outer `Event`. Pretty-printed, one per line, in arrays, with `Record N` lines between.
- NXLog's im_msvistalog, OTRF Security-Datasets, Sentinel's SecurityEvent: one flat object.
- Winlogbeat and Elastic Agent (`winlog.*`, nested or with dotted keys) and Winlogbeat 5 and 6 (`event_data`).

`data/windows_json.yaml` says which key is what. The rendered message goes to RenderingInfo/Message. What the shipper
added (tags, severity names, received time, the resolved account of the record's SID, ..) is dropped. EventData is kept
whole: what NXLog overwrote (facts/DATA.md §1.1: AccountName of 7045, ProcessId, EventType) is taken from the rendered
message where it still stands, or left out, never filled with the shipper's value.

Times without a zone are UTC. NXLog writes local time; where a record also has the `@timestamp` at which a collector got
it, the difference to EventReceivedTime gives the zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from trapline.ingest import jsonfields, winxml
from trapline.ingest.fieldset import Fields
from trapline.ingest.jsondocs import Record, first_records, records
from trapline.ingest.source import Input, Sink
from trapline.ingest.timestamps import EPOCH, iso_micros

HELP = "Windows events as JSON: evtx_dump, NXLog, Winlogbeat/ECS, Security-Datasets, Sentinel"

_QUARTER = 15 * 60 * 1_000_000
_HOUR = 3_600_000_000
_NUMBER = re.compile(r"-?\d+", re.ASCII)
_GUID = re.compile(r"[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}", re.ASCII)
_TEXT_GUIDS = frozenset({"ScriptBlockId"})
_UTC = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?", re.ASCII)
_AGAIN = re.compile(r"(.+)_\d{1,4}", re.DOTALL)
_MASK = 2**64 - 1


class Shape(StrEnum):
    """How an exporter lays an event out."""

    TREE = "tree"
    FLAT = "flat"
    BEATS = "beats"
    BEATS6 = "beats6"


Pair = tuple[str | None, str]


_CUT = "\ue002"
"""Stands between values; of Unicode's private use area, and no harm where a log has it."""
_MAX_FORMS = 4096
_QUOTED = frozenset(
    {
        "provider",
        "guid",
        "event_source",
        "qualifiers",
        "time",
        "activity_id",
        "related_activity_id",
        "process_id",
        "thread_id",
        "user_id",
    }
)
_REQUIRED = ("provider", "event_id", "channel", "computer", "time")


@dataclass(slots=True)
class _Event:
    """A Windows event between JSON and XML. `system` has the arguments of winxml.event_xml."""

    system: dict[str, str | None] = field(default_factory=lambda: dict.fromkeys(_REQUIRED))
    data: list[Pair] = field(default_factory=list)
    user_data: tuple[str, list[tuple[str, str]]] | None = None


class _Writer:
    """`winxml.event_xml`, once per layout of values: the next event of that layout only fills in its values."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], _Form | None] = {}

    def xml(self, event: _Event) -> str:
        system = [(name, value) for name, value in event.system.items() if value is not None]
        root, leaves = event.user_data if event.user_data is not None else (None, [])
        key = (
            tuple([name for name, _ in system]),
            tuple([name for name, _ in event.data]),
            root,
            tuple([name for name, _ in leaves]),
        )
        if key not in self._known:
            if len(self._known) >= _MAX_FORMS:
                self._known.clear()
            self._known[key] = _form(event)
        form = self._known[key]
        values = [value for _, value in system]
        values += [value for _, value in event.data]
        values += [value for _, value in leaves]
        escaped = winxml.escape(_CUT.join(values)).split(_CUT)
        if form is None or len(escaped) != len(values):
            return winxml.event_xml(data=event.data, user_data=event.user_data, **event.system)
        for at in form.quoted:
            if "'" in escaped[at]:
                escaped[at] = escaped[at].replace("'", "&apos;")
        out = [""] * (2 * len(values) + 1)
        out[::2] = form.literals
        out[1::2] = [escaped[at] for at in form.order]
        return "".join(out)


@dataclass(frozen=True, slots=True)
class _Form:
    """The text around the values of an event, the order in which they stand, and those that are attributes."""

    literals: list[str]
    order: list[int]
    quoted: list[int]


def _form(event: _Event) -> _Form | None:
    """None for names that could be taken for our marks."""
    count = 0

    def mark() -> str:
        nonlocal count
        count += 1
        return f"{_CUT}{count - 1}{_CUT}"

    names = [name for name, value in event.system.items() if value is not None]
    system: dict[str, str | None] = dict.fromkeys(_REQUIRED) | {name: mark() for name in names}
    data = [(name, mark()) for name, _ in event.data]
    user = None
    if event.user_data is not None:
        user = (event.user_data[0], [(name, mark()) for name, _ in event.user_data[1]])
    parts = winxml.event_xml(data=data, user_data=user, **system).split(_CUT)
    if len(parts) != 2 * count + 1:
        return None
    order = [int(part) for part in parts[1::2]]
    return _Form(parts[::2], order, [at for at, name in enumerate(names) if name in _QUOTED])


@cache
def _rules() -> dict[str, Any]:
    rules: dict[str, Any] = yaml.safe_load((files("trapline.ingest") / "data" / "windows_json.yaml").read_text("utf-8"))
    return rules


def sniff(head: bytes, name: str) -> int:
    """90 when one of the first objects is a Windows event."""
    return 90 if any(_shape(_inner(value), strict=True) for value in first_records(head)) else 0


def read(file: Input, sink: Sink) -> None:
    reader = _Reader(sink)
    with file.open() as stream:
        for record in records(stream, sink):
            reader.event(record)


def _inner(value: dict[str, Any]) -> dict[str, Any]:
    """The event in an export from Elasticsearch, else the object itself."""
    source = value.get("_source")
    return source if isinstance(source, dict) else value


def _shape(value: Mapping[str, Any], *, strict: bool) -> Shape | None:
    """`strict`: with what only Windows events have, to recognise a file; else what will do within such a file."""
    event = value.get("Event", value)
    if isinstance(event, dict) and isinstance(system := event.get("System"), dict):
        return Shape.TREE if "EventID" in system or not strict else None
    if isinstance(winlog := value.get("winlog"), dict):
        return Shape.BEATS if "channel" in winlog or "event_id" in winlog else None
    if "winlog.channel" in value or "winlog.event_id" in value:
        return Shape.BEATS
    if "log_name" in value and "event_id" in value and "computer_name" in value:
        return Shape.BEATS6
    if _NUMBER.fullmatch(str(value.get("EventID"))) is None:
        return None
    if strict and not any(key in value for key in ("Channel", "ProviderGuid", "EventLog")):
        return None
    return Shape.FLAT if any(key in value for key in ("Hostname", "Computer", "Channel")) else None


class _Reader:
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._fields = Fields(sink)
        self._told: set[str] = set()
        self._clock_checked = False
        self._writer = _Writer()
        self._flat = _Flat()

    def event(self, record: Record) -> None:
        value = _inner(record.value)
        shape = _shape(value, strict=False)
        where = f"line {record.line}"
        try:
            match shape:
                case Shape.TREE:
                    event = _tree(value)
                case Shape.FLAT:
                    event = self._flat.event(value)
                case Shape.BEATS | Shape.BEATS6:
                    event = _beats(value, _rules()[shape.value])
                case None:
                    self._other(record)
                    return
        except jsonfields.DepthError:
            self._sink.keep(record.raw, "nested too deeply", where, winxml.SOURCETYPE)
            return
        if not self._clock_checked:
            self._check_clock(event)
        reason = winxml.take_event(self._writer.xml(event), self._sink)
        if reason is not None:
            self._sink.keep(record.raw, reason, where, winxml.SOURCETYPE)

    def _other(self, record: Record) -> None:
        self._tell("some objects are not Windows events: they are kept as sourcetype _json")
        try:
            names, cells = self._fields.of(jsonfields.pairs(record.value))
        except jsonfields.DepthError:
            self._sink.keep(record.raw, "nested too deeply", f"line {record.line}", "_json")
            return
        self._sink.add(names, cells, time=None, raw=record.raw, host=None, source=None, sourcetype="_json")

    def _check_clock(self, event: _Event) -> None:
        """Sysmon tells UTC in its data: an exporter that wrote local time as UTC shows."""
        utc = next((value for name, value in event.data if name == "UtcTime"), None)
        time = event.system["time"]
        if utc is None or time is None or event.system["provider"] != "Microsoft-Windows-Sysmon":
            return
        own, given = iso_micros(utc), iso_micros(time)
        if own is None or given is None:
            return
        self._clock_checked = True
        hours = round((given - own) / _HOUR)
        if hours:
            self._tell(f"times are {hours:+d} h off Sysmon's UtcTime: the exporter's clock or zone is wrong")

    def _tell(self, reason: str) -> None:
        if reason not in self._told:
            self._told.add(reason)
            self._sink.warn(reason)


# The tree of evtx_dump -----------------------------------------------------------------------------------------------


def _attributes(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = parent.get(name)
    if isinstance(value, dict):
        inner = value.get("#attributes")
        return inner if isinstance(inner, dict) else value
    apart = parent.get(f"{name}_attributes")
    return apart if isinstance(apart, dict) else {}


def _content(value: Any) -> Any:
    """The text of an element that may have attributes."""
    if isinstance(value, dict):
        return value.get("#text", value.get("Value"))
    return value


def _text(value: Any) -> str | None:
    """A scalar as the text that Windows writes, or None for nothing."""
    value = _content(value)
    if isinstance(value, list):
        value = value[0] if value else None
    if value is None or isinstance(value, (dict, list)):
        return None
    text = jsonfields.text(value)
    return text if text else None


def _braced(name: str | None, text: str) -> str:
    """A GUID with the braces that XML has and evtx_dump's JSON has not. A GUID by type is in capitals there; one that
    is a text, as ScriptBlockId, is as in XML."""
    return "{" + text + "}" if len(text) == 36 and name not in _TEXT_GUIDS and _GUID.fullmatch(text) else text


def _guid(value: Any) -> str | None:
    text = _text(value)
    return None if text is None else _braced("Guid", text)


def _tree(value: Mapping[str, Any]) -> _Event:
    root = value.get("Event", value)
    system: Mapping[str, Any] = root["System"]
    provider = _attributes(system, "Provider")
    event_id = system.get("EventID")
    correlation = _attributes(system, "Correlation")
    execution = _attributes(system, "Execution")
    rendered = root.get("RenderingInfo")
    message = rendered.get("Message") if isinstance(rendered, dict) else root.get("Message")
    event = _Event()
    event.system |= {
        "provider": _text(provider.get("Name")),
        "guid": _guid(provider.get("Guid")),
        "event_source": _text(provider.get("EventSourceName")),
        "event_id": _text(event_id),
        "qualifiers": _text(_attributes(system, "EventID").get("Qualifiers")),
        "version": _text(system.get("Version")),
        "level": _text(system.get("Level")),
        "task": _text(system.get("Task")),
        "opcode": _text(system.get("Opcode")),
        "keywords": _keywords(_content(system.get("Keywords"))),
        "time": _time_text(_attributes(system, "TimeCreated").get("SystemTime")),
        "record_id": _text(system.get("EventRecordID")),
        "activity_id": _guid(correlation.get("ActivityID")),
        "related_activity_id": _guid(correlation.get("RelatedActivityID")),
        "process_id": _text(execution.get("ProcessID")),
        "thread_id": _text(execution.get("ThreadID")),
        "channel": _text(system.get("Channel")),
        "computer": _text(system.get("Computer")),
        "user_id": _text(_attributes(system, "Security").get("UserID")),
        "message": _text(message),
    }
    data = root.get("EventData")
    if isinstance(data, dict):
        event.data = list(_data(data))
    elif isinstance(data, list):
        event.data = [pair for one in data if isinstance(one, dict) for pair in _data(one)]
    user = root.get("UserData")
    if isinstance(user, dict) and user:
        names = [name for name in user if not name.startswith("#") and not name.endswith("_attributes")]
        name = names[0] if names else "EventXML"
        inner = user.get(name)
        event.user_data = (name, list(_leaves(inner)) if isinstance(inner, dict) else _one(name, inner))
    return event


def _one(name: str, value: Any) -> list[tuple[str, str]]:
    text = _text(value)
    return [] if text is None else [(name, text)]


def _data(data: Mapping[str, Any]) -> Iterator[Pair]:
    """EventData: `Data` is what has no name, or a list of `{"Name": .., "#text": ..}`."""
    for name, value in data.items():
        if name in ("#attributes", "xmlns"):
            continue
        base = _base(name, data)
        for one in _content(value) if isinstance(_content(value), list) else [value]:
            if isinstance(one, dict) and isinstance(named := _attributes({"Data": one}, "Data").get("Name"), str):
                yield named, _text(one) or ""
            elif isinstance(one, dict) and "#text" not in one:
                yield from jsonfields.pairs({name: one})
            else:
                text = _text(one)
                yield (None if base == "Data" else base), "" if text is None else _braced(base, text)


def _base(name: str, siblings: Mapping[str, Any]) -> str:
    """evtx_dump calls the second `Data` of a name `Name_1`."""
    found = _AGAIN.fullmatch(name)
    return found[1] if found is not None and found[1] in siblings else name


def _leaves(element: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The innermost elements of UserData."""
    stack: list[Iterator[tuple[str, Any]]] = [iter(element.items())]
    while stack:
        if len(stack) > jsonfields.DEPTH_LIMIT:
            raise jsonfields.DepthError("nested too deeply")
        for name, value in stack[-1]:
            if name.startswith("#attributes") or name.endswith("_attributes") or name == "xmlns":
                continue
            base = _base(name, {}) if name == "#text" else name
            if isinstance(value, dict) and "#text" not in value:
                stack.append(iter(value.items()))
                break
            if isinstance(value, list):
                stack.append((name, one) for one in value)
                break
            text = _text(value)
            if text is not None:
                yield base, _braced(base, text)
        else:
            stack.pop()


# Flat objects --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which key of a flat object is what, for objects with the same keys."""

    system: list[tuple[str, str]]
    numbers: list[tuple[str, str]]
    user_id: bool
    nxlog: bool
    data: list[str]


class _Flat:
    def __init__(self) -> None:
        rules = _rules()["flat"]
        self._rules: Mapping[str, Any] = rules
        self._event_types = frozenset(rules["event_types"])
        self._plans: dict[tuple[tuple[str, ...], tuple[str, ...]], _Plan] = {}
        self._optional = {key for keys in rules["system"].values() for key in keys}
        self._numeric = [key for keys in rules["numbers"].values() for key in keys]

    def event(self, value: Mapping[str, Any]) -> _Event:
        # What does not hold what its place calls for is data, or nothing: that is part of the layout.
        odd = [key for key in self._numeric if key in value and type(value[key]) is not int]
        odd += [key for key, item in value.items() if (item is None or item == "") and key in self._optional]
        if "UserID" in value and str(value["UserID"])[:4] != "S-1-":
            odd.append("UserID")
        if not isinstance(kind := value.get("EventType"), str) or kind not in self._event_types:
            odd.append("EventType")
        layout = (tuple(value), tuple(odd))
        plan = self._plans.get(layout)
        if plan is None:
            if len(self._plans) >= _MAX_FORMS:
                self._plans.clear()
            plan = self._plans[layout] = self._plan(value, frozenset(odd))
        event = _Event()
        system = event.system
        for argument, key in plan.system:
            item = value[key]
            system[argument] = item if type(item) is str else _text(item)
        for argument, key in plan.numbers:
            system[argument] = str(value[key])
        if plan.user_id:
            system["user_id"] = str(value["UserID"])
        system["keywords"] = _keywords(value.get("Keywords"))
        system["time"] = _flat_time(value, self._rules["time"])
        for name in plan.data:
            item = value[name]
            if type(item) is str:
                event.data.append((name, item))
            else:
                event.data += _flat_pairs(name, item)
        if plan.nxlog and system.get("message") is not None:
            event.data += _recovered(event, {name for name, _ in event.data}, self._rules["recovered"])
        return event

    def _plan(self, value: Mapping[str, Any], odd: frozenset[str]) -> _Plan:
        rules = self._rules
        used: set[str] = set()

        def chosen(table: Mapping[str, list[str]]) -> list[tuple[str, str]]:
            out = []
            for argument, keys in table.items():
                key = next((key for key in keys if key in value and key not in odd), None)
                if key is not None:
                    used.add(key)
                    out.append((argument, key))
            return out

        system = chosen(rules["system"])
        numbers = chosen(rules["numbers"])
        user_id = "UserID" in value and "UserID" not in odd
        if user_id:
            used.add("UserID")
        nxlog = "SeverityValue" in value
        if nxlog and "EventType" not in odd:
            used.add("EventType")
        for rule in rules["dropped"]:
            if rule["when"] is None or (rule["when"] in value and rule.get("also", rule["when"]) in value):
                used.update(rule["keys"])
        return _Plan(system, numbers, user_id, nxlog, [name for name in value if name not in used])


def _flat_pairs(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if isinstance(value, (dict, list)):
        for inner, text in jsonfields.pairs({name: value}):
            yield inner.removesuffix("{}"), text
    else:
        yield name, jsonfields.text(value)


def _flat_time(value: Mapping[str, Any], keys: list[str]) -> str | None:
    for key in keys:
        text = value.get(key)
        if not isinstance(text, str):
            continue
        zone = _zone(value) if key == "EventTime" else 0
        if zone and (moment := iso_micros(text)) is not None:
            return _iso(moment + zone)
        if (given := _time_text(text)) is not None:
            return given
    return None


def _zone(value: Mapping[str, Any]) -> int:
    """Microseconds from NXLog's local time to UTC, by the clock of the collector; 0 when it does not tell."""
    received, collected = value.get("EventReceivedTime"), value.get("@timestamp")
    if not isinstance(received, str) or not isinstance(collected, str):
        return 0
    local, utc = iso_micros(received), iso_micros(collected)
    if local is None or utc is None or abs(utc - local) > 15 * _HOUR:
        return 0
    return round((utc - local) / _QUARTER) * _QUARTER


def _recovered(event: _Event, present: set[str | None], rules: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    message = event.system.get("message") or ""
    for rule in rules:
        if rule["provider"] != event.system["provider"]:
            continue
        if "event_ids" in rule and event.system["event_id"] not in {str(one) for one in rule["event_ids"]}:
            continue
        for name, label in rule["fields"].items():
            if name not in present and (value := _labelled(message, f"{label}:")):
                yield name, value


def _labelled(message: str, label: str) -> str:
    """What follows the label on the first line that begins with it, which comes before any value that an attacker may
    have written."""
    start = 0
    while (at := message.find(label, start)) >= 0:
        end = message.find("\n", at)
        if not message[message.rfind("\n", start, at) + 1 or start : at].strip(" \t"):
            return message[at + len(label) : end if end >= 0 else None].strip(" \t\r")
        if end < 0:
            break
        start = end + 1
    return ""


# Winlogbeat ----------------------------------------------------------------------------------------------------------


def _beats(value: Mapping[str, Any], rules: Mapping[str, Any]) -> _Event:
    event = _Event()
    for argument, paths in rules["system"].items():
        found = next((item for path in paths if (item := _dig(value, path)) not in (None, "")), None)
        if argument == "keywords":
            event.system[argument] = _keywords(found)
        elif argument in ("task", "opcode", "version"):  # texts such as "Logon" are renderings
            text = _text(found)
            event.system[argument] = text if text is not None and _NUMBER.fullmatch(text) else None
        else:
            event.system[argument] = _guid(found) if "activity" in argument or argument == "guid" else _text(found)
    times = (_dig(value, path) for path in rules["time"])
    event.system["time"] = next((text for time in times if (text := _time_text(time)) is not None), None)
    data = _dig(value, rules["data"])
    if isinstance(data, dict):
        event.data = [pair for name, item in data.items() for pair in _beats_pairs(name, item)]
    user = _dig(value, rules["user_data"])
    if isinstance(user, dict) and user:
        name = user.get("xml_name")
        rest = {key: item for key, item in user.items() if key != "xml_name"}
        event.user_data = (name if isinstance(name, str) else "EventXML", list(_leaves(rest)))
    known = {text for _, text in event.data} | set(event.system.values())
    for group in rules["moved"]:
        inner = _dig(value, group)
        if isinstance(inner, dict):
            event.data += [pair for pair in _beats_pairs(group, inner) if pair[1] not in known]
    return event


def _beats_pairs(name: str, value: Any) -> Iterator[Pair]:
    """`param1`, `param2` are what Winlogbeat calls data without a name."""
    if re.fullmatch(r"param\d+", name) and not isinstance(value, (dict, list)):
        yield name, jsonfields.text(value)
        return
    yield from _flat_pairs(name, value)


def _dig(value: Mapping[str, Any], path: str) -> Any:
    """A member by path, through nested objects and keys with dots in any mixture. Several keys with dots below the
    path come as one object."""
    if path in value:
        return value[path]
    head, _, rest = path.partition(".")
    while rest:
        inner = value.get(head)
        if isinstance(inner, dict) and (found := _dig(inner, rest)) is not None:
            return found
        step, _, rest = rest.partition(".")
        head = f"{head}.{step}"
    below = {key[len(path) + 1 :]: item for key, item in value.items() if key.startswith(f"{path}.")}
    return below or None


# Values --------------------------------------------------------------------------------------------------------------


def _keywords(value: Any) -> str | None:
    """The bit mask as EVTX shows it: NXLog has it as a signed number, Winlogbeat the names of its bits."""
    if isinstance(value, list):
        names = _rules()["keywords"]
        bits = [names[name] for name in value if isinstance(name, str) and name in names]
        return _hex(sum(set(bits)) | _rules()["keywords_base"]) if bits else None
    text = _text(value)
    if text is None:
        return None
    return _hex(int(text) & _MASK) if len(text) <= 20 and _NUMBER.fullmatch(text) else text


def _hex(mask: int) -> str:
    return f"0x{mask:x}"


def _time_text(value: Any) -> str | None:
    """SystemTime as text: as it stands when it is UTC already, so that no digit is lost."""
    if isinstance(value, str):
        if _UTC.fullmatch(value) is not None and iso_micros(value) is not None:
            return f"{value[:10]}T{value[11:].removesuffix('Z')}Z"
        moment = iso_micros(value)
        if moment is not None:
            return _iso(moment)
    number = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    found = re.fullmatch(r"(\d{9,11})(?:\.(\d+))?", number, re.ASCII)  # Velociraptor: epoch seconds
    if found is None:
        return None
    return _iso(int(found[1]) * 1_000_000 + int((found[2] or "")[:6].ljust(6, "0")))


def _iso(micros: int) -> str:
    try:
        moment = EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        moment = datetime(1601, 1, 1, tzinfo=UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
