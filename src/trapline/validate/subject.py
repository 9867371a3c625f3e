"""What rules look at: one object of content (`Subject`), and the content it stands in (`Tree`)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from trapline.content.catalog import Content
from trapline.content.enrich import Attack, attack
from trapline.content.model import Baseline, Detection, Generation, Investigation, Item, Status
from trapline.coverage.survey import origins
from trapline.detect.tokens import TOKEN
from trapline.errors import SplError, TraplineError, Warn
from trapline.knowledge import Knowledge
from trapline.knowledge.lookups import LookupFiles
from trapline.lint.check import Checked, check
from trapline.lint.flow import EVENT
from trapline.search import Session
from trapline.validate.presence import ANY
from trapline.validate.source import Source, read

if TYPE_CHECKING:
    from trapline.search import Macro

EVENT_ROW = {name: 0 if name.endswith("time") else "" for name in EVENT}
"""The fields that every event has, to compile searches over."""
GIVEN_TOKENS = frozenset(("info_min_time", "info_max_time", "info_search_time", "trigger_time", "name", "description"))
"""Tokens that the run of a search fills, not its rows."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What the compiler says of a search: `error` None where it can run."""

    error: TraplineError | None
    warnings: tuple[Warn, ...] = ()


@dataclass(slots=True)
class Tree:
    """All content, with what checks need besides. `roots`: the folders whose objects are checked; the rest is there to
    be referred to. `today`: the day that no date may be after."""

    content: Content
    knowledge: Knowledge
    roots: tuple[Path, ...] = ()
    attack: Attack = field(default_factory=attack)
    today: date = field(default_factory=date.today)
    _session: Session | None = None
    _macros: Mapping[str, Macro] | None = None
    _fields: dict[str, frozenset[str]] = field(default_factory=dict)
    _near: dict[tuple[str, str], str | None] = field(default_factory=dict)

    @property
    def session(self) -> Session:
        """Where searches are compiled: over no events."""
        if self._session is None:
            content = self.content
            self._session = Session(
                events=(EVENT_ROW,),
                macros=self.macros,
                lookups=LookupFiles(content.lookups, content.fillers),
                knowledge=self.knowledge,
                saved_searches=content.searches(),
                writer=lambda index, rows: None,
            )
        return self._session

    @property
    def macros(self) -> Mapping[str, Macro]:
        """Every macro that a search can call."""
        if self._macros is None:
            self._macros = self.content.macros(self.knowledge.macros)
        return self._macros

    def targets(self) -> list[Item]:
        """The objects to check: those in files below the roots."""
        roots = tuple(str(root) for root in self.roots)
        return [one for one in self.content.items() if one.file and _below(one.file, roots)]

    def fields_of(self, name: str) -> frozenset[str] | None:
        """The fields that a data source has by its own file and by the add-ons, in lower case; None where it is not
        known or names none."""
        if name not in self._fields:
            source = self.content.data_sources.get(name)
            found = set() if source is None else {*source.fields, *source.output_fields}
            if source is not None and found:
                found |= set(origins(self.knowledge, source.sourcetype, [source.source]))
                for mapping in source.field_mappings:
                    pairs = mapping.get("mapping")
                    if isinstance(pairs, dict):
                        found |= {str(value).rpartition(".")[2] for value in pairs.values()}
            self._fields[name] = frozenset(one.lower() for one in found)
        return self._fields[name] or None

    def near(self, kind: Literal["detections", "stories", "data_sources"], name: str) -> str | None:
        """The name of the kind that is most like another one; None where none is."""
        if (kind, name) not in self._near:
            self._near[(kind, name)] = next(iter(getattr(self.content, kind).near(name, 1)), None)
        return self._near[(kind, name)]


def _below(file: str, roots: tuple[str, ...]) -> bool:
    return any(file == root or file.startswith(root.rstrip("/\\") + "/") for root in roots)


class Subject:
    """One object and what is known of it. What takes time is worked out when a rule first asks."""

    def __init__(self, tree: Tree, item: Item) -> None:
        self.tree = tree
        self.item = item

    @cached_property
    def source(self) -> Source:
        return read(self.item)

    @property
    def search(self) -> str:
        match self.item:
            case Detection(search=search) | Baseline(search=search) | Investigation(search=search):
                return search
            case _:
                return ""

    @property
    def flat(self) -> bool:
        return self.item.generation in (Generation.S3, Generation.APP)

    def at(self, name: str) -> str:
        """The path of a key that only S3 has outside `tags`."""
        return name if self.flat else f"tags.{name}"

    def story_at(self, name: str) -> str:
        """The same of a story, which S3 has with `tags` or without."""
        return name if self.flat and not self.source.has("tags") else f"tags.{name}"

    @property
    def in_production(self) -> bool:
        """Some checks are for what is in use only (facts/CONTENT.md §1.6)."""
        return getattr(self.item, "status", Status.PRODUCTION) is Status.PRODUCTION

    @cached_property
    def wanted(self) -> Mapping[str, list[str]]:
        """The fields that the object wants of the final row -> the places in the file that want them."""
        found: dict[str, list[str]] = defaultdict(list)
        for name, path in _wanted(self):
            if path not in found[name]:
                found[name].append(path)
        return dict(found)

    @cached_property
    def checked(self) -> Checked:
        """What lint says of the search."""
        return check(self.search, self.tree.macros, also={ANY, *self.wanted})

    @cached_property
    def compiled(self) -> Compiled:
        try:
            return Compiled(None, self.tree.session.compile(self.search))
        except TraplineError as error:
            return Compiled(error)
        except RecursionError:
            return Compiled(SplError("the search is nested too deep", code="nesting"))


