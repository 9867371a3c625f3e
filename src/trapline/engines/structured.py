"""Scalar functions over JSON, XML and key=value texts: the words of the vocabulary behind spath, xpath, extract,
transforms.conf and the JSON functions. Sources: Search Reference, "JSON functions", "spath", "xpath", "xmlkv",
"extract"; transforms.conf.spec.

JSON values travel between words as JSON text, one per value (a *fragment*), so that a number, a text and an object stay
apart. Pairs travel as one list: name, value, name, value ...
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from trapline import pcre
from trapline.engines import documents
from trapline.engines.documents import MISSING, Attribute, Index, Key, Step, dump, find, load, native, shallow, steps_of
from trapline.errors import Doubt, Warn
from trapline.values import to_number

List = list[str]

# --- to JSON -------------------------------------------------------------------------------------------------------

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?\Z", re.ASCII)


def fragment(text: str | None, numbers: bool | None) -> str | None:
    """A field value as a fragment: objects and arrays are themselves, with `numbers` a number is one, all else text."""
    if text is None:
        return None
    if numbers and _JSON_NUMBER.match(text) and to_number(text) is not None:
        return text
    if documents.is_json(text):
        value = load(text)
        if value is not MISSING:
            return _dumped(value)
    return dump(text)


def _dumped(value: Any) -> str | None:
    try:
        return dump(value)
    except RecursionError:
        return None


def list_fragment(values: List | None, infer: bool | None) -> str | None:
    """A multivalue as an array. `infer`: values that are JSON scalars are these, those that are not JSON are null."""
    if values is None:
        return None
    if not infer:
        return dump(values)
    loaded = [load(value.strip()) for value in values]
    return _dumped([None if value is MISSING else value for value in loaded])


def build_object(keys: List | None, fragments: List | None) -> str | None:
    if keys is None or fragments is None:
        return "{}"
    return _dumped(dict(zip(keys, map(load, fragments), strict=False)))


def build_array(fragments: List | None) -> str | None:
    return _dumped([load(one) for one in fragments or []])


# --- looking -------------------------------------------------------------------------------------------------------


def valid(text: str | None) -> bool | None:
    return None if text is None else load(text) is not MISSING


def as_container(text: str | None, mark: str | None) -> str | None:
    """A text that is a JSON object (`mark` {) or array ([), without blanks; None for anything else."""
    if text is None or text.lstrip()[:1] != mark:
        return None
    value = load(text)
    return None if value is MISSING else _dumped(value)


@shallow
def extract(text: str | None, paths: List | None) -> str | None:
    """json_extract(): the value of one path, an array of those of several, the whole without any."""
    if text is None:
        return None
    document = load(text)
    if document is MISSING:
        return None
    if not paths:
        return native(document)
    found = [_at(document, path) for path in paths]
    if len(found) == 1:
        return native(found[0])
    return dump([None if value is MISSING else value for value in found])


def _at(document: Any, path: str) -> Any:
    steps = steps_of(path)
    if steps is None:
        return MISSING
    if steps == (Index(None),):
        return document
    if steps and isinstance(steps[0], Index) and isinstance(document, dict) and len(document) == 1:
        # "{0}.name" of an object that holds nothing but an array (JSON functions, the `cities` examples)
        document = next(iter(document.values()))
    found = find(document, steps)
    if Index(None) in steps:
        return found if found else MISSING
    return found[0] if found else MISSING


@shallow
def extract_exact(text: str | None, keys: List | None) -> str | None:
    """json_extract_exact(): as json_extract() with literal keys."""
    if text is None:
        return None
    document = load(text)
    if document is MISSING:
        return None
    if not keys:
        return native(document)
    found = [document.get(key, MISSING) if isinstance(document, dict) else MISSING for key in keys]
    if len(found) == 1:
        return native(found[0])
    return dump([None if value is MISSING else value for value in found])


def keys(text: str | None) -> str | None:
    document = MISSING if text is None else load(text)
    return dump(list(document)) if isinstance(document, dict) else None


@shallow
def entries(text: str | None) -> str | None:
    document = MISSING if text is None else load(text)
    if not isinstance(document, dict):
        return None
    return dump([{"key": key, "value": value} for key, value in document.items()])


def has_key(text: str | None, key: str | None) -> bool | None:
    if text is None or key is None:
        return None
    document = load(text)
    return isinstance(document, dict) and key in document


@shallow
def array_values(text: str | None, quoted: bool | None) -> List | None:
    """json_array_to_mv(): the elements of an array. `quoted`: texts keep their quotes."""
    document = MISSING if text is None else load(text)
    if not isinstance(document, list):
        return None
    return [dump(value) if quoted else documents.field_text(value) for value in document] or None


# --- changing ------------------------------------------------------------------------------------------------------


@shallow
def change(how: str | None, text: str | None, paths: List | None, fragments: List | None) -> str | None:
    """json_set(), json_set_exact(), json_append(), json_extend(): pairs of path and value, from left to right. A path
    that does not fit the document changes nothing."""
    document = MISSING if text is None else load(text)
    if document is MISSING:
        return None
    for path, one in zip(paths or [], fragments or [], strict=False):
        value = load(one)
        if how == "set_exact":
            if isinstance(document, dict):
                document[path] = value
            continue
        steps = steps_of(path)
        if steps is None:
            continue
        if how == "set":
            document = _set(document, steps, value)
        else:
            document = _grown(document, steps, value, spread=how == "extend")
    return dump(document)


def _set(node: Any, steps: tuple[Step, ...], value: Any) -> Any:
    """The node with the value at the path; keys that are missing are made."""
    if not steps:
        return value
    match steps[0]:
        case Key(name=name) if isinstance(node, dict):
            if name in node:
                node[name] = _set(node[name], steps[1:], value)
            elif all(isinstance(step, Key) for step in steps[1:]):
                node[name] = _set({}, steps[1:], value)
        case Index(place=None) if isinstance(node, list):
            node[:] = [_set(item, steps[1:], value) for item in node]
        case Index(place=int(place)) if isinstance(node, list) and place < len(node):
            node[place] = _set(node[place], steps[1:], value)
    return node


def _grown(node: Any, steps: tuple[Step, ...], value: Any, *, spread: bool) -> Any:
    """The node with the value appended to what is at the path; a scalar or object there becomes an array first."""
    if not steps:
        items = list(node) if isinstance(node, list) else [node]
        return items + (value if spread and isinstance(value, list) else [value])
    match steps[0]:
        case Key(name=name) if isinstance(node, dict) and name in node:
            node[name] = _grown(node[name], steps[1:], value, spread=spread)
        case Index(place=None) if isinstance(node, list) and len(steps) > 1:
            node[:] = [_grown(item, steps[1:], value, spread=spread) for item in node]
        case Index(place=None) if isinstance(node, list):
            return _grown(node, (), value, spread=spread)
        case Index(place=int(place)) if isinstance(node, list) and place < len(node):
            node[place] = _grown(node[place], steps[1:], value, spread=spread)
    return node


@shallow
def delete(text: str | None, paths: List | None) -> str | None:
    """json_delete(): an object without some keys, nested ones with dots."""
    document = MISSING if text is None else load(text)
    if not isinstance(document, dict):
        return None
    for path in _key_list(paths or []):
        *parents, last = path.split(".")
        node: Any = document
        for parent in parents:
            node = node.get(parent) if isinstance(node, dict) else None
        if isinstance(node, dict):
            node.pop(last, None)
    return dump(document)


def _key_list(paths: List) -> Iterable[str]:
    """Keys one by one; one that is a JSON array is several."""
    for path in paths:
        several = load(path) if path.startswith("[") else MISSING
        yield from map(str, several) if isinstance(several, list) else (path,)


# --- spath, xpath, fromjson ----------------------------------------------------------------------------------------


@shallow
def spath(values: List | None, path: str | None) -> List | None:
    """spath with a path, over JSON or XML."""
    steps = None if path is None else steps_of(path)
    if values is None or not steps:
        return None
    found: List = []
    for text in values:
        if documents.is_json(text):
            document = load(text, written=True)
            if document is not MISSING and not any(isinstance(step, Attribute) for step in steps):
                found += map(documents.field_text, find(document, steps))
        elif documents.is_xml(text):
            found += documents.find_xml(text, steps)
    return found or None


@shallow
def spath_fields(values: List | None, cutoff: float | None) -> List | None:
    """spath without a path: pairs of all fields of JSON or XML in the first `cutoff` characters."""
    if values is None:
        return None
    found: List = []
    cut = False
    for text in values:
        head = text if cutoff is None or len(text) <= cutoff else text[: int(cutoff)]
        if documents.is_json(text):
            document = load(head, written=True) if head is text else MISSING
            fields = documents.flatten_prefix(head) if document is MISSING else documents.flatten(document)
        elif documents.is_xml(text):
            fields = documents.flatten_xml(head)
        else:
            continue
        cut = cut or head is not text
        for name, value in fields:
            found += (name, value)
    if cut:
        reason = f"fields of JSON and XML are those in the first {int(cutoff or 0):,} characters, as in Splunk"
        raise Doubt(Warn("spath-cut", reason, "name the path: spath path=..."), found or None)
    return found or None


@shallow
def json_fields(text: str | None) -> List | None:
    """fromjson: pairs of the outermost keys of an object. An array is its elements, an object its JSON text."""
    document = MISSING if text is None else load(text, written=True)
    if not isinstance(document, dict):
        return None
    found: List = []
    for name, value in document.items():
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                found += (name, documents.field_text(one))
    return found or None


def xpath(text: str | None, path: str | None) -> List | None:
    if text is None or path is None:
        return None
    return documents.xpath_values(text, path) or None


_ELEMENT = re.compile(r"<([^\s<>/!?]++)(?:\s[^<>]*+)?>([^<]*+)</\1\s*+>")


def xml_fields(text: str | None) -> List | None:
    """xmlkv: pairs of `<name>value</name>`."""
    if text is None:
        return None
    found: List = []
    for name, value in _ELEMENT.findall(text):
        if value.strip():
            found += (name, documents.unescape(value))
    return found or None


# --- key=value -----------------------------------------------------------------------------------------------------

_PAIR_KEY = r"(?<![^\s,;|&?\[({\"'])([A-Za-z_][A-Za-z0-9_.:\-]{0,100})="
_PAIR_REST = r"|'([^']*)'|([^\s,;|&\"'\])}]*+))"
_AUTO = re.compile(_PAIR_KEY + r'(?:"([^"]*+)"' + _PAIR_REST)
_AUTO_ESCAPED = re.compile(_PAIR_KEY + r'(?:"((?:[^"\\]|\\.)*+)"' + _PAIR_REST)
_BACKSLASHED = re.compile(r'\\(["\\])')
_DIRTY = re.compile(r"[^A-Za-z0-9_]")
PAIR_DELIMITERS = " \t\r\n,;|&"


_KV_HINT = "extract limit=... maxchars=... reads more, rex a field by itself"


def kv_fields(
    text: str | None,
    pairdelim: str | None,
    kvdelim: str | None,
    limit: float | None,
    chars: float | None,
    flags: str | None,
) -> List | None:
    r"""extract: pairs of key and value. Without delimiters `key=value` and `key="a value"` anywhere; with them, every
    character of `pairdelim` ends a pair and the first of `kvdelim` ends its key; a value that holds another of those
    is no value. At most `limit` pairs, of the first `chars` characters (0: all). `flags`: c cleans keys, e keeps empty
    values, l and t tell where the limit or the length leaves pairs out. A value in double quotes ends at the next one;
    x honors \" and \\ within it (KV_MODE = auto_escaped)."""
    if text is None:
        return None
    flags = flags or ""
    escaped = "x" in flags
    found: List = []
    limited = int(limit) if limit else 0
    taken = 0
    most = int(chars) if chars else len(text)
    said = ""
    if "t" in flags and len(text) > most and any(_pairs(text[most:], pairdelim, kvdelim, escaped)):
        said = f"are those in its first {most:,} characters"
    for key, value in _pairs(text[:most], pairdelim, kvdelim, escaped):
        name = _DIRTY.sub("_", key).lstrip("_0123456789") if "c" in flags else key
        if not name or (value == "" and "e" not in flags):
            continue
        if limited and taken >= limited:
            said = f"are its first {limited} pairs" if "l" in flags else said
            break
        found += (name, value)
        taken += 1
    if said:
        raise Doubt(Warn("kv-cut", f"the key=value fields of a text {said}, as in Splunk", _KV_HINT), found or None)
    return found or None


def _pairs(text: str, pairdelim: str | None, kvdelim: str | None, escaped: bool) -> Iterable[tuple[str, str]]:
    if pairdelim is None and kvdelim is None:
        pairs = _AUTO_ESCAPED if escaped else _AUTO
        for key, double, single, bare in (match.groups() for match in pairs.finditer(text)):
            if double is not None:
                yield key, _BACKSLASHED.sub(r"\1", double) if escaped else double
            else:
                yield key, bare if single is None else single
        return
    ends = pairdelim or PAIR_DELIMITERS
    middles = kvdelim or "="
    for piece in _cut(text, ends):
        place = next((at for at, char in enumerate(piece) if char in middles), None)
        if place is None:
            continue
        key, value = piece[:place].strip().strip('"'), piece[place + 1 :].strip()
        if len(value) >= 2 and value[0] == value[-1] == '"':
            yield key, value[1:-1]
        elif not any(char in middles for char in value):
            yield key, value


def _cut(text: str, ends: str) -> Iterable[str]:
    """Cut at each of the characters that is not within double quotes."""
    start = 0
    quoted = False
    for at, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif char in ends and not quoted:
            yield text[start:at]
            start = at + 1
    yield text[start:]


def listed_values(text: str | None, ends: str | None) -> List | None:
    """DELIMS with FIELDS: the pieces between these characters, in order, empty ones too."""
    return None if text is None or not ends else [_bare(piece) for piece in _cut(text, ends)]


def _bare(piece: str) -> str:
    piece = piece.strip()
    return piece[1:-1] if len(piece) > 1 and piece[0] == piece[-1] == '"' else piece


# --- regular expressions -------------------------------------------------------------------------------------------

_REFERENCE = re.compile(r"\$(\d+)")
_KEY = re.compile(r"_KEY_(\w+)\Z")


def regex_fields(text: str | None, pattern: str | None, formats: List | None, flags: str | None) -> List | None:
    """transforms.conf REGEX: pairs of what a match says. `formats`: templates of name and value in turn, `$1` in them a
    group; without any the named groups, and of `_KEY_1` and `_VAL_1` name and value. `flags`: a takes all matches, not
    only the first, c cleans names, e keeps empty values. Raises EngineError where a pattern takes too long."""
    if text is None or pattern is None:
        return None
    flags = flags or ""
    compiled = pcre.python_pattern(pattern)
    templates = formats or []
    found: List = []
    try:
        for match in compiled.finditer(text, timeout=pcre.SECONDS):
            for name, value in _said(match, templates):
                own = _DIRTY.sub("_", name).lstrip("_0123456789") if "c" in flags else name
                if own and (value or "e" in flags):
                    found += (own, value)
            if "a" not in flags:
                break
    except pcre.GAVE_UP as error:
        raise pcre.gave_up(pattern, error) from None
    return found or None


def _said(match: Any, templates: List) -> Iterable[tuple[str, str]]:
    groups = [match.group(), *match.groups()]
    for name, value in zip(templates[::2], templates[1::2], strict=False):
        parts = [int(one) for one in _REFERENCE.findall(value)]
        if all(one < len(groups) and groups[one] is not None for one in parts):
            yield _filled(name, groups), _filled(value, groups)
    for group, value in match.groupdict().items():
        key = _KEY.match(group)
        if key is not None and value:
            yield value, match.groupdict().get(f"_VAL_{key[1]}") or ""
        elif key is None and not group.startswith("_VAL_") and value is not None and not templates:
            yield group, value


def _filled(template: str, groups: list[str | None]) -> str:
    return _REFERENCE.sub(lambda one: (groups[int(one[1])] if int(one[1]) < len(groups) else "") or "", template)
