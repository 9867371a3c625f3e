"""Which add-on wins, whatever the order in which they are given (Admin Manual, "Configuration file precedence")."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from pathlib import Path

import pytest

from trapline.ingest.intake import Evidence, ingest
from trapline.knowledge import Knowledge, built_in_addons
from trapline.search import Session
from trapline.store import Store


def addon(folder: Path, name: str, **layers: str) -> Path:
    for layer, props in layers.items():
        (folder / name / layer).mkdir(parents=True)
        (folder / name / layer / "props.conf").write_text(f"[acme:app]\n{props}\n", encoding="utf-8")
    return folder / name


def answer(folder: Path, addons: list[Path], search: str, text: str) -> Mapping[str, object]:
    log = folder / "app.log"
    log.write_text(text, encoding="utf-8")
    known = Knowledge.load(addons)
    with Store.throwaway() as store:
        ingest([Evidence(str(log), "acme:app", host="h")], store, rules=known.index_time)
        session = Session(tables=store.snapshot().tables, knowledge=known)
        return session.run(search).rows[0]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_search_takes_the_add_on_that_sorts_last_as_a_whole(tmp_path: Path, order: tuple[int, ...]) -> None:
    addons = [
        addon(tmp_path, "TA_a", default='EVAL-x = "a default"\nEVAL-y = "a default"', local='EVAL-y = "a local"'),
        addon(tmp_path, "TA_z", default='EVAL-x = "z default"\nEVAL-y = "z default"'),
        addon(tmp_path, "TA_M", default='EVAL-z = "M default"'),
    ]
    row = answer(tmp_path, [addons[at] for at in order], "search index=* | table x y z", "2026-03-04 12:00:00 a\n")
    assert row == {"x": "z default", "y": "z default", "z": "M default"}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_index_time_takes_every_local_first_and_then_the_name_that_sorts_first(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    addons = [
        addon(tmp_path, "TA_a", default="TIME_PREFIX = A=\nTRUNCATE = 8", local="TZ = UTC"),
        addon(tmp_path, "TA_z", default="TIME_PREFIX = Z=\nTRUNCATE = 9", local="TIME_FORMAT = %Y-%m-%d"),
        addon(tmp_path, "TA_y", default="TRUNCATE = 7", local="TIME_PREFIX = Y=\nTIME_FORMAT = %s"),
    ]
    known = Knowledge.load([addons[at] for at in order])
    rules = known.index_time.rules("acme:app", "app.log")
    assert rules is not None
    assert rules.time is not None
    assert rules.lines is not None
    assert rules.time.prefix is not None
    assert (rules.time.prefix.pattern, rules.time.format, rules.lines.truncate) == ("Y=", "%s", 8)


def test_capitals_sort_before_small_letters(tmp_path: Path) -> None:
    addons = [addon(tmp_path, name, default=f'TIME_PREFIX = {name}\nEVAL-x = "{name}"') for name in ("a", "B")]
    known = Knowledge.load(addons)
    rules = known.index_time.rules("acme:app", "app.log")
    assert rules is not None
    assert rules.time is not None
    assert rules.time.prefix is not None
    assert rules.time.prefix.pattern == "B"
    assert answer(tmp_path, addons, "search index=* | table x", "2026-03-04 12:00:00 a\n") == {"x": "a"}


def test_what_is_built_in_stands_below_whatever_the_names_are(tmp_path: Path) -> None:
    for name in ("AAA", "zzz"):
        mine = addon(tmp_path / name, name, default='EVAL-vendor_product = "mine"\nTIME_PREFIX = mine')
        path = mine / "default" / "props.conf"
        path.write_text(path.read_text().replace("acme:app", "linux_secure"), encoding="utf-8")
        known = Knowledge.load([mine, *built_in_addons()])
        assert known.addons[-1] == name
        rules = known.index_time.rules("linux_secure", "secure")
        assert rules is not None
        assert rules.time is not None
        assert rules.time.prefix is not None
        assert rules.time.prefix.pattern == "mine"
