"""How Alembic reaches the database: by the connection that `trapline.state.migrate` gives it."""

from __future__ import annotations

from alembic import context

from trapline.state.tables import META

context.configure(connection=context.config.attributes["connection"], target_metadata=META, transactional_ddl=False)
context.run_migrations()
