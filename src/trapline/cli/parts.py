"""Groups of commands whose parts are modules of their own: only the part that runs is imported."""

from __future__ import annotations

import importlib
from typing import Any

import click


class Parts(click.Group):
    """A group with further commands. `parts`: the name of each and the module that has a click command of that name."""

    def __init__(self, *args: Any, parts: dict[str, str], **options: Any) -> None:
        super().__init__(*args, **options)
        self.parts = parts

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self.parts})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = self.parts.get(cmd_name)
        if module is None:
            return super().get_command(ctx, cmd_name)
        found: click.Command = getattr(importlib.import_module(f"trapline.cli.{module}"), cmd_name)
        return found
