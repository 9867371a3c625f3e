"""The pages of the manual: a page per command and per function, and an index of each."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tests.manual import casepage, differences, docform, examples
from tests.manual.differences import Difference
from tests.manual.docform import Doc
from tests.manual.examples import Example
from tests.manual.markdown import code, fenced, prose, sentence, table
from tests.shared import CASES, ROOT
from trapline.spl import aggregates, commands, functions
from trapline.spl.aggregates import AggregateFunction
from trapline.spl.functions import Function
from trapline.spl.parser import DOCUMENTED, PIPED, command_names
from trapline.spl.refused import COMMON, reason_for

COMMANDS, FUNCTIONS = PurePosixPath("docs/commands"), PurePosixPath("docs/functions")
REFUSED = "not-supported.md"
NOTE = "<!-- Made by `make docs` from {sources}. Edit those, not this page. -->"
AGGREGATE_PAGES = (
    "functions/aggregate",
    "commands/stats",
    "commands/timechart",
    "commands/chart",
    "commands/eventstats",
)
"""Where the examples of aggregation functions are."""
BEGINS_REFUSED = "Refused:"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of an index."""

    name: str
    page: str
    does: str
    status: str


def pages() -> dict[PurePosixPath, str]:
    """Every page by its path in the repository."""
    made: dict[PurePosixPath, str] = {}
    entries: list[Entry] = []
    for name in sorted(command_names()):
        text, entry = command_page(name)
        made[COMMANDS / entry.page] = text
        entries.append(entry)
    made[COMMANDS / "README.md"] = command_index(entries)
    made[COMMANDS / REFUSED] = refused_page()
    topics: dict[str, list[Entry]] = {}
    for one in sorted(functions.registry().values(), key=lambda one: one.name):
        if one.same_as:
            topics.setdefault(source_of(functions.registry()[one.same_as]), []).append(other_name(one))
            continue
        text, entry = function_page(one)
        made[FUNCTIONS / entry.page] = text
        topics.setdefault(source_of(one), []).append(entry)
    statistics: list[Entry] = []
    for two in sorted(aggregates.FUNCTIONS.values(), key=lambda two: two.name):
        if two.same_as:
            statistics.append(other_name(two))
            continue
        text, entry = aggregate_page(two)
        made[FUNCTIONS / entry.page] = text
        statistics.append(entry)
    made[FUNCTIONS / "README.md"] = function_index(topics, statistics)
    return made


# --- commands ------------------------------------------------------------------------------------------------------


def doc_of(name: str) -> Doc:
    """What the docstring of a command says. Raises FormError."""
    return docform.read(importlib.import_module(f"{commands.__name__}.{name}").__doc__)


def aliases_of(name: str) -> Sequence[str]:
    found: Sequence[str] = getattr(importlib.import_module(f"{commands.__name__}.{name}"), "ALIASES", ())
    return found


def command_page(name: str) -> tuple[str, Entry]:
    """The page of a command, and its line in the index."""
    doc = doc_of(name)
    case_path = CASES / "commands" / f"{name}.md"
    head = casepage.head(case_path)
    lines = [NOTE.format(sources=f"src/trapline/spl/commands/{name}.py and tests/cases/commands/{name}.md"), ""]
    lines += [f"# {name}", "", prose(sentence(doc.summary)), ""]
    if aliases_of(name):
        lines += [f"Also written {' or '.join(map(code, aliases_of(name)))}.", ""]
    if doc.prose:
        lines += [prose(doc.prose), ""]
    lines += ["## Syntax", "", fenced("text", doc.syntax), ""]
    if doc.options:
        rows = [(code(one.written), default(one.default), prose(sentence(one.meaning))) for one in doc.options]
        lines += [table(("Option", "Default", "What it does"), rows), ""]
    links = [link for word, link in _LINKS.items() if word in doc.syntax and (name, word) != ("search", "<expression>")]
    if links:
        lines += [" ".join(links), ""]
    if head.rules:
        lines += ["## Rules", "", *_rules(head.rules)]
    shown = examples_of_command(name)
    lines += ["## Examples", "", examples.show(shown, _words(name, (one.name for one in doc.options))), ""]
    lines += [f"More, with odd input and errors: [{case_path.name}](../../{_from_root(case_path)}).", ""]
    rows_about = differences.of_command(name, functions.registry())
    said = [*doc.differences, *(" ".join(one.split()) for one in head.differences)]
    lines += _differences(said, rows_about)
    lines += _source(doc.source, f"src/trapline/spl/commands/{name}.py")
    status = _status(said, rows_about)
    return "\n".join(lines) + "\n", Entry(name, f"{name}.md", doc.summary, status)


