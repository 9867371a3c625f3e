"""Trapline runs Splunk detection content without Splunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from trapline.search import search

__all__ = ["__version__", "search"]


def __getattr__(name: str) -> Any:
    if name == "search":
        from trapline.search import search

        return search
    raise AttributeError(name)