def _wanted(subject: Subject) -> Iterator[tuple[str, str]]:
    one = subject.item
    if not isinstance(one, Detection):
        return
    for path, template in templates(subject):
        for name in tokens(template):
            yield name, path
    for path, name in risk_fields(subject):
        yield name, path
    for path, name in threat_fields(subject):
        yield name, path
    if one.throttle is not None:
        for place, name in enumerate(one.throttle.fields):
            yield name, f"{subject.at('throttling')}.fields[{place}]"
    for place, drilldown in enumerate(one.drilldowns):
        for key, text in (("name", drilldown.name), ("search", drilldown.search)):
            for name in tokens(text):
                yield name, f"drilldown_searches[{place}].{key}"


def templates(subject: Subject) -> Iterator[tuple[str, str]]:
    """The texts with tokens: (path, text)."""
    one = subject.item
    if not isinstance(one, Detection):
        return
    match one.generation:
        case Generation.APP:
            yield from _templates_of_app(one)
        case Generation.S1:
            if one.rba is not None and one.rba.message:
                yield "tags.message", one.rba.message
        case Generation.S2:
            if one.rba is not None and one.rba.message:
                yield "rba.message", one.rba.message
        case Generation.S3:
            if one.title:
                yield "finding.title", one.title
            for place, node in enumerate(subject.source.list_at("intermediate_findings.entities")):
                message = node.value.get("message") if isinstance(node.value, dict) else None
                if message is not None and isinstance(message.value, str):
                    yield f"intermediate_findings.entities[{place}].message", message.value


def _templates_of_app(one: Detection) -> Iterator[tuple[str, str]]:
    own = one.deployment
    if one.rba is not None and own is not None and own.rba:
        messages = (one.rba.message, *(risk.message for risk in one.rba.risk_objects))
        yield from (("rba.message", text) for text in dict.fromkeys(messages) if text)
    if own is not None and own.notable is not None:
        yield "action.notable.param.rule_title", own.notable.title
        yield "action.notable.param.rule_description", own.notable.description


def risk_fields(subject: Subject) -> Iterator[tuple[str, str]]:
    """The fields of risk objects as the file has them: (path, field)."""
    yield from _named(subject, "victim", ("rba.risk_objects", "intermediate_findings.entities"), ("finding.entity",))


def threat_fields(subject: Subject) -> Iterator[tuple[str, str]]:
    """The fields of threat objects: (path, field)."""
    yield from _named(subject, "attacker", ("rba.threat_objects", "threat_objects"), ())


def _named(subject: Subject, role: str, lists: tuple[str, ...], ones: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    source = subject.source
    one = subject.item
    if one.generation is Generation.APP:
        if isinstance(one, Detection) and one.rba is not None and one.deployment is not None and one.deployment.rba:
            risk, threat = one.rba.risk_objects, one.rba.threat_objects
            named = [each.field for each in risk] if role == "victim" else [each.field for each in threat]
            yield from ((f"rba[{place}]", field) for place, field in enumerate(named))
        return
    if subject.item.generation is Generation.S1:
        for place, _ in enumerate(source.list_at("tags.observable")):
            path = f"tags.observable[{place}]"
            given = source.text_at(f"{path}.role[0]") or source.text_at(f"{path}.role")
            if given.strip().lower() == role:
                yield f"{path}.name", source.text_at(f"{path}.name").strip()
        return
    for name in lists:
        for place, _ in enumerate(source.list_at(name)):
            path = f"{name}[{place}].field"
            if found := source.text_at(path).strip():
                yield path, found
    for name in ones:
        if found := source.text_at(f"{name}.field").strip():
            yield f"{name}.field", found


def tokens(template: str) -> list[str]:
    """The fields that the tokens of a text name; `$result.x$` and `$x|s$` name x."""
    found = []
    for token in TOKEN.findall(template):
        name = re.sub(r"\|[a-z]\Z", "", token.removeprefix("result."))
        if name and name not in GIVEN_TOKENS:
            found.append(name)
    return list(dict.fromkeys(found))
