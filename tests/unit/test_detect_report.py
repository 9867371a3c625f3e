"""The report as HTML, JSON and CSV, over evidence that wants to break out of it."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.hunting import detection, result, unsupported
from trapline.content.model import Detection, DetectionType, Drilldown, ThreatObject
from trapline.detect import report
from trapline.detect.hunt import HuntResult, Source
from trapline.errors import TraplineError
from trapline.values import Row

HOSTILE = """"><script>alert(1)</script><img src=x onerror=alert(2)>' </style><style>*{display:none}"""
EVIL: Row = {
    "dest": HOSTILE,
    "user": "=cmd|' /C calc'!A0",
    HOSTILE: "esc \x1b[31m bidi \u202e x",
    "_time": 1772634731.5,
}


def hostile() -> HuntResult:
    drilldown = Drilldown("About $dest$", "search dest = $dest$")
    one = detection(
        f"Bad {HOSTILE}", ("dest", "system", 81), drilldowns=(drilldown,), threats=(ThreatObject("user", HOSTILE),),
        mitre=("T1543.003", HOSTILE), search="q",
    )  # fmt: skip
    other = detection(f"Gone {HOSTILE}", search="r")
    sources = [Source(f"logs/{HOSTILE}", HOSTILE, (HOSTILE,), 10, {HOSTILE: 2}, 1.0, 2.0, HOSTILE)]
    return result({"q": [EVIL], "r": unsupported(HOSTILE)}, [one, other], sources)


def plain(rows: int = 1, keep: int = 1000) -> HuntResult:
    answers: dict[str, list[Row]] = {"D": [{"dest": f"H{n}", "user": "u"} for n in range(rows)]}
    return result(answers, [detection("D", ("dest", "system", 32))], [Source("a.evtx", "evtx", (), 5)], keep)


class Page(HTMLParser):
    """The tags, the attributes and the text of a page."""

    VOID = ("meta", "br", "rect")

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_is_well_formed_and_nothing_breaks_out() -> None:
    text = report.to_html(hostile())
    page = Page(text)
    assert page.open == []
    assert page.tags.count("style") == 1
    assert not {"script", "img", "link", "iframe", "object", "form", "base"} & set(page.tags)
    assert not [one for one in page.attributes if one[1].startswith("on") or one[1] in ("style", "src")]
    assert HOSTILE in page.text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    assert "\\u001b[31m" in page.text


@given(st.text(max_size=60), st.text(min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_html_holds_any_text(value: str, name: str) -> None:
    row: Row = {"dest": value, "user": "u", name: [value, "x"]}
    text = report.to_html(result({"D": [row]}, [detection("D", ("dest", "system", 1))], [Source(value, "evtx", (), 5)]))
    page = Page(text)
    assert page.open == []
    assert set(page.tags) <= set(Page(report.to_html(plain())).tags)
    text.encode("utf-8")


def test_html_loads_nothing() -> None:
    text = report.to_html(hostile())
    links = {value for tag, name, value in Page(text).attributes if name == "href"}
    assert links == {"https://attack.mitre.org/techniques/T1543/003/"}
    style = re.search("<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in text


def test_html_says_what_was_found() -> None:
    page = Page(report.to_html(plain()))
    for wanted in (
        "1 finding, 1 host at risk",
        "Something about H0 by u.",
        "T1543.003",
        "Persistence",
        "a.evtx",
        "A Story",
    ):
        assert wanted in page.text


def test_html_says_what_did_not_run() -> None:
    page = Page(report.to_html(hostile()))
    assert "This hunt is not complete: ran 1 of 2 detections" in page.text


def test_html_of_nothing_found() -> None:
    read = [Source("a.evtx", "evtx", (), 5)]
    page = Page(report.to_html(result({"D": []}, [detection("D")], read)))
    assert page.open == []
    assert "No findings" in page.text
    assert "Ran 1 of 1 detection." in page.text
    assert "No event was read" in report.to_html(result({"D": []}, [detection("D")]))
    assert "No detection could run" in report.to_html(result({"D": unsupported("x")}, [detection("D")], read))


def test_html_is_bounded_and_counts_the_rest() -> None:
    page = Page(report.to_html(plain(rows=500, keep=200)))
    assert page.text.count("Something about") == report.FINDINGS_SHOWN
    assert "400 more findings of this detection" in page.text
    assert "300 more risk objects" in page.text
    long = result({"D": [{"dest": "x" * 100_000, "user": "u"}]}, [detection("D", ("dest", "system", 1))])
    text = report.to_html(long)
    assert "(100,000 characters)" in text
    assert len(text) < 60_000


def test_json_is_the_object_of_the_command() -> None:
    found = json.loads(report.to_json(plain()))
    assert list(found) == ["summary", "findings", "risk_events", "hosts", "sources", "warnings"]
    assert found["summary"]["findings"] == 1
    assert found["findings"][0]["row"] == {"dest": "H0", "user": "u"}
    assert found["hosts"][0]["risk_object"] == "H0"
    assert found["risk_events"][0]["risk_score"] == "32.0"


def test_csv_reads_back_and_holds_no_formula() -> None:
    rows = list(csv.reader(io.StringIO(report.to_csv(hostile()))))
    assert tuple(rows[0]) == report.CSV_COLUMNS
    line = dict(zip(rows[0], rows[1], strict=True))
    assert line["risk_object"] == HOSTILE
    assert json.loads(line["row"])["user"] == EVIL["user"]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_csv_cell(start: str) -> None:
    assert report.cell(f"{start}1+1") == f"'{start}1+1"
    assert report.cell(f" {start}") == f" {start}"


def test_csv_has_a_line_per_risk_object_and_one_for_a_finding_without() -> None:
    two = detection("D", ("dest", "system", 1), ("user", "user", 2))
    none: Detection = detection("H", kind=DetectionType.HUNTING)
    text = report.to_csv(result({"D": [{"dest": "a", "user": "b"}], "H": [{"user": "c"}]}, [two, none]))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(one["detection"], one["risk_object"], one["score"]) for one in rows] == [
        ("D", "a", "1"), ("D", "b", "2"), ("H", "", "0"),
    ]  # fmt: skip


def test_write_by_suffix(tmp_path: Path) -> None:
    for name in ("r.html", "r.HTM", "sub/r.json", "r.csv"):
        report.write(plain(), tmp_path / name)
        assert (tmp_path / name).stat().st_size > 100
    assert sorted(one.name for one in tmp_path.iterdir()) == ["r.HTM", "r.csv", "r.html", "sub"]


def test_write_of_lone_surrogates(tmp_path: Path) -> None:
    found = result({"D": [{"dest": "a\ud800b", "user": "u"}]}, [detection("D", ("dest", "system", 1))])
    for name in ("r.html", "r.json", "r.csv"):
        report.write(found, tmp_path / name)
        (tmp_path / name).read_text("utf-8")


def test_write_errors_name_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(TraplineError) as unknown:
        report.write(plain(), tmp_path / "r.pdf")
    assert ".html, .json or .csv" in str(unknown.value.hint)
    (tmp_path / "file").write_text("x")
    (tmp_path / "r.html").mkdir()
    for path in (tmp_path / "file" / "r.html", tmp_path / "r.html"):
        with pytest.raises(TraplineError, match="cannot write"):
            report.write(plain(), path)
        with pytest.raises(TraplineError, match="cannot write"):
            report.check(path)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "r.html"]


def test_check_leaves_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "r.html"
    report.check(path)
    assert list(path.parent.iterdir()) == []
    path.write_text("before")
    report.check(path)
    assert path.read_text() == "before"
