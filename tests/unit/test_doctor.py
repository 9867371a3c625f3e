"""`trapline doctor`: each thing that can be wrong is told, with what to do."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.unit.test_scheduler import EVENTS, NAME, add, made, rows, scheduler, simulate
from trapline import app
from trapline.cli import cli
from trapline.detect.checkup import Check, State
from trapline.detect.settings import write_switches
from trapline.errors import EngineError
from trapline.ingest.intake import Evidence, ingest
from trapline.state.deliveries import Deliveries, enqueue
from trapline.state.journal import Kind, Run, Status, Tick
from trapline.store import Store

NOW = time.time()
SEARCH = f"ESCU - {NAME} - Rule"


def examined(folder: Path, **options: list[str | Path]) -> dict[str, Check]:
    return {one.name: one for one in app.doctor(folder, **options)}  # type: ignore[arg-type]


def states(found: dict[str, Check]) -> dict[str, str]:
    return {name: one.state.value for name, one in found.items() if one.state is not State.OK}


def stamp(hours: float) -> str:
    """So many hours ago, as events have it."""
    return (datetime.now(UTC) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S")


def healthy(tmp_path: Path) -> Path:
    """A store that is up to date."""
    folder = made(tmp_path, (stamp(1), "ws1.corp.example"))
    folder.chmod(0o755)
    with scheduler(folder) as one:
        one.begin(time.time() - 7200)
        one.advance(time.time())
    return folder


def test_a_store_that_is_well(tmp_path: Path) -> None:
    folder = healthy(tmp_path)
    with scheduler(folder):
        found = examined(folder)
        assert states(found) == {}
        assert found["scheduler"].text == "it runs"
        assert "the next run is at" in found["schedule"].text
        shown = CliRunner().invoke(cli, ["doctor", "--store", str(folder), "--json"])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.output)["counts"] == {"ok": len(found), "warn": 0, "fail": 0}


def test_it_makes_nothing(tmp_path: Path) -> None:
    assert states(examined(tmp_path / "none")) == {
        "detections": "warn",
        "store": "fail",
        "scheduler": "warn",
        "state": "warn",
    }
    assert list(tmp_path.iterdir()) == []
    shown = CliRunner().invoke(cli, ["doctor", "--store", str(tmp_path / "none")])
    assert shown.exit_code == 1
    assert "-> make one with 'trapline ingest'" in shown.output


@pytest.mark.parametrize(
    ("file", "text", "check"),
    [
        ("trapline.yml", "schedule: {lookback: soon}", "settings"),
        ("trapline.yml", "outputs: {a: {kind: fax}}", "outputs"),
        ("trapline.yml", 'outputs: {a: {kind: slack, url: "${NOT_SET_HERE}"}}', "outputs"),
        ("exceptions.yml", "a: {when: {dest: ws1}}", "exceptions"),
        ("enabled.yml", "- a", "detections"),
        ("lookups/assets.csv", "what,is,this\n1,2,3\n", "add-ons"),
    ],
)
def test_a_file_that_is_wrong_fails(tmp_path: Path, file: str, text: str, check: str) -> None:
    folder = made(tmp_path, *EVENTS[:1])
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_text(text)
    found = examined(folder)[check]
    assert (found.state, file in found.text) == (State.FAIL, True)


def test_doubts_about_files_warn(tmp_path: Path) -> None:
    folder = made(tmp_path, *EVENTS[:1], settings="detections: {No Such Thing: {notable: 0}}")
    expired = "a: {when: {dest: ws1}, owner: alice, reason: because, expires: 2026-01-01}"
    (folder / "exceptions.yml").write_text(expired)
    write_switches(folder / "enabled.yml", {NAME: True, "Gone": True})
    found = examined(folder)
    for name, text in (("settings", "no such thing"), ("exceptions", "expired on"), ("detections", "'Gone'")):
        assert (found[name].state, text in found[name].text) == (State.WARN, True)


def test_a_detection_that_cannot_be_run_fails(tmp_path: Path) -> None:
    content = tmp_path / "content" / "detections"
    content.mkdir(parents=True)
    text = Path(app.content().find(NAME).file).read_text()
    broken = re.sub(r"search: .*?(?=\n\w)", "search: index=* | nosuchcommand", text, flags=re.DOTALL)
    (content / "broken.yml").write_text(broken.replace(NAME, "Broken One").replace("id: ", "id: 1"))
    folder = made(tmp_path, *EVENTS[:1])
    write_switches(folder / "enabled.yml", {NAME: True, "Broken One": True})
    found = examined(folder, folders=[tmp_path / "content"])["searches"]
    assert found.state is State.FAIL
    assert found.text.startswith("1 of 2 cannot be run: Broken One: ")
    assert "nosuchcommand" in found.text


def test_lag_and_a_schedule_in_the_future(tmp_path: Path) -> None:
    folder = made(tmp_path, *EVENTS[:1])
    simulate(folder, "2026-03-01", "2026-03-02")
    found = examined(folder)["lag"]
    assert (found.state, found.text.startswith("1 searches are behind, by up to")) == (State.FAIL, True)
    assert found.todo is not None
    assert found.todo.startswith("start trapline run; what is longer ago than 24.0 h (lookback) will be left out")
    ahead = (datetime.now(UTC) + timedelta(days=3)).strftime("%Y-%m-%d")
    simulate(folder, "2026-03-01", ahead)
    found = examined(folder)["lag"]
    assert (found.state, "which is to come" in found.text) == (State.FAIL, True)


def test_runs_that_failed(tmp_path: Path) -> None:
    folder = healthy(tmp_path)
    now = time.time()  # an hour may have begun since the tests were collected
    journal_run = Run(SEARCH, now, Kind.SCHEDULED, "one", None, None, now, 1.0, Status.FAILED, reason="no such index")
    with scheduler(folder) as one:
        one.journal.commit(Tick(runs=[journal_run]))
    found = examined(folder)["runs"]
    assert (found.state, found.text) == (
        State.FAIL,
        f"the last run of 1 searches failed: {SEARCH}: no such index",
    )


def test_what_was_left_out_until_it_is_run(tmp_path: Path) -> None:
    folder = made(tmp_path, (stamp(60), "ws1.corp.example"))
    begun = (datetime.now(UTC) - timedelta(hours=72)).timestamp() // 3600 * 3600
    with scheduler(folder, simulated=False) as one:
        one.begin(begun)
        one.advance(time.time())
        wanted = one.missing(begun + 1, time.time())
        missing = sum(len(due.times) for _, due in wanted)
        assert missing > 40
    found = examined(folder)["gaps"]
    assert (found.state, found.text) == (State.WARN, f"{missing} runs of 1 searches were left out: {SEARCH}")
    assert found.todo is not None
    shown = CliRunner().invoke(cli, [*found.todo.split()[1:], "--store", str(folder), "--json"])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.output)["runs"] == missing
    assert examined(folder)["gaps"].state is State.OK


def test_late_events(tmp_path: Path) -> None:
    folder = made(tmp_path, (stamp(60), "ws1.corp.example"))
    with scheduler(folder) as one:
        one.begin(time.time() - 80 * 3600)
        one.advance(time.time())
        one.late()
        add(folder, tmp_path, (stamp(50), "ws2.corp.example"))
        one.late()
    found = examined(folder)["late events"]
    assert (found.state, found.text) == (State.WARN, "1 events came too late for 1 runs")
    assert found.todo is not None
    command = found.todo.partition(";")[0].split()[1:]
    shown = CliRunner().invoke(cli, [*command, "--store", str(folder), "--json"])
    assert json.loads(shown.output)["findings"] == 1
    assert examined(folder)["late events"].state is State.OK


def test_clocks(tmp_path: Path) -> None:
    folder = made(tmp_path, (stamp(-2), "ws1.corp.example"))
    found = examined(folder)["clock"]
    assert (found.state, "index=main" in found.text) == (State.WARN, True)
    file = next(folder.rglob("main/*/*.parquet"))
    os.utime(file, (NOW + 7200, NOW + 7200))
    found = {one.name: one for one in app.doctor(folder) if one.state is State.FAIL}["clock"]
    assert "the clock was set back" in found.text


def test_silence(tmp_path: Path) -> None:
    folder = made(tmp_path, (stamp(72), "ws1.corp.example"))
    assert states(examined(folder))["events"] == "warn"


def test_permissions(tmp_path: Path) -> None:
    folder = healthy(tmp_path)
    (folder / "enabled.yml").chmod(0o666)
    found = examined(folder)["permissions"]
    assert (found.state, "everybody may write enabled.yml" in found.text) == (State.WARN, True)


@pytest.mark.parametrize(("step", "state"), [("0001", State.WARN), ("9999", State.FAIL)])
def test_a_state_database_of_another_step_stays_as_it_is(tmp_path: Path, step: str, state: State) -> None:
    folder = healthy(tmp_path)
    with sqlite3.connect(folder / "state.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (step,))
    assert examined(folder)["state"].state is state
    with sqlite3.connect(folder / "state.db") as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(step,)]


def test_a_state_database_that_is_none(tmp_path: Path) -> None:
    folder = healthy(tmp_path)
    for name in ("state.db-wal", "state.db-shm"):
        (folder / name).unlink(missing_ok=True)
    (folder / "state.db").write_bytes(b"this is no database at all" * 100)
    found = examined(folder)["state"]
    assert (found.state, found.todo) == (State.FAIL, "check its place and permissions")


def test_messages_that_were_given_up(tmp_path: Path) -> None:
    folder = healthy(tmp_path)
    database = app.database(folder)
    with database.write() as connection:
        enqueue(connection, "siem", [("one", "{}")], 0)
    queue = Deliveries(database)
    (one,) = queue.due("siem", NOW, 10)
    queue.failed(one, "refused", NOW, most=1)
    found = examined(folder)["deliveries"]
    assert (found.state, found.text) == (State.WARN, "messages were given up: 1 of siem")


def test_what_is_left_out_where_clocks_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = healthy(tmp_path)
    own = '{cron: "0 12 * * *", earliest: -24h@h, latest: now}'
    (folder / "trapline.yml").write_text(f"schedule: {{time_zone: Europe/Oslo}}\ndetections: {{{NAME}: {own}}}\n")
    monkeypatch.setattr(time, "time", lambda: datetime(2026, 11, 1, tzinfo=UTC).timestamp())
    found = examined(folder)["clock changes"]
    text, _, span = found.text.partition("; ")
    assert (found.state, text, span) == (
        State.WARN,
        f"1 searches leave time out where the clocks change: {SEARCH}",
        "between 2026-10-24T10:00:00Z and 2026-10-24T11:00:00Z",
    )


@pytest.mark.parametrize(
    ("harm", "text"),
    [
        (lambda file: file.unlink(), "No such file or directory"),
        (lambda file: file.write_bytes(file.read_bytes()[:-1]), "bytes instead of"),
        (lambda file: file.write_bytes(b"x" * file.stat().st_size), "is no Parquet file"),
    ],
)
def test_a_damaged_data_file(tmp_path: Path, harm: Callable[[Path], object], text: str) -> None:
    folder = made(tmp_path, *EVENTS[:1])
    harm(next(folder.glob("main/*/*.parquet")))
    found = examined(folder)["store"]
    assert (found.state, text in found.text) == (State.FAIL, True)


def test_an_empty_entry_of_a_log(tmp_path: Path) -> None:
    """As a power cut leaves it. What the hint says brings the events back."""
    folder = made(tmp_path, *EVENTS[:2])
    log = next(tmp_path.glob("*-system.log"))
    entry = max(folder.glob("main/*/_delta_log/*.json"))
    entry.write_bytes(b"")
    found = examined(folder)["store"]
    assert (found.state, f"{entry.name} is empty" in found.text) == (State.FAIL, True)
    with pytest.raises(EngineError, match="damaged"):
        rows(folder, "index=main")
    entry.unlink()
    (folder / "main" / "_files.sqlite").unlink()
    with Store.open(folder) as store:
        ingest([Evidence(str(log), "XmlWinEventLog", "XmlWinEventLog:System")], store)
    assert rows(folder, "index=main | stats count") == [{"count": 2}]
