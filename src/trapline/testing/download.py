"""Attack data that tests name by URL, kept in a folder: fetched once, resumed where it broke off, checked at each use.

Each URL has a folder of its own below the cache, named by the SHA-256 of the URL, so that no URL names a path of ours.
In it: the data set under its file name, `about.json` (URL, size, SHA-256, ETag, Last-Modified, when), and while it is
fetched `part` and `part.json`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from trapline.errors import TraplineError
from trapline.state.lock import held
from trapline.testing import web
from trapline.testing.web import FetchError

VARIABLE = "TRAPLINE_DATA_CACHE"
"""Environment variable with the folder, where none is given."""
MOST_BYTES = 2_000_000_000
"""Of one data set, where nothing else is said."""
TRIES = 4
"""Attempts in a row that bring nothing."""
PAUSE = 0.5
"""Seconds after the first of them; after each further one twice as many."""
SECONDS = 3600.0
"""For one data set."""
SPARE = 100_000_000
"""Bytes of the disk that stay free."""
_POINTER = b"version https://git-lfs.github.com/spec/"
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})\Z")
_SMALL = 65_536

Tell = Callable[[int, int | None], None]
"""(bytes that are there, of how many)."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be fetched. `hosts`: names of servers of this machine or a private network that may be asked.
    `most_bytes`: of one data set. `refresh`: ask whether what is kept has changed at its server."""

    hosts: tuple[str, ...] = ()
    most_bytes: int = MOST_BYTES
    refresh: bool = False


@dataclass(frozen=True, slots=True)
class Pointer:
    """What is known of a file before: from the pointer that Git LFS leaves in its place."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Got:
    """A data set that is there. `note`: what is doubtful, or has changed. `fetched`: bytes that came now."""

    path: Path
    note: str = ""
    fetched: int = 0


@dataclass(frozen=True, slots=True)
class _About:
    url: str
    name: str
    size: int
    sha256: str
    etag: str = ""
    modified: str = ""
    when: str = ""

    @classmethod
    def of(cls, found: dict[str, object]) -> _About | None:
        """None for what was not written here."""
        size = found.pop("size", None)
        names = {"url", "name", "sha256", "etag", "modified", "when"}
        if not isinstance(size, int) or set(found) != names:
            return None
        return cls(size=size, **{name: str(value) for name, value in found.items()})


@dataclass(frozen=True, slots=True)
class _Part:
    """What `part` is a part of."""

    url: str
    etag: str = ""
    modified: str = ""

    @classmethod
    def of(cls, found: dict[str, object]) -> _Part | None:
        """None for what was not written here."""
        if set(found) != {"url", "etag", "modified"}:
            return None
        return cls(**{name: str(value) for name, value in found.items()})

    @property
    def validator(self) -> str:
        """What tells the server which version is meant; a weak ETag does not say that bytes are the same."""
        return self.modified if not self.etag or self.etag.startswith("W/") else self.etag


def default_folder() -> Path:
    """The folder that the environment names, else `trapline/attack_data` in the user's folder of caches."""
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "trapline" / "attack_data"


