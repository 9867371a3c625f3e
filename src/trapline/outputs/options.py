"""The settings of one output, read by its kind: each asked for by name, what nobody asked for is an error.

Secrets come from environment variables, written `${NAME}`; a secret in the file itself is an error, and an error never
shows the text of a setting that may hold one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

from trapline.content.yamlfile import Node
from trapline.errors import InputError

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
CODE = "outputs"


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that shows nowhere."""

    _text: str = field(repr=False)

    def reveal(self) -> str:
        return self._text

    def __str__(self) -> str:
        return "***"

    def __repr__(self) -> str:
        return "Secret(***)"

    def __format__(self, spec: str) -> str:
        return "***"


@dataclass(slots=True)
class Options:
    """The settings of one output. `where`: their place in the file, for errors."""

    given: Mapping[str, Node]
    node: Node
    file: str
    where: str
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    asked: set[str] = field(default_factory=set)

    def has(self, name: str) -> bool:
        self.asked.add(name)
        return name in self.given

    def text(self, name: str, default: str | None = None) -> str:
        """A single text, its variables filled in. Without a default it has to be there."""
        if not self.has(name):
            return self.missing(name) if default is None else default
        return self._filled(name, self._scalar(name, self.given[name]))

    def texts(self, name: str) -> tuple[str, ...]:
        """One or more texts."""
        if not self.has(name):
            self.missing(name)
        node = self.given[name]
        many = node.value if isinstance(node.value, list) else [node]
        found = tuple(self._filled(name, self._scalar(name, one)) for one in many)
        return found or self.wrong(name, "the list is empty")

    def secret(self, name: str) -> Secret | None:
        """A secret; None where it is not there. Raises InputError where it is in the file itself."""
        if not self.has(name):
            return None
        written = self._scalar(name, self.given[name])
        if not _VARIABLE.search(written):
            self.wrong(name, "a secret does not belong in this file", f'write {name}: "${{NAME_OF_A_VARIABLE}}"')
        filled = self._filled(name, written)
        if not filled.isprintable() or not filled.isascii():
            self.wrong(name, "the variable holds more than printable ASCII")
        return Secret(filled)

    def choice(self, name: str, known: Sequence[str], default: str) -> str:
        text = self.text(name, default)
        return text if text in known else self.wrong(name, f"'{text}' is none of {', '.join(known)}")

    def number(self, name: str, default: int, least: int, most: int) -> int:
        text = self.text(name, str(default))
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and least <= int(text) <= most):
            self.wrong(name, f"a number from {least} to {most} is wanted here")
        return int(text)

    def flag(self, name: str, default: bool = False) -> bool:
        text = self.text(name, str(default)).lower()
        if text not in ("true", "false"):
            self.wrong(name, "true or false is wanted here")
        return text == "true"

    def path(self, name: str) -> Path:
        """A file, from the folder of the settings where it is relative."""
        text = self.text(name)
        if "\0" in text or not text:
            self.wrong(name, "this is no file name")
        return Path(self.file).parent / Path(text).expanduser()

    def mapping(self, name: str) -> Mapping[str, Node]:
        if not self.has(name):
            return {}
        value = self.given[name].value
        return value if isinstance(value, dict) else self.wrong(name, "a mapping is wanted here")

    def nodes(self, name: str, node: Node) -> tuple[str, ...]:
        """The texts of a node below the setting `name`."""
        many = node.value if isinstance(node.value, list) else [node]
        return tuple(self._filled(name, self._scalar(name, one)) for one in many)

    def done(self) -> None:
        """Every setting was asked for. Raises InputError for one that was not."""
        for name, node in self.given.items():
            if name not in self.asked:
                self._fail(node, name, f"there is no setting '{name}'", near(name, self.asked))

    def missing(self, name: str) -> NoReturn:
        self._fail(self.node, "", f"the setting '{name}' is missing", None)

    def wrong(self, name: str, reason: str, hint: str | None = None) -> NoReturn:
        self._fail(self.given.get(name, self.node), name, reason, hint)

    def _scalar(self, name: str, node: Node) -> str:
        if isinstance(node.value, str):
            return node.value
        return self._fail(node, name, "a single value is wanted here", None)

    def _filled(self, name: str, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            variable = match[1]
            if _NAME.match(variable) is None:
                self.wrong(name, "this is no name of an environment variable", "write ${NAME}")
            found = self.environment.get(variable)
            if not found:
                self.wrong(name, f"the environment variable {variable} is not set", f"export {variable}=...")
            return found

        return _VARIABLE.sub(value, text)

    def _fail(self, node: Node, name: str, reason: str, hint: str | None) -> NoReturn:
        place = f"{self.where}.{name}" if name else self.where
        raise InputError(reason, file=self.file, line=node.line, field=place, hint=hint, code=CODE)


def near(name: str, known: Iterable[str]) -> str:
    """A hint for a name that does not exist."""
    names = sorted(known)
    close = get_close_matches(name, names, 1)
    return f"did you mean '{close[0]}'?" if close else f"there are: {', '.join(names[:12])}"
