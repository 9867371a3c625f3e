"""The static site: pages, links, what is hostile, and the layer of the ATT&CK Navigator."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest

from trapline.cli import main
from trapline.content import read
from trapline.errors import InputError, TraplineError
from trapline.site.build import Options, base_url, build
from trapline.site.coverage import coverage, layer
from trapline.site.links import check
from trapline.site.routes import slug
from trapline.site.spl import highlight

HOSTILE = """
name: 'Bad <script>alert(1)</script>'
id: ../../../etc
type: TTP
status: production
description: "<img src=x onerror=alert(1)> see https://example.com/a."
search: '`outer` | eval x="<b>" | stats count by x'
references: ['javascript:alert(1)', 'https://example.com/"onmouseover="x']
rba: {message: '$a$ <i>', risk_objects: [{field: a, type: user, score: 5}], threat_objects: []}
tags: {analytic_story: [No Such Story], mitre_attack_id: [T1059.001]}
tests: [{name: t, attack_data: [{data: x.log}]}]
"""


def test_built_in_site(tmp_path: Path) -> None:
    out = tmp_path / "site"
    built = build(read.default_content(), out, Options(attack="15.1"))
    assert built.broken == []
    assert built.links > 100
    page = next(out.glob("endpoint/*/index.html")).read_text(encoding="utf-8")
    at = [page.index(f">{title}</h2>") for title in ("Description", "Search", "Data Source", "Macros Used")]
    assert at == sorted(at)
    assert "script-src &#x27;self&#x27;" in page
    assert "Threat Actors (20)" in page
    again = build(read.default_content(), out, Options(attack="15.1"))
    assert again.pages == built.pages


def test_hostile_content(tmp_path: Path) -> None:
    folder = tmp_path / "content" / "detections"
    folder.mkdir(parents=True)
    (folder / "bad.yml").write_text(HOSTILE)
    out = tmp_path / "out" / "site"
    built = build(read.default_content([tmp_path / "content"]), out, Options(library=False))
    assert built.counts["detections"] == 1
    assert built.broken == []
    everything = "".join(path.read_text(encoding="utf-8") for path in out.rglob("*.html"))
    assert "<script>alert" not in everything
    assert "<img" not in everything
    assert 'href="javascript' not in everything
    assert str(tmp_path) not in everything
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"site"}


def test_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = read.default_content()
    name = "Windows Service Create RemComSvc"
    file = tmp_path / "results.json"
    tests = [{"name": "v", "kind": "validation", "status": "pass"}, {"name": "u", "kind": "unit", "status": "fail"}]
    file.write_text(json.dumps({"detections": [{"name": name, "tests": tests}]}))
    main(["site", "--out", str(tmp_path / "s"), "--results", str(file)])
    capsys.readouterr()
    page = (tmp_path / "s" / "endpoint" / content.find(name).id / "index.html").read_text(encoding="utf-8")
    assert re.findall(r'class="result [^"]*">([^<]*)<', page)[:2] == ["Passing", "Failing"]


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(InputError, match="not empty"):
        build(read.default_content(), tmp_path, Options())


def test_broken_links_are_found() -> None:
    pages = {"index.html": '<a href="a/index.html#x">', "a/index.html": '<p id="y"><a href="../b/index.html">'}
    count, broken = check(pages, set(pages), None)
    assert count == 2
    assert {one.reason for one in broken} == {"there is no such file", "there is no such element in the page"}


@pytest.mark.parametrize(
    "search", ['`a(b)` x="y|z" | stats count by q ```c\nd```', '| eval a="never', "x `open\n[search y]"]
)
def test_highlighting_keeps_the_text(search: str) -> None:
    assert unescape(re.sub(r"<[^>]*>", "", highlight(search))).rstrip("\n") == search


def test_names_make_no_paths() -> None:
    assert slug("../../etc/passwd") == "etc_passwd"
    assert slug("..") == "unnamed"


def test_base_url() -> None:
    assert base_url("/x") == "/x/"
    with pytest.raises(TraplineError):
        base_url("javascript:alert(1)")


def test_navigator_layer() -> None:
    made = layer(coverage(read.default_content().detections), "x")
    assert made["versions"] == {"attack": "18", "navigator": "5.1.0", "layer": "4.5"}
    assert {one["techniqueID"]: one["score"] for one in made["techniques"]}["T1543.003"] == 1
    assert made["gradient"]["maxValue"] > made["gradient"]["minValue"]
