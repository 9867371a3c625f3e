"""Throttles keep their earlier periods; what is remembered for a while has the time at which it was written down."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_NAME = sa.String(400)
_TIME = sa.Float(53)


def upgrade() -> None:
    for name in ("found", "scores"):
        op.add_column(name, sa.Column("recorded", _TIME, nullable=False, server_default="0"))
    # The primary key becomes another one, which not every database can alter.
    old = sa.table("throttles", sa.column("search"), sa.column("key"), sa.column("since"), sa.column("until"))
    kept = [dict(row) for row in op.get_bind().execute(sa.select(old)).mappings()]
    op.drop_table("throttles")
    new = op.create_table(
        "throttles",
        sa.Column("search", _NAME, primary_key=True),
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("since", _TIME, primary_key=True),
        sa.Column("until", _TIME, nullable=False),
        sa.Column("recorded", _TIME, nullable=False, server_default="0"),
    )
    op.bulk_insert(new, kept)
