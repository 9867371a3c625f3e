"""Regular expressions as commands take them: checked where they stand."""

from __future__ import annotations

from trapline.errors import Span, SplError
from trapline.pcre import Pattern, check


def checked(source: str, span: Span) -> Pattern:
    """The pattern. Raises SplError at its place where it is not PCRE."""
    try:
        return check(source)
    except SplError as error:
        error.span = span
        raise
