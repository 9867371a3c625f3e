"""The data models of the add-on `cim`: whole, readable, and made of fields and expressions that work."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.unit.knowledgekit import session
from trapline.knowledge import Knowledge
from trapline.knowledge.datamodels import Gap, fields_of, read_model
from trapline.knowledge.precedence import ADDONS

MODELS = sorted((ADDONS / "cim" / "default" / "data" / "models").glob("*.json"))
READ_BY_CONTENT = {
    "Alerts", "Authentication", "Certificates", "Change", "Change_Analysis", "Email", "Endpoint", "Identity_Management",
    "Intrusion_Detection", "Network_Resolution", "Network_Sessions", "Network_Traffic", "Risk", "UEBA", "Updates",
    "Vulnerabilities", "Web",
}  # fmt: skip
"""Those that detections of the public content name."""


def test_every_model_that_content_reads_is_there() -> None:
    assert {path.stem for path in MODELS} >= READ_BY_CONTENT
    assert set(Knowledge.built_in().models) >= READ_BY_CONTENT


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_model_is_consistent(path: Path) -> None:
    body = json.loads(path.read_text())
    assert body["modelName"] == path.stem
    assert body["objectNameList"] == [one["objectName"] for one in body["objects"]]
    model = read_model(path)
    for name, one in model.datasets.items():
        assert not any(isinstance(part, Gap) for part in one.calculations), name
        assert len(set(fields_of(one))) == len(list(fields_of(one)))
        line = model.lineage(name)
        # A field has one owner: a child says again nothing that it inherits.
        own = set(fields_of(one)) - {"_time", "host", "source", "sourcetype"}
        assert not own & {field for part in line[:-1] for field in fields_of(part)}, name
    macros = Knowledge.built_in().macros
    named = set(re.findall(r"`(\w+)`", path.read_text()))
    assert named <= macros.keys()


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_every_dataset_runs_over_events_of_all_its_fields(path: Path, tmp_path: Path) -> None:
    """Each field of a dataset can be read, and no calculation fails on numbers, text or nothing."""
    if path.stem == "Identity_Management":
        pytest.skip("it is made of the user's own tables")
    model = read_model(path)
    names = {name for one in model.datasets.values() for name in fields_of(one)}
    names -= {"_time", "host", "source", "sourcetype", "tag"}
    events = [dict.fromkeys(sorted(names), value) for value in ("x", "7", "")]
    with session(tmp_path, [*events, {"a": "b"}], sourcetype="anything") as one:
        one.datamodels = {path.stem: _open(path)}
        for name in model.datasets:
            found = one.run(f"| tstats count values({name}.*) from datamodel={path.stem}.{name}")
            assert not [warn for warn in found.warnings if warn.code == "datamodel"]
            assert len(found.rows) == 1
        for root in model.roots:
            assert one.run(f"| tstats count from datamodel={path.stem}.{root}").rows == [{"count": 4}]


def _open(path: Path) -> dict[str, object]:
    """The model with all events in its root datasets, whatever their tags."""
    body: dict[str, object] = json.loads(path.read_text())
    objects = body["objects"]
    assert isinstance(objects, list)
    for one in objects:
        if one["parentName"] == "BaseEvent":
            one["constraints"] = []
    return body


def test_identities_name_the_table_that_is_missing(tmp_path: Path) -> None:
    with session(tmp_path, [{"a": "b"}]) as one:
        empty = one.run("| from datamodel:Identity_Management.All_Assets")
        assert empty.rows == []
        assert "assets" in " ".join(f"{warn.reason} {warn.hint}" for warn in empty.warnings)
        one.lookups = {
            "identity_lookup_expanded": [{"identity": "eve", "identity_tag": "expired"}, {"identity": "bob"}]
        }
        assert one.run("| tstats count from datamodel=Identity_Management.Expired_Identities").rows == [{"count": 1}]


def test_the_program_of_a_command_line(tmp_path: Path) -> None:
    lines = {
        r'"C:\Program Files\a b.exe" -x "C:\c.txt"': "a b.exe",
        r"C:\Windows\cmd.exe /c dir": "cmd.exe",
        "powershell -enc AAA": "powershell",
        "/usr/bin/python3 x.py": "/usr/bin/python3",
        r"\??\C:\Windows\conhost.exe 0xffff": "conhost.exe",
    }
    body = json.loads((ADDONS / "cim" / "default" / "data" / "models" / "Endpoint.json").read_text())
    for one in body["objects"]:
        one["constraints"] = []
    with session(tmp_path, [{"process": line} for line in lines]) as one:
        one.datamodels = {"Endpoint": body}
        found = one.run("| from datamodel:Endpoint.Processes | sort 0 _time | table process process_name")
        assert {str(row["process"]): row["process_name"] for row in found.rows} == lines
