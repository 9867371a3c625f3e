"""Rows of a search as a table, JSON, JSON lines, CSV or Parquet."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trapline.cli.render import count_of
from trapline.errors import TraplineError, Warn
from trapline.times import format_time
from trapline.values import Value, value_text

if TYPE_CHECKING:
    from trapline.search import Result

_SUFFIXES = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}
_TIMES = ("_time", "_indextime")
_EVENT_COLUMNS = ("_time", "host", "source", "_raw")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def choose(form: str | None, out: Path | None) -> str:
    """The format of the output. Raises TraplineError where it cannot be told, or cannot go there."""
    if form is None and out is not None:
        form = _SUFFIXES.get(out.suffix.lower())
        if form is None:
            raise TraplineError(
                f"the format of {out} is not clear from its suffix",
                hint="use " + ", ".join(_SUFFIXES) + ", or give --format",
                code="format",
            )
    form = form or "table"
    if form == "parquet" and out is None:
        raise TraplineError("Parquet is not for a terminal", hint="give --out FILE.parquet", code="format")
    return form


def print_object(result: Result, warnings: Sequence[Warn]) -> None:
    """One JSON object: fields, rows, warnings."""
    from trapline.cli.render import print_json

    print_json({"fields": list(result.fields), "rows": result.rows, "warnings": [warn.to_json() for warn in warnings]})


def write(result: Result, form: str, out: Path | None, limit: int) -> None:
    """The rows to a file, or to standard output. Raises TraplineError where the file cannot be written."""
    try:
        if out is not None:
            out.parent.mkdir(parents=True, exist_ok=True)
        _write(result, form, out, limit)
    except OSError as error:
        if out is None:
            raise
        reason = error.strerror or str(error)
        raise TraplineError(f"{out} cannot be written: {reason}", hint="give another --out", code="output") from error


def _write(result: Result, form: str, out: Path | None, limit: int) -> None:
    if form == "parquet":
        assert out is not None
        _parquet(result, out)
        text = None
    elif form == "table":
        text = _table(result, limit)
    elif form == "csv":
        text = _csv(result)
    elif form == "jsonl":
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in result.rows)
    else:
        text = json.dumps(result.rows, ensure_ascii=False, indent=2) + "\n"
    if text is not None and out is not None:
        out.write_text(text.encode("utf-8", "replace").decode(), encoding="utf-8", newline="")
    elif text is not None:
        click.echo(text.encode("utf-8", "replace").decode(), nl=False)
    if out is not None:
        click.echo(f"wrote {count_of(len(result.rows), 'row')} to {out}", err=True)


def _cell(name: str, value: Value | None) -> str:
    if value is None:
        return ""
    if name in _TIMES and isinstance(value, int | float):
        return format_time(float(value), "%Y-%m-%dT%H:%M:%S.%6NZ") or str(value)
    return value_text(value)


def _columns(result: Result) -> list[str]:
    """The columns of a table: for whole events the ones worth seeing, else all but internal ones."""
    shown = [name for name in result.fields if not name.startswith("_") or name == "_time"]
    if "_raw" in result.fields and len(shown) > 8:
        return [name for name in _EVENT_COLUMNS if name in result.fields]
    return [*shown, *(["_raw"] if "_raw" in result.fields else [])] or list(result.fields)


def _table(result: Result, limit: int) -> str:
    from trapline.cli.render import table_lines

    columns = _columns(result)
    shown = result.rows if result.shown is None else result.shown
    rows = shown[:limit] if limit else shown
    if not rows:
        return "no rows\n"
    numeric = [name for name in columns if all(isinstance(row.get(name, 0), int | float) for row in result.rows)]
    lines = table_lines(
        columns,
        [[_cell(name, row.get(name)) for name in columns] for row in rows],
        right=[name for name in numeric if name not in _TIMES],
        width=None if sys.stdout.isatty() else 200,
    )
    total = len(result.rows)
    lines.append(f"{total:,} row{'' if total == 1 else 's'}")
    if len(rows) < total:
        lines[-1] = f"{len(rows):,} of {count_of(total, 'row')}; --limit 0 shows all"
    hidden = len(result.fields) - len(columns)
    if hidden > 0 and "_raw" in columns:
        lines[-1] += f"; {hidden:,} more fields: add | table ..., or --json"
    return "\n".join(lines) + "\n"


def _csv(result: Result) -> str:
    """RFC 4180. Text that a spreadsheet would run as a formula gets an apostrophe in front: log text is hostile."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([_safe(name) for name in result.fields])
    for row in result.rows:
        writer.writerow([_safe(_cell(name, row.get(name)), row.get(name)) for name in result.fields])
    return text.getvalue()


def _safe(text: str, value: Value | None = None) -> str:
    return "'" + text if text.startswith(_FORMULA) and not isinstance(value, int | float) else text


def _parquet(result: Result, out: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    columns: dict[str, pa.Array] = {}
    for name in result.fields:
        cells = [row.get(name) for row in result.rows]
        columns[name] = _array(name, cells)
    parquet.write_table(pa.table(columns), out, compression="zstd")


def _array(name: str, cells: list[Value | None]) -> object:
    """A column in the type that fits its cells: timestamp, double, string or list of strings."""
    import pyarrow as pa

    if all(cell is None or isinstance(cell, int | float) for cell in cells):
        if name in _TIMES:
            micros = [None if cell is None else round(float(cell) * 1e6) for cell in _numbers(cells)]
            return pa.array(micros, pa.int64()).cast(pa.timestamp("us", "UTC"))
        return pa.array(_numbers(cells), pa.float64())
    if any(isinstance(cell, list) for cell in cells):
        lists = [None if c is None else [value_text(v) for v in (c if isinstance(c, list) else [c])] for c in cells]
        return pa.array(lists, pa.list_(pa.string()))
    return pa.array([None if cell is None else value_text(cell) for cell in cells], pa.string())


def _numbers(cells: Sequence[Value | None]) -> list[float | None]:
    return [float(cell) if isinstance(cell, int | float) else None for cell in cells]
