"""`python -m bench [--only NAME]... [--size MB] [--events N] [--no-sharing] [--json]`: the budgets, measured here."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict

from bench import hunting, lookups, measures, scheduling, testing
from bench.figure import Figure


def main() -> int:
    """Print the figures as they come. Exit code 1 when a budget is not kept."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--size", type=int, default=300, metavar="MB", help="size of an ingest input (default 300)")
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help="start, compile, searches, ingest, lookups, hunt, ...",
    )
    parser.add_argument("--events", type=int, default=1_000_000, metavar="N", help="of the hunt (default a million)")
    parser.add_argument("--no-sharing", action="store_true", help="the hunt also without sharing of datasets")
    parser.add_argument("--json", action="store_true", help="one JSON array at the end instead of lines")
    options = parser.parse_args()
    known: dict[str, Callable[[], Iterator[Figure]]] = {
        "start": measures.start,
        "compile": measures.compile_seed,
        "searches": measures.compile_public,
        "ingest": lambda: measures.ingest(options.size * 1_000_000),
        "lookups": lookups.lookups,
        "hunt": lambda: hunting.hunt(options.events, (True, False) if options.no_sharing else (True,)),
        "week": scheduling.week,
        "escu": measures.escu,
        "test": testing.test,
    }
    wanted = options.only or [name for name in known if name != "escu"]  # minutes
    unknown = [name for name in wanted if name not in known]
    if unknown:
        parser.error(f"no measure '{unknown[0]}'; there are: {', '.join(known)}")
    figures: list[Figure] = []
    if not options.json:
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for name in wanted:
        for figure in known[name]():
            figures.append(figure)
            if not options.json:
                _print(figure)
    if options.json:
        print(json.dumps([asdict(figure) | {"kept": figure.kept} for figure in figures], indent=2))
    return 1 if any(figure.kept is False for figure in figures) else 0


def _print(figure: Figure) -> None:
    value = f"{figure.value:,.0f}" if figure.value >= 1000 else f"{figure.value:,.2f}"
    budget = ""
    if figure.budget is not None:
        sign = ">=" if figure.more else "<="
        budget = f"  budget {sign} {figure.budget:g} {'kept' if figure.kept else 'NOT KEPT'}"
    note = f"  ({figure.note})" if figure.note else ""
    print(f"{figure.name:<44} {value:>10} {figure.unit:<9}{budget}{note}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
