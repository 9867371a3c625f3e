"""Whatever stands in a content file, reading it ends in an object or a problem with a place."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from trapline.content import shapes, yamlfile
from trapline.content.fields import Fields
from trapline.content.model import Item, Problem
from trapline.errors import InputError

WORDS = (
    "name id version date creation_date author status type description data_source search references "
    "drilldown_searches tags tests rba finding intermediate_findings threat_objects deployment custom_schedule "
    "scheduling alert_action observable confidence impact risk_score message role field score entity entities "
    "risk_objects title throttling fields period attack_data data test_type expected_results definition arguments "
    "filename collection lookup_type match_type case_sensitive_match min_matches cron_schedule supported_TA notable "
    "nes_fields enabled manual_test mitre_attack_id analytic_story field_mappings"
)
KEYS = WORDS.split()

LEAF = st.one_of(
    st.sampled_from(["TTP", "Anomaly", "Baseline", "Victim", "1h", "2024-01-02", "80", "x | `y`", "true"]),
    st.text(max_size=12),
    st.integers(),
    st.floats(),
    st.none(),
    st.booleans(),
)
TREE = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=8), st.just({})
    ),
    max_leaves=25,
)


@given(
    kind=st.sampled_from(sorted(shapes.KINDS)),
    keys=st.dictionaries(st.sampled_from(KEYS), TREE, max_size=20),
    base=st.booleans(),
)
def test_every_shape_of_every_kind(kind: str, keys: dict[str, Any], base: bool) -> None:
    if base:  # so that more than the missing name is met
        keys = {"name": "N", "search": "x", "type": "TTP", "definition": "d"} | keys
    (node,) = yamlfile.parse(yaml.safe_dump(keys), "f.yml")
    problems: list[Problem] = []
    try:
        found: Item | None = shapes.KINDS[kind](Fields(node, "f.yml", problems))
    except InputError as error:
        refused: InputError | None = error
        found = None
    else:
        refused = None
    if refused is not None:
        assert refused.file == "f.yml"
        assert refused.line
    if found is not None:
        assert found.name.strip()
    assert all(problem.line and problem.field for problem in problems)
