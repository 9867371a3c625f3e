"""Content trees of others, brought into a folder: a git repository is cloned and updated, a plain folder is copied.

What is brought is only read afterwards, never run (`content.gitrun`): no hooks, no submodules, no links to places
outside, nothing but the newest commit, and only over protocols that move data.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from trapline.content import gitrun, read
from trapline.content.gitrun import SCHEMES
from trapline.errors import InputError

TIMEOUT = 1800
"""Seconds that git may take."""
SOURCE = ".trapline-source.json"
"""Says in a tree where it came from."""
MAX_BYTES = 1_000_000_000

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
# A password in a URL must not end up in a message.
_SECRET = re.compile(r"(?<=://)[^/@\s]*@")


@dataclass(frozen=True, slots=True)
class Added:
    """A tree as it is now. `commit`: of a git repository, else ""."""

    name: str
    path: Path
    source: str
    commit: str
    before: str
    """The commit before an update, "" for a new tree or a plain folder."""
    updated: bool
    """It was there before."""


def add(folder: Path, source: str, *, name: str | None = None, ref: str | None = None) -> Added:
    """Brings the tree at a git URL or in a folder to `folder/name`, or brings the one there up to date.

    `ref`: a branch or tag instead of the default branch. Raises InputError for what is no URL, no folder or no content,
    GitError when git is absent or fails. What was there stays as it was then.
    """
    url = "://" in source or source.startswith("ext::")
    if url:
        _check_url(source)
    elif not Path(source).is_dir():
        at = re.match(r"[\w.-]+@[\w.-]+:(?P<path>.+)", source)
        hint = "give a folder, or a URL that begins with https://, ssh://, git:// or file://"
        if at is not None:
            hint = f"write it as ssh://{source.replace(':', '/', 1)}"
        raise InputError("this is neither a folder nor a URL", file=_shown(source), hint=hint, code="content.source")
    chosen = name or _name_of(source)
    if not _NAME.match(chosen):
        raise InputError(
            f"'{chosen}' cannot be the name of a folder",
            file=_shown(source),
            hint="name it with --name: letters, digits, dots, dashes",
            code="content.name",
        )
    if ref is not None and (not url or ref.startswith("-") or not re.match(r"[\w./@+-]+\Z", ref)):
        raise InputError(f"'{ref}' is no branch or tag", file=_shown(source), hint="--ref main", code="content.ref")
    target = folder / chosen
    _same_source(target, source, chosen)
    folder.mkdir(parents=True, exist_ok=True)
    return _git(folder, target, source, ref) if url else _copy(folder, target, Path(source).resolve())


def _check_url(source: str) -> None:
    scheme = source.partition("://")[0].lower() if "://" in source else "ext"
    parts = urlsplit(source) if scheme in SCHEMES else None
    if parts is None or "::" in scheme:
        raise InputError(
            f"the protocol '{scheme[:20]}' is not taken",
            file=_shown(source),
            hint=f"one of {', '.join(f'{one}://' for one in SCHEMES)}",
            code="content.source",
        )
    host = parts.hostname or ""
    if host.startswith("-") or (parts.username or "").startswith("-") or (not host and scheme != "file"):
        raise InputError("this URL names no host", file=_shown(source), code="content.source")


def _name_of(source: str) -> str:
    path = unquote(urlsplit(source).path) if "://" in source else str(Path(source).resolve())
    return path.rstrip("/").rpartition("/")[2].removesuffix(".git")


def _shown(source: str) -> str:
    return _SECRET.sub("", source)


def _same_source(target: Path, source: str, name: str) -> None:
    if not target.exists():
        return
    try:
        before = json.loads((target / SOURCE).read_text(encoding="utf-8"))["source"]
    except (OSError, ValueError, KeyError, TypeError):
        before = None
    known = source if "://" in source else str(Path(source).resolve())
    if before != known:
        whence = f"came from {_shown(str(before))}" if before else "was not put there by this command"
        raise InputError(
            f"there is a tree '{name}' already, which {whence}",
            file=str(target),
            hint="choose another name with --name, or delete that folder first",
            code="content.name",
        )


# --- git ---------------------------------------------------------------------------------------------------------


def _git(folder: Path, target: Path, source: str, ref: str | None) -> Added:
    if target.exists():
        before = _run(["rev-parse", "HEAD"], target).strip()
        if _run(["status", "--porcelain", "--untracked-files=no"], target).strip():
            raise InputError(
                "files of this tree were changed here; an update would lose that",
                file=str(target),
                hint="keep changes in a folder of your own and give it with --content; then undo them here",
                code="content.changed",
            )
        newest = ["fetch", "--quiet", "--depth", "1", "--no-tags", "--", source, ref or "HEAD"]
        _run(newest, target, source=source)
        _run(["reset", "--quiet", "--hard", "FETCH_HEAD"], target)
    else:
        before = ""
        branch = [] if ref is None else ["--branch", ref]
        with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as room:
            new = Path(room) / target.name
            clone = ["clone", "--quiet", "--depth", "1", "--single-branch", "--no-tags", "--template=", *branch]
            _run([*clone, "--", source, str(new)], source=source)
            _check(new, source)
            new.rename(target)
    _note(target, source, ref)
    commit = _run(["rev-parse", "HEAD"], target).strip()
    return Added(target.name, target, _shown(source), commit, before, bool(before))


def _run(args: list[str], folder: Path | None = None, *, source: str = "") -> str:
    """What git says. `source`: where it gets from. Raises GitError."""
    absent = "install git, or fetch the tree by other means and add its folder"
    done = gitrun.run(args, folder=folder, network=bool(source), seconds=TIMEOUT, hint=absent)
    if done.returncode:
        hint = "check the URL; a private repository needs a key or a credential helper that git can ask by itself"
        if source.startswith("file:"):
            hint = "a git repository is file:///FOLDER, with its whole path; of a plain folder give the path alone"
        raise gitrun.GitError(
            f"git cannot get {_shown(source) or folder}: {_shown(gitrun.said(done))}",
            hint=hint,
            code="content.git",
        )
    return done.stdout.decode("utf-8", "replace")


# --- folders -----------------------------------------------------------------------------------------------------


def _copy(folder: Path, target: Path, source: Path) -> Added:
    if target.resolve().is_relative_to(source) or source.is_relative_to(folder.resolve()):
        raise InputError("a store cannot hold a copy of itself", file=str(source), code="content.source")
    _check(source, str(source))
    there = target.exists()
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as room:
        new = Path(room) / target.name
        total = 0
        for path in read.walk(source):
            if path.is_symlink() or not path.is_file():
                continue
            total += path.stat().st_size
            if total > MAX_BYTES:
                raise InputError(
                    f"more than {MAX_BYTES // 1_000_000:,} MB are below this folder",
                    file=str(source),
                    hint="give the content folder itself",
                    code="content.source",
                )
            place = new / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
        _note(new, str(source), None)
        if there:
            target.rename(Path(room) / "before")
        new.rename(target)
    return Added(target.name, target, str(source), "", "", there)


def _check(tree: Path, source: str) -> None:
    """Raises InputError unless it holds content."""
    try:
        read.load(tree)
    except InputError as error:
        raise InputError(
            error.reason, file=_shown(source), hint="a content tree holds detections/, macros/, ...", code=error.code
        ) from None


def _note(tree: Path, source: str, ref: str | None) -> None:
    text = json.dumps({"source": source, "ref": ref}, indent=2)
    (tree / SOURCE).write_text(text + "\n", encoding="utf-8")
