"""Two searches compared as what they say: comments and blanks do not count, each stage is looked at for itself."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trapline.content.catalog import calls
from trapline.errors import SplError
from trapline.spl.scan import end_of_quote, split_pipes, strip_comments

_BLANKS = re.compile(r"\s+")
_AROUND = re.compile(r" ?([=,()<>!\[\]|]) ?")


@dataclass(frozen=True, slots=True)
class StageLine:
    """A stage in both searches (` `), in the old one only (`-`) or in the new one only (`+`)."""

    mark: str
    text: str
    first: bool = False
    """It begins its search: no pipe stands before it."""


def stages(search: str) -> list[str]:
    """The stages for reading: without comments, each on one line, the first without its pipe."""
    try:
        text = strip_comments(search)
    except SplError:
        text = search
    masked = text
    for call in calls(text):  # a pipe in the argument of a macro ends no stage
        masked = masked[: call.start] + "-" * (call.end - call.start) + masked[call.end :]
    try:
        spans = split_pipes(masked, 0, len(masked))
    except SplError:
        return [_BLANKS.sub(" ", text).strip()]
    found = [_collapse(text[span.start : span.end]) for span in spans]
    # A search that begins with a pipe has an empty stage before it.
    return found[1:] if len(found) > 1 and not found[0] else found


def canonical(search: str) -> tuple[str, ...]:
    """The stages as they are compared: also without blanks around = , ( ) and the like, outside of quotes."""
    return tuple(_canonical(stage) for stage in stages(search))


def _canonical(stage: str) -> str:
    return "".join(part if quoted else _AROUND.sub(r"\1", part) for part, quoted in _parts(stage)).strip()


def _collapse(text: str) -> str:
    return "".join(part if quoted else _BLANKS.sub(" ", part) for part, quoted in _parts(text)).strip()


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces: outside of quotes, and quoted strings."""
    at = start = 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text[at] == '"':
            try:
                end = end_of_quote(text, at)
            except SplError:
                break
            yield text[start:at], False
            yield text[at:end], True
            at = start = end
        else:
            at += 1
    yield text[start:], False


def compare(old: str, new: str) -> list[StageLine]:
    """All stages of both, in order, with what is old and what is new; [] when both say the same."""
    before, after = canonical(old), canonical(new)
    if before == after:
        return []
    shown_before, shown_after = stages(old), stages(new)
    out: list[StageLine] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, first, last, start, end in matcher.get_opcodes():
        if tag == "equal":
            out += _lines(" ", shown_after[start:end], start == 0 and not new.startswith("|"))
            continue
        out += _lines("-", shown_before[first:last], first == 0 and not old.startswith("|"))
        out += _lines("+", shown_after[start:end], start == 0 and not new.startswith("|"))
    return out


def _lines(mark: str, texts: Sequence[str], first: bool) -> list[StageLine]:
    return [StageLine(mark, text, first and at == 0) for at, text in enumerate(texts)]
