"""How commands print: JSON, tables that fit the terminal, text without control characters.

What comes from a log is hostile: an escape sequence in a field value must not reach the terminal. Text goes through
`clean` and is never read as markup.
"""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from collections.abc import Collection, Mapping, Sequence

import click

# C0 and C1 controls, zero-width and bidirectional marks, lone surrogates
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_MIN_WIDTH = 8
"""Columns are not squeezed below this, as long as the terminal has room for the header at all."""


def clean(text: str) -> str:
    """The text on one line, with control, bidirectional and zero-width characters shown as escapes: `\\x1b`."""
    return _CONTROL.sub(lambda found: _NAMED.get(found[0]) or _escape(ord(found[0])), text)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def count_of(count: int, noun: str) -> str:
    """A count with its noun: `1 run`, `2,000 searches`."""
    ending = "es" if noun.endswith(("ch", "sh", "s", "x")) else "s"
    return f"{count:,} {noun}{'' if count == 1 else ending}"


def print_json(value: object) -> None:
    """One JSON value on stdout, indented, UTF-8. Lone surrogates become `?`."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    click.echo(text.encode("utf-8", "replace").decode("utf-8"))


def print_table(
    headers: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    right: Collection[str] = (),
    title: str | None = None,
    width: int | None = None,
    wrap: bool = False,
    err: bool = False,
) -> None:
    """A table on stdout (`err`: stderr) that fits the terminal. Headers named in `right` are aligned to the right.
    None prints as nothing. Too wide cells are cut with `…`, or with `wrap` go on in further lines."""
    for line in table_lines(headers, rows, right=right, title=title, width=width, wrap=wrap):
        click.echo(line, err=err)


def table_lines(
    headers: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    right: Collection[str] = (),
    title: str | None = None,
    width: int | None = None,
    wrap: bool = False,
) -> list[str]:
    """The lines that `print_table` prints. `width`: columns of the terminal, asked from it when None."""
    texts = [["" if cell is None else clean(str(cell)) for cell in row] for row in rows]
    wanted = [max([cells(header)] + [cells(row[at]) for row in texts]) for at, header in enumerate(headers)]
    room = (width or shutil.get_terminal_size((120, 24)).columns) - 2 * (len(headers) - 1)
    widths = _fit(wanted, [min(cells(header), _MIN_WIDTH) for header in headers], room)
    aligned = [header in right for header in headers]
    lines = [] if title is None else [clean(title)]
    lines += _row(list(headers), widths, aligned, wrap=False)
    lines.append("  ".join("-" * one for one in widths))
    for row in texts:
        lines += _row(row, widths, aligned, wrap=wrap)
    return lines


def print_pairs(pairs: Mapping[str, object], *, err: bool = False) -> None:
    """Names and values, one a line, the values aligned. None is left out."""
    wide = max((cells(name) for name in pairs), default=0)
    for name, value in pairs.items():
        if value is not None:
            click.echo(f"{clean(name)}{' ' * (wide - cells(name))}  {clean(str(value))}", err=err)


def cells(text: str) -> int:
    """Terminal columns that a clean text takes (wide East Asian characters take two, combining marks none)."""
    if text.isascii():
        return len(text)
    return sum(_cell(char) for char in text)


def _cell(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _fit(wanted: list[int], least: list[int], room: int) -> list[int]:
    """Column widths that share the room: narrow columns keep what they want, the wide ones are cut to one width."""
    low, high = 1, max(wanted, default=1)

    def capped(cap: int) -> list[int]:
        return [min(want, max(cap, floor)) for want, floor in zip(wanted, least, strict=True)]

    while low < high:
        cap = (low + high + 1) // 2
        if sum(capped(cap)) <= room:
            low = cap
        else:
            high = cap - 1
    widths = capped(low)
    spare = room - sum(widths)
    for at, want in enumerate(wanted):
        if spare > 0 and widths[at] < want:
            widths[at] += 1
            spare -= 1
    return widths


def _row(row: list[str], widths: list[int], right: list[bool], *, wrap: bool) -> list[str]:
    split = [_wrap(text, width) if wrap else [_cut(text, width)] for text, width in zip(row, widths, strict=True)]
    lines = []
    for at in range(max(map(len, split), default=0)):
        parts = []
        for column, width, to_right in zip(split, widths, right, strict=True):
            text = column[at] if at < len(column) else ""
            pad = " " * max(0, width - cells(text))
            parts.append(pad + text if to_right else text + pad)
        lines.append("  ".join(parts).rstrip())
    return lines


def _cut(text: str, width: int) -> str:
    if cells(text) <= width:
        return text
    head, _ = _take(text, width - 1)
    return head + "…"


def _wrap(text: str, width: int) -> list[str]:
    lines = []
    while cells(text) > width:
        head, text = _take(text, max(1, width))
        blank = head.rfind(" ")
        if blank > width // 2:
            head, text = head[:blank], head[blank + 1 :] + text
        lines.append(head)
    return [*lines, text]


def _take(text: str, width: int) -> tuple[str, str]:
    """The text cut in two, the first part at most `width` columns wide but never without a character."""
    used = 0
    for at, char in enumerate(text):
        used += _cell(char)
        if used > width and at:
            return text[:at], text[at:]
    return text, ""


def human_bytes(count: float) -> str:
    """1536 -> `1.5 KB` (powers of 1024)."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TB"
