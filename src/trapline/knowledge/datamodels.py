"""Data models: hierarchies of datasets, each a search over events, its fields, and what is calculated for them.

Sources: Knowledge Manager Manual, "About data models", "Design data models"; the JSON of an add-on's
`default/data/models/*.json`. A child dataset has its parent's events that meet its own constraint, and its parent's
fields. Calculations run in their order, parents first. An event that lacks a required field is not in the dataset. What
a model is made of is checked where the file is read; what it uses and Trapline has not is refused by who reads it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trapline.errors import InputError, SplError, TraplineError, Unsupported
from trapline.spl.datasets import nearest

MAX_DEPTH = 20
"""Generations of datasets."""
ROOTS = frozenset({"", "BaseEvent", "BaseSearch"})
NOT_READ = {
    "BaseTransaction": "it groups events into transactions",
    "BaseInterface": "it is an interface, which other datasets fill",
    "BaseImpersonatedSearch": "its search runs as another user",
}
"""Kinds of root datasets that are not supported: what they are."""


@dataclass(frozen=True, slots=True)
class Eval:
    """A calculated field: an eval expression."""

    name: str
    expression: str


@dataclass(frozen=True, slots=True)
class Rex:
    """Fields taken out of one by the named groups of a regular expression."""

    source: str
    expression: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FromLookup:
    """Fields of a lookup: (lookup field, event field) pairs."""

    lookup: str
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A calculation that is not followed: its fields are null, and a search that uses the dataset is told."""

    what: str
    names: tuple[str, ...]


Calculation = Eval | Rex | FromLookup | Gap


@dataclass(frozen=True, slots=True)
class Definition:
    """A dataset as defined. `constraint`: a search expression, or for a root search dataset (`piped`) a whole search.
    `rows`: given events, in place of a search. `fields`: its own, not its parent's."""

    name: str
    parent: str = ""
    constraint: str = ""
    piped: bool = False
    rows: tuple[Mapping[str, Any], ...] | None = None
    fields: tuple[str, ...] = ()
    calculations: tuple[Calculation, ...] = ()
    title: str = ""
    required: tuple[str, ...] = ()
    """Terms (field=*) of fields that an event must have to be in the dataset, beside its constraint: those that are
    calculated, and those of a root search. What else is required is in the constraint."""
    refused: str = ""
    """Why the dataset cannot be read; a search that does is an error."""


@dataclass(frozen=True, slots=True)
class DataModel:
    """A data model and its datasets by name, parents before children."""

    name: str
    datasets: Mapping[str, Definition] = field(default_factory=dict)
    title: str = ""
    description: str = ""

    def lineage(self, name: str) -> list[Definition]:
        """The dataset and its ancestors, the root first. Raises SplError for a name that is none."""
        found: list[Definition] = []
        at = name
        while at or not found:
            one = self.datasets.get(at)
            if one is None or len(found) > MAX_DEPTH:
                raise SplError(
                    f"the data model '{self.name}' has no dataset '{at[:80]}'",
                    hint=nearest(at, list(self.datasets)),
                    code="datamodel",
                )
            found.append(one)
            at = one.parent
        return found[::-1]

    @property
    def roots(self) -> list[str]:
        return [name for name, one in self.datasets.items() if not one.parent]

    def to_json(self, dataset: str | None = None) -> dict[str, Any]:
        """The model, or one dataset of it, in the form of `data/models/*.json`."""
        objects = [self._object(name) for name in self.datasets if dataset in (None, name)]
        if dataset is not None:
            return objects[0]
        body: dict[str, Any] = {"modelName": self.name, "displayName": self.title or self.name}
        body |= {"description": self.description, "objects": objects, "objectNameList": list(self.datasets)}
        return body

    def _object(self, name: str) -> dict[str, Any]:
        one = self.datasets[name]
        line = self.lineage(name)
        fields = []
        for place, owner in enumerate(line):
            prefix = ".".join(part.name for part in line[: place + 1])
            fields += [{"fieldName": own, "owner": prefix} for own in fields_of(owner)]
        return {
            "objectName": name,
            "displayName": one.title or name,
            "parentName": one.parent or ("BaseSearch" if one.piped else "BaseEvent"),
            "lineage": ".".join(part.name for part in line),
            "fields": fields,
            "constraints": [{"search": part.constraint, "owner": part.name} for part in line if part.constraint],
        }


