"""What tells the findings of a search apart, so that a second look at a window knows those that it had."""

from __future__ import annotations

from collections.abc import Mapping

from trapline.errors import TraplineError
from trapline.search import Macro
from trapline.spl.parser import parse


def telling_fields(search: str, macros: Mapping[str, Macro]) -> tuple[str, ...]:
    """The fields by which the last aggregating command of a search groups: two rows with the same values there are the
    same finding, though a late event may have changed its count. () where none groups: then the whole row tells."""
    try:
        stages = parse(search, macros).stages
    except TraplineError:
        return ()
    for stage in reversed(stages):
        if stage.name in ("stats", "tstats", "chart", "timechart", "top", "rare"):
            return tuple(one.text for one in getattr(stage.command, "by", ()) if hasattr(one, "text"))
    return ()
