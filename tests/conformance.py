"""Run conformance cases through `trapline.search` and count what agrees.

    python tests/conformance.py FILE.jsonl [--topic TOPIC]... [--id ID]... [--json] [-v]

FILE.jsonl holds one case per line: `id topic spl events now expected`, and optionally `note ordered fields_order absent
error lookups macros datamodels store`. The time zone is UTC. A case passes when

- the rows agree one by one (`ordered: false`: in any order), a missing key being null;
- numbers agree within 1e-6 relative, also when one side is text; a list of one value is that value;
- no field is there that `expected` lacks, except names that start with `_` and that `expected` mentions nowhere;
- in the field `search`, runs of blanks count as one blank;
- cells whose note says "compare as JSON" hold equal JSON;
- no field of `absent` is there, and fields come in the order of `fields_order`;
- with `error`: the search raises a TraplineError whose message matches the regular expression, in any case of letters.

Anything else that is raised, and a case that runs longer than the time limit, is a failure.

Prints the failing cases with the first difference, a table of topics, and as the last line `N passed, M failed`. With
`--json`, the first line is one JSON object with all of it instead. Exit code 0: all passed, 1: some failed, 2: usage.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import re
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import trapline
from trapline.errors import TraplineError, TraplineWarning

os.environ["TZ"] = "UTC"
time.tzset()

SECONDS = 20
"""How long one case may run."""

TOLERANCE = 1e-6

Row = Mapping[str, Any]
Case = Mapping[str, Any]


class Hang(BaseException):
    """A case ran too long. Not an Exception, so that nothing on the way up takes it for one of its own."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one case went. `why` is empty when it passed, else a few lines."""

    id: str
    topic: str
    why: str

    @property
    def passed(self) -> bool:
        return not self.why


# --- comparing -----------------------------------------------------------------------------------------------------


