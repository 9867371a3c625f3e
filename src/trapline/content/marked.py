"""The warning that stands before the description of what is experimental or deprecated, in the apps that ship it."""

from __future__ import annotations

import re

from trapline.content.model import Status

_DOUBTS = {
    Status.EXPERIMENTAL: "its search was tried by hand, but there is no recorded data to test it with again and again",
    Status.DEPRECATED: "it is maintained no more and will be removed",
}
_MARK = re.compile(r"\*\*WARNING\*\*[:,] this [a-z ]{3,30} (?:is|has been) marked \*\*(EXPERIMENTAL|DEPRECATED)\*\*")
_THEIRS = re.compile(r" by the [^\n]{1,600}?research@splunk\.com\.?\s*")
"""How the warning of contentctl goes on."""


def mark(description: str, status: Status, kind: str) -> str:
    """The description, with the warning where the status asks for one. `kind`: what it is called, `detection`."""
    doubt = _DOUBTS.get(status)
    if doubt is None:
        return description
    return f"**WARNING**: this {kind} is marked **{status.value.upper()}**: {doubt}. {description}"


def unmark(text: str) -> tuple[Status, str]:
    """The status that a description gives away, and the description without the warning: ours or contentctl's. A
    warning in other words stays where it is."""
    found = _MARK.match(text)
    if found is None:
        return Status.PRODUCTION, text
    status = Status(found[1].lower())
    rest = text[found.end() :]
    own = f": {_DOUBTS[status]}."
    if rest.startswith(own):
        return status, rest[len(own) :].removeprefix(" ")
    theirs = _THEIRS.match(rest)
    return status, rest[theirs.end() :] if theirs else text
