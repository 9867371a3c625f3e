"""The case files' own machinery: reading, comparing and rewriting a page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import casefile
from tests.casefile import CaseError, Outcome

PAGE = """# head

Prose with `code`.

```json
{"a": "1"}
{"a": "2"}
```

```yaml
now: 1700000000
```

## keeps the first row

```spl
head 1
```

Said in between.

```rows
{"a": "1"}
```

## a comment needs a longer fence

````spl
head 1 ```one
```
````

```json
{"b": ["x", "y"]}
```

```yaml
earliest: -1h
```

```rows unordered
{"b": ["x", "y"]}
```

## notes

Only prose.

```text
head [<count>]
```

## without expectation

```spl
head 5
```
## refuses words

```spl
head x
```

```error
error: 'x' is not a number
  head x
       ^
```
"""


def page(tmp_path: Path, text: str = PAGE) -> casefile.CaseFile:
    path = tmp_path / "head.md"
    path.write_text(text, encoding="utf-8")
    return casefile.read(path)


def test_a_page_is_read(tmp_path: Path) -> None:
    read = page(tmp_path)
    assert read.title == "head"
    first, second, bare, refused = read.cases
    assert (first.name, first.line, first.spl) == ("keeps the first row", 14, "head 1")
    assert first.events == ({"a": "1"}, {"a": "2"})
    assert first.settings == {"now": 1700000000}
    assert second.spl == "head 1 ```one\n```"
    assert second.events == ({"b": ["x", "y"]},)
    assert second.settings == {"now": 1700000000, "earliest": "-1h"}
    assert bare.expectations() == []
    assert [block.kind for block in refused.expectations()] == ["error"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("## x\n```spl\nhead\n```\n", "head.md:1: no '# title'"),
        ("# t\n# u\n", "head.md:2: a second title"),
        ("# t\n```rows\n```\n", "head.md:2: a 'rows' block before the first"),
        ("# t\n## x\n```spl\nhead\n", "head.md:3: the block has no closing ```"),
        ("# t\n## x\n```spll\nhead\n```\n", "head.md:3: unknown block 'spll'"),
        ("# t\n## x\n```rows\n```\n", "head.md:2: case 'x' has no 'spl' block"),
        ("# t\n## x\n```spl\nh\n```\n```spl\ni\n```\n", "head.md:2: case 'x' has more than one 'spl' block"),
        ("# t\n## x\n```spl\nh\n```\n```rows\n```\n```error\n```\n", "head.md:2: case 'x' expects rows and an error"),
        ("# t\n## x\n```spl\nh\n```\n```rows sorted\n```\n", "head.md:6: 'sorted' says nothing to a rows block"),
        ("# t\n```addon path=../props.conf\n```\n## x\n```spl\nh\n```\n", "head.md:2: an addon block needs path="),
        ("# t\n## x\n```spl\nh\n```\n## x\n```spl\nh\n```\n", "head.md:6: a second case named 'x'"),
        ("# t\n```json\n{\n```\n## x\n```spl\nh\n```\n", "head.md:3: not a JSON object on one line"),
        ("# t\n```json\n\n[1]\n```\n## x\n```spl\nh\n```\n", "head.md:4: not a JSON object"),
        ("# t\n```yaml\nnoow: 1\n```\n## x\n```spl\nh\n```\n", "head.md:2: unknown setting 'noow'"),
        ("# t\n```yaml\nnow: today\n```\n## x\n```spl\nh\n```\n", "head.md:2: the setting 'now' cannot be 'today'"),
    ],
)
def test_a_page_in_another_format_says_where(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CaseError, match=r"head\.md:\d+: ") as caught:
        page(tmp_path, text)
    assert said in str(caught.value)


ROWS: list[tuple[Mapping[str, Any], Mapping[str, Any], bool]] = [
    ({"a": "5"}, {"a": 5.0}, True),
    ({"a": 5}, {"a": 5.0}, True),
    ({"a": 0.1}, {"a": 0.1 + 1e-12}, True),
    ({"a": "0.1"}, {"a": 0.1}, True),
    ({"a": 1, "b": None}, {"a": 1}, True),
    ({"a": ["x", "5"]}, {"a": ["x", 5]}, True),
    ({"a": "5.0"}, {"a": 5}, False),
    ({"a": "05"}, {"a": 5}, False),
    ({"a": 5}, {"a": 5.1}, False),
    ({"a": "x"}, {"a": "X"}, False),
    ({"a": ""}, {}, False),
    ({"a": "x"}, {"a": "x", "_time": 1}, False),
    ({"a": ["x", "y"]}, {"a": ["y", "x"]}, False),
    ({"a": ["x"]}, {"a": "x"}, False),
]


@pytest.mark.parametrize(("want", "got", "same"), ROWS)
def test_rows_are_compared_as_they_print(want: Mapping[str, Any], got: Mapping[str, Any], same: bool) -> None:
    assert casefile.same_row(want, got) is same
    assert casefile.same_row(got, want) is same


def test_a_difference_is_a_readable_diff(tmp_path: Path) -> None:
    first, second, bare, refused = page(tmp_path).cases
    assert casefile.differences(first, Outcome(rows=[{"a": "1"}])) == []
    assert casefile.differences(first, Outcome(rows=[{"a": "1"}, {"a": 2.0}])) == [
        "rows differ:",
        '   {"a": "1"}',
        '  +{"a": 2}',
    ]
    assert casefile.differences(first, Outcome(rows=[{"a": "1"}], warnings=["cut at 5"])) == [
        "warnings differ:",
        "  +cut at 5",
    ]
    assert casefile.differences(first, Outcome(error="error: no")) == ["error differ:", "  +error: no"]
    assert casefile.differences(second, Outcome(rows=[{"b": ["x", "y"]}])) == []
    assert casefile.differences(second, Outcome(rows=[])) == ["rows, in any order differ:", '  -{"b": ["x", "y"]}']
    assert "--update-cases" in casefile.differences(bare, Outcome())[0]
    right = "error: 'x' is not a number\n  head x\n       ^"
    assert casefile.differences(refused, Outcome(error=right)) == []
    assert casefile.differences(refused, Outcome(error=right.replace("number", "count"))) != []
    assert "  +none, but 1 rows" in casefile.differences(refused, Outcome(rows=[{"a": "1"}]))


def test_fields_warnings_and_explain(tmp_path: Path) -> None:
    text = (
        '# t\n## x\n```spl\nhead 1\n```\n```rows\n```\n```fields\n["b", "a"]\n```\n'
        "```warnings\ncut\n```\n```explain\n 12  search\n  1  head 1\n```\n"
    )
    (case,) = page(tmp_path, text).cases
    stages = [(12, "search"), (1, "head 1")]
    assert casefile.differences(case, Outcome(fields=("b", "a"), warnings=["cut"], stages=stages)) == []
    assert casefile.differences(case, Outcome(fields=("a", "b"), warnings=[], stages=stages[:1])) == [
        "fields differ:",
        '  -["b", "a"]',
        '  +["a", "b"]',
        "warnings differ:",
        "  -cut",
        "explain differ:",
        "  - 12  search",
        "  -  1  head 1",
        "  +12  search",
    ]


def test_an_update_changes_the_expectation_and_nothing_else(tmp_path: Path) -> None:
    read = page(tmp_path)
    path = read.path
    first, second, bare, refused = read.cases
    casefile.update(first, Outcome(rows=[{"a": "1", "n": 2.0}, {"a": "é"}], warnings=["cut"]))
    want = PAGE.replace(
        '```rows\n{"a": "1"}\n```', '```rows\n{"a": "1", "n": 2}\n{"a": "é"}\n```\n\n```warnings\ncut\n```'
    )
    assert path.read_text(encoding="utf-8") == want
    casefile.update(second, Outcome(rows=[]))
    want = want.replace('```rows unordered\n{"b": ["x", "y"]}\n```', "```rows unordered\n```")
    assert path.read_text(encoding="utf-8") == want
    casefile.update(bare, Outcome(rows=[{"a": "```"}]))
    want = want.replace("```spl\nhead 5\n```\n", '```spl\nhead 5\n```\n\n````rows\n{"a": "```"}\n````\n')
    assert path.read_text(encoding="utf-8") == want
    casefile.update(refused, Outcome(rows=[{"a": "1"}]))
    tail = want.index("```error")
    assert path.read_text(encoding="utf-8") == want[:tail] + '```rows\n{"a": "1"}\n```\n'

    casefile.update(first, Outcome(error="error: no"))
    again = casefile.read(path).cases
    assert [block.kind for block in again[0].expectations()] == ["error"]
    outcomes = [Outcome(error="error: no"), Outcome(), Outcome(rows=[{"a": "```"}]), Outcome(rows=[{"a": "1"}])]
    assert [casefile.differences(*pair) for pair in zip(again, outcomes, strict=True)] == [[]] * 4
