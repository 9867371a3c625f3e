"""`PATH[::SOURCETYPE[::SOURCE]]`."""

from __future__ import annotations

from pathlib import Path

import pytest

from trapline.detect.evidence import parse
from trapline.errors import TraplineError
from trapline.ingest.intake import Evidence


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("logs", Evidence("logs")),
        ("logs/*.evtx", Evidence("logs/*.evtx")),
        ("-", Evidence("-")),
        ("-::XmlWinEventLog", Evidence("-", "XmlWinEventLog")),
        ("a.log::XmlWinEventLog::XmlWinEventLog:System", Evidence("a.log", "XmlWinEventLog", "XmlWinEventLog:System")),
        ("a.log::::XmlWinEventLog:System", Evidence("a.log", None, "XmlWinEventLog:System")),
        ("a.log::st::", Evidence("a.log", "st")),
        ("a.log::", Evidence("a.log")),
        ("a.log::st::src::more", Evidence("a.log", "st", "src::more")),
        (r"C:\logs\a.evtx", Evidence(r"C:\logs\a.evtx")),
        (r"C:\logs\a.xml::XmlWinEventLog", Evidence(r"C:\logs\a.xml", "XmlWinEventLog")),
        (r"\\server\share\a.log::st::s", Evidence(r"\\server\share\a.log", "st", "s")),
        ("a\0b::st", Evidence("a\0b", "st")),
    ],
)
def test_parse(text: str, evidence: Evidence) -> None:
    assert parse(text) == evidence


def test_a_path_that_exists_keeps_its_colons(tmp_path: Path) -> None:
    file = tmp_path / "odd::name.log"
    file.write_text("x")
    assert parse(str(file)) == Evidence(str(file))
    assert parse(f"{file}::st") == Evidence(str(file), "st")
    assert parse(f"{file}::st::src") == Evidence(str(file), "st", "src")


@pytest.mark.parametrize("text", ["", "::st", " ::st"])
def test_no_path(text: str) -> None:
    with pytest.raises(TraplineError, match="no path") as error:
        parse(text)
    assert "PATH::SOURCETYPE" in str(error.value.hint)
