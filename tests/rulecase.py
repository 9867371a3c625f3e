"""Case files of validation: content that is right, changed in one place, and what the rules say of it.

`tests/cases/validate/base` is content in which nothing is found. A page is named as the rule that it is about, and
shows what that rule finds. A case has blocks that change the content, and one with the findings, a line each:

    ```change detections/endpoint/base_one.yml      path in the file -> its new value; ~ takes it out
    ```file lookups/other.csv                       a file added, or put in the place of another
    ```gone macros/base_events.yml                  a file taken away
    ```findings                                     `level file:line field: reason`; no line, nothing is found
    ```strict                                       the same with --strict

`python -m tests.rulecase` writes the findings anew: a person answers for each line.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from tests.shared import CASES
from trapline.content.enrich import attack
from trapline.content.read import default_content
from trapline.knowledge import Knowledge
from trapline.validate import ignore
from trapline.validate.check import Asked, chosen, validate
from trapline.validate.subject import Tree

FOLDER = CASES / "validate"
BASE = FOLDER / "base"
TODAY = date(2026, 2, 1)
_BLOCK = re.compile(r"^(`{3,})(\w+)(?: ([^\n`]+))?\n(.*?)^\1$\n?", re.MULTILINE | re.DOTALL)
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
SHORT = {name: f"detections/endpoint/base_{name}.yml" for name in ("one", "two", "three")}


@dataclass(frozen=True, slots=True)
class Case:
    page: Path
    name: str
    text: str

    @property
    def rule(self) -> str:
        return self.page.stem

    def blocks(self) -> Iterator[tuple[str, str, str]]:
        """(kind, words, text)."""
        for found in _BLOCK.finditer(self.text):
            yield found[2], found[3] or "", found[4]

    def expected(self, kind: str) -> list[str] | None:
        return next((text.splitlines() for one, _, text in self.blocks() if one == kind), None)


def cases() -> list[Case]:
    found = []
    for page in sorted(FOLDER.glob("*.md")):
        _, *sections = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for section in sections:
            name, _, text = section.partition("\n")
            found.append(Case(page, name.strip(), text))
    return found


@cache
def knowledge() -> Knowledge:
    return Knowledge.built_in()


def findings(case: Case, *, strict: bool = False) -> list[str]:
    """What the rule says of the content of a case."""
    with tempfile.TemporaryDirectory() as made:
        root = Path(made) / "content"
        shutil.copytree(BASE, root)
        for kind, words, text in case.blocks():
            path = root / SHORT.get(words, words)
            match kind:
                case "change":
                    body = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
                    for key, value in yaml.load(text, yaml.BaseLoader).items():
                        _put(body, key, value)
                    path.write_text(yaml.safe_dump(body, sort_keys=False, width=10_000), encoding="utf-8")
                case "file":
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(text, encoding="utf-8")
                case "gone":
                    path.unlink()
        return told(root, (case.rule,), strict=strict)


def told(root: Path, rules: tuple[str, ...] = (), *, strict: bool = False) -> list[str]:
    """The findings over a folder of content, a line each."""
    tree = Tree(default_content([root]), knowledge(), (root,), attack(), TODAY)
    result = validate(tree, Asked(chosen(rules), strict=strict), ignore.read(root))
    lines = []
    for one in result.findings:
        file = Path(one.file).relative_to(root).as_posix()
        field = f" {one.field}:" if one.field else ""
        rule = f" [{one.rule}]" if one.rule not in rules else ""
        lines.append(f"{one.level.value} {file}:{one.line or '-'}{field} {one.reason}{rule}".replace(f"{root}/", ""))
    return lines


def _put(body: Any, path: str, value: Any) -> None:
    steps = [key if key else int(place) for key, place in _STEP.findall(path)]
    for step, following in pairwise(steps):
        if isinstance(step, str) and step not in body:
            body[step] = [] if isinstance(following, int) else {}
        body = body[step]
    last = steps[-1]
    if value == "~":
        del body[last]
    elif isinstance(last, int) and last == len(body):
        body.append(value)
    else:
        body[last] = value


def update() -> None:
    for page in {one.page for one in cases()}:
        text = page.read_text(encoding="utf-8")
        for case in [one for one in cases() if one.page == page]:
            new = case.text
            for kind in ("findings", "strict"):
                if case.expected(kind) is not None:
                    lines = "".join(f"{line}\n" for line in findings(case, strict=kind == "strict"))
                    block = re.compile(rf"^```{kind}\n.*?^```$", re.MULTILINE | re.DOTALL)
                    new = block.sub(f"```{kind}\n{lines}```".replace("\\", r"\\"), new)
            text = text.replace(case.text, new)
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    update()
