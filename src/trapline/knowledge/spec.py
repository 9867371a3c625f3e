"""To which events a stanza of props.conf applies, and which of several wins.

Source: props.conf.spec, "[<spec>]", "stanza precedence", "stanza patterns", "pattern collisions", "Case-sensitivity for
[<spec>] stanza matching", "Building the final [<spec>] stanza".

- `[<sourcetype>]`, `[host::<pattern>]`, `[source::<pattern>]`; for one key, source:: beats host:: beats a sourcetype,
  whatever their `priority`. `[default]` is the weakest.
- Among stanzas of one type the higher `priority` wins (a literal has 100 by default, a pattern 0), then the lower name
  in ASCII order.
- A pattern is a regular expression for the whole value in which `...` stands for any text, `*` for any text without
  a path separator, `.` for itself. The separator is `/`, as on any Splunk that does not run on Windows.
- host:: ignores letter case unless the pattern starts with `(?-i)`; the others obey it unless it starts with `(?i)`.
- A sourcetype is literal, unless it starts with `(?i)` or with `(?::){0}`, the known way to make it a pattern.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from trapline import pcre
from trapline.errors import SplError
from trapline.knowledge.conf import DEFAULT, Setting
from trapline.plan import TRUE, Col, Expr, call, text
from trapline.values import Kind


class By(IntEnum):
    """What a stanza goes by, the strongest first."""

    SOURCE = 0
    HOST = 1
    SOURCETYPE = 2
    ALL = 3


_COLUMN = {By.SOURCE: "source", By.HOST: "host", By.SOURCETYPE: "sourcetype"}
_UNUSED = ("rule::", "delayedrule::")
_SPECIAL = re.compile(r"[*()|?+\[\]{}^$\\]|\.\.\.")
_WILDCARD = re.compile(r"\.\.\.|\*|\.|\\.|[^.*\\]+|\\", re.DOTALL)
_TRICK = "(?::){0}"
_LIST = re.compile(r"(?:[^*()|?+\[\]{}^$\\]|\([^*()?+\[\]{}^$\\]*\))+\Z")
_GROUPS = re.compile(r"(\([^()]*\))")
_MOST = 16


@dataclass(frozen=True, slots=True)
class Spec:
    """A stanza name, read. `literals`: the values that it stands for; else `pattern`, a regular expression for the
    whole value. `fold`: letter case is ignored (literals are then in lower case)."""

    name: str
    by: By
    priority: float
    literals: tuple[str, ...] = ()
    pattern: str | None = None
    fold: bool = False

    @property
    def rank(self) -> tuple[int, float, str]:
        """Sorts the strongest first."""
        return self.by, -self.priority, self.name

    def matches(self, value: str) -> bool:
        """Does it apply to events with this value of what it goes by?"""
        if self.by is By.ALL:
            return True
        if self.pattern is None:
            return (value.lower() if self.fold else value) in self.literals
        try:
            return pcre.python_pattern(self.pattern).search(value, timeout=pcre.SECONDS) is not None
        except pcre.GAVE_UP as error:
            raise pcre.gave_up(self.pattern, error) from None

    def predicate(self) -> Expr:
        """The same as an expression over events."""
        if self.by is By.ALL:
            return TRUE
        column: Expr = Col(_COLUMN[self.by], Kind.TEXT)
        if self.pattern is not None:
            return call("regex_match", Kind.BOOL, column, text(self.pattern))
        subject = call("lower", Kind.TEXT, column) if self.fold else column
        if len(self.literals) == 1:
            return call("eq", Kind.BOOL, subject, text(self.literals[0]))
        return call("in", Kind.BOOL, subject, *map(text, self.literals))


def read_spec(name: str, priority: Setting | None = None) -> Spec | None:
    """The meaning of a stanza name, None where it is not about search time. Raises SplError for a bad pattern or
    priority."""
    if name == DEFAULT:
        return Spec(name, By.ALL, 0)
    if name.startswith(_UNUSED):
        return None
    by, value = By.SOURCETYPE, name
    for prefix, kind in (("source::", By.SOURCE), ("host::", By.HOST)):
        if name.startswith(prefix):
            by, value = kind, name[len(prefix) :]
    fold = by is By.HOST
    wild = by is not By.SOURCETYPE
    while value.startswith(("(?i)", "(?-i)", _TRICK)):
        if value.startswith(_TRICK):
            wild, value = True, value[len(_TRICK) :]
        else:
            fold = value.startswith("(?i)")
            value = value.partition(")")[2]
    literals: tuple[str, ...] = (value,)
    pattern: str | None = None
    rank = 100.0
    if wild and _SPECIAL.search(value):
        rank = 0.0
        literals = _alternatives(value) if _LIST.match(value) and "..." not in value else ()
        if not literals:
            pattern = ("(?i)" if fold else "") + f"^(?:{_translate(value)})\\z"
            pcre.check(pattern)
    if fold:
        literals = tuple(one.lower() for one in literals)
    if priority is not None:
        try:
            rank = float(priority.value)
        except ValueError:
            raise SplError(f"priority takes a number, not '{priority.value[:40]}'", code="conf") from None
    return Spec(name, by, rank, tuple(dict.fromkeys(literals)), pattern, fold)


def _alternatives(value: str) -> tuple[str, ...]:
    """The values that a pattern of literals and `(a|b)` stands for, none if there are many: plain comparisons are
    faster than a regular expression, and files can be skipped by them."""
    values = [""]
    for part in _GROUPS.split(value):
        choices = part[1:-1].split("|") if part.startswith("(") else [part]
        values = [one + choice for one in values for choice in choices]
        if len(values) > _MOST:
            return ()
    return tuple(values)


def _translate(value: str) -> str:
    return "".join({"...": ".*", "*": "[^/]*", ".": r"\."}.get(piece, piece) for piece in _WILDCARD.findall(value))
