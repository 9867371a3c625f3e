"""How a case of a case file is run: through the public path, the same as the command line's."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.casefile import Case, Outcome
from trapline.errors import TraplineError
from trapline.search import Macro, Session


def run(case: Case, engine: str) -> Outcome:
    """What an engine of `ENGINES` gives. Only a TraplineError is an outcome; anything else is a defect and escapes."""
    try:
        return ENGINES_BY_NAME[engine](case)
    except TraplineError as error:
        return Outcome(error=error.render())


def _duckdb(case: Case) -> Outcome:
    given = case.settings
    session = Session(
        events=case.events,
        macros={key: _macro(key, one) for key, one in given.get("macros", {}).items()},
        lookups=given.get("lookups", {}),
        datamodels=given.get("datamodels", {}),
        store=given.get("store", False),
    )
    times = {name: given.get(name) for name in ("earliest", "latest", "now")}
    result = session.run(case.spl, **times)
    stages: list[tuple[int, str]] = []
    if any(block.kind == "explain" for block in case.expectations()):
        stages = [(stage.rows, stage.text) for stage in session.explain(case.spl, **times)]
    return Outcome(
        fields=result.fields, rows=result.rows, warnings=[str(one) for one in result.warnings], stages=stages
    )


def _macro(key: str, given: Mapping[str, str] | str) -> Macro:
    """A macro of the settings: {args: "a, b", definition: ...}, or only the definition."""
    body = {"definition": given} if isinstance(given, str) else given
    args = tuple(name.strip() for name in str(body.get("args", "")).split(",") if name.strip())
    return Macro(key, str(body["definition"]), args)


ENGINES_BY_NAME: Mapping[str, Callable[[Case], Outcome]] = {"duckdb": _duckdb}

ENGINES = tuple(ENGINES_BY_NAME)
"""The first writes expectations in an update run; the others must agree with it."""
