"""The file of a lookup is missing, not named as it, or its columns are not what its definition and its rows say.

The table lies beside its definition. A row that is shorter or longer than the header puts values into the wrong
columns (facts/CONTENT.md §1.7).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from trapline.content.model import Generation, Lookup
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.ERROR
REFUSED = True

MOST_BYTES = 200_000_000
SHOWN = 3


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    path = one.table if isinstance(one, Lookup) else None
    if not isinstance(one, Lookup) or path is None:
        return
    key = "filename" if subject.source.has("filename") else "name"
    if not path.is_file():
        where = f"in {Path(one.folder).name}/" if one.folder else "beside the definition"
        yield Report(f"the file {one.filename} is not {where}", "add it, or correct the name", key)
        return
    if one.kind == "csv":
        yield from _table(one, path)
    if one.kind == "mlmodel" and not path.stem.startswith("__mlspl_"):
        yield Report(f"the model {path.name} is not named __mlspl_...", "rename it", key)
    if one.generation in (Generation.S2, Generation.S3) and path.stem != Path(one.file).stem:
        yield Report(f"the table {path.name} is not named as its definition", f"{Path(one.file).stem}.csv", key)


def _table(one: Lookup, path: Path) -> Iterator[Report]:
    try:
        with path.open(encoding="utf-8-sig", newline="", errors="replace") as file:
            rows = csv.reader(file)
            header = next(rows, [])
            if not header:
                yield Report("the table has no header", "its first line names the columns", file=str(path), line=1)
                return
            twice = next((name for name in header if header.count(name) > 1), None)
            if twice is not None:
                yield Report(f"the column '{twice}' is there twice", "name each once", file=str(path), line=1)
            for text in () if one.fields else one.match_type:  # with fields the rule lookup-form tells
                found = re.search(r"\(([^()]+)\)", text)
                if found is not None and found[1] not in header:
                    reason = f"the match type {text} names a column that the table does not have"
                    yield Report(
                        reason, f"its columns are {', '.join(header)[:200]}", "match_type", level=Level.WARNING
                    )
            told = 0
            for row in rows:
                if row and len(row) != len(header):
                    told += 1
                    if told <= SHOWN:
                        reason = f"the row has {len(row)} cells, the header {len(header)}"
                        hint = "quote a cell that holds a comma"
                        yield Report(reason, hint, file=str(path), line=rows.line_num)
            if told > SHOWN:
                yield Report(
                    f"{told - SHOWN} more rows are not as wide as the header",
                    "look for unquoted commas",
                    file=str(path),
                )
    except (OSError, csv.Error) as error:
        yield Report(f"the table cannot be read: {error}", "save it as CSV in UTF-8", file=str(path))