# --- definitions ---------------------------------------------------------------------------------------------------


def model_of(name: str, given: Any) -> DataModel:
    """A data model from Splunk's JSON (`objects`), from {dataset: {"events": [...]}} or {dataset: {"search": "...",
    "fields": [...], "parent": "..."}}, or the path of a JSON file. Raises TraplineError."""
    match given:
        case DataModel():
            return given
        case Path():
            return read_model(given)
        case Mapping() if isinstance(given.get("objects"), list):
            return _from_splunk(given, name)
        case Mapping():
            pairs = [(str(own), _plain(str(own), body)) for own, body in given.items()]
            return DataModel(name, _ordered(name, dict(pairs)))
    raise TraplineError(f"the data model '{name}' is not an object with datasets", code="datamodel")


def read_model(path: Path) -> DataModel:
    """A file of an add-on's `data/models`. Raises InputError."""
    try:
        body = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"the data model cannot be read: {error.strerror}", file=str(path), code="datamodel") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"the data model is not JSON: {error}", file=str(path), code="datamodel") from None
    if not isinstance(body, dict) or not isinstance(body.get("objects"), list):
        raise InputError("a data model has a list 'objects'", file=str(path), field="objects", code="datamodel")
    try:
        return _from_splunk(body, path.stem)
    except InputError:
        raise
    except TraplineError as error:
        raise InputError(error.reason, file=str(path), hint=error.hint, code="datamodel") from None


def model_files(addons: Iterable[Path]) -> dict[str, Path]:
    """The data models of add-on folders, by name: `default/data/models/*.json`, in place of them `local/`, a later
    folder in place of an earlier one. Each is read when a search first uses it."""
    found: dict[str, Path] = {}
    for addon in addons:
        for layer in ("default", "local"):
            for path in sorted((addon / layer / "data" / "models").glob("*.json")):
                found[path.stem] = path
    return found


def _plain(name: str, body: Any) -> Definition:
    if not isinstance(body, Mapping):
        raise TraplineError(f"the dataset '{name}' is not an object", hint='{"events": [...]}', code="datamodel")
    rows = body.get("events")
    fields = tuple(map(str, body.get("fields") or ()))
    if rows is not None and not fields:
        fields = tuple(dict.fromkeys(str(key) for row in rows for key in row))
    search = str(body.get("search") or body.get("constraint") or "")
    calculated = body.get("calculated") or {}
    return Definition(
        name,
        str(body.get("parent") or ""),
        search,
        piped=search.lstrip().startswith("|"),
        rows=None if rows is None else tuple(rows),
        fields=fields,
        calculations=tuple(Eval(str(own), str(text)) for own, text in calculated.items()),
    )


def _from_splunk(body: Mapping[str, Any], fallback: str) -> DataModel:
    name = str(body.get("modelName") or fallback)
    found: dict[str, Definition] = {}
    for one in body["objects"]:
        if not isinstance(one, Mapping) or not one.get("objectName"):
            raise TraplineError(f"the data model '{name}' has an object without objectName", code="datamodel")
        own = str(one["objectName"])
        parent = str(one.get("parentName") or "")
        base = str(one.get("baseSearch") or "")
        constraints = [str(part.get("search", "")) for part in _parts(one, "constraints", own) if _is_own(part, own)]
        calculations = [part for part in _parts(one, "calculations", own) if _is_own(part, own)]
        fields = [part for part in _parts(one, "fields", own) if part.get("fieldName") and _is_own(part, own)]
        made = [part for each in calculations for part in _parts(each, "outputFields", own)]
        required = [_term(part) for part in fields if part.get("required") is True]
        later = [_term(part) for part in made if part.get("required") is True and part.get("fieldName")]
        found[own] = Definition(
            own,
            "" if parent in ROOTS or parent in NOT_READ else parent,
            base or " ".join([*(f"({text})" for text in constraints if text.strip()), *required]),
            piped=bool(base),
            fields=tuple(str(part["fieldName"]) for part in fields),
            calculations=tuple(_calculation(part, own) for part in calculations),
            title=str(one.get("displayName") or ""),
            required=tuple(required + later if base else later),
            refused=f"it is a {parent} dataset: {NOT_READ[parent]}" if parent in NOT_READ else "",
        )
    title, description = str(body.get("displayName") or ""), str(body.get("description") or "")
    return DataModel(name, _ordered(name, found), title, description)


