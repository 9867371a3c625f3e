"""`trapline site` and `trapline attack navigator` as commands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from tests.unit.test_attack_update import OBJECTS, written
from trapline import app
from trapline.cli.commands.attack import command as attack
from trapline.cli.commands.site import command as site

NAME = "Windows Service Create RemComSvc"
DETECTION = """
name: {name}
id: {id}
type: Anomaly
status: production
description: d
search: index=main | stats count by user
rba: {{message: m, risk_objects: [{{field: user, type: user, score: 5}}], threat_objects: []}}
tags: {{analytic_story: [], mitre_attack_id: [{technique}]}}
"""


def detection(folder: Path, name: str, number: int, technique: str = "T1001") -> Path:
    path = folder / "detections" / "endpoint" / f"{name.lower()}.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(DETECTION.format(name=name, id=identity(number), technique=technique), encoding="utf-8")
    return path


def identity(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def run(command: object, *arguments: object, store: Path) -> Result:
    words = [str(one) for one in arguments]
    return CliRunner().invoke(command, [*words, "--store", str(store)])  # type: ignore[arg-type]


def test_a_layer_is_written(tmp_path: Path) -> None:
    out = tmp_path / "layer.json"
    result = run(attack, "navigator", "--attack", "15.1", "--out", out, "--name", "Ours", store=tmp_path / "none")
    assert result.exit_code == 0, result.output
    assert result.stdout.strip().endswith(f"2 techniques: {out}")
    layer = json.loads(out.read_text())
    assert (layer["name"], layer["domain"], layer["versions"]["attack"]) == ("Ours", "enterprise-attack", "15")
    scored = {one["techniqueID"]: one["score"] for one in layer["techniques"] if "score" in one}
    assert (scored["T1543.003"], scored["T1543"]) == (1, 1)
    assert NAME in json.dumps([one for one in layer["techniques"] if one["techniqueID"] == "T1543.003"])
    assert not (tmp_path / "none").exists()


def test_a_layer_on_stdout_and_what_was_written_as_json(tmp_path: Path) -> None:
    result = run(attack, "navigator", store=tmp_path / "none")
    assert json.loads(result.stdout)["versions"]["layer"] == "4.5"
    result = run(attack, "navigator", "--json", "--out", tmp_path / "l.json", store=tmp_path / "none")
    body = json.loads(result.stdout)
    assert (body["techniques"], body["attack_version"], body["warnings"]) == (2, "18.1", [])


def test_a_layer_of_a_type(tmp_path: Path) -> None:
    result = run(attack, "navigator", "--type", "Correlation", store=tmp_path / "none")
    assert [one for one in json.loads(result.stdout)["techniques"] if one.get("score")] == []


def test_a_layer_of_what_is_enabled(tmp_path: Path) -> None:
    detection(tmp_path / "own", "First", 1, "T1059.001")
    found = app.content([str(tmp_path / "own")], ())
    app.switch(tmp_path / "store", [found.find("First")], True)
    app.switch(tmp_path / "store", [one for one in found.detections if one.name != "First"], False)
    result = run(attack, "navigator", "--enabled", "--content", tmp_path / "own", store=tmp_path / "store")
    named = [one["techniqueID"] for one in json.loads(result.stdout)["techniques"] if one.get("score")]
    assert named == ["T1059.001"]


def test_a_layer_of_an_unknown_version_names_those_there_are(tmp_path: Path) -> None:
    result = run(attack, "navigator", "--attack", "3.0", store=tmp_path / "none")
    assert result.exit_code != 0
    assert "18.1, 15.1" in getattr(result.exception, "hint", result.output)


def test_a_table_of_the_store_is_used(tmp_path: Path) -> None:
    store = tmp_path / "store"
    app.attack_update(store, written(tmp_path, OBJECTS), None)
    detection(tmp_path / "own", "First", 1)
    layer = json.loads(run(attack, "navigator", "--content", tmp_path / "own", store=store).stdout)
    assert layer["versions"]["attack"] == "19"
    assert layer["description"].startswith("1 detections, ")  # those of the folder, not the built-in ones
    assert "T1001" in {one["techniqueID"] for one in layer["techniques"] if one.get("score")}

    result = run(site, "--content", tmp_path / "own", "--out", tmp_path / "site", store=store)
    assert result.exit_code == 0, result.output
    page = (tmp_path / "site" / "endpoint" / identity(1) / "index.html").read_text(encoding="utf-8")
    assert "MITRE ATT&amp;CK (v19.0)" in page
    assert "First / One" in page
    assert "Zebra" in page
    again = run(site, "--content", tmp_path / "own", "--out", tmp_path / "b", "--attack", "15.1", store=store)
    assert again.exit_code == 0
    assert "ATT&amp;CK® v15.1" in (tmp_path / "b" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("base", ["https://example.com/x/", "/x/"])
def test_a_base_url_is_before_every_link(tmp_path: Path, base: str) -> None:
    detection(tmp_path / "own", "First", 1)
    out = tmp_path / "site"
    asked = ("--content", tmp_path / "own", "--out", out, "--base-url", base.rstrip("/"))
    result = run(site, *asked, store=tmp_path / "none")
    assert result.exit_code == 0, result.output
    for path in out.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        links = re.findall(r'\s(?:href|src)="([^"]*)"', text)
        inside = [one for one in links if not one.startswith(("#", "https://attack.mitre.org/", "https://docs."))]
        assert [one for one in inside if not one.startswith(base)] == [], path
        assert [one for one in inside if one.endswith("index.html")] == [], path
        assert f'data-root="{base}"' in text
    sitemap = out / "sitemap.xml"
    assert sitemap.exists() == ("://" in base)
    if sitemap.exists():
        found = [one.text for one in ElementTree.fromstring(sitemap.read_text()).iter() if one.tag.endswith("}loc")]
        assert f"{base}endpoint/{identity(1)}/" in found
        assert len(found) == sum(1 for _ in out.rglob("*.html"))


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    result = run(site, "--out", tmp_path / "site", "--base-url", "ftp://example.com/", store=tmp_path / "none")
    assert getattr(result.exception, "code", "") == "site.base-url"
    assert not (tmp_path / "site").exists()


def test_pages_that_are_gone_are_removed_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "site"
    detection(tmp_path / "own", "First", 1)
    second = detection(tmp_path / "own", "Second", 2, "T1002")
    asked = ("--content", tmp_path / "own", "--out", out)
    assert run(site, *asked, store=tmp_path / "none").exit_code == 0
    stale = out / "endpoint" / identity(2)
    assert (stale / "index.html").is_file()
    (out / "CNAME").write_text("example.com\n")
    outside = tmp_path / "outside.html"
    outside.write_text("kept")
    manifest = out / "assets" / "files.txt"
    manifest.write_text(manifest.read_text() + f"../outside.html\n{outside}\n")
    second.unlink()
    assert run(site, *asked, store=tmp_path / "none").exit_code == 0
    assert not stale.exists()
    assert (out / "endpoint" / identity(1) / "index.html").is_file()
    assert (out / "CNAME").is_file()
    assert outside.read_text() == "kept"
    assert "Second" not in (out / "assets" / "search-index.js").read_text(encoding="utf-8")
