"""JSON values as fields, by Splunk's names: `a.b` for nested objects, `list{}` and `list{}.x` for arrays.

Every value is text: numbers as they stand in the file, `true`, `false`, and `null` for null. That null makes a field
with the text "null" is what Splunk's KV_MODE=json does: of the 125 null values in the example logs of ESCU's data
sources, Splunk's own field lists name the field in all files but one, whose list covers other fields altogether.
So is an empty text a value: 70 of the 76 in these logs are in their lists. Empty objects and arrays make no field.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

DEPTH_LIMIT = 100
"""Levels of nesting that become field names."""

_PREFIX_LIMIT = 2_000


class DepthError(ValueError):
    """A value is nested deeper than `DEPTH_LIMIT`."""


def text(value: Any) -> str:
    """A JSON scalar as a field value."""
    if type(value) is str:
        return value
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    return str(value)


def pairs(value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The fields of an object as (name, value), in document order; a name repeats for the elements of an array.

    Raises DepthError.
    """
    stack: list[tuple[str, Iterator[tuple[str, Any]]]] = [("", iter(value.items()))]
    while stack:
        prefix, rest = stack[-1]
        for key, item in rest:
            name = f"{prefix}{key}"
            if type(item) is str:
                yield name, item
            elif len(name) > _PREFIX_LIMIT and isinstance(item, (dict, list)):
                yield name, ""  # too long for a field name, and for being repeated before every name below
            elif isinstance(item, dict):
                stack.append((f"{name}.", iter(item.items())))
                break
            elif isinstance(item, list):
                if not any(isinstance(one, (dict, list)) for one in item):
                    for one in item:
                        yield f"{name}{{}}", text(one)
                else:
                    stack.append((name, (("{}", one) for one in item)))
                    break
            else:
                yield name, text(item)
        else:
            stack.pop()
        if len(stack) > DEPTH_LIMIT:
            raise DepthError(f"nested deeper than {DEPTH_LIMIT} levels")
