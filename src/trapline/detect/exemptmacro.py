"""Exceptions as a detection's filter macro, so that Splunk hides the same rows.

`search` matches a multivalue field where one of its values does, and `where` drops a row where its condition is null,
so the condition counts the values that are covered (Search Reference, "where"; "Multivalue eval functions", mvfilter).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from trapline.detect.exceptions import Exemption, network
from trapline.detect.filtering import PASSES, joined


def definition(exemptions: Sequence[Exemption]) -> str:
    """What a filter macro is defined as to hide what exceptions cover; `search *` without any. Filters come first."""
    conditions = [_covered(one) for one in exemptions if not one.filter]
    rest = f"where NOT ({' OR '.join(conditions)})" if conditions else ""
    first = joined("", [one for one in exemptions if one.filter])
    return " | ".join(one for one in (first, rest) if one and not (one == PASSES and rest))


def stanza(name: str, exemptions: Sequence[Exemption], left_out: Sequence[Exemption] = ()) -> str:
    """The stanza of macros.conf of a filter macro. `left_out`: exceptions that have expired."""
    lines = [f"# {one.name} ({one.owner}): {one.reason}" for one in exemptions]
    lines += [f"# left out, expired: {one.name} ({one.owner})" for one in left_out]
    return "\n".join([*lines, f"[{name}]", f"definition = {definition(exemptions)}", "iseval = 0"])


def _covered(one: Exemption) -> str:
    return "(" + " AND ".join(_field(name, values) for name, values in one.when.items()) + ")"


def _field(name: str, values: Sequence[str]) -> str:
    subject = f"'{name}'"
    patterns = "|".join(_pattern(value) for value in dict.fromkeys(values))
    pattern = rf"(?is)^(?:{patterns})\z"
    tests = [f"match({subject}, {_quoted(pattern)})"]
    tests += [f"cidrmatch({_quoted(value)}, {subject})" for value in values if network(value) is not None]
    among = f"coalesce(mvcount(mvfilter({' OR '.join(tests)})), 0)"
    return f"isnotnull({subject}) AND mvcount({subject}) = {among}"


def _pattern(value: str) -> str:
    """A value as a regular expression. Characters that mean something in a search or a .conf file are written by their
    codes: a backtick would call a macro."""
    return ".*".join(re.sub(r"[^\w \-]", lambda found: _escaped(found[0]), piece) for piece in value.split("*"))


def _escaped(char: str) -> str:
    return f"\\{char}" if char.isascii() and char.isprintable() and char not in '`"' else f"\\x{{{ord(char):x}}}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
