"""The outputs of the user's settings: section `outputs` of `trapline.yml` -> `Output`s."""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Mapping

from trapline.content.yamlfile import Node
from trapline.errors import InputError
from trapline.outputs import kinds
from trapline.outputs.options import CODE, Options, near
from trapline.outputs.output import ATTEMPTS, Output, OutputModule

SECTION = "outputs"


def kind_names() -> list[str]:
    """The kinds there are."""
    return sorted(module.name for module in pkgutil.iter_modules(kinds.__path__))


def kind(name: str) -> OutputModule:
    """The module of a kind that exists."""
    module: OutputModule = importlib.import_module(f"{kinds.__name__}.{name}")
    return module


def read(section: Node | None, file: str, environment: Mapping[str, str] | None = None) -> list[Output]:
    """The outputs of a section, in its order; none where there is no section. Raises InputError with line and field for
    an unknown kind or setting, one that is missing, and a variable that is not set."""
    if section is None or section.value is None:
        return []
    _mapping(section, file, SECTION)
    assert isinstance(section.value, dict)
    return [_output(name, node, file, environment) for name, node in section.value.items()]


def _output(name: str, node: Node, file: str, environment: Mapping[str, str] | None) -> Output:
    where = f"{SECTION}.{name}"
    if not name or len(name) > 200 or not name.isprintable():
        raise InputError("this is no name for an output", file=file, line=node.line, field=SECTION, code=CODE)
    options = Options(
        _mapping(node, file, where), node, file, where, os.environ if environment is None else environment
    )
    wanted = options.text("kind")
    if wanted not in kind_names():
        options.wrong("kind", f"there is no kind '{wanted}'", near(wanted, set(kind_names())))
    made = Output(
        name=name,
        kind=wanted,
        sender=kind(wanted).make(options),
        only={
            one: frozenset(text.lower() for text in options.nodes("only", values))
            for one, values in options.mapping("only").items()
        },
        fields=options.texts("fields") if options.has("fields") else None,
        suppressed=options.flag("suppressed"),
        attempts=options.number("attempts", ATTEMPTS, 1, 1000),
    )
    options.done()
    return made


def _mapping(node: Node, file: str, where: str) -> dict[str, Node]:
    if not isinstance(node.value, dict):
        raise InputError("a mapping is wanted here", file=file, line=node.line, field=where, code=CODE)
    if node.repeated:
        name, line = node.repeated[0]
        raise InputError(f"'{name}' is there twice", file=file, line=line, field=where, code=CODE)
    return node.value
