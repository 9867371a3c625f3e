"""How `content validate` prints: findings by file, then what it comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

import click

from trapline.cli.render import clean, print_json, table_lines
from trapline.validate.check import Result, all_rules
from trapline.validate.finding import Level

_COLOURS = {Level.ERROR: "red", Level.WARNING: "yellow", Level.NOTE: "blue"}


def at(result: Result, least: Level) -> Result:
    """Only the findings of a level and above."""
    return replace(result, findings=tuple(one for one in result.findings if one.level.reaches(least)))


def by_rule(result: Result) -> list[tuple[str, dict[str, int]]]:
    """Rule -> how many of each level, the worst and most frequent first."""
    counts: dict[str, Counter[str]] = {}
    for one in result.findings:
        counts.setdefault(one.rule, Counter())[one.level.value] += 1
    levels = [level.value for level in reversed(Level)]
    rows = [(rule, {level: found[level] for level in levels}) for rule, found in counts.items()]
    return sorted(rows, key=lambda row: ([-row[1][level] for level in levels], row[0]))


def to_json(result: Result, shown: Result) -> dict[str, Any]:
    """The summary of all findings, and those shown."""
    return {
        "summary": {
            "objects": dict(result.items),
            "levels": {level.value: result.count(level) for level in reversed(Level)},
            "rules": dict(by_rule(result)),
            "ignored": result.ignored,
            "shown": len(shown.findings),
        },
        "findings": [one.to_json() for one in shown.findings],
    }


def lines(result: Result, shown: Result, least: Level, seconds: float) -> Iterator[str]:
    for file, found in groupby(shown.findings, key=lambda one: one.file):
        yield click.style(clean(file), bold=True)
        for one in found:
            where = ":".join(str(part) for part in (one.line, one.column) if part is not None)
            label = click.style(one.level.value, fg=_COLOURS[one.level], bold=True)
            field = f"{one.field}: " if one.field else ""
            yield f"  {where or '-':>7}  {label} {clean(field + one.reason)} [{one.rule}]"
            if one.hint:
                yield f"           -> {clean(one.hint)}"
    if shown.findings:
        yield ""
    rows = [(rule, *counts.values()) for rule, counts in by_rule(result)]
    if rows:
        headers = ("rule", *(f"{level.value}s" for level in reversed(Level)))
        yield from table_lines(headers, rows, right=headers[1:])
        yield ""
    objects = sum(result.items.values())
    kinds = ", ".join(f"{count:,} {kind}{'' if count == 1 else 's'}" for kind, count in result.items.items())
    kinds = kinds.replace("storys", "stories")
    yield f"{objects:,} object{'' if objects == 1 else 's'} in {seconds:.1f} s{': ' if kinds else ''}{kinds}"
    parts = [
        f"{result.count(level):,} {level.value}{'' if result.count(level) == 1 else 's'}" for level in reversed(Level)
    ]
    ignored = f"; {result.ignored:,} ignored by trapline-validate.yml" if result.ignored else ""
    yield ", ".join(parts) + ignored
    if least is not Level.NOTE and result.count(Level.NOTE):
        yield "--level note shows the notes."


def print_rules(*, as_json: bool) -> None:
    """Every rule."""
    if as_json:
        rules = [
            {
                "rule": one.name,
                "level": one.level.value,
                "refused_by_contentctl": one.refused,
                "summary": one.summary,
                "text": one.text,
            }
            for one in all_rules()
        ]
        print_json({"rules": rules})
        return
    rows = [(one.name, one.level.value, "yes" if one.refused else "", one.summary) for one in all_rules()]
    for line in table_lines(("rule", "level", "--strict", "what it finds"), rows):
        click.echo(line)
