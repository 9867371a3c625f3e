"""INDEXED_EXTRACTIONS and the settings beside it: how the header and the rows of a structured file are read.

Source: props.conf.spec, "Structured Data Header Extraction and configuration"; Getting Data In, "Extract fields from
files with structured data". What differs:

- MISSING_VALUE_REGEX has to match a value whole. Where it is found within one is not said, and a value would be lost.
- Without FIELD_DELIMITER the separator of INDEXED_EXTRACTIONS = csv is the one that the file has (; tab | too).
- Header names keep all their characters (HEADER_FIELD_ACCEPTABLE_SPECIAL_CHARACTERS).
- HEADER_FIELD_LINE_NUMBER = 0 passes over first lines that do not hold the separator, 20 at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import regex

from trapline.knowledge.settingreader import SettingReader

KINDS = ("csv", "json", "psv", "tsv", "w3c")
"""What INDEXED_EXTRACTIONS can be here."""
TABLES = {"csv": None, "psv": "|", "tsv": "\t"}
"""Those that are rows under a header, with their separators (None: that of the file)."""
KEYS = frozenset(
    {
        "INDEXED_EXTRACTIONS", "FIELD_DELIMITER", "HEADER_FIELD_DELIMITER", "FIELD_QUOTE", "HEADER_FIELD_QUOTE",
        "HEADER_FIELD_LINE_NUMBER", "FIELD_HEADER_REGEX", "FIELD_NAMES", "PREAMBLE_REGEX", "MISSING_VALUE_REGEX",
        "TIMESTAMP_FIELDS",
    }
)  # fmt: skip
_MAKES_TABLE = ("FIELD_DELIMITER", "FIELD_NAMES", "FIELD_HEADER_REGEX", "HEADER_FIELD_LINE_NUMBER")
"""Each makes a file structured without INDEXED_EXTRACTIONS, too."""
WHITESPACE = "whitespace"
"""A separator: any number of spaces and tabs."""
NONE = ""
"""A quote: there is none."""
_CHARACTERS = {
    "space": " ", "\\s": " ", "tab": "\t", "\\t": "\t", "\\f": "\f", "\\v": "\v", "fs": "\x1c", "gs": "\x1d",
    "rs": "\x1e", "us": "\x1f", "whitespace": WHITESPACE, "none": NONE,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Structure:
    """How a structured file is read. None and empty where no setting says it. `header_line` counts from 1, 0 = look for
    it. `header`: what stands before the names. `names` in place of a header. `times`: the fields whose values, joined
    by spaces, are the time."""

    kind: str = "csv"
    separator: str | None = None
    quote: str = '"'
    header_separator: str | None = None
    header_quote: str = '"'
    header_line: int = 0
    header: regex.Pattern[str] | None = None
    names: tuple[str, ...] = ()
    preamble: regex.Pattern[str] | None = None
    missing: regex.Pattern[str] | None = None
    times: tuple[str, ...] = ()


def read(settings: SettingReader) -> Structure | None:
    """The structure that settings speak of, None where they speak of none. What is wrong is told to `settings`."""
    kind = (settings.text("INDEXED_EXTRACTIONS") or "").lower() or None
    if kind is not None and kind not in KINDS:
        settings.wrong("INDEXED_EXTRACTIONS", f"is one of {', '.join(KINDS)}, not '{kind[:40]}'")
        kind = None
    if kind is None and settings.has(_MAKES_TABLE) and not settings.has(("INDEXED_EXTRACTIONS",)):
        kind = "csv"
    if kind is None:
        for key in sorted(KEYS - {"INDEXED_EXTRACTIONS"}):
            if settings.has((key,)):
                settings.wrong(key, "says nothing without INDEXED_EXTRACTIONS")
        return None
    times = _listed(settings.text("TIMESTAMP_FIELDS"))
    if kind not in TABLES:
        for key in sorted(KEYS - {"INDEXED_EXTRACTIONS", "TIMESTAMP_FIELDS"}):
            if settings.has((key,)):
                settings.wrong(key, f"is for rows under a header, not for {kind}")
        return Structure(kind, times=times)
    separator = _character(settings, "FIELD_DELIMITER") or TABLES[kind]
    own = _character(settings, "HEADER_FIELD_DELIMITER")
    if separator is None and own is not None:
        separator = ","
    quote = _quote(settings, "FIELD_QUOTE", '"')
    return Structure(
        kind,
        separator,
        quote,
        own,
        _quote(settings, "HEADER_FIELD_QUOTE", quote),
        max(settings.number("HEADER_FIELD_LINE_NUMBER", 0) or 0, 0),
        settings.pattern("FIELD_HEADER_REGEX"),
        _listed(settings.text("FIELD_NAMES")),
        settings.pattern("PREAMBLE_REGEX"),
        settings.pattern("MISSING_VALUE_REGEX"),
        times,
    )


def _listed(text: str | None) -> tuple[str, ...]:
    """Names between commas; brackets around all of them and quotes around one are taken off."""
    inner = (text or "").strip()
    if inner[:1] == "[" and inner[-1:] == "]":
        inner = inner[1:-1]
    return tuple(name for part in inner.split(",") if (name := part.strip().strip('"')))


def _quote(settings: SettingReader, key: str, default: str) -> str:
    found = _character(settings, key)
    if found == WHITESPACE:
        settings.wrong(key, "is one character")
        return default
    return default if found is None else found


def _character(settings: SettingReader, key: str) -> str | None:
    text = settings.text(key)
    if text is None:
        return None
    if len(text) == 3 and text[0] == text[2] == '"':
        text = text[1]
    known = _CHARACTERS.get(text.lower())
    if known is not None:
        return known
    if len(text) == 4 and text[:2].lower() == "\\x":
        try:
            return chr(int(text[2:], 16))
        except ValueError:
            pass
    if len(text) != 1 or text in "\r\n":
        settings.wrong(key, f"is one character or a name of one, not '{text[:40]}'")
        return None
    return text
