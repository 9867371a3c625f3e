"""Eval functions. One entry per function in the module of its topic; this file finds them.

A function is a lowering from its parsed arguments to a plan expression. Composing it from the engine vocabulary is
preferred; a new engine function is needed only for what cannot be composed. What an entry says of itself is its page of
the manual (docs/functions, made by `make docs`).
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from trapline.errors import SplError
from trapline.spl.expr import Func

if TYPE_CHECKING:
    from trapline.plan import Expr
    from trapline.spl.evaluate import Env

Lowering = Callable[["Env", Func], "Expr"]


@dataclass(frozen=True, slots=True)
class Function:
    """An eval function: its name, how many arguments it takes (`most` None = any number), its lowering, and what its
    page of the manual says."""

    name: str
    least: int
    most: int | None
    lower: Lowering
    topic: str
    gives_text: bool = False
    """Its result is text even where it looks like a number: tostring(5) is the text 5."""
    syntax: str = ""
    """A call of it, with placeholders: `pow(<n>, <power>)`."""
    does: str = ""
    """What it gives, in a sentence."""
    notes: str = ""
    """Its rules, in sentences."""
    source: str = ""
    """The page of Splunk's Search Reference; "" is that of its topic, which the module's docstring names."""
    same_as: str = ""
    """The function that it is another name of; the rest is said there."""


_REGISTRY: dict[str, Function] = {}


def function(
    name: str,
    least: int,
    most: int | None = -1,
    *,
    gives_text: bool = False,
    syntax: str = "",
    does: str = "",
    notes: str = "",
    source: str = "",
    same_as: str = "",
) -> Callable[[Lowering], Lowering]:
    """Register a function. `most` -1 means exactly `least` arguments; the rest as in `Function`."""

    def register(lowering: Lowering) -> Lowering:
        topic = lowering.__module__.rpartition(".")[2]
        _REGISTRY[name] = Function(
            name=name,
            least=least,
            most=least if most == -1 else most,
            lower=lowering,
            topic=topic,
            gives_text=gives_text,
            syntax=syntax,
            does=does,
            notes=notes,
            source=source,
            same_as=same_as,
        )
        return lowering

    return register


@cache
def registry() -> Mapping[str, Function]:
    """Every function by name (lower case)."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return _REGISTRY


def find(ast: Func) -> Function:
    """The function of a call. Raises SplError for an unknown name or a wrong number of arguments."""
    found = registry().get(ast.name)
    if found is None:
        near = difflib.get_close_matches(ast.name, registry(), 1)
        raise SplError(
            f"unknown function '{ast.name}'",
            span=ast.span,
            hint=f"did you mean '{near[0]}'?" if near else "functions are listed in docs/functions",
            code="function",
        )
    count = len(ast.args)
    if count < found.least or (found.most is not None and count > found.most):
        if found.most is None:
            wants = f"at least {found.least}"
        elif found.least == found.most:
            wants = str(found.least)
        else:
            wants = f"{found.least} to {found.most}"
        raise SplError(f"{ast.name}() takes {wants} argument(s), not {count}", span=ast.span, code="function")
    return found
