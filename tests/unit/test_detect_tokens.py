"""Tokens in messages and drilldowns (facts/CONTENT.md §8)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trapline.detect import tokens
from trapline.values import Row, Value

ROW: Row = {
    "dest": "FS02.corp.example",
    "user": ["ann", "bob"],
    "userIdentity.arn": "arn:aws:iam::1",
    "count": 5.0,
    "path": 'C:\\Temp\\a "b".exe',
    "evil": "$dest$ and $user$",
    "empty": "",
}


@pytest.mark.parametrize(
    ("template", "text", "unresolved"),
    [
        ("A service on $dest$.", "A service on FS02.corp.example.", ()),
        ("by $user$", "by ann\nbob", ()),
        ("$userIdentity.arn$", "arn:aws:iam::1", ()),
        ("$result.dest$", "FS02.corp.example", ()),
        ("$count$ times", "5 times", ()),
        ("$dest$$dest$", "FS02.corp.exampleFS02.corp.example", ()),
        ("no such $src$, $src$ and $empty$", "no such $src$, $src$ and $empty$", ("src", "empty")),
        ("the case counts: $Dest$", "the case counts: $Dest$", ("Dest",)),
        ("by user user$ on $dest$", "by user user$ on FS02.corp.example", ()),
        ("a token $with blank$ is none", "a token $with blank$ is none", ()),
        ("it cost $5 on $dest$", "it cost $5 on FS02.corp.example", ()),
        ("$$ stays, so does $", "$$ stays, so does $", ()),
        ("", "", ()),
    ],
)
def test_fill(template: str, text: str, unresolved: tuple[str, ...]) -> None:
    assert tokens.fill(template, ROW) == tokens.Filled(text, unresolved)


def test_a_value_is_never_expanded_again() -> None:
    assert tokens.fill("ran $evil$ on $dest$", ROW).text == "ran $dest$ and $user$ on FS02.corp.example"


def test_a_missing_value_warns_once() -> None:
    warnings = tokens.fill("$src$ $src$", ROW).warnings("Some Detection")
    assert [(one.code, one.where) for one in warnings] == [("detect.token", "Some Detection")]
    assert "$src$" in warnings[0].reason


def test_names() -> None:
    assert tokens.names("$a$ $b.c$ $a$ $") == ("a", "b.c")


@pytest.mark.parametrize(
    ("template", "spl"),
    [
        ("search  dest = $dest$", 'search  dest = "FS02.corp.example"'),
        ('search dest = "$dest$"', 'search dest = "FS02.corp.example"'),
        ("o IN ($dest$)", 'o IN ("FS02.corp.example")'),
        ("o IN ($dest$, $user$)", 'o IN ("FS02.corp.example", "ann", "bob")'),
        ("search user = $user$ dest=$dest$", 'search user IN ("ann", "bob") dest="FS02.corp.example"'),
        ("search path = $path$", 'search path = "C:\\\\Temp\\\\a \\"b\\".exe"'),
        ('search path = "$path$" x', 'search path = "C:\\\\Temp\\\\a \\"b\\".exe" x'),
        ('eval x="a\\"" | search dest=$dest$', 'eval x="a\\"" | search dest="FS02.corp.example"'),
        ("src = $src$", "src = $src$"),
    ],
)
def test_fill_spl_quotes(template: str, spl: str) -> None:
    assert tokens.fill_spl(template, ROW).text == spl


@given(st.text(max_size=40))
def test_no_value_leaves_its_string(value: str) -> None:
    """Whatever a log holds, the search around it keeps its shape: the string ends where ours does."""
    hostile: dict[str, Value] = {"f": value}
    for template in ("x = $f$ | END", 'x = "$f$" | END'):
        text = tokens.fill_spl(template, hostile).text
        if not value:
            continue
        assert text.startswith('x = "')
        assert text.endswith('" | END')
        body = text[len('x = "') : -len('" | END')]
        escaped = False
        for char in body:
            assert escaped or char != '"'
            escaped = not escaped and char == "\\"
        assert not escaped
        assert body.replace("\\\\", "\0").replace('\\"', '"').replace("\0", "\\") == value or "\0" in value


def test_filters() -> None:
    row: Row = {"dest": 'a "b" <c>&', "a|s": "whole", "users": ["x y", "z"]}
    assert tokens.fill("$dest|s$ $dest|h$ $dest|u$ $dest|n$", row).text == (
        r'"a \"b\" <c>&" a &quot;b&quot; &lt;c&gt;&amp; a%20%22b%22%20%3Cc%3E%26 a "b" <c>&'
    )
    assert tokens.fill("$a|s$ $none|s$ $dest|x$", row).unresolved == ("none|s", "dest|x")
    # in a search a value is quoted anyway, and once
    assert tokens.fill_spl('dest=$dest|s$ x="$dest|s$"', row).text == r'dest="a \"b\" <c>&" x="a \"b\" <c>&"'
    assert tokens.fill_spl("user = $users|s$", row).text == 'user IN ("x y", "z")'
