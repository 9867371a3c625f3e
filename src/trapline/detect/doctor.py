"""`trapline doctor`: is everything there that the scheduler needs, does it run, and what is to be done?

It changes nothing. Checks that need what another one could not load are left out.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time as clock
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from trapline.content.catalog import Content
from trapline.content.model import Detection
from trapline.content.read import errors
from trapline.detect import doctorstate
from trapline.detect.checkup import SHOWN, Check, doubts, duration, fail, failed, names, ok, warn
from trapline.detect.exceptions import Exemption, problems
from trapline.detect.finding import iso
from trapline.detect.jobs import Job
from trapline.detect.place import RAISED
from trapline.detect.settings import Settings
from trapline.errors import TraplineError, Warn
from trapline.knowledge import Knowledge
from trapline.outputs.output import Output
from trapline.search import Session
from trapline.state.lock import held
from trapline.store import Store
from trapline.store.snapshot import DataFile
from trapline.times import zone

T = TypeVar("T")

AHEAD = 300.0
"""Seconds that an event may be ahead of the clock."""
SILENT = 86_400.0
"""Seconds without a new event that are worth a warning."""
PARQUET = b"PAR1"
"""The first and the last bytes of a data file."""
LITTLE = 2 * 2**30
"""Bytes free on the disk below which there is a warning; below a tenth of it nothing is safe."""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at. What is loaded is loaded by functions, which may raise TraplineError."""

    store: Path
    state: str | Path
    """The place of the state database: a file or a URL."""
    settings: Callable[[], Settings]
    content: Callable[[], Content]
    addons: Callable[[], Sequence[Path]]
    knowledge: Callable[[], Knowledge]
    exemptions: Callable[[Settings], Sequence[Exemption]]
    outputs: Callable[[Settings], Sequence[Output]]
    enabled: Callable[[Content], tuple[list[Detection], list[Warn]]]
    jobs: Callable[[Content, Settings, Sequence[Detection]], tuple[list[Job], list[Warn]]]
    session: Callable[[Content, Knowledge], AbstractContextManager[Session]]
    """Over the store, to compile searches."""
    tables: Callable[[], Sequence[str]]
    """The lookup tables that the user keeps."""


