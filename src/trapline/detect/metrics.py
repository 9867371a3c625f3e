"""Metrics of a store and its scheduler, in the text format of Prometheus.

Everything is read from the store and the state database when it is asked for, so that it holds over restarts; what is
counted over time is counted over the last day and is a gauge.
Source: Prometheus documentation, "Exposition formats"; "Metric and label naming".
"""

from __future__ import annotations

import hashlib
import time as clock
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from trapline.detect.exceptions import Exemption, State
from trapline.detect.jobs import Job
from trapline.detect.notablewords import statuses
from trapline.errors import TraplineError
from trapline.state import figures
from trapline.state.database import Database
from trapline.state.deliveries import Deliveries
from trapline.state.deliveries import Status as Delivery
from trapline.state.journal import Journal, Status
from trapline.store import Store
from trapline.times import zone

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
DAY = 86_400.0
LATELY = 300.0
"""Seconds over which what comes to the store is counted."""
MOST = 2_000
"""Series of one metric at most; those beyond are told by `trapline_series_left_out`."""
MOST_TEXT = 200
"""Characters of a label's value."""

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Metric:
    """A gauge. `samples`: (labels, value)."""

    name: str
    help: str
    samples: Sequence[tuple[Labels, float]]


@dataclass(frozen=True, slots=True)
class Watched:
    """What metrics are made of."""

    store: Path
    database: Callable[[], Database | None]
    """None where nothing was scheduled yet."""
    jobs: Sequence[Job] = ()
    exemptions: Sequence[Exemption] = ()
    tz: str = "UTC"


@dataclass(slots=True)
class Scrape:
    """Metrics of one moment. `errors`: why a part has none."""

    metrics: list[Metric] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        return "".join(_lines(self.metrics))


def scrape(watched: Watched, now: float) -> Scrape:
    """The metrics of a moment. A part that cannot be read is missing, and `trapline_part_ok` says so."""
    found = Scrape()
    begun = clock.perf_counter()
    parts: dict[str, Callable[[Watched, float], Iterator[Metric]]] = {
        "schedule": _schedule,
        "state": _state,
        "store": _store,
        "exceptions": _exceptions,
    }
    for name, part in parts.items():
        try:
            found.metrics += part(watched, now)
        except (TraplineError, OSError) as error:
            found.errors[name] = str(error)
    ok = [({"part": name}, float(name not in found.errors)) for name in parts]
    found.metrics += [
        Metric("trapline_info", "The version that runs.", [({"version": version("trapline")}, 1.0)]),
        Metric("trapline_part_ok", "1 where this part of the metrics could be read.", ok),
        Metric(
            "trapline_series_left_out",
            f"Series beyond the first {MOST} of a metric, which are not shown.",
            [
                ({"metric": one.name}, float(len(one.samples) - MOST))
                for one in found.metrics
                if len(one.samples) > MOST
            ],
        ),
        _one("trapline_scrape_seconds", "How long it took to collect the metrics.", clock.perf_counter() - begun),
    ]
    return found


def _schedule(watched: Watched, now: float) -> Iterator[Metric]:
    database = watched.database()
    cursors = Journal(database).cursors() if database is not None else {}
    lags = []
    for job in watched.jobs:
        at = cursors.get(job.name)
        if at is not None:
            first = next(iter(job.cron.between(at.scheduled, now - job.skew, zone(watched.tz))), None)
            lags.append((_search(job.name), 0.0 if first is None else now - first))
    lags.sort(key=lambda one: -one[1])
    yield _one("trapline_searches", "Searches on a schedule.", len(watched.jobs))
    yield Metric(
        "trapline_search_lag_seconds",
        "Seconds since the oldest time of the schedule that is not accounted for; 0 where none is due.",
        lags,
    )


