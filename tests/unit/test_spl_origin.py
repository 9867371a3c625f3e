"""Places of the expanded text and where they were written."""

from __future__ import annotations

import pytest

from trapline.errors import Span
from trapline.search import Macro
from trapline.spl.macros import expand
from trapline.spl.origin import trace

MACROS = {
    "sysmon": Macro("sysmon", "sourcetype=x"),
    "two(1)": Macro("two(1)", "a=$v$ `sysmon`", ("v",)),
    "nothing": Macro("nothing", ""),
}


@pytest.mark.parametrize(
    "text",
    [
        "a=1 | stats count",
        '`sysmon` b=2 | `two("x y")` | head 1',
        "```first``` a=1 ```second | third``` `nothing` | stats ```in the middle```count",
        'a="```no comment```" `sysmon`',
        "",
    ],
)
def test_it_is_what_expansion_gives(text: str) -> None:
    origin = trace(text, MACROS)
    assert origin.text == expand(text, MACROS)
    assert "".join(origin.text[one.made.start : one.made.end] for one in origin.pieces) == origin.text


def test_a_place_is_found_again() -> None:
    text = "```why``` `sysmon` EventCode=1 | `two(9)` | where x=1"
    origin = trace(text, MACROS)

    def written(part: str) -> str:
        at = origin.text.index(part)
        span = origin.written(Span(at, at + len(part)))
        return text[span.start : span.end]

    assert written("EventCode=1") == "EventCode=1"
    assert written("where x=1") == "where x=1"
    assert written("a=9") == "`two(9)`"
    assert written("sourcetype=x EventCode") == "`sysmon` EventCode"


def test_it_says_which_macro() -> None:
    origin = trace("`sysmon` a=1 | `two(9)`", MACROS)
    stage = origin.text.index("a=9")
    assert origin.macros(Span(0, 16)) == ("sysmon",)
    assert origin.macros(Span(stage, stage + 3)) == ("two(1)",)
    assert origin.whole(Span(stage, stage + 3))
    assert not origin.whole(Span(0, 16))
