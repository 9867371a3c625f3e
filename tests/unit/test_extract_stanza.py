"""extract with stanzas of transforms.conf: names of fields from the data, from FORMAT, and from delimiters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from trapline.errors import SplError, Unsupported
from trapline.knowledge import Knowledge
from trapline.search import Session

CONF = r"""
[brackets]
REGEX = \[([^\s\=]+)\=([^\]]+)\]
FORMAT = $1::$2

[fixed]
REGEX = user (\w+) from (\S+)
FORMAT = user::$1 "where from"::"at $2"

[named]
REGEX = (?<verb>GET|PUT) (?<path>\S+)

[many]
REGEX = ip=(?<ip>\S+)
MV_ADD = true

[keyed]
REGEX = (?<_KEY_1>\w+)<(?<_VAL_1>[^>]*)>

[pairs]
DELIMS = "|;", "=:"

[columns]
DELIMS = ","
FIELDS = "time", user, action

[other]
REGEX = (?<domain>[^@]+)\Z
SOURCE_KEY = mail

[nothing]
FORMAT = a::$1

[index_time]
REGEX = (.)
DEST_KEY = queue
FORMAT = nullQueue
"""


@pytest.fixture
def knowledge(tmp_path: Path) -> Knowledge:
    (tmp_path / "default").mkdir()
    (tmp_path / "default" / "transforms.conf").write_text(CONF, encoding="utf-8")
    return Knowledge.load([tmp_path])


@pytest.mark.parametrize(
    ("spl", "event", "found"),
    [
        ("extract brackets auto=f", {"_raw": "[a=1] [b-c=x y]"}, {"a": "1", "b_c": "x y"}),
        ("kv brackets clean_keys=f auto=f", {"_raw": "[b-c=2]"}, {"b-c": "2"}),
        ("extract fixed", {"_raw": "user bob from 10.0.0.1"}, {"user": "bob", "where_from": "at 10.0.0.1"}),
        ("extract named", {"_raw": "GET /a then PUT /b"}, {"verb": "GET", "path": "/a"}),
        ("extract named mv_add=t", {"_raw": "GET /a then PUT /b"}, {"verb": ["GET", "PUT"], "path": ["/a", "/b"]}),
        ("extract many auto=f", {"_raw": "ip=1 ip=2", "ip": "0"}, {"ip": ["0", "1", "2"]}),
        ("extract many mv_add=f auto=f", {"_raw": "ip=1 ip=2"}, {"ip": "1"}),
        ("extract keyed", {"_raw": "a<1> b<2>"}, {"a": "1", "b": "2"}),
        ("extract pairs auto=f", {"_raw": "a=1|b:2;c=3"}, {"a": "1", "b": "2", "c": "3"}),
        ("extract columns", {"_raw": '12:00, "a, b" ,'}, {"time": "12:00", "user": "a, b"}),
        ("extract other", {"_raw": "", "mail": "x@site"}, {"mail": "x@site", "domain": "site"}),
        ("extract other", {"_raw": "x"}, {}),
        ("extract named", {"_raw": "GET /a status=200"}, {"verb": "GET", "path": "/a", "status": "200"}),
        ("extract named", {"_raw": "GET /a", "verb": "POST"}, {"verb": "POST", "path": "/a"}),
        (
            "extract named, other auto=f",
            {"_raw": "GET /", "mail": "m"},
            {"verb": "GET", "path": "/", "mail": "m", "domain": "m"},
        ),
        ("extract maxchars=5 named", {"_raw": "GET /abc"}, {"verb": "GET", "path": "/"}),
    ],
)
def test_what_stanzas_find(
    knowledge: Knowledge, spl: str, event: Mapping[str, object], found: Mapping[str, object]
) -> None:
    session = Session(events=[event], knowledge=knowledge)
    assert session.run(f"{spl} | fields - _raw").rows == [found]


@pytest.mark.parametrize(
    ("stanza", "reason", "kind"),
    [
        ("missing", r"there is no stanza \[missing\]", SplError),
        ("nothing", "neither REGEX nor DELIMS", SplError),
        ("index_time", "index time", Unsupported),
    ],
)
def test_stanzas_that_cannot_be_used(knowledge: Knowledge, stanza: str, reason: str, kind: type[SplError]) -> None:
    with pytest.raises(kind, match=reason) as caught:
        Session(events=[{"_raw": "x"}], knowledge=knowledge).run(f"extract {stanza}")
    assert caught.value.span is not None
