"""`trapline show`: the page of a detection for terminal, JSON and browser."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from trapline.cli import main
from trapline.content import page, read
from trapline.site import layout

NAME = "Windows Service Create RemComSvc"

SECTIONS = [
    "Description",
    "Search",
    "Data Source",
    "Macros Used",
    "Annotations (ATT&CK v15.1)",
    "Default Configuration",
    "Implementation",
    "Known False Positives",
    "Associated Analytic Story",
    "Risk Based Analytics (RBA)",
    "References",
    "Detection Testing",
    "Drilldown Searches",
]


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = 0
    try:
        main(["show", *args])
    except SystemExit as leave:
        code = int(leave.code or 0)
    out = capsys.readouterr()
    return code, out.out, out.err


def as_json(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, Any]:
    code, out, err = run(capsys, *args, "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def test_sections_in_order(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    code, out, _ = run(capsys, NAME, "--attack-version", "15.1")
    assert code == 0
    lines = out.splitlines()
    assert [line for line in lines if line in SECTIONS] == SECTIONS
    assert all(len(line) <= 100 for line in lines)
    text = " ".join(out.split())
    for part in (
        "T1543.003 Windows Service Persistence, Privilege Escalation",
        "Kill Chain Phases Exploitation, Installation",
        "NIST DE.AE",
        "CIS CIS 10",
        "Threat Actors (20) APT19, APT3,",
        "Disabled true",
        "Cron Schedule 0 * * * *",
        "Earliest Time -70m@m",
        "Latest Time -10m@m",
        "Schedule Window auto",
        "Creates Notable No",
        "Creates Risk Event Yes",
        "Risk Score 32 = round(40*80/100)",
        "Impact 40",
        "Confidence 80",
        "dest system 32",
        "security_content_ctime(field) convert timeformat=",
        "windows_service_create_remcomsvc_filter is an empty macro by default.",
        "xmlwineventlog XmlWinEventLog:System",
        "Version: 2",
    ):
        assert part in text


@pytest.mark.parametrize("width", ["60", "80", "200"])
def test_prose_and_tables_fit_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    _, out, _ = run(capsys, NAME)
    long = [line for line in out.splitlines() if len(line) > int(width)]
    # what has no blank to break at, and quoted SPL, goes on: it has to stay whole to be copied
    assert all(" " not in line.strip() or line.startswith("    ") for line in long)


@pytest.mark.parametrize(
    "query", ["windows_service_create_remcomsvc", "0be4b5d6-c449-4084-b945-2392b519c33b", NAME.upper()]
)
def test_names(capsys: pytest.CaptureFixture[str], query: str) -> None:
    assert as_json(capsys, query)["name"] == NAME


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(capsys, NAME, "--attack-version", "15.1")
    assert found["version"] == 2
    assert found["attack_version"] == "15.1"
    assert len(found["threat_actors"]) == 20
    assert [(item["id"], item["technique"]) for item in found["attack"]] == [
        ("T1543.003", "Windows Service"),
        ("T1543", "Create or Modify System Process"),
    ]
    assert found["default_configuration"] == {
        "disabled": True,
        "cron_schedule": "0 * * * *",
        "earliest_time": "-70m@m",
        "latest_time": "-10m@m",
        "schedule_window": "auto",
        "creates_notable": False,
        "notable": None,
        "creates_risk_event": True,
        "throttling": None,
        "deployment": "ESCU Default Configuration Anomaly",
        "note": "Detections of type Anomaly have these settings. What they find becomes risk events.",
    }
    assert found["rba"]["formula"] == "32 = round(40*80/100)"
    assert found["filter_macro"]["value"] == "search *"
    assert found["filter_macro"]["overridden"] is False
    assert [item["name"] for item in found["macros"]] == ["wineventlog_system", "security_content_ctime"]
    assert found["data_source"][0] == {
        "name": "Windows Event Log System 7045",
        "platform": "Windows",
        "source": "XmlWinEventLog:System",
        "sourcetype": "xmlwineventlog",
        "supported_ta": ["Splunk Add-on for Microsoft Windows"],
    }
    assert [(row["type"], row["status"]) for row in found["tests"]] == [
        ("Validation", "Passing"),
        ("Unit", "Not run"),
        ("Unit", "Not run"),
        ("Integration", "Not run"),
    ]
    assert found["warnings"] == []


def test_the_filter_macro_is_the_users(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    own = tmp_path / "mine.conf"
    own.write_text('[windows_service_create_remcomsvc_filter]\ndefinition = search NOT dest="admin-*"\n')
    found = as_json(capsys, NAME, "--macros", str(own))
    assert found["filter_macro"]["value"] == 'search NOT dest="admin-*"'
    assert found["filter_macro"]["overridden"] is True
    assert found["filter_macro"]["defined_in"] == str(own)
    assert "is redefined" in found["filter_macro"]["note"]
    own.write_text("[windows_service_create_remcomsvc_fliter]\ndefinition = search x=1\n")
    (warn,) = as_json(capsys, NAME, "--macros", str(own))["warnings"]
    assert warn["hint"] == "did you mean 'windows_service_create_remcomsvc_filter'?"


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["Windows Service Create RemComSvd"], "did you mean 'Windows Service Create RemComSvc'?"),
        ([NAME, "--content", "nowhere"], "nowhere"),
        ([NAME, "--macros", "nowhere.conf"], "nowhere.conf"),
        ([NAME, "--attack-version", "1.0"], "versions here: 18.1, 15.1"),
        ([NAME, "--json", "--html", "-"], "both want stdout"),
        ([NAME, "--html", "no/such/folder/x.html"], "cannot be written"),
    ],
)
def test_errors(capsys: pytest.CaptureFixture[str], args: list[str], reason: str) -> None:
    code, _, err = run(capsys, *args)
    assert code == 2
    assert reason in err
    assert "Traceback" not in err


HOSTILE = """
name: 'Bad <script>alert(1)</script> "x"'
type: TTP
status: production
description: "first <img src=x onerror=alert(1)>\\n\\nsecond \\e]0;title\\a \\u202e [bold]red[/bold]"
search: '`made_up(a b, "c|d")` | eval x="a|b" ```a | comment``` | table x | `outer`'
data_source: ['<b>', A AND B]
references: ['javascript:alert(1)', 'https://example.com/"onmouseover="x']
rba: {message: '$a$ <i>', risk_objects: [{field: a, type: user, score: 5}], threat_objects: [{field: b, type: url}]}
tags: {analytic_story: [No Such Story], mitre_attack_id: [T1574.002, T0000]}
tests: [{name: t, attack_data: [{data: ../../etc/passwd}]}]
"""


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    path = tmp_path / "bad.yml"
    path.write_text(HOSTILE)
    return path


def test_hostile_text_in_a_terminal(capsys: pytest.CaptureFixture[str], hostile: Path) -> None:
    code, out, _ = run(capsys, str(hostile))
    assert code == 0
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "\u202e" not in out
    assert "[bold]red[/bold]" in out


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_hostile_text_in_a_browser(capsys: pytest.CaptureFixture[str], hostile: Path) -> None:
    code, out, _ = run(capsys, str(hostile), "--html", "-")
    assert code == 0
    seen = _Seen()
    seen.feed(out)
    allowed = "html head meta title style body h1 h2 h3 p section pre code div table thead tbody tr th td ul li a"
    allowed += " main article header nav ol dl dt dd span strong caption"
    assert set(seen.tags) <= set(allowed.split())
    assert {name for name, _ in seen.attributes} <= {
        *("lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "rel", "scope"),
        *("role", "data-label", "aria-labelledby", "tabindex"),
    }
    links = [value or "" for name, value in seen.attributes if name == "href"]
    assert all(link.startswith(("https://", "#")) for link in links)
    assert "\x1b" not in out
    assert "\u202e" not in out
    text = "".join(seen.text)
    assert "Bad <script>alert(1)</script>" in text
    assert "javascript:alert(1)" in text


def test_warnings_name_what_is_missing(capsys: pytest.CaptureFixture[str], hostile: Path) -> None:
    found = as_json(capsys, str(hostile))
    assert [warn["code"] for warn in found["warnings"]] == [
        "content.attack-revoked",
        "content.attack-unknown",
        "content.unknown-macro",
        "content.unknown-macro",
        "content.unknown-data-source",
        "content.unknown-data-source",
        "content.unknown-data-source",
        "content.unknown-story",
    ]
    assert [item["name"] for item in found["macros"]] == ["made_up", "outer"]
    assert found["tests"][0]["status"] == "Failing"
    assert found["tests"][1]["dataset"] == "../../etc/passwd (not found)"


def test_stages() -> None:
    search = '`made_up(a b, "c|d")` | eval x="a|b" ```a | comment``` | table x | append [search y | head 1]'
    assert page.stages(search) == [
        '`made_up(a b, "c|d")`',
        '| eval x="a|b" ```a | comment```',
        "| table x",
        "| append [search y | head 1]",
    ]
    assert page.stages("| tstats count\n  | table x\n") == ["| tstats count", "  | table x"]
    assert page.stages('| makeresults | eval x="never closed') == ['| makeresults | eval x="never closed']
    assert page.stages("| inputlookup x | table y") == ["| inputlookup x", "| table y"]


def test_nested_macros_are_shown(tmp_path: Path) -> None:
    content = read.default_content()
    path = tmp_path / "d.yml"
    path.write_text(
        "name: D\ntype: Hunting\nsearch: '| tstats `security_content_summariesonly` count from datamodel=X'\n"
    )
    made = page.describe(content, read.find_or_read(content, str(path)))
    assert [(use.key, use.inside) for use in made.macros] == [
        ("security_content_summariesonly", ""),
        ("summariesonly_config", "security_content_summariesonly"),
        ("oldsummaries_config", "security_content_summariesonly"),
        ("fillnull_config", "security_content_summariesonly"),
    ]
    assert made.filter is None
    assert "calls no filter macro" in made.filter_note


def test_html_is_self_contained() -> None:
    content = read.default_content()
    text = layout.lone(page.describe(content, content.find(NAME), "15.1"))
    assert "<script" not in text
    assert " src=" not in text
    assert "@import" not in text
    assert "url(" not in text
    assert "32 = round(40*80/100)" in text
    assert "Threat Actors (20)" in text
    assert text.index(">Description</h2>") < text.index(">Search</h2>") < text.index(">Detection Testing</h2>")


def test_html_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    code, out, err = run(capsys, NAME, "--html", str(target))
    assert (code, out) == (0, "")
    assert str(target) in err
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    found = as_json(capsys, NAME, "--html", str(target))
    assert found["name"] == NAME
