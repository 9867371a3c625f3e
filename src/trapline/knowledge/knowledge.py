"""`Knowledge`: the search-time settings of some add-ons, loaded once and bound to the tables that a search reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path

from trapline.errors import SplError, Warn
from trapline.knowledge import conf, precedence, routing, settings
from trapline.knowledge.bind import Bound
from trapline.knowledge.datamodels import model_files
from trapline.knowledge.discovery import discover, is_table
from trapline.knowledge.exports import private
from trapline.knowledge.indextime import USED, IndexTime
from trapline.knowledge.kept import Kept
from trapline.knowledge.layers import layered
from trapline.knowledge.macros import Macro, macros_of
from trapline.knowledge.precedence import built_in_addons
from trapline.knowledge.reading import eventtype_of, rule_of, tags_of
from trapline.knowledge.records import Eventtype, Extraction, Pairs, Rule, Tag
from trapline.knowledge.spec import By, Spec, read_spec
from trapline.knowledge.tables import LookupTables
from trapline.plan import Schema, Table
from trapline.spl.command import Context
from trapline.spl.lookups import Lookup
from trapline.values import star_regex

_NAMED = ("transforms", "transactiontypes", "multikv")
"""Files whose stanzas commands can name."""
_FILES = ("props", "eventtypes", "tags", "macros", "savedsearches", "collections", *_NAMED)
_KEPT = 32
"""Bindings remembered."""


@dataclass(frozen=True, slots=True)
class Stanza:
    """A stanza of props.conf: to which events it applies, and its search-time rules by key."""

    spec: Spec
    rules: Mapping[str, Rule]
    yields: tuple[Spec, ...] = ()
    """Stanzas of the user whose events it is not for (`knowledge.layers`)."""


@dataclass(frozen=True, slots=True, eq=False)
class Knowledge:
    """Search-time knowledge. `Knowledge()` knows nothing.

    `stanzas`: the strongest first. `eventtypes`: by name, in that order. `macros`: by name, or
    "name(2)" with two arguments. `models`: the files of data models by name, read when a search first uses one.
    `problems`: what could not be read, is not
    used or not supported, with its place; none of it stops a search, and what a search would need of it warns then.
    """

    addons: tuple[str, ...] = ()
    stanzas: tuple[Stanza, ...] = ()
    eventtypes: Mapping[str, Eventtype] = field(default_factory=dict)
    tags: tuple[Tag, ...] = ()
    macros: Mapping[str, Macro] = field(default_factory=dict)
    models: Mapping[str, Path] = field(default_factory=dict)
    problems: tuple[Warn, ...] = ()
    named: Mapping[str, Mapping[str, Mapping[str, conf.Setting]]] = field(default_factory=dict)
    """The stanzas that commands can name, by file: those of extract, transaction and multikv."""
    lookups: LookupTables = field(default_factory=LookupTables)
    """The lookup tables of the add-ons, by the names of their stanzas and of their files."""
    index_time: IndexTime = field(default_factory=IndexTime)
    """How text becomes events, for ingest."""
    renames: Mapping[str, str] = field(default_factory=dict)
    """Sourcetypes that have another name when they are searched."""
    saved_searches: Mapping[str, str] = field(default_factory=dict)
    """The searches of savedsearches.conf by name."""
    private: tuple[Warn, ...] = ()
    """What the add-ons do not export, which is used all the same (`knowledge.exports`)."""
    replaced: tuple[str, ...] = ()
    """What of the built-in add-ons the user's add-ons replace."""
    _bound: dict[object, Bound] = field(default_factory=dict, repr=False)
    _named: dict[frozenset[str], bool] = field(default_factory=dict, repr=False)
    """By sourcetypes: what `_names_in_data` says, which every search asks."""

    @classmethod
    def load(cls, addon_dirs: Sequence[Path]) -> Knowledge:
        """The knowledge of add-on folders in Splunk's own form (`default/*.conf`, `local/*.conf`, `lookups/*.csv`).

        Which of them wins is in `knowledge.precedence`; the user's can replace what is built in whole
        (`knowledge.layers`). Nothing in them is fatal (see `problems`).
        """
        problems: list[Warn] = []
        given = precedence.search_time(map(Path, addon_dirs))
        folders = [one for one in given if not _disabled(one, problems)]
        layers = layered([(one, layer) for one in folders for layer in precedence.LAYERS], _FILES)
        files = layers.files
        for file in files.values():
            problems += file.problems
        transforms = files["transforms"].stanzas
        stanzas: list[Stanza] = []
        renames: dict[str, str] = {}
        for name, keys in files["props"].stanzas.items():
            try:
                spec = read_spec(name, keys.get("priority"))
            except SplError as error:
                where = next((one.place for one in keys.values()), None)
                problems.append(Warn("conf", f"[{name}]: {error.reason}", error.hint, where))
                continue
            if spec is not None and spec.by is By.SOURCETYPE and "rename" in keys:
                renames |= dict.fromkeys(spec.literals, keys["rename"].value)
            rules = {key: rule for key, one in keys.items() if (rule := rule_of(one, transforms)) is not None}
            followed = rules.keys() | USED | {"priority", "rename"}
            for key, setting in keys.items():
                if routing.is_routing(key):
                    problems += routing.read(setting, transforms).problems
                elif key not in followed:
                    problems.append(settings.unused(setting))
            if spec is not None and rules:
                stanzas.append(Stanza(spec, rules, tuple(layers.yields.get(name, ()))))
        stanzas.sort(key=lambda stanza: stanza.spec.rank)
        eventtypes: dict[str, Eventtype] = {}
        for name, keys in sorted(files["eventtypes"].stanzas.items()):
            one = eventtype_of(name, keys, problems) if name != conf.DEFAULT else None
            if one is not None:
                eventtypes[name] = one
        eventtypes = _without_circles(eventtypes, problems)
        tags = [
            tag
            for stanza, keys in files["tags"].stanzas.items()
            if stanza != conf.DEFAULT
            for tag in tags_of(stanza, keys, problems)
            if tag.field != "eventtype" or tag.value in eventtypes
        ]
        macros = macros_of(files["macros"], problems)
        return cls(
            tuple(one.name for one in folders),
            tuple(stanzas),
            eventtypes,
            tuple(tags),
            macros,
            model_files(folders),
            tuple(problems),
            {name: files[name].stanzas for name in _NAMED},
            LookupTables(files["transforms"].stanzas, folders, files["collections"].stanzas),
            IndexTime.load(folders),
            renames,
            _saved(files["savedsearches"]),
            tuple(one for folder in folders for one in private(folder)),
            tuple(layers.replaced),
        )

    @staticmethod
    def built_in() -> Knowledge:
        """That of the add-ons that come with Trapline, loaded once."""
        return _built_in()

    def bind(self, tables: Sequence[Table], stored: Schema, context: Context | None = None) -> Bound:
        """The knowledge that applies to some tables, whose stored fields have the kinds of `stored`. Remembered.

        With a `context`, the names of fields that are in the data are found out, by a look at all events that have
        such; without one these fields are not there."""
        sourcetypes = frozenset(table.sourcetype for table in tables)
        bare = tuple(sorted({(one.index, one.sourcetype) for one in tables if not one.fields and not one.multi}))
        bare = bare if self.addons else ()
        open_ = context is not None and (bool(bare) or self._names_in_data(sourcetypes))
        files = tuple(table.files for table in tables) if open_ else ()
        key = (sourcetypes, tuple(stored.items()), bare, files)
        bound = self._bound.get(key)
        if bound is None:
            while len(self._bound) >= _KEPT:
                self._bound.pop(next(iter(self._bound)))
            looked = partial(discover, context, tables, stored) if open_ and context is not None else _nothing
            bound = self._bound[key] = Bound(self, sourcetypes, stored, looked, is_table(bare, tables))
        return bound

    def stanza(self, file: str, name: str) -> dict[str, str] | None:
        """The settings of a stanza of one of `_NAMED`, those of [default] beneath them."""
        stanzas = self.named.get(file, {})
        if name not in stanzas or name == conf.DEFAULT:
            return None
        return {key: setting.value for key, setting in {**stanzas.get(conf.DEFAULT, {}), **stanzas[name]}.items()}

    def over(self, kept: Kept | None, given: Mapping[str, Lookup]) -> Knowledge:
        """The same with the lookup tables that a user keeps, and with further ones."""
        return replace(self, lookups=self.lookups.over(kept, given), _bound={})

    def forget(self) -> None:
        """Bind anew: a lookup table has changed."""
        self._bound.clear()

    def _names_in_data(self, sourcetypes: frozenset[str]) -> bool:
        """May events of these have fields whose names are in the data?"""
        known = self._named.get(sourcetypes)
        if known is not None:
            return known
        if len(self._named) >= _KEPT:
            self._named.clear()
        self._named[sourcetypes] = found = any(
            isinstance(rule, Extraction) and any(isinstance(one, Pairs) for one in rule.patterns)
            for stanza in self.stanzas
            if stanza.spec.by is not By.SOURCETYPE or any(map(stanza.spec.matches, sourcetypes))
            for rule in stanza.rules.values()
        )
        return found

    def eventtypes_like(self, pattern: str) -> dict[str, str]:
        """Name -> search text of the eventtypes that match: `*` is a wildcard, letter case is ignored."""
        if "*" not in pattern and pattern in self.eventtypes:
            return {pattern: self.eventtypes[pattern].search}
        regex = _wild(pattern)
        return {name: one.search for name, one in self.eventtypes.items() if regex.fullmatch(name)}

    def tags_like(self, field: str | None, pattern: str) -> list[tuple[str, str]]:
        """The (field, value) pairs that have a tag which matches, of one field or of all."""
        regex = _wild(pattern)
        found = ((one.field, one.value) for one in self.tags if field in (None, one.field) and regex.fullmatch(one.tag))
        return list(dict.fromkeys(found))