def number(value: Any) -> float | None:
    """The number that a cell is or looks like."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", value, re.ASCII):
        return float(value)
    return None


def same_number(a: float, b: float) -> bool:
    return a == b or abs(a - b) <= TOLERANCE * max(abs(a), abs(b))


def same_cell(want: Any, got: Any, *, field: str = "", as_json: bool = False) -> bool:
    """Whether two cells hold the same value. None is null."""
    want, got = _scalar(want), _scalar(got)
    if want is None or got is None:
        return want is got
    if isinstance(want, list) or isinstance(got, list):
        return (
            isinstance(want, list)
            and isinstance(got, list)
            and len(want) == len(got)
            and all(same_cell(w, g, field=field, as_json=as_json) for w, g in zip(want, got, strict=True))
        )
    if isinstance(want, bool) or isinstance(got, bool):
        return want is got
    if isinstance(want, str) and isinstance(got, str):
        if field == "search":
            want, got = " ".join(want.split()), " ".join(got.split())
        return want == got or (as_json and _same_json(want, got))
    a, b = number(want), number(got)
    return a is not None and b is not None and same_number(a, b)


def _scalar(value: Any) -> Any:
    return _scalar(value[0]) if isinstance(value, list) and len(value) == 1 else value


def _same_json(want: str, got: str) -> bool:
    try:
        a, b = json.loads(want), json.loads(got)
    except ValueError:
        return False
    return bool(a == b)


def difference(want: Row, got: Row, *, mentioned: frozenset[str], as_json: bool = False) -> str | None:
    """The first field in which two rows differ, said in words, or None.

    `mentioned`: the fields that the expectation names in any row; others that start with `_` may be there.
    """
    for field in [*want, *(f for f in got if f not in want)]:
        if field not in mentioned and field.startswith("_"):
            continue
        a, b = want.get(field), got.get(field)
        if not same_cell(a, b, field=field, as_json=as_json):
            return f"{field}: expected {_show(a)}, got {_show(b)}"
    return None


def compare(case: Case, got: Sequence[Row]) -> str:
    """What is wrong with the rows of a case, a few lines; empty when nothing is."""
    want: list[Row] = case["expected"]
    mentioned = frozenset(field for row in want for field in row)
    as_json = "compare as json" in str(case.get("note", "")).lower()

    for index, row in enumerate(got):
        there = [field for field in case.get("absent", ()) if field in row]
        if there:
            return f"row {index + 1}: {', '.join(there)} must be absent\n  got      {_show(row)}"
    if case.get("ordered", True):
        wrong = _in_order(want, got, mentioned, as_json)
    else:
        wrong = _in_any_order(want, got, mentioned, as_json)
    return wrong or _order_of_fields(case.get("fields_order"), got)


def _in_order(want: Sequence[Row], got: Sequence[Row], mentioned: frozenset[str], as_json: bool) -> str:
    for index, (a, b) in enumerate(zip(want, got, strict=False)):
        said = difference(a, b, mentioned=mentioned, as_json=as_json)
        if said:
            return f"row {index + 1}: {said}\n  expected {_show(a)}\n  got      {_show(b)}"
    if len(want) > len(got):
        return f"{len(got)} rows, expected {len(want)}; the first missing one:\n  expected {_show(want[len(got)])}"
    if len(got) > len(want):
        return f"{len(got)} rows, expected {len(want)}; the first one too many:\n  got      {_show(got[len(want)])}"
    return ""


def _in_any_order(want: Sequence[Row], got: Sequence[Row], mentioned: frozenset[str], as_json: bool) -> str:
    left = list(got)
    for row in want:
        for index, other in enumerate(left):
            if difference(row, other, mentioned=mentioned, as_json=as_json) is None:
                del left[index]
                break
        else:
            near = f"\n  got      {_show(left[0])}" if left else ""
            return f"no row like this among the {len(got)} (expected {len(want)}):\n  expected {_show(row)}{near}"
    return f"{len(got)} rows, expected {len(want)}; one too many:\n  got      {_show(left[0])}" if left else ""


def _order_of_fields(order: Sequence[str] | None, got: Sequence[Row]) -> str:
    if order is None:
        return ""
    for index, row in enumerate(got):
        fields = [field for field in row if field in order]
        if fields != [field for field in order if field in row]:
            return f"row {index + 1}: fields in the order {', '.join(fields)}, expected {', '.join(order)}"
    return ""


def _show(value: Any) -> str:
    if value is None:
        return "null"
    text = json.dumps(value, ensure_ascii=True, default=repr)
    return text if len(text) <= 300 else text[:297] + "..."


# --- running -------------------------------------------------------------------------------------------------------


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Raises Hang when the body takes longer. If it is stuck where no signal arrives, the process ends with a
    traceback after three times as long: a run never hangs."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    faulthandler.dump_traceback_later(3 * seconds, exit=True, file=2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        faulthandler.cancel_dump_traceback_later()


def run(case: Case, *, seconds: float = SECONDS) -> Verdict:
    """Run one case."""
    try:
        with limit(seconds):
            why = _run(case)
    except Hang:
        why = f"no answer within {seconds:g} s"
    return Verdict(str(case["id"]), str(case["topic"]), why)


def _run(case: Case) -> str:
    given = {name: case[name] for name in ("macros", "lookups", "datamodels", "store") if name in case}
    try:
        with warnings.catch_warnings():  # rows are compared; a cap may cut them, as in Splunk
            warnings.simplefilter("ignore", TraplineWarning)
            got = trapline.search(case["spl"], case["events"], now=case.get("now"), **given)
    except TraplineError as error:
        pattern = case.get("error")
        if pattern is None:
            return "error: " + _first_line(error)
        if re.search(pattern, str(error), re.IGNORECASE):
            return ""
        return f"expected an error like /{pattern}/, got: {_first_line(error)}"
    except Exception as error:  # whatever escapes is a defect that the score must show, not the end of the run
        return f"{type(error).__name__}, which is not a TraplineError: {_first_line(error)}"
    if case.get("error") is not None:
        return f"expected an error like /{case['error']}/, got {len(got)} rows"
    return compare(case, got)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0]


def load(path: Path) -> list[Case]:
    """The cases of a file. Raises ValueError with the line when it is not in the format."""
    cases: list[Case] = []
    with path.open(encoding="utf-8") as lines:
        for place, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                case = json.loads(line)
            except ValueError as error:
                raise ValueError(f"{path}:{place}: not JSON: {error}") from error
            missing = [name for name in ("id", "topic", "spl", "events", "expected") if name not in case]
            if missing:
                raise ValueError(f"{path}:{place}: no {', '.join(missing)}")
            if case["expected"] is None and not case.get("error"):
                raise ValueError(f"{path}:{place}: neither expected rows nor an error")
            cases.append(case)
    return cases


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="conformance.py", description="Run conformance cases through trapline.search and count what agrees."
    )
    parser.add_argument("file", type=Path, metavar="FILE.jsonl")
    parser.add_argument("--topic", action="append", default=[], help="only cases of this topic (may be repeated)")
    parser.add_argument("--id", action="append", default=[], help="only this case (may be repeated)")
    parser.add_argument("--json", action="store_true", help="one JSON object on the first line instead of text")
    parser.add_argument("-v", "--verbose", action="store_true", help="with text: passing cases, and searches, too")
    args = parser.parse_args(argv)
    try:
        cases = load(args.file)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    for option, key in ((args.topic, "topic"), (args.id, "id")):
        unknown = sorted(set(option) - {str(case[key]) for case in cases})
        if unknown:
            parser.error(f"no case has the {key} {', '.join(unknown)}")
    chosen = [c for c in cases if (not args.topic or c["topic"] in args.topic) and (not args.id or c["id"] in args.id)]

    verdicts: list[Verdict] = []
    for case in chosen:
        verdict = run(case)
        verdicts.append(verdict)
        if not args.json and (args.verbose or not verdict.passed):
            _print(case, verdict, verbose=args.verbose)
    passed = Counter(v.topic for v in verdicts if v.passed)
    totals = Counter(v.topic for v in verdicts)
    failed = sum(not v.passed for v in verdicts)
    if args.json:
        body = {
            "passed": len(verdicts) - failed,
            "failed": failed,
            "topics": {t: {"passed": passed[t], "failed": totals[t] - passed[t]} for t in sorted(totals)},
            "failures": [{"id": v.id, "topic": v.topic, "why": v.why} for v in verdicts if not v.passed],
        }
        print(json.dumps(body))
    else:
        print()
        width = max(map(len, totals), default=5)
        for topic in sorted(totals):
            print(f"{topic:<{width}}  {passed[topic]:>4} of {totals[topic]:>4}{_mark(passed[topic], totals[topic])}")
        print()
    print(f"{len(verdicts) - failed} passed, {failed} failed")
    return 1 if failed else 0


def _print(case: Case, verdict: Verdict, *, verbose: bool) -> None:
    print(f"{'ok  ' if verdict.passed else 'FAIL'} {verdict.id}")
    if verbose:
        print(f"  {_printable(case['spl'])}")
    for line in verdict.why.splitlines():
        print(f"  {_printable(line)}")


def _printable(text: str) -> str:
    """On one line, and without control characters: a terminal must not act on them."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _mark(passed: int, total: int) -> str:
    return "" if passed == total else f"  {total - passed} failed"


if __name__ == "__main__":
    sys.exit(main())
