"""Content folders -> a Splunk app, as contentctl builds it (facts/CONTENT.md §4).

Each object is written in the form of its own generation; what concerns the whole app (order, [default], names of
tables) follows the generation of most detections. One generation can be asked for instead.
Same content, settings and time: same bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from trapline.content.catalog import Content, calls
from trapline.content.enrich import DEFAULT_ATTACK
from trapline.content.model import Baseline, Detection, Generation, Investigation, Item, Level, Problem, Status
from trapline.content.read import LIBRARY, load, with_defaults
from trapline.errors import TraplineError
from trapline.splunkapp import api, appfiles, dashboards, derive, files, flat, knowledge, searches, stories
from trapline.splunkapp.conf import Section, Stanza, document, usable_name
from trapline.splunkapp.settings import AppSettings, read_settings

T = TypeVar("T", bound=Item)

Progress = Callable[[str], None]

EXTERNAL_MACROS = (
    "drop_dm_object_name",
    "get_asset",
    "get_risk_severity",
    "cim_corporate_web_domain_search",
    "globedistance",
)
"""Macros that come with CIM and ES."""

_GENERATED = (
    "savedsearches",
    "analyticstories",
    "macros",
    "transforms",
    "collections",
    "es_investigations",
    "workflow_actions",
    "app",
    "content-version",
)


@dataclass(frozen=True, slots=True)
class Options:
    """How to build."""

    out: Path
    label: str | None = None
    version: str | None = None
    generation: Generation | None = None
    """The form of everything; None: of each object its own."""
    attack: str | None = DEFAULT_ATTACK
    """The version of ATT&CK that kill chain phases are taken from; None: none are written."""
    made: datetime | None = None
    """The time of the build; None: the day of the newest object."""
    api: bool = False
    """Also the JSON files of contentctl's API."""
    pack: bool = True
    """Also the .tar.gz."""


@dataclass(slots=True)
class Built:
    """What was made."""

    app: Path
    settings: AppSettings
    form: Generation
    made: datetime
    archive: Path | None = None
    counts: dict[str, int] = field(default_factory=dict)
    """Stanzas and files by kind."""
    problems: list[Problem] = field(default_factory=list)
    """What is doubtful; an error cost an object."""


def read(folders: Sequence[str | Path]) -> tuple[Content, list[Path]]:
    """The content that the app is to hold, and its roots: the folders on each other, or the built-in library.

    Raises InputError."""
    roots = [Path(folder) for folder in folders] or [LIBRARY]
    content = load(roots[0])
    for root in roots[1:]:
        content.lay(load(root))
    return with_defaults(content), roots


def build(folders: Sequence[str | Path], options: Options, progress: Progress | None = None) -> Built:
    """Writes `<out>/<appid>/`, its archives and, if asked, `<out>/api/`. Raises InputError, OutputError."""
    tell = progress or (lambda _: None)
    tell("reading content")
    content, roots = read(folders)
    settings = read_settings(roots, label=options.label, version=options.version)
    form = options.generation or _form(content)
    made = options.made or _newest(content)
    app = options.out / settings.appid
    files.check_out(app, roots)
    place = searches.Place(content, settings.label, options.attack, list(content.problems))
    built = Built(app, settings, form, made, problems=place.problems)
    fresh = files.fresh(app)
    try:
        tree = files.Tree(fresh, place.problems)
        chosen = _Chosen(content, place, roots)
        _write(tree, chosen, options, built, roots, tell)
        if options.api:
            tell("writing the API")
            api.write(options.out / "api", chosen, form, settings.version, made)
        files.put(fresh, app)
        if options.pack:
            tell("packing")
            built.archive = options.out / f"{settings.appid}-{settings.version}.tar.gz"
            files.archive(app, built.archive, made)
            files.copy_over(built.archive, options.out / f"{settings.appid}-latest.tar.gz")
    except OSError as error:
        raise files.OutputError(
            f"the app cannot be written: {error.strerror or error}", hint="look at --out", code="build.write"
        ) from None
    finally:
        files.discard(fresh)
    return built