_LINKS = {
    "<expression>": "An `<expression>` is one of eval: [functions](../functions/README.md).",
    "<aggregation>": (
        "An `<aggregation>` is a [function of stats](../functions/README.md#functions-of-stats-chart-and-timechart)."
    ),
}
"""What stands below a syntax with that placeholder."""


def examples_of_command(name: str) -> list[Example]:
    """What the page of a command shows."""
    known = [option.name for option in doc_of(name).options if option.name]
    return examples.for_command(casepage.cases(CASES / "commands" / f"{name}.md"), known)


def default(text: str) -> str:
    """A default: a value as code, words as words."""
    words = text in ("none", "required", "all", "extracts") or (" " in text and re.match(r"[a-z][a-z',]*[ ,]", text))
    return prose(text) if words else code(text)


def command_index(entries: Sequence[Entry]) -> str:
    lines = [NOTE.format(sources="src/trapline/spl/commands"), "", "# Commands", ""]
    lines += [
        f"The {len(entries)} commands of SPL that run. {_STATUS} What does not run is refused with an error "
        f"that says so: [not supported]({REFUSED}). Functions of `eval`, `where` and `stats` are "
        "[here](../functions/README.md).",
        "",
    ]
    others = [Entry(alias, f"{one.name}.md", one.name, "") for one in entries for alias in aliases_of(one.name)]
    rows = []
    for one in sorted([*entries, *others], key=lambda one: one.name):
        if one.status:
            rows.append((f"[{one.name}]({one.page})", prose(sentence(one.does)), one.status))
        else:
            rows.append((code(one.name), f"Another name of [{one.does}]({one.page}).", ""))
    return "\n".join([*lines, table(("Command", "What it does", "Status"), rows)]) + "\n"


def refused() -> dict[str, list[str]]:
    """The documented commands that do not run, by the reason."""
    known = command_names() | {alias for name in command_names() for alias in aliases_of(name)}
    found: dict[str, list[str]] = {}
    for name in sorted((DOCUMENTED | PIPED) - known):
        found.setdefault(reason_for(name), []).append(name)
    return found


def refused_page() -> str:
    lines = [NOTE.format(sources="src/trapline/spl/refused.py and the docstrings of the commands"), ""]
    lines += ["# Not supported", ""]
    lines += [
        "These commands are known and refused: a search with one of them ends with an error that gives the reason.",
        "",
    ]
    groups = sorted(refused().items(), key=lambda one: (one[0] == COMMON, one[0]))
    rows = [(sentence(reason) + ".", ", ".join(map(code, names))) for reason, names in groups]
    lines += [table(("Why", "Commands"), rows), "", "## Parts of commands that run", ""]
    lines += ["Their other parts run; these end with an error that names them.", ""]
    parts = [
        (f"[{name}]({name}.md)", prose(sentence(said.removeprefix(BEGINS_REFUSED).strip())))
        for name in sorted(command_names())
        for said in doc_of(name).differences
        if said.startswith(BEGINS_REFUSED)
    ]
    return "\n".join([*lines, table(("Command", "Refused"), parts)]) + "\n"


# --- functions -----------------------------------------------------------------------------------------------------


def source_of(one: Function) -> str:
    """The page of the Search Reference that an eval function is on."""
    if one.source:
        return one.source
    said = importlib.import_module(f"{functions.__name__}.{one.topic}").__doc__ or ""
    found = re.search(r'Search\s+Reference,\s+"([^"]+)"', said)
    if found is None:
        raise docform.FormError(f'functions/{one.topic}.py: the docstring names no page: (Search Reference, "...")')
    return found.group(1)


