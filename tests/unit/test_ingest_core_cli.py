"""`trapline ingest` as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.unit.test_ingest_core_intake import xml
from trapline.cli import cli
from trapline.cli.options import STORE_FOLDER, STORE_VARIABLE, default_store
from trapline.cli.render import clean, human_bytes, table_lines


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, ["ingest", *map(str, args)])


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    folder = tmp_path / "evidence"
    folder.mkdir()
    (folder / "a.xml").write_text("\n".join([xml(1), xml(2), xml(3)[:99], xml(4)]))
    (folder / "b.bin").write_bytes(bytes(range(256)) * 20)
    return folder


def test_tables_and_totals(tmp_path: Path, evidence: Path) -> None:
    result = run(evidence, "--store", tmp_path / "s")
    assert result.exit_code == 0, result.output
    assert "XmlWinEventLog:System" in result.output
    assert "2024-03-04 10:00:01" in result.output
    assert "1 x the event is cut off, kept as text" in " ".join(result.output.split())
    assert "4 events from 1 file" in result.output
    assert "1 record kept as text" in result.output
    assert "bad records" not in result.output
    assert "1 skipped: not recognised" in result.output
    assert max(map(len, result.output.splitlines())) <= 120


def test_json(tmp_path: Path, evidence: Path) -> None:
    result = run(evidence, "--store", tmp_path / "s", "--json", "--index", "win", "--host", "h")
    body = json.loads(result.stdout)
    assert (body["events"], body["bad_records"], body["index"], body["files_read"]) == (4, 0, "win", 1)
    assert body["kept_records"] == 1
    assert body["files"][0]["kept"] == {"the event is cut off": {"count": 1, "first": "line 3"}}
    assert body["files_skipped"] == {"not recognised": 1}


def test_exit_codes(tmp_path: Path, evidence: Path) -> None:
    store = tmp_path / "s"
    assert run(evidence / "b.bin", "--store", store).exit_code == 2
    assert run(tmp_path / "nope", "--store", store).exit_code == 2
    assert run(evidence / "a.xml", "--store", store).exit_code == 0
    assert run(evidence / "a.xml", "--store", store).exit_code == 0, "it is all there already"
    assert run("--store", store).exit_code == 2, "no path"


def test_formats_are_listed() -> None:
    result = run("--formats")
    assert result.exit_code == 0
    assert "xmlwineventlog" in result.output
    assert "evtx" in result.output


def test_names_of_files_cannot_steer_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("a\x1b[31m\nb")
    path.write_bytes(bytes(range(256)))
    result = run(path, "--store", "s")
    assert "\x1b" not in result.output
    assert "a\\x1b[31m\\nb" in result.output


def test_default_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STORE_VARIABLE, raising=False)
    assert default_store() == Path(STORE_FOLDER)
    monkeypatch.setenv(STORE_VARIABLE, "/elsewhere")
    assert default_store() == Path("/elsewhere")


@pytest.mark.parametrize("width", [20, 40, 79, 200])
@pytest.mark.parametrize("wrap", [False, True])
def test_tables_fit(width: int, wrap: bool) -> None:
    rows: list[list[object]] = [
        ["a" * 50, 1, "long words " * 9],
        ["日本語" * 20, None, "x"],
        ["\x1b]0;t\x07", 12, "\u202eevil"],
    ]
    lines = table_lines(["name", "n", "text"], rows, right=("n",), width=width, wrap=wrap)
    assert max(map(len, lines)) <= width
    assert not {"\x1b", "\x07", "\u202e"} & set("".join(lines))
    if wrap or width == 200:
        assert "".join("".join(lines).split()).count("longwords"[:4]) == 9


def test_small_things() -> None:
    assert clean("a\tb\x00\u200f") == "a\\tb\\x00\\u200f"
    assert [human_bytes(n) for n in (0, 1023, 1536, 200 << 20)] == ["0 B", "1023 B", "1.5 KB", "200 MB"]


def test_a_search_tells_what_of_its_data_is_text_only(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({f"k{at}": at for at in range(2_100)}) + '\n{"cmd":"mimikatz", "u":\n')
    result = CliRunner().invoke(cli, ["search", "--data", f"{path}::_json", "mimikatz | stats count"])
    assert result.exit_code == 0, result.output
    assert result.stdout.split()[-3:] == ["1", "1", "row"]
    assert "more than 2000 fields: the rest is in _raw only" in result.stderr
    assert "1 records in 1 files could not be parsed and are kept as text" in result.stderr
