"""From the paths that a user gives to the files to read: folders, globs, stdin, compressed files and archives.

Nothing here trusts what it meets. The name of an archive member is a label, never a path: members are written to files
of our own naming in a temporary folder, one at a time. Expansion is streamed and bounded by `Limits`. Links inside a
folder are not followed (evidence copied from another machine may link to files of this one). Everything that is not
read comes out as `Skipped` with a reason.
"""

from __future__ import annotations

import codecs
import glob
import gzip
import hashlib
import io
import lzma
import os
import stat
import sys
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO, Protocol, cast

from trapline.ingest.source import HEAD

STDIN = "-"
_BLOCK = 1 << 20
_MEMBER_BLOCK = 1 << 16
"""Small, for what was read together with damage is lost."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How far archives are expanded. Beyond a limit the rest of the archive is refused with the reason."""

    expanded: int = 64 << 30
    """Bytes that one archive, or compressed file, may expand to in all."""
    ratio: int = 250
    """Bytes that a byte of the archive may expand to; looked at once more than `ratio_from` bytes have come out."""
    ratio_from: int = 256 << 20
    """A small file may shrink more: a preallocated EVTX file is mostly zeros."""
    members: int = 100_000
    """Members of one archive."""
    nesting: int = 2
    """Archives within each other: 2 reads an archive in an archive. A .tar.gz counts as one."""
    directory: int = 64 << 20
    """Bytes of headers: the directory of a .zip, the extended headers before one member of a .tar."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something met that is not read. `lost`: evidence may be missing for it, rather than nothing being there."""

    name: str
    reason: str
    hint: str | None = None
    lost: bool = True


@dataclass(slots=True)
class File:
    """A file to read (an `ingest.source.Input`), on disk: the user's own, or one expanded for the time it is read."""

    name: str
    head: bytes
    mtime: float
    size: int
    digest: str
    """SHA-256 of the bytes."""
    damage: str | None = None
    """Why what is here is only a part of the file (a truncated .gz)."""
    decoded: bool = False
    """The file was UTF-16; this is it as UTF-8."""
    disk: int = 0
    """Bytes read from the user's disk to get here since the file before, for a progress bar."""
    _path: Path = field(default=Path(), repr=False)
    _skip: int = field(default=0, repr=False)

    def open(self) -> BinaryIO:
        """See `source.Input`. A UTF-8 byte order mark is passed over."""
        stream = self._path.open("rb")
        stream.seek(self._skip)
        return stream

    def path(self) -> Path:
        return self._path


def walk(paths: list[str], limits: Limits | None = None) -> Iterator[File | Skipped]:
    """The files behind the paths in a stable order. A `File` is valid until the next step of the iterator."""
    with tempfile.TemporaryDirectory(prefix="trapline-") as folder:
        walker = _Walker(limits or Limits(), Path(folder))
        for path in paths:
            yield from walker.start(path)


def total_size(paths: list[str]) -> int:
    """Bytes of the files as they lie on disk, for a progress bar. What cannot be read counts nothing."""
    total = 0
    for path in paths:
        for top in [path] if path == STDIN or os.path.lexists(path) else _globbed(path):
            if top == STDIN:
                continue
            for place, _, names in os.walk(top) if Path(top).is_dir() else [("", [], [top])]:
                for name in names:
                    try:
                        found = Path(place, name).stat(follow_symlinks=not place)
                    except OSError:
                        continue
                    total += found.st_size if stat.S_ISREG(found.st_mode) else 0
    return total


def _globbed(path: str) -> list[str]:
    return sorted(glob.glob(path, recursive=True, include_hidden=True)) if glob.has_magic(path) else []  # noqa: PTH207


class _Readable(Protocol):
    def read1(self, size: int = -1, /) -> bytes: ...


class _TooMuchError(Exception):
    """A limit is reached. The message is the reason."""


