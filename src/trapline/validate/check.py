"""Content through all rules: the registry of rules, one object, a whole tree over several processes."""

from __future__ import annotations

import difflib
import importlib
import multiprocessing
import pickle
import pkgutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from trapline.content.model import Generation, Item, Problem, Status
from trapline.content.model import Level as ReadLevel
from trapline.errors import TraplineError
from trapline.lint.check import all_rules as lint_rules
from trapline.validate import rules
from trapline.validate.finding import Finding, Level, Report
from trapline.validate.ignore import Ignore, covers
from trapline.validate.subject import Subject, Tree

READING = "content"
"""What reading the files says has rules of this name: `content.unknown-key`."""
LINT = "lint"
EXPIRED, UNUSED = "expired-ignore", "unused-ignore"
OWN = {
    EXPIRED: "An entry of the ignore list whose day has passed: what it ignored is told again.",
    UNUSED: "An entry of the ignore list that ignores nothing any more.",
}
"""What is said of ignore lists, which is no rule about content."""
CHUNK = 40
"""Objects that a process takes at once."""
FEW = 150
"""Fewer objects are not worth a second process."""
Progress = Callable[[str, int, int, str], None]


@dataclass(frozen=True, slots=True)
class Rule:
    """What is known of a rule without running it. `refused`: contentctl refuses what it finds, so that it is an error
    with `--strict`. `summary` and `text` are its docstring's."""

    name: str
    level: Level
    refused: bool
    summary: str
    text: str


@cache
def modules() -> Mapping[str, ModuleType]:
    """The modules of `rules` by the names of their rules."""
    return {
        one.name.replace("_", "-"): importlib.import_module(f"{rules.__name__}.{one.name}")
        for one in pkgutil.iter_modules(rules.__path__)
    }


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule by name."""
    found = []
    for name, module in modules().items():
        summary, _, text = (module.__doc__ or "").partition("\n")
        found.append(Rule(name, module.LEVEL, module.REFUSED, summary.strip(), text.strip()))
    return tuple(sorted(found, key=lambda one: one.name))


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """The names of rules, or beginnings of such names, as they are to be compared. Raises TraplineError for one that
    no rule has."""
    known = [*(one.name for one in all_rules()), READING, *OWN, *(f"{LINT}.{one.name}" for one in lint_rules())]
    found = []
    for name in names:
        word = name.strip().lower()
        if not any(one == word or one.startswith(f"{word}.") for one in known) and not word.startswith(f"{READING}."):
            near = difflib.get_close_matches(word, known, 1)
            hint = f"did you mean '{near[0]}'?" if near else "trapline content validate --list-rules shows them"
            raise TraplineError(f"there is no rule '{name}'", hint=hint, code="validate.rule")
        found.append(word)
    return tuple(found)


def named(rule: str, names: Sequence[str]) -> bool:
    """Is a rule among names, or below one of them (`lint` stands for `lint.join-max`)?"""
    return any(rule == name or rule.startswith(f"{name}.") for name in names)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be reported. `rules` empty: all. `strict`: what contentctl refuses is an error."""

    rules: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    strict: bool = False
    items: frozenset[tuple[str, str]] | None = None
    """Only these objects, as (kind, name); None = all."""
    files: tuple[str, ...] = ()
    """Where only some objects are asked for: files and folders whose problems are told although they gave none."""

    def wants(self, rule: str) -> bool:
        return (not self.rules or named(rule, self.rules)) and not named(rule, self.ignored)

    def runs(self, module: str) -> bool:
        """May a module find something that is wanted?"""
        if module in self.ignored:
            return False
        return not self.rules or any(one == module or one.startswith(f"{module}.") for one in self.rules)


@dataclass(frozen=True, slots=True)
class Result:
    """What was found, by file and line. `items`: objects that were checked, by kind. `ignored`: findings that an
    ignore list covers."""

    findings: tuple[Finding, ...]
    items: Mapping[str, int]
    checked: tuple[tuple[str, str, str], ...] = ()
    """The objects: kind, name, file."""
    ignored: int = 0

    def count(self, level: Level) -> int:
        return sum(one.level is level for one in self.findings)


