"""How a case of a case file is run: through the public path, the same as the command line's."""

from __future__ import annotations

import contextlib
import operator
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.casefile import Case, Outcome
from tests.casestore import evidence, scheduled
from trapline.errors import TraplineError
from trapline.explain import Breakdown
from trapline.ingest.intake import ingest
from trapline.knowledge import Knowledge
from trapline.knowledge.identities import asset_tables, identity_tables
from trapline.knowledge.kept import Kept
from trapline.search import Macro, Session
from trapline.spl.limits import Limits
from trapline.spl.lookups import Lookup
from trapline.store import Store


def run(case: Case, engine: str) -> Outcome:
    """What an engine of `ENGINES` gives. Only a TraplineError is an outcome; anything else is a defect and escapes."""
    try:
        if "steps" in case.settings:
            return scheduled(case)
        if not case.files() and not case.settings.get("folder"):
            return ENGINES_BY_NAME[engine](case, _session(case))
        if not case.files():
            with tempfile.TemporaryDirectory() as folder:
                session = _session(case)
                session.folder = Path(folder)
                session.kept = Kept((), Path(folder) / "state.db")
                return ENGINES_BY_NAME[engine](case, session)
        with Store.throwaway() as store, tempfile.TemporaryDirectory() as folder:
            session = _session(case)
            session.knowledge = _identified(case, _knowledge(case, Path(folder) / "addon"))
            said = _ingest(case, store, session.knowledge)
            session.events = None
            session.tables = store.snapshot().tables
            outcome = ENGINES_BY_NAME[engine](case, session)
        return replace(outcome, warnings=[*said, *outcome.warnings])
    except TraplineError as error:
        return Outcome(error=error.render())


def _session(case: Case) -> Session:
    given = case.settings
    return Session(
        events=case.events,
        macros={key: _macro(key, one) for key, one in given.get("macros", {}).items()},
        lookups=given.get("lookups", {}),
        datamodels=given.get("datamodels", {}),
        store=given.get("store", False),
        tz=given.get("tz", "UTC"),
        limits=Limits(**given.get("limits", {})),
        saved_searches=given.get("saved_searches", {}),
        jobs=given.get("jobs", {}),
        models={
            name: Path(one) if isinstance(one, str) else Linear.of(one) for name, one in given.get("models", {}).items()
        },
        geoip=given["places"].get if "places" in given else None,
        knowledge=_identified(case, None),
    )


class Linear:
    """A linear model in scikit-learn's manner, for apply and summary. In a case: {target: name, weights: {field:
    number}}, and `intercept` if it is not 0."""

    def __init__(self, target: str, weights: Mapping[str, float], intercept: float) -> None:
        self.target_name_ = target
        self.feature_names_in_ = list(weights)
        self._weights = list(weights.values())
        self._intercept = intercept

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Linear:
        return cls(given["target"], given["weights"], given.get("intercept", 0))

    def predict(self, rows: Sequence[Sequence[float]]) -> list[float]:
        return [self._intercept + sum(map(operator.mul, self._weights, row)) for row in rows]

    def summary(self) -> list[dict[str, object]]:
        pairs = zip(self.feature_names_in_, self._weights, strict=True)
        return [{"feature": name, "coefficient": weight} for name, weight in pairs]


def _macro(key: str, given: Mapping[str, str] | str) -> Macro:
    """A macro of the settings: {args: "a, b", definition: ..., iseval: true}, or only the definition."""
    body = {"definition": given} if isinstance(given, str) else given
    args = tuple(name.strip() for name in str(body.get("args", "")).split(",") if name.strip())
    return Macro(
        key,
        str(body["definition"]),
        args,
        bool(body.get("iseval")),
        body.get("validation", ""),
        body.get("errormsg", ""),
    )


def _duckdb(case: Case, session: Session) -> Outcome:
    times: dict[str, Any] = {name: case.settings.get(name) for name in ("earliest", "latest", "now")}
    result = session.run(case.spl, **times)
    stages: list[tuple[int, str]] = []
    because: list[str] = []
    if any(block.kind in ("explain", "because") for block in case.expectations()):
        found = session.explain(case.spl, **times)
        stages = [(stage.rows, stage.text) for stage in found]
        because = [told for one in found.breakdowns for told in _because(one)]
    return Outcome(result.fields, result.rows, list(map(str, result.warnings)), stages=stages, because=because)


def _because(one: Breakdown) -> Iterator[str]:
    """What explain says of a stage: of datasets level by level, then in words, what came near, and field values."""
    for empty in one.empty:
        yield f"{empty.dataset} is empty"
        yield from (f"{level.rows} of {level.came}  {level.dataset}: {level.constraint}" for level in empty.levels)
        yield from empty.because
        yield from (f"* {near}" for near in empty.near)
    if one.clause is not None:
        yield from (f"removed by {clause.text}" for clause in one.clause.walk() if clause.removes)
    yield from one.notes
    for fact in one.fields:
        values = ", ".join(f"{value} ({rows})" for value, rows in fact.values)
        yield f"{fact.field}: {fact.rows} of {fact.of} rows have it; {values}"
        yield from (f"* {remark}" for remark in fact.near)


def _knowledge(case: Case, folder: Path) -> Knowledge | None:
    """What the add-on of a case knows, which stands in `folder` while the case runs; None for the built-in ones."""
    files = case.addon()
    if not files:
        return None
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n", encoding="utf-8")
    return Knowledge.load([folder])


def _identified(case: Case, knowledge: Knowledge | None) -> Knowledge | None:
    """The knowledge with the assets and identities of a case."""
    found: dict[str, Lookup] = {}
    if case.settings.get("assets"):
        found |= asset_tables(case.settings["assets"])
    if case.settings.get("identities"):
        found |= identity_tables(case.settings["identities"])
    return (knowledge or Knowledge.built_in()).over(None, found) if found else knowledge


def _ingest(case: Case, store: Store, knowledge: Knowledge | None) -> list[str]:
    """Ingest the files of a case, and return what the report says of each that is not plain well."""
    said: list[str] = []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for block in case.files():
            one = evidence(case, block, Path())
            rules = knowledge.index_time if knowledge is not None else None
            report = ingest([one], store, format=block.attributes.get("format"), rules=rules)
            said += [f"{each.name}: {each.note}" for each in report.files if each.note]
    return said


ENGINES_BY_NAME: Mapping[str, Callable[[Case, Session], Outcome]] = {"duckdb": _duckdb}

ENGINES = tuple(ENGINES_BY_NAME)
"""The first writes expectations in an update run; the others must agree with it."""
