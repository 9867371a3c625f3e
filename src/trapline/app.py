"""Composition root: settings -> content, store, session. The command line and the servers call this and add nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trapline.content.catalog import Content
from trapline.content.model import Detection, DetectionType, Level, Status
from trapline.errors import InputError, TraplineError, Warn

if TYPE_CHECKING:
    from trapline.content.enrich import Attack
    from trapline.content.remembered import Reading
    from trapline.detect.checkup import Check
    from trapline.detect.exceptions import Exemption
    from trapline.detect.exempting import Impact
    from trapline.detect.hunt import HuntResult
    from trapline.detect.metrics import Watched
    from trapline.detect.run import Progress
    from trapline.detect.scheduler import Scheduler
    from trapline.detect.settings import Settings
    from trapline.forecast.model import Forecast
    from trapline.ingest.intake import Evidence
    from trapline.ingest.intake import Progress as IngestProgress
    from trapline.ingest.report import IngestReport
    from trapline.knowledge.indextime import IndexTime
    from trapline.knowledge.kept import Kept
    from trapline.knowledge.knowledge import Knowledge
    from trapline.plan import Table
    from trapline.search import Session
    from trapline.spl.lookups import Lookup
    from trapline.state.database import Database
    from trapline.state.journal import Run
    from trapline.state.notables import Notables
    from trapline.testing.affected import Changes
    from trapline.testing.download import Rules
    from trapline.testing.matrix import Matrix
    from trapline.testing.model import DetectionResult, Tested
    from trapline.testing.place import Surroundings
    from trapline.testing.plan import Work
    from trapline.testing.runner import Options
    from trapline.validate.check import Asked
    from trapline.validate.ignore import Ignore
    from trapline.validate.subject import Tree


def content(
    folders: Sequence[str | Path] = (),
    macros: Sequence[str | Path] = (),
    store: Path | None = None,
    reading: Reading | None = None,
) -> Content:
    """The built-in library, on it the trees added to a store, the user's content folders, and the user's macros on top.
    `reading`: `reading()`, for who reads them again and again. Raises InputError."""
    from trapline.content.read import default_content

    return default_content([*added(store), *folders], macros, reading)


def reading() -> Reading:
    """What reads a file of content, and remembers it."""
    from trapline.content.read import read_as
    from trapline.content.remembered import Remembered

    return Remembered(read_as)


CONTENT = "content"
"""The folder of a store with the content trees of its user."""


def added(store: Path | None) -> list[Path]:
    """The content trees in a store, by name."""
    return _installed(store, CONTENT)


def addons(folders: Sequence[str | Path] = (), store: Path | None = None) -> list[Path]:
    """The built-in add-ons, then the user's add-on folders (Splunk's own form), which override them: those in the
    folder `addons` of a store by name, then those given.

    Raises InputError for a folder that is none or holds no `default/` or `local/`."""
    from trapline.knowledge.precedence import built_in_addons

    given = [*_installed(store), *(Path(one) for one in folders)]
    for one in given:
        if not any((one / part).is_dir() for part in ("default", "local")):
            raise InputError(
                "this is no add-on folder",
                file=str(one),
                hint="give the folder that holds default/ or local/ with props.conf, eventtypes.conf, ...",
                code="knowledge.folder",
            )
    return [*built_in_addons(), *given]


def _installed(store: Path | None, name: str = "addons") -> list[Path]:
    folder = store / name if store is not None else None
    if folder is None or not folder.is_dir():
        return []
    found = (one for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))
    return sorted(one for one in found if not (one / "_delta_log").exists())  # an index may have that name, too


def knowledge(folders: Sequence[str | Path] = (), store: Path | None = None) -> Knowledge:
    """What `addons` say."""
    from trapline.knowledge.knowledge import Knowledge

    return Knowledge.load(addons(folders, store)) if folders or _installed(store) else Knowledge.built_in()


def index_time(folders: Sequence[str | Path] = (), store: Path | None = None) -> IndexTime | None:
    """What `addons` say of how text becomes events; None where that is what is built in."""
    return knowledge(folders, store).index_time if folders or _installed(store) else None


ADDONS = "addons"
"""The folder of a store with the add-ons of its user."""
ATTACK = "attack"
"""The folder of a store with tables of ATT&CK."""
LOOKUPS = "lookups"
"""The folder of a store with the lookup tables of its user."""
STATE = "state.db"
"""The state database of a store."""
STATE_VARIABLE = "TRAPLINE_STATE"
"""Environment variable with the URL of the state database, where it is not that file."""


def kept(store: Path, *, create: bool = False, writes: bool = True) -> Kept | None:
    """The lookup tables that a store keeps; None where there is no such store, unless it is to be made. `writes`:
    outputlookup writes to them. Raises TraplineError."""
    from trapline.knowledge.kept import Kept
    from trapline.store import Store

    if create:
        Store.open(store).close()
    if not store.is_dir():
        return None
    return Kept((store / LOOKUPS,), os.environ.get(STATE_VARIABLE) or store / STATE, writes)


def database(store: Path) -> Database:
    """The state database of a store, made where it is missing. Raises TraplineError."""
    from trapline.state.database import Database
    from trapline.store import Store

    place = os.environ.get(STATE_VARIABLE)
    if not place and not (store / STATE).is_file():
        Store.open(store).close()
    return Database.at(place or store / STATE)


def settings(store: Path, file: Path | None = None) -> Settings:
    """The user's settings: a file, else `trapline.yml` of the store. Raises InputError."""
    from trapline.detect.settings import SETTINGS, read

    if file is not None and not file.is_file():
        raise InputError("there is no such file", file=str(file), code="settings")
    return read(file or store / SETTINGS)


