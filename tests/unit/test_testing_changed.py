"""trapline test --changed and --watch: what a changed file touches; files that cannot be read; trees of the store."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.unit.test_testing_mutations import EXAMPLE, write
from trapline import app
from trapline.cli import cli
from trapline.testing import affected, extra, watch
from trapline.testing.datasets import Datasets

OTHER = "Base Process"
LOOKUP = """name: base_hosts
id: 4f4d6a9e-4f0c-4bb0-8a3e-2a1f5a2c9d10
version: 1
date: '2026-01-15'
author: Example
lookup_type: csv
description: Hosts that are known.
"""


def tree(root: Path) -> Path:
    """The example's content; one detection uses a macro in a macro, and a lookup in that."""
    write(root)
    (root / "detections/endpoint/base_owned_host.yml").unlink()
    (root / "lookups/base_hosts.yml").write_text(LOOKUP, encoding="utf-8")
    (root / "lookups/base_hosts.csv").write_text("dest,known\ntwo.corp.example,yes\n", encoding="utf-8")
    (root / "macros/base_known.yml").write_text(
        "name: base_known\ndefinition: lookup base_hosts dest OUTPUT known\ndescription: x\n", encoding="utf-8"
    )
    path = root / "macros/base_remote_tool_filter.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("search *", "'`base_known`'"), encoding="utf-8")
    return root


