r"""PCRE's spellings in those of Python's `regex` package, which has some of them otherwise or not at all.

Source: pcrepattern(3): flags hold from where they stand to the end of their group, also in its other branches; a name
may stand twice only after (?J) or in branches of (?|...); an unknown letter after a backslash is itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from trapline.errors import SplError

VERTICAL = r"\n\x0b\f\r\x85\u2028\u2029"
r"""What \v is, for a class of `regex`."""
HORIZONTAL = r"\t\x20\xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000"
r"""What \h is."""
_NOT_VERTICAL = r"\x00-\x09\x0e-\x84\x86-\u2027\u202a-\U0010ffff"
_NOT_HORIZONTAL = (
    r"\x00-\x08\x0a-\x1f\x21-\x9f\xa1-\u167f\u1681-\u180d\u180f-\u1fff\u200b-\u202e\u2030-\u205e\u2060-\u2fff"
    r"\u3001-\U0010ffff"
)
_SETS = {"v": VERTICAL, "V": _NOT_VERTICAL, "h": HORIZONTAL, "H": _NOT_HORIZONTAL}
_OTHERWISE = {"z": r"\Z", "Z": r"(?=\n?\Z)", "N": r"[^\n]", "e": r"\x1b"}
_LITERAL = frozenset("FiIjJmMOqTyY")
"""Letters that mean nothing after a backslash."""
_REFUSED = {
    "C": (r"\C, one byte of a character, is not supported", "a dot is one character"),
    "L": (r"PCRE has no \L in a regular expression", "write the letters in a class, or (?i)"),
    "l": (r"PCRE has no \l in a regular expression", "write the letters in a class, or (?i)"),
    "U": (r"PCRE has no \U in a regular expression", r"\x{202E} is a character by its code"),
    "u": (r"PCRE has no \u in a regular expression", r"\x{202E} is a character by its code"),
}

CODE = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}|\\o\{([0-7]{1,7})\}")
REPEAT = re.compile(r"\{(\d+)(?:,(\d*))?\}")
VERBS = re.compile(r"\(\*([A-Z][A-Z0-9_]*)(?:=\d+)?(?::[^)]*)?\)")
_SHORT_CODE = re.compile(r"\\x([0-9A-Fa-f]{0,2})")
_PROPERTY = re.compile(r"\\[pPX](?:\{[^}]*\}|[A-Za-z])?")
_REFERENCE = re.compile(r"\\g([1-9]\d?)|\\g\{([+-]?\w+)\}|\\k<(\w+)>|\\k\{(\w+)\}|\\k'(\w+)'")
_NAMED = re.compile(r"\(\?(?:P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')")
_FLAGS = re.compile(r"\(\?([imsxUJ]*)(?:-([imsxUJ]*))?([:)])")
_NO_FLAGS = re.compile(r"\(\?([A-Za-z][A-Za-z-]*)[:)]")
_CONDITION = re.compile(r"\(\?\((?:<(\w+)>|'(\w+)'|(\w+))\)")
_COMMENT = re.compile(r"\(\?#[^)]*\)")
_KEPT_VERBS = frozenset({"SKIP", "PRUNE", "FAIL", "F"})
_IGNORED_VERBS = frozenset({"UTF", "UTF8", "UCP", "LF", "NO_START_OPT", "NO_AUTO_POSSESS", "BSR_UNICODE"})
"""What (*UCP) asks for is done by the flags that the pattern is compiled with."""
_NEWLINES = frozenset({"CR", "CRLF", "ANYCRLF", "ANY", "BSR_ANYCRLF"})


@dataclass(slots=True)
class _Group:
    """A group that is open. `scopes`: flags set inside of it, each of which stands as a group of its own in the result.
    `path`: the branches that lead here, as (group, branch)."""

    number: int
    ungreedy: bool
    extended: bool
    path: tuple[tuple[int, int], ...] = ()
    branch: int = 0
    scopes: list[str] = field(default_factory=list)

    def inside(self) -> tuple[tuple[int, int], ...]:
        return (*self.path, (self.number, self.branch))


def for_regex(source: str) -> str:
    """The pattern for regex.compile(..., VERSION0). Raises SplError for what `regex` lacks and what PCRE refuses; other
    mistakes are left for the compiler to find."""
    return _Translation(source).run()


class _Translation:
    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.out: list[str] = []
        self.groups = 0
        self.open = [_Group(0, False, False)]
        self.duplicates = False
        self.names: dict[str, list[tuple[tuple[int, int], ...]]] = {}
        self.resets: set[int] = set()

    def run(self) -> str:
        while self.at < len(self.source):
            self._next()
        self.out.append(")" * len(self.open[0].scopes))
        return "".join(self.out)

    def _put(self, text: str, length: int) -> None:
        self.out.append(text)
        self.at += length

    def _next(self) -> None:
        source, at, group = self.source, self.at, self.open[-1]
        match source[at]:
            case "\\":
                self._escape(in_class=False)
            case "[":
                self._class()
            case "(":
                self._opening()
            case ")":
                scopes = group.scopes
                if len(self.open) > 1:
                    self.open.pop()
                else:
                    scopes.clear()  # one too many: the compiler says so
                self._put(")" * (len(scopes) + 1), 1)
            case "|":
                group.branch += 1
                self._put(")" * len(group.scopes) + "|" + "".join(group.scopes), 1)
            case "#" if group.extended:
                end = source.find("\n", at)
                self._put("", (len(source) if end < 0 else end) - at)
            case "*" | "+" | "?":
                self._repeat(1)
            case "{":
                found = REPEAT.match(source, at)
                if found is None:
                    self._put("\\{", 1)
                else:
                    self._repeat(found.end() - at)
            case char:
                self._put(char, 1)

    def _repeat(self, length: int) -> None:
        text = self.source[self.at : self.at + length]
        after = self.source[self.at + length : self.at + length + 1]
        if after == "+":
            self._put(text + "+", length + 1)
        elif (after == "?") != self.open[-1].ungreedy:
            self._put(text + "?", length + (after == "?"))
        else:
            self._put(text, length + (after == "?"))

    def _escape(self, *, in_class: bool) -> None:
        source, at = self.source, self.at
        letter = source[at + 1 : at + 2]
        if letter == "Q":
            end = source.find("\\E", at)
            end = len(source) if end < 0 else end
            self._put(re.escape(source[at + 2 : end]), end + 2 - at)
        elif letter == "E":
            self._put("", 2)
        elif letter in ("x", "o"):
            self._code()
        elif letter and letter in "gk" and not in_class and (found := _REFERENCE.match(source, at)):
            name = next(part for part in found.groups() if part is not None)
            if name[0] in "+-":
                raise _refused(f"the relative reference \\g{{{name}}} is not supported", "number it")
            self._put(f"(?:\\{name})" if name.isdecimal() else f"(?P={name})", found.end() - at)
        elif letter and letter in "pPX":
            found = _PROPERTY.match(source, at)
            assert found is not None
            if letter in "pP" and len(found.group()) == 2:
                raise _refused(f"\\{letter} needs the name of a property after it", r"\p{L}, \P{Lu} or \pL")
            self._put(found.group(), found.end() - at)
        elif letter == "c":
            char = source[at + 2 : at + 3]
            if not char or not " " <= char <= "~":
                raise _refused(r"\c needs a character after it", r"\cA is the character with the code 1")
            self._put(f"\\x{ord(char.upper()) ^ 64:02x}", 3)
        elif letter in _SETS:
            self._put(_SETS[letter] if in_class else f"[{_SETS[letter]}]", 2)
        elif letter in _REFUSED:
            raise _refused(*_REFUSED[letter])
        elif letter in _LITERAL:
            self._put(letter, 2)
        elif letter == "e" or (letter in _OTHERWISE and not in_class):
            self._put(_OTHERWISE[letter], 2)
        else:
            self._put(f"\\{letter}", 1 + len(letter))

    def _code(self) -> None:
        found = CODE.match(self.source, self.at)
        if found is None:
            short = _SHORT_CODE.match(self.source, self.at)
            braced = self.source.startswith("{", self.at + 2)
            if short is None or braced:
                self._put(self.source[self.at : self.at + 2], 2)
            else:
                self._put(f"\\x{int(short[1] or '0', 16):02x}", short.end() - self.at)
            return
        point = int(found[1], 16) if found[1] is not None else int(found[2], 8)
        if point > 0x10FFFF:
            raise _refused(f"'{found.group()}' is not a regular expression: there is no such character", None)
        self._put(f"\\U{point:08x}", found.end() - self.at)

    def _class(self) -> None:
        source = self.source
        self._put("[", 1)
        if source.startswith("^", self.at):
            self._put("^", 1)
        if source.startswith("]", self.at):
            self._put("\\]", 1)
        while self.at < len(source):
            match source[self.at]:
                case "]":
                    self._put("]", 1)
                    return
                case "\\":
                    self._escape(in_class=True)
                case "[" if source.startswith("[:", self.at) and (end := source.find(":]", self.at)) > 0:
                    self._put(source[self.at : end + 2], end + 2 - self.at)
                case "[":
                    self._put("\\[", 1)
                case char:
                    self._put(char, 1)

    def _opening(self) -> None:
        source, at, group = self.source, self.at, self.open[-1]
        if found := VERBS.match(source, at):
            self._verb(found)
        elif found := _COMMENT.match(source, at):
            self._put("", found.end() - at)
        elif found := _NAMED.match(source, at):
            name = found[1] or found[2]
            self._name(name, group)
            self._enter(f"(?<{name}>", found.end() - at)
        elif found := _CONDITION.match(source, at):
            self._enter(f"(?({found[1] or found[2] or found[3]})", found.end() - at)
        elif found := _FLAGS.match(source, at):
            self._flags(found)
        elif (found := _NO_FLAGS.match(source, at)) and found[1] != "R":
            raise _refused(f"PCRE has no {found.group()}", "the flags are i, m, s, x, U and J")
        elif source.startswith("(?|", at):
            self._enter("(?|", 3, reset=True)
        elif source.startswith("(?", at):
            self._enter("(?", 2)
        else:
            self._enter("(", 1)

    def _enter(self, text: str, length: int, *, reset: bool = False) -> None:
        group = self.open[-1]
        self.groups += 1
        if reset:
            self.resets.add(self.groups)
        self.open.append(_Group(self.groups, group.ungreedy, group.extended, group.inside()))
        self._put(text, length)

    def _name(self, name: str, group: _Group) -> None:
        """Raises SplError for a name that is there already, unless (?J) or (?|...) allow it and the groups exclude each
        other: then its value is that of the one that took part."""
        place = group.inside()
        for other in self.names.get(name, ()):
            one, two = next((pair for pair in zip(other, place, strict=False) if pair[0] != pair[1]), ((0, 0), (1, 0)))
            exclusive = one[0] == two[0]
            if exclusive and (self.duplicates or one[0] in self.resets):
                continue
            raise _refused(
                f"two groups of the regular expression have the name '{name}'",
                "give each its own name"
                + (" and coalesce() them, or put (?J) in front" if exclusive and not self.duplicates else ""),
            )
        self.names.setdefault(name, []).append(place)

    def _flags(self, found: re.Match[str]) -> None:
        on, off, end = found[1], found[2] or "", found[3]
        self.duplicates = self.duplicates or "J" in on
        plain, minus = (re.sub("[UJ]", "", letters) for letters in (on, off))
        length = found.end() - self.at
        flags = plain + (f"-{minus}" if minus else "")
        first = not any(self.out)
        if end == ":":
            self._enter(f"(?{flags}:", length)
        elif not flags:
            self._put("", length)
        elif first and not minus:
            self._put(f"(?{flags})", length)
        else:
            self.open[-1].scopes.append(f"(?{flags}:")
            self._put(f"(?{flags}:", length)
        group = self.open[-1]
        group.ungreedy = (group.ungreedy or "U" in on) and "U" not in off
        group.extended = (group.extended or "x" in on) and "x" not in off

    def _verb(self, found: re.Match[str]) -> None:
        name = found[1]
        length = found.end() - self.at
        if name in _KEPT_VERBS and ":" not in found.group():
            self._put(found.group(), length)
        elif name in _IGNORED_VERBS and not any(self.out):
            self._put("", length)
        elif name in _NEWLINES:
            raise _refused(
                f"(*{name}), which changes what a line end is, is not supported",
                r"a line ends at \n; \R is any line end",
            )
        else:
            raise _refused(f"(*{name}) is not supported in a regular expression", None)


def _refused(reason: str, hint: str | None) -> SplError:
    return SplError(reason, hint=hint, code="regex")
