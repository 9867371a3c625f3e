"""Attack data that is named by a URL: fetched once, resumed, checked; hostile URLs and servers."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.unit.test_testing_mutations import EXAMPLE, write
from trapline.cli import cli
from trapline.content.catalog import Content
from trapline.content.model import AttackData
from trapline.testing import download, web
from trapline.testing.datasets import Datasets, Located, Missing
from trapline.testing.download import Rules, fetch
from trapline.testing.fetching import fetch_all
from trapline.testing.web import FetchError

LOCAL = Rules(("127.0.0.1",))
DATA = b"".join(b"line %d of a log\n" % number for number in range(20_000))
Answering = Callable[["Asked"], None]


class Asked(BaseHTTPRequestHandler):
    """One request; the test says how it is answered."""

    protocol_version = "HTTP/1.1"
    answering: Answering
    log: list[tuple[str, str]]

    def do_GET(self) -> None:
        self.log.append((self.path, self.headers.get("Range", "")))
        self.close_connection = True
        type(self).answering(self)

    def log_message(self, *args: object) -> None:
        pass

    def reply(self, body: bytes, code: int = 200, length: int | None = None, **headers: str) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)


class Server:
    def __init__(self, answering: Answering) -> None:
        self.log: list[tuple[str, str]] = []
        self.kind = type("One", (Asked,), {"answering": staticmethod(answering), "log": self.log})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self.kind)
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def answer(self, answering: Answering) -> None:
        self.kind.answering = staticmethod(answering)  # type: ignore[attr-defined]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Answering], Server]]:
    monkeypatch.setattr("trapline.testing.download.PAUSE", 0.0)
    running: list[Server] = []

    def start(answering: Answering) -> Server:
        one = Server(answering)
        running.append(one)
        threading.Thread(target=one.http.serve_forever, args=(0.02,), daemon=True).start()
        return one

    yield start
    for one in running:
        one.http.shutdown()
        one.http.server_close()


def whole(asked: Asked) -> None:
    asked.reply(DATA, ETag='"one"')


def from_there(asked: Asked) -> None:
    """Like a server that knows ranges, and breaks off after 100,000 bytes."""
    found = re.match(r"bytes=(\d+)-", asked.headers.get("Range", ""))
    start = int(found[1]) if found else 0
    headers = {"ETag": '"one"'}
    if found:
        assert asked.headers["If-Range"] == '"one"'
        headers["Content-Range"] = f"bytes {start}-{len(DATA) - 1}/{len(DATA)}"
    asked.reply(DATA[start : start + 100_000], 206 if found else 200, len(DATA) - start, **headers)


def test_a_file_is_fetched_once(serve: Callable[[Answering], Server], tmp_path: Path) -> None:
    server = serve(whole)
    told: list[tuple[int, int | None]] = []
    got = fetch(f"{server.url}/datasets/a/log.txt", tmp_path, LOCAL, tell=lambda done, of: told.append((done, of)))
    assert got.path.read_bytes() == DATA
    assert got.path.name == "log.txt"
    assert told[0] == (0, len(DATA))
    assert told[-1] == (len(DATA), len(DATA))
    about = json.loads((got.path.parent / "about.json").read_text(encoding="utf-8"))
    assert (about["size"], about["sha256"]) == (len(DATA), hashlib.sha256(DATA).hexdigest())
    assert about["etag"] == '"one"'
    again = fetch(f"{server.url}/datasets/a/log.txt", tmp_path, LOCAL)
    assert (again.path, again.fetched, again.note) == (got.path, 0, "")
    assert len(server.log) == 1


def test_a_broken_connection_is_resumed_where_it_broke(serve: Callable[[Answering], Server], tmp_path: Path) -> None:
    server = serve(from_there)
    got = fetch(f"{server.url}/log.txt", tmp_path, LOCAL)
    assert got.path.read_bytes() == DATA
    assert got.fetched == len(DATA)
    assert [asked for _, asked in server.log] == ["", "bytes=100000-", "bytes=200000-", "bytes=300000-"]


def test_another_run_goes_on_where_one_was_cut_off(serve: Callable[[Answering], Server], tmp_path: Path) -> None:
    def cut(asked: Asked) -> None:
        if asked.headers.get("Range"):
            asked.reply(b"", 503)
        else:
            from_there(asked)

    server = serve(cut)
    with pytest.raises(FetchError, match="answered 503"):
        fetch(f"{server.url}/log.txt", tmp_path, LOCAL)
    server.answer(from_there)
    del server.log[:]
    assert fetch(f"{server.url}/log.txt", tmp_path, LOCAL).path.read_bytes() == DATA
    assert server.log[0] == ("/log.txt", "bytes=100000-")


def test_a_server_that_ignores_ranges_starts_anew(serve: Callable[[Answering], Server], tmp_path: Path) -> None:
    def ignoring(asked: Asked) -> None:
        part = DATA[:5000] if not asked.headers.get("Range") else DATA
        asked.reply(part, 200, len(DATA), ETag='"one"')

    server = serve(ignoring)
    assert fetch(f"{server.url}/log.txt", tmp_path, LOCAL).path.read_bytes() == DATA
    assert len(server.log) == 2


def test_without_a_word_for_the_version_nothing_is_resumed(
    serve: Callable[[Answering], Server], tmp_path: Path
) -> None:
    server = serve(lambda asked: asked.reply(DATA[:9000] if len(server.log) == 1 else DATA, 200, len(DATA)))
    assert fetch(f"{server.url}/log.txt", tmp_path, LOCAL).path.read_bytes() == DATA
    assert [asked for _, asked in server.log] == ["", ""]


def test_a_file_that_changes_between_two_parts_is_not_mixed(
    serve: Callable[[Answering], Server], tmp_path: Path
) -> None:
    other = DATA[::-1]

    def changing(asked: Asked) -> None:
        if asked.headers.get("Range"):  # it should have sent the whole
            rest = other[5000:]
            asked.reply(rest, 206, ETag='"two"', Content_Range=f"bytes 5000-{len(other) - 1}/{len(other)}")
        elif len(server.log) == 1:
            asked.reply(DATA[:5000], 200, len(DATA), ETag='"one"')
        else:
            asked.reply(other, ETag='"two"')

    server = serve(changing)
    assert fetch(f"{server.url}/log.txt", tmp_path, LOCAL).path.read_bytes() == other


def test_a_wrong_length_is_an_error(serve: Callable[[Answering], Server], tmp_path: Path) -> None:
    server = serve(lambda asked: asked.reply(DATA[:1000], 200, 2000))
    with pytest.raises(FetchError, match=r"broke off: 1,000 of 2,000 bytes came"):
        fetch(f"{server.url}/log.txt", tmp_path, LOCAL)
    assert len(server.log) > 1
    assert not list(tmp_path.glob("*/log.txt"))


def test_what_is_not_there_is_asked_for_once(serve: Callable[[Answering], Server], tmp_path: Path) -> None:
    server = serve(lambda asked: asked.reply(b"no", 404))
    with pytest.raises(FetchError, match=r"there is no such file \(404\)"):
        fetch(f"{server.url}/log.txt", tmp_path, LOCAL)
    assert len(server.log) == 1


def test_redirects_are_followed_and_end(serve: Callable[[Answering], Server], tmp_path: Path) -> None:
    def leading(asked: Asked) -> None:
        if asked.path == "/a":
            asked.reply(b"x" * 100, 302, Location="/b")
        elif asked.path == "/b":
            whole(asked)
        else:
            asked.reply(b"", 301, Location=asked.path)

    server = serve(leading)
    assert fetch(f"{server.url}/a", tmp_path, LOCAL).path.read_bytes() == DATA
    with pytest.raises(FetchError, match="leads from one place to another, more than 5 times"):
        fetch(f"{server.url}/round", tmp_path, LOCAL)


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1/a", "http://user:secret@127.0.0.1/a"])
def test_redirects_leave_the_web_nowhere(target: str, serve: Callable[[Answering], Server], tmp_path: Path) -> None:
    server = serve(lambda asked: asked.reply(b"", 302, Location=target))
    with pytest.raises(FetchError) as caught:
        fetch(f"{server.url}/a", tmp_path, LOCAL)
    assert "secret" not in f"{caught.value.reason} {caught.value.hint}"
    assert not [path for path in tmp_path.glob("*/*") if not path.name.startswith(".")]


def test_private_servers_are_asked_only_by_name(serve: Callable[[Answering], Server], tmp_path: Path) -> None:
    server = serve(whole)
    with pytest.raises(FetchError, match=r"private network \(127.0.0.1\)") as caught:
        fetch(f"{server.url}/log.txt", tmp_path, Rules())
    assert caught.value.hint == "if it is meant: --allow-host 127.0.0.1"
    assert not server.log


@pytest.mark.parametrize(
    "path",
    [
        "/../../../up.log",
        "/%2e%2e/%2e%2e/up.log",
        "/a/..%2f..%2fup.log",
        "/about.json",
        "/part",
        "/.hidden",
        "/",
        "/a%00b",
        "/" + "x" * 3000,
        "/a?name=../../up",
        "/C:%5Cup.log",
    ],
    ids=lambda text: text[:20],
)
def test_no_url_names_a_place_outside_the_cache(
    path: str, serve: Callable[[Answering], Server], tmp_path: Path
) -> None:
    server = serve(whole)
    cache = tmp_path / "cache"
    got = fetch(f"{server.url}{path}", cache, LOCAL)
    assert got.path.parent.parent == cache
    assert got.path.read_bytes() == DATA
    assert [one.name for one in tmp_path.iterdir()] == ["cache"]
    assert fetch(f"{server.url}{path}", cache, LOCAL).fetched == 0


@pytest.mark.parametrize("url", ["file:///etc/passwd", "data:,x", "http:///x", "https://a b/", "http://[::1", "ext::x"])
def test_other_protocols_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError):
        fetch(url, tmp_path, LOCAL)


def test_a_damaged_copy_is_seen(serve: Callable[[Answering], Server], tmp_path: Path) -> None:
    server = serve(whole)
    url = f"{server.url}/log.txt"
    path = fetch(url, tmp_path, LOCAL).path
    path.write_bytes(DATA[:-1] + b"X")
    got = fetch(url, tmp_path, LOCAL)
    assert got.note == "the copy in the cache was damaged (its SHA-256 is another): fetched again"
    assert got.path.read_bytes() == DATA
    (path.parent / "about.json").write_text('{"url": 3}', encoding="utf-8")
    assert fetch(url, tmp_path, LOCAL).fetched == len(DATA)


def test_refresh_fetches_what_has_changed(serve: Callable[[Answering], Server], tmp_path: Path) -> None:
    def versioned(asked: Asked) -> None:
        if asked.headers.get("If-None-Match") == '"one"':
            asked.reply(b"", 304)
        else:
            whole(asked)

    server = serve(versioned)
    url, anew = f"{server.url}/log.txt", Rules(("127.0.0.1",), refresh=True)
    fetch(url, tmp_path, LOCAL)
    assert fetch(url, tmp_path, anew).fetched == 0
    server.answer(lambda asked: asked.reply(b"other\n", ETag='"two"'))
    got = fetch(url, tmp_path, anew)
    assert got.path.read_bytes() == b"other\n"
    assert "it has changed at its server since 20" in got.note
    server.answer(lambda asked: asked.reply(b"", 500))
    assert "whether it has changed at its server is not known" in fetch(url, tmp_path, anew).note


def test_the_size_is_bounded(serve: Callable[[Answering], Server], tmp_path: Path) -> None:
    server = serve(whole)
    small = Rules(("127.0.0.1",), most_bytes=100_000)
    with pytest.raises(FetchError, match="larger than 0 MB"):
        fetch(f"{server.url}/log.txt", tmp_path, small)

    def endless(asked: Asked) -> None:
        asked.send_response(200)
        asked.end_headers()
        for _ in range(20):
            asked.wfile.write(b"x" * 20_000)

    server.answer(endless)
    with pytest.raises(FetchError, match="larger than 0 MB"):
        fetch(f"{server.url}/other.txt", tmp_path, small)
    assert sum(path.stat().st_size for path in tmp_path.glob("*/part")) == 0


def test_a_pointer_of_git_lfs_is_recognised(serve: Callable[[Answering], Server], tmp_path: Path) -> None:
    text = (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{hashlib.sha256(DATA).hexdigest()}\nsize {len(DATA)}\n"
    )
    server = serve(lambda asked: asked.reply(text.encode()))
    with pytest.raises(FetchError, match=f"gives a pointer of Git LFS to {len(DATA):,} bytes, not the data"):
        fetch(f"{server.url}/log.txt", tmp_path, LOCAL)
    pointer = download.pointer_of(text.encode())
    assert pointer is not None
    server.answer(whole)
    assert fetch(f"{server.url}/log.txt", tmp_path, LOCAL, pointer=pointer).path.read_bytes() == DATA
    server.answer(lambda asked: asked.reply(b"other"))
    with pytest.raises(FetchError, match="is not what the checkout names"):
        fetch(f"{server.url}/else.txt", tmp_path, LOCAL, pointer=pointer)


def test_a_checkout_of_pointers_is_filled(serve: Callable[[Answering], Server], tmp_path: Path) -> None:
    server = serve(whole)
    sha256 = hashlib.sha256(DATA).hexdigest()
    place = tmp_path / "mirror/datasets/a/log.txt"
    place.parent.mkdir(parents=True)
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(DATA)}\n"
    place.write_text(text, encoding="utf-8")
    one = AttackData(f"{server.url}/media/datasets/a/log.txt", "s", "t")
    datasets = Datasets(Content(), [tmp_path / "mirror"])
    lacks = datasets.locate(one)
    assert isinstance(lacks, Missing)
    assert lacks.hint == "run git lfs pull in that checkout, or give --fetch"
    told: list[tuple[str, int, int, str]] = []
    datasets.fetched = fetch_all([lacks], tmp_path / "cache", LOCAL, lambda *what: told.append(what))
    found = datasets.locate(one)
    assert isinstance(found, Located)
    assert found.path.read_bytes() == DATA
    assert told[-1] == ("fetching", len(DATA), len(DATA), "log.txt")

    place.write_text(text.replace(sha256, "0" * 64), encoding="utf-8")
    datasets.fetched = {}
    lacks = datasets.locate(one)
    assert isinstance(lacks, Missing)
    (got,) = fetch_all([lacks], tmp_path / "cache", LOCAL).values()
    assert "is not what the checkout names" in str(got)


def test_two_at_once_fetch_it_once(serve: Callable[[Answering], Server], tmp_path: Path) -> None:
    server = serve(whole)
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: fetch(f"{server.url}/log.txt", tmp_path, LOCAL), range(2)))
    assert sorted(one.fetched for one in both) == [0, len(DATA)]
    assert len(server.log) == 1


def test_a_proxy_is_not_asked_for_private_addresses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    for host in ("10.0.0.1", "localhost", "[::ffff:127.0.0.1]", "169.254.169.254"):
        with pytest.raises(FetchError, match="private network"):
            fetch(f"http://{host}/a", tmp_path, Rules())


def test_a_redirect_stays_encrypted() -> None:
    assert web._next("https://a.example/x/y", "../z") == "https://a.example/z"
    with pytest.raises(FetchError, match="which is not encrypted"):
        web._next("https://a.example/x", "http://a.example/x")


def test_the_ways_of_github_to_show_a_file() -> None:
    raw = "https://raw.githubusercontent.com/splunk/attack_data/master/datasets/a.log"
    right = "write https://media.githubusercontent.com/media/splunk/attack_data/master/datasets/a.log"
    assert download._instead(raw) == right
    assert download._instead("https://github.com/splunk/attack_data/blob/master/datasets/a.log") == right


def test_a_web_page_and_a_packed_answer_are_no_data(serve: Callable[[Answering], Server], tmp_path: Path) -> None:
    server = serve(lambda asked: asked.reply(b"<html>", Content_Type="text/html; charset=utf-8"))
    with pytest.raises(FetchError, match="is a web page, no data set"):
        fetch(f"{server.url}/a", tmp_path, LOCAL)
    server.answer(lambda asked: asked.reply(b"\x1f\x8b", Content_Encoding="gzip"))
    with pytest.raises(FetchError, match="although it was asked not to"):
        fetch(f"{server.url}/a", tmp_path, LOCAL)


def test_without_a_network_the_next_step_is_said(serve: Callable[[Answering], Server], tmp_path: Path) -> None:
    server = serve(whole)
    fetch(f"{server.url}/kept.txt", tmp_path, LOCAL)
    server.http.server_close()
    server.http.shutdown()
    with pytest.raises(FetchError, match="Connection refused") as caught:
        fetch(f"{server.url}/log.txt", tmp_path, LOCAL)
    assert caught.value.hint == web.OFFLINE
    assert fetch(f"{server.url}/kept.txt", tmp_path, LOCAL, gone=caught.value).path.read_bytes() == DATA


def test_the_command_fetches_what_a_test_names(serve: Callable[[Answering], Server], tmp_path: Path) -> None:
    root = tmp_path / "content"
    write(root)
    log = root / "tests/endpoint/base.log"
    body = log.read_bytes()
    log.unlink()
    server = serve(lambda asked: asked.reply(body, ETag='"one"'))
    path = root / "detections/endpoint/base_remote_tool.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("data: tests/", f"data: {server.url}/media/datasets/"), encoding="utf-8")
    words = ["test", EXAMPLE, "--content", str(root), "--cache", str(tmp_path / "cache"), "--json", "--jobs", "1"]
    found = json.loads(CliRunner().invoke(cli, words).stdout)
    assert "give --fetch" in found["detections"][0]["tests"][1]["reason"]

    refused = CliRunner().invoke(cli, [*words, "--fetch"])
    assert refused.exit_code == 3
    assert "--allow-host 127.0.0.1" in refused.stdout

    done = CliRunner().invoke(cli, [*words, "--fetch", "--allow-host", "127.0.0.1"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["passed"] == 1
    assert len(server.log) == 1
