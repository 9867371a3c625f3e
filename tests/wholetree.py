"""python -m tests.wholetree STORE [--content DIR]...: run every detection of a content tree against a store, one by
one, and account for every end: rows, no rows, or why it could not run.

A search that needs what neither the content nor the session holds (a lookup, a model file) says so and is counted
apart: supplying it is the user's part. Every other search that cannot run is a gap, and the exit code is then 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from tests.shared import ROOT
from trapline import app
from trapline.content.model import Detection
from trapline.errors import TraplineError
from trapline.search import Query, Session

CONTENT = ROOT.parent / "shared" / "content" / "security_content"
NOW = 1_772_700_000.0


class End(StrEnum):
    """How the run of one search ended."""

    ROWS = "gave rows"
    NONE = "gave no rows"
    WANTS = "needs what is not here"
    GAP = "could not run"
    DEFECT = "broke"


WANTED = {"lookup", "model", "geoip"}
"""Codes of errors that name something a user supplies."""


@dataclass(frozen=True, slots=True)
class Run:
    """One search. `seconds`: of the whole run."""

    detection: str
    end: End
    rows: int
    seconds: float
    code: str = ""
    reason: str = ""
    hint: str = ""

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "detection": self.detection,
            "end": self.end.name.lower(),
            "rows": self.rows,
            "seconds": round(self.seconds, 3),
        }
        return body | {key: value for key in ("code", "reason", "hint") if (value := getattr(self, key))}


def run(session: Session, detection: Detection, *, now: float = NOW) -> Run:
    """Run one search over all time; what it raises becomes its end."""
    began = time.monotonic()
    rows, error = 0, None
    try:
        rows = len(session.run(detection.search, now=now).rows)
    except Exception as raised:  # what is no TraplineError is a defect, and is counted as one
        error = raised
    seconds = time.monotonic() - began
    match error:
        case None:
            return Run(detection.name, End.ROWS if rows else End.NONE, rows, seconds)
        case TraplineError(code=code, reason=reason, hint=hint):
            end = End.WANTS if code in WANTED else End.DEFECT if code == "internal" else End.GAP
            return Run(detection.name, end, 0, seconds, code, reason, hint or "")
    return Run(detection.name, End.DEFECT, 0, seconds, type(error).__name__, str(error))


def runs(store: Path, content: Iterable[Path], only: str, every: int, *, alone: bool = False) -> Iterator[Run]:
    """All detections, or those whose name holds `only`; one of `every` so many. Together, as a hunt runs them, or each
    `alone`."""
    read = app.content(list(content))
    chosen = [one for one in read.detections if only.lower() in one.name.lower()][::every]
    with (
        tempfile.TemporaryDirectory() as folder,
        app.session(read, app.knowledge(), store=store) as (session, _),
        session.share([] if alone else [Query(one.search, now=NOW) for one in chosen]),
    ):
        session.folder = Path(folder)
        for number, detection in enumerate(chosen):
            if sys.stderr.isatty():
                print(f"\r{number:,} of {len(chosen):,}", end="", file=sys.stderr)
            yield run(session, detection)


def told(found: list[Run], slow: float) -> Iterator[str]:
    """The account, in lines."""
    yield f"{len(found):,} searches, {sum(one.seconds for one in found):,.0f} s"
    ends = Counter(one.end for one in found)
    yield from (f"  {ends[end]:>6,} {end}" for end in End)
    for end in (End.DEFECT, End.GAP, End.WANTS):
        own = [one for one in found if one.end is end]
        if own:
            yield f"\n{end}:"
        for one in sorted(own, key=lambda one: (one.code, one.reason)):
            yield f"  [{one.code}] {one.detection}"
            yield f"      {one.reason}" + (f" ({one.hint})" if one.hint else "")
    late = sorted((one for one in found if one.seconds > slow), key=lambda one: -one.seconds)
    if late:
        yield f"\nlonger than {slow:g} s:"
        yield from (f"  {one.seconds:6.1f} {one.detection}, {one.end}" for one in late)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.wholetree", description=__doc__)
    parser.add_argument("store", type=Path, help="a store, as trapline ingest makes it")
    parser.add_argument("--content", type=Path, action="append", help=f"content tree (default {CONTENT})")
    parser.add_argument("--only", default="", help="detections whose name holds this text")
    parser.add_argument("--every", type=int, default=1, help="one of so many detections (default 1)")
    parser.add_argument("--alone", action="store_true", help="each by itself, not together as a hunt runs them")
    parser.add_argument("--slow", type=float, default=5, help="name searches that take longer, in seconds (default 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write a JSON line per search to this file")
    args = parser.parse_args()
    found: list[Run] = []
    out = args.json.open("w", encoding="utf-8") if args.json else None
    for one in runs(args.store, args.content or [CONTENT], args.only, args.every, alone=args.alone):
        found.append(one)
        if out is not None:
            print(json.dumps(one.to_json()), file=out, flush=True)
    if out is not None:
        out.close()
    print(*told(found, args.slow), sep="\n")
    return int(any(one.end in (End.GAP, End.DEFECT) for one in found))


if __name__ == "__main__":
    sys.exit(main())
