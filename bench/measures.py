"""The measures: each gives a figure, its unit and the budget of docs/architecture.md."""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import inputs
from bench.figure import NOW, Figure, percentile
from trapline.engines.duckdb import DuckDB
from trapline.engines.duckdb.engine import Output
from trapline.plan import Node

ROUNDS = 3

_INGEST = """
import sys, time, resource
from pathlib import Path
from trapline.ingest.intake import ingest
from trapline.store import Store
with Store.throwaway() as store:
    begun = time.perf_counter()
    report = ingest([sys.argv[1]], store)
    seconds = time.perf_counter() - begun
    events = sum(file.events for file in report.files)
    disk = sum(one.stat().st_size for one in Path(store.path).rglob("*") if one.is_file())
print(events, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, disk)
"""


def _ingested(path: Path) -> tuple[float, float, float, float]:
    """Events, seconds, peak bytes of memory, bytes on disk, of an ingest in a process of its own."""
    done = subprocess.run([sys.executable, "-c", _INGEST, str(path)], capture_output=True, text=True, check=True)
    events, seconds, memory, disk = map(float, done.stdout.split())
    return events, seconds, memory, disk


def ingest(size: int) -> Iterator[Figure]:
    """EVTX and XML text to a committed store."""
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "events.xml"
        inputs.xml_text(text, size)
        yield from _rates("XmlWinEventLog text", text, 30_000)
        text.unlink()
        recorded = Path(folder) / "events.evtx"
        # The logs of some machines: nine files of a megabyte and more. Then every recorded file, nearly 300 attack
        # samples: so many kinds of events in so few that learning them weighs.
        if inputs.evtx(recorded, size, least=1_000_000):
            yield from _rates("EVTX, long logs", recorded, 40_000)
        if inputs.evtx(recorded, size):
            yield from _rates("EVTX, a mix of 279 samples", recorded, None)


def _rates(name: str, path: Path, budget: float | None) -> Iterator[Figure]:
    runs = [_ingested(path) for _ in range(ROUNDS)]
    size = path.stat().st_size
    events = runs[0][0]
    rate = statistics.median(events / seconds for _, seconds, _, _ in runs)
    note = f"{events:,.0f} events, {size / 1e6:,.0f} MB, {size / events:,.0f} B an event"
    yield Figure(f"{name} to committed store", rate, "events/s", budget, True, note)
    yield Figure(f"{name}: peak memory", max(run[2] for run in runs) / 1e9, "GB", 2.0, False)
    yield Figure(f"{name}: store to input size", runs[0][3] / size, "ratio", None, False)


def compile_seed() -> Iterator[Figure]:
    """Parse, plan and SQL of the seed detection, knowledge and macros loaded."""
    from trapline.content.read import default_content
    from trapline.ingest.intake import ingest as read
    from trapline.samples.write import write
    from trapline.search import Session
    from trapline.store import Store

    content = default_content()
    detection = content.find("Windows Service Create RemComSvc")
    with tempfile.TemporaryDirectory() as folder, Store.throwaway() as store:
        read([write(Path(folder)).logs], store)
        session = Session(tables=store.snapshot().tables, macros=content.macros())
        session.sql(detection.search, pretty=False)
        times = []
        for _ in range(200):
            begun = time.thread_time()
            session.sql(detection.search, pretty=False)
            times.append((time.thread_time() - begun) * 1000)
        yield Figure("seed detection: parse + plan + SQL", statistics.median(times), "ms", 5.0, False, "median of 200")
        yield Figure("seed detection: the same, slowest of 100", sorted(times)[-2], "ms", None, False)
        runs = []
        for _ in range(20):
            begun = time.perf_counter()
            session.run(detection.search)
            runs.append((time.perf_counter() - begun) * 1000)
        yield Figure("seed detection: run over the sample logs", statistics.median(runs), "ms", None, False)


class _Timed(DuckDB):
    """An engine that notes how long it ran plans."""

    spent = 0.0

    def execute(self, node: Node, *, tz: str = "UTC", ordered: bool = True) -> Output:
        begun = time.thread_time()
        try:
            return super().execute(node, tz=tz, ordered=ordered)
        finally:
            self.spent += time.thread_time() - begun

    def count(self, node: Node, *, tz: str = "UTC") -> int:
        begun = time.thread_time()
        try:
            return super().count(node, tz=tz)
        finally:
            self.spent += time.thread_time() - begun


