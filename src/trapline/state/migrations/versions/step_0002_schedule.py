"""The schedule and what comes of it: runs, findings, throttles, notables, suppressions, deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_NAME = sa.String(400)
_TIME = sa.Float(53)
_COUNTER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "properties",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "cursors",
        sa.Column("search", _NAME, primary_key=True),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("scheduled", _TIME, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("id", _COUNTER, primary_key=True, autoincrement=True),
        sa.Column("search", _NAME, nullable=False),
        sa.Column("scheduled", _TIME, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("sid", _NAME, nullable=False, unique=True),
        sa.Column("earliest", _TIME),
        sa.Column("latest", _TIME),
        sa.Column("started", _TIME, nullable=False),
        sa.Column("seconds", _TIME, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("findings", sa.Integer, nullable=False),
        sa.Column("late", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text),
    )
    op.create_index("runs_by_search", "runs", ["search", "scheduled"])
    op.create_index("runs_by_time", "runs", ["scheduled"])
    op.create_table(
        "found",
        sa.Column("search", _NAME, primary_key=True),
        sa.Column("scheduled", _TIME, primary_key=True),
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("content", sa.String(64), nullable=False),
    )
    op.create_table(
        "throttles",
        sa.Column("search", _NAME, primary_key=True),
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("until", _TIME, nullable=False),
    )
    op.create_table(
        "outbox",
        sa.Column("number", _COUNTER, primary_key=True, autoincrement=True),
        sa.Column("index", sa.String(100), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "notables",
        sa.Column("event_id", _NAME, primary_key=True),
        sa.Column("time", _TIME, nullable=False),
        sa.Column("search", _NAME, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("severity", sa.String(20), nullable=False),
        sa.Column("urgency", sa.String(20), nullable=False),
        sa.Column("entity", sa.Text),
        sa.Column("entity_type", sa.String(100)),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("owner", _NAME, nullable=False),
        sa.Column("disposition", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("changed", _TIME, nullable=False),
    )
    op.create_index("notables_by_time", "notables", ["time"])
    op.create_table(
        "notable_changes",
        sa.Column("id", _COUNTER, primary_key=True, autoincrement=True),
        sa.Column("event_id", _NAME, nullable=False),
        sa.Column("time", _TIME, nullable=False),
        sa.Column("who", _NAME, nullable=False),
        sa.Column("changes", sa.Text, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
    )
    op.create_index("changes_of_notable", "notable_changes", ["event_id"])
    op.create_table(
        "suppressions",
        sa.Column("name", _NAME, primary_key=True),
        sa.Column("search", sa.Text, nullable=False),
        sa.Column("fields", sa.Text, nullable=False),
        sa.Column("earliest", _TIME),
        sa.Column("latest", _TIME),
        sa.Column("owner", _NAME, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("expires", _TIME),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", _COUNTER, primary_key=True, autoincrement=True),
        sa.Column("output", _NAME, nullable=False),
        sa.Column("key", _NAME, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due", _TIME, nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("error", sa.Text),
        sa.UniqueConstraint("output", "key", name="delivery_once"),
    )
    op.create_index("deliveries_due", "deliveries", ["status", "due"])
