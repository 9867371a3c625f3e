"""A tree of content as it was at a commit, tag or branch of a git repository, laid out in a folder of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from trapline.content.gitrun import GitError, run, said
from trapline.content.read import MAX_FILES
from trapline.errors import InputError

MAX_BYTES = 1_000_000_000
_PLAIN = ("100644", "100755", "100664")
"""Modes of plain files: no links, no repositories within."""


@contextmanager
def tree(given: str, repository: Path) -> Iterator[Path]:
    """The folder that is meant: `given` itself when it is one; `FOLDER@REF`, or a ref of `repository`, as a copy that
    is gone afterwards. Raises InputError for what is neither, GitError."""
    path = Path(given)
    if given and path.is_dir():
        yield path
        return
    folder, at, ref = given.rpartition("@")
    if at and folder and Path(folder).is_dir():
        repository = Path(folder)
    else:
        ref = given
    _check(ref, given, repository)
    with TemporaryDirectory(prefix="trapline-diff-") as name:
        root = Path(name)
        _lay_out(ref, repository, root)
        yield root


def changes(folder: Path, ref: str) -> tuple[Path, set[str], set[str]]:
    """(the top of the repository that a folder is in, the paths below it that differ between a ref and the work tree,
    those of them that the ref has). New files count unless git ignores them. Raises InputError, GitError."""
    done = _git(folder, "rev-parse", "--show-toplevel")
    if done.returncode != 0:
        reason = "this folder is not in a git repository, so nothing can have changed since a ref"
        raise InputError(reason, file=str(folder), hint="leave --changed out, or name the tests", code="diff.git")
    top = Path(done.stdout.decode("utf-8", "surrogateescape").rstrip("\n"))
    _check(ref, ref, top)
    words = ("--name-status", "--no-renames", "--no-ext-diff", "--no-textconv", "-z", ref, "--")
    fields = _lines(_git(top, "diff", *words))
    pairs = list(zip(fields[::2], fields[1::2], strict=True))
    new = _lines(_git(top, "ls-files", "--others", "--exclude-standard", "-z"))
    return top, {path for _, path in pairs} | set(new), {path for status, path in pairs if status != "A"}


def text_at(top: Path, ref: str, path: str) -> bytes:
    """A file as it was at a ref that `changes` knows. Raises GitError."""
    done = _git(top, "show", "--no-textconv", f"{ref}:{path}")
    return _good(done).stdout


def _lines(done: subprocess.CompletedProcess[bytes]) -> list[str]:
    return _good(done).stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]


def _good(done: subprocess.CompletedProcess[bytes]) -> subprocess.CompletedProcess[bytes]:
    if done.returncode != 0:
        raise GitError(f"git failed: {said(done)}", code="diff.git")
    return done


def _check(ref: str, given: str, repository: Path) -> None:
    """Raises InputError where the ref names no commit."""
    unknown = InputError(
        "this is neither a folder nor a ref of the git repository",
        file=given,
        hint=f"a folder, FOLDER@REF, or a tag, branch or commit of {repository} (--repo DIR)",
        code="diff.tree",
    )
    if not ref or ref.startswith("-") or any(char in ref for char in "\0\n :?*[\\"):
        raise unknown
    if _git(repository, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}").returncode != 0:
        raise unknown


def _git(repository: Path, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return run(words, folder=repository, given=given, hint="give two folders instead")


def _lay_out(ref: str, repository: Path, root: Path) -> None:
    """The plain files below the folder at that commit, byte by byte as they are kept: nothing that its attributes name
    makes something else of them. Raises GitError."""
    listed: list[tuple[bytes, str]] = []
    total = 0
    for row in _lines(_git(repository, "ls-tree", "-r", "-z", "--long", ref)):
        about, _, path = row.partition("\t")
        mode, kind, oid, size = about.split()
        if kind == "blob" and mode in _PLAIN:
            listed.append((oid.encode(), path))
            total += int(size)
    if total > MAX_BYTES or len(listed) > MAX_FILES:
        raise GitError(f"the tree has more than {MAX_BYTES // 1_000_000} MB or {MAX_FILES:,} files", code="diff.git")
    if not listed:
        return
    done = _good(_git(repository, "cat-file", "--batch", given=b"\n".join(name for name, _ in listed) + b"\n"))
    at = 0
    for name, path in listed:
        end = done.stdout.index(b"\n", at)
        head = done.stdout[at:end].split()
        if head[:2] != [name, b"blob"]:
            raise GitError(f"git does not have {path[:200]} of this tree", code="diff.git")
        start, at = end + 1, end + 1 + int(head[2]) + 1
        target = root / path
        if target.resolve().is_relative_to(root.resolve()):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(done.stdout[start : at - 1])
