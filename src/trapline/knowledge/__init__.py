"""Search-time knowledge in Splunk's own configuration language: add-on folders to typed records to plan rewriting.

`conf` reads .conf files, `spec` says to which events a stanza applies, `reading` and `patterns` make `records` of
settings, `bind` turns them into plan nodes for the fields that a search asks for: `extracting` and `automatic` are its
larger steps, `discovery` finds names that are in the data, `tables` holds lookups. `check` tells what is not followed.
`Knowledge` is the entry.
"""

from trapline.knowledge.bind import Bound
from trapline.knowledge.knowledge import Knowledge
from trapline.knowledge.precedence import built_in_addons

__all__ = ["Bound", "Knowledge", "built_in_addons"]
