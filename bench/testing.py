"""How long `trapline test` takes for a detection."""

from __future__ import annotations

import csv
import statistics
import sys
import time
from collections.abc import Iterator

from bench import inputs
from bench.figure import Figure

ROUNDS = 3
LIST = "escu_tests.tsv"
"""Public detections and the recorded data beside the repository that they are tested with."""


def test() -> Iterator[Figure]:
    """Validation, unit and integration of the public detections that have recorded data, one after another, with the
    content loaded; of each the fastest of some rounds. Nothing where content or data are absent. Those above the budget
    are listed on standard error with the parts that took it."""
    from trapline import app
    from trapline.testing import extra, mapping, plan
    from trapline.testing.datasets import Datasets
    from trapline.testing.model import DetectionResult, Status
    from trapline.testing.runner import Options

    listed = inputs.SHARED / LIST
    if not inputs.CONTENT.is_dir() or not listed.is_file():
        print(f"skipped: no public content or no {LIST} beside the repository", file=sys.stderr)
        return
    content = app.content([str(inputs.CONTENT)])
    with listed.open(encoding="utf-8", newline="") as file:
        names = sorted({row["detection"] for row in csv.DictReader(file, delimiter="\t")})
    detections = [content.find(name) for name in names]
    works = plan.plan(content, detections, Datasets(content, (), mapping.read(listed)), extra.read(content))
    begun = time.perf_counter()
    testing = app.detection_tester(content, (), Options())
    testing(works[0])
    yield Figure("trapline test: what all tests share, and the first", time.perf_counter() - begun, "s", None, False)
    best: dict[str, tuple[float, float, DetectionResult]] = {}
    for _ in range(ROUNDS):
        for work in works:
            wall, processor = time.perf_counter(), time.process_time()
            found = testing(work)
            took = (time.perf_counter() - wall, time.process_time() - processor, found)
            if found.status is not Status.SKIP and took < best.get(found.name, (float("inf"), 0.0, found)):
                best[found.name] = took
    walls = [wall for wall, _, _ in best.values()]
    failed = sum(not found.success for _, _, found in best.values())
    note = f"{len(best)} detections, {failed} of them fail"
    yield Figure("trapline test: a detection, median", statistics.median(walls), "s", 1.0, False, note)
    passed = max((wall for wall, _, found in best.values() if found.success), default=0.0)
    times = statistics.median(processor for _, processor, _ in best.values())
    yield Figure("trapline test: a detection, median, processor", times, "s", None, False)
    yield Figure("trapline test: the slowest detection that passes", passed, "s", 1.0, False)
    for wall, _, found in sorted(best.values(), key=lambda one: -one[0]):
        if wall > 1.0:
            parts = ", ".join(f"{one.kind.value} {one.status.value} {one.seconds:.2f} s" for one in found.tests)
            print(f"  {wall:.2f} s {found.name}: {parts}", file=sys.stderr)
