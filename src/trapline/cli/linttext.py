"""How `lint` prints: each finding with its place and a caret, then what it comes to."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import click

from trapline.cli.render import clean, print_json, table_lines
from trapline.errors import caret
from trapline.lint.check import Checked, all_rules
from trapline.lint.finding import Finding, Severity
from trapline.lint.inputs import Search

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}
_CARETS = 40
"""Findings that are shown with their line; of more only the place and the reason are shown."""


@dataclass(frozen=True, slots=True)
class One:
    """A search with what was found in it. `readable` False: its file could not be read."""

    search: Search
    checked: Checked
    readable: bool = True

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.checked.findings


@dataclass(frozen=True, slots=True)
class Result:
    """What was found. `hidden`: findings below the level asked for, which the summary counts and nothing else shows."""

    checked: tuple[One, ...]
    hidden: tuple[Finding, ...] = ()
    level: Severity = Severity.INFO

    def at(self, level: Severity) -> Result:
        """Only the findings of a level and above."""
        kept: list[One] = []
        hidden: list[Finding] = []
        for one in self.checked:
            shown = tuple(finding for finding in one.findings if finding.severity.reaches(level))
            hidden += [finding for finding in one.findings if not finding.severity.reaches(level)]
            kept.append(replace(one, checked=replace(one.checked, findings=shown)))
        return Result(tuple(kept), tuple(hidden), level)

    @property
    def failing(self) -> bool:
        """Is there a warning or an error?"""
        return any(finding.severity is not Severity.INFO for one in self.checked for finding in one.findings)


def to_json(result: Result) -> dict[str, Any]:
    """The findings with their places, and the summary."""
    findings = []
    for one in result.checked:
        for finding in one.findings:
            at = one.search.position(finding.span)
            place = {"line": at.line, "column": at.column, "end_line": at.end_line, "end_column": at.end_column}
            named = {"name": one.search.name} if one.search.name else {}
            findings.append({"file": one.search.file, **named, **place, **finding.to_json()})
    return {"summary": summary(result), "findings": findings}


def summary(result: Result) -> dict[str, Any]:
    """How many searches parse, what is not supported, how many findings of which code."""
    searches = [one for one in result.checked if one.readable]
    findings = [*result.hidden, *(finding for one in result.checked for finding in one.findings)]
    by_code = Counter(finding.code for finding in findings)
    by_severity = Counter(finding.severity.value for finding in findings)
    missing: dict[tuple[str, str], int] = Counter(key for one in searches for key in one.checked.unsupported)
    return {
        "searches": len(searches),
        "parsed": sum(one.checked.parsed for one in searches),
        "failed": sum(not one.checked.parsed for one in searches),
        "unreadable_files": len(result.checked) - len(searches),
        "unsupported": [
            {"kind": kind, "name": name, "searches": count}
            for (kind, name), count in sorted(missing.items(), key=lambda item: (-item[1], item[0]))
        ],
        "searches_with_unsupported": sum(bool(one.checked.unsupported) for one in searches),
        "findings": dict(sorted(by_code.items())),
        "level": result.level.value,
        "hidden": len(result.hidden),
        "severities": {one.value: by_severity.get(one.value, 0) for one in reversed(Severity)},
    }


def print_result(result: Result) -> None:
    """Findings, then the summary."""
    shown = [(one.search, finding) for one in result.checked for finding in one.findings]
    width = min(120, shutil.get_terminal_size((120, 24)).columns)
    for search, finding in shown:
        _print_finding(search, finding, width, lined=len(shown) <= _CARETS)
    _print_summary(result)


def _print_finding(search: Search, finding: Finding, width: int, *, lined: bool) -> None:
    at = search.position(finding.span)
    where = f"{search.file}:{at.line}:{at.column}: " if search.file is not None else f"{at.line}:{at.column}: "
    label = click.style(f"{finding.severity.value} {finding.code}", fg=_COLOURS[finding.severity], bold=True)
    inside = f" (in the macro `{finding.macro}`)" if finding.macro is not None else ""
    click.echo(f"{clean(where)}{label} {clean(finding.reason + inside)} [{finding.rule}]")
    if lined and search.text.strip():
        for row in caret(search.text, finding.span, width - 4):
            click.echo("    " + clean(row))
    if finding.hint is not None and lined:
        click.echo("    hint: " + clean(finding.hint))


def _print_summary(result: Result) -> None:
    found = summary(result)
    levels = found["severities"]
    parts = [f"{levels[name]:,} {word}{'' if levels[name] == 1 else 's'}" for name, word in _WORDS]
    count = found["searches"]
    text = f"{count:,} search{'' if count == 1 else 'es'}, {found['parsed']:,} parsed, {found['failed']:,} failed: "
    click.echo(text + ", ".join(parts))
    if count > 1 and found["findings"]:
        rules = {one.code: one for one in all_rules()}
        rows = [(code, number, rules[code].summary) for code, number in found["findings"].items()]
        click.echo()
        for line in table_lines(("code", "found", "rule"), rows, right=("found",)):
            click.echo(line)
    if found["unsupported"] and count > 1:
        click.echo()
        rows = [(one["kind"], one["name"], one["searches"]) for one in found["unsupported"]]
        for line in table_lines(("not supported", "name", "searches"), rows, right=("searches",)):
            click.echo(line)
    if result.hidden:
        click.echo("\n--level info shows the remarks." if levels["info"] else "\n--level warning shows the warnings.")


_WORDS = (("error", "error"), ("warning", "warning"), ("info", "remark"))


def print_rules(*, as_json: bool) -> None:
    """Every rule."""
    if as_json:
        rules = [
            {
                "code": one.code,
                "rule": one.name,
                "severity": one.severity.value,
                "summary": one.summary,
                "text": one.text,
            }
            for one in all_rules()
        ]
        print_json({"rules": rules})
        return
    rows = [(one.code, one.name, one.severity.value, one.summary) for one in all_rules()]
    for line in table_lines(("code", "rule", "severity", "what it finds"), rows):
        click.echo(line)
