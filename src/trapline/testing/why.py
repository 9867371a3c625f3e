"""Why a search gave nothing, or a row lacks a field: in lines of text."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from trapline.errors import TraplineError
from trapline.explain import Breakdown, Clause, Explanation, FieldFacts
from trapline.explain.clauses import squeeze
from trapline.lint.flow import follow
from trapline.spl.command import Pipeline
from trapline.testing.model import Failure
from trapline.values import Row

SHOWN = 160
"""Characters of a stage or value that are shown."""
_NARROWING = frozenset(("stats", "tstats", "chart", "timechart", "top", "rare", "table", "fields"))
"""Commands that leave only the fields that they name."""
VALUES = 5
"""Values of a field that are shown."""


def nothing(found: Explanation, spl: str) -> tuple[str, tuple[str, ...]]:
    """(in one line, in several) why a search gave no row. `spl`: the search before macro expansion."""
    if found.empty is None:
        return "no rows", ()
    stage = found.stages[found.empty]
    text = _cut(squeeze(stage.text))
    macros = ", ".join(f"`{name}`" for name in stage.macros)
    origin = f", from the macro{'s' if len(stage.macros) > 1 else ''} {macros}" if macros else ""
    came = found.stages[found.empty - 1].rows if found.empty else None
    first = f"stage {found.empty + 1} of {len(found.stages)} left no row{origin}: {text}"
    lines = [first if came is None else f"{first} ({_rows(came)} came in)"]
    head = ""
    for one in found.breakdowns:
        if one.stage != found.empty:
            continue
        head = head or _headline(one, macros, _bare(spl), stage.name)
        lines += _breakdown(one)
    if found.empty:
        lines += [note for note in stage.notes if note not in lines]
    if not head:
        head = _cut(text, 100) + (" left none" if came is None else f" left none of {_rows(came)}")
    return f"no rows: {head}", tuple(lines)


def _headline(one: Breakdown, macros: str, written: str, of: str) -> str:
    """`of`: the command."""
    if one.empty:
        return one.notes[0] if one.notes else f"the dataset {one.empty[0].dataset} is empty"
    if of == "join" and one.notes:
        return one.notes[0]
    events = "event" if one.stage == 0 else "row"
    removing = [part for part in one.clause.walk() if part.removes] if one.clause is not None else []
    inner = [part for part in removing if not any(other in removing for other in part.parts)]
    if inner and one.came:
        by = _cut(inner[0].text, 100)
        absent = next((fact for fact in one.fields if not fact.rows), None)
        # A stage may be a macro in part only: a clause that the search itself writes is not of the macro.
        within = f" (of {macros})" if macros and _bare(inner[0].text) not in written else ""
        if absent is not None and one.notes and " is a field of the dataset " in one.notes[0]:
            return one.notes[0]
        if absent is not None and absent.field in by:
            return f"{by}{within} holds for none of {_rows(one.came, events)}: no {events} has the field {absent.field}"
        if not inner[0].alone:
            return f"{by}{within} holds for none of {_rows(one.came, events)}"
        return f"{by}{within} removed the last of {_rows(one.came, events)}"
    return one.notes[0] if one.notes and one.stage == 0 else ""


def _breakdown(one: Breakdown) -> Iterator[str]:
    if one.empty:
        yield from one.notes
    for empty in one.empty:
        for level in empty.levels:
            of = "" if level.came is None else f" of {level.came:,}"
            yield f"{level.rows:,}{of} events are left in {level.dataset}: {_cut(level.constraint)}"
        yield from empty.because
        yield from (f"near: {near}" for near in empty.near)
    if one.empty:
        return
    if one.clause is not None and one.came:
        for clause in _leaves(one.clause):
            left = "" if clause.left is None else f", {clause.left:,} are left after it"
            mark = "  <- removes the last rows" if clause.removes else ""
            yield f"{_cut(clause.text)}: holds for {clause.alone:,} of {one.came:,}{left}{mark}"
    yield from one.notes
    for fact in one.fields:
        yield from _field(fact)


def _leaves(top: Clause) -> Iterator[Clause]:
    """The conditions of a clause, what stands inside NOT and OR with them."""
    if top.kind == "and":
        for part in top.parts:
            yield from _leaves(part)
        return
    yield top
    if top.removes and top.kind == "or":
        for part in top.parts:
            yield from _leaves(part)


def _field(fact: FieldFacts) -> Iterator[str]:
    if not fact.rows:
        yield f"{fact.field}: none of {_rows(fact.of)} has this field"
    else:
        values = ", ".join(f'"{_cut(value, 60)}" ({rows:,})' for value, rows in fact.values[:VALUES])
        more = "" if fact.distinct <= VALUES else f", and {fact.distinct - VALUES:,} more values"
        inside = "" if fact.within is None else f" in the {_rows(fact.within)} that pass every other clause"
        verb = "has" if fact.of == 1 else "have"
        yield f"{fact.field}: {fact.rows:,} of {_rows(fact.of)} {verb} it; values{inside}: {values}{more}"
    yield from (f"near: {near}" for near in fact.near)


def lost(name: str, pipeline: Pipeline, rows: Sequence[Row]) -> tuple[str | None, tuple[str, ...]]:
    """(a hint, lines) why the rows of a search have no field of a name."""
    flow = follow(pipeline)
    here = sorted({one for row in rows for one in row})
    lines = [f"the rows have: {_cut(', '.join(here), 300)}"]
    bare = name.rpartition(".")[2].lower()
    near = [one for one in here if one.rpartition(".")[2].lower() == bare]
    near += [one for one in here if one not in near and (name.endswith(f"_{one}") or one.endswith(f"_{name}"))]
    near += [one for one in difflib.get_close_matches(name, here, 2, 0.7) if one not in near]
    hint = f"did you mean {near[0]}? rename it, or name it so in the detection" if near else None
    for place, step in enumerate(flow.steps):
        if step.stage.name in _NARROWING and not step.open and name not in step.after:
            text = squeeze(pipeline.text[step.stage.span.start : step.stage.span.end])
            lines.append(f"stage {place + 1} of {len(flow.steps)} leaves it out: {_cut(text)}")
            command = step.stage.name
            if hint is None and command in ("stats", "tstats", "chart", "top", "rare"):
                hint = f"put {name} into the by clause of {command}, or carry it along: values({name}) as {name}"
            elif hint is None and command in ("table", "fields"):
                hint = f"name {name} in {command} too"
            break
    return hint, tuple(lines)


def of_error(error: TraplineError, what: str) -> Failure:
    """A search that cannot run."""
    return Failure(f"{what}: {error.reason}", error.hint, tuple(error.render().splitlines()[1:]), error.code)


def _bare(text: str) -> str:
    return "".join(text.split())


def _rows(count: int, noun: str = "row") -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _cut(text: str, width: int = SHOWN) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"
