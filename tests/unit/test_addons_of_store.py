"""Add-ons in the folder addons/ of a store: used without being named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.unit.knowledgekit import addon
from trapline import app
from trapline.cli import cli
from trapline.errors import InputError


def _run(*args: str) -> str:
    result = CliRunner().invoke(cli, args)
    assert result.exit_code == 0, result.output
    return result.output


def test_an_addon_dropped_into_a_store_is_used_by_ingest_search_and_check(tmp_path: Path) -> None:
    store = tmp_path / "store"
    props = "[acme:x]\nTIME_PREFIX = at=\nTIME_FORMAT = %d.%m.%Y\nEXTRACT-who = by (?<who>\\w+)\n"
    addon(store / "addons", "TA_acme", props=props)
    log = tmp_path / "x.log"
    log.write_text("at=02.03.2026 by ann\n")
    _run("ingest", str(log), "--sourcetype", "acme:x", "--store", str(store))
    spl = 'sourcetype=acme:x | eval day=strftime(_time, "%F") | table who day'
    found = json.loads(_run("search", spl, "--store", str(store), "--json"))
    assert found["rows"] == [{"who": "ann", "day": "2026-03-02"}]
    listed = json.loads(_run("addons", "list", "--store", str(store), "--json"))
    assert listed["addons"][-1]["name"] == "TA_acme"


def test_a_folder_there_that_is_no_addon_is_told(tmp_path: Path) -> None:
    (tmp_path / "addons" / "odd").mkdir(parents=True)
    with pytest.raises(InputError, match="no add-on folder"):
        app.addons((), tmp_path)


def test_the_macros_of_an_addon_stand_in_searches_and_what_explains_and_checks_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    own = addon(store / "addons", "TA_acme", macros="[hello(1)]\nargs = n\ndefinition = eval hi=$n$\n")
    log = tmp_path / "x.log"
    log.write_text("one\n")
    _run("ingest", str(log), "--sourcetype", "acme:x", "--store", str(store))
    spl = "sourcetype=acme:x | `hello(7)` | table hi"
    for place in (("--store", str(store)), ("--addon", str(own), "--data", f"{log}::acme:x")):
        assert json.loads(_run("search", spl, *place, "--json"))["rows"] == [{"hi": 7}]
    explained = json.loads(_run("explain", spl, "--store", str(store), "--json"))
    assert "hello(1)" in explained["stages"][1]["macros"]
    monkeypatch.setenv("TRAPLINE_STORE", str(store))
    assert "hello" not in _run("lint", spl)


_DETECTION = """\
name: Acme Says Something
id: 0c6f8d6e-8a52-4f43-9a5e-0a7a0b1d2c3e
version: 1
date: '2026-01-02'
author: Someone
status: production
type: Anomaly
description: Something was said.
data_source: []
search: '`acme` | stats count by host user | `acme_says_something_filter`'
how_to_implement: Read the log.
known_false_positives: None.
references: []
rba:
  message: $user$ said something.
  risk_objects:
  - field: user
    type: user
    score: 10
  threat_objects: []
tags:
  analytic_story: []
  asset_type: Endpoint
  product:
  - Splunk Enterprise Security
  security_domain: endpoint
"""


def test_a_detection_calls_macros_of_an_addon_and_its_filter_may_be_one(tmp_path: Path) -> None:
    macros = "[acme]\ndefinition = sourcetype=acme:x\n[acme_says_something_filter]\ndefinition = search user!=bob\n"
    own = addon(tmp_path / "own", "TA_acme", props="[acme:x]\nEXTRACT-u = by (?<user>\\w+)\n", macros=macros)
    content = tmp_path / "content" / "detections"
    content.mkdir(parents=True)
    (content / "acme.yml").write_text(_DETECTION)
    log = tmp_path / "x.log"
    log.write_text("2026-03-02T10:00:00Z by ann\n2026-03-02T10:00:01Z by bob\n")
    place = ("--addon", str(own), "--content", str(content.parent), "--detection", "Acme Says Something")
    result = CliRunner().invoke(cli, ["hunt", f"{log}::acme:x", *place, "--json"])
    found = json.loads(result.stdout)
    assert [one["row"]["user"] for one in found["findings"]] == ["ann"], result.output
