"""What a run over chosen detections tells of the content."""

from __future__ import annotations

from pathlib import Path

from trapline import app
from trapline.content.model import Level, Problem
from trapline.content.told import told

_TEXT = """\
name: {name}
id: 0c6f8d6e-8a52-4f43-9a5e-0a7a0b1d2c{number:02d}
version: 1
date: '2026-01-02'
author: Someone
status: production
type: Anomaly
description: Something was said.
data_source: []
search: sourcetype=acme:x | stats count by user
how_to_implement: Read the log.
known_false_positives: None.
references: []
tags:
  asset_type: Endpoint
  confidence: 80
  impact: 80
  risk_score: {score}
  message: said
  observable: []
  product: [Splunk Enterprise Security]
  security_domain: endpoint
"""


def test_doubts_about_detections_that_do_not_run_are_counted_only(tmp_path: Path) -> None:
    folder = tmp_path / "detections"
    folder.mkdir()
    for number, score in ((1, 64), (2, 1), (3, 1)):
        (folder / f"d{number}.yml").write_text(_TEXT.format(name=f"Detection {number}", number=number, score=score))
    content = app.content([tmp_path])
    named = [app.select(content, [f"Detection {number}"])[0] for number in (1, 2, 3)]
    assert [one.file.endswith(("d2.yml", "d3.yml")) for one in content.problems] == [True, True]
    assert [one.reason for one in told(content, named[:1])] == ["2 warnings concern detections that did not run"]
    doubt, rest = told(content, named[:2])
    assert "stored score" in doubt.reason
    assert rest.reason == "1 warning concerns a detection that did not run"
    assert [one.code for one in told(content, named)] == ["content.risk-score"] * 2
    content.problems.append(Problem(Level.ERROR, "read", "cannot be read", str(folder / "d3.yml")))
    content.problems.append(Problem(Level.WARNING, "unused-macro", "no search calls it", "macros.conf"))
    assert [one.code for one in told(content, named[:1])] == ["content.read", "content.unused-macro", "content.others"]
