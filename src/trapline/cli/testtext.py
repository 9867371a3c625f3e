"""How `trapline test` prints."""

from __future__ import annotations

import click

from trapline.cli.render import clean, print_table
from trapline.testing.model import DetectionResult, Kind, Status, Tested, TestResult

_MARKS = {Status.PASS: ("pass", "green"), Status.FAIL: ("FAIL", "red"), Status.ERROR: ("ERROR", "red")}
_MARKS[Status.SKIP] = ("skip", "yellow")
_MOST = 3
"""Skipped detections that are named of each reason."""


def print_tested(tested: Tested, *, verbose: bool = False) -> None:
    """What passed as a table, what failed with its reasons, what was skipped by reason, the sum."""
    ran = [one for one in tested.results if one.status is not Status.SKIP]
    if tested.chosen is not None:
        _chosen(tested)
        if not tested.results:
            return
    if ran:
        print_table(["status", "seconds", *_KINDS, "detection"], [_row(one) for one in ran], right=("seconds",))
    for one in tested.results:
        for test in one.tests:
            if test.failures:
                _failed(one, test)
            elif test.notes and verbose:
                for note in test.notes:
                    click.echo(clean(f"{one.name}, {test.kind} '{test.name}': {note}"))
    _skipped(tested)
    click.echo()
    click.echo(summary_line(tested))


def _chosen(tested: Tested) -> None:
    """What is tested because of a change."""
    since = f" since {clean(tested.since)}" if tested.since else ""
    if not tested.chosen and not tested.results:
        click.echo(f"nothing that a test depends on has changed{since}")
        return
    for name, because in (tested.chosen or {}).items():
        more = f" and {len(because) - _MOST:,} more" if len(because) > _MOST else ""
        click.echo(clean(f"{name}: changed{since} is {'; '.join(because[:_MOST])}{more}"))
    click.echo()


_KINDS = [one.value for one in Kind]


def _row(one: DetectionResult) -> list[object]:
    return [one.status.value, f"{one.seconds:.2f}", *(_of_kind(one, kind) for kind in Kind), one.name]


def _of_kind(one: DetectionResult, kind: Kind) -> str:
    states = [test.status for test in one.tests if test.kind is kind]
    if not states:
        return ""
    worst = next((s for s in (Status.ERROR, Status.FAIL, Status.SKIP) if s in states), Status.PASS)
    if worst is Status.SKIP and Status.PASS in states:
        return f"pass {states.count(Status.PASS)} of {len(states)}"
    return worst.value if len(states) == 1 or worst is Status.PASS else f"{worst.value} {states.count(worst)}"


def _failed(one: DetectionResult, test: TestResult) -> None:
    word, colour = _MARKS[test.status]
    click.echo()
    title = f"{one.name}, {test.kind.value}" + ("" if test.kind is Kind.VALIDATION else f" '{test.name}'")
    click.secho(f"{word} {clean(title)}", fg=colour, bold=True)
    for failure in test.failures:
        click.echo("  " + clean(failure.reason))
        for line in failure.details:
            click.secho("    " + clean(line), dim=True)
        if failure.hint:
            click.echo("    hint: " + clean(failure.hint))
    for row in test.sample:
        cells = ", ".join(f"{name}={value}" for name, value in row.items())
        click.secho("    row: " + clean(cells[:300]), dim=True)
    for note in test.notes:
        click.secho("  note: " + clean(note), fg="yellow")


def _skipped(tested: Tested) -> None:
    reasons: dict[str, list[str]] = {}
    for one in tested.of(Status.SKIP):
        reason = one.reason
        if "not on this machine" in reason:
            reason = "its data is not on this machine (give --fetch, --data DIR or --map FILE)"
        elif " is not below " in reason:
            reason = "its data is not below --data (copy it there, or give --fetch or --map FILE)"
        reasons.setdefault(reason, []).append(one.name)
    if reasons:
        click.echo()
    for reason, names in sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0])):
        more = f" and {len(names) - _MOST:,} more" if len(names) > _MOST else ""
        click.secho(clean(f"skip {len(names):,}: {reason}: {', '.join(names[:_MOST])}{more}"), fg="yellow")


def summary_line(tested: Tested) -> str:
    """`12 passed, 1 failed, 3 skipped in 4.2 s; median 0.21 s`"""
    parts = [f"{len(tested.of(Status.PASS)):,} passed", f"{len(tested.of(Status.FAIL)):,} failed"]
    parts.append(f"{len(tested.of(Status.SKIP)):,} skipped")
    median = "" if tested.median is None else f"; median {tested.median:.2f} s a detection"
    return f"{', '.join(parts)} in {tested.seconds:.1f} s{median}"