def validate(
    tree: Tree,
    asked: Asked | None = None,
    ignores: Sequence[Ignore] = (),
    *,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Result:
    """Check the objects of the tree's roots. `jobs`: processes. Raises TraplineError only for what `asked` names."""
    asked = asked or Asked()
    targets = [one for one in tree.targets() if asked.items is None or key(one) in asked.items]
    found = list(_of_tree(tree, asked, targets))
    say = progress or (lambda stage, done, total, label: None)
    if jobs > 1 and len(targets) >= FEW:
        found += _parallel(tree, asked, targets, jobs, say)
    else:
        for place, item in enumerate(targets):
            say("checking", place, len(targets), item.name)
            found += _of_item(tree, asked, item)
    found = list(dict.fromkeys(found))
    holding = [one for one in ignores if one.holds(tree.today)]
    kept = [one for one in found if not any(covers(ignore, one) for ignore in holding)]
    hidden = len(found) - len(kept)
    kept += [one for one in _of_ignores(tree, asked, ignores, found) if asked.wants(one.rule)]
    kept.sort(key=lambda one: (one.file, one.line or 0, one.column or 0, one.rule, one.field))
    counts = Counter(kind(one) for one in targets)
    objects = tuple((kind(one), one.name, shown(one.file)) for one in targets)
    return Result(tuple(kept), dict(sorted(counts.items())), objects, hidden)


def errors(tree: Tree, item: Item, ignores: Sequence[Ignore] = ()) -> list[Finding]:
    """What is wrong with one object by itself, without what only contentctl refuses, by line."""
    found = [one for one in _of_item(tree, Asked(), item) if one.level is Level.ERROR]
    kept = [one for one in dict.fromkeys(found) if not any(covers(ignore, one) for ignore in ignores)]
    return sorted(kept, key=lambda one: (one.line or 0, one.column or 0, one.rule, one.field))


def key(item: Item) -> tuple[str, str]:
    """What an object is told from all others by."""
    return kind(item), item.key if hasattr(item, "key") else item.name


def kind(item: Item) -> str:
    """detection, data source, ..."""
    name = type(item).__name__
    return "".join(f" {one.lower()}" if one.isupper() else one for one in name).strip()


def shown(file: str) -> str:
    """A path as it is printed: relative to the working directory where it is below it."""
    path = Path(file)
    if path.is_absolute():
        try:
            return path.relative_to(Path.cwd()).as_posix()
        except ValueError:
            return path.as_posix()
    return path.as_posix()


# --- one object ----------------------------------------------------------------------------------------------------


def _of_item(tree: Tree, asked: Asked, item: Item) -> list[Finding]:
    subject = Subject(tree, item)
    found = []
    for name, module in modules().items():
        check: Callable[[Subject], Iterator[Report]] | None = getattr(module, "check", None)
        if check is None or not asked.runs(name):
            continue
        if item.generation is Generation.APP and not getattr(module, "APPS", True):
            continue  # the rule is about files of YAML
        for report in check(subject):
            finding = _finding(subject, name, module, report, strict=asked.strict)
            if asked.wants(finding.rule):
                found.append(finding)
    return found


def _finding(subject: Subject, name: str, module: ModuleType, report: Report, *, strict: bool) -> Finding:
    level = report.level or module.LEVEL
    refused = module.REFUSED if report.refused is None else report.refused
    item = subject.item
    if level is Level.ERROR and getattr(item, "status", None) is Status.DEPRECATED:
        level = Level.WARNING  # it is on its way out, and ships with a warning
    if strict and refused:
        level = Level.ERROR
    file = report.file or item.file
    line, column = report.line, None
    if line is None and not report.file:
        position = subject.source.position(report.span) if report.span is not None else None
        line, column = position or (subject.source.line(report.field), None)
    rule = report.rule or name
    where = (rule, level, shown(file), line, column, report.field)
    return Finding(*where, kind(item), item.name, report.reason, report.hint)


def _of_tree(tree: Tree, asked: Asked, targets: Sequence[Item]) -> Iterator[Finding]:
    """What reading said, and the rules over all objects together."""
    files = {one.file: one for one in targets if one.generation is not Generation.APP}  # its files hold many
    for problem in tree.content.problems:
        item = files.get(problem.file)
        if item is None and not _is_asked(tree, asked, problem):
            continue
        finding = _read(problem, item, strict=asked.strict)
        if asked.wants(finding.rule):
            yield finding
    for name, module in modules().items():
        check: Callable[[Tree], Iterator[tuple[Item | None, Report]]] | None = getattr(module, "check_tree", None)
        if check is None or not asked.runs(name):
            continue
        for one, report in check(tree):
            if one is not None and asked.items is not None and key(one) not in asked.items:
                continue
            if one is None:
                if asked.items is not None:
                    continue
                refused = module.REFUSED if report.refused is None else report.refused
                level = Level.ERROR if asked.strict and refused else report.level or module.LEVEL
                at = (report.line, None, report.field, "file", Path(report.file).name)
                finding = Finding(name, level, shown(report.file), *at, report.reason, report.hint)
            else:
                finding = _finding(Subject(tree, one), name, module, report, strict=asked.strict)
            if asked.wants(finding.rule):
                yield finding


def _is_asked(tree: Tree, asked: Asked, problem: Problem) -> bool:
    """Is a problem of a file that gave no object, or not this one, to be told?"""
    path = Path(problem.file).resolve()
    if asked.items is not None:
        return any(path == Path(one) or Path(one) in path.parents for one in asked.files)
    return any(path == root.resolve() or root.resolve() in path.parents for root in tree.roots)


TOLERATED = frozenset(("risk-score", "unused-macro", "kind"))
"""What reading says and contentctl takes."""


def _read(problem: Problem, item: Item | None, *, strict: bool) -> Finding:
    level = Level.ERROR if problem.level is ReadLevel.ERROR else Level.WARNING
    if strict and problem.code not in TOLERATED:
        level = Level.ERROR
    rule = f"{READING}.{problem.code}"
    name = item.name if item is not None else Path(problem.file).stem
    at = (problem.line, None, problem.field or "", kind(item) if item is not None else "file", name)
    return Finding(rule, level, shown(problem.file), *at, problem.reason, problem.hint)


def _of_ignores(tree: Tree, asked: Asked, ignores: Sequence[Ignore], found: Sequence[Finding]) -> Iterator[Finding]:
    """Entries whose day has passed, and those that ignore nothing, where everything was looked at."""
    whole = asked.items is None and not asked.rules and not asked.ignored
    for one in ignores:
        if not one.holds(tree.today):
            rule, hint = EXPIRED, "look at it again: delete the entry, or give it another day"
            reason = f"this entry of {one.owner} ended on {one.until}, and what it ignored ({one.rule}) is told again"
        elif whole and not any(covers(one, finding) for finding in found):
            rule, hint = UNUSED, "delete the entry"
            reason = f"nothing is left that this entry of {one.owner} ignores ({one.rule})"
        else:
            continue
        place = Path(one.file).name
        yield Finding(rule, Level.WARNING, shown(one.file), one.line, None, "ignore", "file", place, reason, hint)


# --- processes -----------------------------------------------------------------------------------------------------

_WORK: dict[str, Any] = {}
"""In a process of the pool: what it works on."""


def _start(data: bytes) -> None:
    from trapline.knowledge import Knowledge

    content, addons, roots, table, today, asked = pickle.loads(data)  # noqa: S301  our own parent made it
    knowledge = Knowledge.load([Path(one) for one in addons]) if addons else Knowledge.built_in()
    tree = Tree(content, knowledge, roots, table, today)
    _WORK["tree"], _WORK["asked"], _WORK["targets"] = tree, asked, {key(one): one for one in tree.targets()}


def _chunk(keys: Sequence[tuple[str, str]]) -> list[Finding]:
    tree, asked, targets = _WORK["tree"], _WORK["asked"], _WORK["targets"]
    return [finding for one in keys for finding in _of_item(tree, asked, targets[one])]


def _parallel(tree: Tree, asked: Asked, targets: Sequence[Item], jobs: int, progress: Progress) -> list[Finding]:
    # Processes are spawned, not forked: the engine has threads of its own, which a fork would not take along.
    addons = () if tree.knowledge is tree.knowledge.built_in() else tree.knowledge.addons
    data = pickle.dumps((tree.content, addons, tree.roots, tree.attack, tree.today, asked))
    order = [key(one) for one in targets]
    chunks = [order[at : at + CHUNK] for at in range(0, len(order), CHUNK)]
    chunks.sort(key=lambda chunk: chunk[0][0] != "detection")  # the long work first
    found: list[Finding] = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(chunks)), context, _start, (data,)) as pool:
        running = {pool.submit(_chunk, chunk): len(chunk) for chunk in chunks}
        done = 0
        for future in as_completed(running):
            found += future.result()
            done += running[future]
            progress("checking", done, len(order), "")
    return found
