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
