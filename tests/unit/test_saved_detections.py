"""The detections of the content are saved searches of the command line, by name and by their name in Splunk."""

from __future__ import annotations

from pathlib import Path

import pytest

from trapline import app
from trapline.store import Store

DETECTION = """
name: Two Rows
id: 5f4b5b5e-0000-4000-8000-000000000001
version: 1
date: '2024-01-15'
author: A. Person
status: production
type: Hunting
description: Makes rows.
data_source: []
search: '| makeresults count=2 | eval who="$who$" | fields who | `two_rows_filter`'
how_to_implement: none
known_false_positives: none
references: []
tags: {}
"""


@pytest.mark.parametrize(
    "spl",
    [
        '| savedsearch "Two Rows" who=bob',
        '| savedsearch "ESCU - Two Rows - Rule" who=bob',
        '| from savedsearch:"Two Rows" | eval who="bob"',
    ],
)
def test_by_either_name(tmp_path: Path, spl: str) -> None:
    folder = tmp_path / "detections"
    folder.mkdir()
    (folder / "two_rows.yml").write_text(DETECTION, encoding="utf-8")
    content = app.content([tmp_path])
    store = tmp_path / "store"
    Store.open(store).close()
    with app.session(content, app.knowledge(), store=store) as (session, _):
        assert session.run(f"{spl} | stats count by who").rows == [{"who": "bob", "count": 2}]