def _form(content: Content) -> Generation:
    """The generation of most detections; of two the newer. What comes from an app has no say."""
    counts = Counter(one.generation for one in content.detections if one.saved is None)
    return max(counts, key=lambda one: (counts[one], one.value), default=Generation.S1)


def _newest(content: Content) -> datetime:
    days = [one.modified for one in content.items() if one.modified is not None]
    day = max(days, default=None)
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if day else datetime(2020, 1, 1, tzinfo=UTC)


class _Chosen(api.Chosen):
    """The objects that the app holds. One that no stanza can be named after is a problem and stays out."""

    def __init__(self, content: Content, place: searches.Place, roots: Sequence[Path]) -> None:
        def order(one: Item) -> tuple[int, Path]:
            """By path, folder on folder; what no file holds last."""
            file = Path(one.file)
            at = next((at for at, root in enumerate(roots) if one.file and file.is_relative_to(root)), len(roots))
            return at, file

        def usable(items: Iterable[T], kind: str) -> list[T]:
            return sorted((one for one in items if _usable(one, kind, place.problems)), key=order)

        detections = usable((one for one in content.detections if one.status is not Status.REMOVED), "detection")
        detections = [one for one in detections if _scheduled(one, place)]
        super().__init__(
            content=content,
            place=place,
            detections=detections,
            stories=usable(content.stories, "story"),
            baselines=[one for one in usable(content.baselines, "baseline") if _scheduled(one, place)],
            tasks=usable(content.investigations, "investigation"),
            lookups=usable(content.lookups, "lookup"),
            macros=usable(knowledge.all_macros(content), "macro"),
        )
        known = {one.key for one in self.macros}
        _missing_macros(self.detections, known, place.problems)


def _usable(one: Item, kind: str, problems: list[Problem]) -> bool:
    if usable_name(one.name):
        return True
    reason = f"no stanza can have the name of this {kind}; it is left out"
    hint = "one line without [ and ]"
    problems.append(Problem(Level.ERROR, "build.name", reason, one.file, field="name", hint=hint))
    return False


def _scheduled(one: object, place: searches.Place) -> bool:
    """Whether it is known when it runs; what is not is a problem."""
    assert isinstance(one, Item)
    try:
        place.content.deployment_of(one)  # type: ignore[arg-type]
    except TraplineError as error:
        hint = error.hint
        problem = Problem(Level.ERROR, "build.schedule", f"{error.reason}; it is left out", one.file, hint=hint)
        place.problems.append(problem)
        return False
    return True


def _missing_macros(detections: Iterable[Detection], known: set[str], problems: list[Problem]) -> None:
    """Splunk refuses a search with a macro that no app defines."""
    missing: dict[str, list[Detection]] = {}
    for one in detections:
        for key in dict.fromkeys(call.key for call in calls(one.search)):
            if key not in known and not any(name in key for name in EXTERNAL_MACROS):
                missing.setdefault(key, []).append(one)
    for key, users in sorted(missing.items()):
        others = f" and {len(users) - 1} more" if len(users) > 1 else ""
        reason = f"'{users[0].name}'{others} calls the macro '{key}', which the app does not define"
        hint = "add it to macros/, unless another app has it"
        problems.append(Problem(Level.WARNING, "build.macro", reason, users[0].file, field="search", hint=hint))


