"""The ignore list of a content folder, `trapline-validate.yml`: findings that were looked at and are to stay.

Every entry names a rule, what it is ignored for, who answers for it and why; `until` ends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

from trapline.content import yamlfile
from trapline.content.fields import Fields
from trapline.content.model import Level as ReadLevel
from trapline.content.model import Problem
from trapline.errors import InputError
from trapline.validate.finding import Finding

NAME = "trapline-validate.yml"


@dataclass(frozen=True, slots=True)
class Ignore:
    """`paths`: patterns of files, relative to the folder (`detections/endpoint/*`); `names`: of objects. One that is
    empty stands for all. `field`: the beginning of the field's path."""

    rule: str
    paths: tuple[str, ...]
    names: tuple[str, ...]
    field: str
    owner: str
    reason: str
    until: date | None
    root: Path
    file: str
    line: int

    def holds(self, today: date) -> bool:
        """`until` is the last day on which the entry ignores anything."""
        return self.until is None or self.until >= today


def read(root: Path) -> list[Ignore]:
    """The entries of a folder's list; none where it has no list. Raises InputError."""
    path = root / NAME
    if not path.is_file():
        return []
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", file=str(path), code="validate.ignore") from None
    problems: list[Problem] = []
    found = []
    for node in yamlfile.parse(text, str(path)):
        keys = Fields(node, str(path), problems)
        if not isinstance(node.value, dict):
            raise InputError("the list is a mapping with the key 'ignore'", file=str(path), line=1, code="shape")
        for entry in keys.children("ignore"):
            one = Ignore(
                rule=entry.need("rule", hint="the rule as the finding names it").strip().lower(),
                paths=entry.texts("file"),
                names=tuple(name.lower() for name in entry.texts("name")),
                field=entry.text("field"),
                owner=entry.need("owner", hint="who answers for it"),
                reason=entry.need("reason", hint="why it may stay"),
                until=entry.day("until"),
                root=root,
                file=str(path),
                line=entry.node.line,
            )
            entry.unknown()
            found.append(one)
        keys.unknown()
    wrong = next((one for one in problems if one.level is ReadLevel.ERROR), problems[0] if problems else None)
    if wrong is not None:
        raise wrong.to_error()
    return found


def covers(one: Ignore, finding: Finding) -> bool:
    """Is a finding one that an entry ignores?"""
    if finding.rule != one.rule and not finding.rule.startswith(f"{one.rule}."):
        return False
    if one.field and not finding.field.startswith(one.field):
        return False
    if one.names and finding.name.lower() not in one.names:
        return False
    if not one.paths:
        return True
    try:
        path = Path(finding.file).resolve().relative_to(one.root.resolve()).as_posix()
    except ValueError:
        return False
    return any(fnmatchcase(path, pattern) for pattern in one.paths)


def read_all(roots: Sequence[Path]) -> list[Ignore]:
    """The lists of several folders."""
    return [entry for root in roots for entry in read(root)]
