"""How `diff` prints: each object with what changed of it, its search stage by stage; for a terminal or in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from trapline.cli.render import clean
from trapline.splunkapp.compare import Behind, Change, Difference, Entry, FieldChange
from trapline.splunkapp.spltext import StageLine
from trapline.splunkapp.views import Value

_MARKS = {Change.ADDED: "+", Change.REMOVED: "-", Change.RENAMED: ">", Change.CHANGED: "~"}
_COLOURS = {Change.ADDED: "green", Change.REMOVED: "red", Change.RENAMED: "cyan", Change.CHANGED: "yellow"}
_STAGES = {"+": "green", "-": "red"}
_LONG = 160
"""Characters of a value that are shown beside the other; longer ones are shown below each other, cut at the change."""
_AROUND = 60


def show(found: Difference, behind: Sequence[Behind] | None, *, stat: bool = False) -> None:
    """The whole difference on stdout; colours only on a terminal. `stat`: only the numbers."""
    if not stat:
        for entry in found.entries:
            for line in _entry(entry):
                click.echo(line)
    for line in summary(found):
        click.echo(line)
    if behind is not None:
        for line in _behind(behind):
            click.echo(line)


def summary(found: Difference) -> Iterator[str]:
    """A line for each kind of content."""
    for kind, row in found.counts().items():
        parts = [f"{row[change.value]:,} {change.value}" for change in Change if row[change.value]]
        yield f"{kind}: {', '.join(parts) or 'no difference'}; {row['same']:,} the same"


def _entry(entry: Entry) -> Iterator[str]:
    mark = click.style(f"{_MARKS[entry.change]} {clean(entry.name)}", fg=_COLOURS[entry.change], bold=True)
    note = "" if entry.behaviour else "  texts only"
    yield f"{mark}  {entry.kind} {entry.change.value}{_versions(entry)}{note}"
    if entry.old_name:
        yield f"    name: {clean(entry.old_name)} -> {clean(entry.name)}"
    for change in entry.fields:
        if change.name != "version":
            yield from _field(change)
    if entry.stages:
        yield "    SPL:"
        yield from (f"      {_stage(one)}" for one in entry.stages)
    if entry.fields or entry.stages:
        yield ""


def _versions(entry: Entry) -> str:
    old, new = entry.versions
    if old is None or new is None or old == new:
        return f", version {new if old is None else old}" if (new if old is None else old) else ""
    return f", version {old} -> {new}"


def _plain(one: StageLine) -> str:
    return f"{one.mark} {'' if one.first else '| '}{clean(one.text)}"


def _stage(one: StageLine) -> str:
    text = _plain(one)
    return click.style(text, fg=_STAGES.get(one.mark), dim=one.mark == " ")


def _field(change: FieldChange) -> Iterator[str]:
    old, new = change.old, change.new
    if isinstance(old, tuple) or isinstance(new, tuple):
        yield f"    {change.name}:"
        yield from (f"      {line}" for line in _lists(old, new))
        return
    before, after = _text(old), _text(new)
    if len(before) + len(after) <= _LONG:
        yield f"    {change.name}: {before} -> {after}"
        return
    short_before, short_after = _near(before, after)
    yield f"    {change.name}:"
    yield "      " + click.style(f"- {short_before}", fg="red")
    yield "      " + click.style(f"+ {short_after}", fg="green")


def _text(value: Value) -> str:
    if value is None:
        return "(none)"
    return clean(", ".join(value) if isinstance(value, tuple) else str(value))


def _lists(old: Value, new: Value) -> Iterator[str]:
    before, after = _items(old), _items(new)
    for item in before:
        if item not in after:
            yield click.style(f"- {clean(item)}", fg="red")
    for item in after:
        if item not in before:
            yield click.style(f"+ {clean(item)}", fg="green")
    if sorted(before) == sorted(after):
        yield "(the same in another order)"


def _items(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else () if value is None else (str(value),)


def _near(before: str, after: str) -> tuple[str, str]:
    """Two long texts cut to where they differ."""
    start = len(_common(before, after))
    end = len(_common(before[start:][::-1], after[start:][::-1]))
    return _cut(before, start, end), _cut(after, start, end)


def _common(one: str, other: str) -> str:
    size = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[:size]


def _cut(text: str, start: int, end: int) -> str:
    first, last = max(0, start - _AROUND), min(len(text), len(text) - end + _AROUND)
    found = text[first:last]
    if len(found) > 4 * _LONG:
        found = f"{found[: 2 * _LONG]} … {found[-2 * _LONG :]}"
    return ("…" if first else "") + found + ("…" if last < len(text) else "")


def _behind(behind: Sequence[Behind]) -> Iterator[str]:
    if not behind:
        yield "all enabled detections are as they are upstream"
        return
    yield f"{len(behind):,} enabled detections are behind:"
    for one in behind:
        yield f"  {click.style(clean(one.name), bold=True)}: {what(one)}"


def what(one: Behind) -> str:
    """What changed for an enabled detection, in a few words."""
    parts: list[str] = []
    entry = one.entry
    if entry is not None:
        old, new = entry.versions
        if entry.change is Change.REMOVED:
            parts.append("removed upstream")
        if entry.old_name:
            parts.append(f"now '{clean(entry.name)}'")
        if old is not None and new is not None and old != new:
            parts.append(f"version {old} -> {new}")
        if entry.stages:
            parts.append("SPL")
        parts += [_few(change) for change in entry.fields if not change.prose]
        prose = [change.name for change in entry.fields if change.prose and change.name not in ("version", "modified")]
        if prose:
            parts.append(f"texts ({', '.join(prose)})")
    parts += [f"{other.kind} {clean(other.name)} {other.change.value}" for other in one.through]
    return "; ".join(parts) or "its date"


def _few(change: FieldChange) -> str:
    before, after = _text(change.old), _text(change.new)
    return f"{change.name} {before} -> {after}" if len(before) + len(after) <= 80 else change.name


def markdown(found: Difference, behind: Sequence[Behind] | None) -> Iterator[str]:
    """The difference as a Markdown document, for a pull request or release notes."""
    yield "# Differences of the content"
    yield ""
    yield from (f"- {line}" for line in summary(found))
    if behind is not None:
        yield ""
        yield "## Enabled and behind"
        yield ""
        yield from (f"- **{_md(one.name)}**: {_md(what(one))}" for one in behind)
        if not behind:
            yield "Nothing."
    for change in Change:
        entries = [one for one in found.entries if one.change is change]
        if not entries:
            continue
        yield ""
        yield f"## {change.value.capitalize()}"
        for entry in entries:
            yield ""
            yield f"### {_md(entry.name)}"
            yield ""
            yield f"{entry.kind.capitalize()}{_versions(entry)}{'' if entry.behaviour else ', texts only'}"
            yield from _md_details(entry)


def _md_details(entry: Entry) -> Iterator[str]:
    if entry.old_name:
        yield ""
        yield f"Was: {_md(entry.old_name)}"
    rows = [change for change in entry.fields if change.name != "version"]
    if rows:
        yield ""
        yield "| Field | Old | New |"
        yield "|---|---|---|"
        for change in rows:
            before, after = _near(_text(change.old), _text(change.new))
            yield f"| {change.name} | {_md(before)} | {_md(after)} |"
    if entry.stages:
        lines = [_plain(one) for one in entry.stages]
        fence = "```"
        while any(fence in line for line in lines):
            fence += "`"
        yield from ("", f"{fence}diff", *lines, fence)


def _md(text: str) -> str:
    """The text with what Markdown and HTML would take for their own."""
    out = clean(text)
    for char in "\\`*_[]<>|#":
        out = out.replace(char, f"\\{char}")
    return out