def family_of(name: str) -> Path:
    """The page of tests/cases/functions whose synopsis, or else whose head, names a function. Raises FormError."""
    call = re.compile(rf"(?<!\w){re.escape(name)}\(")
    paths = [path for path in sorted((CASES / "functions").glob("*.md")) if path.stem != "aggregate"]
    for said in (lambda path: casepage.head(path).synopsis, _head_text):
        for path in paths:
            if call.search(said(path)):
                return path
    raise docform.FormError(f"no page of tests/cases/functions names {name}(...) in its head")


def function_page(one: Function) -> tuple[str, Entry]:
    """The page of an eval function, and its line in the index."""
    path = family_of(one.name)
    lines = [NOTE.format(sources=f"src/trapline/spl/functions/{one.topic}.py and {_from_root(path)}"), ""]
    lines += [f"# {one.name}", "", prose(one.does), ""]
    others = [other.name for other in functions.registry().values() if other.same_as == one.name]
    if others:
        lines += [f"Also written {' or '.join(map(code, others))}.", ""]
    lines += ["## Syntax", "", fenced("text", one.syntax), ""]
    rules = _about(one, casepage.head(path).rules)
    if one.notes or rules:
        lines += ["## Rules", ""]
        lines += [prose(one.notes), ""] if one.notes else []
        lines += _rules(rules)
    lines += ["## Examples", "", examples.show(examples_of_function(one), _words(one.name)), ""]
    lines += [f"More, with odd input and errors: [{path.name}](../../{_from_root(path)}).", ""]
    rows_about = differences.of_function(one.name, command_names())
    lines += _differences([], rows_about)
    lines += _source(f'Search Reference, "{source_of(one)}".', f"src/trapline/spl/functions/{one.topic}.py")
    return "\n".join(lines) + "\n", Entry(one.name, f"{one.name}.md", one.does, _status([], rows_about))


def examples_of_function(one: Function) -> list[Example]:
    """What the page of an eval function shows: first from the page of its family, then from the others."""
    own = family_of(one.name)
    paths = [own, *(path for path in sorted((CASES / "functions").glob("*.md")) if path != own)]
    call = re.compile(r"\bin\s*\(" if one.name == "in" else rf"(?<!\w){one.name}\s*\(", re.IGNORECASE)
    return examples.for_function([case for path in paths for case in casepage.cases(path)], call)


def examples_of_aggregate(one: AggregateFunction) -> list[Example]:
    """What the page of an aggregation function shows."""
    digits = r"\d+(?:\.\d+)?" if one.percentile else ""
    call = re.compile(r"\bcount\b" if one.name == "count" else rf"(?<![\w.=]){one.name}{digits}\s*\(", re.IGNORECASE)
    paths = [path for stem in AGGREGATE_PAGES if (path := CASES / f"{stem}.md").exists()]
    return examples.for_function([case for path in paths for case in casepage.cases(path)], call)


def aggregate_page(one: AggregateFunction) -> tuple[str, Entry]:
    """The page of an aggregation function, and its line in the index."""
    page = f"stats-{one.name}.md"
    shown = examples_of_aggregate(one)
    lines = [NOTE.format(sources="src/trapline/spl/aggregates.py and the case files of stats and its family"), ""]
    lines += [f"# {one.name} (stats)", "", prose(one.does), ""]
    where = "`timechart`" if one.name in aggregates.PER_SECONDS else "`stats`, `chart`, `timechart` and their family"
    lines += [f"A function of {where}: it makes one value of many rows.", ""]
    others = [other.name for other in aggregates.FUNCTIONS.values() if other.same_as == one.name]
    if others:
        lines += [f"Also written {' or '.join(map(code, others))}.", ""]
    lines += ["## Syntax", "", fenced("text", one.syntax or f"{one.name}(<field>)"), ""]
    if one.notes:
        lines += ["## Rules", "", prose(one.notes), ""]
    lines += ["## Examples", "", examples.show(shown, _words(one.name)), ""]
    links = list(dict.fromkeys(example.case.file for example in shown))
    lines += ["More: " + ", ".join(f"[{path.name}](../../{_from_root(path)})" for path in links) + ".", ""]
    rows_about = differences.of_function(one.name, command_names())
    lines += _differences([], rows_about)
    lines += _source(f'Search Reference, "{one.source}".', "src/trapline/spl/aggregates.py")
    return "\n".join(lines) + "\n", Entry(one.name, page, one.does, _status([], rows_about))


