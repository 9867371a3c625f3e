"""cluster: groups found by an index of terms are those of comparing everything, and the work is bounded."""

from __future__ import annotations

import random

import pytest

from trapline.search import Session
from trapline.spl.commands import cluster
from trapline.spl.commands.cluster import _alike


def _texts(count: int, seed: int) -> list[str]:
    chosen = random.Random(seed)
    return [" ".join(chosen.choices("abcde", k=chosen.randint(0, 7))) or "-" for _ in range(count)]


@pytest.mark.parametrize("match", cluster.MATCHES)
@pytest.mark.parametrize("t", [0.1, 0.5, 0.75, 0.8, 1.0])
def test_groups_are_those_of_comparing_everything(match: str, t: float) -> None:
    texts = _texts(120, 7)
    rows = Session(events=[{"_raw": text} for text in texts]).run(
        f"* | cluster t={t} match={match} labelonly=true | table _raw cluster_label"
    )
    command = cluster.Cluster(t, None, match, "_raw", True, "cluster_label", None)
    firsts: list[object] = []
    expected = []
    for row in rows.rows:
        terms = command._terms(str(row["_raw"]))
        place = next((at for at, one in enumerate(firsts) if _alike(one, terms) >= t), len(firsts))  # type: ignore[arg-type]
        if place == len(firsts):
            firsts.append(terms)
        expected.append(place + 1)
    assert [row["cluster_label"] for row in rows.rows] == expected
    assert len(set(expected)) > 1


def test_rows_beyond_the_limit_are_groups_of_their_own_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "MAX_WORK", 100)
    events = [{"_raw": f"one {at} two {at} three {at}"} for at in range(50)]
    result = Session(events=events).run("* | cluster showcount=true | stats count sum(cluster_count) as rows")
    assert result.rows == [{"count": 50, "rows": 50}]
    (warning,) = result.warnings
    assert warning.code == "cluster-cut"
    assert "were not compared" in warning.reason
