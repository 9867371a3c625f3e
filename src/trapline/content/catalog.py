"""All content of a run: the objects by name, the macros for searches, the settings of each detection."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from trapline.content.model import (
    Baseline,
    Dashboard,
    DataSource,
    Deployment,
    Deprecation,
    Detection,
    DetectionType,
    Generation,
    Investigation,
    Item,
    Lookup,
    Macro,
    Notable,
    Playbook,
    Problem,
    Removed,
    Story,
    file_stem,
)
from trapline.errors import SplError, TraplineError
from trapline.spl.macros import MacroCall, find_macro_calls

if TYPE_CHECKING:
    from trapline.search import Macro as SearchMacro

T = TypeVar("T", bound=Item)

FILTER_NOTE = (
    "Lets everything pass. Redefine it to drop results that are known to be harmless, without editing the search."
)
"""Description of a filter macro that no file defines."""


DEFAULT_SCHEDULE = ("Default EventBasedDetection", "Default Baseline")
"""S3: the schedules of detections and of baselines that name none."""


class Index(Generic[T]):
    """Objects of one kind, found by name whatever the case, in the order added."""

    def __init__(self, items: Iterable[T] = ()) -> None:
        self._items: dict[str, T] = {}
        for item in items:
            self.put(item)

    def put(self, item: T) -> T | None:
        """Adds the object in the place of one of the same name, which is returned."""
        key = item.name.lower()
        before = self._items.get(key)
        self._items[key] = item
        return before

    def get(self, name: str) -> T | None:
        return self._items.get(name.strip().lower())

    def __getitem__(self, name: str) -> T:
        return self._items[name.strip().lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.strip().lower() in self._items

    def __iter__(self) -> Iterator[T]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def find(self, query: str) -> T | None:
        """By name, id or file name (with or without suffix), whatever the case."""
        found = self.get(query)
        if found is not None:
            return found
        wanted = query.strip().lower()
        stem = wanted.replace("\\", "/").rpartition("/")[2].removesuffix(".yml").removesuffix(".yaml")
        for item in self:
            if item.id and item.id.lower() == wanted:
                return item
        for item in self:
            if item.stem.lower() == stem:
                return item
        return None

    def near(self, query: str, limit: int = 3) -> list[str]:
        """The names most like the query: those that hold all its words, then those spelt alike."""
        wanted = query.lower().replace("_", " ").strip()
        words = wanted.split()
        holding = [key for key in self._items if len(wanted) > 2 and all(word in key for word in words)]
        alike = difflib.get_close_matches(wanted, self._items, limit, 0.5)
        return [self._items[key].name for key in dict.fromkeys([*holding[:limit], *alike])][:limit]


_WRITES = re.compile(r"\|\s*outputlookup\b([^|\]]*)", re.IGNORECASE)


@dataclass(slots=True)
class Content:
    """Detection content, read from one or several folders. Later layers replace objects of the same name."""

    detections: Index[Detection] = field(default_factory=Index)
    macro_defs: dict[str, Macro] = field(default_factory=dict)
    """By `Macro.key`. Filter macros that no file defines are not among them: see `macro` and `macros`."""
    lookups: Index[Lookup] = field(default_factory=Index)
    stories: Index[Story] = field(default_factory=Index)
    data_sources: Index[DataSource] = field(default_factory=Index)
    deployments: Index[Deployment] = field(default_factory=Index)
    baselines: Index[Baseline] = field(default_factory=Index)
    investigations: Index[Investigation] = field(default_factory=Index)
    playbooks: Index[Playbook] = field(default_factory=Index)
    dashboards: Index[Dashboard] = field(default_factory=Index)
    removed: Index[Removed] = field(default_factory=Index)
    """Gone, with their names and ids: not among `items`, for nothing may use them."""
    deprecations: dict[str, Deprecation] = field(default_factory=dict)
    """Entries of deprecation mappings by name in lower case; see `deprecation_of`."""
    problems: list[Problem] = field(default_factory=list)
    roots: list[Path] = field(default_factory=list)
    """The folders read, in order."""
    overridden: dict[str, Macro] = field(default_factory=dict)
    """Macros that the user's own files define, by key; they are among `macro_defs` too."""
    filters: set[str] = field(default_factory=set)
    """Names of the filter macros of all detections, defined or not."""

    def put(self, item: Item) -> Item | None:
        """Adds an object; returns the one of the same name that it replaces."""
        match item:
            case Detection():
                self.filters.update(_filter_names(item))
                return self.detections.put(item)
            case Macro():
                before = self.macro_defs.get(item.key)
                self.macro_defs[item.key] = item
                return before
            case Lookup():
                return self.lookups.put(item)
            case Story():
                return self.stories.put(item)
            case DataSource():
                return self.data_sources.put(item)
            case Deployment():
                return self.deployments.put(item)
            case Baseline():
                return self.baselines.put(item)
            case Investigation():
                return self.investigations.put(item)
            case Playbook():
                return self.playbooks.put(item)
            case Dashboard():
                return self.dashboards.put(item)
            case Removed():
                return self.removed.put(item)
            case _:
                raise TypeError(f"no place for {type(item).__name__}")

    def items(self) -> Iterator[Item]:
        yield from self.macro_defs.values()
        for index in (
            self.lookups,
            self.stories,
            self.data_sources,
            self.deployments,
            self.baselines,
            self.investigations,
            self.playbooks,
            self.dashboards,
            self.detections,
        ):
            yield from index

    def lay(self, upper: Content) -> None:
        """Puts another layer on this one."""
        for item in (*upper.items(), *upper.removed):
            self.put(item)
        self.deprecations |= upper.deprecations
        self.problems += upper.problems
        self.roots += upper.roots

    def find(self, query: str) -> Detection:
        """The detection of this name, id or file name. Raises TraplineError naming the nearest ones."""
        found = self.detections.find(query) or self.by_saved_search(query)
        if found is not None:
            return found
        near = self.detections.near(query)
        if near:
            hint = "did you mean " + " or ".join(f"'{name}'" for name in near) + "?"
        else:
            hint = "give the folder that holds it with --content DIR, or the path of its file"
        raise TraplineError(f"there is no detection '{query}'", hint=hint, code="content.unknown-detection")

    def by_saved_search(self, name: str) -> Detection | None:
        """The detection that has this name in Splunk."""
        wanted = name.strip().lower()
        return next((one for one in self.detections if one.rule_name.lower() == wanted), None)

    def macro(self, key: str) -> Macro | None:
        """The macro `name` or `name(2)`, the automatic filter macros included."""
        found = self.macro_defs.get(key)
        return filter_macro(key) if found is None and key in self.filters else found

    def macros(self, addons: Mapping[str, SearchMacro] | None = None) -> dict[str, SearchMacro]:
        """Every macro as searches take them, by `name` or `name(2)`: those of the content, beneath them those of the
        add-ons. A filter macro that a detection calls and nothing defines lets everything pass (facts/CONTENT.md
        §1.6)."""
        from trapline.search import Macro as SearchMacro  # the search room loads the engine: only who searches pays

        found = {**(addons or {}), **{key: one.to_search() for key, one in self.macro_defs.items()}}
        for name in self.filters - found.keys():
            found[name] = SearchMacro(name, "search *")
        return found

    def searches(self) -> dict[str, str]:
        """The searches of baselines and detections by their names, of the latter also by those that they have in
        Splunk: what savedsearch runs."""
        saved = {one.saved.name: one.search for one in (*self.baselines, *self.investigations) if one.saved is not None}
        return (
            saved
            | {one.name: one.search for one in self.baselines}
            | {name: one.search for one in self.detections for name in (one.rule_name, one.name)}
        )

    def fillers(self) -> dict[str, list[str]]:
        """The baselines that write each lookup table (outputlookup): table -> their names."""
        found: dict[str, list[str]] = {}
        for one in self.baselines:
            for words in _WRITES.findall(one.search):
                named = next((word for word in reversed(words.split()) if "=" not in word), "").strip('"')
                if named:
                    found.setdefault(named, []).append(one.name)
        return found

    def deployment_of(self, item: Detection | Baseline) -> Deployment:
        """Schedule and actions: the object's own settings, else those of its type (facts/CONTENT.md §3).

        Raises TraplineError when the content holds none for the type."""
        if item.deployment is not None and item.generation is not Generation.S3:
            return item.deployment
        kind = item.type.value if isinstance(item, Detection) else "Baseline"
        s3 = item.generation is Generation.S3
        found = item.deployment
        if found is None and item.schedule_name:
            found = self.deployments.get(item.schedule_name)
            if found is None:
                names = ", ".join(one.name for one in self.deployments)
                raise TraplineError(
                    f"'{item.name}' refers to the schedule '{item.schedule_name}', which does not exist",
                    hint=f"there are: {names}",
                    code="content.unknown-schedule",
                )
        if found is None and s3:
            found = self.deployments.get(DEFAULT_SCHEDULE[isinstance(item, Baseline)])
        if found is None:
            found = self.deployments.get(f"ESCU Default Configuration {kind}")
        if found is None:
            found = next((one for one in self.deployments if one.type.lower() == kind.lower()), None)
        if found is None:
            raise TraplineError(
                f"no deployment for type {kind}: when '{item.name}' runs is not known",
                hint=f"add a deployment named 'ESCU Default Configuration {kind}'",
                code="content.no-deployment",
            )
        return _with_findings(item, found) if s3 and isinstance(item, Detection) else found

    def deprecation_of(self, item: Item) -> Deprecation | None:
        """Why it is deprecated or removed: what its file says, else the deprecation mapping."""
        return item.deprecation or self.deprecations.get(item.name.lower())

    def baselines_of(self, detection: Detection) -> list[Baseline]:
        """The baselines that it names (S3) or that name it, in the order of the content."""
        named = {name.lower() for name in detection.baselines}
        own = detection.name.lower()
        return [
            one
            for one in self.baselines
            if one.name.lower() in named or any(name.lower() == own for name in one.detections)
        ]

    def stories_of(self, detection: Detection) -> list[Story]:
        """The stories it names that exist."""
        return [story for name in detection.stories if (story := self.stories.get(name)) is not None]

    def members(self, story: str) -> list[Detection]:
        """The detections that name a story."""
        wanted = story.lower()
        return [one for one in self.detections if any(name.lower() == wanted for name in one.stories)]

    def data_path(self, data: str) -> Path | None:
        """The file of a test's `data` inside one of the content folders; None for a URL or a file that is not there."""
        if "://" in data:
            return None
        for root in reversed(self.roots):
            base = root.resolve()
            path = (base / data).resolve()
            if path.is_relative_to(base) and path.is_file():
                return path
        return None


