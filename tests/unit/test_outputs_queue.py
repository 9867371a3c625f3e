"""The queue of the outputs: at least once, back-off, dead letters; and a pass over it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.outputkit import listener, message, output, web
from trapline.errors import EngineError, TraplineError
from trapline.outputs.dispatch import dispatch, orphans, queue
from trapline.outputs.message import MAX_BODY, Message
from trapline.outputs.output import Output
from trapline.state.database import Database
from trapline.state.deliveries import Deliveries, Status, backoff, enqueue


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database.file(tmp_path / "state.db")


def _queue(database: Database, outputs: list[Output], *keys: str, now: float = 100.0) -> int:
    with database.write() as connection:
        return queue(connection, outputs, [message(key) for key in keys], now)


def test_a_key_is_queued_once(database: Database) -> None:
    with database.write() as connection:
        assert enqueue(connection, "a", [("k", "1"), ("l", "2")], 5.0) == 2
        assert enqueue(connection, "b", [("k", "1")], 5.0) == 1
    with database.write() as connection:
        assert enqueue(connection, "a", [("k", "other"), ("m", "3")], 6.0) == 1
        assert enqueue(connection, "a", ((f"n{number}", "") for number in range(1200)), 6.0) == 1200
        assert enqueue(connection, "a", ((f"n{number}", "") for number in range(1201)), 6.0) == 1
    found = Deliveries(database).due("a", 6.0, 3)
    assert [(one.key, one.body) for one in found] == [("k", "1"), ("l", "2"), ("m", "3")]


def test_queueing_is_part_of_the_transaction(database: Database) -> None:
    def fails() -> None:
        with database.write() as connection:
            enqueue(connection, "a", [("k", "1")], 5.0)
            raise TraplineError("no")

    with pytest.raises(TraplineError, match="no"):
        fails()
    assert Deliveries(database).counts() == {}


def test_back_off_doubles_and_is_bounded() -> None:
    waits = [backoff(7, attempts) for attempts in range(1, 40)]
    for number, wait in enumerate(waits):
        plain = min(10 * 2**number, 3600)
        assert plain <= wait <= plain * 1.25
    assert waits == [backoff(7, attempts) for attempts in range(1, 40)]
    assert len({backoff(number, 3) for number in range(50)}) > 20


def test_a_failure_waits_then_goes_through(database: Database) -> None:
    waiting = Deliveries(database)
    with web((500, {}, b"oops"), (200, {}, b"")) as server:
        outputs = [output(f'kind: webhook, url: "{server.url}"')]
        assert _queue(database, outputs, "k1") == 1
        first = dispatch(waiting, outputs, 100.0)
        assert (first.sent["out"], first.failed["out"], first.dead["out"]) == (0, 1, 0)
        assert [one.code for one in first.warnings] == ["outputs.failed"]
        assert dispatch(waiting, outputs, 105.0).to_json() == {"outputs": {}, "warnings": []}
        assert dispatch(waiting, outputs, 120.0).sent["out"] == 1
        assert dispatch(waiting, outputs, 1e6).sent["out"] == 0
        assert _queue(database, outputs, "k1") == 0
    assert [one[1]["Idempotency-Key"] for one in server.got] == ["k1", "k1"]


def test_retry_after_is_honoured(database: Database) -> None:
    waiting = Deliveries(database)
    with web((429, {"Retry-After": "500"}, b"")) as server:
        outputs = [output(f'kind: webhook, url: "{server.url}"')]
        _queue(database, outputs, "k1")
        dispatch(waiting, outputs, 100.0)
    assert waiting.due("out", 599.0, 9) == []
    assert len(waiting.due("out", 610.0, 9)) == 1


def test_an_endpoint_that_asks_for_silence_has_it_from_all_messages(database: Database) -> None:
    with web((429, {"Retry-After": "500"}, b""), (503, {}, b""), (200, {}, b"")) as server:
        outputs = [output(f'kind: webhook, url: "{server.url}"')]
        _queue(database, outputs, "a", "b")
        dispatch(Deliveries(database), outputs, 100.0)
        _queue(database, outputs, "c", now=101.0)
        for now in range(101, 600, 50):  # the queue is opened anew, as after a restart
            assert dispatch(Deliveries(database), outputs, float(now)).to_json() == {"outputs": {}, "warnings": []}
        assert len(server.got) == 1
        # One tries when the time is over. It is another one, so that a message that does harm holds up nobody.
        assert dispatch(Deliveries(database), outputs, 601.0).failed["out"] == 1
        # The second failure in a row: 20 seconds and more, though it is the first of that message.
        assert dispatch(Deliveries(database), outputs, 620.0).to_json() == {"outputs": {}, "warnings": []}
        assert [one[1]["Idempotency-Key"] for one in server.got] == ["a", "b"]
        assert dispatch(Deliveries(database), outputs, 627.0).sent["out"] == 3
        _queue(database, outputs, "d", now=628.0)
        assert dispatch(Deliveries(database), outputs, 628.0).sent["out"] == 1
    with database.read() as connection:
        attempts = connection.exec_driver_sql("SELECT attempts FROM deliveries ORDER BY id").scalars().all()
    assert attempts == [1, 1, 0, 0]


def test_a_refused_message_shows_that_the_endpoint_is_up(database: Database) -> None:
    waiting = Deliveries(database)
    with web((503, {}, b""), (400, {}, b""), (503, {}, b"")) as server:
        outputs = [output(f'kind: webhook, url: "{server.url}"')]
        _queue(database, outputs, "a", "b", "c")
        dispatch(waiting, outputs, 100.0)
        dispatch(waiting, outputs, 113.0)  # b is refused, c fails: the first failure in a row
        assert len(server.got) == 3
        assert len(waiting.due("out", 126.0, 9)) == 2


def test_dead_letters_are_kept_and_sent_again(database: Database) -> None:
    waiting = Deliveries(database)
    with web((400, {}, b"bad"), (503, {}, b""), (503, {}, b""), (200, {}, b"")) as server:
        outputs = [output(f'kind: webhook, url: "{server.url}", attempts: 2')]
        _queue(database, outputs, "a")
        assert dispatch(waiting, outputs, 100.0).dead["out"] == 1  # it will never be taken
        _queue(database, outputs, "b")
        assert dispatch(waiting, outputs, 200.0).failed["out"] == 1
        assert dispatch(waiting, outputs, 300.0).dead["out"] == 1  # the last attempt
        dead = waiting.dead()
        assert [(one.key, one.attempts) for one in dead] == [("b", 2), ("a", 1)]
        assert "answered 400: bad" in (dead[1].error or "")
        assert waiting.dead("other") == []
        assert dispatch(waiting, outputs, 1e9).sent["out"] == 0
        assert waiting.retry(400.0, ids=[dead[1].id, 99]) == [dead[1].id]
        assert waiting.retry(400.0, output="out") == [dead[0].id]
        assert dispatch(waiting, outputs, 400.0).sent["out"] == 2
    assert waiting.counts() == {"out": {Status.WAITING: 0, Status.SENT: 2, Status.DEAD: 0}}


def test_a_dead_endpoint_costs_one_attempt_and_holds_up_nobody(database: Database) -> None:
    waiting = Deliveries(database)
    tried: list[int] = []
    with listener(lambda connection: tried.append(1)) as port, web() as server:
        down = output(f'kind: webhook, url: "http://127.0.0.1:{port}"')
        outputs = [down, Output("up", "webhook", output(f'kind: webhook, url: "{server.url}"').sender)]
        _queue(database, outputs, "a", "b", "c")
        report = dispatch(waiting, outputs, 100.0)
        assert (report.failed["out"], report.sent["up"], len(tried)) == (1, 3, 1)
        # Another message is next; the one that failed waits longer.
        assert waiting.due("out", 100.0, 9) == []
        assert [one.key for one in waiting.due("out", 200.0, 9)] == ["b", "c", "a"]


def test_a_message_that_brings_out_a_defect_does_not_hold_up_others(database: Database) -> None:
    class Broken:
        target = "nowhere"

        def send(self, message: Message) -> None:
            if message.key == "a":
                raise IndexError("list index out of range")

    waiting, outputs = Deliveries(database), [Output("out", "broken", Broken(), attempts=2)]
    _queue(database, outputs, "a", "b")
    report = dispatch(waiting, outputs, 100.0)
    assert (report.failed["out"], report.sent["out"]) == (1, 1)
    assert dispatch(waiting, outputs, 200.0).dead["out"] == 1
    assert "defect: IndexError" in (waiting.dead()[0].error or "")


def test_a_pass_ends_in_time(database: Database) -> None:
    ticks = iter(range(0, 1000, 20))
    with web() as server:
        outputs = [output(f'kind: webhook, url: "{server.url}"')]
        _queue(database, outputs, *"abcdef")
        report = dispatch(Deliveries(database), outputs, 100.0, seconds=45, clock=lambda: float(next(ticks)))
        assert report.sent["out"] == 2
        assert dispatch(Deliveries(database), outputs, 100.0, limit=3).sent["out"] == 3


def test_only_and_fields(database: Database) -> None:
    one = output("kind: stdout, only: {urgency: [High, critical], user: bob}, fields: [user, none]")
    assert one.wants(message())
    assert not one.wants(message(urgency="low"))
    assert not one.wants(message(body={"user": "carol"}))
    assert not one.wants(message(body={}))
    assert _queue(database, [one], "a") == 1
    assert message().only(["user", "none"]).body == {"user": ["alice", "bob"]}


def test_an_output_that_is_gone_is_told(database: Database) -> None:
    waiting, outputs = Deliveries(database), [output("kind: stdout")]
    _queue(database, outputs, "a")
    assert orphans(waiting, outputs) == []
    assert "1 messages wait for the output 'out'" in orphans(waiting, [])[0].reason


def test_what_is_old_is_forgotten(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    waiting, outputs = Deliveries(database), [output("kind: stdout")]
    _queue(database, outputs, "a", now=100.0)
    dispatch(waiting, outputs, 100.0)
    _queue(database, outputs, "b", now=200.0)
    assert waiting.forget(200.0) == {Status.SENT: 1}
    assert waiting.counts()["out"][Status.WAITING] == 1
    assert "key: a" in capsys.readouterr().out


def test_a_message_survives_the_queue() -> None:
    body = {"n": 5, "f": 0.5, "inf": float("inf"), "many": ["a", 1, "\ud800"], "big": "x" * 50_000}
    body |= {f"f{number}": "y" * 9_000 for number in range(40)}
    one = message("key with blanks\n", body=body, drilldowns=[{"name": "n", "search": "s"}])
    assert Message.loads(one.dumps()) == one
    assert len(one.key) == 64
    assert one.body["inf"] == "inf"
    assert one.body["many"] == ["a", 1, "\ufffd"]
    assert "40000 more characters" in str(one.body["big"])
    assert "big" in one.cut
    assert "f39" in one.cut
    assert "f39" not in one.body
    assert len(one.dumps()) < MAX_BODY * 1.2
    for text in ("", "[]", "{}", '{"key": 1}', "null"):
        with pytest.raises(ValueError, match=r"."):
            Message.loads(text)


def test_a_kill_between_sending_and_marking_sends_again_with_the_same_key(tmp_path: Path) -> None:
    database = Database.file(tmp_path / "state.db")
    program = (
        "import sys\n"
        "from tests.unit.outputkit import output\n"
        "from trapline.outputs.dispatch import dispatch\n"
        "from trapline.state.database import Database\n"
        "from trapline.state.deliveries import Deliveries\n"
        "dispatch(Deliveries(Database(sys.argv[1])), [output('kind: webhook, url: \"' + sys.argv[2] + '\"')], 100.0)\n"
    )
    with web() as server:
        outputs = [output(f'kind: webhook, url: "{server.url}"')]
        _queue(database, outputs, "k1", "k2")
        root = Path(__file__).parents[2]
        child = subprocess.Popen(
            [sys.executable, "-c", program, f"sqlite:///{tmp_path}/state.db", server.url], cwd=root
        )
        server.before = lambda: os.kill(child.pid, signal.SIGKILL)
        assert child.wait(60) == -signal.SIGKILL
        server.before = None
        assert [one[1]["Idempotency-Key"] for one in server.got] == ["k1"]
        assert dispatch(Deliveries(database), outputs, 100.0).sent["out"] == 2
    assert [one[1]["Idempotency-Key"] for one in server.got] == ["k1", "k1", "k2"]


def test_a_database_that_fails_is_an_error(tmp_path: Path) -> None:
    database = Database.file(tmp_path / "state.db")
    outputs = [output("kind: stdout")]
    with database.write() as connection:
        connection.exec_driver_sql("DROP TABLE deliveries")
    with pytest.raises(EngineError):
        dispatch(Deliveries(database), outputs, time.time())
