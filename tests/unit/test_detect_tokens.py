"""Tokens in messages and drilldowns (facts/CONTENT.md §8)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trapline.detect import tokens
from trapline.search import search
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
        # a multivalue that is compared: one of its values is enough, quoted or not
        ('search user = "$user$" dest="$dest$"', 'search user IN ("ann", "bob") dest="FS02.corp.example"'),
        ('user IN ("$user$", "$dest$")', 'user IN ("ann", "bob", "FS02.corp.example")'),
        ('x | where user=="$user$" AND a="b"', 'x | where user IN ("ann", "bob") AND a="b"'),
        (
            '| tstats count from datamodel=Risk where All_Risk.o="$user$" by x',
            '| tstats count from datamodel=Risk where All_Risk.o IN ("ann", "bob") by x',
        ),
        ('user="*\\\\$user$*"', 'user IN ("*\\\\ann*", "*\\\\bob*")'),
        ('"the user" = "$user$"', '"the user" IN ("ann", "bob")'),
        ('| where in(user, "$user$")', '| where in(user, "ann", "bob")'),
        ('a=1 OR user!="$user$"', 'a=1 OR (user=* AND NOT user IN ("ann", "bob"))'),
        ("a=1 user != $user$", 'a=1 (user=* AND NOT user IN ("ann", "bob"))'),
        ('| where user!="$user$"', '| where NOT user IN ("ann", "bob")'),
        ('search "$user$" x', 'search ("ann" OR "bob") x'),
        (
            '[search user="$user$" | fields a] user="$user$"',
            '[search user IN ("ann", "bob") | fields a] user IN ("ann", "bob")',
        ),
        # and one that is not: text
        ('| eval by="$user$" | search user="$user$"', '| eval by="ann\nbob" | search user IN ("ann", "bob")'),
        ("| eval by=$user$", '| eval by="ann\nbob"'),
        ('| eval is=if(user="$user$", 1, 0)', '| eval is=if(user IN ("ann", "bob"), 1, 0)'),
        ('| stats count as "of $user$"', '| stats count as "of ann\nbob"'),
        ('`for("$user$")`', '`for("ann\nbob")`'),
        # a backslash before a value is a character of the template
        ('search p="C:\\$path$"', 'search p="C:\\\\C:\\\\Temp\\\\a \\"b\\".exe"'),
    ],
)
def test_fill_spl_quotes(template: str, spl: str) -> None:
    assert tokens.fill_spl(template, ROW).text == spl


@given(st.text(max_size=40))
def test_no_value_leaves_its_string(value: str) -> None:
    """Whatever a log holds, the search around it keeps its shape: the string ends where ours does."""
    hostile: dict[str, Value] = {"f": value}
    for template in ("x = $f$ | END", 'x = "$f$" | END', 'x = "\\$f$" | END'):
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
        body = body.removeprefix("\\\\") if "\\" in template else body
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


def test_wildcards_in_values() -> None:
    row: Row = {"cmd": "del *.txt", "user": ["ann", "b*"], "dest": "ws1"}
    assert tokens.fill_spl('search cmd="$cmd$" dest=$dest$ | where user="$user$"', row).wildcards == ("cmd",)
    assert tokens.fill_spl('user="$user$" cmd=$cmd$', row).wildcards == ("user", "cmd")


@pytest.mark.parametrize(
    "template",
    [
        'search user="$user$"',
        "search user=$user$ dest=$dest$",
        'search user IN ("$user$")',
        'search user="*$user$*" OR user="$user$"',
        'where user="$user$"',
        'search NOT (user!="$user$")',
        'search "$user$"',
    ],
)
def test_a_search_with_a_multivalue_finds_its_row(template: str) -> None:
    rows: list[Row] = [{"user": ["U1", "U2"], "dest": "d", "_raw": "U1 U2"}, {"user": "U3", "dest": "d", "_raw": "U3"}]
    filled = tokens.fill_spl(f"| {template} | table user", {"user": ["U1", "U2"], "dest": "d"})
    assert search(filled.text, rows) == [{"user": ["U1", "U2"]}]
