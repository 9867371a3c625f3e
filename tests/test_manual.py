"""The manual is complete, says what the code does, and on disk is what the generator makes (`make docs`)."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import PurePosixPath
from typing import TypeVar

import pytest

from tests import casefile
from tests.caserun import ENGINES, run
from tests.manual import casepage, docform, pages
from tests.manual.docform import FormError
from tests.manual.examples import Example
from tests.shared import CASES, ROOT
from trapline.errors import SplError
from trapline.spl import aggregates, commands, functions
from trapline.spl.aggregates import AggregateFunction
from trapline.spl.command import Pipeline
from trapline.spl.cursor import Cursor
from trapline.spl.functions import Function
from trapline.spl.parser import command_names, parse

COMMANDS = sorted(command_names())
EVAL = sorted((one for one in functions.registry().values() if not one.same_as), key=lambda one: one.name)
STATS = sorted((one for one in aggregates.FUNCTIONS.values() if not one.same_as), key=lambda one: one.name)
C = TypeVar("C", bound=Cursor)

SPELLINGS = {"dedup_splitval": "dedup_splitvals"}
"""Options that are written in two ways: one is documented."""


def test_pages_on_disk_are_what_the_generator_makes() -> None:
    made = {ROOT / path: text for path, text in _pages().items()}
    there = {file for folder in (pages.COMMANDS, pages.FUNCTIONS) for file in (ROOT / folder).rglob("*.md")}
    stale = [file for file, text in made.items() if file not in there or file.read_text(encoding="utf-8") != text]
    wrong = sorted(file.relative_to(ROOT).as_posix() for file in {*stale, *(there - made.keys())})
    assert not wrong, f"the manual is not up to date, run `make docs`: {', '.join(wrong)}"


def test_pages_are_the_same_each_time() -> None:
    assert pages.pages() == _pages()


@cache
def _pages() -> Mapping[PurePosixPath, str]:
    return pages.pages()


@pytest.mark.parametrize("name", COMMANDS)
def test_docstring_of_a_command_is_in_the_form(name: str) -> None:
    try:
        doc = pages.doc_of(name)
    except FormError as error:
        pytest.fail(
            f"src/trapline/spl/commands/{name}.py: {error}; the form is in tests/manual/docform.py", pytrace=False
        )
    assert doc.name == name
    assert re.search(rf"(?m)^(\| )?{name}\b", doc.syntax), "the syntax starts with the command"
    options = [option.name for option in doc.options if option.name]
    assert len(options) == len(set(options)), "an option is there twice"
    refused = {one.name for one in doc.options if "refused" in one.meaning}
    said = [one for one in doc.differences if one.startswith(pages.BEGINS_REFUSED)]
    assert not refused or said, "Differences: an item 'Refused: ...' is missing"
    assert set(options) - refused <= set(doc.named_in_syntax()) <= set(options), "syntax and options name the same ones"


@pytest.mark.parametrize("name", COMMANDS)
def test_options_are_those_of_the_code(name: str) -> None:
    documented = {option.name for option in pages.doc_of(name).options if option.name}
    for option in documented:
        places = (f"{option}=1", f"count by _time {option}=1h", f"count from {option}=a")
        known = any(not _reason(name, text).startswith("unknown option") for text in places)
        assert known, f"the docstring has an option {option}= that {name} does not know"
    asked = {SPELLINGS.get(option, option) for option in _asked(name)}
    assert asked <= documented, f"write into Options: {', '.join(sorted(asked - documented))}"


class _Asking(Cursor):
    """A cursor that notes the options a command asks for."""

    asked: set[str]

    def at_option(self, known: Sequence[str] | None = None) -> bool:
        self.asked.update(known or ())
        return super().at_option(known)


def _reason(name: str, text: str) -> str:
    """What the command says to a text, "" if nothing."""
    cursor = _cursor(Cursor, text, 0, len(text))
    try:
        importlib.import_module(f"{commands.__name__}.{name}").parse(cursor)
    except SplError as error:
        return error.reason
    return ""


def _asked(name: str) -> set[str]:
    """The options that a command asks for while it reads the searches of its page."""
    module = importlib.import_module(f"{commands.__name__}.{name}")
    asked: set[str] = set()
    for case in casepage.cases(CASES / "commands" / f"{name}.md"):
        try:
            pipeline = parse(case.spl)
        except SplError:
            continue
        for stage in pipeline.stages:
            word = re.compile(r"[\s|]*\w+").match(pipeline.text, stage.span.start)
            if stage.name == name and stage.piped and word is not None:
                cursor = _cursor(_Asking, pipeline.text, word.end(), stage.span.end)
                cursor.asked = asked
                try:
                    module.parse(cursor)
                except SplError:
                    continue
    return asked


def _cursor(kind: type[C], text: str, start: int, end: int) -> C:
    def subsearch(start: int, end: int) -> Pipeline:
        return parse(text[start:end].strip().removeprefix("|"))

    return kind(text, start, end, subsearch)


@pytest.mark.parametrize("name", COMMANDS)
def test_case_page_and_docstring_name_the_same_options(name: str) -> None:
    documented = {option.name for option in pages.doc_of(name).options if option.name}
    head = casepage.head(CASES / "commands" / f"{name}.md")
    assert head.synopsis, f"tests/cases/commands/{name}.md: a `text` block with the synopsis is missing"
    written = docform.Doc(name, "", "", head.synopsis, (), (), "").named_in_syntax()
    assert set(written) <= documented, f"in the synopsis of the page but not in the docstring of {name}"


@pytest.mark.parametrize("one", EVAL, ids=[one.name for one in EVAL])
def test_eval_function_is_described(one: Function) -> None:
    _described(one)
    assert one.syntax.startswith(f"{one.name}(")
    least, most = _arguments(one.syntax)
    assert (least, most) == (one.least, one.most), f"the syntax of {one.name} has another number of arguments"
    assert pages.source_of(one)
    assert pages.family_of(one.name)


@pytest.mark.parametrize("one", STATS, ids=[one.name for one in STATS])
def test_aggregation_function_is_described(one: AggregateFunction) -> None:
    _described(one)
    assert one.syntax == "" or one.syntax.startswith(one.name)
    page = (CASES / "functions" / "aggregate.md").read_text(encoding="utf-8")
    assert f"{one.name}(" in page or f"{one.name}<n>(" in page, "name it in tests/cases/functions/aggregate.md"


def _described(one: Function | AggregateFunction) -> None:
    assert one.does, f"say what {one.name} gives: does= at its entry"
    for text in (one.does, one.notes):
        assert text == "" or (text.endswith(".") and (text[0].isupper() or text[0] == "`" or text[0].islower()))


@pytest.mark.parametrize("table", [functions.registry(), aggregates.FUNCTIONS])
def test_other_names_lead_to_a_function(table: dict[str, Function | AggregateFunction]) -> None:
    others = {one.name: one.same_as for one in table.values() if one.same_as}
    assert others
    for name, real in others.items():
        assert table[real].same_as == "", f"{name} is another name of {real}, which is one itself"


def _arguments(syntax: str) -> tuple[int, int | None]:
    """How many arguments a call takes, of its syntax: `f(<a>, <b> [, <c>])` is 2 to 3, with `...` any number."""
    inner = syntax[syntax.index("(") + 1 : -1]
    bare = re.sub(r"\([^()]*\)", "", inner)  # calls among the arguments
    required = [part for part in re.sub(r"\[[^\[\]]*\](\.\.\.)?", "", bare).split(",") if part.strip(" .")]
    optional = re.findall(r"\[", bare)
    return len(required), None if "..." in bare else len(required) + len(optional)


@pytest.mark.parametrize("name", COMMANDS)
def test_page_of_a_command_shows_rows(name: str) -> None:
    shown = pages.examples_of_command(name)
    assert any(one.rows for one in shown), f"tests/cases/commands/{name}.md has no short case with rows"
    for example in shown:
        _runs_as_shown(example)


@pytest.mark.parametrize("one", EVAL, ids=[one.name for one in EVAL])
def test_page_of_an_eval_function_shows_rows(one: Function) -> None:
    shown = pages.examples_of_function(one)
    assert any(example.rows for example in shown), (
        f"show {one.name}() in a short case with rows, in tests/cases/functions"
    )
    for example in shown:
        _runs_as_shown(example)


@pytest.mark.parametrize("one", STATS, ids=[one.name for one in STATS])
def test_page_of_an_aggregation_function_shows_rows(one: AggregateFunction) -> None:
    shown = pages.examples_of_aggregate(one)
    assert any(example.rows for example in shown), f"show {one.name} in tests/cases/functions/aggregate.md"
    for example in shown:
        _runs_as_shown(example)


def _runs_as_shown(example: Example) -> None:
    """A page shows a case cut to what it is there for; what is left gives what is left of its rows."""
    if example.shown == example.case.spl:
        return
    got = run(replace(example.case, spl=example.shown, events=example.events), ENGINES[0])
    assert got.error is None, got.error
    left = list(got.rows)
    for want in example.rows:
        same = next((row for row in left if casefile.same_row(want, row)), None)
        assert same is not None, f"{example.shown}: no row {want}, but {left}"
        left.remove(same)
    assert not left, f"{example.shown}: also {left}"


@pytest.mark.parametrize(
    ("docstring", "reason"),
    [
        (None, "no docstring"),
        ("a thing\n", "the first line"),
        ('a: b.\n\nSource: Book, "page".\n', "no 'Syntax:'"),
        ("a: b.\n\nSyntax:\n    a\n", "no 'Source:'"),
        ("a: b.\n\nSyntax:\n    a\n\nSource: somewhere\n", "a book and a page"),
        (
            'a: b.\n\nSyntax:\n    a x=<n>\n\nOptions:\n    x=<n>: no default.\n\nSource: Book, "page".\n',
            "an option is",
        ),
        ('a: b.\n\nSyntax:\n    a\n\nDifferences:\n    no dash.\n\nSource: Book, "page".\n', "a difference is"),
    ],
)
def test_what_is_not_in_the_form_is_said(docstring: str | None, reason: str) -> None:
    with pytest.raises(FormError, match=re.escape(reason)):
        docform.read(docstring)


def test_a_docstring_in_the_form() -> None:
    doc = docform.read(
        """a: does a thing.

        Of a kind.

        Syntax:
            a <field> [x=<n>]
                [y=(b|c)]

        Options:
            x=<n> (f(<n>)): how many,
                at most.
            y=(b|c) (b): which.

        Differences:
            - Refused: y=c.

        Source: Search Reference, "a", "b"; Manual, "c".
        """
    )
    assert doc.syntax == "a <field> [x=<n>]\n    [y=(b|c)]"
    assert [(one.name, one.default, one.meaning) for one in doc.options] == [
        ("x", "f(<n>)", "how many, at most."),
        ("y", "b", "which."),
    ]
    assert doc.named_in_syntax() == ["x", "y"]
    assert doc.differences == ("Refused: y=c.",)
    assert doc.prose == "Of a kind."


def test_pages_look_right() -> None:
    """What would vanish or break on a page: tags, mathematics, tables whose rows have different numbers of cells."""
    for path, text in _pages().items():
        bare = re.sub(r"(?ms)^(`{3,}).*?^\1$", "", text)
        columns = 0
        for line in bare.split("\n"):
            cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
            assert not columns or not cells or cells == columns, f"{path}: {line}"
            columns = cells
            outside = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", line)
            assert not re.search(r"<(?!br>|!-- Made)", outside), f"{path}: {line}"
            assert not re.search(r"\$\S[^$]*\$", outside), f"{path}: {line}"
            assert outside.count("`") == 0, f"{path}: {line}"
