"""`--only hunt`: the public detections over mixed Windows events, as a hunt runs them, with and without sharing what
they read of data models. The events are made once and kept, as a store, in the folder for temporary files."""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import events, inputs
from bench.figure import NOW, Figure, percentile

SLOWEST = 20


def hunt(count: int, modes: Iterable[bool]) -> Iterator[Figure]:
    """`modes`: with sharing, without. Nothing where the public content is absent."""
    if not inputs.CONTENT.is_dir():
        print(f"skipped: no public content in {inputs.CONTENT.name} beside the repository", file=sys.stderr)
        return
    store = _stored(count)
    for sharing in modes:
        done = subprocess.run(
            [sys.executable, "-m", "bench.hunting", str(store), "yes" if sharing else "no", str(count)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        yield from _figures(json.loads(done.stdout), count, sharing)


def _stored(count: int) -> Path:
    """The store of the events, made if it is not there. It is named after what makes it."""
    from trapline.ingest.intake import ingest
    from trapline.store import Store

    code = Path(events.__file__).read_bytes()
    folder = Path(tempfile.gettempdir()) / f"trapline-bench-{count}-{len(code)}"
    if (folder / "store").is_dir():
        return folder / "store"
    with tempfile.TemporaryDirectory(dir=_made(folder)) as logs:
        events.write(Path(logs), count)
        with Store.open(folder / "partly") as store:
            ingest([logs], store)
    (folder / "partly").rename(folder / "store")
    return folder / "store"


def _made(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _figures(found: dict[str, Any], count: int, sharing: bool) -> Iterator[Figure]:
    how = "shared" if sharing else "not shared"
    ran: list[float] = found["ran"]
    jobs = found["jobs"]
    note = f"{len(ran):,} detections over {count:,} events, {found['rows']:,} rows; processor {found['cpu']:.1f} s"
    note += f", {jobs} processes" if jobs > 1 else ""
    budget = 60.0 if sharing and count == 1_000_000 else None
    yield Figure(f"hunt, {how}", found["wall"], "s", budget, False, note)
    yield Figure(f"hunt, {how}: a detection, median", statistics.median(ran) * 1000, "ms", None, False)
    yield Figure(f"hunt, {how}: a detection, 95th percentile", percentile(ran, 0.95) * 1000, "ms", None, False)
    note = f"{found['datasets']} datasets"
    yield Figure(f"hunt, {how}: making datasets", found["making"], "s", None, False, note)
    parts = found["parts"]
    if jobs == 1:
        yield Figure(f"hunt, {how}: engine", parts["engine"], "s", None, False, "processor time")
        yield Figure(f"hunt, {how}: parse, plan and SQL", parts["compile"], "s", None, False, "processor time")
    yield Figure(f"hunt, {how}: peak memory", found["memory"] / 1e9, "GB", 4.0, False)
    yield Figure(f"hunt, {how}: detections that cannot run", found["refused"], "searches", None, False)
    yield Figure(f"hunt, {how}: errors", found["errors"], "searches", 0, False)


@dataclass(slots=True)
class _Clock:
    """Processor time of all threads, by part; what is measured within another part does not count there."""

    spent: dict[str, float] = field(default_factory=dict)
    _inner: list[float] = field(default_factory=lambda: [0.0])

    def measured(self, owner: Any, name: str, part: str) -> None:
        """Measure a function from now on."""
        function = getattr(owner, name)

        def timed(*args: Any, **options: Any) -> Any:
            begun = time.process_time()
            self._inner.append(0.0)
            try:
                return function(*args, **options)
            finally:
                whole = time.process_time() - begun
                self.spent[part] = self.spent.get(part, 0.0) + whole - self._inner.pop()
                self._inner[-1] += whole

        setattr(owner, name, timed)


@contextmanager
def _alone(*_: object, **__: object) -> Iterator[object]:
    from trapline.knowledge.sharing import Sharing

    yield Sharing()


def parts() -> Iterator[tuple[Any, str, str]]:
    """What is measured of a hunt: (owner, name of the function, the part it counts to)."""
    from trapline.engines.duckdb import engine, writer
    from trapline.search import Session

    yield Session, "run", "compile"
    yield writer, "text", "compile"
    for name in ("_run", "_number", "_change"):
        yield engine.DuckDB, name, "engine"


def _run(path: str, sharing: bool, count: int) -> dict[str, Any]:
    """One hunt, as the command runs it; without sharing in this process alone."""
    from trapline.content.read import default_content
    from trapline.detect import run, workers
    from trapline.detect.hunt import profiles
    from trapline.knowledge.lookups import LookupFiles
    from trapline.search import Session
    from trapline.store import Store

    content = default_content([inputs.CONTENT])
    detections = list(content.detections)
    session = Session(
        tables=Store.open(path, create=False).snapshot().tables,
        macros=content.macros(),
        lookups=LookupFiles(content.lookups),
    )
    if not sharing:
        Session.share = _alone  # type: ignore[method-assign, assignment]
    clock = _Clock()
    for owner, name, part in parts():
        clock.measured(owner, name, part)
    profile: Callable[[Any], run.Profile] = profiles(content)
    jobs = workers.jobs(len(detections), count) if sharing else 1
    begun, cpu = time.perf_counter(), _processor()
    found = workers.run(session, detections, profile, run.Order(NOW), jobs=jobs)
    wall, cpu = time.perf_counter() - begun, _processor() - cpu
    ran = sorted((one for one in found.outcomes if one.error is None), key=lambda one: one.seconds)
    failed = [one for one in found.outcomes if one.error is not None]
    errors = [one for one in failed if one.error and one.error.code.endswith((".defect", ".internal"))]
    for one in failed:
        assert one.error is not None
        print(f"  {one.detection}: {one.error.reason}", file=sys.stderr)
    for one in ran[: -SLOWEST - 1 : -1]:
        print(f"  {one.seconds * 1000:8,.0f} ms {one.rows:7,} rows  {one.detection}", file=sys.stderr)
    return {
        "wall": wall,
        "cpu": cpu,
        "ran": [one.seconds for one in ran],
        "rows": sum(one.rows for one in ran),
        "datasets": len(found.datasets),
        "making": sum(one.seconds for one in found.datasets),
        "parts": clock.spent,
        "jobs": jobs,
        "memory": _memory(jobs) * 1024,
        "refused": len(failed),
        "errors": len(errors),
    }


def _processor() -> float:
    """Seconds of processor time of this process and those that it started."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _memory(jobs: int) -> int:
    """Kilobytes of this process and, for each that it started, as much as the largest of them had."""
    own, others = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own + (jobs * others if jobs > 1 else 0)


if __name__ == "__main__":
    print(json.dumps(_run(sys.argv[1], sys.argv[2] == "yes", int(sys.argv[3]))))