def exemptions(store: Path, settings: Settings) -> list[Exemption]:
    """The user's exceptions: `exceptions.yml` of the store and the files that the settings name. Raises InputError."""
    from trapline.detect.exceptions import SECTION, files, read
    from trapline.times import zone

    return read(files(store, settings.sections.get(SECTION), settings.file), zone(settings.tz))


def impact(
    content: Content, knowledge: Knowledge, store: Path, exempt: Sequence[Exemption], earliest: str
) -> list[Impact]:
    """What exceptions hid in the runs of a store since a time. Raises TraplineError."""
    from trapline.detect.entries import EXCEPTIONS, SCHEDULER
    from trapline.detect.exempting import impact

    fields = "exception savedsearch_name scheduled_time dispatch_time hidden sample"
    with session(content, knowledge, store=store) as (opened, _):
        found = opened.run(f"index={SCHEDULER} sourcetype={EXCEPTIONS} | table {fields}", earliest=earliest)
    return impact(exempt, found.rows)


def watched(content: Content, store: Path, settings: Settings) -> Watched:
    """What the metrics of a store are made of. Raises TraplineError."""
    from trapline.detect.hunt import profiles
    from trapline.detect.jobs import jobs
    from trapline.detect.metrics import Watched
    from trapline.detect.settings import ENABLED, enabled
    from trapline.times import zone

    detections, _ = enabled(content, store / ENABLED)
    made, _ = jobs(content, detections, profiles(content, attack(store)), settings.of, tz=zone(settings.tz))

    def opened() -> Database | None:
        there = bool(os.environ.get(STATE_VARIABLE)) or (store / STATE).is_file()
        return database(store) if there else None

    return Watched(store, opened, made, exemptions(store, settings), settings.tz)


