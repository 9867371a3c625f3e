"""What add-ons use and Trapline does not run: everything that reading and binding them says, with its place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trapline.errors import Warn
from trapline.knowledge.bind import Bound
from trapline.knowledge.knowledge import Knowledge
from trapline.knowledge.records import Unusable
from trapline.knowledge.spec import By
from trapline.values import Kind

_STORED = {
    "_time": Kind.NUMBER,
    "_raw": Kind.TEXT,
    "index": Kind.TEXT,
    "sourcetype": Kind.TEXT,
    "source": Kind.TEXT,
    "host": Kind.TEXT,
}


def check(folders: Sequence[Path]) -> list[Warn]:
    """The doubts about add-on folders in Splunk's form, without reading any event; see `doubts`."""
    return doubts(Knowledge.load(folders))


def doubts(knowledge: Knowledge) -> list[Warn]:
    """What could not be read, is not used or not supported, each once, by place. Lookup files are read."""
    found = [*knowledge.problems, *knowledge.private]
    for stanza in knowledge.stanzas:
        found += (rule.warn for rule in stanza.rules.values() if isinstance(rule, Unusable))
    literals = (one for stanza in knowledge.stanzas if stanza.spec.by is By.SOURCETYPE for one in stanza.spec.literals)
    for sourcetype in dict.fromkeys([*literals, ""]):
        found += Bound(knowledge, frozenset({sourcetype}), _STORED).doubts
    return sorted(dict.fromkeys(found), key=lambda one: _place(one.where))


def _place(where: str | None) -> tuple[str, int]:
    file, _, line = (where or "").rpartition(":")
    return file, int(line) if line.isdigit() else 0
