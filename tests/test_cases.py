"""Every case of tests/cases/**/*.md, on every engine. The format: tests/cases/README.md.

pytest tests/test_cases.py -k 'commands/where'     one page
pytest tests/test_cases.py --update-cases          write failing expectations anew, then review with git diff
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import casefile
from tests.caserun import ENGINES, run
from tests.shared import CASES, search_pages


@dataclass(frozen=True, slots=True)
class Broken:
    """A case file that cannot be read: shown as one failing test of its name."""

    path: Path
    why: str


def _found() -> Iterator[tuple[str, casefile.Case | Broken]]:
    for path in search_pages():
        page = path.relative_to(CASES).with_suffix("").as_posix()
        try:
            read = casefile.read(path)
        except casefile.CaseError as error:
            yield page, Broken(path, str(error))
            continue
        for case in read.cases:
            yield f"{page}: {case.name}", case


FOUND = list(_found())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", [case for _, case in FOUND], ids=[name for name, _ in FOUND])
def test_case(case: casefile.Case | Broken, engine: str, request: pytest.FixtureRequest) -> None:
    if isinstance(case, Broken):
        pytest.fail(case.why, pytrace=False)
    outcome = run(case, engine)
    wrong = casefile.differences(case, outcome)
    if not wrong:
        return
    if request.config.getoption("--update-cases") and engine == ENGINES[0]:
        casefile.update(case, outcome)
        pytest.skip(f"{case.place}: expectation written; review it with git diff")
    text = "\n".join([f"{case.place}: {case.name}", *(f"  | {line}" for line in case.spl.split("\n")), *wrong])
    pytest.fail(text, pytrace=False)
