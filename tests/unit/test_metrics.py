"""Metrics: their text, what they say of a store, and fetching them while the scheduler runs."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.unit.test_scheduler import EVENTS, NAME, add, at, made, scheduler, simulate
from trapline import app
from trapline.cli import cli
from trapline.cli.runlog import Failures
from trapline.detect.metrics import CONTENT_TYPE, MOST, Metric, Scrape, Watched, scrape
from trapline.detect.metricserver import address, serving
from trapline.detect.settings import read
from trapline.errors import EngineError, TraplineError
from trapline.state.database import Database
from trapline.state.deliveries import enqueue
from trapline.state.journal import Kind, NewNotable, Run, Status, Tick

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]
SEARCH = f"ESCU - {NAME} - Rule"
_SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)')
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def parsed(text: str) -> Series:
    """The samples of the text format; fails where the text is not of it."""
    found: Series = {}
    typed: set[str] = set()
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert (name not in typed, kind) == (True, "gauge")
            typed.add(name)
        elif not line.startswith("# HELP "):
            match = _SAMPLE.fullmatch(line)
            assert match is not None, line
            assert match[1] in typed
            labels = frozenset(
                (name, re.sub(r"\\.", lambda one: _ESCAPES[one[0]], value))
                for name, value in _LABEL.findall(match[2] or "")
            )
            assert (match[1], labels) not in found, "two samples with the same labels"
            found[match[1], labels] = float(match[3])
    return found


def value(series: Series, name: str, /, **labels: str) -> float | None:
    return series.get((name, frozenset(labels.items())))


SYSTEM = {"index": "main", "sourcetype": "XmlWinEventLog"}


def figures(folder: Path, now: float) -> Series:
    found = scrape(app.watched(app.content(), folder, read(folder / "trapline.yml")), now)
    assert found.errors == {}
    return parsed(found.text())


def test_what_the_metrics_say(tmp_path: Path) -> None:
    folder = made(tmp_path, *EVENTS)
    (folder / "exceptions.yml").write_text(
        "a: {when: {dest: ws9}, owner: alice, reason: because, expires: 2026-01-01}\n"
        "b: {when: {dest: ws9}, owner: alice, reason: because, expires: 2099-01-01}\n"
    )
    simulate(folder, "2026-03-02", "2026-03-03")
    with app.database(folder).write() as connection:
        enqueue(connection, "slack", [("one", "{}"), ("two", "{}")], 0)
    series = figures(folder, at("2026-03-03T02:30:00"))
    assert value(series, "trapline_runs", status="done") == 22  # from 02:30 of the day before
    assert value(series, "trapline_runs", status="failed") == 0
    assert value(series, "trapline_search_runs", search=SEARCH) == 22
    assert value(series, "trapline_findings") == 4
    assert value(series, "trapline_search_findings", search=SEARCH) == 4
    # the run of one o'clock is the first that is missing
    assert value(series, "trapline_search_lag_seconds", search=SEARCH) == 5400
    assert value(series, "trapline_searches") == 1
    assert value(series, "trapline_deliveries", output="slack", status="waiting") == 2
    assert value(series, "trapline_deliveries", output="slack", status="dead") == 0
    assert value(series, "trapline_store_events", index="risk") == 4
    assert (value(series, "trapline_store_bytes", index="_scheduler") or 0) > 1000
    assert value(series, "trapline_exceptions", state="expired") == 1
    assert value(series, "trapline_exceptions", state="active") == 1
    assert value(series, "trapline_last_event_timestamp_seconds", **SYSTEM) == at("2026-03-04T00:00:00")
    assert value(series, "trapline_event_lag_seconds", **SYSTEM) == at("2026-03-03T02:30") - at("2026-03-04")
    longest = value(series, "trapline_search_run_seconds_max", search=SEARCH)
    together = value(series, "trapline_search_run_seconds_sum", search=SEARCH)
    assert longest is not None
    assert together is not None
    assert 0 < longest <= together


def test_notables_late_events_and_what_was_left_out(tmp_path: Path) -> None:
    folder = made(tmp_path, *EVENTS[:1])
    with scheduler(folder, simulated=False) as one:
        one.begin(at("2026-03-01"))
        one.advance(at("2026-03-03"))
        one.late()
        add(folder, tmp_path, EVENTS[1])
        one.late()
        notable = NewNotable("a", 0.0, SEARCH, "title", "high", "medium", None, None, 1, "unassigned", 6, {})
        one.journal.commit(Tick(notables=[notable]))
    series = figures(folder, at("2026-03-02T20:00"))
    assert value(series, "trapline_runs", status="skipped") == 1
    assert value(series, "trapline_search_skipped_spans", search=SEARCH) == 1
    assert value(series, "trapline_late_events") == 1
    assert value(figures(folder, time.time()), "trapline_ingested_events", **SYSTEM) == 2
    assert value(figures(folder, time.time() + 400), "trapline_ingested_events", **SYSTEM) == 0
    assert value(series, "trapline_notables", status="New", urgency="medium") == 1


def test_a_store_without_anything_and_none_at_all(tmp_path: Path) -> None:
    found = scrape(Watched(tmp_path / "none", lambda: None), 0)
    series = parsed(found.text())
    assert list(found.errors) == ["store"]
    assert value(series, "trapline_part_ok", part="store") == 0
    assert value(series, "trapline_part_ok", part="state") == 1


def test_names_from_logs_are_escaped_and_bounded() -> None:
    names = ['a"b', "a\\", "a\nb", "a\rb", "\x1b[31m", "x" * 300, "x" * 301, "\ud800", 'a"} 1\nevil 2']
    text = Scrape([Metric("m", "Help\nof \\ it.", [({"name": name}, 1.5) for name in names])]).text()
    series = parsed(text.encode("utf-8", "replace").decode())
    assert len(series) == len(names)
    assert value(series, "m", name='a"b') == 1.5
    assert value(series, "m", name="a\\") == 1.5
    assert not any(char in text for char in "\r\x1b")
    many = Metric("m", "Many.", [({"name": str(number)}, 1) for number in range(MOST + 7)])
    assert len(parsed(Scrape([many]).text())) == MOST


@pytest.mark.parametrize(
    ("text", "place"),
    [("9100", ("127.0.0.1", 9100)), ("0.0.0.0:80", ("0.0.0.0", 80)), ("[::1]:9", ("::1", 9)), (":9", ("127.0.0.1", 9))],
)
def test_addresses(text: str, place: tuple[str, int]) -> None:
    assert address(text) == place


@pytest.mark.parametrize("text", ["", "host", "host:", "1:70000", "9100x", "-1"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(TraplineError, match="is no port"):
        address(text)


def test_serving() -> None:
    asked = []

    def text() -> str:
        asked.append(1)
        if len(asked) == 1:
            raise ValueError("not now")
        return "m 1\n"

    with serving(("127.0.0.1", 0), text) as url:
        with pytest.raises(urllib.error.HTTPError, match="500"):
            urllib.request.urlopen(url, timeout=10)
        for _ in range(3):
            with urllib.request.urlopen(url, timeout=10) as answer:
                assert (answer.read(), answer.headers["Content-Type"]) == (b"m 1\n", CONTENT_TYPE)
        assert len(asked) == 2, "an answer is kept for a while"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(url.replace("metrics", ""), timeout=10)
        port = int(url.split(":")[2].split("/")[0])
        with pytest.raises(EngineError, match="metrics cannot be served"), serving(("127.0.0.1", port), text):
            pass


def test_the_command(tmp_path: Path) -> None:
    folder = made(tmp_path, *EVENTS[:1])
    shown = CliRunner().invoke(cli, ["metrics", "--store", str(folder)])
    assert shown.exit_code == 0, shown.output
    assert value(parsed(shown.output), "trapline_store_events", index="main") == 1
    body = json.loads(CliRunner().invoke(cli, ["metrics", "--store", str(folder), "--json"]).output)
    assert {
        "name": "trapline_searches",
        "help": "Searches on a schedule.",
        "samples": [{"labels": {}, "value": 1}],
    } in [one | {"samples": [sample | {"value": int(sample["value"])} for sample in one["samples"]]} for one in body]


def test_a_running_scheduler_serves_metrics_and_logs_json(tmp_path: Path) -> None:
    folder = made(tmp_path, *EVENTS[:1], settings=f"detections: {{{NAME}: {{cron: '* * * * *'}}}}\n")
    command = [sys.executable, "-m", "trapline", "run", "--metrics", "0", "--log-json", "--store", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        entries = []
        for line in process.stderr:
            entries.append(json.loads(line))
            if entries[-1]["event"] == "tick":
                break
        (note,) = [one for one in entries if one["event"] == "note"]
        for _ in range(60):  # a tick is told before it is written down, and an answer is kept for some seconds
            with urllib.request.urlopen(note["text"].removeprefix("metrics at "), timeout=30) as answer:
                series = parsed(answer.read().decode())
            if value(series, "trapline_search_lag_seconds", search=SEARCH) is not None:
                break
            time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        entries += [json.loads(line) for line in process.stderr]
        assert process.stdout is not None
        assert process.stdout.read() == ""
    assert process.returncode == 0
    assert value(series, "trapline_search_lag_seconds", search=SEARCH) is not None
    assert all(one["level"] in ("info", "warning", "error") and one["time"].endswith("Z") for one in entries)
    assert entries[-1]["event"] == "stop"
    tick = next(one for one in entries if one["event"] == "tick")
    assert (tick["runs"], tick["failed"], tick["findings"]) == (1, 0, 0)


def test_failures_and_what_is_left_out_are_logged(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    text = Path(app.content().find(NAME).file).read_text()
    broken.write_text(re.sub(r"search: .*?(?=\n\w)", "search: index=* | nosuchcommand", text, flags=re.DOTALL))
    folder = made(tmp_path, *EVENTS[:1])
    arguments = ["run", "--store", str(folder), "--clock", "2026-03-02..2026-03-02T02:30", "--log-json"]
    shown = CliRunner().invoke(cli, [*arguments, "--detection", str(broken)])
    assert shown.exit_code == 0, shown.output
    entries = [json.loads(line) for line in shown.stderr.splitlines()]
    failed = [one for one in entries if one["event"] == "run.failed"]
    assert [(one["level"], one["scheduled"]) for one in failed] == [
        ("error", "2026-03-02T01:00:00Z"),
        ("info", "2026-03-02T02:00:00Z"),  # it fails as before
    ]
    assert [one.get("repeated") for one in failed] == [None, True]
    assert "nosuchcommand" in failed[0]["reason"]
    assert shown.stdout == ""
    shown = CliRunner().invoke(cli, ["run", "--once", "--store", str(folder), "--detection", str(broken)])
    assert shown.exit_code == 0, shown.output
    assert shown.stderr.count("nosuchcommand") == 1
    assert "1 failed" in shown.stdout


def test_a_failure_is_new_once() -> None:
    failures = Failures()
    run = Run("a", 1.0, Kind.SCHEDULED, "sid", None, None, 1.0, 0.0, Status.FAILED, reason="there is no model 'm'")
    other, well = replace(run, reason="there is no model 'n'"), replace(run, status=Status.DONE, reason=None)
    runs = [run, run, replace(run, search="b"), other, other, well, other]
    assert [failures.new(one) for one in runs] == [True, False, True, True, False, False, True]


def test_figures_of_a_database_of_another_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made(tmp_path, *EVENTS[:1])
    monkeypatch.setenv(app.STATE_VARIABLE, f"sqlite:///{tmp_path}/elsewhere.db")
    simulate(folder, "2026-03-02", "2026-03-03")
    assert isinstance(app.database(folder), Database)
    assert value(figures(folder, at("2026-03-03")), "trapline_runs", status="done") == 24
