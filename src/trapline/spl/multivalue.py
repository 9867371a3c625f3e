"""What the multivalue commands share: makemv, mvcombine, mvexpand and nomv leave internal fields alone."""

from __future__ import annotations

from trapline.errors import SplError
from trapline.spl.cursor import Cursor


def visible_field(cursor: Cursor, command: str) -> str:
    """The field of a multivalue command. Raises SplError for an internal one."""
    name = cursor.name()
    if name.text.startswith("_"):
        raise SplError(
            f"{command} cannot be applied to the internal field {name.text}",
            span=name.span,
            hint=f"copy it first: eval copy={name.text}",
            code="field",
        )
    return name.text
