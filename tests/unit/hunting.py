"""Helpers of the hunt tests: detections made in memory, results given by hand where the search is not the subject."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from trapline.content.enrich import annotations_of, enrich
from trapline.content.model import Detection, DetectionType, Drilldown, Rba, RiskObject, Status, ThreatObject
from trapline.detect import run
from trapline.detect.hunt import HuntResult, Source
from trapline.errors import TraplineError
from trapline.knowledge.sharing import Sharing
from trapline.search import Query, Result
from trapline.values import Row

NOW = 1_772_700_000.0


def detection(
    name: str,
    *objects: tuple[str, str, int],
    kind: DetectionType = DetectionType.ANOMALY,
    message: str = "Something about $dest$ by $user$.",
    mitre: tuple[str, ...] = ("T1543.003",),
    threats: tuple[ThreatObject, ...] = (),
    drilldowns: tuple[Drilldown, ...] = (),
    search: str = "",
) -> Detection:
    rba = Rba(message, tuple(RiskObject(*one, message) for one in objects), threats) if objects else None
    return Detection(
        name=name,
        id=f"id-{name}",
        type=kind,
        status=Status.PRODUCTION,
        search=search or name,
        description=f"What {name} is about.",
        stories=("A Story",),
        mitre=mitre,
        rba=rba,
        drilldowns=drilldowns,
    )


class Given:
    """Answers each search with rows, or with an error, given by hand."""

    def __init__(self, answers: Mapping[str, Sequence[Row] | Exception]) -> None:
        self._answers = answers

    def run(
        self,
        spl: str,
        *,
        earliest: str | float | None = None,
        latest: str | float | None = None,
        now: float | None = None,
    ) -> Result:
        answer = self._answers[spl]
        if isinstance(answer, Exception):
            raise answer
        return Result(tuple(answer[0]) if answer else (), list(answer))

    def share(
        self, queries: Iterable[Query], *, progress: Callable[[int, int, str], None] | None = None
    ) -> AbstractContextManager[Sharing]:
        return nullcontext(Sharing())


def profile(one: Detection) -> run.Profile:
    enriched = enrich(one)
    tactics = [tactic.name for _, technique in enriched.techniques if technique for tactic in technique.tactics]
    return run.Profile(annotations_of(one, enriched), tuple(dict.fromkeys(tactics)))


def detected(
    answers: Mapping[str, Sequence[Row] | Exception], detections: Sequence[Detection], keep: int = 1000
) -> run.Detected:
    return run.run(Given(answers), detections, profile, run.Order(NOW, keep=keep))


def result(
    answers: Mapping[str, Sequence[Row] | Exception],
    detections: Sequence[Detection],
    sources: Sequence[Source] = (),
    keep: int = 1000,
) -> HuntResult:
    found = detected(answers, detections, keep)
    return HuntResult(
        findings=found.findings,
        risk_events=found.risk_events,
        hosts=found.hosts,
        sources=list(sources),
        warnings=found.warnings,
        outcomes=found.outcomes,
        started=NOW,
        seconds=1.25,
        version="0.1.0",
        content=("library",),
    )


def unsupported(reason: str) -> TraplineError:
    return TraplineError(reason, hint="wait for it", code="unsupported")
