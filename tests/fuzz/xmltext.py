"""Windows event XML for fuzzing: events of one structure with other values, and damaged ones among them."""

from __future__ import annotations

import re

from hypothesis import strategies as st

from trapline.ingest.winxml import event_xml

VALUES = (
    "",
    " ",
    "a",
    "C:\\Windows\\a.exe",
    "x < y & z > 'q' \"r\"",
    "é\u2028",
    "&amp;",
    "]]>",
    "<b>",
    "{00000000-0000-0000-0000-000000000000}",
    "54849625-5478-4994-A5BA-3E3B0328C30D",
    "%s %d %",
    "\n",
    "\t x ",
    "0x3e7",
    "\x00",
    "\ud800",
    "-",
)
NAMES = (
    "ServiceName",
    "ImagePath",
    "Data",
    "ID",
    "Image",
    "A.B",
    "a b",
    "",
    "_time",
    "host",
    "Computer",
    "é",
    "RuleName",
)
BITS = (
    "<",
    ">",
    "</",
    "/>",
    "'",
    '"',
    "&",
    "&#0;",
    "&#x110000;",
    "&#xD800;",
    "&lt;",
    "&nope;",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?x?>",
    "<!DOCTYPE e [<!ENTITY a 'b'>]>",
    "<Data Name='ImagePath'>",
    "</Data>",
    "<Data/>",
    "<Data Name='X'/>",
    "<EventID>",
    "</EventID>",
    "</Event>",
    "<Event>",
    "<System>",
    "\x00",
    " xmlns:x='y'",
    "\n",
    "x:",
)

value = st.sampled_from(VALUES) | st.text(max_size=8)
_TOKEN = re.compile(r"<[^<>]*>|[^<>]+|.", re.DOTALL)


@st.composite
def event(draw: st.DrawFn, names: tuple[str, ...], *, quotes: str) -> str:
    """An event with these names, as Windows prints it, or with the other quotes and with blanks between elements."""
    text = event_xml(
        provider=draw(st.sampled_from(("Service Control Manager", "Microsoft-Windows-Sysmon", "Linux-Sysmon", "x'y"))),
        event_id=draw(st.sampled_from(("7045", "1", "", "x"))),
        channel=draw(st.sampled_from(("System", "Security", "", "a/b"))),
        computer=draw(value),
        time=draw(
            st.sampled_from(
                ("2024-03-04T10:11:25.483986Z", "2024-03-04T10:11:25Z", "", "never", "9999-99-99T00:00:00Z")
            )
        ),
        data=[(name, draw(value)) for name in names],
        version=draw(st.none() | st.just("2")),
        message=draw(st.none() | value),
    )
    if quotes == '"':
        text = text.replace('"', "&quot;").replace("'", '"')
    return text.replace("><", ">\n  <") if draw(st.booleans()) else text


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """The event with some pieces cut out, doubled, or broken."""
    tokens = _TOKEN.findall(text)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(tokens) - 1)))
        match draw(st.integers(0, 5)):
            case 0:
                tokens[at : at + draw(st.integers(1, 3))] = []
            case 1:
                tokens.insert(at, draw(st.sampled_from(BITS)))
            case 2:
                tokens[at : at + 1] = [draw(st.sampled_from(BITS) | value)]
            case 3:
                tokens[at:at] = tokens[at : at + draw(st.integers(1, 6))]
            case 4:
                del tokens[at:]
            case _:
                middle = len(tokens[at]) // 2 if tokens else 0
                if tokens:
                    tokens[at] = tokens[at][:middle] + draw(st.sampled_from(BITS)) + tokens[at][middle:]
    return "".join(tokens)


@st.composite
def streams(draw: st.DrawFn, *, quotes: str = "'\"", harm: bool = True) -> list[str]:
    """Some events of one structure, so that it is learnt, then some more, whole and damaged."""
    quote = draw(st.sampled_from(quotes))
    names = tuple(draw(st.lists(st.sampled_from(NAMES), max_size=4)))
    whole = draw(event(names, quotes=quote))
    first = draw(st.just(whole) | damaged(whole)) if harm else whole
    taught = [first] * draw(st.integers(3, 5))
    rest: list[str] = []
    for _ in range(draw(st.integers(1, 8))):
        text = draw(event(names, quotes=quote) | st.just(first))
        rest.append(draw(damaged(text)) if harm and draw(st.booleans()) else text)
    return taught + rest
