"""The property of a whole run, and running it many times."""

from __future__ import annotations

import json
import re
import resource
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from tests.fuzz import harness, searches
from tests.fuzz.world import NOW, World
from trapline.errors import EngineError, SplError, TraplineError
from trapline.search import Session
from trapline.spl.parser import parse

MEGABYTES = 700
"""How much the memory of the process may grow by one search over a few events."""


SECONDS = 30.0
"""CPU seconds that one search over a few events may take. All fields of a store take the engine a second of compiling;
what is to be found is what has no end."""

RUN = {"rows": 12, "store": 7, "windows": 1}
COMPILED = {"rows": 5_000, "store": 4, "windows": 1}
"""How often a search that is run, or compiled only, meets which session. All fields of a store take the engine a
hundred times as long as those of a few rows."""


def place(rng: Random, weights: Mapping[str, int] = RUN) -> str:
    """A session of the world."""
    return rng.choices(tuple(weights), tuple(weights.values()))[0]


class End(StrEnum):
    """How far a search came. Each refusal is one of the project's own errors, with a reason and a place."""

    UNREAD = "refused by the parser"
    REFUSED = "parsed, refused when compiled"
    COMPILED = "compiled to SQL, not to be run"
    FAILED = "compiled, refused when run"
    RAN = "ran to rows"


class Defect(AssertionError):
    """A search did what none may do. `way` tells one defect from another, whatever the text is."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.way = re.sub(r"""["'`].*?["'`]|\d+""", "", reason)[:60]


def check(text: str, world: World, name: str, *, further: bool = True) -> End:
    """Parse a text, compile it to the engine's SQL in a session of the world, and run it there to go `further`. Raises
    Defect, or whatever escapes."""
    session = world.sessions[name]
    if further:
        world.tidy()
    before = _megabytes()
    try:
        parse(text, session.macros)
    except TraplineError as error:
        _refusal(text, error)
        return End.UNREAD
    end = _run(text, session) if further else _compile(text, session)
    if _megabytes() - before > MEGABYTES:
        raise Defect("memory grew out of bounds")
    return end


@contextmanager
def _noticed() -> Iterator[None]:
    """Tells defects from errors of the project's own."""
    try:
        yield
    except KeyboardInterrupt as error:
        if isinstance(error.__cause__, RuntimeError):
            # The engine met the signal of the time limit first.
            raise harness.Hang from error
        raise
    except EngineError as error:
        if error.code == "internal":
            raise Defect(error.reason) from error
        raise


def _compile(text: str, session: Session) -> End:
    try:
        with _noticed():
            session.sql(text, now=NOW, pretty=False)
    except TraplineError as error:
        _refusal(text, error)
        return End.REFUSED
    return End.COMPILED


def _run(text: str, session: Session) -> End:
    try:
        with _noticed():
            result = session.run(text, now=NOW)
    except TraplineError as error:
        _refusal(text, error)
        return End.FAILED if isinstance(error, EngineError) else End.REFUSED
    body = {"rows": result.rows, "warnings": [one.to_json() for one in result.warnings], "shown": result.shown}
    try:
        json.dumps(body, allow_nan=False).encode()
    except ValueError as error:
        raise Defect(f"the result is no JSON: {error}") from error
    known = set(result.fields)
    for row in result.rows:
        if not row.keys() <= known:
            raise Defect("a row has a field that the result does not name")
    return End.RAN


def _refusal(text: str, error: TraplineError) -> None:
    """A refusal has a reason, can be shown, and points into the search."""
    if not error.reason.strip():
        raise Defect("an error without a reason")
    if not error.render().startswith("error: "):
        raise Defect("an error that cannot be shown")
    json.dumps(error.to_json())
    if isinstance(error, SplError) and error.span is not None:
        if text and not error.query:
            raise Defect("an error with a place in no text")
        if not 0 <= error.span.start <= error.span.end <= len(error.query):
            raise Defect(f"an error outside the text: {error.reason}")


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def numbered(seed: int, number: int, *, further: bool) -> tuple[searches.Made, str]:
    """The search of a number and its session: each is made anew from the seed, without those before it."""
    rng = Random(f"{seed}:{number}")
    return searches.made(rng), place(rng, RUN if further else COMPILED)


@dataclass(slots=True)
class Tally:
    """What was tried: searches by what they are and how far they came; the defects met, by their way."""

    shapes: Counter[searches.Shape] = field(default_factory=Counter)
    ends: Counter[End] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    @property
    def tried(self) -> int:
        return self.shapes.total()


def fuzz(world: World, *, seed: int, first: int = 0, count: int, every: int = 1, tally: Tally | None = None) -> Tally:
    """Try the searches of so many numbers, one of `every` so many to rows, the others as far as SQL. The input of a
    defect is kept; without a `tally` the defect is raised, with one it is written there and the next one is tried."""
    told = Tally() if tally is None else tally
    for number in range(first, first + count):
        further = number % every == 0
        made, name = numbered(seed, number, further=further)
        told.shapes[made.shape] += 1
        try:
            told.ends[attempt(made.text, world, name, further=further)] += 1
        except Exception as error:  # whatever it is, it is what was looked for
            if tally is None:
                raise
            notes = "; ".join(getattr(error, "__notes__", []))
            told.broken.append(f"search {number}: {type(error).__name__}: {str(error)[:300]} ({notes})")
    return told


def timed(text: str, world: World, name: str, *, further: bool = True) -> End:
    """`check`, failing when it does not come back."""
    ended: list[End] = []

    def run(one: str) -> None:
        ended.append(check(one, world, name, further=further))

    harness.bounded(run, SECONDS)(text)
    return ended[0]


def attempt(text: str, world: World, name: str, *, further: bool = True) -> End:
    """`timed`. A text that fails it is made smaller and kept."""
    try:
        return timed(text, world, name, further=further)
    except Exception as error:  # whatever it is, its input is what matters
        least = harness.smallest(text, lambda one: _tried(one, world, name, further), tries=400, seconds=SECONDS)
        error.add_note(f"kept as {harness.kept(least, '.run')}, in {name}: {least!r}")
        raise


def _tried(text: str, world: World, name: str, further: bool) -> None:
    check(text, world, name, further=further)
