"""python -m tests.fuzz [--seconds 600] [--only spl|run|xml] [--seed N]: fuzz for a while, with new inputs each time.

`run` goes the whole way, from a text to rows, with one of `--every` so many texts; the others are parsed."""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from contextlib import ExitStack

from tests.fuzz import harness, running, spltext, test_fuzz_spl, test_fuzz_xml, xmltext
from tests.fuzz.world import world


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long (default 60)")
    parser.add_argument("--only", choices=["spl", "run", "xml"], help="one fuzzer only")
    parser.add_argument("--every", type=int, default=1, help="one of so many searches goes beyond parsing (default 1)")
    parser.add_argument("--seed", type=int, default=random.randrange(1, 2**31), help="to repeat a run")
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    end = time.monotonic() + args.seconds
    seed, tried = args.seed, 0
    ends: Counter[running.End] = Counter()
    stack = ExitStack()
    here = stack.enter_context(world()) if args.only in (None, "run") else None
    try:
        while time.monotonic() < end:
            if here is not None:
                ends += running.fuzz(here, seed=seed, count=200, every=args.every)
                tried += 200
            if args.only in (None, "spl"):
                tried += damaged(seed, 2_000)
                harness.fuzz(spltext.texts, test_fuzz_spl.check, test_fuzz_spl.keep, examples=100, seed=seed)
                tried += 100
            if args.only in (None, "xml"):
                harness.fuzz(xmltext.streams(), test_fuzz_xml.check, test_fuzz_xml.keep, examples=200, seed=seed)
                tried += 200
            seed += 1
    except Exception as error:  # whatever it is, it is what was looked for
        print(f"{type(error).__name__}: {error}")
        for note in getattr(error, "__notes__", []):
            print(note)
        return 1
    finally:
        stack.close()
        for one, count in sorted(ends.items()):
            print(f"  {count:,} searches: {one}")
    print(f"{tried:,} inputs, nothing broke")
    return 0


def damaged(seed: int, count: int) -> int:
    """Try so many damaged searches, without Hypothesis: it is a hundred times slower."""
    rng = random.Random(seed)
    corpus = (*spltext.known(), *spltext.content())
    run = harness.bounded(test_fuzz_spl.check)
    for _ in range(count):
        text = spltext.damage(rng.choice(corpus), rng)
        try:
            run(text)
        except Exception as error:  # as above
            least = harness.smallest(text, test_fuzz_spl.check)
            error.add_note(f"kept as {test_fuzz_spl.keep(least)}")
            raise
    return count


if __name__ == "__main__":
    sys.exit(main())
