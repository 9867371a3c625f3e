"""Search-time knowledge in Splunk's own configuration language: add-on folders to typed records to plan rewriting.

`conf` reads .conf files, `spec` says to which events a stanza applies, `reading` and `patterns` make `records` of
settings, `bind` turns them into plan nodes for the fields that a search asks for: `extracting` and `automatic` are its
larger steps, `discovery` finds names that are in the data, `tables` holds lookups. `check` tells what is not followed.
`Knowledge` is the entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trapline.knowledge.precedence import built_in_addons

if TYPE_CHECKING:
    from trapline.knowledge.bind import Bound
    from trapline.knowledge.knowledge import Knowledge

__all__ = ["Bound", "Knowledge", "built_in_addons"]


def __getattr__(name: str) -> Any:
    """What searches need is imported when it is asked for: who only reads .conf files does not wait for it."""
    match name:
        case "Bound":
            from trapline.knowledge.bind import Bound

            return Bound
        case "Knowledge":
            from trapline.knowledge.knowledge import Knowledge

            return Knowledge
        case _:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