def git(root: Path, *words: str) -> None:
    who = ["-c", "user.name=Example", "-c", "user.email=example@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(root), *who, *words], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    root = tree(tmp_path / "content")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "first")
    return root


def touched(root: Path, changes: affected.Changes) -> dict[str, str]:
    """The detections of the tree that changes touch, with why."""
    content = app.content([str(root)])
    detections = app.to_test(content, (), [str(root)])
    found = affected.touched(content, detections, changes, Datasets(content), extra.read(content))
    return {one.detection.name: "; ".join(one.because).replace(str(root) + os.sep, "") for one in found}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def run(root: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["test", "--content", str(root), "--jobs", "1", *words])


@pytest.mark.parametrize(
    ("file", "because"),
    [
        ("detections/endpoint/base_remote_tool.yml", "its file detections/endpoint/base_remote_tool.yml"),
        ("macros/base_system.yml", "the macro base_system, macros/base_system.yml"),
        ("macros/base_known.yml", "the macro base_known, macros/base_known.yml"),
        ("lookups/base_hosts.yml", "the lookup base_hosts, lookups/base_hosts.yml"),
        ("lookups/base_hosts.csv", "the table of the lookup base_hosts, lookups/base_hosts.csv"),
        ("tests/endpoint/base.log", "its data tests/endpoint/base.log"),
    ],
)
def test_what_a_file_touches(file: str, because: str, tmp_path: Path) -> None:
    root = tree(tmp_path / "content")
    found = touched(root, affected.Changes(frozenset([(root / file).resolve()])))
    assert found == {EXAMPLE: because}


def test_a_table_may_be_named_by_its_file(tmp_path: Path) -> None:
    root = tree(tmp_path / "content")
    edit(root / "macros/base_known.yml", "lookup base_hosts dest OUTPUT known", "inputlookup append=t base_hosts.csv")
    found = touched(root, affected.Changes(frozenset([(root / "lookups/base_hosts.csv").resolve()])))
    assert found == {EXAMPLE: "the table of the lookup base_hosts, lookups/base_hosts.csv"}


def test_further_tests_touch_their_detection(tmp_path: Path) -> None:
    root = tree(tmp_path / "content")
    data = "[{data: tests/endpoint/base.log, source: x, sourcetype: y}]"
    side = root / "tests/endpoint/anything.test.yml"
    side.write_text(f"detection: {OTHER}\ntests:\n- name: a\n  attack_data: {data}\n", encoding="utf-8")
    assert touched(root, affected.Changes(frozenset([side.resolve()]))) == {
        OTHER: "its further tests tests/endpoint/anything.test.yml"
    }
    base = (root / "tests/endpoint/base.log").resolve()
    assert list(touched(root, affected.Changes(frozenset([base])))) == [OTHER, EXAMPLE]


def test_exceptions_of_validation_touch_all(tmp_path: Path) -> None:
    root = tree(tmp_path / "content")
    path = (root / "trapline-validate.yml").resolve()
    assert len(touched(root, affected.Changes(frozenset([path])))) == 2


def test_since_a_ref(repository: Path) -> None:
    assert touched(repository, affected.since([repository], "main")) == {}
    edit(repository / "lookups/base_hosts.csv", "two.", "three.")
    assert touched(repository, affected.since([repository], "main")) == {
        EXAMPLE: "the table of the lookup base_hosts, lookups/base_hosts.csv"
    }
    git(repository, "commit", "-q", "-a", "-m", "second")
    assert touched(repository, affected.since([repository], "HEAD")) == {}
    assert list(touched(repository, affected.since([repository], "HEAD~1"))) == [EXAMPLE]


def test_what_is_gone_or_new_touches_too(repository: Path) -> None:
    (repository / "macros/base_known.yml").unlink()
    assert touched(repository, affected.since([repository], "main")) == {EXAMPLE: "the macro base_known"}
    text = "name: base_known\ndefinition: search dest=*\ndescription: x\n"
    (repository / "macros/moved.yml").write_text(text, encoding="utf-8")
    assert list(touched(repository, affected.since([repository], "main"))) == [EXAMPLE]
    git(repository, "checkout", "-q", "--", "macros")
    (repository / "macros/moved.yml").unlink()
    (repository / "tests/endpoint/process.log").unlink()
    assert touched(repository, affected.since([repository], "main")) == {OTHER: "its data tests/endpoint/process.log"}


def test_the_command_tests_what_has_changed(repository: Path, tmp_path: Path) -> None:
    done = run(repository, "--changed", "main")
    assert (done.exit_code, done.stdout) == (0, "nothing that a test depends on has changed since main\n")
    found = json.loads(run(repository, "--changed", "main", "--json").stdout)
    assert (found["success"], found["detections"], found["changed"], found["since"]) == (True, [], {}, "main")

    edit(repository / "macros/base_system.yml", "XmlWinEventLog:System", "XmlWinEventLog:Systen")
    done = run(repository, "--changed", "main", "--json", "--out", str(tmp_path / "summary.yml"))
    found = json.loads(done.stdout)
    assert done.exit_code == 1
    assert list(found["changed"]) == [one["name"] for one in found["detections"]] == [EXAMPLE]
    assert "mode: changes" in (tmp_path / "summary.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("ref", ["nothing", "--help", "a b"])
def test_a_ref_that_is_none(ref: str, repository: Path) -> None:
    done = CliRunner().invoke(cli, ["test", "--content", str(repository), f"--changed={ref}"])
    assert "ref of the git repository" in str(done.exception)


def test_a_folder_without_git_and_no_folder(tmp_path: Path) -> None:
    root = tree(tmp_path / "content")
    assert "not in a git repository" in str(run(root, "--changed", "main").exception)
    done = CliRunner().invoke(cli, ["test", "--store", str(tmp_path / "none"), "--changed", "main"])
    assert "nothing but the built-in content" in str(done.exception)


def test_looks_see_what_is_saved(tmp_path: Path) -> None:
    first, second = tmp_path / "a/one.yml", tmp_path / "two.log"
    first.parent.mkdir()
    first.write_text("1", encoding="utf-8")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/index").write_text("1", encoding="utf-8")
    before = watch.look([tmp_path])
    assert set(before) == {first.resolve()}
    second.write_text("2", encoding="utf-8")
    first.unlink()
    assert watch.differing(before, watch.look([tmp_path])) == {first.resolve(), second.resolve()}


def test_following_waits_until_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "one.yml"
    steps = ["", "1", "12", "123", "123", "123", "1234", "1234"]
    ran: list[tuple[frozenset[Path], str]] = []

    def pause() -> bool:
        if not steps:
            return False
        step = steps.pop(0)
        if step and (not path.exists() or path.read_text(encoding="utf-8") != step):
            path.write_text(step, encoding="utf-8")
        return True

    watch.follow([tmp_path], lambda changed: ran.append((changed, path.read_text(encoding="utf-8"))), pause)
    assert ran == [(frozenset([path.resolve()]), "123"), (frozenset([path.resolve()]), "1234")]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A shell starts what runs in its background with interrupts ignored, and processes inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_watching_runs_again_and_ends_on_an_interrupt(tmp_path: Path) -> None:
    root = tree(tmp_path / "content")
    words = ["test", EXAMPLE, "--content", str(root), "--watch", "--no-integration", "--jobs", "1"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "trapline", *words], stdout=out, stderr=out, env=environment, cwd=tmp_path
        )
    try:
        _until(log, "watching; Ctrl-C ends", process)
        edit(root / "macros/base_system.yml", "XmlWinEventLog:System", "XmlWinEventLog:Systen")
        said = _until(log, "watching; Ctrl-C ends", process, 2)
        assert "0 passed, 1 failed" in said
        assert "saved: " in said
        assert f"{EXAMPLE}: changed is the macro base_system," in said
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 1, log.read_text(encoding="utf-8")
    finally:
        process.kill()
        process.wait()


def _until(log: Path, words: str, process: subprocess.Popen[bytes], times: int = 1) -> str:
    end = time.monotonic() + 120
    while (text := log.read_text(encoding="utf-8")).count(words) < times:
        assert process.poll() is None, text
        assert time.monotonic() < end, text
        time.sleep(0.05)
    return text


def test_a_file_that_cannot_be_read_is_a_failed_entry(tmp_path: Path) -> None:
    root = tree(tmp_path / "content")
    path = root / "detections/endpoint/base_process.yml"
    path.write_text("name: [\n", encoding="utf-8")
    (root / "tests/endpoint/base_remote_tool.test.yml").write_text("tests: [{name: x}]\n", encoding="utf-8")
    done = run(root, "--json", "--no-integration")
    found = {one["name"]: one for one in json.loads(done.stdout)["detections"]}
    assert done.exit_code == 1
    assert found["base_process"]["status"] == "fail"
    assert found["base_process"]["tests"][0]["failures"][0]["details"] == [f"{path}:2"]
    assert found[EXAMPLE]["tests"][-1]["failures"][0]["reason"] == "the test names no data"

    named = json.loads(run(root, "--json", "--no-integration", EXAMPLE).stdout)
    assert [one["name"] for one in named["detections"]] == [EXAMPLE]
    assert not named["success"]


def test_trees_of_the_store_are_tested_and_validated(tmp_path: Path) -> None:
    root, store = tree(tmp_path / "given"), tmp_path / "store"
    runner = CliRunner()
    assert runner.invoke(cli, ["content", "add", str(root), "--store", str(store)]).exit_code == 0
    done = runner.invoke(cli, ["test", EXAMPLE, "--store", str(store), "--no-integration", "--json"])
    assert done.exit_code == 0, done.output
    edit(store / "content/given/detections/endpoint/base_remote_tool.yml", "| stats count", "| stat count")
    done = runner.invoke(cli, ["content", "validate", "--store", str(store), "--rule", "compile"])
    assert done.exit_code == 1
    assert "stat" in done.output
    done = runner.invoke(cli, ["test", EXAMPLE, "--store", str(store), "--no-integration", "--json"])
    assert done.exit_code == 1
