"""python -m tests.kills [--count N] [--jobs N] [--seed N]: kill processes at random moments, and look what is left.

Ingest and schedule are killed, and the first start with its migrations; with --jobs 2 also single processes of the
crew. A round has some 25 kills and a store of its own, which is compared with that of undisturbed processes: same
events, findings, runs and notables, none lost, none doubled, all sent. The exit code is 1 where that is not so; the
stores of such a round are kept. 200 kills take a quarter of an hour.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.kills.killing import Round, Tally

OF_A_ROUND = 25


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.kills", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200, help="kills (default 200)")
    parser.add_argument("--jobs", type=int, default=1, help="processes that run searches (default 1)")
    parser.add_argument("--seed", type=int, default=random.randrange(1, 2**31), help="of the random moments")
    parser.add_argument("--scratch", type=Path, help="folder for the stores (default: that of the system)")
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    tally, number = Tally(), 0
    while (left := args.count - tally.kills.total()) > 0:
        folder = Path(tempfile.mkdtemp(prefix=f"kills-{number}-", dir=args.scratch))
        seen = len(tally.wrong)
        chance = random.Random(f"{args.seed}/{number}")
        Round(folder, chance, args.jobs, min(OF_A_ROUND, max(left, 4)), number % 2 == 0, tally).run()
        for one in tally.wrong[seen:]:
            print(f"WRONG {one}", flush=True)
        if len(tally.wrong) == seen:
            shutil.rmtree(folder)
        number += 1
        print(
            f"  {number} rounds, kills {dict(tally.kills)}, missed {tally.missed}, crew answers {tally.answers}",
            flush=True,
        )
    if args.jobs > 1 and not tally.answers:
        tally.wrong.append("the crew has done nothing")
        print(f"WRONG {tally.wrong[-1]}")
    kinds = ", ".join(f"{count} of {what}" for what, count in sorted(tally.kills.items()))
    print(f"{tally.kills.total()} kills ({kinds}), {number} rounds, {len(tally.wrong)} wrong")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