def _write(
    tree: files.Tree, chosen: _Chosen, options: Options, built: Built, roots: Sequence[Path], tell: Progress
) -> None:
    place, form, settings = chosen.place, built.form, built.settings
    banner = appfiles.banner(settings, built.made)
    ordered = form is Generation.S3
    tell("copying app_template")
    for root in roots:
        if (root / files.TEMPLATE).is_dir():
            tree.template(root / files.TEMPLATE)
    for name in _GENERATED:
        if tree.has(f"default/{name}.conf"):
            place.doubt(
                "build.template",
                f"{name}.conf is generated; the one of app_template is replaced",
                f"{files.TEMPLATE}/default/{name}.conf",
                name,
            )

    def conf(name: str, *sections: Section) -> None:
        built.counts[f"{name}.conf"] = sum(len(section.stanzas) for section in sections)
        tree.write(f"default/{name}.conf", document(banner, sections, ordered=ordered))

    def of(one: Item) -> Generation:
        own = options.generation or one.generation
        return Generation.S2 if own is Generation.APP else own

    def kept(one: Detection | Baseline | Investigation) -> Stanza | None:
        """What a search of an app was, unless another form is asked for."""
        return searches.as_read(one.saved) if one.saved is not None and options.generation is None else None

    tell("writing searches")
    rules = [
        kept(one)
        or (flat.detection(one, place) if of(one) is Generation.S3 else searches.detection(one, place, of(one)))
        for one in chosen.detections
    ]
    baselines = [
        kept(one) or (flat.baseline(one, place) if form is Generation.S3 else searches.baseline(one, place, form))
        for one in chosen.baselines
    ]
    tasks = [kept(one) or searches.task(one, place) for one in chosen.tasks]
    _lengths([*rules, *baselines, *tasks], place)
    first = [] if form is Generation.S1 else [searches.first_stanza()]
    conf(
        "savedsearches",
        Section("", first),
        Section(f"{settings.label} DETECTIONS", rules),
        Section(f"{settings.label} BASELINES", baselines),
        Section(f"{settings.label} RESPONSE TASKS", tasks),
    )
    built.counts |= {"detections": len(rules), "baselines": len(baselines), "response tasks": len(tasks)}

    tell("writing stories")
    members = chosen.members()
    conf(
        "analyticstories",
        Section("DETECTIONS", [stories.rule(one, place, of(one)) for one in chosen.detections if _tells(one)]),
        Section("STORIES", [stories.story(one, members.get(one.name.lower(), []), form) for one in chosen.stories]),
        Section("RESPONSE TASKS", [stories.task(one, place) for one in chosen.tasks]),
    )
    asked = [one for one in chosen.tasks if one.inputs]
    conf("es_investigations", Section("", [stories.panel(one) for one in asked]))
    links = [stories.link(one) for one in asked]
    conf("workflow_actions", Section("", [one for one in links if one is not None]))
    for one in asked:
        name = stories.panel_name(one)
        if knowledge.usable_file(name):
            tree.write(f"default/data/ui/panels/{name}.xml", stories.panel_xml(one, banner))

    tell("writing macros and lookups")
    conf("macros", Section("", [knowledge.macro(one) for one in chosen.macros]))
    _lookups(tree, chosen, built, options, roots, conf)

    _dashboards(tree, chosen, built, roots, banner)
    conf("content-version", appfiles.content_version(settings))
    names = {Path(name).stem for name in tree.names() if name.startswith("default/") and name.endswith(".conf")}
    own = appfiles.own_confs(names)
    visible = any(name.startswith("default/data/ui/views/") for name in tree.names())
    tree.append("default/server.conf", document(banner, [appfiles.server_conf(own)], ordered=ordered))
    conf("app", appfiles.app_conf(settings, built.made, own, visible=visible))
    tree.write("app.manifest", appfiles.manifest(settings, built.made, readme=tree.has("README.md")))
    if not tree.has("metadata/default.meta"):
        tree.write("metadata/default.meta", appfiles.META)
    built.counts["files"] = len(tree.names())


def _tells(one: Detection) -> bool:
    """Is there something to tell of it with the stories? A plain search of an app belongs to none."""
    return one.saved is None or bool(one.stories)


