"""git as a program of its own, for content of others: nothing that a repository says makes it run anything.

A fixed list of words, no shell, no hooks, no questions. The variables of the environment that send git elsewhere are
left out, and so are, over a repository that lies here, what its own configuration would run: the monitor of files,
filters of contents (gitattributes, "filter"), programs that show differences, and the network, which a partial clone
would ask for objects (git-config, "protocol.allow").
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from trapline.errors import TraplineError

SCHEMES = ("https", "ssh", "git", "file")
"""Protocols that move data and run nothing; `ext::` would run a command."""

_FIXED = (
    f"core.hooksPath={os.devnull}",
    "core.fsmonitor=false",
    "core.symlinks=false",
    "submodule.recurse=false",
    "protocol.ext.allow=never",
    "advice.detachedHead=false",
)
_ADVICE = (
    "Could not read from remote repository.",
    "Please make sure you have the correct access rights",
    "and the repository exists.",
)
"""What git says last where it reached no repository, after the reason."""
_KEPT = ("GIT_SSL_CAINFO",)
"""Variables of git that stay as they are: where certificates are."""


class GitError(TraplineError):
    """git is not there, failed, or took too long."""

    exit_code = 3


def run(
    words: Sequence[str],
    *,
    folder: Path | None = None,
    network: bool = False,
    given: bytes = b"",
    seconds: float = 300.0,
    hint: str = "",
) -> subprocess.CompletedProcess[bytes]:
    """What git says to `words` in a folder, with its exit code. `network`: it may ask other hosts. `given`: its
    standard input. `hint`: what to do where git is not installed. Raises GitError where it cannot be run."""
    git = shutil.which("git")
    if git is None:
        raise GitError("git is not installed", hint=hint or None, code="content.git")
    try:
        filters = [] if network else _filters(git, folder, seconds)
        return _run(git, words, folder, filters, network=network, given=given, seconds=seconds)
    except subprocess.TimeoutExpired:
        raise GitError(f"git took longer than {seconds / 60:g} minutes", code="content.git") from None
    except OSError as error:
        raise GitError(f"git cannot be run: {error.strerror or error}", code="content.git") from None


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    """Why git failed: the last thing that it said, but for advice that it gives on every failure."""
    lines = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    lines = [line for line in lines if line.strip().removeprefix("fatal: ") not in _ADVICE] or lines[:1]
    return lines[-1].strip().removeprefix("fatal: ")[:300] if lines else f"it ended with {done.returncode}"


def _run(
    git: str,
    words: Sequence[str],
    folder: Path | None,
    filters: Sequence[str] = (),
    *,
    network: bool,
    given: bytes = b"",
    seconds: float,
) -> subprocess.CompletedProcess[bytes]:
    fixed = [word for setting in _FIXED for word in ("-c", setting)]
    where = [] if folder is None else ["-C", str(folder)]
    return subprocess.run(  # noqa: S603 -- a list of words, no shell
        [git, *fixed, *where, *words],
        env=_environment(filters, network=network),
        input=given,
        capture_output=True,
        timeout=seconds,
        check=False,
    )


def _environment(filters: Sequence[str], *, network: bool) -> dict[str, str]:
    """The variables of a run. Filters are set to nothing by variables, for a name in them may hold anything."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or key in _KEPT}
    env |= {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": ":".join(SCHEMES) if network else "none",
        "GIT_NO_LAZY_FETCH": "0" if network else "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
        "GIT_CONFIG_COUNT": str(len(filters)),
    }
    for at, key in enumerate(filters):
        env |= {f"GIT_CONFIG_KEY_{at}": key, f"GIT_CONFIG_VALUE_{at}": "false" if key.endswith(".required") else ""}
    return env


def _filters(git: str, folder: Path | None, seconds: float) -> list[str]:
    """The settings of a repository that name a program for the contents of its files."""
    if folder is None:
        return []
    words = ["config", "--null", "--name-only", "--get-regexp", r"^filter\..*\.(clean|smudge|process|required)$"]
    done = _run(git, words, folder, network=False, seconds=seconds)
    return sorted({name for name in done.stdout.decode("utf-8", "surrogateescape").split("\0") if name})
