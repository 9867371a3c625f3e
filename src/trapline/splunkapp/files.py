"""Files of the app: everything is written below one folder, nothing a content file says leads out of it.

An app is made beside its place and then put there in one step. Archives of the same files are the same bytes.
"""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from trapline.content.model import Level, Problem
from trapline.errors import InputError, TraplineError

MAX_FILES = 20_000
MAX_BYTES = 500_000_000
TEMPLATE = "app_template"


class OutputError(TraplineError):
    """The disk did not take it."""

    exit_code = 3


@dataclass(slots=True)
class Tree:
    """A folder that is being filled."""

    root: Path
    problems: list[Problem] = field(default_factory=list)
    files: int = 0
    size: int = 0

    def place(self, name: str) -> Path:
        """The path of a file of the app, its folder made. `name` has / between its parts.

        Raises InputError for a name that would lie outside, or is absolute."""
        parts = name.split("/")
        if any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
            raise InputError(f"'{name[:80]}' cannot be a file of the app", file=name, code="build.path")
        path = self.root.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, name: str, text: str) -> None:
        self._count(len(text))
        self.place(name).write_bytes(text.encode("utf-8", "replace"))

    def append(self, name: str, text: str) -> None:
        """Behind what is there."""
        path = self.place(name)
        before = path.read_text(encoding="utf-8", errors="replace").rstrip("\n") + "\n\n" if path.is_file() else ""
        self.write(name, before + text)

    def copy(self, source: Path, name: str) -> None:
        self._count(source.stat().st_size)
        shutil.copyfile(source, self.place(name))

    def has(self, name: str) -> bool:
        return (self.root / name).is_file()

    def _count(self, size: int) -> None:
        self.files += 1
        self.size += size
        if self.files > MAX_FILES or self.size > MAX_BYTES:
            reason = f"the app would have more than {MAX_FILES:,} files or {MAX_BYTES // 1_000_000} MB"
            raise InputError(reason, file=str(self.root), hint="look at app_template/ and lookups/", code="build.size")

    def template(self, folder: Path) -> None:
        """Copies what an app_template holds. Links and hidden files stay out; Splunk takes neither."""
        for path in _regular(folder, self.problems):
            self.copy(path, path.relative_to(folder).as_posix())

    def names(self) -> list[str]:
        """All files, sorted."""
        return sorted(path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file())


def _regular(folder: Path, problems: list[Problem]) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and not Path(parent, name).is_symlink()
        )
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_symlink():
                reason = "a link is not copied into the app"
                problems.append(
                    Problem(Level.WARNING, "build.link", reason, str(path), hint="put the file itself there")
                )
            elif path.is_file() and not name.startswith("."):
                yield path


def check_out(app: Path, roots: list[Path]) -> None:
    """Raises InputError where the app must not be put: over content, or over a folder that is not an app."""
    if app.is_symlink() or (app.exists() and not app.is_dir()):
        raise InputError("the app would take the place of a file or a link", file=str(app), code="build.out")
    if any(root.resolve().is_relative_to(app.resolve()) for root in roots):
        raise InputError(
            "the app would take the place of its content", file=str(app), hint="--out dist", code="build.out"
        )
    if app.is_dir() and any(app.iterdir()) and not (app / "default" / "app.conf").is_file():
        raise InputError(
            "a folder with this name is there and is no app; it is left alone",
            file=str(app),
            hint="choose another --out, or remove it",
            code="build.out",
        )


def fresh(app: Path) -> Path:
    """An empty folder beside the place of the app. Raises OutputError."""
    found = app.with_name(f".{app.name}.{os.getpid()}")
    try:
        shutil.rmtree(found, ignore_errors=True)
        found.mkdir(parents=True)
    except OSError as error:
        raise OutputError(f"{found.parent} cannot be written: {error.strerror}", code="build.write") from None
    return found


def put(made: Path, app: Path) -> None:
    """The new app in the place of the old one."""
    old = app.with_name(f".{app.name}.{os.getpid()}.old")
    if app.exists():
        app.replace(old)
    made.replace(app)
    shutil.rmtree(old, ignore_errors=True)


def archive(app: Path, target: Path, made: datetime) -> None:
    """The folder as .tar.gz: names sorted, one owner, one time."""
    stamp = int(made.timestamp())
    part = target.with_name(f".{target.name}.{os.getpid()}")
    with (
        part.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=stamp, compresslevel=6) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as out,
    ):
        folders = {app, *(path for path in app.rglob("*") if path.is_dir())}
        files = {path for path in app.rglob("*") if path.is_file()}
        for path in sorted(folders | files, key=lambda one: one.relative_to(app).parts):
            info = tarfile.TarInfo("/".join((app.name, *path.relative_to(app).parts)))
            info.mtime = stamp
            info.mode = 0o755 if path in folders else 0o644
            if path in folders:
                info.type = tarfile.DIRTYPE
                out.addfile(info)
            else:
                info.size = path.stat().st_size
                with path.open("rb") as one:
                    out.addfile(info, one)
    part.replace(target)


def copy_over(source: Path, target: Path) -> None:
    part = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(source, part)
    part.replace(target)


def discard(folder: Path) -> None:
    """What is left of an app that was not finished."""
    shutil.rmtree(folder, ignore_errors=True)
