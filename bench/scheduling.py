"""`--only week`: a week of hourly schedule for 200 public detections over the demo's logs, simulated."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import inputs
from bench.figure import Figure

DETECTIONS = 200
SPAN = "2026-03-01..2026-03-08"
"""The demo's logs are of some days in it."""


def week() -> Iterator[Figure]:
    """Nothing where the public content is absent."""
    if not inputs.CONTENT.is_dir():
        print(f"skipped: no public content in {inputs.CONTENT.name} beside the repository", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        _trapline("demo", "--out", folder)
        _trapline("ingest", f"{folder}/logs", "--store", str(store))
        _trapline("content", "enable", "--store", str(store), *_chosen())
        done = _trapline("run", "--store", str(store), "--content", str(inputs.CONTENT), "--clock", SPAN)
    note = f"{done['runs']:,} runs, {done['failed']} failed, {done['findings']} findings"
    yield Figure(f"week of {DETECTIONS} detections", done["seconds"], "s", 120.0, more=False, note=note)


def _chosen() -> list[str]:
    """Every so many of the detections in use that a schedule runs, and the one that the logs hold something for."""
    from trapline import app

    known = sorted(one.name for one in app.select(app.content([inputs.CONTENT])))
    names = known[:: len(known) // (DETECTIONS - 1)][: DETECTIONS - 1]
    return ["--content", str(inputs.CONTENT), "Windows Service Create RemComSvc", *names]


def _trapline(*words: str) -> dict[str, int]:
    command = [sys.executable, "-m", "trapline", *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, int] = json.loads(done.stdout)
    return found