def compile_public() -> Iterator[Figure]:
    """Text to SQL of every search of the public content beside the repository, macros and knowledge loaded; nothing
    where it is absent. Parts that run while a search is compiled (chart, spath: their columns depend on the data) do
    not count, nor does what else the machine does: it is processor time."""
    from trapline.content.read import default_content
    from trapline.errors import TraplineError
    from trapline.ingest.intake import ingest as read
    from trapline.knowledge.lookups import LookupFiles
    from trapline.samples.write import write
    from trapline.search import Session
    from trapline.spl.parser import parse
    from trapline.store import Store

    if not inputs.CONTENT.is_dir():
        print(f"skipped: no public content in {inputs.CONTENT.name} beside the repository", file=sys.stderr)
        return
    content = default_content([inputs.CONTENT])
    macros = content.macros()
    searches = [one.search for one in content.detections]
    with tempfile.TemporaryDirectory() as folder, Store.throwaway() as store:
        read([write(Path(folder)).logs], store)
        engine = _Timed()
        session = Session(
            tables=store.snapshot().tables,
            macros=macros,
            lookups=LookupFiles(content.lookups),
            folder=Path(folder),
            engine=engine,
        )
        gc.collect()
        gc.freeze()  # the content is there to stay: going through it again and again is not what is measured
        parsed: list[float] = []
        compiled: list[float] = []
        for search in searches:
            try:
                parse(search, macros)  # once unmeasured: commands load when they are first met
                begun = time.thread_time()
                parse(search, macros)
                parsed.append((time.thread_time() - begun) * 1000)
                session.sql(search, pretty=False)
                engine.spent = 0.0
                begun = time.thread_time()
                session.sql(search, pretty=False)
                compiled.append((time.thread_time() - begun - engine.spent) * 1000)
            except TraplineError:
                continue
        gc.unfreeze()
    note = f"{len(compiled):,} of {len(searches):,} searches; the others lack lookups or models here"
    yield Figure("public searches: parse", statistics.median(parsed), "ms", None, False, f"{len(parsed):,} searches")
    yield Figure("public searches: parse, 99th percentile", percentile(parsed, 0.99), "ms", None, False)
    yield Figure("public searches: SPL text to SQL", statistics.median(compiled), "ms", 5.0, False, note)
    yield Figure("public searches: SPL text to SQL, 99th perc.", percentile(compiled, 0.99), "ms", 50.0, False)


def start() -> Iterator[Figure]:
    """`trapline --help`, the whole process."""
    times = []
    for _ in range(9):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "trapline", "--help"], capture_output=True, check=True)
        times.append((time.perf_counter() - begun) * 1000)
    yield Figure("trapline --help", statistics.median(times), "ms", 150.0, False, "median of 9")


def escu() -> Iterator[Figure]:
    """Every search of the public content over every recorded event, as a hunt does it; nothing where they are absent.
    What cannot run is listed on standard error with its reason."""
    from trapline.content.read import default_content
    from trapline.detect import run
    from trapline.ingest.intake import ingest as read
    from trapline.knowledge.lookups import LookupFiles
    from trapline.search import Session
    from trapline.store import Store

    if not inputs.CONTENT.is_dir() or not inputs.SHARED.is_dir():
        print("skipped: no public content or recorded events beside the repository", file=sys.stderr)
        return
    content = default_content([inputs.CONTENT])
    detections = list(content.detections)
    with Store.throwaway() as store:
        begun = time.perf_counter()
        report = read([str(inputs.SHARED)], store)
        events = sum(one.events for one in report.files)
        yield Figure("recorded events to store", time.perf_counter() - begun, "s", None, False, f"{events:,} events")
        session = Session(tables=store.snapshot().tables, macros=content.macros(), lookups=LookupFiles(content.lookups))
        begun = time.perf_counter()
        found = run.run(session, detections, lambda _: run.Profile(scored=False), run.Order(NOW))
        seconds = time.perf_counter() - begun
    failed = [one for one in found.outcomes if one.error is not None]
    defects = [one for one in failed if one.error and one.error.code.endswith((".defect", ".internal"))]
    for one in failed:
        assert one.error is not None
        print(f"  {one.detection}: {one.error.reason}", file=sys.stderr)
    shared = sum(one.seconds for one in found.datasets)
    note = f"{len(found.outcomes):,} searches, {sum(one.rows for one in found.outcomes):,} rows"
    yield Figure("public searches over recorded events", seconds, "s", None, False, note)
    yield Figure("datasets made for several searches", shared, "s", None, False, f"{len(found.datasets)} datasets")
    slowest = sorted(one.seconds for one in found.outcomes)
    yield Figure("slowest search", slowest[-1], "s", None, False)
    yield Figure("searches that cannot run", len(failed), "searches", None, False)
    yield Figure("searches that the engine refuses", len(defects), "searches", 0, False)
