"""A tree of content as it was at a commit, tag or branch of a git repository, laid out in a folder of its own."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from trapline.errors import InputError, TraplineError

MAX_BYTES = 1_000_000_000
SECONDS = 300


class GitError(TraplineError):
    """git is not there, or failed."""

    exit_code = 3


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
        _unpack(_archive(ref, repository), root)
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
    fields = _lines(_git(top, "-c", "core.fsmonitor=false", "diff", *words))
    pairs = list(zip(fields[::2], fields[1::2], strict=True))
    new = _lines(_git(top, "-c", "core.fsmonitor=false", "ls-files", "--others", "--exclude-standard", "-z"))
    return top, {path for _, path in pairs} | set(new), {path for status, path in pairs if status != "A"}


def text_at(top: Path, ref: str, path: str) -> bytes:
    """A file as it was at a ref that `changes` knows. Raises GitError."""
    done = _git(top, "show", "--no-textconv", f"{ref}:{path}")
    return _good(done).stdout


def _lines(done: subprocess.CompletedProcess[bytes]) -> list[str]:
    return _good(done).stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]


def _good(done: subprocess.CompletedProcess[bytes]) -> subprocess.CompletedProcess[bytes]:
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it gave no reason"]
        raise GitError(f"git failed: {reason[0][:200]}", code="diff.git")
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


def _git(repository: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("git")
    if program is None:
        raise GitError("git is not installed", hint="give two folders instead", code="diff.git")
    try:
        # Words only, no shell; the ref was checked to be no option.
        return subprocess.run(  # noqa: S603
            [program, "-C", str(repository), *words], capture_output=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GitError(f"git failed: {error}", code="diff.git") from None


def _archive(ref: str, repository: Path) -> bytes:
    """The files below the folder at that commit, as tar."""
    done = _git(repository, "archive", "--format=tar", ref)
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it gave no reason"]
        raise GitError(f"git archive failed: {reason[0][:200]}", code="diff.git")
    if len(done.stdout) > MAX_BYTES:
        raise GitError(f"the tree is larger than {MAX_BYTES // 1_000_000} MB", code="diff.git")
    return done.stdout


def _unpack(data: bytes, root: Path) -> None:
    """Plain files only, none outside of the folder."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            path = root / member.name
            if not member.isfile() or not path.resolve().is_relative_to(root.resolve()):
                continue
            source = archive.extractfile(member)
            if source is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(source.read())
