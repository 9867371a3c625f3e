"""From paths to files: what is found, what is not trusted, what is bounded."""

from __future__ import annotations

import gzip
import io
import os
import socket
import stat
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest

from trapline.ingest.files import File, Limits, Skipped, total_size, walk

TEXT = b"a line\n"


def zipped(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def tarred(*members: tuple[str, bytes], mode: Literal["w:", "w:gz"] = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def found(*paths: Path | str, limits: Limits | None = None) -> dict[str, bytes]:
    """Name and content of every file found, names relative to the folder of the first path."""
    return {_short(one.name, paths[0]): data for one, data in _walked(paths, limits) if isinstance(one, File)}


def skipped(*paths: Path | str, limits: Limits | None = None) -> dict[str, str]:
    return {_short(one.name, paths[0]): one.reason for one, _ in _walked(paths, limits) if isinstance(one, Skipped)}


def _walked(paths: tuple[Path | str, ...], limits: Limits | None) -> Iterator[tuple[File | Skipped, bytes]]:
    for one in walk([str(path) for path in paths], limits):
        data = b""
        if isinstance(one, File):
            with one.open() as stream:
                data = stream.read()
            assert one.head == data[: len(one.head)]
        yield one, data


def _short(name: str, first: Path | str) -> str:
    folder = str(first if Path(first).is_dir() else Path(first).parent)
    return name.removeprefix(folder).lstrip(os.sep)


def test_folders_globs_and_order(tmp_path: Path) -> None:
    for name in ("b.log", "a/z.log", "a/.hidden", "c/d/e.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    assert list(found(tmp_path)) == ["a/.hidden", "a/z.log", "b.log", "c/d/e.txt"]
    assert {Path(name).name for name in found(str(tmp_path / "**" / "*.log"))} == {"b.log", "z.log"}
    assert total_size([str(tmp_path)]) == sum(len(name) for name in ("b.log", "a/z.log", "a/.hidden", "c/d/e.txt"))


def test_what_is_not_there(tmp_path: Path) -> None:
    assert skipped(tmp_path / "nope") == {"nope": "does not exist"}
    assert skipped(tmp_path / "no*pe") == {"no*pe": "matches no file"}
    (tmp_path / "empty").touch()
    assert skipped(tmp_path) == {"empty": "empty"}


def test_links_and_devices_are_not_followed_within_a_folder(tmp_path: Path) -> None:
    inside = tmp_path / "evidence"
    inside.mkdir()
    (tmp_path / "own.log").write_bytes(TEXT)
    (inside / "link").symlink_to(tmp_path / "own.log")
    (inside / "loop").symlink_to(inside)
    os.mkfifo(inside / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        before = Path.cwd()
        os.chdir(inside)  # the path of a socket may not be long
        try:
            server.bind("socket")
        finally:
            os.chdir(before)
        reasons = skipped(inside)
    assert reasons == {
        "link": "a symbolic link, not followed",
        "loop": "a symbolic link, not followed",
        "pipe": "a named pipe",
        "socket": "a socket",
    }
    assert list(found(inside / "link").values()) == [TEXT], "a link that the user names is followed"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(TEXT)
    (tmp_path / "a").chmod(0)
    assert skipped(tmp_path) == {"a": "cannot be read: Permission denied"}


def test_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(gzip.compress(TEXT, mtime=0))

    monkeypatch.setattr(sys, "stdin", Stdin)
    (one,) = [(item.name, data) for item, data in _walked(("-",), None)]
    assert one == ("stdin", TEXT)


@pytest.mark.parametrize(
    ("name", "data", "members"),
    [
        ("a.log.gz", gzip.compress(TEXT, mtime=0) + gzip.compress(TEXT, mtime=0), {"a.log.gz": TEXT * 2}),
        ("a.zip", zipped(("x", TEXT), ("d/y", b"2")), {"a.zip!x": TEXT, "a.zip!d/y": b"2"}),
        ("a.tgz", tarred(("x", TEXT), ("d/y", b"2")), {"a.tgz!x": TEXT, "a.tgz!d/y": b"2"}),
        ("a.tar", tarred(("x", TEXT), mode="w:"), {"a.tar!x": TEXT}),
        ("a.bin", zipped(("b.gz", gzip.compress(TEXT, mtime=0))), {"a.bin!b.gz": TEXT}),
        ("a.zip", zipped(("b.zip", zipped(("c", TEXT)))), {"a.zip!b.zip!c": TEXT}),
        ("a.tgz", tarred(("b.tgz", tarred(("c", TEXT)))), {"a.tgz!b.tgz!c": TEXT}),
    ],
)
def test_archives(tmp_path: Path, name: str, data: bytes, members: dict[str, bytes]) -> None:
    (tmp_path / name).write_bytes(data)
    assert found(tmp_path) == members
    assert skipped(tmp_path) == {}


def test_a_third_archive_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(("b.zip", zipped(("c.zip", zipped(("d", TEXT)))))))
    assert skipped(tmp_path) == {"a.zip!b.zip!c.zip": "more than 2 archives within each other"}


def test_the_name_of_a_member_is_never_a_path(tmp_path: Path) -> None:
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    names = ["../../escaped", "/escaped", "a\x1b[31m\n", "C:\\escaped", "."]
    (evidence / "a.zip").write_bytes(zipped(*((name, TEXT) for name in names)))
    (evidence / "a.tgz").write_bytes(tarred(*((name, TEXT) for name in names)))
    spooled = [item.path() for item, _ in _walked((evidence,), None) if isinstance(item, File)]
    assert len(spooled) == 10
    assert {path.name.isdigit() for path in spooled} == {True}
    assert len({path.parent for path in spooled}) == 1
    assert not any(path.exists() for path in spooled), "each is gone when the next is asked for"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.tgz", "a.zip", "evidence"]


def test_links_in_a_tar(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("after"), None)
    (tmp_path / "a.tar").write_bytes(out.getvalue())
    assert skipped(tmp_path) == {"a.tar!link": "a link or special file in an archive", "a.tar!after": "empty"}


def test_bounds(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(bytes(3_000_000), mtime=0))
    assert "more than 1,000,000 bytes" in skipped(tmp_path, limits=Limits(expanded=1_000_000))["a.gz"]
    assert "50 times its size" in skipped(tmp_path, limits=Limits(ratio=50, ratio_from=1_000_000))["a.gz"]
    assert skipped(tmp_path, limits=Limits(ratio=50, ratio_from=10_000_000)) == {}
    (tmp_path / "a.gz").write_bytes(tarred(("x", bytes(3_000_000))))
    assert "more than 1,000,000 bytes" in skipped(tmp_path, limits=Limits(expanded=1_000_000))["a.gz"]


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_bounds_hold_for_an_archive_as_a_whole(tmp_path: Path, pack: Callable[..., bytes]) -> None:
    (tmp_path / "a").write_bytes(pack(*((f"m{n}", bytes(400_000)) for n in range(5))))
    limits = Limits(expanded=1_000_000)
    assert list(found(tmp_path, limits=limits)) == ["a!m0", "a!m1"]
    assert list(skipped(tmp_path, limits=limits)) == ["a"]
    assert skipped(tmp_path, limits=Limits(members=3)) == {"a": "holds more than 3 files"}
    assert len(found(tmp_path, limits=Limits(members=3))) == 3


def test_a_giant_header_in_a_tar(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("x")
        info.pax_headers = {"comment": "A" * 2_000_000}
        archive.addfile(info)
    (tmp_path / "a.tar").write_bytes(out.getvalue())
    reasons = skipped(tmp_path, limits=Limits(directory=1_000_000))
    assert reasons == {"a.tar": "the headers of an archive member are too large"}


def test_a_giant_directory_in_a_zip(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(*((f"{n}" * 50, b"") for n in range(2000))))
    assert "directory of the archive" in skipped(tmp_path, limits=Limits(directory=100_000))["a.zip"]


def test_damaged_archives_give_what_is_whole(tmp_path: Path) -> None:
    noise = os.urandom(200_000)
    (tmp_path / "a.gz").write_bytes(gzip.compress(TEXT + noise, mtime=0)[:100_000])
    (tmp_path / "b.tgz").write_bytes(tarred(("x", TEXT), ("y", noise))[:100_000])
    damaged = bytearray(zipped(("x", noise), ("y", TEXT)))
    damaged[5000:5100] = bytes(100)
    (tmp_path / "c.zip").write_bytes(damaged)
    (tmp_path / "d.zip").write_bytes(zipped(("x", TEXT))[:30])
    items = {_short(item.name, tmp_path): item for item, _ in _walked((tmp_path,), None)}
    whole = {name: item.damage is None for name, item in items.items() if isinstance(item, File)}
    assert whole == {"a.gz": False, "b.tgz!x": True, "b.tgz!y": False, "c.zip!x": False, "c.zip!y": True}
    assert found(tmp_path / "a.gz")["a.gz"].startswith(TEXT)
    assert "damaged archive" in skipped(tmp_path)["d.zip"]


def test_an_encrypted_member(tmp_path: Path) -> None:
    data = bytearray(zipped(("x", TEXT)))
    data[6] |= 1
    data[data.find(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    assert skipped(tmp_path) == {"a.zip!x": "encrypted"}


def test_other_compressions_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.xz").write_bytes(b"\xfd7zXZ\x00....")
    assert skipped(tmp_path) == {"a.xz": "compressed with xz, which is not read"}


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-be", "utf-8-sig"])
def test_text_of_windows(tmp_path: Path, codec: str) -> None:
    data = "é <Event>\r\n".encode(codec)
    (tmp_path / "a").write_bytes(b"\xfe\xff" + data if codec == "utf-16-be" else data)
    assert found(tmp_path) == {"a": "é <Event>\r\n".encode()}


def test_the_digest_is_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(TEXT)
    (tmp_path / "b.gz").write_bytes(gzip.compress(TEXT, mtime=0))
    (tmp_path / "c.zip").write_bytes(zipped(("x", TEXT)))
    digests = [item.digest for item, _ in _walked((tmp_path,), None) if isinstance(item, File)]
    assert len(digests) == 3
    assert len(set(digests)) == 1


def test_bytes_on_disk_add_up(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(TEXT)
    (tmp_path / "b.zip").write_bytes(zipped(("x", os.urandom(50_000)), ("y", TEXT)))
    sizes = [item.disk for item, _ in _walked((tmp_path,), None) if isinstance(item, File)]
    assert len(sizes) == 3
    assert 50_000 < sum(sizes) <= total_size([str(tmp_path)])


def test_a_temporary_file_is_private(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(TEXT, mtime=0))
    for item in walk([str(tmp_path)]):
        assert isinstance(item, File)
        assert stat.S_IMODE(item.path().parent.stat().st_mode) == 0o700
