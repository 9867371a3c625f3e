"""What a case file says to its reader: the rules at its head, and the sentences within a case."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from tests import casefile

_FENCE = re.compile(r"^(`{3,}|~{3,})[ \t]*(.*)$")
_LEAD = re.compile(
    r"(?:Also (?:`\w+`|, | and |\.)+\s*)?(?:Rules )?\((?:Splunk|[A-Z][\w ]+)[:,][^)]*\):\s*|Splunk: [^.]*\.\s*"
)
_ALSO = re.compile(r"Also (?:`\w+`|, | and )+\.\s*")
DIFFERENCES = "Differences:"


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a page, after its synopsis: paragraphs and lists as they are written."""

    synopsis: str
    rules: tuple[str, ...]
    differences: tuple[str, ...]


@cache
def cases(path: Path) -> Sequence[casefile.Case]:
    """The cases of a page."""
    return casefile.read(path).cases


@cache
def title(path: Path) -> str:
    return casefile.read(path).title


@cache
def head(path: Path) -> Head:
    """The head of a page."""
    synopsis: list[str] = []
    rules: list[str] = []
    differences: list[str] = []
    for kind, text in _parts(path, 0):
        if kind:
            if kind == "text":
                synopsis.append(text)
            elif rules and rules[-1].endswith(":"):
                rules.pop()  # it introduces an input block
            continue
        for paragraph in re.split(r"\n\s*\n", text.strip()):
            if not paragraph or paragraph.startswith("# "):
                continue
            said = _ALSO.sub("", _LEAD.sub("", paragraph, count=1)).strip()
            if said.startswith(DIFFERENCES):
                differences.append(said.removeprefix(DIFFERENCES).strip())
            elif (said and synopsis) or (said and said != paragraph.strip()):
                rules.append(said)
    return Head("\n".join(synopsis), tuple(rules), tuple(differences))


def prose_of(case: casefile.Case) -> str:
    """The sentences within a case."""
    return "\n".join(text.strip() for kind, text in _parts(case.file, case.line) if not kind and text.strip())


def settings_of(case: casefile.Case) -> str:
    """The settings of a case as they are written: those of the page, then its own."""
    texts = [text for start in (0, case.line) for kind, text in _parts(case.file, start) if kind == "yaml"]
    lines = [line for text in texts for line in text.split("\n") if not _UNSEEN.match(line)]
    keys = [line.partition(":")[0] for line in lines if line[:1].isalpha()]
    if len(keys) == len(set(keys)):
        return "\n".join(lines).strip()
    shown = {name: value for name, value in case.settings.items() if not _UNSEEN.match(f"{name}:")}
    written: str = yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=100)
    return written.strip()


_UNSEEN = re.compile(r"(store|folder):")
"""Settings that are about how a case is run."""


def _parts(path: Path, start: int) -> Iterator[tuple[str, str]]:
    """From a line (0-based) to the next `## `: ("", prose) and (word of the fence, its text)."""
    lines = _lines(path)
    prose: list[str] = []
    index = start
    while index < len(lines) and not lines[index].startswith("## "):
        fence = _FENCE.match(lines[index])
        if fence is None:
            prose.append(lines[index])
            index += 1
            continue
        yield "", "\n".join(prose)
        prose = []
        end = next((at for at in range(index + 1, len(lines)) if lines[at].strip() == fence.group(1)), len(lines))
        yield (fence.group(2).split() or ["-"])[0], "\n".join(lines[index + 1 : end])
        index = end + 1
    yield "", "\n".join(prose)


@cache
def _lines(path: Path) -> Sequence[str]:
    return path.read_text(encoding="utf-8").split("\n")
