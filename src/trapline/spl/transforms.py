"""A stanza of transforms.conf as the extract command runs it: the pairs of name and value that it finds in a text.

Source: transforms.conf.spec (REGEX, FORMAT, DELIMS, FIELDS, SOURCE_KEY, MV_ADD, CLEAN_KEYS, KEEP_EMPTY_VALS). A regular
expression with names from the data (`FORMAT = $1::$2`, groups `_KEY_1` and `_VAL_1`) is applied again and again, others
once, or with MV_ADD to every match. Without FORMAT the named groups are the fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trapline import pcre
from trapline.errors import SplError, Unsupported

_TARGET = re.compile(r'(?:"([^"]+)"|([^\s:"]+))::(?:"([^"]*)"|(\S+))')
_REFERENCE = re.compile(r"\$(\d+)")
_KEY = re.compile(r"_KEY_(\w+)\Z")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_NAME = re.compile(r'"([^"]+)"|([^\s,"]+)')
_DIRTY = re.compile(r"[^A-Za-z0-9_]")
_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\r": "\r", '\\"': '"', "\\\\": "\\"}


@dataclass(frozen=True, slots=True)
class Transform:
    """`formats`: templates of name and value, `$1` in them a group. `delims`: the characters that end a piece, and,
    unless `fields` name the pieces in order, those that end a key. `source`: the field that is read."""

    name: str
    regex: str | None
    formats: tuple[tuple[str, str], ...]
    delims: tuple[str, ...]
    fields: tuple[str, ...]
    source: str
    mv_add: bool
    clean_keys: bool
    keep_empty: bool

    @property
    def splits_pairs(self) -> bool:
        """Does it cut the text into pairs of key and value?"""
        return len(self.delims) > 1

    def pairs(self, text: str, *, every: bool, clean: bool) -> Iterator[tuple[str, str]]:
        """Name and value of each field found. `every`: all matches count, not only the first. Not for a transform that
        `splits_pairs`. Raises EngineError where the expression takes too long."""
        for name, value in self._matched(text, every) if self.regex is not None else self._listed(text):
            own = _DIRTY.sub("_", name).lstrip("_0123456789") if clean else name
            if own and (value or self.keep_empty):
                yield own, value

    def _listed(self, text: str) -> Iterator[tuple[str, str]]:
        yield from zip(self.fields, _cut(text, self.delims[0]), strict=False)

    def _matched(self, text: str, every: bool) -> Iterator[tuple[str, str]]:
        assert self.regex is not None
        compiled = pcre.python_pattern(self.regex)
        groups = list(compiled.groupindex)
        dynamic = any("$" in name for name, _ in self.formats) or any(map(_KEY.match, groups))
        try:
            for match in compiled.finditer(text, timeout=pcre.SECONDS):
                values = [match.group(), *match.groups()]
                for name, value in self.formats:
                    if _took_part(value, values):
                        yield _filled(name, values), _filled(value, values)
                for group in groups:
                    key = _KEY.match(group)
                    found = match.group(group)
                    if key is not None and found:
                        yield found, match.group(f"_VAL_{key[1]}") or ""
                    elif key is None and not group.startswith("_VAL_") and found is not None and not self.formats:
                        yield group, found
                if not (dynamic or every):
                    return
        except TimeoutError:
            raise pcre.timed_out(self.regex) from None


def _took_part(template: str, values: Sequence[str | None]) -> bool:
    return all(int(one) < len(values) and values[int(one)] is not None for one in _REFERENCE.findall(template))


def _filled(template: str, values: Sequence[str | None]) -> str:
    return _REFERENCE.sub(lambda found: (values[int(found[1])] if int(found[1]) < len(values) else "") or "", template)


def _cut(text: str, ends: str) -> Iterator[str]:
    """The pieces between delimiters, which do not count within double quotes; the quotes around a piece go."""
    start, quoted = 0, False
    for at, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif char in ends and not quoted:
            yield _bare(text[start:at])
            start = at + 1
    yield _bare(text[start:])


def _bare(piece: str) -> str:
    piece = piece.strip()
    return piece[1:-1] if len(piece) > 1 and piece[0] == piece[-1] == '"' else piece


def read_transform(name: str, settings: Mapping[str, str]) -> Transform:
    """The transform of a stanza's settings. Raises SplError for one that cannot be used, Unsupported for what Trapline
    cannot do."""

    def flag(key: str, default: bool) -> bool:
        return settings[key].strip().lower() in ("1", "t", "true", "y", "yes") if key in settings else default

    if "INGEST_EVAL" in settings or "DEST_KEY" in settings:
        raise Unsupported(
            f"the stanza [{name}] of transforms.conf is one of index time", hint="one with REGEX or DELIMS"
        )
    delims = tuple(_unescaped(one) for one in _QUOTED.findall(settings.get("DELIMS", "")))
    fields = tuple(quoted or bare for quoted, bare in _NAME.findall(settings.get("FIELDS", "")))
    regex = None if delims else settings.get("REGEX")
    formats: list[tuple[str, str]] = []
    if regex is not None:
        compiled = pcre.python_pattern(regex)
        for quoted, bare, constant, value in _TARGET.findall(settings.get("FORMAT", "")):
            formats.append((quoted or bare, constant or value))
        if not formats and not compiled.groupindex:
            raise SplError(
                f"the stanza [{name}] of transforms.conf names no field", hint="FORMAT = name::$1", code="conf"
            )
    elif not delims:
        raise SplError(f"the stanza [{name}] of transforms.conf has neither REGEX nor DELIMS", code="conf")
    elif len(delims) == 1 and not fields:
        raise SplError(f"the stanza [{name}] of transforms.conf has one set of DELIMS and no FIELDS", code="conf")
    source = settings.get("SOURCE_KEY", "_raw").strip().removeprefix("field:")
    return Transform(
        name,
        regex,
        tuple(formats),
        delims,
        fields,
        source,
        flag("MV_ADD", False),
        flag("CLEAN_KEYS", True),
        flag("KEEP_EMPTY_VALS", False),
    )


def _unescaped(text: str) -> str:
    return re.sub(r"\\.", lambda found: _ESCAPES.get(found[0], found[0]), text)