def _term(part: Mapping[str, Any]) -> str:
    """That an event has a field, as a search term."""
    name = str(part["fieldName"])
    return f"{name}=*" if re.fullmatch(r"[A-Za-z_][\w.]*", name) else '"' + name.replace('"', "") + '"=*'


def _parts(body: Mapping[str, Any], key: str, dataset: str) -> list[Mapping[str, Any]]:
    """The objects of a list of the JSON. Raises TraplineError."""
    found = body.get(key) or []
    if not isinstance(found, list) or not all(isinstance(part, Mapping) for part in found):
        raise TraplineError(f"{key} of the dataset '{dataset[:80]}' is not a list of objects", code="datamodel")
    return found


def _is_own(part: Mapping[str, Any], name: str) -> bool:
    """Does it belong to the dataset itself, not to an ancestor? The owner is the lineage of the dataset it is from."""
    owner = str(part.get("owner") or name)
    return owner.rpartition(".")[2] == name


def _calculation(part: Mapping[str, Any], dataset: str) -> Calculation:
    outputs = _parts(part, "outputFields", dataset)
    names = tuple(str(one.get("fieldName", "")) for one in outputs)
    kind = str(part.get("calculationType", ""))
    match kind:
        case "Eval" if len(names) == 1:
            return Eval(names[0], str(part.get("expression", "")))
        case "Rex":
            return Rex(str(part.get("inputField", "_raw")), str(part.get("expression", "")), names)
        case "Lookup":
            inputs = _parts(part, "lookupInputs", dataset)
            pairs = tuple((str(one.get("lookupField", "")), str(one.get("inputField", ""))) for one in inputs)
            found = tuple((str(one.get("lookupOutputFieldName", "")), str(one.get("fieldName", ""))) for one in outputs)
            return FromLookup(str(part.get("lookupName", "")), pairs, found)
    return Gap(f"a calculation of the kind {kind or '?'}", names)


def _ordered(model: str, found: Mapping[str, Definition]) -> dict[str, Definition]:
    """Parents first; a parent that is not there, and a circle, are errors."""
    done: dict[str, Definition] = {}
    left = dict(found)
    while left:
        ready = [name for name, one in left.items() if not one.parent or one.parent in done]
        if not ready:
            raise TraplineError(f"the data model '{model}': {_unordered(left)}", code="datamodel")
        for name in ready:
            done[name] = left.pop(name)
    return done


def _unordered(left: Mapping[str, Definition]) -> str:
    """Why datasets have no order: the parent of one is not there, or some are each other's parents."""
    for name, one in left.items():
        if one.parent not in left:
            return f"the parent '{one.parent[:80]}' of the dataset '{name[:80]}' does not exist"
    way: list[str] = []
    at = next(iter(left))
    while at not in way:
        way.append(at)
        at = left[at].parent
    circle = [*way[way.index(at) :], at]
    return f"the dataset '{at[:80]}' is its own ancestor: {' -> '.join(one[:80] for one in circle[:20])}"


def fields_of(one: Definition) -> Iterator[str]:
    seen: set[str] = set()
    calculated = [name for part in one.calculations for name in made(part)]
    for name in (*one.fields, *calculated):
        if name and name not in seen:
            seen.add(name)
            yield name


def made(part: Calculation) -> tuple[str, ...]:
    match part:
        case Eval(name=name):
            return (name,)
        case Rex(names=names) | Gap(names=names):
            return names
        case FromLookup(outputs=outputs):
            return tuple(name for _, name in outputs)


def unsupported(model: DataModel, one: Definition) -> None:
    """Raises Unsupported for a dataset that cannot be read."""
    if one.refused:
        raise Unsupported(
            f"the dataset '{one.name}' of the data model '{model.name}' is not supported: {one.refused}",
            hint=f"name another dataset: datamodel={model.name}.<dataset>",
        )


def find(name: str, known: Mapping[str, Any]) -> DataModel:
    """A data model by name. Raises SplError."""
    if name in known:
        return model_of(name, known[name])
    hint = nearest(name, list(known))
    raise SplError(
        f"the data model '{name[:80]}' does not exist",
        hint=hint or "no data models are loaded",
        code="datamodel",
    )
