"""The layer of the ATT&CK Navigator against the properties of its published format ("Layer File Format Definition",
version 4.5): which there are, which must be there, of what type, and which values they may have."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from trapline.content import enrich, read
from trapline.content.model import Detection
from trapline.site.coverage import coverage, layer

Check = Callable[[Any, str], Iterator[str]]


def text(pattern: str = r".*") -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.DOTALL):
            yield f"{at}: {value!r}"

    return check


def one_of(*known: object) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if not any(value == one and type(value) is type(one) for one in known):
            yield f"{at}: {value!r}"

    return check


def number(value: Any, at: str) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield f"{at}: {value!r}"


def flag(value: Any, at: str) -> Iterator[str]:
    if not isinstance(value, bool):
        yield f"{at}: {value!r}"


def several(each: Check, least: int = 0) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, list) or len(value) < least:
            yield f"{at}: {value!r}"
            return
        for place, one in enumerate(value):
            yield from each(one, f"{at}[{place}]")

    return check


def record(must: Mapping[str, Check], may: Mapping[str, Check]) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{at}: {value!r}"
            return
        yield from (f"{at}.{name} is missing" for name in must if name not in value)
        known = {**must, **may}
        for name, one in value.items():
            if name not in known:
                yield f"{at}.{name} is not known"
            else:
                yield from known[name](one, f"{at}.{name}")

    return check


COLOUR = text(r"#[0-9a-fA-F]{6}")
METADATA = several(record({"name": text(r".+"), "value": text()}, {}))
LINKS = several(record({"label": text(r".+"), "url": text(r"\w+://.+")}, {}))
TECHNIQUE = record(
    {"techniqueID": text(r"T\d{4}(\.\d{3})?")},
    {
        "tactic": text(r"[a-z-]+"),
        "comment": text(),
        "enabled": flag,
        "score": number,
        "color": COLOUR,
        "metadata": METADATA,
        "links": LINKS,
        "showSubtechniques": flag,
    },
)
LAYER = record(
    {
        "name": text(r".+"),
        "domain": one_of("enterprise-attack", "mobile-attack", "ics-attack"),
    },
    {
        "versions": record(
            {"navigator": text(r"(4\.(9|\d\d)|[5-9])\..*"), "layer": one_of("4.5")}, {"attack": text(r"\d+")}
        ),
        "description": text(),
        "filters": record({}, {"platforms": several(text())}),
        "sorting": one_of(0, 1, 2, 3),
        "layout": record(
            {},
            {
                "layout": one_of("side", "flat", "mini"),
                "showID": flag,
                "showName": flag,
                "showAggregateScores": flag,
                "countUnscored": flag,
                "aggregateFunction": one_of("average", "min", "max", "sum"),
                "expandedSubtechniques": one_of("none", "all", "annotated"),
            },
        ),
        "hideDisabled": flag,
        "techniques": several(TECHNIQUE),
        "gradient": record({"colors": several(COLOUR, 2), "minValue": number, "maxValue": number}, {}),
        "legendItems": several(record({"label": text(), "color": COLOUR}, {})),
        "showTacticRowBackground": flag,
        "tacticRowBackground": COLOUR,
        "selectTechniquesAcrossTactics": flag,
        "selectSubtechniquesWithParent": flag,
        "selectVisibleTechniques": flag,
        "metadata": METADATA,
        "links": LINKS,
    },
)


def doubts(made: Any) -> list[str]:
    again = json.loads(json.dumps(made))
    found = list(LAYER(again, "layer"))
    ids = [one["techniqueID"] for one in again["techniques"]]
    found += [] if len(ids) == len(set(ids)) else ["a technique is there twice"]
    found += [] if again["gradient"]["maxValue"] > again["gradient"]["minValue"] else ["the gradient has no width"]
    found += [f"{one['techniqueID']} has no sub-techniques" for one in again["techniques"]
              if "." in one["techniqueID"] and "showSubtechniques" in one]  # fmt: skip
    return found


def many() -> list[Detection]:
    """A detection per technique of the table, and some that name what is revoked or unknown."""
    base = next(iter(read.default_content().detections))
    table = enrich.attack(enrich.DEFAULT_ATTACK)
    made = [replace(base, name=f'"<{id_}>" é', mitre=(id_,)) for id_ in table.techniques]
    return [*made, replace(base, name="odd", mitre=("T9999", "T1086"))]


@pytest.mark.parametrize("detections", [[], list(read.default_content().detections), many()], ids=["no", "own", "all"])
def test_a_layer_is_as_the_format_says(detections: list[Detection]) -> None:
    assert not doubts(layer(coverage(detections), "x"))


def test_what_is_wrong_is_found() -> None:
    made = layer(coverage(many()), "x")
    assert doubts({**made, "domain": "mitre-enterprise"})
    assert doubts({**made, "score": 1})
    assert doubts({**made, "versions": {**made["versions"], "layer": "4.4"}})
    assert doubts({**made, "techniques": [{"score": 1}, *made["techniques"]]} | {"techniques": [{"techniqueID": "x"}]})
    assert doubts({**made, "gradient": {**made["gradient"], "colors": ["#ffffff"]}})
