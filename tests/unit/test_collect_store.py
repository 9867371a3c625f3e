"""collect writes to the user's store from the command line, and later searches read it back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from trapline.cli import cli
from trapline.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Path:
    Store.open(tmp_path / "store").close()
    return tmp_path / "store"


def search(store: Path, spl: str, *options: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(cli, ["search", "--store", str(store), "--json", *options, spl])
    assert done.exit_code == 0, done.output
    rows: list[dict[str, Any]] = json.loads(done.stdout)["rows"]
    return rows


MADE = '| makeresults | eval _time=1705329000, user=split("al,bo",","), n=2, host="web" | collect '


def test_what_was_collected_is_read_back(store: Path) -> None:
    search(store, MADE + 'index=daily source=report marker="search_name=\\"a b\\", part=1"', "--now", "1705329600")
    found = search(store, "index=daily | fields - _indextime")
    assert found == [
        {
            "_time": 1705329000,
            "_raw": "01/15/2024 14:30:00 +0000, info_search_time=1705329600.000, host=web, n=2, "
            'user="al\nbo", search_name="a b", part=1',
            "index": "daily",
            "sourcetype": "stash",
            "source": "report",
            "extracted_host": "web",
            "info_search_time": "1705329600.000",
            "n": "2",
            "part": "1",
            "search_name": "a b",
            "user": ["al", "bo"],
        }
    ]
    assert search(store, 'index=daily search_name="a b" user=bo sourcetype=stash | stats count') == [{"count": 1}]


def test_each_run_adds_events(store: Path) -> None:
    for _ in range(2):
        search(store, MADE.removesuffix("collect ") + "collect")
    assert search(store, "index=summary source=search | stats count sum(n) as n") == [{"count": 2, "n": 4}]


def test_events_are_copied_with_their_text_and_host(store: Path) -> None:
    search(store, MADE + "index=a output_format=hec")
    search(store, "index=a | collect index=b")
    assert search(store, "index=b | table _time _raw host sourcetype n") == [
        {"_time": 1705329000, "_raw": '{"n": 2, "user": ["al", "bo"]}', "host": "web", "sourcetype": "stash", "n": "2"}
    ]


@pytest.mark.parametrize("spl", [MADE + "testmode=true", MADE.replace("collect", "head 0 | collect")])
def test_nothing_is_written(store: Path, spl: str) -> None:
    search(store, spl)
    with Store.open(store, create=False) as kept:
        assert kept.snapshot().tables == ()


def test_files_of_evidence_are_no_place_to_write(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": "1"}\n', encoding="utf-8")
    done = CliRunner().invoke(cli, ["search", "--data", str(tmp_path / "a.json"), "* | collect"])
    assert "cannot write to the index 'summary'" in str(done.exception)


def test_a_name_that_is_no_index(store: Path) -> None:
    done = CliRunner().invoke(cli, ["search", "--store", str(store), MADE + "index=UPPER"])
    assert "cannot be an index name" in str(done.exception)


def test_looking_at_a_search_writes_nothing(store: Path) -> None:
    done = CliRunner().invoke(cli, ["explain", "--store", str(store), MADE])
    assert done.exit_code == 0, done.exception
    with Store.open(store, create=False) as kept:
        assert kept.snapshot().tables == ()
