"""`content add`: trees of others in the store, from git and from folders; and what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from trapline import app
from trapline.cli import cli
from trapline.content import fetching
from trapline.errors import InputError, TraplineError

MACRO = "name: our_index\ndefinition: index=ours\n"
git_only = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *args: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(folder), *who, *args], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "upstream"
    (root / "macros").mkdir(parents=True)
    (root / "macros/our_index.yml").write_text(MACRO)
    (root / "macros/outside.yml").symlink_to("/etc/hostname")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "first")
    return root


def commit(root: Path, text: str) -> None:
    (root / "macros/our_index.yml").write_text(text)
    git(root, "commit", "-q", "-a", "-m", "next")


@git_only
def test_a_repository_is_cloned_and_updated(tmp_path: Path, repository: Path) -> None:
    store, url = tmp_path / "store", repository.as_uri()
    found = fetching.add(store / app.CONTENT, url)
    assert (found.name, found.updated, found.before) == ("upstream", False, "")
    assert found.commit == git(repository, "rev-parse", "HEAD")
    assert not (found.path / "macros/outside.yml").is_symlink()
    assert git(found.path, "rev-list", "--count", "HEAD") == "1"
    commit(repository, MACRO.replace("index=ours", "index=newer"))
    again = fetching.add(store / app.CONTENT, url)
    assert (again.updated, again.before, again.commit) == (True, found.commit, git(repository, "rev-parse", "HEAD"))
    macro = app.content(store=store).macro("our_index")
    assert macro is not None
    assert macro.definition == "index=newer"
    assert app.content().macro("our_index") is None


@git_only
def test_changes_of_ones_own_are_not_lost(tmp_path: Path, repository: Path) -> None:
    found = fetching.add(tmp_path / "c", repository.as_uri())
    (found.path / "macros/our_index.yml").write_text(MACRO + "description: mine\n")
    with pytest.raises(InputError, match="changed here"):
        fetching.add(tmp_path / "c", repository.as_uri())


@git_only
def test_hooks_do_not_run(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    template = tmp_path / "template/hooks"
    template.mkdir(parents=True)
    for name in ("post-checkout", "post-merge", "reference-transaction"):
        (template / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (template / name).chmod(0o755)
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(template.parent))
    fetching.add(tmp_path / "c", repository.as_uri())
    fetching.add(tmp_path / "c", repository.as_uri())
    assert not (tmp_path / "ran").exists()


@git_only
@pytest.mark.parametrize("ref", [None, "nothing"])
def test_a_repository_that_cannot_be_had(tmp_path: Path, repository: Path, ref: str | None) -> None:
    url = repository.as_uri() if ref else (tmp_path / "absent").as_uri()
    with pytest.raises(TraplineError, match=f"git cannot get {url}: ") as caught:
        fetching.add(tmp_path / "c", url, ref=ref)
    assert caught.value.exit_code == 3
    assert ("nothing not found" if ref else "does not appear to be a git repository") in caught.value.reason
    assert "file:///FOLDER" in str(caught.value.hint)
    assert list((tmp_path / "c").iterdir()) == []


def test_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(TraplineError, match="git is not installed"):
        fetching.add(tmp_path / "c", "https://example.com/a.git")


@pytest.mark.parametrize(
    "source",
    [
        "ext::sh -c touch% /tmp/x",
        "ext://x",
        "http://example.com/a.git",
        "https+ext::sh://a",
        "ssh://-oProxyCommand=x/a",
        "https:///a",
        "--upload-pack=x",
        "git@example.com:a/b.git",
        "nowhere",
    ],
)
def test_sources_that_are_refused(tmp_path: Path, source: str) -> None:
    with pytest.raises(InputError):
        fetching.add(tmp_path / "c", source)


@pytest.mark.parametrize("name", ["..", "a/b", ".git", "-x"])
def test_names_that_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="name of a folder"):
        fetching.add(tmp_path / "c", str(tmp_path), name=name)


def test_a_folder_is_copied_and_updated(tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    (ours / "macros").mkdir(parents=True)
    (ours / "macros/our_index.yml").write_text(MACRO)
    (ours / "macros/gone.yml").write_text(MACRO.replace("our_index", "gone"))
    (ours / ".hidden").write_text("no")
    store = tmp_path / "store"
    run = ["content", "add", str(ours), "--store", str(store), "--json"]
    said = json.loads(CliRunner().invoke(cli, run, catch_exceptions=False).stdout)
    assert (said["updated"], said["kinds"], said["errors"]) == (False, {"macros": 2}, 0)
    (ours / "macros/gone.yml").unlink()
    said = json.loads(CliRunner().invoke(cli, run, catch_exceptions=False).stdout)
    assert (said["updated"], said["kinds"]) == (True, {"macros": 1})
    listed = ["content", "list", "--kind", "macro", "--store", str(store), "--json"]
    names = {one["name"] for one in json.loads(CliRunner().invoke(cli, listed, catch_exceptions=False).stdout)}
    assert "our_index" in names
    other = tmp_path / "other/ours"
    shutil.copytree(ours, other)
    with pytest.raises(InputError, match="already"):
        fetching.add(store / app.CONTENT, str(other))


def test_a_folder_without_content(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no content"):
        fetching.add(tmp_path / "c", str(tmp_path / "empty"))
    with pytest.raises(InputError, match="copy of itself"):
        fetching.add(tmp_path / "empty/c", str(tmp_path / "empty"))