@dataclass(slots=True)
class _Examination:
    patient: Patient
    now: float
    found: list[Check] = field(default_factory=list)

    def load(self, name: str, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except TraplineError as error:
            self.found.append(failed(name, error))
        except OSError as error:
            self.found.append(fail(name, str(error), "check the permissions"))
        return None

    def add(self, name: str, checks: Callable[[], Iterator[Check]]) -> None:
        self.load(name, lambda: self.found.extend(checks()))


def examine(patient: Patient, now: float) -> list[Check]:
    """All checks, in the order in which things depend on each other."""
    one = _Examination(patient, now)
    settings = one.load("settings", patient.settings)
    content = one.load("content", patient.content)
    knowledge = one.load("add-ons", patient.knowledge)
    if settings is not None:
        one.add("settings", lambda: _settings(settings, content))
    if content is not None:
        one.add("content", lambda: _content(content))
    if knowledge is not None:
        one.add("add-ons", lambda: _addons(knowledge, patient.addons()))
        one.add("lookups", lambda: _lookups(patient.tables()))
    if settings is not None:
        one.add("exceptions", lambda: _exceptions(patient.exemptions(settings), content, now))
        one.add("outputs", lambda: _outputs(patient.outputs(settings)))
    jobs: list[Job] = []
    if content is not None and settings is not None:
        enabled = one.load("detections", lambda: patient.enabled(content))
        scheduled = one.load("schedule", lambda: patient.jobs(content, settings, enabled[0] if enabled else ()))
        if enabled is not None and scheduled is not None:
            jobs, doubtful = scheduled[0], [*enabled[1], *scheduled[1]]
            one.add("detections", lambda: _detections(patient, enabled[0], doubtful, content, knowledge, now))
            one.add("schedule", lambda: _schedule(jobs, settings, now))
    one.add("store", lambda: _store(patient.store, now))
    one.add("disk", lambda: _disk(patient.store))
    running = one.load("scheduler", lambda: _running(patient.store))
    if running is not None:
        one.found.append(
            ok("scheduler", "it runs")
            if running
            else warn("scheduler", "none runs on this store", "start trapline run")
        )
    if settings is not None:
        one.add("state", lambda: doctorstate.checks(patient.state, jobs, settings, now, running=bool(running)))
    return one.found


def _settings(settings: Settings, content: Content | None) -> Iterator[Check]:
    there = "" if Path(settings.file).is_file() else " is not there: defaults"
    text = f"{settings.file}{there}; schedules are in the time zone {settings.tz}"
    yield doubts("settings", text, settings.unused(content) if content is not None else [])


def _content(content: Content) -> Iterator[Check]:
    lost = errors(content.problems)
    text = f"{len(content.detections):,} detections"
    if not len(content.detections):
        yield fail("content", "there are no detections", "check --content")
    elif lost:
        yield warn(
            "content",
            f"{text}; {len(lost):,} objects could not be read: {names([f'{one.place}: {one.reason}' for one in lost])}",
            "trapline lint shows what is wrong with a file",
        )
    else:
        yield ok("content", text)


def _addons(knowledge: Knowledge, folders: Sequence[Path]) -> Iterator[Check]:
    text = f"{len(folders):,} add-ons: {', '.join(one.name for one in folders)}"
    yield doubts("add-ons", text, list(knowledge.problems))


def _lookups(tables: Sequence[str]) -> Iterator[Check]:
    known = {one.lower() for one in tables}
    lost = [one for one in ("assets.csv", "identities.csv") if one not in known]
    without = f"; no {' and no '.join(lost)}, so no priorities of hosts and users" if lost else ""
    yield ok("lookups", f"{len(tables):,} tables of your own{without}")


def _exceptions(exemptions: Sequence[Exemption], content: Content | None, now: float) -> Iterator[Check]:
    found = problems(exemptions, content, now) if content is not None else []
    yield doubts("exceptions", f"{len(exemptions):,} exceptions", found)


def _outputs(outputs: Sequence[Output]) -> Iterator[Check]:
    yield ok("outputs", f"{len(outputs):,} outputs: {names([one.name for one in outputs])}" if outputs else "none")


def _detections(
    patient: Patient,
    detections: Sequence[Detection],
    doubtful: Sequence[Warn],
    content: Content,
    knowledge: Knowledge | None,
    now: float,
) -> Iterator[Check]:
    if not detections:
        yield warn("detections", "no detection is enabled", "trapline content enable NAME...")
        return
    yield doubts("detections", f"{len(detections):,} detections are enabled", doubtful)
    if knowledge is None:
        return
    broken: list[tuple[str, TraplineError]] = []
    with patient.session(content, knowledge) as session:
        if not session.tables:  # which fields there are, and whether they have a time, is not known
            yield warn("searches", "they are not checked: there are no events", "trapline ingest FILE... brings some")
            return
        for one in detections:
            try:
                session.sql(one.search, earliest=now - 1, latest=now, pretty=False)
            except TraplineError as error:
                broken.append((one.name, error))
    if broken:
        shown = "; ".join(f"{name}: {error.reason}" for name, error in broken[:SHOWN])
        more = f"; and {len(broken) - SHOWN:,} more" if len(broken) > SHOWN else ""
        hint = broken[0][1].hint
        todo = "trapline show NAME, or trapline content disable NAME" + (f"; {hint}" if hint else "")
        yield fail("searches", f"{len(broken):,} of {len(detections):,} cannot be run: {shown}{more}", todo)
    else:
        yield ok("searches", f"all {len(detections):,} can be read and planned")


def _schedule(jobs: Sequence[Job], settings: Settings, now: float) -> Iterator[Check]:
    if not jobs:
        return
    tz = zone(settings.tz)
    times = {job.name: job.cron.after(now, tz) for job in jobs}
    never = [name for name, at in times.items() if at is None]
    if never:
        yield warn("schedule", f"the schedule of {names(never)} has no time", "set another cron in the settings")
    first = min(((at, name) for name, at in times.items() if at is not None), default=None)
    if first is not None:
        yield ok("schedule", f"the next run is at {iso(first[0])}: {first[1]}")


def _store(path: Path, now: float) -> Iterator[Check]:
    with Store.open(path, create=False) as store:
        view = store.snapshot()
    events = [one for one in view.tables if one.index not in RAISED]
    lost = [text for files in view.files for file in files if (text := _damage(file)) is not None]
    if lost:
        more = f" (and {len(lost) - 3:,} more)" if len(lost) > 3 else ""
        todo = "put the files back from a copy of the store: searches over their tables fail until then"
        yield fail("store", "; ".join(lost[:3]) + more, todo)
    else:
        yield ok("store", f"{sum(one.rows for one in events):,} events in {len(events):,} tables")
    yield from _writable(path)
    if not events:
        yield warn("events", "there are no events", "trapline ingest FILE... brings some")
        return
    newest = max((one.latest / 1e6 for one in events if one.latest is not None), default=None)
    if newest is not None and newest < now - SILENT:
        text = f"the newest event is of {iso(newest)}, {duration(now - newest)} ago"
        yield warn("events", text, "does trapline ingest still run?")
    elif newest is not None:
        yield ok("events", f"the newest event is of {iso(newest)}")
    early = [
        f"index={one.index} sourcetype={one.sourcetype} ({iso(one.latest / 1e6)})"
        for one in events
        if one.latest is not None and one.latest / 1e6 > now + AHEAD
    ]
    if early:
        todo = "check the clocks of these hosts and the time zone of their sourcetype (TZ in props.conf)"
        yield warn("clock", f"events are ahead of the clock: {names(early)}", todo)
    files = [Path(file) for one in events for file in one.files[-50:]]
    written = max((file.stat().st_mtime for file in files if file.exists()), default=0.0)
    if written > now + AHEAD:
        text = f"files of the store are of {iso(written)}: the clock was set back, or it differs from that of the disk"
        yield fail("clock", text, "set the clock (NTP), and wait until that moment before you rely on the schedule")
    elif not early:
        yield ok("clock", f"it is {iso(now)}; no event and no file is ahead of it")


def _damage(file: DataFile) -> str | None:
    """What is wrong with a data file, as far as its size and its two ends tell."""
    try:
        with Path(file.path).open("rb") as given:
            size = os.fstat(given.fileno()).st_size
            ends = given.read(4)
            given.seek(-min(size, 4), os.SEEK_END)
            ends += given.read(4)
    except OSError as error:
        return f"{file.path}: {error.strerror}"
    if size != file.bytes:
        return f"{file.path} has {size:,} bytes instead of {file.bytes:,}"
    return None if ends == 2 * PARQUET else f"{file.path} is no Parquet file"


def _writable(path: Path) -> Iterator[Check]:
    before = clock.time()
    try:
        with tempfile.NamedTemporaryFile(dir=path, prefix=".doctor-") as file:
            skew = os.fstat(file.fileno()).st_mtime - before
    except OSError as error:
        yield fail("permissions", f"{path} cannot be written: {error.strerror}", "give this user the right to write")
        return
    open_to_all = [one.name for one in (path, *sorted(path.glob("*.yml")), *sorted(path.glob("*.db"))) if _open(one)]
    if open_to_all:
        text = f"everybody may write {names(open_to_all)}, and so switch detections off"
        yield warn("permissions", text, f"chmod -R o-w {path}")
    elif abs(skew) > 60:
        text = f"the disk's clock differs from ours by {duration(abs(skew))}"
        yield warn("permissions", text, "set the clocks of both (NTP)")
    else:
        yield ok("permissions", f"{path} can be written, and not by everybody")


def _open(path: Path) -> bool:
    return os.name == "posix" and bool(path.stat().st_mode & 0o002)


def _disk(path: Path) -> Iterator[Check]:
    if not path.is_dir():
        return
    usage = shutil.disk_usage(path)
    text = f"{usage.free / 2**30:.1f} GB of {usage.total / 2**30:.0f} GB are free"
    if usage.free < LITTLE / 10:
        yield fail("disk", text, "make room: trapline store compact, trapline store vacuum")
    elif usage.free < LITTLE:
        yield warn("disk", text, "make room: trapline store compact, trapline store vacuum")
    else:
        yield ok("disk", text)


def _running(path: Path) -> bool:
    lock = path / "scheduler.lock"
    if not lock.is_file():
        return False
    try:
        with held(lock, "a scheduler"):
            return False
    except TraplineError as error:
        if error.code == "schedule.running":
            return True
        raise
