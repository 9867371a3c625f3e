"""What is to be done for each detection: settled before anything runs, so that processes need not ask again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trapline.content.catalog import Content
from trapline.content.model import Detection, DetectionTest
from trapline.testing.datasets import Datasets, Located, Missing
from trapline.testing.fate import skipped, untested


@dataclass(frozen=True, slots=True)
class Planned:
    """A test and its data; `skip`: why it is not run; `missing`: what stands in its way."""

    test: DetectionTest
    data: tuple[Located, ...] = ()
    skip: str = ""
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True)
class Work:
    """All that is to be tested of one detection."""

    detection: Detection
    tests: tuple[Planned, ...] = ()
    skip: str = ""
    """Why none of the detection's own tests are run."""

    @property
    def unavailable(self) -> bool:
        """There are tests that would run, if their data were here."""
        return any(one.missing for one in self.tests)


def plan(content: Content, detections: Sequence[Detection], datasets: Datasets, *, every: bool = False) -> list[Work]:
    """What is to be done for detections. `every`: also the tests that contentctl skips."""
    return [_work(content, one, datasets, every) for one in detections]


def _work(content: Content, detection: Detection, datasets: Datasets, every: bool) -> Work:
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
    return Work(detection, tuple(tests), fate)
