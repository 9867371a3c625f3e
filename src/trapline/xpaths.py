"""XPath as xpath takes it (Search Reference, "xpath"): Python's ElementTree subset, with `/@name` or `/text()` at its
end."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class XPath:
    """An XPath in the form that ElementTree takes, below the root `data`; "" finds nothing. `attribute`: what to read
    there."""

    path: str
    attribute: str | None


_ENDING = re.compile(r"/{0,2}(?:@([\w:.\-]+)|text\(\))\Z")


@lru_cache(maxsize=256)
def compile_xpath(text: str) -> XPath:
    """Raises ValueError where ElementTree's subset of XPath has no such expression."""
    path = text.strip()
    ending = _ENDING.search(path)
    attribute = None
    if ending is not None:
        path, attribute = path[: ending.start()], ending.group(1)
        if ending.group().startswith("//"):
            path += "//*"
    if path.startswith("/") and not path.startswith("//"):
        root, _, rest = path[1:].partition("/")
        if root not in ("data", "*"):
            return XPath("", attribute)
        path = rest or "."
    path = f".{path}" if path.startswith("//") else path or "."
    try:
        list(ElementTree.Element("data").iterfind(path))
    except SyntaxError as error:
        raise ValueError(str(error)) from None
    except (KeyError, TypeError, IndexError, StopIteration):
        raise ValueError("it cannot be read") from None
    return XPath(path, attribute)
