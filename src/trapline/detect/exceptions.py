"""Exceptions: rows of findings that the user does not want to see again, for a reason and for a time.

They are in `exceptions.yml` of the store and in the files that the section `exceptions` of `trapline.yml` names: docs/
exceptions.md. A file that is wrong is an error, so that nothing is hidden or shown by accident.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from difflib import get_close_matches
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from pathlib import Path
from typing import Any, NoReturn

from trapline.content.catalog import Content
from trapline.content.model import Detection
from trapline.content.yamlfile import Node, parse
from trapline.detect.finding import iso
from trapline.errors import InputError, Warn
from trapline.spl.matching import Networks, Wildcards

FILE = "exceptions.yml"
SECTION = "exceptions"
MOST_VALUES = 10_000
"""Values of one field of an exception at most."""
_SETTINGS = ("detections", "when", "filter", "owner", "reason", "reviewed", "expires")
_EXAMPLE = {
    "owner": "owner: alice@corp.example",
    "reason": "reason: The backup agent installs its service every night.",
    "expires": "expires: 2027-01-31",
    "when": "when: {dest: bak01.corp.example}",
}


class State(StrEnum):
    """Whether an exception applies."""

    ACTIVE = "active"
    EXPIRED = "expired"


class Values:
    """The values that a field may have: texts, texts with `*`, networks. Letter case does not matter, as in `search`
    (Search Reference, "search")."""

    def __init__(self, values: Iterable[str]) -> None:
        lowered = list(dict.fromkeys(one.lower() for one in values))
        self._plain = frozenset(one for one in lowered if "*" not in one)
        self._wild = Wildcards(enumerate(one for one in lowered if "*" in one))
        self._networks = Networks(enumerate(one for one in lowered if network(one) is not None))

    def hold(self, text: str) -> bool:
        lowered = text.lower()
        return lowered in self._plain or bool(self._wild.find(lowered)) or bool(self._networks.find(lowered))


@dataclass(frozen=True, slots=True)
class Exemption:
    """An exception. Times are epoch seconds; it applies until before `expires`."""

    name: str
    when: Mapping[str, tuple[str, ...]]
    """Field -> values as written. Every value of every field has to be one of them."""
    owner: str
    reason: str
    expires: float
    detections: tuple[str, ...] = ("*",)
    """Names, ids or patterns with `*`."""
    reviewed: float | None = None
    file: str = FILE
    line: int = 1
    filter: str = ""
    """In place of `when`: SPL that goes into the filter macros of the detections (`trapline.detect.filtering`)."""

    def state(self, now: float) -> State:
        return State.ACTIVE if now < self.expires else State.EXPIRED

    def concerns(self, detection: Detection) -> bool:
        """Whether it is about a detection."""
        wanted = Values(self.detections)
        return any(wanted.hold(one) for one in _names(detection))

    def to_json(self, now: float) -> dict[str, Any]:
        return {
            "name": self.name,
            "state": self.state(now).value,
            "detections": list(self.detections),
            "when": {name: list(values) for name, values in self.when.items()},
            "filter": self.filter or None,
            "owner": self.owner,
            "reason": self.reason,
            "reviewed": iso(self.reviewed),
            "expires": iso(self.expires),
            "file": self.file,
            "line": self.line,
        }


def network(text: str) -> IPv4Network | IPv6Network | None:
    """The network that a value means; None for any other text. An address without `/` is a text."""
    _, slash, bits = text.partition("/")
    if not slash or not bits.isdecimal():
        return None
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def files(store: Path, section: Node | None, settings: str) -> list[tuple[Path, bool]]:
    """The files of a store's exceptions, and whether each has to be there. `settings`: the file of the section; what it
    names is looked for in its folder. Raises InputError."""
    found = [(store / FILE, False)]
    if section is None or section.value is None:
        return found
    nodes = section.value if isinstance(section.value, list) else [section]
    for node in nodes:
        if not isinstance(node.value, str) or not node.value:
            _wrong(settings, node, SECTION, "names of files are wanted here", "write exceptions: [shared.yml]")
        found.append((Path(settings).parent / node.value, True))
    return found


def read(places: Sequence[tuple[Path, bool]], tz: tzinfo) -> list[Exemption]:
    """The exceptions of files, in order. `tz`: of dates. Raises InputError with line and field."""
    found: list[Exemption] = []
    for path in dict.fromkeys(path for path, _ in places):
        wanted = any(needed for one, needed in places if one == path)
        text = _text(path, wanted)
        documents = parse(text, str(path)) if text is not None else []
        if len(documents) > 1:
            _wrong(str(path), documents[1], "", "a second document (`---`) is not read", "put all of it into one")
        top = _mapping(documents[0], str(path), "") if documents else {}
        for name, node in top.items():
            one = _exemption(name, node, str(path), tz)
            before = next((other for other in found if other.name.lower() == name.lower()), None)
            if before is not None:
                place = f"{before.file}:{before.line}"
                _wrong(str(path), node, name, f"there is already an exception of this name: {place}", "rename one")
            found.append(one)
    return found


def problems(
    exemptions: Iterable[Exemption], content: Content, now: float, elsewhere: Collection[str] = ()
) -> list[Warn]:
    """What is doubtful about exceptions: expired, never reviewed, about detections that do not exist. `elsewhere`:
    names of detections that exist, though not in this content."""
    found = []
    for one in exemptions:
        where = f"{one.file}:{one.line}"
        if one.state(now) is State.EXPIRED:
            found.append(
                Warn(
                    "exceptions.expired",
                    f"the exception '{one.name}' of {one.owner} expired on {iso(one.expires)} and is not applied",
                    "review it and move `expires`, or delete it",
                    where,
                )
            )
        elif one.reviewed is None:
            reason = f"nobody has reviewed the exception '{one.name}' of {one.owner}"
            found.append(Warn("exceptions.review", reason, "add reviewed: <date>", where))
        for text in one.detections:
            wanted = Values([text])
            known = (name for each in content.detections for name in _names(each))
            if not any(wanted.hold(name) for name in (*elsewhere, *known)):
                near = get_close_matches(text, [each.name for each in content.detections], 1)
                hint = f"did you mean '{near[0]}'? " if near else "trapline content list shows them. "
                hint += "If it is one of another folder: --content DIR"
                reason = f"the exception '{one.name}' is about '{text}', which is no detection of this content"
                found.append(Warn("exceptions.unknown", reason, hint, where))
    return found


def _names(detection: Detection) -> list[str]:
    return [one for one in (detection.name, detection.rule_name, detection.id) if one]


def _exemption(name: str, node: Node, file: str, tz: tzinfo) -> Exemption:
    if not name.strip() or len(name) > 200 or not name.isprintable():
        _wrong(file, node, "", "this is no name for an exception", "use letters, digits, blanks and dashes")
    given = _mapping(node, file, name)
    for key, value in given.items():
        if key not in _SETTINGS:
            near = get_close_matches(key, _SETTINGS, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(_SETTINGS)}"
            _wrong(file, value, f"{name}.{key}", f"there is no setting '{key}'", hint)
    for key, example in _EXAMPLE.items():
        if key not in given and not (key == "when" and "filter" in given):
            _wrong(file, node, f"{name}.{key}", f"the {key} is missing", f"add {example}")
    if "filter" in given:
        _one_of(given, node, file, name)
    expires = _date(given["expires"], file, f"{name}.expires", tz)
    reviewed = _date(given["reviewed"], file, f"{name}.reviewed", tz) if "reviewed" in given else None
    if reviewed is not None and reviewed >= expires:
        _wrong(file, given["expires"], f"{name}.expires", "it expires before it was reviewed", "set a later date")
    return Exemption(
        name=name,
        when=_when(given["when"], file, f"{name}.when") if "when" in given else {},
        filter=_scalar(given["filter"], file, f"{name}.filter").strip() if "filter" in given else "",
        owner=_line(given["owner"], file, f"{name}.owner"),
        reason=_line(given["reason"], file, f"{name}.reason"),
        expires=expires,
        detections=_texts(given["detections"], file, f"{name}.detections") if "detections" in given else ("*",),
        reviewed=reviewed,
        file=file,
        line=node.line,
    )


def _one_of(given: Mapping[str, Node], node: Node, file: str, name: str) -> None:
    """An exception has conditions or a filter, and a filter says for which detections."""
    if "when" in given:
        _wrong(file, given["filter"], f"{name}.filter", "there is `when` already", "make two exceptions of it")
    if "detections" not in given:
        hint = "add detections: [<name>]; a filter goes into their filter macros"
        _wrong(file, node, f"{name}.detections", "a filter needs the detections that it is for", hint)


def _when(node: Node, file: str, where: str) -> dict[str, tuple[str, ...]]:
    found = {}
    for name, values in _mapping(node, file, where).items():
        if not name or not name.isprintable() or any(mark in name for mark in "\"'*|`\\"):
            _wrong(
                file, values, f"{where}.{name}", f"'{name}' is no name of a field", "field names are matched exactly"
            )
        found[name] = _texts(values, file, f"{where}.{name}")
    if all(_everything(values) for values in found.values()):
        _wrong(
            file,
            node,
            where,
            "it covers every row" if found else "no field is given: it would cover every row",
            "name values: an address, a name, the start of one; to stop a detection use trapline content disable",
        )
    return found


def _everything(values: Sequence[str]) -> bool:
    """Whether values leave hardly anything out: patterns without a letter or digit, all addresses."""
    if any("*" in one and not any(char.isalnum() for char in one) for one in values):
        return True
    networks = [found for one in values if (found := network(one)) is not None]
    four = [one for one in networks if isinstance(one, IPv4Network)]
    six = [one for one in networks if isinstance(one, IPv6Network)]
    sizes = [one.prefixlen for one in collapse_addresses(four)] + [one.prefixlen for one in collapse_addresses(six)]
    return 0 in sizes


def _texts(node: Node, file: str, where: str) -> tuple[str, ...]:
    nodes = node.value if isinstance(node.value, list) else [node]
    if not nodes:
        _wrong(file, node, where, "the list is empty", "name a value, or leave the setting out")
    if len(nodes) > MOST_VALUES:
        _wrong(file, node, where, f"more than {MOST_VALUES:,} values", "use patterns or networks")
    return tuple(_scalar(one, file, where) for one in nodes)


def _line(node: Node, file: str, where: str) -> str:
    return " ".join(_scalar(node, file, where).split())


def _scalar(node: Node, file: str, where: str) -> str:
    if not isinstance(node.value, str):
        _wrong(file, node, where, "a single value is wanted here", None)
    if not node.value.strip():
        _wrong(file, node, where, "this is empty", "write a value")
    return node.value


def _date(node: Node, file: str, where: str, tz: tzinfo) -> float:
    text = _scalar(node, file, where)
    try:
        found = datetime.fromisoformat(text.strip())
        return (found if found.tzinfo else found.replace(tzinfo=tz)).timestamp()
    except (ValueError, OverflowError, OSError):
        return _wrong(file, node, where, f"'{text}' is no date", "write it like 2027-01-31; every exception ends")


def _mapping(node: Node, file: str, where: str) -> dict[str, Node]:
    if node.value is None and not where:
        return {}
    if not isinstance(node.value, dict):
        _wrong(file, node, where, "a mapping is wanted here", "write `name: value` lines")
    if node.repeated:
        name, line = node.repeated[0]
        raise InputError(f"'{name}' is there twice", file=file, line=line, field=where or None, code=SECTION)
    return node.value


def _wrong(file: str, node: Node, where: str, reason: str, hint: str | None) -> NoReturn:
    raise InputError(reason, file=file, line=node.line, field=where or None, hint=hint, code=SECTION)


def _text(path: Path, wanted: bool) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if not wanted:
            return None
        hint = f"`{SECTION}` of the settings names it"
        raise InputError("there is no such file", file=str(path), hint=hint, code=SECTION) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"it cannot be read: {error}", file=str(path), code=SECTION) from None
