"""JSON records out of a file: one per line, pretty-printed over many lines, run together, in an array, or in an object
that wraps one array. Memory is bounded, and a broken record stays what it is: text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, BinaryIO

import msgspec

from trapline.ingest.jsonfields import DEPTH_LIMIT
from trapline.ingest.lines import LINE_LIMIT, Decoder, decode, head_text, lines
from trapline.ingest.source import Sink

DOCUMENT_LIMIT = 256 * 2**20
"""Bytes of the longest array or wrapper object, which is held as a whole. A record may have `LINE_LIMIT`."""
TEXT_LINES = 256
"""Lines of the longest event that is kept as text, as Splunk's MAX_EVENTS."""

_BROKEN = "not valid JSON"
_TOO_LONG = f"record longer than {LINE_LIMIT // 2**20} MiB"
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|("(?s:.*))\Z', re.DOTALL)
_NOT_BRACKETS = bytes(sorted(set(range(256)) - set(b"{}[]")))
_WRAPPED = re.compile(rb'\s*\{(?:\s*"@[^"\\]{1,200}"\s*:\s*"[^"\\]{0,2000}"\s*,)*\s*"[^"\\]{1,200}"\s*:\s*\[\s*\{')
_ARRAY = re.compile(
    r'\s*(?:\{(?:\s*"@[^"\\]{1,200}"\s*:\s*"[^"\\]{0,2000}"\s*,)*'
    r'\s*"(?:Records|records|value|events|logEvents|results)"\s*:\s*)?\[\s*'
)
"""The start of an array of records. In a wrapper that is cut off, only its usual name tells it from one record."""
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|["{}\[\],]', re.DOTALL)
_BETWEEN = re.compile(r"[\s,]*")
_JUNK = re.compile(rb"\s*(?:Record #?\d+:?|[\],]+|\],?\s*\}|\x1e)?\s*\Z")
"""What may stand between records: evtx_dump numbers them."""
_NUMBERED = re.compile(rb"Record #?\d+\s*\Z")


class JsonError(ValueError):
    """A text is not JSON that we take; the message is one of a few constant texts."""


@dataclass(frozen=True, slots=True)
class Record:
    """One JSON object of a file. `raw`: its text, exactly as in the file; `line`: where it begins, from 1."""

    line: int
    raw: str
    value: dict[str, Any]


@cache
def _decoder() -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(float_hook=str)


@cache
def _lenient() -> json.JSONDecoder:
    """Takes what careless writers make: NaN, raw control characters in strings, lone surrogates."""
    return json.JSONDecoder(strict=False, parse_float=str, parse_constant=str)


def loads(data: bytes) -> Any:
    """JSON with numbers that have a fraction or an exponent as their text. Of a key that repeats the last value counts.

    Raises JsonError.
    """
    try:
        return _decoder().decode(data)
    except RecursionError:
        raise JsonError("nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        if len(data) > LINE_LIMIT:
            raise JsonError(_BROKEN) from None
    try:
        return _lenient().decode(decode(data))
    except RecursionError:
        raise JsonError("nested too deeply") from None
    except ValueError:
        raise JsonError(_BROKEN) from None


def records(stream: BinaryIO, sink: Sink) -> Iterator[Record]:
    """The objects of a file, in order. What is no object goes to the sink as text; what is lost is told to it."""
    return _Reader(stream, sink).run()


class _Reader:
    def __init__(self, stream: BinaryIO, sink: Sink) -> None:
        self._lines = lines(stream, DOCUMENT_LIMIT)
        self._sink = sink
        self._decode = Decoder(sink)
        self._held: list[bytes] = []
        self._first = 0
        self._size = 0
        self._depth = 0
        self._last = b""

    def run(self) -> Iterator[Record]:
        for number, line in self._lines:
            if line is None:
                yield from self._give_up(_BROKEN)
                self._bad(f"line longer than {DOCUMENT_LIMIT // 2**20} MiB", number)
            elif self._held:
                yield from self._more(number, line)
            else:
                yield from self._begin(number, line)
        yield from self._give_up("JSON cut off at the end of the file")

    def _begin(self, number: int, line: bytes) -> Iterator[Record]:
        text = line.strip()
        if not text:
            return
        if text[:1] not in b"{[":
            if _JUNK.match(text) is None:
                self._keep([line], "not JSON", number)
            return
        whole = text[:-1].rstrip() if text.endswith(b",") else text
        if whole[-1:] in b"}]" and len(whole) > 1:
            found = self._document(number, whole)
            if found is not None:
                yield from found
                return
        if len(text) > LINE_LIMIT:
            yield from self._salvage(number, [line], _BROKEN)
            return
        self._first = number
        self._depth = 0
        yield from self._more(number, line)

    def _more(self, number: int, line: bytes) -> Iterator[Record]:
        """A line of a document that began on an earlier line, or begins here and does not end here."""
        if self._held and self._restarts(line):
            yield from self._give_up(_BROKEN)
            yield from self._begin(number, line)
            return
        self._held.append(line)
        self._size += len(line) + 1
        skeleton = _STRINGS.sub(rb"\1", line)
        if b'"' in skeleton or len(line) > LINE_LIMIT:  # a string cannot go over a line end
            yield from self._give_up(_BROKEN)
            return
        if self._size > DOCUMENT_LIMIT:
            yield from self._give_up(f"document longer than {DOCUMENT_LIMIT // 2**20} MiB")
            return
        ended = False
        for byte in skeleton.translate(None, _NOT_BRACKETS):
            self._depth += 1 if byte in b"{[" else -1
            ended = ended or self._depth <= 0
            if self._depth > DEPTH_LIMIT * 2:
                yield from self._give_up("nested too deeply")
                return
        if ended:
            yield from self._split()
        elif stripped := skeleton.rstrip():
            self._last = stripped[-1:]

    def _restarts(self, line: bytes) -> bool:
        """Whether a line shows that the document before it was cut off: no value can begin here, or evtx_dump's number
        of the next record stands here."""
        if line[:1] == b"{":
            return self._last not in b":[," or (self._last == b"," and self._depth == 1 and self._held[0][:1] == b"{")
        return line[:1] == b"R" and _NUMBERED.match(line) is not None

    def _split(self) -> Iterator[Record]:
        """The held lines hold one document to its end, or several."""
        data = b"\n".join(self._held)
        first = self._first
        found = self._document(first, data.strip().removesuffix(b",").rstrip())
        if found is not None:
            self._forget()
            yield from found
            return
        text = self._decode(data)
        at = _skip(text, 0)
        above = text.count("\n", 0, at)
        begin = at
        while at < len(text):
            try:
                _, end = _lenient().raw_decode(text, at)
            except (ValueError, RecursionError):
                break
            found = self._document(first + above, text[at:end].encode("utf-8", "replace"))
            if found is None:
                break
            yield from found
            after = _skip(text, end)
            above += text.count("\n", at, after)
            at = after
        rest = text[at:]
        if not rest:
            self._forget()
            return
        progress = at > begin
        self._first = first + above
        self._held = [rest.encode("utf-8", "replace")] if "\n" not in rest else self._held[above:]
        if progress and len(self._held) == 1:  # the last line began another document
            line = self._held[0]
            self._forget()
            yield from self._begin(first + above, line)
        else:
            yield from self._give_up(_BROKEN)

    def _give_up(self, reason: str) -> Iterator[Record]:
        held = self._held
        if not held:
            return
        first = self._first
        self._forget()
        yield from self._salvage(first, held, reason)

    def _salvage(self, first: int, held: list[bytes], reason: str) -> Iterator[Record]:
        """What is whole in a broken document: the elements at the start of its array, and the lines after its first
        that are objects by themselves. The rest is kept as text, broken where a line begins an object and after
        `TEXT_LINES` lines."""
        opening = _ARRAY.match(self._decode(held[0][:10_000]) if held else "")
        if opening is not None:
            text = self._decode(b"\n".join(held))
            opened = _ARRAY.match(text)
            start = at = opened.end() if opened else 0
            skip = text.count("\n", 0, at)
            while at < len(text):
                try:
                    value, end = _lenient().raw_decode(text, at)
                except (ValueError, RecursionError):
                    break
                yield from self._explode(first + skip, text[at:end].encode("utf-8", "replace"), value)
                after = _skip(text, end)
                skip += text.count("\n", at, after)
                at = after
            if at == start:
                at = skip = 0
            rest = text[at:].partition("\n")[0].encode("utf-8", "replace")
        else:
            skip = 0
            rest = held[0]
        kept = False
        broken = [rest]
        size = len(rest) + 1
        begin = first + skip
        for number, line in enumerate(held[skip + 1 :], first + skip + 1):
            opens = line[:1] == b"{"
            whole: Iterator[Record] | None = None
            if opens and line.rstrip()[-1:] in b"},":
                whole = self._document(number, line.strip().removesuffix(b",").rstrip())
            if opens or len(broken) >= TEXT_LINES or size + len(line) > LINE_LIMIT:
                kept = self._keep(broken, reason, begin) or kept
                broken, size, begin = [], 0, number
            if whole is not None:
                yield from whole
                begin = number + 1
            else:
                broken.append(line)
                size += len(line) + 1
        if not self._keep(broken, reason, begin) and not kept:
            self._bad(reason, first + skip)  # what is missing is not there

    def _document(self, number: int, data: bytes) -> Iterator[Record] | None:
        """The records of one whole document, or None when it is not valid."""
        try:
            if data[:1] == b"[" or _WRAPPED.match(data) is not None:
                parts = _parts(data)
                if parts is not None:
                    return self._elements(number, parts)
            return self._explode(number, data, loads(data))
        except JsonError:
            return None

    def _elements(self, number: int, parts: list[msgspec.Raw]) -> Iterator[Record]:
        for view in parts:
            part = bytes(view)
            try:
                yield from self._explode(number, part, loads(part) if len(part) <= LINE_LIMIT else None)
            except JsonError as bad:
                self._keep([part], str(bad), number)

    def _explode(self, number: int, data: bytes, value: Any) -> Iterator[Record]:
        if len(data) > LINE_LIMIT:
            self._bad(_TOO_LONG, number)
        elif isinstance(value, dict):
            if len(value) != 1 or next(iter(value.values())) != []:  # a wrapper of nothing
                yield Record(number, self._decode(data), value)
        else:
            self._keep([data], "not a JSON object", number)

    def _keep(self, held: list[bytes], reason: str, number: int) -> bool:
        """Text that is no record of JSON becomes an event; False for brackets that are left over."""
        data = b"\n".join(held).rstrip(b"\r\n")
        if len(data) > LINE_LIMIT:
            self._bad(_TOO_LONG, number)
        elif _JUNK.match(data) is not None:
            return False
        else:
            self._sink.keep(self._decode(data), reason, f"line {number}", "_json")
        return True

    def _bad(self, reason: str, number: int) -> None:
        self._sink.bad(reason, f"line {number}")

    def _forget(self) -> None:
        self._held = []
        self._size = self._depth = 0
        self._last = b""


def _skip(text: str, at: int) -> int:
    """Past blanks and commas."""
    found = _BETWEEN.match(text, at)
    return found.end() if found else at


def _parts(data: bytes) -> list[msgspec.Raw] | None:
    """The texts of the elements of an array, or of the array that an object wraps: its only key, beside keys that
    begin with @ (OData). None when it is no such thing, or needs the lenient parser."""
    try:
        if data[:1] != b"[":
            members = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
            inner = [value for key, value in members.items() if not key.startswith("@")]
            if len(inner) != 1:
                return None
            data = bytes(inner[0])
        return msgspec.json.decode(data, type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None


def first_records(head: bytes, count: int = 3) -> list[dict[str, Any]]:
    """The first objects that the head of a file shows, for `sniff`. Empty when it is not JSON."""
    text = head_text(head)
    if text is None:
        return []
    out: list[dict[str, Any]] = []
    at = 0
    for _ in range(5):
        at = _skip(text, at)
        if at >= len(text) or len(out) >= count:
            break
        try:
            value, at = _lenient().raw_decode(text, at)
        except (ValueError, RecursionError):
            value = _mended(text, at) if not out else None
            at = text.find("\n", at)  # junk, or a broken line, or the cut end
            if at < 0 or value is not None:
                at = len(text)
        out += [one for one in _inner(value) if isinstance(one, dict)][:count]
    return out[:count]


def _mended(text: str, at: int) -> Any:
    """A document that the end of the head cuts, up to its last comma, with its brackets closed; None for any other."""
    open_: list[str] = []
    best: tuple[int, str] | None = None
    for token in _TOKEN.finditer(text, at):
        match token[0]:
            case "{" | "[":
                open_.append("}" if token[0] == "{" else "]")
            case "}" | "]":
                if not open_ or open_.pop() != token[0]:
                    return None
                if not open_:
                    return None
            case ",":
                best = token.start(), "".join(reversed(open_))
            case '"':
                break
            case _:
                pass
        if not open_:
            return None
    if best is None or not open_:
        return None
    try:
        return _lenient().decode(text[at : best[0]] + best[1])
    except (ValueError, RecursionError):
        return None


def _inner(value: Any) -> list[Any]:
    if isinstance(value, dict):
        rest = [item for key, item in value.items() if not key.startswith("@")]
        if len(rest) == 1 and isinstance(rest[0], list) and rest[0] and isinstance(rest[0][0], dict):
            return rest[0]
        return [value]
    return value if isinstance(value, list) else []
