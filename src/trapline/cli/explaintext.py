"""How `explain` prints: a table of stages, then the condition that removed the last rows as a tree."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence

import click

from trapline.cli.render import cells, clean
from trapline.explain import Breakdown, Clause, Emptiness, Explanation, FieldFacts
from trapline.explain.clauses import squeeze

_WIDEST = 140
_VALUE = 60
"""Characters of a field value that are shown."""


def print_explanation(found: Explanation) -> None:
    """Stages with rows, milliseconds and macros; the breakdowns below."""
    width = min(_WIDEST, shutil.get_terminal_size((120, 24)).columns)
    _stages(found, width)
    for one in found.breakdowns:
        click.echo()
        _breakdown(found, one, width)


def _stages(found: Explanation, width: int) -> None:
    counts = [f"{one.rows:,}" for one in found.stages]
    times = [f"{one.ms:,.0f}" for one in found.stages]
    wide = max(4, *map(len, counts))
    late = max(4, *map(len, times))
    head = f"  #  {'rows':>{wide}}  {'ms':>{late}}  stage"
    click.secho(head, bold=True)
    left = len(head) - len("stage")
    for place, one in enumerate(found.stages):
        text = squeeze(one.text)
        shown = text if place == 0 else f"| {text}"
        lost = place == found.empty
        lines = _wrapped(clean(shown), max(20, width - left), 6)
        mark = click.style("  <- no rows left", fg="red", bold=True) if lost else ""
        number = f"{place + 1:>3}  {counts[place]:>{wide}}  {times[place]:>{late}}  "
        dim = found.empty is not None and place > found.empty
        for at, line in enumerate(lines):
            last = at == len(lines) - 1
            lead = number if at == 0 else " " * left
            click.echo(lead + click.style(line, dim=dim) + (mark if last else ""))
        if one.macros:
            calls = ", ".join(f"`{name}`" for name in one.macros)
            for line in _wrapped(clean(f"from the macro{'s' if len(one.macros) > 1 else ''} {calls}"), width - left, 3):
                click.secho(" " * left + line, dim=True)
        for note in one.notes:
            for line in _wrapped(clean(note), width - left - 2, 3):
                click.secho(" " * left + "! " + line, fg="yellow")


def _breakdown(found: Explanation, one: Breakdown, width: int) -> None:
    stage = found.stages[one.stage]
    for each in one.empty:
        click.secho(f"Stage {one.stage + 1}, {stage.name}: the dataset {clean(each.dataset)} is empty.", bold=True)
        _empty(each, width)
    if one.empty:
        _said(one.notes, width)
        return
    came = f"{one.came:,} {'event' if one.stage == 0 else 'row'}{'' if one.came == 1 else 's'} came in"
    went = "none got through" if not stage.rows else f"{stage.rows:,} got through"
    click.secho(f"Stage {one.stage + 1}, {stage.name}: {came}, {went}.", bold=True)
    if one.clause is not None and one.came:
        click.echo()
        _clauses(one.clause, width)
    _said(one.notes, width)
    for fact in one.fields:
        click.echo()
        _field(fact, one, width)


def _said(notes: Sequence[str], width: int) -> None:
    for note in notes:
        click.echo()
        for line in _wrapped(clean(note[0].upper() + note[1:] + "."), width - 2, 4):
            click.secho("  " + line, fg="yellow")


def _clauses(top: Clause, width: int) -> None:
    rows = list(_lines(top, 0, ""))
    numbers = [[f"{one.alone:,}" for one, _, _ in rows], [_or_dash(one.left) for one, _, _ in rows]]
    spare = [_or_dash(one.without) for one, _, _ in rows]
    wide = [max(len(head), *map(len, column)) for head, column in zip(_HEADS, [*numbers, spare], strict=True)]
    click.secho("  " + "  ".join(f"{head:>{size}}" for head, size in zip(_HEADS, wide, strict=True)) + "  clause")
    left = 2 + sum(wide) + 2 * len(wide)
    for (one, depth, joint), alone, kept, without in zip(rows, *numbers, spare, strict=True):
        columns = "  ".join(f"{text:>{size}}" for text, size in zip((alone, kept, without), wide, strict=True))
        indent = "   " * depth
        text = _shown(one)
        mark = ""
        if one.removes:
            mark = "  <- holds for no row" if not one.alone else "  <- removes the last rows"
        elif one.left is not None and not one.alone and one.kind == "condition":
            mark = "  <- holds for no row"
        lines = _wrapped(clean(joint + text), max(20, width - left - len(indent)), 4)
        for at, line in enumerate(lines):
            lead = f"  {columns}  " if at == 0 else " " * left
            end = click.style(mark, fg="red", bold=True) if at == len(lines) - 1 else ""
            click.echo(lead + indent + click.style(line, bold=one.removes) + end)
        if one.note:
            for line in _wrapped(clean(f"({one.note})"), max(20, width - left - len(indent) - 3), 2):
                click.secho(" " * left + indent + "   " + line, dim=True)
    for line in _wrapped(_LEGEND, width - 2, 4):
        click.secho("  " + line, dim=True)


def _empty(found: Emptiness, width: int) -> None:
    """The datasets from the root down with the events that are left, then why."""
    click.echo()
    first = found.levels[0].came if found.levels else None
    rows = [*([] if first is None else [(first, "all events that the search may read")])]
    rows += [(one.rows, f"{one.dataset}: {one.constraint or 'no constraint'}") for one in found.levels]
    wide = max((len(f"{count:,}") for count, _ in rows), default=0)
    for place, (count, text) in enumerate(rows):
        lost = not count and place == len(rows) - 1
        lines = _wrapped(clean(text), max(20, width - wide - 4), 4)
        for at, line in enumerate(lines):
            end = click.style("  <- no events left", fg="red", bold=True) if lost and at == len(lines) - 1 else ""
            click.echo((f"  {count:>{wide},}  " if at == 0 else " " * (wide + 4)) + click.style(line, bold=lost) + end)
    for told in found.because:
        click.echo()
        for line in _wrapped(clean(told[0].upper() + told[1:] + "."), width - 2, 6):
            click.secho("  " + line, fg="yellow")
    if found.near:
        click.echo()
    for near in found.near:
        for at, line in enumerate(_wrapped(clean(str(near)), width - 6, 6)):
            click.secho(("    * " if at == 0 else "      ") + line, fg="cyan")


_LEGEND = (
    "alone: rows it holds for; left: rows left after it and the clauses before it; "
    "without: rows left if it alone were taken out"
)
_HEADS = ("alone", "left", "without")


def _or_dash(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def _lines(one: Clause, depth: int, joint: str) -> Iterator[tuple[Clause, int, str]]:
    """A clause and those below it, each with its depth and the word that joins it to the one before."""
    top_and = one.kind == "and" and depth == 0 and not joint
    if not top_and:
        yield one, depth, joint
        depth += 1
    for place, part in enumerate(one.parts):
        word = one.kind.upper() + " " if place and one.kind in ("and", "or") else ""
        if one.kind == "not":
            word = ""
        yield from _lines(part, depth, word if not top_and or place else "")


def _shown(one: Clause) -> str:
    if not one.parts or one.kind == "condition":
        return one.text
    if one.kind == "not":
        return one.text
    if len(one.parts) == 1:
        return one.text  # an eventtype, a tag, a subsearch
    if len(one.text) <= _VALUE:
        return f"({one.text})"
    return {"and": "all of:", "or": "one of:"}[one.kind]


def _field(fact: FieldFacts, one: Breakdown, width: int) -> None:
    name = clean(fact.field)
    head = f"{name}: "
    if not fact.rows:
        head += f"none of the {fact.of:,} rows has this field."
    else:
        head += f"{fact.rows:,} of {fact.of:,} rows have it"
        more = "more than " if fact.more else ""
        values = f"{more}{fact.distinct:,} value{'' if fact.distinct == 1 else 's'}"
        if fact.within is not None:
            head += f"; in the {fact.within:,} that pass every other clause: {values}."
        else:
            head += f"; {values}."
    for at, line in enumerate(_wrapped(head, width - 2, 3)):
        click.echo(("  " if at == 0 else "    ") + line)
    wide = max((len(f"{rows:,}") for _, rows in fact.values), default=0)
    for value, rows in fact.values:
        text = _cut(clean(value), min(_VALUE, width - wide - 10)) if value else '""'
        click.echo(f"      {rows:>{wide},}  {text}")
    if fact.distinct > len(fact.values):
        click.secho(f"      {'':>{wide}}  and {fact.distinct - len(fact.values):,} more", dim=True)
    for hint in fact.near:
        for at, line in enumerate(_wrapped(clean(hint), width - 6, 4)):
            click.secho(("    * " if at == 0 else "      ") + line, fg="cyan")


def _cut(text: str, width: int) -> str:
    return text if cells(text) <= width else text[: max(1, width - 1)] + "…"


def _wrapped(text: str, width: int, most: int) -> list[str]:
    """The text in lines, at most `most` of them; cut with `…`."""
    lines: list[str] = []
    rest = text
    while len(rest) > width and len(lines) < most - 1:
        at = rest.rfind(" ", width // 2, width + 1)
        at = width if at < 0 else at
        lines.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    lines.append(_cut(rest, width))
    return lines