def _dashboards(tree: files.Tree, chosen: _Chosen, built: Built, roots: Sequence[Path], banner: Sequence[str]) -> None:
    built.counts["dashboards"] = 0
    for one in chosen.content.dashboards:
        name = dashboards.view_name(one, built.settings.label, built.form)
        text = dashboards.view_xml(one, built.settings.label, banner, roots, built.problems)
        if text is None or not knowledge.usable_file(name):
            continue
        if tree.has(f"default/data/ui/views/{name}"):
            chosen.place.doubt("build.template", f"{name} of app_template is replaced", one.file, "name")
        tree.write(f"default/data/ui/views/{name}", text)
        built.counts["dashboards"] += 1


def _lengths(stanzas: Iterable[Stanza], place: searches.Place) -> None:
    for one in stanzas:
        if len(one.name) > derive.MAX_STANZA:
            place.doubt(
                "build.name-length",
                f"'{one.name}' has {len(one.name)} characters: ES cannot clone more than {derive.MAX_STANZA}",
                "savedsearches.conf",
                one.name,
                "give it a shorter name",
            )


def _lookups(
    tree: files.Tree,
    chosen: _Chosen,
    built: Built,
    options: Options,
    roots: Sequence[Path],
    conf: Callable[..., None],
) -> None:
    """transforms.conf, collections.conf, the tables, and the two tables that the build makes."""
    form, problems = built.form, chosen.place.problems
    shown = []
    taken: dict[str, str] = {}
    for one in chosen.lookups:
        if one.kind == "kvstore":
            if usable_name(one.collection):
                shown.append(one)
            else:
                reason = "no collection can have this name; the lookup is left out"
                problems.append(Problem(Level.ERROR, "build.name", reason, one.file, field="collection"))
            continue
        source = knowledge.source_file(one, roots, problems)
        name = knowledge.app_file(one, form)
        if not knowledge.usable_file(name):
            continue
        shown.append(one)
        if source is not None:
            tree.copy(source, f"lookups/{name}")
            taken[str(source.resolve())] = name
    for root in roots:
        for path in sorted((root / "lookups").glob("*")):
            loose = path.suffix.lower() in (".csv", ".mlmodel") and path.is_file()
            if loose and str(path.resolve()) not in taken and not tree.has(f"lookups/{path.name}"):
                if not knowledge.usable_file(path.name) or not knowledge.inside(path, roots):
                    reason = "this table is not copied into the app"
                    problems.append(Problem(Level.WARNING, "build.filename", reason, str(path)))
                    continue
                tree.copy(path, f"lookups/{path.name}")
    transforms = [knowledge.transform(one, form) for one in shown if one.name != one.filename]
    known = {one.name for one in transforms}
    if knowledge.DATA_SOURCES not in known:
        transforms.append(knowledge.table(knowledge.DATA_SOURCES, "The data sources of detections."))
        text = knowledge.data_sources_csv(chosen.content.data_sources)
        tree.write(f"lookups/{knowledge.DATA_SOURCES}.csv", text)
    if knowledge.DEPRECATION not in known and form is not Generation.S1:
        transforms.append(knowledge.table(knowledge.DEPRECATION, "What is deprecated or removed."))
        label = chosen.place.label
        text = knowledge.deprecation_csv(chosen.content, lambda one: derive.named(label, one))
        tree.write(f"lookups/{knowledge.DEPRECATION}.csv", text)
    if knowledge.MITRE not in known:
        transforms.append(knowledge.table(knowledge.MITRE, "The techniques of ATT&CK."))
        if not tree.has(f"lookups/{knowledge.MITRE}.csv"):
            tree.write(f"lookups/{knowledge.MITRE}.csv", knowledge.mitre_csv(options.attack))
    conf("transforms", Section("", transforms))
    collections = {one.collection: knowledge.collection(one) for one in shown if one.kind == "kvstore"}
    conf("collections", Section("", list(collections.values())))
    built.counts["tables"] = sum(name.startswith("lookups/") for name in tree.names())
