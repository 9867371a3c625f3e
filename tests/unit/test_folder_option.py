"""--folder: where inputcsv, outputcsv and outputlookup keep files, from the command line and without a store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from trapline.cli import cli


def search(folder: Path, spl: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(cli, ["search", "--store", str(folder / "none"), "--folder", str(folder), "--json", spl])
    assert done.exit_code == 0, done.exception
    rows: list[dict[str, Any]] = json.loads(done.stdout)["rows"]
    return rows


def test_a_table_written_and_read_back(tmp_path: Path) -> None:
    search(tmp_path, "| makeresults count=2 | streamstats count as n | table n | outputcsv numbers")
    assert search(tmp_path, "| inputcsv numbers where n>1") == [{"n": "2"}]
    assert (tmp_path / "numbers.csv").is_file()


def test_a_file_without_a_suffix_is_read_as_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "bar").write_text("a\n1\n", encoding="utf-8")
    (tmp_path / "bar.csv").write_text("a\n2\n", encoding="utf-8")
    assert search(tmp_path, "| inputcsv bar") == [{"a": "1"}]


def test_a_lookup_written_and_read_back(tmp_path: Path) -> None:
    search(tmp_path, '| makeresults | eval k="a" | table k | outputlookup known.csv')
    assert search(tmp_path, "| inputlookup known.csv") == [{"k": "a"}]


def test_without_a_folder_the_way_to_name_one() -> None:
    done = CliRunner().invoke(cli, ["search", "| inputcsv x"])
    assert "no folder for files" in str(done.exception)
    assert "--folder DIR" in str(getattr(done.exception, "hint", ""))
