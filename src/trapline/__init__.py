"""Trapline runs Splunk detection content without Splunk."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from trapline.search import search as search

__all__ = ["__version__"]


class _Package(ModuleType):
    """`trapline.search` is the function, also after something imported the module of that name, which the import
    system would otherwise put in its place. Lazy: `import trapline` costs nothing."""

    @property
    def search(self) -> Any:
        from trapline.search import search

        return search

    @search.setter
    def search(self, module: ModuleType) -> None:
        """The import system hands over the submodule here."""


sys.modules[__name__].__class__ = _Package
