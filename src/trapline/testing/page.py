"""What tests came to, as one HTML page: it loads nothing, runs nothing, and escapes every text."""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.markup import Html, document, section, table, tag
from trapline.testing.model import DetectionResult, Kind, Status, Tested, TestResult

MOST_PASSED = 5_000
"""Detections that passed or were skipped and are listed."""
LONGEST = 400
"""Characters of a cell of a sample row."""
_STYLE = """
.pass { color: #0a7f3f; } .fail, .error { color: #c22; font-weight: 600; } .skip { color: GrayText; }
@media (prefers-color-scheme: dark) { .pass { color: #5fd38a; } .fail, .error { color: #ff7b72; } }
details { border: 1px solid var(--line); border-radius: 6px; margin: .6rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; } .sum { font-size: 1.2rem; }
"""


def html(tested: Tested) -> str:
    """The page."""
    failed = tested.of(Status.FAIL)
    rest = [one for one in tested.results if one.status is not Status.FAIL][:MOST_PASSED]
    title = f"{len(failed):,} of {len(tested.results):,} detections failed" if failed else "No detection failed"
    body = [
        tag("h1", title),
        tag("p", _sum(tested), class_="sum"),
        *([section("Failed", *(_failed(one) for one in failed))] if failed else []),
        section("Detections", _table([*failed, *rest])),
        section("Skipped", tag("ul", *_skipped(tested))),
    ]
    if tested.warnings:
        body.append(section("Warnings", tag("ul", *(tag("li", str(one)) for one in tested.warnings[:500]))))
    return document(f"Trapline test: {title}", *body, style=_STYLE)


def _sum(tested: Tested) -> str:
    passed, failed, skipped = (len(tested.of(one)) for one in (Status.PASS, Status.FAIL, Status.SKIP))
    median = "" if tested.median is None else f", median {tested.median:.2f} s a detection"
    return f"{passed:,} passed, {failed:,} failed, {skipped:,} skipped in {tested.seconds:.1f} s{median}"


def _mark(status: Status) -> Html:
    return tag("span", status.value, class_=status.value)


def _table(results: list[DetectionResult]) -> Html:
    headers = ["status", "detection", "type", *(one.value for one in Kind), "seconds"]
    rows = [
        [_mark(one.status), one.name, one.type, *(_of(one, kind) for kind in Kind), f"{one.seconds:.2f}"]
        for one in results
    ]
    return table(headers, rows)


def _of(one: DetectionResult, kind: Kind) -> Html:
    return Html(", ".join(_mark(test.status) for test in one.tests if test.kind is kind))


def _failed(one: DetectionResult) -> Html:
    body = [tag("p", one.file, class_="meta"), tag("pre", tag("code", one.search))]
    for test in one.tests:
        if test.failures:
            body += _test(test)
    summary = tag("summary", tag("strong", one.name), ": ", next((t.message for t in one.tests if t.failures), ""))
    return tag("details", summary, *body)


def _test(test: TestResult) -> Iterator[Html]:
    yield tag("h3", f"{test.kind.value}: {test.name} ", _mark(test.status))
    for failure in test.failures:
        yield tag("p", failure.reason, class_="warn")
        if failure.details:
            yield tag("pre", "\n".join(failure.details))
        if failure.hint:
            yield tag("p", f"Hint: {failure.hint}", class_="note")
    if test.sample:
        names = list(dict.fromkeys(name for row in test.sample for name in row))[:30]
        yield table(names, [[str(row.get(name, ""))[:LONGEST] for name in names] for row in test.sample])
    for note in test.notes:
        yield tag("p", note, class_="meta")


def _skipped(tested: Tested) -> Iterator[Html]:
    for one in tested.of(Status.SKIP)[:MOST_PASSED]:
        yield tag("li", tag("strong", one.name), f": {one.reason}")
