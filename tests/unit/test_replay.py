"""`trapline replay`: recorded events into a store, and to a real local HTTP server that acts as a collector."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.unit.outputkit import web
from trapline.cli import cli
from trapline.errors import InputError
from trapline.outputs.options import Secret
from trapline.outputs.output import Later
from trapline.outputs.wire import Poster, Url
from trapline.replay.mark import Mark, Reached
from trapline.replay.recorded import recorded
from trapline.replay.send import Collector, OurStore, SendError, send
from trapline.store import Store

OK: tuple[int, dict[str, str], bytes] = (200, {}, b'{"text":"Success","code":0}')
BUSY: tuple[int, dict[str, str], bytes] = (503, {}, b'{"text":"Server is busy","code":9}')
TOKEN = "5f0e-very-secret-token"
LINES = (
    '{"time": "2024-03-01T10:00:10Z", "n": "second"}',
    '{"time": "2024-03-01T10:00:00Z", "n": "first"}',
    '{"time": "2024-03-01T10:01:00Z", "n": "third \\u00e9"}',
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "events.json"
    file.write_text("\n".join(LINES) + "\n")
    return file


def run(*args: object, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(cli, ["replay", *map(str, args)], env={"TRAPLINE_HEC_TOKEN": None, **(env or {})})


def events_of(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.decode().split("\n")]


def names(batch: list[dict[str, Any]]) -> list[str]:
    return [json.loads(one["event"])["n"] for one in batch]


def test_to_a_collector(data: Path, tmp_path: Path) -> None:
    with web(OK) as server:
        args = [
            "--host",
            "h1",
            "--source",
            "s1",
            "--sourcetype",
            "my:json",
            "--index",
            "i1",
            "--store",
            tmp_path / "st",
        ]
        found = run(data, "--to", server.url, "--json", *args, env={"TRAPLINE_HEC_TOKEN": TOKEN})
    assert found.exit_code == 0, found.output
    assert TOKEN not in found.output
    (path, headers, body), *more = server.got
    assert not more
    assert path == "/services/collector/event"
    assert headers["Authorization"] == f"Splunk {TOKEN}"
    sent = events_of(body)
    assert names(sent) == ["first", "second", "third é"]
    meta = {"host": "h1", "source": "s1", "sourcetype": "my:json", "index": "i1"}
    assert [{key: one[key] for key in meta} for one in sent] == [meta] * 3
    assert [one["time"] for one in sent] == [1709287200.0, 1709287210.0, 1709287260.0]
    assert sent[1]["event"] == LINES[0]
    told = json.loads(found.stdout)
    assert (told["events"], told["batches"], told["retries"]) == (3, 1, 0)
    assert not (tmp_path / "st").exists()


def test_without_index_it_is_that_of_the_token(data: Path) -> None:
    with web(OK) as server:
        assert run(data, "--to", server.url, "--token", TOKEN).exit_code == 0
    assert "index" not in events_of(server.got[0][2])[0]


def test_retime_moves_all_by_one_distance(data: Path) -> None:
    with web(OK) as server, recorded([str(data)]) as events:
        sent = send(events, collector(server.url), retime=True, now=lambda: 1_800_000_000.25)
    times = [one["time"] for one in events_of(server.got[0][2])]
    assert times == [1_799_999_940.25, 1_799_999_950.25, 1_800_000_000.25]
    assert sent.shift == 1_800_000_000.25 - 1709287260


def test_speed_paces_by_event_time(data: Path) -> None:
    clock = [100.0]
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock[0] += seconds

    with web(OK) as server, recorded([str(data)]) as events:
        send(events, collector(server.url), speed=10, clock=lambda: clock[0], sleep=sleep)
    assert [names(events_of(body)) for _, _, body in server.got] == [["first"], ["second"], ["third é"]]
    assert waits == pytest.approx([1.0, 5.0])


def test_a_busy_collector_gets_the_same_batch_again(data: Path) -> None:
    waits: list[float] = []
    asked = (429, {"Retry-After": "7"}, b"")
    with web(BUSY, BUSY, asked, OK) as server, recorded([str(data)]) as events:
        sent = send(events, collector(server.url, sleep=waits.append))
    assert waits == [1.0, 2.0, 7.0]
    assert len({body for _, _, body in server.got}) == 1
    assert (sent.events, sent.batches, sent.retries) == (3, 1, 3)


def test_it_gives_up_and_says_how_many_are_there(data: Path) -> None:
    with web(OK, BUSY) as server, recorded([str(data)]) as events:
        target = collector(server.url, sleep=lambda _: None, most=1)
        with pytest.raises(SendError) as found:
            send(events, target)
    assert len(server.got) == 1 + target.attempts
    assert "1 of 3 events were sent" in found.value.reason
    assert found.value.exit_code == 3


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((403, {}, b'{"text":"Invalid token","code":4}'), "check the token"),
        ((400, {}, b'{"text":"Incorrect index","code":7}'), "Incorrect index"),
        ((404, {}, b""), "check the URL"),
    ],
)
def test_what_waiting_does_not_mend_is_tried_once(data: Path, answer: Any, says: str) -> None:
    with web(answer) as server:
        found = run(data, "--to", server.url, "--token", TOKEN)
    assert len(server.got) == 1
    assert isinstance(found.exception, SendError)
    assert says in found.exception.render()
    assert TOKEN not in found.exception.render()


def test_an_answer_that_is_no_collectors_is_no_success(data: Path) -> None:
    with web((200, {}, b"<html>log in</html>")) as server, recorded([str(data)]) as events:
        target = collector(server.url, sleep=lambda _: None)
        with pytest.raises(SendError, match="does not answer as an HTTP Event Collector"):
            send(events, target)


def test_batches_are_bounded(tmp_path: Path) -> None:
    file = tmp_path / "many.log"
    file.write_text("".join(f"2024-03-01T10:00:{at % 60:02} line {at} {'x' * 200}\n" for at in range(300)))
    with web(OK) as server, recorded([str(file)]) as events:
        target = collector(server.url, most=100)
        target.most_bytes = 10_000
        sent = send(events, target)
    assert sent.events == 300
    assert sum(len(events_of(body)) for _, _, body in server.got) == 300
    assert max(len(body) for _, _, body in server.got) <= 10_100
    times = [one["time"] for _, _, body in server.got for one in events_of(body)]
    assert times == sorted(times)


def test_into_our_store_with_all_fields(data: Path, tmp_path: Path) -> None:
    store = tmp_path / "st"
    found = run(data, "--store", store, "--retime", "--index", "again", "--json")
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["events"] == 3
    args = ["search", "--store", str(store), "index=again | sort _time | table n, source, sourcetype", "--json"]
    rows = json.loads(CliRunner().invoke(cli, args).stdout)["rows"]
    assert [row["n"] for row in rows] == ["first", "second", "third é"]
    assert {row["source"] for row in rows} == {str(data)}
    with Store.open(store, create=False) as opened:
        assert {(one.index, one.events) for one in opened.stats()} == {("again", 3)}


def test_events_without_a_time_are_told_of_when_times_move(data: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no time here\n")
    found = run(data, tmp_path / "notes.txt", "--store", tmp_path / "st", "--retime")
    assert found.exit_code == 0, found.output
    assert "1 events have no time of their own" in found.output


def test_into_our_store_at_a_pace(data: Path, tmp_path: Path) -> None:
    with Store.open(tmp_path / "st") as store, recorded([str(data)]) as events:
        sent = send(events, OurStore(store, "main"), speed=1_000_000)
    assert (sent.events, sent.batches) == (3, 1)


def test_wrong_use(data: Path, tmp_path: Path) -> None:
    for args, says in (
        (["--to", "https://localhost:1"], "TRAPLINE_HEC_TOKEN"),
        (["--to", "http://splunk.example:8088", "--token", "t"], "readable on the way"),
        (["--to", "splunk:8088", "--token", "t"], "no URL"),
        (["--token", "t"], "--to"),
        (["--speed", "0"], "--speed"),
    ):
        found = run(data, *args)
        assert found.exit_code == 2, found.output
        assert says in found.output
    empty = tmp_path / "empty.log"
    empty.write_text("")
    assert run(empty, "--store", tmp_path / "none").exit_code == 2


def test_certificates_are_checked_unless_insecure() -> None:
    url = Url.of("https://localhost:9", "/x")
    assert Poster(url, 5, None).verify
    assert Later("x", None, 403).status == 403


def collector(url: str, **given: Any) -> Collector:
    return Collector(Poster(Url.of(url, "/services/collector/event"), 5, None), Secret(TOKEN), **given)


def poster(url: str) -> Poster:
    return Poster(Url.of(url, "/services/collector/event", plain=True), 5, None)


def test_an_interrupted_replay_goes_on(data: Path, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with recorded([str(data)]) as events:
        mark = Mark(state, events, ("a",))
        for number in (1, 2):
            mark.write(Reached(number, 5_000_000))
            with web(OK) as server:
                target = Collector(
                    Poster(Url.of(server.url, "/services/collector/event", plain=True), 5, None), Secret("x")
                )
                sent = send(events, target, retime=True, mark=mark)
            got = [one for _, _, body in server.got for one in events_of(body)]
            assert names(got) == ["first", "second", "third \u00e9"][number:]
            assert (sent.before, sent.events, sent.shift) == (number, 3 - number, 5.0)
            assert not state.exists()
        mark.write(Reached(1, 0))
        with pytest.raises(InputError, match="another replay"):
            Mark(state, events, ("b",)).read()
        state.write_text("[]")
        with pytest.raises(InputError, match="no state"):
            mark.read()


def test_what_was_acknowledged_is_remembered(data: Path, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    refused: tuple[int, dict[str, str], bytes] = (403, {}, b'{"text":"Invalid token","code":4}')
    with recorded([str(data)]) as events, web(OK, refused) as server:
        mark = Mark(state, events, ())
        target = Collector(
            Poster(Url.of(server.url, "/services/collector/event", plain=True), 5, None), Secret("x"), most=1
        )
        with pytest.raises(SendError) as told:
            send(events, target, mark=mark)
        assert told.value.sent == 1
        assert mark.read() == Reached(1, 0)
