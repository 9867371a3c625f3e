"""`trapline diff`: what changed, stage by stage; what did not although it looks other; what is enabled and behind."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from trapline.cli.commands.diff import command
from trapline.content import read, tree
from trapline.content.convert import convert
from trapline.content.model import Generation
from trapline.content.read import load, with_defaults
from trapline.splunkapp import gittree
from trapline.splunkapp.compare import Change, behind, compare
from trapline.splunkapp.spltext import canonical, stages
from trapline.splunkapp.spltext import compare as compare_spl
from trapline.splunkapp.views import digest

RULE = """\
name: {name}
id: {id}
version: {version}
date: '2024-05-06'
author: A. Author
type: Anomaly
status: production
description: {description}
data_source: [Some Log]
search: '{search}'
how_to_implement: Collect it.
known_false_positives: None known.
tags:
  analytic_story: []
  asset_type: Endpoint
  confidence: 50
  impact: {impact}
  message: Seen on $dest$
  mitre_attack_id: [T1059]
  observable:
  - {{name: dest, type: Hostname, role: [Victim]}}
  product: [Splunk Enterprise]
  required_fields: [_time]
  security_domain: endpoint
"""
SEARCH = "`some_log` EventCode=1 | stats count by dest, user | where count > 5 | `one_filter`"


def rule(
    root: Path,
    name: str = "One",
    *,
    guid: str = "11111111-2222-4333-8444-555555555555",
    version: int = 1,
    description: str = "What it finds.",
    search: str = SEARCH,
    impact: int = 40,
) -> None:
    text = RULE.format(
        name=name, id=guid, version=version, description=description, search=search.replace("'", "''"), impact=impact
    )
    write(root, f"detections/endpoint/{name.lower()}.yml", text)


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    """Two equal trees."""
    old, new = tmp_path / "old", tmp_path / "new"
    for root in (old, new):
        rule(root)
        write(root, "macros/some_log.yml", "name: some_log\ndefinition: index=`where_it_is`\ndescription: d\n")
        write(root, "macros/where_it_is.yml", "name: where_it_is\ndefinition: main\ndescription: d\n")
        write(root, "lookups/names.yml", "name: names\nfilename: names.csv\ndescription: d\n")
        write(root, "lookups/names.csv", "name\nx\n")
    return old, new


def run(*words: object) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("index=main | stats count by a, b", "index=main\n|  stats   count by a,b"),
        ("index = main | where a > 5", "index=main|where a>5"),
        ("index=main ```why``` | head 5", "index=main | head ```how many``` 5"),
        ("| tstats count", "  |tstats count "),
        ("a=1 [ search b=2 | fields c ]", "a=1 [search b=2|fields c]"),
        ("`m(a, b)` | head", "`m(a,b)` | head"),
    ],
)
def test_the_same_search(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)
    assert compare_spl(one, other) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('index=main x="a b"', 'index=main x="a  b"'),
        ('| rex "a = b"', '| rex "a=b"'),
        ("index=main | head 5", "index=main | head 6"),
        ("a b", "ab"),
        ('x="```a```"', 'x="```b```"'),
    ],
)
def test_another_search(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


def test_a_search_stage_by_stage() -> None:
    found = compare_spl("index=main | where a>5 | table x", "index=main ```new``` | where a > 6 | dedup x | table x")
    assert [(one.mark, one.text, one.first) for one in found] == [
        (" ", "index=main", True),
        ("-", "where a>5", False),
        ("+", "where a > 6", False),
        ("+", "dedup x", False),
        (" ", "table x", False),
    ]
    assert stages('a | `m("x | y")` | b') == ["a", '`m("x | y")`', "b"]
    assert stages('a "never closed | b') == ['a "never closed | b']


def test_no_difference(trees: tuple[Path, Path]) -> None:
    old, new = trees
    rule(new, search=SEARCH.replace(" | ", "\n\n  |   ") + " ```a note```")
    done = run(old, new)
    assert done.exit_code == 0
    assert "detection: no difference; 1 the same" in done.stdout


def test_a_change_shows_stage_and_values(trees: tuple[Path, Path]) -> None:
    old, new = trees
    rule(new, version=2, impact=80, search=SEARCH.replace("> 5", "> 50"))
    done = run(old, new)
    assert done.exit_code == 1
    assert "~ One  detection changed, version 1 -> 2" in done.stdout
    assert "      - | where count > 5\n      + | where count > 50\n" in done.stdout
    assert "risk score: 20 -> 40" in done.stdout
    assert "      - dest (system) 20\n      + dest (system) 40\n" in done.stdout
    assert "\x1b" not in done.stdout
    (entry,) = json.loads(run(old, new, "--json").stdout)["entries"]
    assert entry["behaviour"]
    assert entry["old_version"] == 1
    assert entry["new_digest"] != entry["old_digest"]
    assert {"field": "risk score", "old": 20, "new": 40} in entry["fields"]
    assert [one["mark"] for one in entry["spl"]] == [" ", " ", "-", "+", " "]
    assert "\x1b[33m" in CliRunner().invoke(command, [str(old), str(new)], color=True).stdout


def test_texts_only(trees: tuple[Path, Path]) -> None:
    old, new = trees
    rule(new, description="What it is about.")
    assert "texts only" in run(old, new).stdout
    assert run(old, new, "--behaviour").exit_code == 0
    before, after = read.load(old), read.load(new)
    assert digest(before.find("One"), before) == digest(after.find("One"), after)
    rule(new, description="What it\n  finds.")  # the same words on other lines
    assert run(old, new).exit_code == 0


def test_added_removed_renamed(trees: tuple[Path, Path]) -> None:
    old, new = trees
    rule(old, "Gone", guid="11111111-2222-4333-8444-000000000001")
    rule(new, "Fresh", guid="11111111-2222-4333-8444-000000000002")
    (new / "detections/endpoint/one.yml").unlink()
    rule(new, "Other", impact=80)
    found = compare(read.load(old), read.load(new))
    assert [(one.name, one.old_name, one.change) for one in found.of("detection")] == [
        ("Fresh", "", Change.ADDED),
        ("Gone", "", Change.REMOVED),
        ("Other", "One", Change.RENAMED),
    ]
    assert found.counts()["detection"] == {"added": 1, "removed": 1, "renamed": 1, "changed": 0, "same": 0}
    done = run(old, new, "--kind", "detection", "--stat")
    assert done.stdout == "detection: 1 added, 1 removed, 1 renamed; 0 the same\n"
    assert run(old, new, "--kind", "story").exit_code == 0


def test_a_table_and_a_macro(trees: tuple[Path, Path]) -> None:
    old, new = trees
    write(new, "lookups/names.csv", "name\nx\ny\n")
    write(new, "macros/where_it_is.yml", "name: where_it_is\ndefinition: other\ndescription: d\n")
    found = compare(read.load(old), read.load(new))
    assert [(one.kind, one.name) for one in found.entries] == [("macro", "where_it_is"), ("lookup", "names")]
    (table,) = found.of("lookup")[0].fields
    assert str(table.old).startswith("1 rows, ")
    assert str(table.new).startswith("2 rows, ")


def test_the_same_in_another_generation(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    rule(old, impact=80)
    text = (old / "detections/endpoint/one.yml").read_text()
    text = re.sub(r"(?m)^  (confidence|impact|message|required_fields): .*\n", "", text)
    text = re.sub(r"(?ms)^  observable:\n  - .*?\n(?=  product)", "", text)
    text += "rba:\n  message: Seen on $dest$\n  risk_objects: [{field: dest, type: system, score: 40}]\n"
    write(new, "detections/endpoint/one.yml", text)
    assert run(old, new).exit_code == 0


def test_deployments_that_are_not_there_are_those_that_build_takes(trees: tuple[Path, Path], tmp_path: Path) -> None:
    """S3 names its schedule and a title of its findings, which say what S1 has by default."""
    old, _ = trees
    content = with_defaults(load(old))
    made = convert(content, Generation.S3, day=date(2026, 1, 1), author="us")
    new = tmp_path / "s3"
    tree.write_new(tree.files(made, content, Generation.S3), new)
    (found,) = [one for one in json.loads(run(old, new, "--json").stdout)["entries"] if one["kind"] == "detection"]
    assert not found["behaviour"], found


def test_what_is_enabled_and_behind(trees: tuple[Path, Path], tmp_path: Path) -> None:
    old, new = trees
    rule(old, "Two", guid="11111111-2222-4333-8444-000000000001")
    rule(new, "Two", guid="11111111-2222-4333-8444-000000000001", version=2, search=SEARCH + " | head 1")
    store = tmp_path / "store"
    store.mkdir()
    (store / "enabled.yml").write_text('"One": true\n"Two": false\n"Nowhere": true\n')
    done = run(old, new, "--store", store)
    assert "all enabled detections are as they are upstream" in done.stdout
    assert "the content has no detection 'Nowhere'" in done.stderr
    write(new, "macros/where_it_is.yml", "name: where_it_is\ndefinition: other\ndescription: d\n")
    (store / "enabled.yml").write_text('"One": true\n"Two": true\n')
    done = run(old, new, "--store", store)
    assert "2 enabled detections are behind:" in done.stdout
    assert "  One: macro where_it_is changed\n" in done.stdout
    assert "  Two: version 1 -> 2; SPL; macro where_it_is changed\n" in done.stdout
    (one, two) = json.loads(run(old, new, "--store", store, "--json").stdout)["behind"]
    assert one == {
        "name": "One",
        "change": None,
        "through": [{"kind": "macro", "name": "where_it_is", "change": "changed"}],
    }
    assert two["change"]["new_version"] == 2
    before = read.load(old)
    assert behind(compare(before, before), before, before.detections) == []


def test_markdown_is_escaped(trees: tuple[Path, Path]) -> None:
    old, new = trees
    rule(new, description="<b>x</b> | [y](z)", search=SEARCH + ' | eval a="```` x"')
    done = run(old, new, "--format", "markdown")
    assert done.exit_code == 1
    assert "### One" in done.stdout
    assert "<b>" not in done.stdout.split("```")[0]
    assert "\n`````diff\n" in done.stdout


def test_control_characters_do_not_reach_the_terminal(trees: tuple[Path, Path]) -> None:
    old, new = trees
    text = (old / "detections/endpoint/one.yml").read_text().replace("What it finds.", '"\\e[31mred"')
    write(new, "detections/endpoint/one.yml", text)
    assert "\x1b" not in CliRunner().invoke(command, [str(old), str(new)]).stdout


def test_what_cannot_be_read_is_said(trees: tuple[Path, Path]) -> None:
    old, new = trees
    write(new, "detections/endpoint/one.yml", "name: One\ntype: Anomaly\n")
    done = run(old, new)
    assert done.exit_code == 1
    assert "left out of the comparison" in done.stderr


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_refs_of_a_repository(trees: tuple[Path, Path]) -> None:
    old, _ = trees

    def git(*words: str) -> None:
        settings = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *settings, "-C", str(old), *words], check=True, capture_output=True)

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    git("tag", "v1")
    rule(old, version=2)
    git("add", ".")
    git("commit", "-qm", "second")
    assert "version 1 -> 2" in run("v1", "HEAD", "--repo", old).stdout
    assert "version 1 -> 2" in run(f"{old}@v1", old).stdout
    assert run("HEAD", "HEAD", "--repo", old).exit_code == 0


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_what_a_repository_says_is_not_run(trees: tuple[Path, Path], tmp_path: Path) -> None:
    """Its configuration names programs for the contents of files, for what changed, and for objects it lacks."""
    old, _ = trees
    ran = tmp_path / "ran"
    program = tmp_path / "program.sh"
    program.write_text(f"#!/bin/sh\necho ran >> {ran}\ncat\n")
    program.chmod(0o755)

    def git(*words: str) -> None:
        settings = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *settings, "-C", str(old), *words], check=True, capture_output=True)

    git("init", "-q")
    write(old, ".gitattributes", "*.yml filter=a=b diff=c\n")
    git("add", ".")
    git("commit", "-qm", "first")
    git("tag", "v1")
    with (old / ".git" / "config").open("a") as file:
        for name in ("clean", "smudge"):
            file.write(f'[filter "a=b"]\n{name} = {program}\n')
        file.write(f'[diff "c"]\ntextconv = {program}\ncommand = {program}\n')
        file.write(f"[core]\nfsmonitor = {program}\nsshCommand = {program}\nhooksPath = {tmp_path}\n")
    rule(old, version=2)
    git("archive", "--output", str(tmp_path / "x.tar"), "v1")
    assert ran.exists()  # as git by itself would
    ran.unlink()
    assert "version 1 -> 2" in run(f"{old}@v1", old).stdout
    _, changed, _ = gittree.changes(old, "v1")
    assert changed
    assert gittree.text_at(old, "v1", ".gitattributes") == b"*.yml filter=a=b diff=c\n"
    assert not ran.exists()


@pytest.mark.parametrize("ref", ["nowhere", "--output=x", "HEAD:detections", "a b", ""])
def test_what_is_no_ref(trees: tuple[Path, Path], ref: str) -> None:
    from trapline.errors import InputError

    old, _ = trees
    done = CliRunner().invoke(command, ["--repo", str(old), "--", ref, str(old)])
    assert isinstance(done.exception, InputError)
    assert done.exception.code == "diff.tree"
