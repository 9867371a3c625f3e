"""`trapline content stats`: what a tree holds; and the lines that show one object of any kind."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trapline.cli.options import content_option, json_option, store_option
from trapline.cli.render import clean, print_json, print_table

if TYPE_CHECKING:
    from trapline.content.catalog import Content
    from trapline.content.model import Item


@click.command("stats")
@content_option
@store_option
@click.option("--only", is_flag=True, help="Leave the built-in content out.")
@json_option
def stats(folders: tuple[str, ...], store: Path, only: bool, as_json: bool) -> None:
    """Count objects by kind, detections by type and status.

    \b
    Examples:
      trapline content stats
      trapline content stats --content ~/security_content --only
    """
    from trapline import app
    from trapline.content import overview, read
    from trapline.content.catalog import Content

    if only:
        content = Content()
        for folder in (*app.added(store), *map(Path, folders)):
            content.lay(read.load(folder))
    else:
        content = app.content(folders, store=store)
    found = overview.stats(content)
    if as_json:
        print_json(found)
        return
    for at, (title, counts) in enumerate(found.items()):
        if counts:
            if at:
                click.echo()
            rows = [(name, f"{count:,}") for name, count in counts.items()]
            print_table((title, "count"), rows, right=("count",))


def object_lines(content: Content, item: Item, width: int) -> Iterator[str]:
    """All that an object of any kind says, and what uses it, for a terminal `width` columns wide."""
    from trapline.content import overview

    found = overview.details(content, item)
    yield click.style(clean(found["name"]), bold=True)
    for key, value in found.items():
        if key not in ("name", "extra"):
            yield from _value(key, value, width, "  ")
    yield ""


def _value(key: str, value: Any, width: int, indent: str) -> Iterator[str]:
    head = f"{indent}{clean(key.replace('_', ' '))}: "
    match value:
        case dict():
            yield head.rstrip()
            for name, one in value.items():
                yield from _value(str(name), one, width, indent + "  ")
        case list() if any(isinstance(one, dict) for one in value):
            yield head.rstrip()
            for one in value:
                yield from _value("-", one, width, indent + "  ")
        case list():
            yield from _wrapped(", ".join(str(one) for one in value), head, width, indent)
        case str() if "\n" in value:
            yield head.rstrip()
            for line in value.strip("\n").split("\n"):
                yield from _wrapped(line, indent + "  ", width, indent)
        case _:
            yield from _wrapped(str(value), head, width, indent)


def _wrapped(text: str, head: str, width: int, indent: str) -> list[str]:
    lines = textwrap.wrap(
        clean(text), width, initial_indent=head, subsequent_indent=indent + "    ", break_on_hyphens=False
    )
    return lines or [head.rstrip()]
