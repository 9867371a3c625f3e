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
_LONGEST_WORD = 22
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
                tag("td", tag("div", cell), class_=_long(cell), role="cell", data_label=label)
                for label, cell in zip(headers, row, strict=True)
            ),
            role="row",
        )
        for row in rows
    ]
    parts = [tag("caption", caption, class_="sr")] if caption else []
    parts += [tag("thead", head, role="rowgroup"), tag("tbody", *body, role="rowgroup")]
    return tag("table", *parts, class_="grid", role="table")


def _long(cell: Cell) -> str | None:
    """The class of a cell whose words may break: one of them is wider than a column should be."""
    if cell is None or isinstance(cell, int):
        return None
    words = (re.sub(r"<[^>]*>", " ", cell) if isinstance(cell, Html) else cell).split()
    return "long" if max(map(len, words), default=0) > _LONGEST_WORD else None


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


# Of a report that is one file; the site has its own style sheet.
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: #0b6e4f; }
@media (prefers-color-scheme: dark) { :root { --accent: #5fd3a6; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1.5rem; }
h1 { line-height: 1.2; margin-bottom: .3rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line); padding-bottom: .2rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
a { color: var(--accent); }
.meta { color: GrayText; margin: 0 0 1rem; }
.grid { display: block; overflow-x: auto; }
table { border-collapse: collapse; margin: .4rem 0; }
th, td { text-align: left; vertical-align: top; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: break-word; }
th { font-weight: 600; white-space: nowrap; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: .8rem; overflow-x: auto;
  white-space: pre-wrap; overflow-wrap: anywhere; }
code, pre { font: 14px/1.5 ui-monospace, monospace; }
.note { border-left: 4px solid var(--accent); background: var(--soft); padding: .5rem .8rem; }
.warn { border-left: 4px solid #c60; background: var(--soft); padding: .5rem .8rem; }
ul.row { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .3rem .5rem; }
ul.row li { border: 1px solid var(--line); border-radius: 999px; padding: 0 .7rem; }
"""


def document(title: str, *body: Cell, style: str = "") -> str:
    """A whole HTML document, UTF-8, that loads nothing and runs nothing."""
    head = [
        Html('<meta charset="utf-8">'),
        Html(
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
            "base-uri 'none'; form-action 'none'\">"
        ),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="referrer" content="no-referrer">'),
        tag("title", title),
        tag("style", Html(_STYLE + style)),
    ]
    return "<!DOCTYPE html>\n" + tag("html", tag("head", *head), "\n", tag("body", *body), lang="en") + "\n"
