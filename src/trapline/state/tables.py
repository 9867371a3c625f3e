"""Every table of the state database, on one page. A change here needs a step in `migrations/versions`.

Times are epoch seconds; `scheduled`, `since` and `until` by the schedule, `recorded` by the clock.
JSON is kept as text, so that any database will do.
"""

from __future__ import annotations

import sqlalchemy as sa

META = sa.MetaData()

NAME = sa.String(400)
"""Names of searches, owners, outputs: long enough for `<label> - <detection> - Rule`."""
KEY = sa.String(1000)
TIME = sa.Float(53)

COLLECTIONS = sa.Table(
    "collections",
    META,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)
DOCUMENTS = sa.Table(
    "documents",
    META,
    sa.Column("collection", sa.String(200), primary_key=True),
    sa.Column("key", KEY, primary_key=True),
    sa.Column("place", sa.BigInteger, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("documents_in_order", "collection", "place"),
)
"""The documents of the collections (the KV store)."""

PROPERTIES = sa.Table(
    "properties", META, sa.Column("name", sa.String(100), primary_key=True), sa.Column("value", sa.Text, nullable=False)
)
"""What is known of the database itself: its `id`, which tells it from one that was made anew; `arrived`: the events of
the store for which it is known whether they came late; `forgotten`: until when it is not known any more what searches
found, by search."""

_COUNTER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""A number that the database gives; SQLite does so only for INTEGER."""

CURSORS = sa.Table(
    "cursors",
    META,
    sa.Column("search", NAME, primary_key=True),
    sa.Column("since", TIME, nullable=False),
    sa.Column("scheduled", TIME, nullable=False),
)
"""How far each scheduled search has come: every time of its schedule after `since` to `scheduled` is accounted for."""

RUNS = sa.Table(
    "runs",
    META,
    sa.Column("id", _COUNTER, primary_key=True, autoincrement=True),
    sa.Column("search", NAME, nullable=False),
    sa.Column("scheduled", TIME, nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("sid", NAME, nullable=False, unique=True),
    sa.Column("earliest", TIME),
    sa.Column("latest", TIME),
    sa.Column("started", TIME, nullable=False),
    sa.Column("seconds", TIME, nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("findings", sa.Integer, nullable=False),
    sa.Column("late", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("duplicates", sa.Integer, nullable=False, server_default="0"),
    sa.Column("capped", sa.Integer, nullable=False, server_default="0"),
    sa.Index("runs_by_search", "search", "scheduled"),
    sa.Index("runs_by_time", "scheduled"),
)
"""Every run, those that were skipped or failed too. A run that was cut off is not here: it is made again."""

FOUND = sa.Table(
    "found",
    META,
    sa.Column("search", NAME, primary_key=True),
    sa.Column("scheduled", TIME, primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("content", sa.String(64), nullable=False),
    sa.Column("recorded", TIME, nullable=False, server_default="0"),
)
"""What a search has found in a window: a second look at the window (backfill) tells only what is not here."""

THROTTLES = sa.Table(
    "throttles",
    META,
    sa.Column("search", NAME, primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("since", TIME, primary_key=True),
    sa.Column("until", TIME, nullable=False),
    sa.Column("recorded", TIME, nullable=False, server_default="0"),
)
"""Values whose alerts of a search are held back for a while. The earlier periods stay, for looks at the past."""

SCORES = sa.Table(
    "scores",
    META,
    sa.Column("id", _COUNTER, primary_key=True, autoincrement=True),
    sa.Column("search", NAME, nullable=False),
    sa.Column("scheduled", TIME, nullable=False),
    sa.Column("object", sa.String(64), nullable=False),
    sa.Column("message", sa.String(64), nullable=False),
    sa.Column("score", TIME, nullable=False),
    sa.Column("recorded", TIME, nullable=False, server_default="0"),
    sa.Index("scores_of_search", "search", "scheduled"),
)
"""Scores that searches gave to objects (hashes), kept where the settings of risk limit them."""

OUTBOX = sa.Table(
    "outbox",
    META,
    sa.Column("number", _COUNTER, primary_key=True, autoincrement=True),
    sa.Column("index", sa.String(100), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)
"""Events that are decided on and not yet in the store. Numbers are never given twice: the store knows by them what it
holds already."""

NOTABLES = sa.Table(
    "notables",
    META,
    sa.Column("event_id", NAME, primary_key=True),
    sa.Column("time", TIME, nullable=False),
    sa.Column("search", NAME, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("severity", sa.String(20), nullable=False),
    sa.Column("urgency", sa.String(20), nullable=False),
    sa.Column("entity", sa.Text),
    sa.Column("entity_type", sa.String(100)),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("owner", NAME, nullable=False),
    sa.Column("disposition", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("changed", TIME, nullable=False),
    sa.Index("notables_by_time", "time"),
)
"""The state of each notable; its event is in the index of that name and never changes. `body`: the event's fields."""

CHANGES = sa.Table(
    "notable_changes",
    META,
    sa.Column("id", _COUNTER, primary_key=True, autoincrement=True),
    sa.Column("event_id", NAME, nullable=False),
    sa.Column("time", TIME, nullable=False),
    sa.Column("who", NAME, nullable=False),
    sa.Column("changes", sa.Text, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Index("changes_of_notable", "event_id"),
)
"""Who changed what of a notable, and why: only ever added to."""

SUPPRESSIONS = sa.Table(
    "suppressions",
    META,
    sa.Column("name", NAME, primary_key=True),
    sa.Column("search", sa.Text, nullable=False),
    sa.Column("fields", sa.Text, nullable=False),
    sa.Column("earliest", TIME),
    sa.Column("latest", TIME),
    sa.Column("owner", NAME, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("created", TIME, nullable=False),
    sa.Column("expires", TIME),
    sa.Column("ended_by", NAME),
)
"""Notables that are not shown: by the values of their fields and the time they are of."""

DELIVERIES = sa.Table(
    "deliveries",
    META,
    sa.Column("id", _COUNTER, primary_key=True, autoincrement=True),
    sa.Column("output", NAME, nullable=False),
    sa.Column("key", NAME, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due", TIME, nullable=False),
    sa.Column("created", TIME, nullable=False),
    sa.Column("error", sa.Text),
    sa.UniqueConstraint("output", "key", name="delivery_once"),
    sa.Index("deliveries_due", "status", "due"),
)
"""What outputs still have to send, and what they gave up on."""

ENDPOINTS = sa.Table(
    "endpoints",
    META,
    sa.Column("output", NAME, primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("until", TIME, nullable=False),
)
"""Outputs whose last attempt failed: how many in a row did, and until when nothing is sent to them (by the clock)."""
