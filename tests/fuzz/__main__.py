"""python -m tests.fuzz [--seconds 600] [--only spl|xml] [--seed N]: fuzz for a while, with new inputs each time."""

from __future__ import annotations

import argparse
import random
import sys
import time

from tests.fuzz import harness, spltext, test_fuzz_spl, test_fuzz_xml, xmltext


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long (default 60)")
    parser.add_argument("--only", choices=["spl", "xml"], help="one fuzzer only")
    parser.add_argument("--seed", type=int, default=random.randrange(1, 2**31), help="to repeat a run")
    args = parser.parse_args()
    print(f"seed {args.seed}")
    end = time.monotonic() + args.seconds
    rounds = tried = 0
    while time.monotonic() < end:
        seed = args.seed + rounds
        try:
            if args.only != "xml":
                harness.fuzz(spltext.texts, test_fuzz_spl.check, test_fuzz_spl.keep, examples=500, seed=seed)
                tried += 500
            if args.only != "spl":
                harness.fuzz(xmltext.streams(), test_fuzz_xml.check, test_fuzz_xml.keep, examples=200, seed=seed)
                tried += 200
        except BaseException as error:
            print(f"{type(error).__name__}: {error}")
            for note in getattr(error, "__notes__", []):
                print(note)
            return 1
        rounds += 1
    print(f"{tried} inputs, nothing broke")
    return 0


if __name__ == "__main__":
    sys.exit(main())
