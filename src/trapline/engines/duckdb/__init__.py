"""The embedded engine: DuckDB in this process."""

from trapline.engines.duckdb.engine import DuckDB, Output

__all__ = ["DuckDB", "Output"]
