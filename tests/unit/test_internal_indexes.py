"""Which searches see internal indexes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trapline.ingest.intake import Evidence, ingest
from trapline.search import Session
from trapline.store import Store


@pytest.mark.parametrize(
    ("spl", "seen"),
    [
        ("search *", ["main"]),
        ("search index=*", ["main", "risk"]),
        ("search index=_*", ["_internal"]),
        ("search index=* OR index=_*", ["_internal", "main", "risk"]),
        ("search index IN (main, _internal)", ["_internal", "main"]),
        ("search index=risk", ["risk"]),
        ("search index!=main", ["risk"]),
    ],
)
def test_internal_indexes_are_seen_where_they_are_named(tmp_path: Path, spl: str, seen: list[str]) -> None:
    with Store.throwaway() as store:
        given = []
        for index in ("main", "risk", "_internal"):
            path = tmp_path / f"{index}.json"
            path.write_text(json.dumps({"a": index}), encoding="utf-8")
            given.append(Evidence(str(path), index=index))
        ingest(given, store)
        rows = Session(tables=store.snapshot().tables).run(f"{spl} | stats count by index").rows
    assert [row["index"] for row in rows] == seen