def _nothing(_: object) -> tuple[str, ...]:
    return ()


def _saved(file: conf.Conf) -> dict[str, str]:
    """The searches of savedsearches.conf that are not disabled."""
    return {
        name: keys["search"].value
        for name, keys in file.stanzas.items()
        if name != conf.DEFAULT and "search" in keys and not ("disabled" in keys and conf.truth(keys["disabled"].value))
    }


def _disabled(folder: Path, problems: list[Warn]) -> bool:
    """Is an add-on switched off: app.conf, [install] state = disabled?"""
    state = conf.load([folder], "app.conf").stanzas.get("install", {}).get("state")
    if state is None or state.value.lower() != "disabled":
        return False
    problems.append(
        Warn("conf-disabled", f"the add-on {folder.name} is disabled; nothing of it is used", where=state.place)
    )
    return True


@cache
def _built_in() -> Knowledge:
    return Knowledge.load(built_in_addons())


def _wild(pattern: str) -> re.Pattern[str]:
    return re.compile(star_regex(pattern), re.DOTALL | re.IGNORECASE)


_NESTED = re.compile(r"""\beventtype\s*=+\s*(?:"([^"]*)"|([^\s()"]+))""", re.IGNORECASE)


def _without_circles(eventtypes: dict[str, Eventtype], problems: list[Warn]) -> dict[str, Eventtype]:
    """Without eventtypes that contain themselves: no event can be decided to be of one."""
    names: dict[str, set[str]] = {}
    for name, one in eventtypes.items():
        names[name] = set()
        for quoted, bare in _NESTED.findall(one.search):
            regex = _wild(quoted or bare)
            names[name].update(other for other in eventtypes if regex.fullmatch(other))
    kept: dict[str, Eventtype] = {}
    for name, one in eventtypes.items():
        seen: set[str] = set()
        todo = list(names[name])
        while todo:
            other = todo.pop()
            if other not in seen:
                seen.add(other)
                todo += names[other]
        if name in seen:
            reason = f"the eventtype '{name}' contains itself; it is left out"
            problems.append(Warn("knowledge", reason, where=one.place))
        else:
            kept[name] = one
    return kept
