"""Filter macros with further lines, as a unified diff of the user's own files. Nothing is ever written to these.

A macro that a file of the user defines is changed there, in its YAML or in its stanza of macros.conf, and the rest of
the file stays as it is. One that no file of the user defines is a new stanza: of the macros.conf that the user gave,
else of a new one.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from trapline.content.catalog import Content
from trapline.content.read import LIBRARY
from trapline.content.yamlfile import parse
from trapline.errors import TraplineError, Warn

NEW = "macros.conf"
"""The file that is made where the user has none."""
_KEY = re.compile(r"[^\s#-][^:]*:(\s|\Z)")


def diff(content: Content, wanted: Mapping[str, str], macros: Sequence[str | Path] = ()) -> tuple[str, list[Warn]]:
    """The change of files that defines filter macros, by name, as wanted; and those that could not be put into one.
    `macros`: the user's own macro files, as given. An upstream tree that is a content folder counts as the user's."""
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    warnings: list[Warn] = []
    for name, definition in wanted.items():
        file = _file(content, name, macros)
        if file not in before:
            text = _read(file)
            if text is None:
                warnings.append(
                    Warn("forecast.patch", f"the macro {name} is in a file that cannot be read", None, file)
                )
                continue
            before[file] = after[file] = text
        changed = _changed(after[file], file, name, definition)
        if changed is None:
            hint = f"put this into its place by hand: {definition}"
            warnings.append(Warn("forecast.patch", f"the definition of {name} was not found in its file", hint, file))
        else:
            after[file] = changed
    parts = [_diff(file, before[file], after[file]) for file in sorted(before)]
    return "".join(parts), warnings


def _file(content: Content, name: str, macros: Sequence[str | Path]) -> str:
    known = content.macro_defs.get(name)
    if known is not None and known.file and not Path(known.file).resolve().is_relative_to(LIBRARY.resolve()):
        return known.file
    own = [Path(one) for one in macros]
    given = [one for one in own if one.suffix == ".conf" and one.is_file()]
    inside = [one / NEW for one in own if one.is_dir() and (one / NEW).is_file()]
    return str((given or inside or [Path(NEW)])[-1])


def _read(file: str) -> str | None:
    path = Path(file)
    if not path.exists():
        return ""
    try:
        # Line ends stay as they are: a patch of other ones does not apply.
        with path.open(encoding="utf-8", newline="") as opened:
            return opened.read()
    except (OSError, UnicodeDecodeError):
        return None


def _changed(text: str, file: str, name: str, definition: str) -> str | None:
    if file.endswith((".yml", ".yaml")):
        return _in_yaml(text, file, name, definition)
    return _in_conf(text, name, definition)


def _in_yaml(text: str, file: str, name: str, definition: str) -> str | None:
    """The text with another value for `definition`, of the document that is this macro."""
    rows = text.splitlines(keepends=True)
    try:
        documents = parse(text, file)
    except TraplineError:
        return None
    for one in documents:
        keys = one.value
        if not isinstance(keys, dict) or "definition" not in keys or "name" not in keys or keys["name"].value != name:
            continue
        # A block text begins a line or more below its key.
        at = keys["definition"].line - 1
        while at >= 0 and re.match(r"definition\s*:", rows[at]) is None:
            at -= 1
        if at < 0:
            return None
        end = at + 1
        while end < len(rows) and (rows[end][:1] in (" ", "\t") or not rows[end].strip()):
            end += 1
        while end > at + 1 and not rows[end - 1].strip():
            end -= 1
        quoted = definition.replace("'", "''")
        made = f"definition: '{quoted}'{_ending(rows[at])}"
        done = "".join([*rows[:at], made, *rows[end:]])
        return done if _reads(done, file, name, definition) else None
    return None


def _reads(text: str, file: str, name: str, definition: str) -> bool:
    """Whether the macro of a changed file has the definition that was wanted."""
    try:
        documents = [one.plain() for one in parse(text, file)]
    except TraplineError:
        return False
    return any(
        isinstance(one, dict) and (one.get("name"), one.get("definition")) == (name, definition) for one in documents
    )


def _in_conf(text: str, name: str, definition: str) -> str:
    """The text with another definition in a stanza, which is added where it is missing."""
    rows = text.splitlines(keepends=True)
    ending = _ending(rows[0]) if rows else "\n"
    made = "definition = " + definition.replace("\n", "\\" + ending) + ending
    starts = [at for at, row in enumerate(rows) if row.strip() == f"[{name}]"]
    if not starts:
        gap = [ending] if rows and rows[-1].strip() else []
        last = [] if not rows or rows[-1].endswith(("\n", "\r")) else [ending]
        return "".join([*rows, *last, *gap, f"[{name}]{ending}", made])
    start = starts[-1]
    stop = next((at for at in range(start + 1, len(rows)) if rows[at].lstrip().startswith("[")), len(rows))
    for at in range(start + 1, stop):
        if re.match(r"\s*definition\s*=", rows[at]):
            end = at
            while end < len(rows) - 1 and rows[end].rstrip("\r\n").endswith("\\"):
                end += 1
            return "".join([*rows[:at], made, *rows[end + 1 :]])
    return "".join([*rows[: start + 1], made, *rows[start + 1 :]])


def _ending(row: str) -> str:
    return "\r\n" if row.endswith("\r\n") else "\n"


def _diff(file: str, before: str, after: str) -> str:
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    name = Path(file).as_posix()
    there = Path(file).exists()
    first = ("a/" + name.lstrip("/")) if there else "/dev/null"
    out = []
    for line in difflib.unified_diff(old, new, first, "b/" + name.lstrip("/"), n=3):
        out.append(line)
        if not line.endswith("\n"):
            out.append("\n\\ No newline at end of file\n")
    return "".join(out)
