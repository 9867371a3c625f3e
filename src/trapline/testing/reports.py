"""Reports of a run of tests, by the suffix of the file they go to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from trapline.detect.report import replacing
from trapline.errors import TraplineError
from trapline.testing import junit, page, summary
from trapline.testing.model import Tested

FORMS: Mapping[str, Callable[[Tested], str]] = {
    ".yml": summary.text,
    ".yaml": summary.text,
    ".xml": junit.text,
    ".html": page.html,
    ".htm": page.html,
    ".json": lambda tested: json.dumps(tested.to_json(), ensure_ascii=False, indent=2, default=str) + "\n",
}


def check(path: Path) -> None:
    """Raises TraplineError for a suffix that there is no report of: to be asked before the work."""
    if path.suffix.lower() not in FORMS:
        raise TraplineError(
            f"{path.name}: the suffix names no form of report",
            hint="use .yml (contentctl's summary), .xml (JUnit), .html or .json",
            code="output",
        )


def write(tested: Tested, path: Path) -> None:
    """Write a report; the file appears whole or not at all. Raises TraplineError."""
    check(path)
    text = FORMS[path.suffix.lower()](tested).encode("utf-8", "replace")
    with replacing(path) as out:
        out.write(text)
