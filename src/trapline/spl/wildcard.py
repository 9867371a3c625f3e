"""Field name patterns: `*` stands for any text, also none."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from trapline.errors import Span, SplError


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("(.*)".join(map(re.escape, pattern.split("*"))) + r"\Z", re.DOTALL)


def match_names(pattern: str, names: Iterable[str]) -> list[str]:
    """The names that a pattern matches, in their order; a pattern without `*` is a name."""
    if "*" not in pattern:
        return [name for name in names if name == pattern]
    compiled = _compiled(pattern)
    return [name for name in names if compiled.match(name)]


def substitute(pattern: str, name: str, target: str, span: Span) -> str:
    """The target pattern with each `*` filled by what the same `*` of `pattern` matched in `name`.

    Raises SplError when the two have a different number of wildcards."""
    if pattern.count("*") != target.count("*"):
        raise SplError(
            f"'{pattern}' and '{target}' have a different number of wildcards",
            span=span,
            hint="each * on the left needs one on the right",
            code="wildcard",
        )
    match = _compiled(pattern).match(name)
    assert match is not None
    pieces = target.split("*")
    return "".join(piece + fill for piece, fill in zip(pieces, (*match.groups(), ""), strict=True))