def other_name(one: Function | AggregateFunction) -> Entry:
    page = f"stats-{one.same_as}.md" if isinstance(one, AggregateFunction) else f"{one.same_as}.md"
    return Entry(one.name, page, one.same_as, "")


def function_index(topics: Mapping[str, Sequence[Entry]], statistics: Sequence[Entry]) -> str:
    lines = [
        NOTE.format(sources="src/trapline/spl/functions and src/trapline/spl/aggregates.py"),
        "",
        "# Functions",
        "",
    ]
    lines += [
        f"Functions of `eval`, `where` and the like, by Splunk's topics, then those of `stats` and its family. "
        f"{_STATUS} Commands are [here](../commands/README.md).",
        "",
    ]
    for topic, entries in sorted(topics.items()):
        lines += [f"## {topic}", "", _function_table(entries), ""]
    lines += ["## Functions of stats, chart and timechart", "", _function_table(statistics)]
    return "\n".join(lines) + "\n"


def _function_table(entries: Sequence[Entry]) -> str:
    rows = []
    for one in sorted(entries, key=lambda one: one.name):
        does = prose(one.does) if one.status else f"Another name of [{one.does}]({one.page})."
        rows.append((f"[{one.name}]({one.page})" if one.status else code(one.name), does, one.status))
    return table(("Function", "What it gives", "Status"), rows)


# --- parts of pages ------------------------------------------------------------------------------------------------

_STATUS = (
    "Status: *as documented*, no difference from Splunk's documentation is known; *differs*, the page says where; "
    "*partly*, some of it is refused."
)


def _words(name: str, options: Iterable[str | None] = ()) -> frozenset[str]:
    """Names of the language that keep their lower case at the start of a heading: those of the page, and of functions
    that are no words of English."""
    known = {*functions.registry(), *aggregates.FUNCTIONS}
    return frozenset({name, *(one for one in options if one), *filter(_NO_WORD.match, known)})


_NO_WORD = re.compile(
    r"(mv|json|is|to|bit_|str|sha|md5|stdev|var|perc|per_|dc|url|searchmatch|cidrmatch|relative_|printf|spath|a?(sin|cos|tan))"
)


def _status(said: Sequence[str], rows: Sequence[Difference]) -> str:
    if any(BEGINS_REFUSED.lower() in one.lower() for one in said):
        return "partly"
    return "differs" if said or rows else "as documented"


def _rules(rules: Sequence[str]) -> Iterator[str]:
    for one in rules:
        yield prose(sentence(one))
        yield ""


def _about(one: Function, rules: Sequence[str]) -> list[str]:
    """Of the rules of a family, those that are about no function in particular, and, unless the entry of this one has
    notes of its own, those about it."""
    names = set(functions.registry())
    found: list[str] = []
    for paragraph in rules:
        items = re.split(r"(?m)^- ", paragraph) if paragraph.startswith("- ") else re.split(r"(?<=\.)\s+", paragraph)
        kept = [item.strip() for item in items if item.strip() and _is_about(one, item, names)]
        if kept:
            found.append("\n".join(f"- {item}" for item in kept) if paragraph.startswith("- ") else " ".join(kept))
    return found


def _is_about(one: Function, text: str, names: set[str]) -> bool:
    named = {word for span in re.findall(r"`([^`]+)`", text) for word in re.findall(r"\A[a-z_0-9]+", span)} & names
    return not named or (one.name in named and not one.notes)


def _differences(said: Sequence[str], rows: Sequence[Difference]) -> Iterator[str]:
    yield "## Differences from Splunk"
    yield ""
    if not said and not rows:
        yield "None known."
        yield ""
    if said:
        yield "\n".join(f"- {prose(sentence(one))}" for one in said)
        yield ""
    if rows:
        yield table(
            ("Where", "Splunk", "Trapline"), [(prose(one.where), prose(one.splunk), prose(one.here)) for one in rows]
        )
        yield ""


def _source(page: str, module: str) -> Iterator[str]:
    yield "## Source"
    yield ""
    yield f"Splunk: {page} All: [index](README.md). Code: [{module}](../../{module})."


def _from_root(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _head_text(path: Path) -> str:
    return path.read_text(encoding="utf-8").split("\n## ", 1)[0]
