"""All data sets that tests lack, fetched by their URLs, a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

from trapline.testing.datasets import Missing
from trapline.testing.download import Got, Pointer, Rules, fetch
from trapline.testing.web import FetchError

AT_ONCE = 4

Progress = Callable[[str, int, int, str], None]
"""(what is done, bytes so far, bytes of what is known, of which data set)."""


def fetch_all(
    missing: Iterable[Missing], folder: Path, rules: Rules, progress: Progress | None = None
) -> dict[str, Got | FetchError]:
    """What came of each URL. A host that cannot be reached is not asked for each of its files."""
    wanted: dict[str, Pointer | None] = {}
    for one in missing:
        if one.fetchable:
            wanted[one.data.data] = wanted.get(one.data.data) or one.pointer
    told = _Told(progress)
    gone: dict[str, FetchError] = {}

    def get(url: str) -> Got | FetchError:
        host = urlsplit(url).netloc
        try:
            return fetch(url, folder, rules, pointer=wanted[url], tell=partial(told, url), gone=gone.get(host))
        except FetchError as error:
            if error.code == "fetch.offline":
                gone[host] = error
            return error

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(wanted, pool.map(get, wanted), strict=True))


class _Told:
    """The progress of several downloads as one."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        self.lock = Lock()
        self.there: dict[str, tuple[int, int]] = {}

    def __call__(self, url: str, done: int, of: int | None) -> None:
        if self.progress is None:
            return
        with self.lock:
            self.there[url] = (done, max(of or 0, done))
            sums = [sum(one[place] for one in self.there.values()) for place in (0, 1)]
            self.progress("fetching", sums[0], sums[1], urlsplit(url).path.rpartition("/")[2])