def doctor(
    store: Path,
    file: Path | None = None,
    folders: Sequence[str | Path] = (),
    macros: Sequence[str | Path] = (),
    addon_folders: Sequence[str | Path] = (),
) -> list[Check]:
    """What is well and what is not with a store and its scheduler. It raises nothing that a user can cause."""
    from trapline.detect.doctor import Patient, examine
    from trapline.detect.hunt import profiles
    from trapline.detect.jobs import jobs
    from trapline.detect.settings import ENABLED, enabled
    from trapline.knowledge.kept import Kept
    from trapline.outputs.settings import SECTION
    from trapline.outputs.settings import read as read_outputs
    from trapline.times import zone

    own = Kept((store / LOOKUPS,), None, writes=False)  # the state database would be brought up to date
    return examine(
        Patient(
            store=store,
            state=os.environ.get(STATE_VARIABLE) or store / STATE,
            settings=lambda: settings(store, file),
            content=lambda: content(folders, macros, store),
            addons=lambda: addons(addon_folders, store),
            knowledge=lambda: with_lookups(knowledge(addon_folders, store), own),
            exemptions=lambda given: exemptions(store, given),
            outputs=lambda given: read_outputs(given.sections.get(SECTION), given.file),
            enabled=lambda loaded: enabled(loaded, store / ENABLED),
            jobs=lambda loaded, given, detections: jobs(
                loaded, detections, profiles(loaded, attack(store)), given.of, tz=zone(given.tz)
            ),
            session=lambda loaded, known: _to_compile(loaded, known, own, store),
            tables=lambda: sorted(own.files()),
        ),
        time.time(),
    )


@contextmanager
def _to_compile(content: Content, knowledge: Knowledge, kept: Kept, store: Path) -> Iterator[Session]:
    """A session over a store in which nothing is written. Raises TraplineError where there is no store."""
    with session(content, knowledge, store=store, kept=kept) as (opened, _):
        opened.writer = lambda index, rows: None
        yield opened


def attack(store: Path, version: str | None = None) -> Attack:
    """The table of a version of ATT&CK: built in, or kept by the store; without a version the one that the store has
    selected. Raises TraplineError."""
    from trapline.content.attackkept import Kept

    return Kept(store / ATTACK).table(version)


def attack_update(store: Path, file: Path, version: str | None = None) -> tuple[Attack, list[str]]:
    """Makes a table of an official bundle, keeps it in the store and selects it; the tactics of it whose kill chain
    phase is not known. Raises InputError."""
    from trapline.content.attackbundle import read
    from trapline.content.attackkept import Kept
    from trapline.store import Store

    found = read(file, version)
    Store.open(store).close()
    kept_tables = Kept(store / ATTACK)
    strange = kept_tables.put(found)
    return kept_tables.table(found.version), strange


def validation(
    folders: Sequence[str],
    macros: Sequence[str],
    addon_folders: Sequence[str],
    names: Sequence[str],
    table: Attack,
    asked: Asked,
    store: Path | None = None,
) -> tuple[Tree, list[Ignore], Asked]:
    """What is checked of content: the objects of the folders, else those of the trees added to the store, else the
    built-in ones; of these those named. Raises TraplineError."""
    from trapline.content.read import LIBRARY, unused_overrides
    from trapline.validate import ignore
    from trapline.validate.naming import named
    from trapline.validate.subject import Tree

    loaded = content(folders, macros, store)
    loaded.problems += unused_overrides(loaded)
    roots = tuple(Path(one) for one in folders) or tuple(added(store)) or (LIBRARY,)
    tree = Tree(loaded, knowledge(addon_folders, store), roots, table)
    if names:
        asked = named(tree, names, asked)
    return tree, ignore.read_all(roots), asked


def switch(store: Path, detections: Sequence[Detection], on: bool) -> int:
    """Enable detections for the scheduler of a store, or disable them; how many that changed. Raises InputError."""
    from trapline.detect.settings import ENABLED, switches, write_switches
    from trapline.store import Store

    Store.open(store).close()
    path = store / ENABLED
    names = switches(path)
    places = {name.lower(): name for name in names}
    changed = 0
    for one in detections:
        name = places.get(one.name.lower(), one.name)
        changed += names.get(name, one.enabled) != on
        names[name] = on
    write_switches(path, names)
    return changed


def enabled(content: Content, store: Path) -> list[Detection]:
    """The detections that run in a store. Raises InputError."""
    from trapline.detect import settings as files

    return files.enabled(content, store / files.ENABLED)[0]


