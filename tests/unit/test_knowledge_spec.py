"""Which events a stanza of props.conf is about, and which of several is the strongest."""

from __future__ import annotations

import pytest

from trapline.errors import SplError
from trapline.knowledge.conf import Setting
from trapline.knowledge.spec import By, read_spec

MATCHES = [
    ("sysmon:linux", "sysmon:linux", True),
    ("sysmon:linux", "Sysmon:linux", False),
    ("a*", "a*", True),
    ("a*", "ab", False),
    ("(?i)XmlWinEventLog", "xmlwineventlog", True),
    ("(?::){0}XmlWin...", "XmlWinEventLog:System", True),
    ("(?::){0}(?i)xmlwin...", "XmlWinEventLog", True),
    ("(?::){0}linux:*", "linux:audit", True),
    ("source::XmlWinEventLog:System", "XmlWinEventLog:System", True),
    ("source::XmlWinEventLog:System", "xmlwineventlog:system", False),
    ("source::(?i)XmlWinEventLog:System", "xmlwineventlog:SYSTEM", True),
    ("source::/var/log/*.log", "/var/log/auth.log", True),
    ("source::/var/log/*.log", "/var/log/old/auth.log", False),
    ("source::/var/log/*.log", "/var/log/authxlog", False),
    ("source::/var/.../*.log", "/var/log/old/auth.log", True),
    ("source::...secure...", "/var/log/secure.1", True),
    ("source::secure", "/var/log/secure", False),
    ("source::(Xml|)WinEventLog:Security", "WinEventLog:Security", True),
    ("source::(Xml|)WinEventLog:Security", "XmlWinEventLog:Security", True),
    ("source::(Xml|)WinEventLog:Security", "YmlWinEventLog:Security", False),
    ("source::a|b", "b", True),
    (r"source::C:\\logs\\*.txt", r"C:\logs\a.txt", True),
    ("source::....(?<!tar.)(gz|bz2)", "/x/a.gz", True),
    ("source::....(?<!tar.)(gz|bz2)", "/x/a.tar.gz", False),
    ("host::WEB*", "web01", True),
    ("host::(?-i)WEB*", "web01", False),
    ("host::dc1", "DC1", True),
    ("default", "anything", True),
]


@pytest.mark.parametrize(("stanza", "value", "expected"), MATCHES)
def test_matches(stanza: str, value: str, expected: bool) -> None:
    spec = read_spec(stanza)
    assert spec is not None
    assert spec.matches(value) is expected


def test_strongest_first() -> None:
    def priority(value: str) -> Setting:
        return Setting("", "priority", value, "props.conf", 1)

    names = [
        ("default", None),
        ("a", None),
        ("host::h", None),
        ("source::...b...", None),
        ("source::...a...", None),
        ("source::literal", None),
        ("source::...z...", priority("101")),
        ("host::h*", priority("5000")),
    ]
    specs = [spec for name, weight in names if (spec := read_spec(name, weight)) is not None]
    assert [spec.name for spec in sorted(specs, key=lambda spec: spec.rank)] == [
        "source::...z...",
        "source::literal",
        "source::...a...",
        "source::...b...",
        "host::h*",
        "host::h",
        "a",
        "default",
    ]


def test_stanzas_of_index_time_are_none() -> None:
    assert read_spec("rule::x") is None
    assert read_spec("delayedrule::x") is None


def test_what_is_wrong_is_an_error() -> None:
    with pytest.raises(SplError, match="not a regular expression"):
        read_spec("source::(unclosed*")
    with pytest.raises(SplError, match="priority takes a number"):
        read_spec("a", Setting("a", "priority", "high", "props.conf", 1))


def test_a_list_of_values_needs_no_regular_expression() -> None:
    spec = read_spec("source::(?i)(Xml|)WinEventLog:(System|Security)")
    assert spec is not None
    assert spec.by is By.SOURCE
    assert spec.pattern is None
    assert spec.literals == (
        "xmlwineventlog:system",
        "xmlwineventlog:security",
        "wineventlog:system",
        "wineventlog:security",
    )
