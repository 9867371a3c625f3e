"""`trapline addons test`: examples of data sources against what ingest and the add-ons make of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.shared import ROOT, shared
from tests.unit.knowledgekit import addon, xml
from trapline.cli import cli
from trapline.coverage import check as coverage
from trapline.coverage.examples import Example, is_metadata, read_examples
from trapline.coverage.page import page
from trapline.coverage.reasons import reason_for, reasons
from trapline.errors import InputError, TraplineError
from trapline.knowledge import Knowledge

WHOLE = 159
"""Public examples that are covered wholly. It only goes up."""


def example(log: str, *fields: str, sourcetype: str = "mine", **more: str) -> dict[str, Any]:
    body = {"name": "Mine", "source": "mine", "sourcetype": sourcetype, "example_log": log, "fields": list(fields)}
    return body | more


def write(folder: Path, *examples: dict[str, Any]) -> Path:
    path = folder / "examples.json"
    path.write_text(json.dumps(list(examples)), encoding="utf-8")
    return path


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["addons", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_fields_of_splunk_itself_are_left_out() -> None:
    metadata = "host source index punct linecount splunk_server splunk_server_group date_hour date_zone timestartpos"
    assert all(map(is_metadata, [*metadata.split(), "eventtype", "tag", "tag::action", "unix_group", "_time", ""]))
    assert not any(map(is_metadata, ["dest", "tags", "time", "dates", "hostname"]))


@pytest.mark.parametrize(
    ("log", "flaw"),
    [
        ("", "it has no example"),
        ("10/09/2020 10:41:26 AM", "its example is only the first line of the event"),
        ("<Event><System></Event>", "its example is not well-formed XML"),
        ("<Event><a>1</a></Event>\n<Event/>", ""),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "its example is not well-formed XML"),
        ('{"a": 1', "its example is not JSON"),
        ('{"a": 1}', ""),
        ("[19/Aug/2024] USER=x", ""),
    ],
)
def test_examples_that_say_nothing(tmp_path: Path, log: str, flaw: str) -> None:
    (one,) = read_examples(write(tmp_path, example(log, "a")))
    assert one.flaw == flaw


def test_an_example_that_is_said_to_be_broken(tmp_path: Path) -> None:
    (one,) = read_examples(write(tmp_path, example('{"a": 1}', "a") | {"wellformed": False}))
    assert one.flaw == "its example is cut off"


def test_data_source_files(tmp_path: Path) -> None:
    folder = tmp_path / "data_sources"
    folder.mkdir()
    text = 'name: A\nid: 1\nsourcetype: s\nsource: x\nfields:\n- _time\n- a\n- b\nexample_log: \'{"a": "1"}\'\n'
    (folder / "a.yml").write_text(text, encoding="utf-8")
    expected = [Example("A", "s", "x", '{"a": "1"}', frozenset("ab"))]
    assert read_examples(tmp_path) == expected
    assert read_examples(folder) == expected


@pytest.mark.parametrize("text", ["[]", "{}", "not JSON", '[{"no": "name"}]'])
def test_no_examples(tmp_path: Path, text: str) -> None:
    path = tmp_path / "examples.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        read_examples(path)


def test_timestamp_is_a_default_field_unless_the_event_has_it(tmp_path: Path) -> None:
    """Getting Data In, "About default fields"."""
    given = [
        example('{"a": "1", "requestTimestamp": "1"}', "a", "timestamp"),
        example('{"timestamp": "1"}', "timestamp"),
    ]
    assert [one.fields for one in read_examples(write(tmp_path, *given))] == [frozenset("a"), {"timestamp"}]


def test_what_is_there_and_what_is_missing(tmp_path: Path) -> None:
    given = read_examples(write(tmp_path, example('{"a": "1"}', "a", "b", "c", "host", "date_hour")))
    mine = addon(tmp_path, props="[mine]\nEVAL-c = a . a\n")
    (bare,) = coverage.check(given, Knowledge()).checked
    assert (sorted(bare.covered), sorted(bare.missing)) == (["a"], ["b", "c"])
    (known,) = coverage.check(given, Knowledge.load([mine])).checked
    assert (sorted(known.covered), sorted(known.missing)) == (["a", "c"], ["b"])
    assert known.events == 1
    assert not known.whole


def test_an_example_of_another_source_is_shown_apart(tmp_path: Path) -> None:
    """It counts once its text is another: the table names what the example begins with."""
    name = "Splunk Stream IP"
    given = [example('site="a" b="1"', "b", "zz", name=name), example('{"a": "1"}', "a")]
    result = coverage.check(read_examples(write(tmp_path, *given)), Knowledge())
    assert [one.example.name for one in result.own] == ["Mine"]
    assert (result.whole, result.share, result.all_whole, result.all_share) == (1, 100.0, 1, 50.0)
    assert "(50.0 %)" in page(result)
    code, text = run("test", "--examples", str(write(tmp_path, *given)))
    assert code == 0
    assert "1 of 1 examples are covered wholly: 100.0 %" in text
    assert "1 that are no event of their source: 1 of 2, 50.0 %" in text
    (whole,) = read_examples(write(tmp_path, example('{"src_ip": "1"}', "src_ip", name=name)))
    assert not whole.misfiled


def test_equal_examples_are_both_read(tmp_path: Path) -> None:
    log = xml("System", 7036)
    given = [example(log, "EventCode", sourcetype="XmlWinEventLog", name=name) for name in "AB"]
    result = coverage.check(read_examples(write(tmp_path, *given)), Knowledge())
    assert [(one.example.name, one.whole, one.events) for one in result.checked] == [("A", True, 1), ("B", True, 1)]


def test_the_command(tmp_path: Path) -> None:
    path = write(tmp_path, example('{"a": "1"}', "a", "zz"), example("", "a", name="Empty"))
    code, text = run("test", "--examples", str(path))
    assert code == 1
    assert "zz?" in text
    assert "0 of 1 examples are covered wholly: 0.0 %" in text
    code, text = run("test", "--examples", str(path), "--json")
    body = json.loads(text)
    assert body["data_sources"][0]["missing"] == [{"field": "zz", "reason": None}]
    assert body["broken"] == [{"data_source": "Empty", "reason": "it has no example"}]
    with pytest.raises(TraplineError, match="no data source has"):
        run("test", "--examples", str(path), "--only", "nothing like it")
    assert run("test", "--examples", str(path), "--only", "mIN", "--all")[0] == 1
    code, text = run("test", "--examples", str(path), "--markdown")
    assert "| mine | `zz` | Mine | not made yet |" in text


def test_the_command_where_all_is_there(tmp_path: Path) -> None:
    assert run("test", "--examples", str(write(tmp_path, example('{"a": "1"}', "a"))))[0] == 0


def test_list_and_check(tmp_path: Path) -> None:
    mine = addon(tmp_path, props="[mine]\nEVAL-c = a . \nEVAL-d = a\n", eventtypes="[e]\nsearch = a=1\n")
    code, text = run("list", "--json", "--addon", str(mine))
    assert code == 0
    last = json.loads(text)["addons"][-1]
    assert (last["name"], last["sources"], last["settings"], last["eventtypes"]) == ("my_addon", ["mine"], 2, ["e"])
    assert last["problems"] == 1
    code, text = run("check", "--addon", str(mine))
    assert code == 1
    assert "my_addon/default/props.conf:2" in text


def test_the_table_of_reasons() -> None:
    for one in reasons():
        assert one.text.strip()
    assert reason_for("no such data source", "no such field") is None


def test_public_examples() -> None:
    """facts/DATA.md §3: names of fields that Splunk has for the example events of ESCU's data sources."""
    result = coverage.check(read_examples(shared("facts", "EXAMPLE_LOGS.json")), Knowledge.built_in())
    assert len(result.checked) == 168
    assert {one.example.name for one in result.misfiled} == {"Splunk Stream IP", "Windows Active Directory Admon"}
    assert len(result.own) == 166
    assert result.whole >= WHOLE
    assert result.share >= 95
    assert all(reason for one in result.checked for reason in one.missing.values())
    text = page(result)
    shown = (ROOT / "docs" / "addons.md").read_text(encoding="utf-8")
    for one in result.misfiled:
        assert f"| {one.example.name} | {one.example.misfiled} |" in shown
    for one in result.own:
        for name in one.missing:
            assert f"`{name}`" in text
            assert f"`{name}`" in shown, f"{one.example.name}: {name} is missing and not in docs/addons.md"
