"""Which searches make all their rows themselves, so that they run where there is no store."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass

from trapline.errors import SplError
from trapline.spl.command import Pipeline, Stage
from trapline.spl.named import Named

_OWN_ROWS = frozenset({"makeresults", "gentimes", "inputcsv", "inputlookup"})
"""Commands that make the first rows of a search from something else than events."""
_OF_SEARCHES = frozenset({"union", "multisearch", "set"})
"""Commands that make the first rows from the searches in their brackets."""
_WRITING = frozenset({"collect", "stash"})
_TOKEN = re.compile(r"<<\w+>>")
"""What foreach puts a name or value in the place of."""

Parse = Callable[[str], Pipeline]
"""A search in text, as a pipeline. Raises SplError."""


def needs_events(pipeline: Pipeline, parse: Parse, *, follows: bool = False) -> bool:
    """Does a search, or a subsearch of it, read events or write them? Where only a run can tell, it does.

    `follows`: its commands work on the rows before it (appendpipe), and so it may begin with any command.
    """
    first = pipeline.stages[0]
    if not follows and first.name not in _OWN_ROWS and not (first.name in _OF_SEARCHES and first.piped):
        return True
    return any(_stage_needs(stage, parse) for stage in pipeline.stages)


def _stage_needs(stage: Stage, parse: Parse) -> bool:
    from trapline.spl.commands.foreach import ForEach
    from trapline.spl.commands.map import Map

    if stage.name in _WRITING:
        return True
    match stage.command:
        case Map(template=None):
            return True
        case Map(template=str(text)):
            return _text_needs(text, parse)
        case ForEach(template=text):
            return _text_needs(f"| makeresults | {_TOKEN.sub('x', text)}", parse)
    return any(
        one.kind not in ("lookup", "inputlookup")
        if isinstance(one, Named)
        else needs_events(one, parse, follows=stage.name == "appendpipe")
        for one in _searches(stage.command)
    )


def _text_needs(text: str, parse: Parse) -> bool:
    """Of a search that is parsed once it is filled in."""
    try:
        return needs_events(parse(text), parse)
    except SplError:
        return True


def _searches(command: object) -> Iterator[Pipeline | Named]:
    """The subsearches and named datasets of a command; what is within them is not looked into."""
    todo: list[object] = [command]
    while todo:
        one = todo.pop()
        if isinstance(one, Pipeline | Named):
            yield one
        elif isinstance(one, tuple | list):
            todo += one
        elif isinstance(one, dict):
            todo += one.values()
        elif is_dataclass(one):
            todo += [getattr(one, part.name) for part in fields(one)]
