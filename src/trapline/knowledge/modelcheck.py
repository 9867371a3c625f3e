"""What of the data models of add-ons a search would refuse or not follow, told beforehand (`knowledge.check`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from trapline.errors import Span, SplError, TraplineError, Unsupported, Warn
from trapline.knowledge.datamodels import Calculation, Definition, Eval, FromLookup, Gap, Rex, read_model
from trapline.knowledge.knowledge import Knowledge
from trapline.pcre import check as check_pattern
from trapline.spl.cursor import Cursor
from trapline.spl.expr import parse_expression
from trapline.spl.filter import parse_text
from trapline.spl.macros import expand
from trapline.spl.parser import parse


def model_doubts(knowledge: Knowledge) -> Iterator[Warn]:
    """The files that cannot be read, the datasets that are refused, and the parts of others that are wrong or missing.
    A place is the file from the add-on's folder on."""
    for path in knowledge.models.values():
        where = shown(path)
        try:
            model = read_model(path)
        except TraplineError as error:
            yield Warn("datamodel", f"the data model is left out: {error.reason}", error.hint, where)
            continue
        for one in model.datasets.values():
            for reason, hint in _of_dataset(one, knowledge):
                yield Warn("datamodel", f"the dataset {one.name} of {model.name}: {reason}", hint, where)


def shown(path: Path) -> str:
    """The file of a model as it is named to the user: add-on/layer/data/models/name.json."""
    return "/".join(path.parts[-5:])


def _of_dataset(one: Definition, knowledge: Knowledge) -> Iterator[tuple[str, str | None]]:
    if one.refused:
        yield f"{one.refused}; a search that reads it is refused", None
        return
    if one.constraint:
        yield from _tried("its search" if one.piped else "its constraint", lambda: _constraint(one, knowledge))
    for part in one.calculations:
        match part:
            case Gap(what=what, names=names):
                yield f"{what} is not followed; {', '.join(names) or 'what it makes'} is null", None
            case Eval(name=name):
                yield from _tried(f"the calculated field {name}", _run(part, knowledge))
            case Rex(names=names):
                yield from _tried(f"the expression for {', '.join(names)}", _run(part, knowledge))
            case FromLookup(lookup=name):
                yield from _tried(f"the lookup {name}", _run(part, knowledge))


def _tried(what: str, act: Callable[[], object]) -> Iterator[tuple[str, str | None]]:
    try:
        act()
    except Unsupported as error:
        if "eval macro" not in error.reason:  # its text is known only when it runs
            yield f"{what}: {error.reason}", error.hint
    except TraplineError as error:
        yield f"{what}: {error.reason}", error.hint


def _run(part: Calculation, knowledge: Knowledge) -> Callable[[], object]:
    return lambda: _calculation(part, knowledge)


def _constraint(one: Definition, knowledge: Knowledge) -> None:
    if one.piped:
        text = one.constraint.strip()
        parse(text if text.startswith("|") else f"search {text}", knowledge.macros)
    else:
        parse_text(expand(one.constraint, knowledge.macros), Span(0, 0))


def _calculation(part: Calculation, knowledge: Knowledge) -> None:
    match part:
        case Eval(expression=expression):
            text = expand(expression, knowledge.macros)
            cursor = Cursor(text, 0, len(text), _refuse)
            parse_expression(cursor)
            cursor.finish()
        case Rex(expression=expression):
            check_pattern(expression)
        case FromLookup(lookup=name) if name not in knowledge.lookups:
            raise SplError("it is in no add-on", hint="a search finds it where the content has it")


def _refuse(start: int, end: int) -> NoReturn:
    raise SplError("a subsearch cannot stand here")
