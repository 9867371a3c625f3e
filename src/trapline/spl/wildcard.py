"""Field name patterns: `*` stands for any text, also none."""

from __future__ import annotations

from collections.abc import Iterable

from trapline.errors import Span, SplError
from trapline.values import fills


def matches(pattern: str, name: str) -> bool:
    return fills(pattern, name) is not None


def match_names(pattern: str, names: Iterable[str]) -> list[str]:
    """The names that a pattern matches, in their order; a pattern without `*` is a name."""
    return [name for name in names if matches(pattern, name)]


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
    found = fills(pattern, name)
    assert found is not None
    return "".join(piece + fill for piece, fill in zip(target.split("*"), (*found, ""), strict=True))
