"""lint from the outside: what it reads, where its findings are in a file, JSON, SARIF, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.shared import shared
from trapline.cli import cli
from trapline.cli.linttext import One, to_json
from trapline.cli.linttext import Result as Checked
from trapline.content.read import default_content, read_macros
from trapline.errors import InputError
from trapline.lint.check import check
from trapline.lint.inputs import Search, read
from trapline.spl.macros import Macro

MACRO = "name: my_events\ndefinition: index=mine\n"
LITERAL = """\
name: Literal
type: TTP
search: |
  `my_events` user!=admin
  | join user [search index=b | dedup user host]
  | `literal_filter`
"""
FOLDED = """\
name: Folded
search: '`my_events`

  | where ''a b''=1 AND process_name="CMD.exe" | head 1'
"""
PLAIN = """\
name: Plain
search: index=mine user!=admin
  | stats count by host
  | where user=1
"""
DOUBLE = r"""
name: Double
search: "index=mine path=\"C:\\\\x\" user!=admin"
"""
CONF = """\
[one]
disabled = 0
search = index=mine \\
  user!=admin | head 1

[two]
search = index=mine | stast count
"""


def content(folder: Path) -> Path:
    """A content folder with macros beside the detections."""
    for name, text in {
        "macros/my_events.yml": MACRO,
        "detections/endpoint/literal.yml": LITERAL,
        "detections/endpoint/folded.yml": FOLDED,
        "detections/plain.yml": PLAIN,
        "detections/double.yml": DOUBLE,
        "detections/none.yml": "name: nothing to search\n",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "detections"


def lint(*args: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["lint", *args], input=stdin, env={"COLUMNS": "100"})


def findings(*args: str, stdin: str | None = None) -> list[dict[str, Any]]:
    done = lint(*args, "--json", stdin=stdin)
    assert done.exit_code in (0, 1), done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
    return found


def text_at(one: dict[str, Any]) -> str:
    assert one["line"] == one["end_line"]
    line: str = Path(one["file"]).read_text(encoding="utf-8").split("\n")[one["line"] - 1]
    return line[one["column"] - 1 : one["end_column"] - 1]


def test_places_in_yaml_of_every_style(tmp_path: Path) -> None:
    found = findings(str(content(tmp_path)), "--level", "info")
    assert {(Path(one["file"]).name, one["code"], text_at(one)) for one in found} == {
        ("literal.yml", "TL106", "user!=admin"),
        ("literal.yml", "TL105", "join"),
        ("literal.yml", "TL104", "search index=b | dedup user host"),
        ("folded.yml", "TL108", 'process_name="CMD.exe"'),
        ("plain.yml", "TL101", "user"),
        ("plain.yml", "TL106", "user!=admin"),
        ("double.yml", "TL106", "user!=admin"),
    }
    assert {one["name"] for one in found} == {"Literal", "Folded", "Plain", "Double"}


def test_the_summary(tmp_path: Path) -> None:
    (content(tmp_path) / "own.yml").write_text("name: Own\nsearch: index=a | mine x | eval y=f(z)\n")
    done = lint(str(tmp_path / "detections"), "--json")
    found = json.loads(done.stdout)["summary"]
    assert (found["searches"], found["parsed"], found["failed"]) == (5, 5, 0)
    assert found["unsupported"] == [
        {"kind": "command", "name": "mine", "searches": 1},
        {"kind": "function", "name": "f", "searches": 1},
    ]
    assert found["searches_with_unsupported"] == 1
    assert found["severities"] == {"error": 0, "warning": 8, "info": 1}
    assert (found["level"], found["hidden"]) == ("warning", 1)


def test_saved_searches(tmp_path: Path) -> None:
    path = tmp_path / "savedsearches.conf"
    path.write_text(CONF, encoding="utf-8")
    found = findings(str(path))
    assert [(one["name"], one["code"], one["line"], text_at(one)) for one in found] == [
        ("one", "TL106", 4, "user!=admin"),
        ("two", "TL001", 7, "stast"),
    ]


def test_a_text_file_and_standard_input(tmp_path: Path) -> None:
    path = tmp_path / "my search.spl"
    path.write_text('index=a\n| where x="*y"\n', encoding="utf-8")
    (one,) = findings(str(path))
    assert (one["line"], one["column"], text_at(one)) == (2, 9, 'x="*y"')
    (two,) = findings("-", stdin='index=a\n| where x="*y"')
    assert (two["file"], two["line"], two["column"]) == ("-", 2, 9)


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["index=a | stats count by host"], 0),
        (["index=a process=*x"], 0),
        (["index=a user!=x"], 1),
        (["index=a user!=x", "--ignore", "TL106"], 0),
        (["index=a user!=x", "--select", "TL1", "--ignore", "not-equal-absent"], 0),
        (["index=a | where ("], 1),
        (["no_such_file"], 2),
        ([], 2),
        (["index=a b", "--select", "TL999"], 2),
        (["index=a b", "--json", "--sarif"], 2),
        (["--list-rules"], 0),
    ],
)
def test_exit_codes(args: list[str], code: int) -> None:
    from trapline.cli import main

    if not code:
        main(["lint", *args])  # a command that ends well just returns
        return
    with pytest.raises(SystemExit) as left:
        main(["lint", *args])
    assert left.value.code == code


def test_the_text_has_place_reason_caret_and_hint() -> None:
    done = lint("index=a user!=x | head 1")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[:4] == [
        "1:9: warning TL106 user!=x leaves out events that have no user [not-equal-absent]",
        "    index=a user!=x | head 1",
        "            ^^^^^^^",
        "    hint: write NOT user=x to keep them, or add user=* to say that it is required",
    ]


def test_remarks_are_shown_on_request() -> None:
    assert "TL103" not in lint("index=a p=*x").stdout
    assert "TL103" in lint("index=a p=*x", "--level", "info").stdout


def test_a_level_decides_what_is_shown_and_counts(tmp_path: Path) -> None:
    both = "index=a p=*x user!=x"
    for level, codes, code in (("info", ["TL103", "TL106"], 1), ("warning", ["TL106"], 1), ("error", [], 0)):
        done = lint(both, "--json", "--level", level)
        found = json.loads(done.stdout)
        assert ([one["code"] for one in found["findings"]], done.exit_code) == (codes, code)
        assert found["summary"]["severities"] == {"error": 0, "warning": 1, "info": 1}
        assert (found["summary"]["level"], found["summary"]["hidden"]) == (level, 2 - len(found["findings"]))
        log = json.loads(lint(both, "--sarif", "--level", level).stdout)
        assert [one["ruleId"] for one in log["runs"][0]["results"]] == codes


def test_a_name_with_a_dot_and_no_quotes_is_one_finding() -> None:
    done = lint('index=a | stats count by P.dest | where P.dest="x" AND count>1 AND gone.x=1 AND lost>1', "--json")
    assert [(one["reason"].split()[0], one["span"]) for one in json.loads(done.stdout)["findings"]] == [
        ("P.dest", [40, 46]),
        ("gone.x", [67, 73]),
        ("there", [80, 84]),
    ]


def test_files_that_are_no_use(tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text("name: x\nsearch: [unclosed\n")
    (tmp_path / "binary.spl").write_bytes(b"index=a\n\xff\xfe")
    (tmp_path / "empty.spl").write_text("")
    found = {Path(one["file"]).name: (one["code"], one["line"]) for one in findings(str(tmp_path))}
    assert found["binary.spl"] == ("TL000", 2)
    assert found["bad.yml"][0] == "TL000"
    assert found["empty.spl"] == ("TL001", 1)
    assert findings(str(tmp_path / "bad.yml"))[0]["code"] == "TL000"


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "a.spl"
    path.write_text('index=a x!="\x1b[31m" | head 1')
    done = lint(str(path))
    assert "\x1b" not in done.stdout
    assert "\\x1b[31m" in done.stdout


def test_list_rules_as_json() -> None:
    rules = json.loads(lint("--list-rules", "--json").stdout)["rules"]
    assert {"code", "rule", "severity", "summary", "text"} == set(rules[0])


# --- SARIF ---------------------------------------------------------------------------------------------------------


def test_sarif_has_the_required_shape(tmp_path: Path) -> None:
    done = lint(str(content(tmp_path)), "index=a user!=x", "--sarif")
    assert done.exit_code == 1
    log = json.loads(done.stdout)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["shortDescription"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
    assert run["columnKind"] == "unicodeCodePoints"
    assert len(run["results"]) == 7
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"]
        (location,) = result["locations"]
        physical = location["physicalLocation"]
        assert " " not in physical["artifactLocation"]["uri"]
        region = physical["region"]
        assert all(isinstance(value, int) and value >= 1 for value in region.values())
        assert (region["startLine"], region["startColumn"]) <= (region["endLine"], region["endColumn"])
    assert run["results"][-1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "search.spl"


# --- the public content --------------------------------------------------------------------------------------------


def test_every_public_detection_parses() -> None:
    folder = shared("content", "security_content", "detections")
    known: dict[str, Macro] = dict(default_content().macros())
    known.update({one.key: one for one in read_macros(shared("content", "security_content", "macros"), [])})
    checked = []
    for search in sorted_every(read([str(folder)]), 5):
        own = {name: known["windows_service_create_remcomsvc_filter"] for name in search.filters if name not in known}
        checked.append(One(search, check(search.text, {**own, **known})))
    found = to_json(Checked(tuple(checked)))
    assert found["summary"]["searches"] > 300
    assert found["summary"]["failed"] == 0, [one for one in found["findings"] if one["code"] == "TL001"]
    assert not [one for one in found["findings"] if one["code"] == "TL003"]


def sorted_every(found: Any, step: int) -> list[Search]:
    """Each step-th search: the whole takes too long for a test."""
    searches = [one for one in found if not isinstance(one, InputError)]
    assert all(isinstance(one, Search) for one in searches)
    return searches[::step]
