"""INDEXED_EXTRACTIONS and the settings beside it, from props.conf to the events of a store."""

from __future__ import annotations

from pathlib import Path

import pytest

from trapline.ingest.intake import Evidence, ingest
from trapline.knowledge.indextime import IndexTime
from trapline.search import Session
from trapline.store import Store

NOON = 1_772_625_600  # 2026-03-04 12:00:00 UTC
CSV = "INDEXED_EXTRACTIONS = csv\n"
JSON = "INDEXED_EXTRACTIONS = json\n"


def events(folder: Path, props: str, text: str, fields: str) -> tuple[list[tuple[str, ...]], list[str]]:
    """The fields of each event in the order of the file, and what was said."""
    (folder / "acme" / "default").mkdir(parents=True)
    (folder / "acme" / "default" / "props.conf").write_text(f"[acme:app]\n{props}", encoding="utf-8")
    log = folder / "app.log"
    log.write_text(text, encoding="utf-8")
    with Store.throwaway() as store:
        report = ingest([Evidence(str(log), "acme:app", host="h")], store, rules=IndexTime.load([folder / "acme"]))
        rows = Session(tables=store.snapshot().tables).run(f"search index=* | reverse | table _time {fields}").rows
    said = [one for file in report.files for one in [*file.warnings, *([file.error] if file.error else [])]]
    names = fields.split()
    return [tuple(str(row.get(name, "")) for name in names) for row in rows], said


@pytest.mark.parametrize(
    ("props", "text", "fields", "expected"),
    [
        (JSON + "TIMESTAMP_FIELDS = meta.ts\n", '{"meta":{"ts":"2026-03-04T12:00:00Z"},"ts":"2020-01-01T00:00:00Z"}\n',
         "_time ts", [(NOON, "2020-01-01T00:00:00Z")]),
        (JSON + "TIMESTAMP_FIELDS = at\nTIME_FORMAT = %s%3N\n", '{"at":1772625600500,"time":1}\n', "_time",
         [(NOON + 0.5,)]),
        (CSV + "TIMESTAMP_FIELDS = d,t\nTIME_FORMAT = %d/%m/%Y %H:%M\nTZ = Europe/Berlin\n",
         "date,d,t\n2020-01-01,04/03/2026,13:00\n", "_time date", [(NOON, "2020-01-01")]),
        (CSV + "TIMESTAMP_FIELDS = d, t\n", "d;t;m\n03/04/2026;12:00:00 PM;a\n", "_time m", [(NOON, "a")]),
        (CSV + "FIELD_DELIMITER = ;\n", "time;a,b\n2026-03-04T12:00:00Z;1,2\n", "_time a_b", [(NOON, "")]),
        ("FIELD_DELIMITER = tab\nFIELD_QUOTE = '\n", "time\ta\n2026-03-04T12:00:00Z\t'x\ty'\n", "_time a",
         [(NOON, "x\ty")]),
        (CSV + "FIELD_DELIMITER = whitespace\n", "time  a b\n2026-03-04T12:00:00Z \t 1   2\n", "_time a b",
         [(NOON, "1", "2")]),
        (CSV + "HEADER_FIELD_DELIMITER = |\n", "time|a\n2026-03-04T12:00:00Z,x\n", "_time a", [(NOON, "x")]),
        (CSV + "HEADER_FIELD_LINE_NUMBER = 3\n", "x,y\np,q\ntime,a\n2026-03-04T12:00:00Z,1\n", "_time a",
         [(NOON, "1")]),
        (CSV, "some title\n\ntime,a\n2026-03-04T12:00:00Z,1\n", "_time a", [(NOON, "1")]),
        (CSV + "FIELD_NAMES = time, a\n", "2026-03-04T12:00:00Z,1\n2026-03-04T12:00:00Z,2\n", "_time a",
         [(NOON, "1"), (NOON, "2")]),
        (CSV + "FIELD_NAMES = time, a\nHEADER_FIELD_LINE_NUMBER = 1\n", "b,c\n2026-03-04T12:00:00Z,1\n", "_time a",
         [(NOON, "1")]),
        (CSV + "PREAMBLE_REGEX = ^#\n", "# one, two\n#\ntime,a\n# types\n2026-03-04T12:00:00Z,1\n", "_time a",
         [(NOON, "1")]),
        (CSV + "FIELD_HEADER_REGEX = ^#fields:\\s\n", "#version\n#fields: time,a\n2026-03-04T12:00:00Z,1\n", "_time a",
         [(NOON, "1")]),
        (CSV + "MISSING_VALUE_REGEX = -|NULL\n", "time,a,b,c\n2026-03-04T12:00:00Z,-,x-y,NULL\n", "_time a b c",
         [(NOON, "", "x-y", "")]),
        ("INDEXED_EXTRACTIONS = psv\n", "time|a\n2026-03-04T12:00:00Z|1,2\n", "_time a", [(NOON, "1,2")]),
    ],
)  # fmt: skip
def test_settings(tmp_path: Path, props: str, text: str, fields: str, expected: list[tuple[object, ...]]) -> None:
    found, _ = events(tmp_path, props, text, fields)
    assert [(float(one[0]), *one[1:]) for one in found] == expected


@pytest.mark.parametrize(
    ("props", "told"),
    [
        (CSV + "TIMESTAMP_FIELDS = when\n", "events have no time in TIMESTAMP_FIELDS = when"),
        ("TIMESTAMP_FIELDS = time\n", "TIMESTAMP_FIELDS says nothing without INDEXED_EXTRACTIONS"),
        (CSV + "FIELD_DELIMITER = ab\n", "FIELD_DELIMITER is one character or a name of one"),
        (JSON + "MISSING_VALUE_REGEX = -\n", "MISSING_VALUE_REGEX is for rows under a header, not for json"),
        ("SEDCMD-x = s/a/b/\n", "SEDCMD-x is not supported"),
        ("CHARSET = UTF-16LE\n", "CHARSET is not supported"),
        (JSON + "JSON_TRIM_BRACES_IN_ARRAY_NAMES = true\n", "JSON_TRIM_BRACES_IN_ARRAY_NAMES is not supported"),
    ],
)
def test_what_is_not_followed_is_told_where_it_is_read(tmp_path: Path, props: str, told: str) -> None:
    text = '{"time":"2026-03-04T12:00:00Z"}\n' if JSON in props else "time,a\n2026-03-04T12:00:00Z,1\n"
    _, said = events(tmp_path, props, text, "a")
    assert [one for one in said if told in one]


def test_what_changes_nothing_is_not_told(tmp_path: Path) -> None:
    _, said = events(
        tmp_path, CSV + "CHARSET = UTF-8\nCHECK_FOR_HEADER = false\n", "time,a\n2026-03-04T12:00:00Z,1\n", "a"
    )
    assert said == []


def test_no_other_time_than_that_of_the_fields_is_taken(tmp_path: Path) -> None:
    found, _ = events(tmp_path, CSV + "TIMESTAMP_FIELDS = when\n", "time,when\n2020-01-01T00:00:00Z,-\n", "_time")
    assert float(found[0][0]) > NOON  # that of the file
