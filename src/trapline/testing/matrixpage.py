"""The matrix as an HTML page and as CSV. The page loads nothing, runs nothing, and escapes every text."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

from trapline.content.markup import Html, document, section, table, tag
from trapline.detect.report import cell, check_folder, replacing
from trapline.errors import TraplineError
from trapline.testing.matrix import Matrix

WIDE = 400
"""Data sets that the table of the page has columns for; more are in the lists and in the CSV."""
CELLS = 400_000
"""Of that table, at most: some ten megabytes, which a browser still shows. More detections leave fewer columns."""
_STYLE = """
.across { overflow: auto; max-height: 85vh; border: 1px solid var(--line); }
.across table { margin: 0; font-size: .85rem; }
.across th, .across td { padding: .15rem .45rem; white-space: nowrap; border-right: 1px solid var(--line); }
.across td { text-align: right; }
.across thead th { position: sticky; top: 0; background: Canvas; z-index: 2; }
.across tbody th { position: sticky; left: 0; background: Canvas; text-align: left; font-weight: normal; z-index: 1;
  max-width: 45vw; overflow: hidden; text-overflow: ellipsis; }
.across thead th:first-child { left: 0; z-index: 3; }
.own { background: #0a7f3f33; font-weight: 600; } .bad { background: #c2222233; font-weight: 600; }
.missed { background: #c2222211; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; overflow-wrap: anywhere; } li { overflow-wrap: anywhere; } .sum { font-size: 1.1rem; }
.tag { border: 1px solid var(--line); border-radius: 4px; padding: 0 .3rem; font-size: .8rem; }
"""


def check(path: Path) -> None:
    """Raises what `write` would raise, before the work."""
    _renderer(path)
    check_folder(path)


def write(found: Matrix, path: Path) -> None:
    """Write .html (.htm) or .csv, whole or not at all. Raises TraplineError."""
    text = _renderer(path)(found).encode("utf-8", "replace")
    with replacing(path) as out:
        out.write(text)


def _renderer(path: Path) -> Callable[[Matrix], str]:
    found = {".html": to_html, ".htm": to_html, ".csv": to_csv}.get(path.suffix.lower())
    if found is None:
        reason = f"the matrix '{path.name}' has no known form"
        raise TraplineError(reason, hint="end the name in .html or .csv", code="output")
    return found


def to_csv(found: Matrix) -> str:
    """A row per detection, a column per data set: rows found, 0 for none, nothing where it could not be found out."""
    out = io.StringIO()
    sheet = csv.writer(out, lineterminator="\r\n")
    sheet.writerow(["detection", "id", "type", "fired", "fired_on_benign", *(cell(one.name) for one in found.sets)])
    sheet.writerow(["", "", "", "", "benign", *("yes" if one.benign else "" for one in found.sets)])
    where, false = found.by_detection(), found.false()
    for one in found.detections:
        cells = [ran.cells.get(one.name) for ran in found.ran]
        sheet.writerow(
            [
                cell(one.name),
                cell(one.id),
                one.type.value,
                len(where[one.name]),
                len(false.get(one.name, ())),
                *("" if this is None or this.reason is not None else this.rows for this in cells),
            ]
        )
    return out.getvalue()


def to_html(found: Matrix) -> str:
    """The page."""
    where, false, missed, never, broken = (
        found.by_detection(), found.false(), found.missed(), found.never(), found.broken(),
    )  # fmt: skip
    benign = sum(one.benign for one in found.sets)
    fired = [name for name, at in where.items() if at]
    body = [
        tag("h1", "Detections and data sets"),
        tag(
            "p",
            f"{len(found.detections):,} detections over {len(found.sets):,} data sets, {benign:,} of them benign: "
            f"{len(fired):,} detections found something, {len(never):,} nothing anywhere, {len(broken):,} cannot run.",
            class_="sum",
        ),
    ]
    if false:
        rows = [[name, ", ".join(found.sets[at].name for at in places)] for name, places in false.items()]
        body.append(section("Fire where nothing is wrong", table(["detection", "benign data sets"], rows)))
    if missed:
        rows = [[name, found.sets[at].name] for name, at in missed]
        body.append(section("Find nothing in their own tests", table(["detection", "data set"], rows)))
    body.append(section("Data sets", *_sets(found)))
    body.append(section("Matrix", *_grid(found, fired)))
    body.append(section("Never fire", tag("p", f"{len(never):,} found nothing in any data set."), _list(never)))
    if broken:
        body.append(section("Cannot run", _list([f"{name}: {reason}" for name, reason in broken.items()])))
    return document("Trapline: detections and data sets", *body, style=_STYLE)


def _list(lines: list[str]) -> Html:
    if not lines:
        return Html("")
    return tag("details", tag("summary", f"{len(lines):,}"), tag("ul", *(tag("li", one) for one in lines)))


def _sets(found: Matrix) -> Iterator[Html]:
    for at, (one, ran) in enumerate(zip(found.sets, found.ran, strict=True)):
        fired = found.fired(at)
        own = [name for name in one.tests if name in fired]
        marks = [tag("span", "benign", class_="tag"), " "] if one.benign else []
        told = f": {len(fired):,} fired" + (f", {len(own)} of {len(one.tests)} of its tests" if one.tests else "")
        summary = tag("summary", *marks, tag("strong", f"{at + 1}. {one.name}"), told if ran.events else ": not read")
        lines = [
            tag("li", f"{name} ({rows:,})", class_="own" if name in one.tests else "bad" if one.benign else "other")
            for name, rows in sorted(fired.items(), key=lambda item: (item[0] not in one.tests, -item[1], item[0]))
        ]
        lines += [tag("li", f"{name}: nothing", class_="missed") for name in one.tests if name not in fired]
        about = f"{ran.events:,} events, {', '.join(ran.sourcetypes)}" if ran.events else ran.note
        yield tag("details", summary, tag("p", about, class_="meta"), tag("ul", *lines))


def _grid(found: Matrix, fired: list[str]) -> Iterator[Html]:
    if not fired:
        yield tag("p", "Nothing fired.")
        return
    shown = range(min(len(found.sets), WIDE, max(1, CELLS // len(fired))))
    if len(found.sets) > len(shown):
        yield tag("p", f"The first {len(shown):,} of {len(found.sets):,} data sets; all are in the CSV.", class_="meta")
    yield tag("p", "Rows found, by the number of the data set above. Detections that found nothing are left out.")
    heads = [tag("th", str(at + 1), scope="col", title=found.sets[at].name) for at in shown]
    rows = []
    for name in fired:
        cells = []
        for at in shown:
            this, one = found.ran[at].cells.get(name), found.sets[at]
            rows_found = this.rows if this is not None else 0
            kind = "own" if name in one.tests and rows_found else "missed" if name in one.tests else ""
            kind = "bad" if one.benign and rows_found else kind
            text = f"{rows_found:,}" if rows_found else "!" if this is not None and this.reason is not None else ""
            cells.append(tag("td", text, class_=kind) if kind else tag("td", text))
        rows.append(tag("tr", tag("th", name, scope="row", title=name), *cells))
    head = tag("tr", tag("th", "detection", scope="col"), *heads)
    yield tag("div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="across")
