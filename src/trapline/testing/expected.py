"""Whether the rows of a search are what a test expects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from trapline.content.model import Detection
from trapline.detect import risk
from trapline.detect.finding import find
from trapline.detect.run import says_nothing
from trapline.testing.extra import Expect, ExpectedRisk
from trapline.testing.model import Failure
from trapline.values import Row, Value, value_text

SHOWN = 3
"""Rows of a kind that a failure shows."""
Wanted = Mapping[str, object]


def check(detection: Detection, expect: Expect, rows: Sequence[Row], scored: bool, now: float) -> Iterator[Failure]:
    """What is otherwise than expected. `scored`: findings of the detection raise the risk."""
    yield from _count(expect, rows)
    if expect.rows is not None:
        yield from _exact(expect.rows, rows)
    for wanted in expect.includes:
        if not any(_like(wanted, row) for row in rows):
            yield Failure(f"no row is like {_shown(wanted)}", None, tuple(_nearest(wanted, rows)), "rows")
    for wanted in expect.excludes:
        found = [row for row in rows if _like(wanted, row)]
        if found:
            lines = tuple(_shown(row) for row in found[:SHOWN])
            yield Failure(f"{_rows(len(found))} like {_shown(wanted)}, which none may be", None, lines, "rows")
    if expect.risk is not None:
        yield from _risk(detection, expect.risk, rows, scored, now)


def _count(expect: Expect, rows: Sequence[Row]) -> Iterator[Failure]:
    count = len(rows)
    few = expect.least is not None and count < expect.least
    many = expect.most is not None and count > expect.most
    if not few and not many:
        return
    if expect.most == 0:
        reason = f"the search must return nothing here, and returns {_rows(count)}"
    else:
        least, most = expect.least, expect.most
        wanted = f"{least:,}" if least == most else f"at least {least:,}" if most is None else f"at most {most:,}"
        if least is not None and most is not None and least != most:
            wanted = f"{least:,} to {most:,}"
        reason = f"the search returns {_rows(count)}, expected are {wanted}"
    yield Failure(reason, None, tuple(_shown(row) for row in rows[:SHOWN]), "count")


def _exact(wanted: Sequence[Wanted], rows: Sequence[Row]) -> Iterator[Failure]:
    left = list(rows)
    missing = []
    for one in wanted:
        at = next((at for at, row in enumerate(left) if _like(one, row) and _fields(one) == _fields(row)), None)
        if at is None:
            missing.append(one)
        else:
            del left[at]
    for one in missing:
        yield Failure(f"no row is {_shown(one)}", None, tuple(_nearest(one, left, exact=True)), "rows")
    if left and not missing:
        lines = tuple(_shown(row) for row in left[:SHOWN])
        yield Failure(f"{_rows(len(left))} more than expected", None, lines, "rows")


def _fields(row: Mapping[str, object]) -> set[str]:
    return {name for name, value in row.items() if value is not None}


def _like(wanted: Wanted, row: Row) -> bool:
    """Does a row hold these values? What is null must not be there."""
    return all(_same(value, row.get(name)) for name, value in wanted.items())


def _same(wanted: object, got: Value | None) -> bool:
    if wanted is None or got is None:
        return wanted is None and got is None
    if isinstance(wanted, list) or isinstance(got, list):
        return _texts(wanted) == _texts(got)
    return str(wanted) == value_text(got)


def _texts(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [value_text(one) if isinstance(one, int | float) else str(one) for one in items]


def _nearest(wanted: Wanted, rows: Iterable[Row], *, exact: bool = False) -> Iterator[str]:
    """How the row that is most like it differs."""
    best: Row | None = None
    most = -1
    for row in rows:
        same = sum(_same(value, row.get(name)) for name, value in wanted.items())
        if same > most:
            best, most = row, same
    if best is None:
        yield "there is no row"
        return
    yield f"the nearest row: {_shown(best)}"
    for name, value in wanted.items():
        got = best.get(name)
        if not _same(value, got):
            yield f"{name} is {_cell(got)}, expected is {_cell(value)}"
    if exact:
        for name in sorted(_fields(best) - _fields(wanted)):
            yield f"{name} is {_cell(best[name])}, expected is no such field"


def _risk(
    detection: Detection, wanted: Sequence[ExpectedRisk], rows: Sequence[Row], scored: bool, now: float
) -> Iterator[Failure]:
    raised = raises(detection, rows, scored, now)
    left = list(raised)
    for one in wanted:
        at = next((at for at, entry in enumerate(left) if _is(one, entry)), None)
        if at is None:
            had = tuple(f"raised is {_entry(entry)}" for entry in raised) or ("no risk is raised",)
            yield Failure(f"no risk event is {_asked(one)}", None, had, "risk")
        else:
            del left[at]
    if left and len(raised) > len(wanted):
        lines = tuple(_entry(entry) for entry in left[:SHOWN])
        yield Failure(f"{len(left):,} risk events more than expected", None, lines, "risk")


def raises(detection: Detection, rows: Sequence[Row], scored: bool, now: float) -> list[risk.Entry]:
    """The risk that the rows raise, each once: the same object of several rows counts with its score once."""
    found: dict[tuple[str, str, str, float], risk.Entry] = {}
    run = risk.Run(time=now, sid="test")
    for rid, row in enumerate(row for row in rows if not says_nothing(row)):
        finding, _ = find(detection, row, rid=rid, run=run, scored=scored, listed=False)
        for entry in finding.risk_objects:
            found.setdefault((entry.field, entry.value, entry.type, float(entry.score)), entry)
    return list(found.values())


def _is(wanted: ExpectedRisk, entry: risk.Entry) -> bool:
    return (
        (wanted.object is None or wanted.object == entry.value)
        and (not wanted.type or wanted.type == entry.type)
        and (not wanted.field or wanted.field == entry.field)
        and (wanted.score is None or wanted.score == entry.score)
    )


def _asked(one: ExpectedRisk) -> str:
    parts = [f"{one.type or 'object'} {one.object}" if one.object is not None else one.type or "any object"]
    parts += [f"of the field {one.field}"] * bool(one.field)
    parts += [f"with {one.score:g}"] * (one.score is not None)
    return " ".join(parts)


def _entry(entry: risk.Entry) -> str:
    return f"{entry.type} {entry.value} of the field {entry.field} with {entry.score:g}"


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _shown(row: Mapping[str, object], width: int = 300) -> str:
    text = ", ".join(f"{name}={_cell(value)}" for name, value in row.items() if value is not None)
    return text if len(text) <= width else text[: width - 1] + "…"


def _cell(value: object) -> str:
    if value is None:
        return "absent"
    texts = _texts(value)
    return texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