def _state(watched: Watched, now: float) -> Iterator[Metric]:
    database = watched.database()
    if database is None:
        return
    runs = sorted(figures.runs(database, now - DAY), key=lambda one: -one.seconds)
    done = [one for one in runs if one.status is not Status.SKIPPED]
    totals = {status.value: float(sum(one.runs for one in runs if one.status is status)) for status in Status}
    yield _by("trapline_runs", "Runs of the last day by how they ended.", "status", totals)
    counts = _sums((one.search, float(one.runs)) for one in done)
    seconds = _sums((one.search, one.seconds) for one in done)
    yield _by("trapline_search_runs", "Runs of a search in the last day.", "search", counts)
    yield _by("trapline_search_run_seconds_sum", "Seconds that they took.", "search", seconds)
    longest: dict[str, float] = {}
    for one in done:
        longest[one.search] = max(one.longest, longest.get(one.search, 0.0))
    yield _by("trapline_search_run_seconds_max", "Seconds of the longest run of the last day.", "search", longest)
    failed = _sums((one.search, float(one.runs)) for one in runs if one.status is Status.FAILED)
    yield _by("trapline_search_failed_runs", "Runs that failed in the last day.", "search", failed)
    left_out = _sums((one.search, float(one.runs)) for one in runs if one.status is Status.SKIPPED)
    yield _by("trapline_search_skipped_spans", "Spans of the schedule left out in the last day.", "search", left_out)
    found = _sums((one.search, float(one.findings)) for one in runs if one.findings)
    yield _by("trapline_search_findings", "Findings of the last day.", "search", found)
    yield _one("trapline_findings", "Findings of the last day.", sum(one.findings for one in runs))
    late = sum(one.late for one in runs)
    yield _one("trapline_late_events", "Events that came too late for runs of the last day and await a backfill.", late)
    yield _one(
        "trapline_outbox_writes", "Writes to the store that are decided and not made.", figures.undelivered(database)
    )
    words = statuses()
    yield Metric(
        "trapline_notables",
        "Notables by status and urgency.",
        [
            ({"status": words[status].label if status in words else str(status), "urgency": urgency}, float(count))
            for (status, urgency), count in sorted(figures.notables(database).items())
        ],
    )
    queued = Deliveries(database).counts()
    yield Metric(
        "trapline_deliveries",
        "Messages of outputs by where they stand.",
        [
            ({"output": output, "status": status.value}, float(queued[output][status]))
            for output in sorted(queued)
            for status in Delivery
        ],
    )


def _store(watched: Watched, now: float) -> Iterator[Metric]:
    with Store.open(watched.store, create=False) as store:
        tables = store.stats()
        arrived = store.arrived(round((now - LATELY) * 1e6))
    yield _by(
        "trapline_store_events", "Events in the store.", "index", _sums((one.index, one.events) for one in tables)
    )
    yield _by(
        "trapline_store_bytes", "Bytes of the store's files.", "index", _sums((one.index, one.bytes) for one in tables)
    )
    yield Metric(
        "trapline_ingested_events",
        f"Events that came to the store in the last {LATELY:.0f} seconds.",
        [({"index": index, "sourcetype": name}, float(count)) for (index, name), count in arrived.items()],
    )
    yield _by("trapline_store_files", "Files of the store.", "index", _sums((one.index, one.files) for one in tables))
    last = [
        ({"index": one.index, "sourcetype": one.sourcetype}, one.latest / 1e6)
        for one in tables
        if one.latest is not None
    ]
    last.sort(key=lambda one: -one[1])
    yield Metric("trapline_last_event_timestamp_seconds", "The time of the newest event.", last)
    yield Metric(
        "trapline_event_lag_seconds",
        "Seconds since the time of the newest event; below 0 it is in the future.",
        [(labels, now - at) for labels, at in last],
    )


def _exceptions(watched: Watched, now: float) -> Iterator[Metric]:
    counts = {state.value: 0.0 for state in State}
    for one in watched.exemptions:
        counts[one.state(now).value] += 1
    yield _by("trapline_exceptions", "Exceptions by whether they apply.", "state", counts)


def _one(name: str, text: str, value: float) -> Metric:
    return Metric(name, text, [({}, float(value))])


def _by(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    return Metric(name, text, [({label: key}, value) for key, value in values.items()])


def _search(name: str) -> Labels:
    return {"search": name}


def _sums(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in pairs:
        found[name] = found.get(name, 0.0) + value
    return found


# --- the text format ------------------------------------------------------------------------------------------------


def _lines(metrics: Iterable[Metric]) -> Iterator[str]:
    for one in metrics:
        if not one.samples:
            continue
        yield f"# HELP {one.name} {_escaped(one.help)}\n# TYPE {one.name} gauge\n"
        for labels, value in one.samples[:MOST]:
            inside = ",".join(f'{name}="{_label(text)}"' for name, text in labels.items())
            yield f"{one.name}{{{inside}}} {_number(value)}\n" if inside else f"{one.name} {_number(value)}\n"


def _label(text: str) -> str:
    """Names come from content and logs. One that is too long or does not print is shortened and told apart by a hash:
    two series with the same labels would spoil the whole answer."""
    shown = "".join(char if char.isprintable() else "?" for char in text[:MOST_TEXT])
    if shown != text:
        shown += f"~{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    return _escaped(shown).replace('"', '\\"')


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
