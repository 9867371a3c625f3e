"""The property of a whole run, and running it many times."""

from __future__ import annotations

import json
import re
import resource
from collections import Counter
from enum import StrEnum
from random import Random

from tests.fuzz import harness, searches
from tests.fuzz.world import NOW, World
from trapline.errors import EngineError, SplError, TraplineError
from trapline.search import Session
from trapline.spl.parser import parse

MEGABYTES = 700
"""How much the memory of the process may grow by one search over a few events."""


SECONDS = 60.0
"""How long one search over a few events may take, on a machine that does other things too. All fields of a store take
the engine a second of compiling; what is to be found is what has no end."""


def place(rng: Random) -> str:
    """A session of the world. All fields of Windows events take a second of compiling, so that is rare."""
    return rng.choices(("rows", "store", "windows"), (12, 7, 1))[0]


class End(StrEnum):
    """How far a search came."""

    UNREAD = "refused by the parser"
    PARSED = "parsed, and not asked to go on"
    REFUSED = "parsed, refused when it was compiled"
    FAILED = "compiled, refused while it ran"
    RAN = "ran"


class Defect(AssertionError):
    """A search did what none may do. `way` tells one defect from another, whatever the text is."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.way = re.sub(r"""["'`].*?["'`]|\d+""", "", reason)[:60]


def check(text: str, world: World, name: str, *, further: bool = True) -> End:
    """Parse a text and, to go `further`, run it in a session of the world. Raises Defect, or whatever escapes."""
    session = world.sessions[name]
    if further:
        world.tidy()
    before = _megabytes()
    try:
        parse(text, session.macros)
    except TraplineError as error:
        _refusal(text, error)
        return End.UNREAD
    if not further:
        return End.PARSED
    end = _run(text, session)
    if _megabytes() - before > MEGABYTES:
        raise Defect("memory grew out of bounds")
    return end


def _run(text: str, session: Session) -> End:
    try:
        result = session.run(text, now=NOW)
    except RuntimeError as error:
        if "interrupted" in str(error):
            # The engine met the signal of the time limit first.
            raise harness.Hang from error
        raise
    except EngineError as error:
        if error.code == "internal":
            raise Defect(error.reason) from error
        _refusal(text, error)
        return End.FAILED
    except TraplineError as error:
        _refusal(text, error)
        return End.REFUSED
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


def fuzz(world: World, *, seed: int, count: int, every: int = 1) -> Counter[End]:
    """Try so many searches, one of `every` so many beyond parsing, each in one of the sessions. Raises what the first
    defect raises, its input kept."""
    rng = Random(seed)
    ends: Counter[End] = Counter()
    for number in range(count):
        text, name = searches.text(rng), place(rng)
        ends[attempt(text, world, name, further=number % every == 0)] += 1
    return ends


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
        least = harness.smallest(text, lambda one: _tried(one, world, name), tries=400, seconds=SECONDS)
        error.add_note(f"kept as {harness.kept(least, '.run')}, in {name}: {least!r}")
        raise


def _tried(text: str, world: World, name: str) -> None:
    check(text, world, name)
