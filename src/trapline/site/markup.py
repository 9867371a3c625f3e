"""HTML that is right by construction: every text is escaped, only what `tag` made is markup."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


Cell = str | int | None | Html

# What a terminal or a right-to-left mark could hide in a text.
_HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_URL = re.compile(r"https?://[^\s<>\"'`]+[^\s<>\"'`.,;:!?)\]]")
_INLINE = re.compile(rf"(?P<url>{_URL.pattern})|(?<!`)`(?P<code>[^`\n]{{1,200}})`(?!`)")


def text(value: Cell) -> Html:
    """A value as HTML: escaped, hidden characters shown as their number. None is nothing."""
    if isinstance(value, Html):
        return value
    shown = "" if value is None else str(value)
    if not (shown.isascii() and shown.isprintable()):
        shown = _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", shown)
    return Html(html.escape(shown, quote=True))


def join(parts: Iterable[Cell], between: str = "") -> Html:
    """Parts one after another, each escaped."""
    return Html(between.join(text(part) for part in parts))


def tag(name: str, /, *children: Cell, **attributes: str | None) -> Html:
    """An element. Children and attribute values are escaped; `class_` stands for class, `_` for `-`. An attribute that
    is None is left out."""
    attrs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{attrs}>{''.join(text(child) for child in children)}</{name}>")


def void(name: str, /, **attributes: str) -> Html:
    """An element without content: meta, link, input."""
    return Html(tag(name, **attributes).removesuffix(f"</{name}>"))


def link(url: str, shown: Cell = None) -> Html:
    """A link out of the page, for http and https only: any other scheme stays text."""
    label = url if shown is None else shown
    if re.match(r"https?://[^\s]+\Z", url) is None:
        return text(label)
    return tag("a", label, href=url, rel="noreferrer noopener")


def table(headers: Sequence[str], rows: Sequence[Sequence[Cell]], caption: str = "") -> Html:
    """A table that becomes one block a row where the screen is narrow. Roles keep it a table then."""
    head = tag("tr", *(tag("th", header, scope="col", role="columnheader") for header in headers), role="row")
    body = [
        tag(
            "tr",
            *(
                tag("td", tag("div", cell), role="cell", data_label=label)
                for label, cell in zip(headers, row, strict=True)
            ),
            role="row",
        )
        for row in rows
    ]
    parts = [tag("caption", caption, class_="sr")] if caption else []
    parts += [tag("thead", head, role="rowgroup"), tag("tbody", *body, role="rowgroup")]
    return tag("table", *parts, class_="grid", role="table")


def pairs(rows: Sequence[tuple[str, Cell]]) -> Html:
    """Names and values."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in rows), class_="pairs")


def prose(value: str) -> Html:
    """Each block between blank lines as a paragraph; web addresses are links, what is in backticks is code."""
    blocks = (block.strip() for block in re.split(r"\n\s*\n", value.strip()))
    return Html("".join(tag("p", inline(block)) for block in blocks if block))


def inline(value: str) -> Html:
    """Running text with its web addresses and code."""
    parts: list[Cell] = []
    at = 0
    for found in _INLINE.finditer(value):
        parts.append(value[at : found.start()])
        parts.append(link(found["url"]) if found["url"] else tag("code", found["code"]))
        at = found.end()
    return join([*parts, value[at:]])


def chips(items: Sequence[Cell]) -> Html:
    """A short list in a row."""
    return tag("ul", *(tag("li", item) for item in items), class_="chips") if items else nothing("None.")


def nothing(what: str) -> Html:
    """A section that has no content says so."""
    return tag("p", what, class_="none")


def anchor(title: str) -> str:
    """The id of a section by its title."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"


def section(title: str, *children: Cell) -> Html:
    ident = anchor(title)
    return tag("section", tag("h2", title, id=f"{ident}-title"), *children, id=ident, aria_labelledby=f"{ident}-title")