class _Walker:
    def __init__(self, limits: Limits, folder: Path) -> None:
        self._limits = limits
        self._folder = folder
        self._spooled = 0
        self._top: io.BufferedReader | None = None
        self._told = 0

    def start(self, path: str) -> Iterator[File | Skipped]:
        """A path as the user wrote it."""
        if path == STDIN:
            yield from self._stream("stdin", sys.stdin.buffer, time.time())
        elif os.path.lexists(path):
            yield from self._path(Path(path), given=True)
        elif found := _globbed(path):
            for one in found:
                if not Path(one).is_dir() or not glob.has_magic(path) or "**" not in path:
                    yield from self._path(Path(one), given=True)
        else:
            matches = "matches no file" if glob.has_magic(path) else "does not exist"
            yield Skipped(path, matches, "Check the path; quote globs or let the shell expand them.")

    def _path(self, path: Path, *, given: bool) -> Iterator[File | Skipped]:
        name = str(path)
        try:
            mode = path.stat().st_mode if given else path.lstat().st_mode
        except OSError as error:
            yield Skipped(name, _os_reason(error))
            return
        if stat.S_ISDIR(mode):
            yield from self._folder_of(path)
        elif stat.S_ISREG(mode):
            yield from self._regular(path)
        else:
            yield Skipped(name, _KINDS.get(stat.S_IFMT(mode), "not a regular file"), lost=False)

    def _folder_of(self, path: Path) -> Iterator[File | Skipped]:
        try:
            with os.scandir(path) as entries:
                names = sorted(entry.name for entry in entries)
        except OSError as error:
            yield Skipped(str(path), _os_reason(error))
            return
        for name in names:
            yield from self._path(path / name, given=False)

    def _regular(self, path: Path) -> Iterator[File | Skipped]:
        try:
            with path.open("rb") as stream:
                found = os.fstat(stream.fileno())
                self._top, self._told = stream, 0
                yield from self._seekable(str(path), path, stream, found.st_mtime, 0)
        except OSError as error:
            yield Skipped(str(path), _os_reason(error))
        finally:
            self._top = None

    def _stream(self, name: str, stream: IO[bytes], mtime: float) -> Iterator[File | Skipped]:
        """Bytes that come once, of a size not known."""
        spool = self._spool()
        try:
            meter = _Meter(self._limits, sys.maxsize)
            with spool.open("wb") as out:
                while block := stream.read(_BLOCK):
                    meter.count(len(block))
                    out.write(block)
            with spool.open("rb") as back:
                yield from self._seekable(name, spool, back, mtime, 0)
        except _TooMuchError as error:
            yield Skipped(name, str(error), _TOO_MUCH_HINT)
        finally:
            spool.unlink(missing_ok=True)

    def _seekable(
        self, name: str, path: Path, stream: io.BufferedReader, mtime: float, depth: int
    ) -> Iterator[File | Skipped]:
        """A file on disk: an archive, a compressed file, or the thing itself."""
        head = stream.read(HEAD)
        stream.seek(0)
        size = os.fstat(stream.fileno()).st_size
        kind = _kind(head)
        if kind is None:
            yield from self._plain(name, path, stream, head, mtime, size, None)
            return
        if kind in _UNREAD:
            yield Skipped(name, f"compressed with {kind}, which is not read", "Decompress it first.")
            return
        if depth >= self._limits.nesting:
            yield Skipped(
                name, f"more than {self._limits.nesting} archives within each other", "Unpack the outer ones first."
            )
            return
        meter = _Meter(self._limits, size)
        try:
            match kind:
                case "zip":
                    yield from self._zip(name, stream, size, meter, depth)
                case "tar":
                    yield from self._tar(name, stream, meter, depth)
                case _:
                    yield from self._gzip(name, stream, mtime, meter, depth)
        except _TooMuchError as error:
            yield Skipped(name, str(error), _TOO_MUCH_HINT)
        except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
            yield Skipped(name, f"damaged archive: {_short(error)}", "What came before the damage was read.")

    def _plain(
        self, name: str, path: Path, stream: io.BufferedReader, head: bytes, mtime: float, size: int, damage: str | None
    ) -> Iterator[File | Skipped]:
        if not head:
            yield Skipped(name, damage or "empty", lost=damage is not None)
            return
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        codec = _utf16(head)
        if codec is None:
            skip = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
            yield File(name, head[skip:], mtime, size, digest, damage, False, self._advance(), path, skip)
            return
        spool = self._spool()
        try:
            stream.seek(0)
            decoder = codecs.getincrementaldecoder(codec)("replace")
            with spool.open("wb") as out:
                while block := stream.read(_BLOCK):
                    out.write(decoder.decode(block).encode("utf-8", "replace"))
                out.write(decoder.decode(b"", True).encode("utf-8", "replace"))
            with spool.open("rb") as back:
                head = back.read(HEAD)
            skip = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
            yield File(name, head[skip:], mtime, size, digest, damage, True, self._advance(), spool, skip)
        finally:
            spool.unlink(missing_ok=True)

    def _gzip(
        self, name: str, stream: io.BufferedReader, mtime: float, meter: _Meter, depth: int
    ) -> Iterator[File | Skipped]:
        with gzip.GzipFile(fileobj=stream, mode="rb") as unpacked:
            if _kind(unpacked.peek(HEAD)[:HEAD]) == "tar":
                yield from self._tar(name, unpacked, meter, depth)
                return
            inner = name[:-3] if name.endswith(".gz") else name
            yield from self._member(name, inner, unpacked.read1, mtime, meter, depth)

    def _tar(self, name: str, stream: _Readable, meter: _Meter, depth: int) -> Iterator[File | Skipped]:
        metered = _Metered(stream, meter)
        with metered.headers(self._limits.directory):
            opened = tarfile.open(fileobj=metered, mode="r|", bufsize=64 * 1024)  # noqa: SIM115
        with opened as archive:
            while True:
                # Only headers are read here: the member before was read to its end
                with metered.headers(self._limits.directory):
                    member = archive.next()
                if member is None:
                    return
                if member.isdir():
                    continue
                label = f"{name}!{member.name}"
                meter.member()
                if not member.isreg():
                    yield Skipped(label, "a link or special file in an archive", lost=False)
                    continue
                content = archive.extractfile(member)
                if content is not None:
                    yield from self._member(
                        label, member.name, cast("io.BufferedIOBase", content).read1, float(member.mtime), None, depth
                    )

    def _zip(
        self, name: str, stream: io.BufferedReader, size: int, meter: _Meter, depth: int
    ) -> Iterator[File | Skipped]:
        if _directory_size(stream, size) > self._limits.directory:
            raise _TooMuchError(f"the directory of the archive is larger than {self._limits.directory:,} bytes")
        with zipfile.ZipFile(stream) as archive:
            for member in archive.infolist():
                if member.is_dir():
                    continue
                meter.member()
                label = f"{name}!{member.filename}"
                try:
                    content = archive.open(member)
                except (RuntimeError, NotImplementedError, zipfile.BadZipFile, OSError) as error:
                    encrypted = bool(member.flag_bits & 1)
                    reason = "encrypted" if encrypted else f"damaged archive member: {_short(error)}"
                    yield Skipped(label, reason, "Unpack it first with its password." if encrypted else None)
                    continue
                with content:
                    yield from self._member(
                        label,
                        member.filename,
                        cast("io.BufferedIOBase", content).read1,
                        _zip_time(member),
                        meter,
                        depth,
                    )

    def _member(
        self,
        label: str,
        inner: str,
        read: Callable[[int], bytes],
        mtime: float,
        meter: _Meter | None,
        depth: int,
    ) -> Iterator[File | Skipped]:
        """What came out of an archive, spooled to disk for as long as it is read."""
        spool = self._spool()
        damage: str | None = None
        try:
            with spool.open("wb") as out:
                while True:
                    try:
                        block = read(_MEMBER_BLOCK)
                    except _DAMAGE as error:
                        damage = f"damaged archive, the rest is missing: {_short(error)}"
                        break
                    if not block:
                        break
                    if meter is not None:
                        meter.count(len(block))
                    out.write(block)
            with spool.open("rb") as back:
                head = back.read(HEAD)
                back.seek(0)
                if _kind(head) is None or damage is not None:
                    size = os.fstat(back.fileno()).st_size
                    yield from self._plain(label, spool, back, head, mtime, size, damage)
                else:
                    yield from self._seekable(label, spool, back, mtime, depth + 1)
        finally:
            spool.unlink(missing_ok=True)

    def _advance(self) -> int:
        """Bytes read of the user's file since the last time."""
        before = self._told
        self._told = before if self._top is None else max(before, self._top.tell())
        return self._told - before

    def _spool(self) -> Path:
        self._spooled += 1
        return self._folder / str(self._spooled)


