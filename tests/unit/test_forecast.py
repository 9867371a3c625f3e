"""The forecast: counts as the scheduler has them, an untouched store, and lines that remove what they say."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from trapline import app
from trapline.cli import cli
from trapline.content.catalog import Content
from trapline.detect.settings import read
from trapline.errors import TraplineError
from trapline.forecast import noise, patch
from trapline.ingest.intake import Evidence, ingest
from trapline.store import Store
from trapline.values import Value

START = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
LOUD = "Simulated Loud"
KNOWLEDGE = app.knowledge()
_YAML = """\
name: {name}
id: 6f3f1b1e-0000-4000-8000-00000000000{number}
version: 1
date: '2026-01-01'
author: Trapline
type: {type}
status: production
data_source: []
description: Of the test.
search: 'index=main action={action} | stats count by dest user tool | `{stem}_filter`'
how_to_implement: none
known_false_positives: none
rba:
  message: $user$ on $dest$
  risk_objects:
  - {{field: dest, type: system, score: 20}}
  - {{field: user, type: user, score: 10}}
  threat_objects: []
tags:
  analytic_story: [Active Directory Discovery]
  asset_type: Endpoint
  mitre_attack_id: [T1078]
  product: [Splunk Enterprise]
  security_domain: endpoint
tests: []
"""


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Sixteen hours: a backup that is noticed each hour, and a few others with quotes and wildcards in a name."""
    detections = tmp_path / "content" / "detections"
    detections.mkdir(parents=True)
    for number, (name, kind, action) in enumerate([(LOUD, "TTP", "bad"), ("Simulated Quiet", "Anomaly", "odd")]):
        stem = name.lower().replace(" ", "_")
        text = _YAML.format(name=name, number=number, type=kind, action=action, stem=stem)
        (detections / f"{stem}.yml").write_text(text)
    rows = [(hour * 3600 + 60, "bak01", "CORP\\svc_backup", "robocopy.exe", "bad") for hour in range(16)]
    rows += [(hour * 3600 + 120, f"ws{hour}", f"u{hour}", 'a"b\\c*', "bad") for hour in range(0, 16, 4)]
    rows += [(7_300, "ws1", "u1", "x.exe", "odd")]
    log = tmp_path / "app.log"
    with log.open("w") as file:
        for at, dest, user, tool, action in sorted(rows):
            one = {"time": START + at, "dest": dest, "user": user, "tool": tool, "action": action}
            file.write(json.dumps(one) + "\n")
    with Store.open(tmp_path / "store") as store:
        ingest([Evidence(str(log), "app")], store)
    return tmp_path


def asked(world: Path, *more: str, settings: str = "", exceptions: str = "") -> Any:
    store = world / "store"
    (store / "trapline.yml").write_text(settings)
    if exceptions:
        (store / "exceptions.yml").write_text(exceptions)
    if not more:
        return loaded(world, (), app.content([world / "content"]))
    base = ["forecast", LOUD, "Simulated Quiet", "--content", str(world / "content"), "--store", str(store), "--json"]
    found = CliRunner().invoke(cli, [*base, "--days", "3", *more])
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def loaded(world: Path, macros: Sequence[str], content: Content) -> Any:
    store = world / "store"
    return app.forecast(
        content,
        KNOWLEDGE,
        store=store,
        days=3,
        settings=read(store / "trapline.yml"),
        detections=app.select(content, [LOUD, "Simulated Quiet"]),
        macros=macros,
    ).to_json()


def state(store: Path) -> list[tuple[str, int]]:
    return sorted((str(one), one.stat().st_mtime_ns) for one in store.rglob("*") if one.is_file())


def test_a_forecast_is_what_the_scheduler_does_and_leaves_no_trace(world: Path) -> None:
    store = world / "store"
    (store / "trapline.yml").write_text("")
    before = state(store)
    (store / "trapline.yml").touch()
    found = asked(world)
    assert [one for one in state(store) if "trapline.yml" not in one[0]] == [
        one for one in before if "trapline.yml" not in one[0]
    ]
    content = app.content([world / "content"])
    chosen = app.select(content, [LOUD, "Simulated Quiet"])
    settings = read(store / "trapline.yml")
    with app.scheduler(content, KNOWLEDGE, store=store, settings=settings, detections=chosen, simulated=True) as (
        scheduler,
        _,
    ):
        scheduler.begin(START)
        scheduler.advance(START + 15 * 3600 + 60 + 3600)
        runs = scheduler.journal.runs()
    loud, quiet = found["detections"]
    assert (loud["name"], quiet["name"]) == (LOUD, "Simulated Quiet")
    assert loud["alerts"] == sum(one.findings for one in runs if one.search == f"ESCU - {LOUD} - Rule") == 20
    assert loud["runs"] == sum(one.search == f"ESCU - {LOUD} - Rule" for one in runs)
    assert loud["notables"] == 20
    assert loud["risk_events"] == 40
    assert loud["entities"] == 2 + 8
    assert loud["days"] == {"2026-03-02": 20}
    assert (quiet["alerts"], quiet["notables"], quiet["filter_lines"]) == (1, 0, [])
    assert loud["cost"]["made"] == 16
    assert loud["cost"]["cpu_per_day"] > 0
    assert found["days"] == pytest.approx(16 / 24, abs=0.001)