def fetch(
    url: str,
    folder: Path,
    rules: Rules,
    *,
    pointer: Pointer | None = None,
    tell: Tell | None = None,
    gone: FetchError | None = None,
) -> Got:
    """The file of a URL, from the cache or fetched into it. `gone`: why its server is not to be asked. Raises
    FetchError."""
    asked = web.clean(url)
    place = folder / hashlib.sha256(asked.encode()).hexdigest()[:40]
    try:
        with _alone(place):
            return _Fetching(asked, place, rules, pointer, tell or (lambda done, of: None), gone).run()
    except OSError as error:
        reason = f"the cache {folder} cannot be used: {error.strerror or error}"
        raise FetchError(reason, f"name another folder with --cache or ${VARIABLE}", code="fetch.cache") from None


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Another run may want the same data set now: it waits, and finds it."""
    end = time.monotonic() + SECONDS
    while True:
        lock = held(place / ".lock", "a download")
        try:
            lock.__enter__()
        except TraplineError as error:
            if error.code != "schedule.running":
                raise FetchError(error.reason, "name another folder with --cache", code="fetch.cache") from None
            if time.monotonic() > end:
                raise FetchError(f"another process holds {place}", "end it, and run this again") from None
            time.sleep(0.1)
            continue
        try:
            yield
        finally:
            lock.__exit__(None, None, None)
        return


@dataclass(slots=True)
class _Fetching:
    url: str
    place: Path
    rules: Rules
    pointer: Pointer | None
    tell: Tell
    gone: FetchError | None = None
    came: int = 0
    farthest: int = 0
    """Bytes that were there at once."""
    end: float = 0.0

    @property
    def part(self) -> Path:
        return self.place / "part"

    def run(self) -> Got:
        self.end = time.monotonic() + SECONDS
        about = self._about()
        note = ""
        if about is not None:
            path = self.place / about.name
            wrong = _differs(path, about)
            if wrong:
                note, about = f"the copy in the cache was damaged ({wrong}): fetched again", None
            elif self.pointer is not None and self.pointer.sha256 != about.sha256:
                note, about = "the checkout names another version than the cache had: fetched again", None
            elif not self.rules.refresh:
                return Got(path)
        try:
            new = self._download(about)
        except FetchError as error:
            if about is None:
                raise
            return Got(self.place / about.name, f"whether it has changed at its server is not known: {error.reason}")
        if new is None:
            assert about is not None
            return Got(self.place / about.name)
        if about is not None and new.sha256 != about.sha256:
            note = f"it has changed at its server since {about.when}"
        if about is not None and about.name != new.name:
            (self.place / about.name).unlink(missing_ok=True)
        return Got(self.place / new.name, note, self.came)

    def _about(self) -> _About | None:
        """What is said of the copy in the cache, None where there is none."""
        found = _read(self.place / "about.json")
        about = None if found is None else _About.of(found)
        return about if about is not None and about.url == self.url and about.name == _name(self.url) else None

    def _download(self, before: _About | None) -> _About | None:
        """Fetches it; None where the server says that it is still what `before` is."""
        if self.gone is not None:
            raise self.gone
        tries = 0
        while True:
            farthest = self.farthest
            try:
                answer = self._once(before)
                return None if answer is None else self._done(answer)
            except FetchError as error:
                tries = tries + 1 if self.farthest == farthest else 1
                if not error.again or tries >= TRIES or time.monotonic() > self.end or error.code == "fetch.offline":
                    raise
                time.sleep(PAUSE * 2 ** (tries - 1))

    def _once(self, before: _About | None) -> tuple[_Part, int | None] | None:
        """One request, the bytes of which go to the part; (what it is, its size as the server says it)."""
        headers = {"User-Agent": "trapline", "Accept-Encoding": "identity", "Accept": "*/*"}
        known = self._known()
        start = self.part.stat().st_size if known is not None else 0
        if known is not None and start:
            headers |= {"Range": f"bytes={start}-", "If-Range": known.validator}
        elif before is not None:
            headers |= {"If-None-Match": before.etag} if before.etag else {}
            headers |= {"If-Modified-Since": before.modified} if before.modified else {}
        with web.ask(self.url, headers, self.rules.hosts) as answer:
            if answer.status == 304 and before is not None and not start:
                return None
            if answer.status in (304, 416):
                self._forget()
                raise FetchError(f"{web.shown(self.url)}: the server answered {answer.status} to a part", again=True)
            self._fit(answer)
            size = answer.length
            if answer.status == 206:
                found = _RANGE.match(answer.headers.get("Content-Range", ""))
                if found is None or int(found[1]) != start or not start:
                    self._forget()
                    raise FetchError(f"{web.shown(self.url)}: the server sent another part than asked", again=True)
                if known is not None and known.etag != (answer.headers.get("ETag") or ""):
                    self._forget()
                    raise FetchError(f"{web.shown(self.url)} has changed while it was fetched", again=True)
                size = int(found[3])
            else:
                start = 0
            now = _Part(self.url, answer.headers.get("ETag") or "", answer.headers.get("Last-Modified") or "")
            self._room(size, start)
            _write(self.place / "part.json", asdict(now))
            self._take(answer, start, size)
        return now, size

    def _known(self) -> _Part | None:
        """What there is a part of, if the server can be asked for the rest."""
        found = _read(self.place / "part.json")
        known = None if found is None or not self.part.is_file() else _Part.of(found)
        if known is None or known.url != self.url or not known.validator:
            self._forget()
            return None
        return known

    def _forget(self) -> None:
        self.part.unlink(missing_ok=True)
        (self.place / "part.json").unlink(missing_ok=True)

    def _fit(self, answer: web.Answer) -> None:
        """Raises FetchError for an answer that is no data set."""
        coding = answer.headers.get("Content-Encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            reason = f"{web.shown(self.url)}: the server packs it ({coding[:20]}), although it was asked not to"
            raise FetchError(reason, "fetch it yourself and give --data DIR")
        if answer.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
            raise FetchError(f"{web.shown(self.url)} is a web page, no data set", _instead(self.url))

    def _room(self, size: int | None, start: int) -> None:
        """Raises FetchError where it would not fit."""
        if size is None:
            return
        self._bounded(size)
        free = shutil.disk_usage(self.place).free
        if size - start > free - SPARE:
            reason = f"{web.shown(self.url)} has {size:,} bytes, and the disk of the cache {free:,} left"
            raise FetchError(reason, "make room, or name another folder with --cache", code="fetch.cache")

    def _bounded(self, size: int) -> None:
        if size > self.rules.most_bytes:
            self._forget()
            limit = f"{self.rules.most_bytes / 1e6:,.0f} MB"
            raise FetchError(f"{web.shown(self.url)} is larger than {limit}", "--fetch-limit MB takes larger ones")

    def _take(self, answer: web.Answer, start: int, size: int | None) -> None:
        there = start
        with self.part.open("ab" if start else "wb") as out:
            self.tell(there, size)
            for block in answer.blocks():
                out.write(block)
                there += len(block)
                self.came += len(block)
                self.farthest = max(self.farthest, there)
                self._bounded(there)
                if time.monotonic() > self.end:
                    raise FetchError(f"{web.shown(self.url)} took longer than {SECONDS / 60:.0f} minutes", web.OFFLINE)
                self.tell(there, size)
        if size is not None and there != size:
            if there > size:
                self._forget()
            reason = f"{web.shown(self.url)} broke off: {there:,} of {size:,} bytes came"
            raise FetchError(reason, "run it again: it goes on where it was", again=True)

    def _done(self, answer: tuple[_Part, int | None]) -> _About:
        """The part is the whole: checked, and put in its place."""
        now, _ = answer
        with self.part.open("rb") as file:
            head = file.read(1024)
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        size = self.part.stat().st_size
        found = pointer_of(head) if size < 1024 else None
        if found is not None:
            self._forget()
            reason = f"{web.shown(self.url)} gives a pointer of Git LFS to {found.size:,} bytes, not the data"
            raise FetchError(reason, _instead(self.url), code="fetch.pointer")
        if not size:
            self._forget()
            raise FetchError(f"{web.shown(self.url)} is empty", "correct the URL in the test")
        if self.pointer is not None and (self.pointer.sha256, self.pointer.size) != (sha256, size):
            self._forget()
            reason = f"{web.shown(self.url)} is not what the checkout names: {size:,} bytes, SHA-256 {sha256}"
            raise FetchError(reason, f"it should have {self.pointer.size:,} bytes, SHA-256 {self.pointer.sha256}")
        when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        about = _About(self.url, _name(self.url), size, sha256, now.etag, now.modified, when)
        # Between the two steps what is said of the file does not fit it: the next run sees that and fetches it again.
        self.part.replace(self.place / about.name)
        _write(self.place / "about.json", asdict(about))
        (self.place / "part.json").unlink(missing_ok=True)
        return about


def pointer_of(head: bytes) -> Pointer | None:
    """What Git LFS says in the place of a file; None for any other file."""
    if not head.startswith(_POINTER):
        return None
    sha256 = re.search(rb"^oid sha256:([0-9a-f]{64})$", head, re.MULTILINE)
    size = re.search(rb"^size (\d{1,15})$", head, re.MULTILINE)
    return Pointer(sha256[1].decode() if sha256 else "", int(size[1]) if size else 0)


def _name(url: str) -> str:
    """The file name of a URL, with nothing in it that means something to a system of files."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", PurePosixPath(unquote(urlsplit(url).path)).name).lstrip(".")[-100:]
    return name if name not in ("", "about.json", "part", "part.json") else f"data_{name}"


def _instead(url: str) -> str:
    """Which URL has the data, for the ways in which GitHub shows a file."""
    parts = urlsplit(url)
    words = [one for one in parts.path.split("/") if one]
    if parts.hostname == "raw.githubusercontent.com" and len(words) > 3:
        return f"write https://media.githubusercontent.com/media/{'/'.join(words)}"
    if parts.hostname == "github.com" and len(words) > 4 and words[2] in ("blob", "raw"):
        return f"write https://media.githubusercontent.com/media/{'/'.join((*words[:2], *words[3:]))}"
    return "give the URL of the file itself"


def _differs(path: Path, about: _About) -> str:
    """What is otherwise than when it was fetched; "" where nothing is."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size != about.size:
                return f"{size:,} bytes instead of {about.size:,}"
            same = hashlib.file_digest(file, "sha256").hexdigest() == about.sha256
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}"
    return "" if same else "its SHA-256 is another"


def _read(path: Path) -> dict[str, object] | None:
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_SMALL))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _write(path: Path, body: dict[str, object]) -> None:
    new = path.with_name(f".{path.name}")
    new.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")
    new.replace(path)
