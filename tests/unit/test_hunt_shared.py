"""Hunts over the reference data beside the repository: public detections find what was recorded for them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.shared import SHARED
from trapline import app
from trapline.content.catalog import Content
from trapline.content.model import DetectionType
from trapline.detect.hunt import HuntResult
from trapline.ingest.intake import Evidence

pytestmark = pytest.mark.skipif(SHARED is None, reason="needs the reference data in ../shared")


NOT_THERE = {
    "detect_certipy_file_modifications": "the file is an older version, without the process that wrote these files",
}
"""Detections that run and rightly find nothing, and why."""


def recorded() -> Iterator[tuple[str, str, str, str]]:
    """Detection file, sourcetype, source and data file of each recorded attack."""
    if SHARED is None:
        return
    with (SHARED / "data" / "escu_tests.tsv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            yield row["detection"], row["sourcetype"], row["source"], row["path"]


@cache
def content() -> Content:
    assert SHARED is not None
    return app.content([SHARED / "content" / "security_content"])


@cache
def hunted(detection: str, sourcetype: str, source: str, path: str) -> HuntResult:
    assert SHARED is not None
    return app.hunt([Evidence(str(SHARED / "data" / path), sourcetype, source)], content(), [content().find(detection)])


@pytest.mark.parametrize("case", list(recorded()), ids=lambda case: Path(case[0]).stem)
def test_a_public_detection_finds_what_was_recorded_for_it(case: tuple[str, str, str, str]) -> None:
    result = hunted(*case)
    assert result.events > 0
    assert result.bad_records == 0
    if result.outcomes[0].error is not None:
        pytest.skip(f"not runnable yet: {result.outcomes[0].error.reason}")
    if reason := NOT_THERE.get(Path(case[0]).stem):
        assert result.found == 0, "it finds something now: take it from the list"
        pytest.skip(reason)
    assert result.found > 0
    # What a Hunting detection finds is for people to look at: it makes no risk.
    assert bool(result.risk_events) is (content().find(case[0]).type is not DetectionType.HUNTING)
    assert all(event["risk_object"] for event in result.risk_events)


def test_some_of_them_run() -> None:
    assert sum(hunted(*case).ran for case in recorded()) >= 3


def test_damaged_files_cost_themselves_only() -> None:
    """The counts are those of facts/DATA.md, found by the parser that goes on after a damaged record."""
    assert SHARED is not None
    counts = {"bad_chunk_magic": (270, 2), "zero-data-size": (335, 1), "RdpCoreTS": (1910, 4)}
    files = {stem: found for stem in counts for found in (SHARED / "data").rglob(f"*{stem}*.evtx")}
    assert set(files) == set(counts)
    result = app.hunt([Evidence(str(path)) for path in files.values()], app.content(), app.select(app.content()))
    read = {one.name: (one.events, one.bad_records) for one in result.sources}
    assert read == {str(path): counts[stem] for stem, path in files.items()}
    assert any(one.code == "hunt.bad-records" for one in result.warnings)


def test_every_file_of_a_corpus_is_accounted_for() -> None:
    assert SHARED is not None
    folder = SHARED / "data" / "mdecrevoisier__EVTX-to-MITRE-Attack"
    result = app.hunt([Evidence(str(folder))], app.content(), app.select(app.content()))
    assert sorted(one.name for one in result.sources) == sorted(str(one) for one in folder.rglob("*") if one.is_file())
    assert all(one.events or one.note for one in result.sources)
    assert result.ran == result.selected >= 1
    assert result.found == 0
