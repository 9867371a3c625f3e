"""Large lookup tables: 100,000 rows against 1,000,000 distinct values, by wildcards and by networks."""

from __future__ import annotations

import random
import resource
import statistics
import sys
import time
from collections.abc import Iterator

import pyarrow as pa

from bench.figure import Figure
from trapline.plan import Rows
from trapline.search import Session
from trapline.values import Kind

ROWS = 100_000
VALUES = 1_000_000
RUNS = 3
SPL = "search * | lookup t k AS x OUTPUT v | stats count(v) AS hits"


def lookups() -> Iterator[Figure]:
    """A search with a lookup, from text to rows: the table is indexed anew in every run."""
    chance = random.Random(1)
    names = [f"C:\\Users\\u{at % 1000}\\AppData\\tool{chance.getrandbits(40):x}.exe" for at in range(VALUES)]
    shapes = ("*\\{}.exe", "C:\\Users\\*\\{}*", "*{}*")
    stems = [name.rpartition("\\")[2].removesuffix(".exe") for name in names[: ROWS // 10]]
    stems += [f"tool{chance.getrandbits(40):x}" for _ in range(ROWS - len(stems))]
    patterns = [shapes[at % 3].format(stem) for at, stem in enumerate(stems)]
    addresses = [_address(chance) for _ in range(VALUES)]
    sizes = (8, 12, 16, 20, 22, 24, 26, 28, 30, 32)
    networks = [f"{_address(chance)}/{chance.choice(sizes)}" for _ in range(ROWS)]
    exact = _seconds(names, names[:ROWS], "")
    yield Figure("lookup, 100,000 rows, 1M values: exact", exact, "s", None, False, f"median of {RUNS}")
    for what, values, cells in (("WILDCARD", names, patterns), ("CIDR", addresses, networks)):
        seconds = _seconds(values, cells, f"{what}(k)")
        note = f"median of {RUNS}, {seconds / exact:.1f} times the exact one"
        yield Figure(f"lookup, 100,000 rows, 1M values: {what}", seconds, "s", 30.0, False, note)
    unit = 2**30 if sys.platform == "darwin" else 2**20
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    yield Figure("lookup: most memory, with the values", memory, "GB", 2.0, False)


def _address(chance: random.Random) -> str:
    return ".".join(str(chance.randint(1, 254)) for _ in range(4))


def _seconds(values: list[str], cells: list[str], match: str) -> float:
    rows = [{"k": cell, "v": str(at)} for at, cell in enumerate(cells)]
    given = Rows({"x": Kind.TEXT}, pa.table({"x": pa.array(values, pa.string())}))
    runs = []
    for _ in range(RUNS):
        table = {"rows": rows, "match_type": match, "case_sensitive_match": False, "max_matches": 1}
        session = Session(events=[], lookups={"t": table}, _given=given)
        begun = time.perf_counter()
        found = session.run(SPL).rows
        runs.append(time.perf_counter() - begun)
        assert int(str(found[0]["hits"])) > 0
    return statistics.median(runs)
