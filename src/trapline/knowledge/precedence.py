"""Which add-on wins where several set the same key.

Source: Admin Manual, "Configuration file precedence" ("How app directory names affect precedence"). Splunk has two
orders:

- Index time is a *global* context: the `local/` of every app is stronger than the `default/` of any; among the `local/`
  and among the `default/` the app whose name sorts first in ASCII wins.
- Search time is an *app* context: an app counts as a whole, its `local/` before its `default/`, and of the other apps
  the one whose name sorts last wins.

A search here runs in no app of its own, so all add-ons are "other apps". Those that come with Trapline stand where
Splunk has its own defaults: below all others, `local/` or not. The order in which folders are given says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

ADDONS = Path(__file__).parents[1] / "addons"
Layer = tuple[Path, str]
"""The folder of an add-on, and one of `LAYERS`."""
LAYERS = ("default", "local")
"""Folders of an add-on that hold .conf files, the stronger one last."""


def built_in_addons() -> list[Path]:
    """The folders of the add-ons that come with Trapline."""
    return sorted(path for path in ADDONS.iterdir() if (path / "default").is_dir())


def search_time(addons: Iterable[Path]) -> list[Path]:
    """Add-on folders for search time, the strongest last. Of two with one name the path decides."""
    return sorted(addons, key=_rank)


def index_time(addons: Iterable[Path]) -> list[Layer]:
    """The layers of add-ons for index time, the strongest last."""
    ordered = sorted(addons, key=_rank, reverse=True)
    own = [one for one in ordered if one.parent == ADDONS]
    given = [one for one in ordered if one.parent != ADDONS]
    return [(one, layer) for group in (own, given) for layer in LAYERS for one in group]


def _rank(addon: Path) -> tuple[bool, str, str]:
    whole = addon.resolve()
    return addon.parent != ADDONS, whole.name, str(whole)