class _Meter:
    """Counts what comes out of one archive. Raises _TooMuchError at a limit."""

    def __init__(self, limits: Limits, size: int) -> None:
        self._limits = limits
        self._most = limits.expanded
        self._by_ratio = max(limits.ratio_from, size * limits.ratio)
        self._out = 0
        self._members = 0

    def count(self, size: int) -> None:
        self._out += size
        if self._out > self._most:
            raise _TooMuchError(f"expands to more than {self._most:,} bytes")
        if self._out > self._by_ratio:
            raise _TooMuchError(f"expands to more than {self._limits.ratio} times its size (a bomb?)")

    def member(self) -> None:
        self._members += 1
        if self._members > self._limits.members:
            raise _TooMuchError(f"holds more than {self._limits.members:,} files")


_TOO_MUCH_HINT = "The rest of it was not read. If it is genuine, unpack it first and give the folder."


class _Metered(io.RawIOBase):
    """The bytes of a tar stream, counted; while headers are read, only so many of them."""

    def __init__(self, stream: _Readable, meter: _Meter) -> None:
        self._stream = stream
        self._meter = meter
        self._headers: int | None = None

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes: what can be had before damage, where there is any."""
        data = self._stream.read1(size)
        self._meter.count(len(data))
        if self._headers is not None:
            self._headers -= len(data)
            if self._headers < 0:
                raise _TooMuchError("the headers of an archive member are too large")
        return data

    @contextmanager
    def headers(self, most: int) -> Iterator[None]:
        """Within it no more than `most` bytes may be read."""
        self._headers = most
        yield
        self._headers = None


_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError, RuntimeError)
"""What reading a member raises when the archive is damaged (bz2 raises OSError, a wrong password RuntimeError)."""

_UNREAD = frozenset({"bzip2", "xz", "zstd", "7z", "rar", "lz4"})
_MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x04\x22\x4d\x18", "lz4"),
)


def _kind(head: bytes) -> str | None:
    """What kind of archive starts so, by content."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    return "tar" if head[257:262] == b"ustar" else None


