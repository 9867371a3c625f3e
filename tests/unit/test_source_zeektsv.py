"""Zeek's tab-separated logs, beyond the case page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.knowledgekit import addon
from trapline.ingest.intake import Evidence, format_of, ingest
from trapline.ingest.sources import zeektsv
from trapline.knowledge.indextime import IndexTime
from trapline.search import Session
from trapline.store import Store

LOG = "#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\n1772625600.5\tC1\t192.0.2.1\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (LOG, "zeektsv"),
        (LOG.replace("\n", "\r\n"), "zeektsv"),
        ("#Fields: date time c-ip\n2026-03-04 12:00:00 192.0.2.1\n", "w3c"),
        ("#separator of parts\nits text\n", "textlines"),
    ],
)
def test_what_is_recognised(text: str, name: str) -> None:
    assert format_of(text.encode(), "x.log") == name


def rows(path: Path, evidence: Evidence, rules: IndexTime | None = None) -> list[dict[str, object]]:
    with Store.throwaway() as store:
        ingest([evidence], store, rules=rules)
        search = "search index=* | sort _time | table sourcetype uid id_orig_h"
        return [dict(row) for row in Session(tables=store.snapshot().tables).run(search).rows]


def test_carriage_returns_are_no_part_of_the_values(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_bytes(LOG.replace("\n", "\r\n").encode())
    assert rows(path, Evidence(str(path))) == [{"sourcetype": "bro_conn", "uid": "C1", "id_orig_h": "192.0.2.1"}]


def test_an_addon_that_names_logs_by_their_files(tmp_path: Path) -> None:
    """The Splunk add-on for Zeek: INDEXED_EXTRACTIONS with a header of its own, sourcetypes by transforms."""
    mine = addon(
        tmp_path,
        props="[zeek]\nINDEXED_EXTRACTIONS = TSV\nTRANSFORMS-t = auto, comments\n",
        transforms=(
            "[auto]\nSOURCE_KEY = MetaData:Source\nREGEX = ([a-zA-Z0-9]+)\\.log\nDEST_KEY = MetaData:Sourcetype\n"
            "FORMAT = sourcetype::zeek_$1\n[comments]\nREGEX = ^#\nDEST_KEY = queue\nFORMAT = nullQueue\n"
        ),
    )
    path = tmp_path / "dns.log"
    path.write_text(LOG, encoding="utf-8")
    found = rows(path, Evidence(str(path), "zeek", host="s"), IndexTime.load([mine]))
    assert found == [{"sourcetype": "zeek_dns", "uid": "C1", "id_orig_h": "192.0.2.1"}]


@pytest.mark.parametrize("path", ["../../etc", "a b", "x" * 65, "", "\u00e9"])
def test_a_path_that_is_no_name_makes_no_sourcetype(tmp_path: Path, path: str) -> None:
    file = tmp_path / "x.log"
    file.write_text(LOG.replace("conn", path, 1), encoding="utf-8")
    assert rows(file, Evidence(str(file)))[0]["sourcetype"] == "bro"


def test_logs_in_a_file_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zeektsv, "MOST_PATHS", 2)
    file = tmp_path / "x.log"
    file.write_text("".join(LOG.replace("conn", one).replace("C1", one) for one in "abcba"), encoding="utf-8")
    assert sorted(str(row["sourcetype"]) for row in rows(file, Evidence(str(file)))) == [
        "bro",
        "bro_a",
        "bro_a",
        "bro_b",
        "bro_b",
    ]
