"""Limits of risk: the scores that were given, and what of a run was left out or lowered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_NAME = sa.String(400)
_TIME = sa.Float(53)
_COUNTER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    for name in ("duplicates", "capped"):
        op.add_column("runs", sa.Column(name, sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "scores",
        sa.Column("id", _COUNTER, primary_key=True, autoincrement=True),
        sa.Column("search", _NAME, nullable=False),
        sa.Column("scheduled", _TIME, nullable=False),
        sa.Column("object", sa.String(64), nullable=False),
        sa.Column("message", sa.String(64), nullable=False),
        sa.Column("score", _TIME, nullable=False),
    )
    op.create_index("scores_of_search", "scores", ["search", "scheduled"])