def test_the_lines_remove_the_noise_and_nothing_else(world: Path) -> None:
    (world / "store" / "trapline.yml").write_text("")
    (line,) = asked(world)["detections"][0]["filter_lines"]
    assert line["removes"] == 16
    assert line["line"] == 'search NOT (dest="bak01" user="CORP\\\\svc_backup" tool="robocopy.exe")'
    macros = world / "macros.conf"
    macros.write_text(f"[simulated_loud_filter]\ndefinition = {line['line']}\n")
    quieter = loaded(world, [str(macros)], app.content([world / "content"], [macros]))["detections"][0]
    assert quieter["alerts"] == 4


def test_exceptions_and_throttling_hold_back(world: Path) -> None:
    exceptions = """\
backup:
  detections: [Simulated Loud]
  when: {dest: bak01}
  owner: a@corp.example
  reason: It is the backup.
  expires: 2099-01-01
"""
    hidden = asked(world, exceptions=exceptions)["detections"][0]
    assert (hidden["alerts"], hidden["exempt"], hidden["exceptions"]) == (4, 16, {"backup": 16})
    assert hidden["filter_lines"] == []
    (world / "store" / "exceptions.yml").unlink()
    throttle = "detections:\n  Simulated Loud:\n    throttle: {fields: [dest], period: 1d}\n"
    held = asked(world, settings=throttle)["detections"][0]
    assert (held["alerts"], held["throttled"]) == (4 + 1, 15)


def test_the_patch_applies_and_makes_it_quieter(world: Path) -> None:
    macros = world / "content" / "macros"
    macros.mkdir()
    text = 'definition: >-\n  search tool!="it\'s"\n\ndescription: Mine.  # kept\nname: simulated_loud_filter\n'
    (macros / "simulated_loud_filter.yml").write_text(text)
    out = world / "quieter.patch"
    assert asked(world, "--patch", str(out))["detections"][0]["alerts"] == 20
    done = subprocess.run(["git", "apply", "--unsafe-paths", "--directory=/", str(out)], cwd=world, capture_output=True)
    if done.returncode:
        done = subprocess.run(["patch", "-p1", "-d", "/", "-i", str(out)], capture_output=True)
    assert done.returncode == 0, done.stderr
    changed = (macros / "simulated_loud_filter.yml").read_text()
    assert changed.endswith("description: Mine.  # kept\nname: simulated_loud_filter\n")
    assert "search tool!=\"it''s\" | search NOT (" in changed
    assert asked(world)["detections"][0]["alerts"] == 4


def test_a_stanza_is_changed_or_added(tmp_path: Path) -> None:
    conf = tmp_path / "macros.conf"
    conf.write_text("[a_filter]\n# why\ndefinition = search x=1 \\\n  y=2\niseval = 0\n\n[b]\ndefinition = search b")
    content = app.content((), [conf])
    text, warnings = patch.diff(content, {"a_filter": "search NOT (c=1)", "new_filter": "search NOT (d=1)"}, [conf])
    assert warnings == []
    added = [line for line in text.splitlines() if line.startswith("+") and not line.startswith("+++")]
    removed = [line for line in text.splitlines() if line.startswith("-") and not line.startswith("---")]
    assert "+definition = search NOT (c=1)" in added
    assert "+[new_filter]" in added
    assert "-definition = search x=1 \\" in removed
    assert "-  y=2" in removed
    assert conf.read_text().startswith("[a_filter]\n# why\ndefinition = search x=1")


def test_a_value_that_cannot_be_said_makes_no_line() -> None:
    one = next(iter(app.content().detections))
    for value in ("a*b", "a`b`", "a\nb", "a\u202eb", " a", "x" * 500):
        rows = [{"proc": value, "pid": str(at)} for at in range(20)] + [{"proc": "o", "pid": "o"}]
        assert noise.lines(one, rows) == [], value
    several: list[dict[str, Value]] = [{"proc": ["a", "b"] if at == 3 else "a", "pid": str(at)} for at in range(20)]
    assert noise.lines(one, several) == []
    frequent = [{"proc": "a", "pid": str(at)} for at in range(20)] + [{"proc": "o", "pid": "o"}]
    assert [line.text for line in noise.lines(one, frequent)] == ['search NOT (proc="a")']


def test_what_is_the_same_everywhere_is_no_reason_to_hide_it() -> None:
    one = next(iter(app.content().detections))  # its risk object is another field
    rows = [{"code": "7045", "pid": str(at)} for at in range(50)]
    assert noise.lines(one, rows) == []


def test_a_store_without_events_is_told(tmp_path: Path) -> None:
    Store.open(tmp_path / "store").close()
    content = app.content()
    with pytest.raises(TraplineError, match="no events"):
        app.forecast(
            content,
            KNOWLEDGE,
            store=tmp_path / "store",
            days=7,
            settings=read(tmp_path / "none.yml"),
            detections=list(content.detections),
        )