def enabled_of(content: Content, store: Path) -> tuple[list[Detection], list[Warn]]:
    """The detections of some content that run in a store, and what is doubtful. Raises InputError."""
    from trapline.detect.settings import ENABLED, enabled

    return enabled(content, store / ENABLED)


def listed(content: Content, store: Path, types: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The detections with what tells their schedules, as they run in a store. Raises TraplineError."""
    from trapline.detect.settings import ENABLED, enabled

    on = {one.name for one in enabled(content, store / ENABLED)[0]}
    found = []
    for one in sorted(select(content, (), types, deprecated=True), key=lambda one: one.name):
        try:
            schedule = content.deployment_of(one).schedule
        except TraplineError:
            schedule = None
        found.append(
            {
                "name": one.name,
                "id": one.id,
                "type": one.type.value,
                "status": one.status.value,
                "enabled": one.name in on,
                "score": one.rba.score if one.rba is not None else None,
                "cron": schedule.cron if schedule is not None else None,
                "earliest": schedule.earliest if schedule is not None else None,
                "latest": schedule.latest if schedule is not None else None,
                "file": one.file,
            }
        )
    return found


def runs(
    store: Path,
    detection: str | None,
    earliest: str | None,
    latest: str | None,
    *,
    failed: bool = False,
    skipped: bool = False,
    late: bool = False,
    limit: int | None = None,
) -> list[Run]:
    """Runs of a store's scheduler, the newest first. Times as in a search. Raises TraplineError."""
    from trapline.detect.risk import stanza
    from trapline.state.journal import Journal, Status
    from trapline.times import time_bound

    _scheduled(store)
    now = time.time()
    names = () if detection is None else (detection, stanza(detection))
    statuses = [one for one, wanted in ((Status.FAILED, failed), (Status.SKIPPED, skipped)) if wanted]
    return Journal(database(store)).runs(
        names,
        earliest=time_bound(earliest, now, what="--earliest"),
        latest=time_bound(latest, now, what="--latest"),
        statuses=statuses,
        late=late,
        limit=limit,
    )


def notables(store: Path) -> Notables:
    """The notables of a store. Raises TraplineError where nothing was scheduled."""
    from trapline.state.notables import Notables

    _scheduled(store)
    return Notables(database(store))


def _scheduled(store: Path) -> None:
    if not os.environ.get(STATE_VARIABLE) and not (store / STATE).is_file():
        raise TraplineError(
            f"{store} has no state database: nothing was scheduled there",
            hint="run `trapline run`, or name the store with --store",
            code="schedule.nothing",
        )


@contextmanager
def scheduler(
    content: Content,
    knowledge: Knowledge,
    *,
    store: Path,
    kept: Kept | None = None,
    settings: Settings,
    detections: Sequence[Detection] = (),
    simulated: bool = False,
    jobs: int | None = None,
) -> Iterator[tuple[Scheduler, list[Warn]]]:
    """The scheduler of a store, alone on it, with the detections that are enabled there, or those given; and what is
    doubtful about them. `jobs`: processes that run searches, None = as the settings say. Raises TraplineError where
    another one runs, or nothing is enabled."""
    from trapline.detect import filtering
    from trapline.detect.crew import Crew
    from trapline.detect.exceptions import problems
    from trapline.detect.exempting import Exempting
    from trapline.detect.hunt import profiles
    from trapline.detect.jobs import jobs as jobs_of
    from trapline.detect.place import StorePlace
    from trapline.detect.scheduler import Scheduler
    from trapline.detect.settings import ENABLED, enabled
    from trapline.detect.urgency import FILE, urgency_of
    from trapline.detect.workers import MOST, cores
    from trapline.knowledge.lookups import LookupFiles
    from trapline.outputs.settings import SECTION
    from trapline.outputs.settings import read as read_outputs
    from trapline.search import Session
    from trapline.state.journal import Journal
    from trapline.state.lock import held
    from trapline.store import Store, collected
    from trapline.times import zone

    exempt = exemptions(store, settings)
    warnings = [*problems(exempt, content, time.time()), *filtering.check(exempt, content, knowledge.macros)]
    filters = filtering.Filters(exempt, content, knowledge.macros)
    filters.at(time.time())
    warnings += [*settings.unused(content), *(one.to_warn() for one in content.problems), *knowledge.problems]
    if not detections:
        detections, lost = enabled(content, store / ENABLED)
        warnings += lost
    made, refused = jobs_of(content, detections, profiles(content, attack(store)), settings.of, tz=zone(settings.tz))
    warnings += refused
    # Late events are counted once, so for all that run here at other times, too.
    others = [one for one in enabled(content, store / ENABLED)[0] if one not in detections]
    watched, _ = jobs_of(content, others, profiles(content, attack(store)), settings.of, tz=zone(settings.tz))
    if not made:
        raise TraplineError(
            "no detection is enabled",
            hint="enable some: trapline content enable NAME..., or name them: trapline run --detection NAME",
            code="schedule.nothing",
        )
    lookups = LookupFiles(content.lookups)
    processes = jobs or settings.jobs or min(cores(), MOST)
    with (
        held(store / "scheduler.lock", "a scheduler"),
        Store.open(store) as opened,
        Crew(min(processes, len(made))) as crew,
    ):

        def over(tables: Sequence[Table]) -> Session:
            return Session(
                tables=tables,
                macros=filters.macros,
                lookups=lookups,
                knowledge=knowledge,
                kept=kept,
                tz=settings.tz,
                saved_searches=content.searches(),
                writer=partial(collected.write, opened),
            )

        yield (
            Scheduler(
                StorePlace(opened, over),
                Journal(database(store)),
                made,
                urgency_of(knowledge, kept.file(FILE) if kept is not None else None),
                macros=filters.macros,
                filters=filters,
                exempt=Exempting(exempt) if exempt else None,
                limits=settings.risk,
                lookback=settings.lookback,
                keep_runs=settings.keep_runs,
                tz=settings.tz,
                simulated=simulated,
                crew=crew,
                watched=[*made, *watched],
                outputs=() if simulated else read_outputs(settings.sections.get(SECTION), settings.file),
            ),
            warnings,
        )


def forecast(
    content: Content,
    knowledge: Knowledge,
    *,
    store: Path,
    days: float,
    end: str | None = None,
    kept: Kept | None = None,
    settings: Settings,
    detections: Sequence[Detection] = (),
    noisy: float | None = None,
    macros: Sequence[str] = (),
    progress: Progress | None = None,
) -> Forecast:
    """What the detections that are enabled in a store, or those given, would have raised over its last days
    (`trapline.forecast.run.forecast`). `end`: as in a search. Nothing is written to the store. Raises TraplineError."""
    from trapline.detect import filtering
    from trapline.detect.exceptions import problems
    from trapline.detect.exempting import Exempting
    from trapline.detect.hunt import profiles
    from trapline.detect.jobs import jobs
    from trapline.detect.settings import ENABLED, enabled
    from trapline.detect.urgency import FILE, urgency_of
    from trapline.forecast import run as forecasts
    from trapline.knowledge.lookups import LookupFiles
    from trapline.search import Session
    from trapline.store import Store, collected
    from trapline.times import time_bound, zone

    now = time.time()
    exempt = exemptions(store, settings)
    warnings = [*problems(exempt, content, now), *filtering.check(exempt, content, knowledge.macros)]
    filters = filtering.Filters(exempt, content, knowledge.macros)
    filters.at(now)
    warnings += [*settings.unused(content), *(one.to_warn() for one in content.problems), *knowledge.problems]
    if not detections:
        detections, lost = enabled(content, store / ENABLED)
        warnings += lost
    made, refused = jobs(content, detections, profiles(content), settings.of, tz=zone(settings.tz))
    warnings += refused
    if not made:
        raise TraplineError(
            "no detection is enabled",
            hint="name some: trapline forecast NAME..., or enable them: trapline content enable NAME...",
            code="forecast.nothing",
        )
    all_macros, lookups = filters.macros, LookupFiles(content.lookups, content.fillers)

    def over(tables: Sequence[Table], beside: Store) -> Session:
        return Session(
            tables=tables,
            macros=all_macros,
            lookups=lookups,
            knowledge=knowledge,
            kept=kept,
            tz=settings.tz,
            saved_searches=content.searches(),
            writer=partial(collected.write, beside),
        )

    with Store.open(store, create=False) as opened:
        tables = opened.snapshot().tables
        last = time_bound(end, now, what="--to", tz=zone(settings.tz)) if end is not None else None
        return forecasts.forecast(
            content,
            made,
            tables,
            over,
            span=forecasts.history(tables, days, last, now),
            days=days,
            urgency=urgency_of(knowledge, kept.file(FILE) if kept is not None else None),
            macros=dict(all_macros),
            exempt=Exempting(exempt) if exempt else None,
            tz=settings.tz,
            noisy=forecasts.NOISY if noisy is None else noisy,
            own=macros,
            warnings=warnings,
            progress=progress,
        )


def with_lookups(
    knowledge: Knowledge, kept: Kept | None, assets: Path | None = None, identities: Path | None = None
) -> Knowledge:
    """The knowledge with the user's lookup tables, assets and identities: files as given, else `assets.csv` and
    `identities.csv` of the folder of lookups. Raises InputError for a file that is none."""
    from trapline.knowledge.identities import ASSETS, IDENTITIES, tables

    if kept is not None:
        assets, identities = assets or kept.file(ASSETS), identities or kept.file(IDENTITIES)
    given = tables(assets, identities)
    if kept is not None and kept.database is not None:
        from trapline.detect import review

        given = {**given, review.NAME: review.table(kept.database)}
    return knowledge.over(kept, given) if kept is not None or given else knowledge


def lookup_table(name: str, content: Content, knowledge: Knowledge, kept: Kept | None) -> Lookup:
    """A lookup table by name, with the rows that the user has for it. Raises TraplineError."""
    from trapline.knowledge import lookups

    own = kept.files() if kept is not None else {}
    found = lookups.find(name, lookups.LookupFiles(content.lookups, content.fillers), knowledge.lookups, own)
    return found if kept is None else kept.current(found)


def select(
    content: Content, names: Sequence[str] = (), types: Sequence[str] = (), *, deprecated: bool = False
) -> list[Detection]:
    """The detections to run: those named (by name, id or file), else all that are in use, of the types given.

    Deprecated ones only on request or by name. Raises TraplineError for a name or type that there is none of.
    """
    from trapline.content.read import find_or_read

    wanted = {_type(one) for one in types}
    if names:
        found = list({one.name: one for one in (find_or_read(content, name) for name in names)}.values())
    else:
        used = {Status.PRODUCTION, Status.EXPERIMENTAL} | ({Status.DEPRECATED} if deprecated else set())
        found = [one for one in content.detections if one.status in used]
    found = [one for one in found if not wanted or one.type in wanted]
    if not found:
        raise TraplineError(
            "no detection is selected", hint="check --type, --detection and --content", code="detect.none-selected"
        )
    return found


def _type(text: str) -> DetectionType:
    for one in DetectionType:
        if one.value.lower() == text.strip().lower():
            return one
    known = ", ".join(one.value for one in DetectionType)
    raise TraplineError(f"there is no detection type '{text}'", hint=f"types are {known}", code="detect.type")


def hunt(
    evidence: Sequence[Evidence],
    content: Content,
    detections: Sequence[Detection],
    *,
    knowledge: Knowledge | None = None,
    kept: Kept | None = None,
    keep: int | None = None,
    attack_version: str | Attack | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> HuntResult:
    """Hunt over evidence (`trapline.detect.hunt.hunt`)."""
    from trapline.content.read import unused_overrides
    from trapline.detect import hunt as hunts

    content.problems += unused_overrides(content)
    return hunts.hunt(
        evidence,
        content,
        detections,
        knowledge=knowledge,
        kept=kept,
        keep=keep,
        attack_version=attack_version,
        jobs=jobs,
        progress=progress,
    )


def needs_no_events(spl: str, content: Content, knowledge: Knowledge) -> bool:
    """Does a search make all its rows itself and keep them, so that it needs no store? Raises SplError."""
    from trapline.search import Session
    from trapline.spl.eventless import needs_events

    session = Session(macros=content.macros(knowledge.macros), knowledge=knowledge, saved_searches=content.searches())
    return not needs_events(session.parse(spl), session.parse)


def content_folders(names: Sequence[str], folders: Sequence[str]) -> list[str]:
    """The content folders of a run: those given, else those that the named files are in (the folder above
    `detections/`)."""
    if folders:
        return list(folders)
    found = []
    for name in names:
        path = Path(name)
        if path.suffix.lower() in (".yml", ".yaml") and path.is_file():
            above = next((one.parent for one in path.resolve().parents if one.name == "detections"), None)
            found += [str(above)] if above is not None else []
    return list(dict.fromkeys(found))


def to_test(
    content: Content, names: Sequence[str], folders: Sequence[str], types: Sequence[str] = ()
) -> list[Detection]:
    """The detections to test: those named, else all of the user's folders, else all. Raises TraplineError."""
    found = select(content, names, types, deprecated=True)
    return found if names else below(found, folders)


def below(detections: Sequence[Detection], folders: Sequence[str]) -> list[Detection]:
    """Those whose files are in these folders; all where there are no folders."""
    roots = [Path(one).resolve() for one in folders]
    if not roots:
        return list(detections)
    return [one for one in detections if any(Path(one.file).resolve().is_relative_to(root) for root in roots)]


def run_tests(
    content: Content,
    detections: Sequence[Detection],
    *,
    data: Sequence[Path] = (),
    mapping: Path | None = None,
    fetching: tuple[Path, Rules] | None = None,
    every: bool = False,
    options: Options | None = None,
    addons: Sequence[str | Path] = (),
    store: Path | None = None,
    mode: str = "all",
    folders: Sequence[str | Path] = (),
    changes: Changes | None = None,
    jobs: int | None = None,
    timeout: float | None = None,
    progress: Progress | None = None,
) -> Tested:
    """Test detections over attack data: `data` are folders of it, `mapping` a file that says where each is, `fetching`
    the folder for what is fetched by its URL, with the rules of that. `store`: whose add-ons count, too. `every`: also
    what contentctl skips. `mode`: selected, where the detections were named; else files of the content that cannot be
    read fail too, those below `folders`, or all. `changes`: only what they touch. `jobs`: processes, default one a
    core. `timeout`: seconds per detection. Raises TraplineError."""
    from trapline.content.told import concerning
    from trapline.detect.workers import cores
    from trapline.testing import affected, broken, extra, plan, pool
    from trapline.testing import mapping as mappings
    from trapline.testing.datasets import Datasets
    from trapline.testing.fetching import fetch_all
    from trapline.testing.model import Tested
    from trapline.testing.runner import Options

    begun = time.perf_counter()
    entries = mappings.read(mapping) if mapping is not None else []
    given = options or Options()
    extras = extra.read(content)
    datasets = Datasets(content, data, entries)
    touched = None
    if changes is not None:
        own = [*addons, *([mapping] if mapping is not None else ())]
        touched = affected.touched(content, detections, changes, datasets, extras, map(Path, own))
        detections = [one.detection for one in touched]
    works = plan.plan(content, detections, datasets, extras, every=every)
    if fetching is not None:
        datasets.fetched = fetch_all((lack for one in works for lack in one.missing), *fetching, progress)
        works = plan.plan(content, detections, datasets, extras, every=every)
    make = partial(detection_tester, addons=tuple(addons), options=given, store=store)
    done: dict[int, DetectionResult] = {}
    for at, result in pool.run(works, content, make, jobs or cores(), timeout or pool.TIMEOUT):
        done[at] = result
        if progress is not None:
            progress("testing", len(done), len(works), result.name)
    results = broken.add(
        [done[at] for at in sorted(done)],
        content.problems,
        [Path(one) for one in folders or content.roots],
        detections if mode == "selected" else None,
        lambda path: changes is None or path in changes.files,
    )
    failed = {one.file for one in results if not one.success}
    kept, rest = concerning(content, detections)
    return Tested(
        results,
        time.perf_counter() - begun,
        given.integration,
        mode if changes is None else "changes",
        (*(one.to_warn() for one in kept if one.file not in failed or one.level is Level.WARNING), *rest),
        None if touched is None else {one.detection.name: one.because for one in touched},
    )


def matrix(
    content: Content,
    detections: Sequence[Detection],
    folder: Path,
    *,
    mapping: Path | None = None,
    benign: Sequence[str] = (),
    addon_folders: Sequence[str | Path] = (),
    cache: Path | None = None,
    cached: bool = True,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Matrix:
    """Every detection over every data set below a folder (`trapline.testing.matrix`). `mapping`: a file that says
    whose data a file is. `benign`: patterns of paths. `cache`: its folder, default that of the user. `jobs`: processes.
    Raises TraplineError."""
    from trapline.content.told import told
    from trapline.detect.workers import cores
    from trapline.testing import mapping as mappings
    from trapline.testing import matrix as matrices
    from trapline.testing import matrixcache

    given = mappings.read(mapping) if mapping is not None else []
    sets = matrices.find(content, folder, given, benign)
    own = addons(addon_folders)[-len(addon_folders) :] if addon_folders else []
    keys = matrixcache.keys(content, detections, own, knowledge(addon_folders).macros)
    kept = matrixcache.Cache(cache or matrixcache.default_folder()) if cached else None
    make = partial(_surroundings, content, tuple(addon_folders))
    found = matrices.run_matrix(sets, detections, make, keys=keys, cache=kept, jobs=jobs or cores(), progress=progress)
    found.warnings = [*found.warnings, *told(content, detections), *(kept.warnings if kept is not None else ())]
    return found


def _surroundings(content: Content, addon_folders: Sequence[str | Path]) -> Surroundings:
    from trapline.testing.place import Surroundings

    return Surroundings(content, knowledge(addon_folders))


def detection_tester(
    content: Content, addons: Sequence[str | Path], options: Options, store: Path | None = None
) -> Callable[[Work], DetectionResult]:
    """What tests a detection, in the process that is to do so."""
    from trapline.testing.place import Surroundings
    from trapline.testing.runner import test_detection

    around = Surroundings(content, knowledge(addons, store))
    return lambda work: test_detection(work, around, options)


@contextmanager
def session(
    content: Content,
    knowledge: Knowledge,
    *,
    store: Path | None = None,
    data: Sequence[Evidence] = (),
    kept: Kept | None = None,
    writes: bool = False,
    progress: Callable[[IngestProgress], None] | None = None,
) -> Iterator[tuple[Session, IngestReport | None]]:
    """A session over the store, or over `data` read into a throwaway store, with the content's macros and lookups and
    the add-ons' knowledge. `kept`: the user's own lookup tables. `writes`: collect may write to the store; without it,
    and over `data`, it is refused.

    Raises TraplineError where there is no such store.
    """
    from trapline.ingest.intake import ingest
    from trapline.knowledge.lookups import LookupFiles
    from trapline.search import Session
    from trapline.store import Store, collected

    def over(tables: Sequence[Table]) -> Session:
        lookups = LookupFiles(content.lookups, content.fillers)
        return Session(
            tables=tables,
            macros=content.macros(knowledge.macros),
            lookups=lookups,
            knowledge=knowledge,
            kept=kept,
            saved_searches=content.searches(),
        )

    if not data and store is None:
        yield over(()), None
        return
    if not data:
        assert store is not None
        opened = Store.open(store, create=False)
        made = over(opened.snapshot().tables)
        if writes:
            made.writer = partial(collected.write, opened)
        yield made, None
        return
    with Store.throwaway() as held:
        report = ingest(data, held, progress=progress, rules=knowledge.index_time)
        yield over(held.snapshot().tables), report
