"""Outputs that are told to wait are remembered, so that all their messages wait; and who ended a suppression."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_NAME = sa.String(400)
_TIME = sa.Float(53)


def upgrade() -> None:
    op.create_table(
        "endpoints",
        sa.Column("output", _NAME, primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("until", _TIME, nullable=False),
    )
    op.add_column("suppressions", sa.Column("ended_by", _NAME))
