"""The matrix: its data sets, what fires where, and what the cache remembers."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

from trapline import app
from trapline.content.model import Detection
from trapline.testing import matrix, matrixcache, matrixpage
from trapline.testing.matrixwork import Cell, Ran
from trapline.testing.place import Surroundings

NAMES = ("Fires <b>", "Quiet", "Broken")
SEARCHES = ("index=main action=bad | stats count by dest", "index=main action=never", "index=main | nosuchcommand")


def test_what_fires_where_and_what_is_remembered(tmp_path: Path) -> None:

    data = tmp_path / "data"
    for place, action in (("attack/a.json", "bad"), ("benign/b.json", "bad"), ("odd/c.json", "good")):
        path = data / place
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"time": 1_780_000_000, "dest": "h", "action": action}) + "\n")
    (data / "benign.yml").write_text("- odd/*\n")
    content, knowledge = app.content(), app.knowledge()
    base = next(iter(content.detections))
    detections: list[Detection] = [
        replace(base, name=name, search=search) for name, search in zip(NAMES, SEARCHES, strict=True)
    ]
    sets = matrix.find(content, data)
    assert [(one.name, one.benign) for one in sets] == [
        ("attack/a.json", False),
        ("benign/b.json", True),
        ("odd/c.json", True),
    ]
    cache = matrixcache.Cache(tmp_path / "cache")
    make = partial(Surroundings, content, knowledge)

    def run(given: list[Detection]) -> matrix.Matrix:
        return matrix.run_matrix(sets, given, make, keys=matrixcache.keys(content, given, []), cache=cache)

    found = run(detections)
    assert found.by_detection() == {NAMES[0]: [0, 1], NAMES[1]: [], NAMES[2]: []}
    assert (found.false(), found.never(), list(found.broken())) == ({NAMES[0]: [1]}, ["Quiet"], ["Broken"])
    assert (found.pairs, found.cached) == (9, 0)
    again = run(detections)
    assert (again.by_detection(), again.cached) == (found.by_detection(), 9)
    changed = run([detections[0], replace(detections[1], search="index=main action=good"), detections[2]])
    assert (changed.by_detection()["Quiet"], changed.cached) == ([2], 6)
    page = matrixpage.to_html(found)
    assert "Fires &lt;b&gt;" in page
    assert "<b>" not in page
    assert matrixpage.to_csv(found).splitlines()[2].endswith(",2,1,1,1,0")


def test_the_page_of_a_large_matrix_is_bounded() -> None:

    base = next(iter(app.content().detections))
    many = [replace(base, name=f"detection {number}") for number in range(2_000)]
    sets = [matrix.DataSet(f"set{number}", "") for number in range(500)]
    quiet, fires = Ran(1, ("x",), "", {}), {one.name: Cell(1) for one in many}
    ran = [Ran(1, ("x",), "", fires), *[quiet] * 499]
    page = matrixpage.to_html(matrix.Matrix(many, sets, ran))
    assert f"The first {matrixpage.CELLS // 2_000} of 500 data sets" in page
    assert len(page) < 12_000_000
