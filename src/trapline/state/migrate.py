"""Brings a state database of an older Trapline up to date, by the steps in `migrations/versions`."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from trapline.errors import TraplineError

FOLDER = Path(__file__).parent / "migrations"


def upgrade(connection: sa.Connection, version: str) -> None:
    """Go on from a step to the newest one, in the transaction of the connection. Raises TraplineError for a step that
    this Trapline does not know."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        ScriptDirectory.from_config(config).get_revision(version)
    except CommandError:
        raise TraplineError(
            f"the state database is of a newer Trapline (step {version})",
            hint="use that Trapline, or another state database",
            code="state.newer",
        ) from None
    if not sa.inspect(connection).has_table("alembic_version"):
        command.stamp(config, version)
    command.upgrade(config, "head")
