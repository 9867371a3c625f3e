"""What is to be done for each detection: settled before anything runs, so that processes need not ask again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trapline.content.catalog import Content
from trapline.content.model import Detection, DetectionTest
from trapline.testing.datasets import Datasets, Located, Missing
from trapline.testing.extra import Extra
from trapline.testing.fate import skipped, untested


@dataclass(frozen=True, slots=True)
class Planned:
    """A test and its data; `skip`: why it is not run; `missing`: what stands in its way."""

    test: DetectionTest
    data: tuple[Located, ...] = ()
    skip: str = ""
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedExtra:
    """A test of a file of further tests, and its data."""

    test: Extra
    data: tuple[Located, ...] = ()
    history: tuple[Located, ...] = ()
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True)
class Work:
    """All that is to be tested of one detection."""

    detection: Detection
    tests: tuple[Planned, ...] = ()
    extras: tuple[PlannedExtra, ...] = ()
    skip: str = ""
    """Why none of the detection's own tests are run."""

    @property
    def missing(self) -> Iterator[Missing]:
        """What stands in the way of its tests."""
        for one in self.tests:
            yield from one.missing
        for extra in self.extras:
            yield from extra.missing


def plan(
    content: Content,
    detections: Sequence[Detection],
    datasets: Datasets,
    extras: Mapping[str, Sequence[Extra]],
    *,
    every: bool = False,
) -> list[Work]:
    """What is to be done for detections. `extras`: further tests by the name of the detection. `every`: also the tests
    that contentctl skips."""
    return [_work(content, one, datasets, extras.get(one.name, ()), every) for one in detections]


def _work(content: Content, detection: Detection, datasets: Datasets, extras: Sequence[Extra], every: bool) -> Work:
    fate = "" if every else skipped(content, detection)
    tests = []
    for test in detection.tests:
        reason = fate or ("" if every else untested(test))
        if not reason and not test.attack_data:
            reason = "the test names no attack data"
        if reason:
            tests.append(Planned(test, skip=reason))
            continue
        found = [datasets.locate(one, detection) for one in test.attack_data]
        tests.append(
            Planned(
                test,
                tuple(one for one in found if isinstance(one, Located)),
                missing=tuple(one for one in found if isinstance(one, Missing)),
            )
        )
    return Work(detection, tuple(tests), tuple(_extra(one, detection, datasets) for one in extras), fate)


def _extra(extra: Extra, detection: Detection, datasets: Datasets) -> PlannedExtra:
    data = [datasets.locate(one, detection) for one in extra.data]
    history = [datasets.locate(one, detection) for one in extra.history]
    return PlannedExtra(
        extra,
        tuple(one for one in data if isinstance(one, Located)),
        tuple(one for one in history if isinstance(one, Located)),
        tuple(one for one in (*data, *history) if isinstance(one, Missing)),
    )
