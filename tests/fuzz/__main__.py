"""python -m tests.fuzz [--count N | --seconds S] [--only run|spl|xml] [--seed N]: fuzz with new inputs each time.

run: searches made by rules, and those that people wrote (of the case files, and of the folder `shared` beside the
repository, if it is there), damaged or changed. Each is parsed and compiled to SQL, one of `--every` so many is run to
rows over hostile events too. spl: any text, parsed. xml: Windows events. What breaks is kept in crashers/, told, and
the next input is tried; the exit code is then 1.

A million searches: python -m tests.fuzz --only run --count 1000000 --every 50
The search of one number depends on the seed and the number alone: --seed S --first NUMBER --count 1 --every 1.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType

from tests.fuzz import harness, running, spltext, test_fuzz_spl, test_fuzz_xml, xmltext
from tests.fuzz.world import world

BATCH = 1_000
"""Searches between two looks at the clock."""

ENOUGH = 20
"""Defects after which there is no point in going on."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, help="stop after so many inputs")
    parser.add_argument("--seconds", type=float, help="stop after so long (default 60 without --count)")
    parser.add_argument("--only", choices=["run", "spl", "xml"], help="one fuzzer only")
    parser.add_argument("--every", type=int, default=1, help="one of so many searches is run to rows (default 1)")
    parser.add_argument("--seed", type=int, default=random.randrange(1, 2**31), help="to repeat a run")
    parser.add_argument("--first", type=int, default=0, help="the number of the first search (default 0)")
    args = parser.parse_args()
    seconds = args.seconds if args.seconds is not None or args.count is not None else 60.0
    signal.signal(signal.SIGTERM, _end)  # what was done is told
    print(f"seed {args.seed}, from search {args.first:,}", flush=True)
    tally, others = running.Tally(), 0
    begun, told = time.monotonic(), time.monotonic()
    seed = args.seed
    stack = ExitStack()
    here = stack.enter_context(world()) if args.only in (None, "run") else None
    try:
        while len(tally.broken) < ENOUGH:
            left = BATCH if args.count is None else min(BATCH, args.count - tally.tried - others)
            if left <= 0 or (seconds is not None and time.monotonic() - begun > seconds):
                break
            seen = len(tally.broken)
            if here is not None:
                first = args.first + tally.tried
                running.fuzz(here, seed=args.seed, first=first, count=left, every=args.every, tally=tally)
            if args.only in (None, "spl"):
                others += 100
                _try(lambda at: harness.fuzz(
                    spltext.texts, test_fuzz_spl.check, test_fuzz_spl.keep, examples=100, seed=at
                ), seed, tally)  # fmt: skip
            if args.only in (None, "xml"):
                others += 200
                _try(lambda at: harness.fuzz(
                    xmltext.streams(), test_fuzz_xml.check, test_fuzz_xml.keep, examples=200, seed=at
                ), seed, tally)  # fmt: skip
            seed += 1
            for one in tally.broken[seen:]:
                print(f"BROKEN {one}", flush=True)
            if time.monotonic() - told > 30:
                told = time.monotonic()
                print(f"  {tally.tried + others:,} inputs, {time.process_time():,.0f} s of CPU time", flush=True)
    finally:
        stack.close()
        _report(tally, others, args.seed, args.first)
    return 1 if tally.broken else 0


def _end(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(1)


def _try(fuzz: Callable[[int], None], seed: int, tally: running.Tally) -> None:
    try:
        fuzz(seed)
    except Exception as error:  # whatever it is, it is what was looked for
        notes = "; ".join(getattr(error, "__notes__", []))
        tally.broken.append(f"seed {seed}: {type(error).__name__}: {str(error)[:300]} ({notes})")


def _report(tally: running.Tally, others: int, seed: int, first: int) -> None:
    for shape, count in sorted(tally.shapes.items()):
        print(f"  {count:9,} searches {shape}")
    for end, count in sorted(tally.ends.items()):
        print(f"  {count:9,} searches {end}")
    if others:
        print(f"  {others:9,} other inputs")
    ends = tally.ends
    refused = ends[running.End.UNREAD] + ends[running.End.REFUSED] + ends[running.End.FAILED]
    parsed = tally.tried - ends[running.End.UNREAD] - len(tally.broken)
    print(
        f"{tally.tried + others:,} inputs (seed {seed}, from {first:,}): {parsed:,} searches parsed, {refused:,} "
        f"refused with the project's own errors, {ends[running.End.RAN]:,} ran to rows, {len(tally.broken)} broke; "
        f"{time.process_time():,.0f} s of CPU time",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