def _utf16(head: bytes) -> str | None:
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    return "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else None


_END_OF_ZIP = b"PK\x05\x06"
_END_OF_ZIP64 = b"PK\x06\x06"


def _directory_size(stream: io.BufferedReader, size: int) -> int:
    """Bytes of the central directory of a zip file, 0 where none is found (APPNOTE.TXT §4.3.14, §4.3.16)."""
    stream.seek(max(0, size - (1 << 16) - 256))
    tail = stream.read()
    stream.seek(0)
    at = tail.rfind(_END_OF_ZIP)
    if at < 0 or len(tail) < at + 20:
        return 0
    declared = int.from_bytes(tail[at + 12 : at + 16], "little")
    wide = tail.rfind(_END_OF_ZIP64, 0, at)
    if wide >= 0:
        declared = max(declared if declared != 0xFFFFFFFF else 0, int.from_bytes(tail[wide + 40 : wide + 48], "little"))
    return declared


def _zip_time(member: zipfile.ZipInfo) -> float:
    try:
        return time.mktime((*member.date_time, 0, 0, -1))
    except (ValueError, OverflowError):
        return 0.0


_KINDS = {
    stat.S_IFLNK: "a symbolic link, not followed",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def _os_reason(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"


def _short(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return text if len(text) <= 120 else text[:117] + "..."