def calls(text: str) -> list[MacroCall]:
    """The macro calls of a search; none where its quotes do not close (the search itself reports that)."""
    try:
        return find_macro_calls(text)
    except SplError:
        return []


def is_filter(detection: Detection, name: str) -> bool:
    """Whether a macro is the detection's own filter macro."""
    return name in _filter_names(detection)


def _filter_names(detection: Detection) -> tuple[str, ...]:
    """By file name and by name: a copy of a file under another name still calls the macro of the original."""
    by_name = f"{file_stem(detection.name)}_filter"
    by_file = detection.filter_macro
    return (by_file,) if by_file == by_name else (by_file, by_name)


def filter_macro(name: str) -> Macro:
    """The filter macro that stands in when no file defines one."""
    return Macro(name=name, definition="search *", description=FILTER_NOTE)


def _with_findings(detection: Detection, schedule: Deployment) -> Deployment:
    """S3 keeps in the detection what a deployment says before: a finding makes a notable, entities make risk."""
    rba = detection.rba
    return Deployment(
        name=schedule.name,
        type=detection.type.value,
        schedule=schedule.schedule,
        notable=Notable(detection.title, "%description%") if detection.title else None,
        rba=bool(rba and rba.risk_objects) and detection.type in (DetectionType.TTP, DetectionType.ANOMALY),
        description=schedule.description,
        file=schedule.file,
        generation=Generation.S3,
    )
