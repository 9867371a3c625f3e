"""What to hunt over, as it is named on the command line: `PATH[::SOURCETYPE[::SOURCE]]`."""

from __future__ import annotations

from pathlib import Path

from trapline.errors import TraplineError
from trapline.ingest.intake import Evidence

SEPARATOR = "::"


def parse(text: str) -> Evidence:
    """Reads `PATH[::SOURCETYPE[::SOURCE]]`.

    A path that exists is taken as it is, even with `::` in its name; of several ways to cut, the one with the longest
    existing path counts. `C:\\logs` is no separator. Either part may be empty. Raises TraplineError when PATH is empty.
    """
    parts = text.split(SEPARATOR)
    for cut in range(len(parts), 1, -1):
        path, rest = SEPARATOR.join(parts[:cut]), parts[cut:]
        if len(rest) <= 2 and _exists(path):
            return _evidence(text, path, rest)
    path, _, rest_text = text.partition(SEPARATOR)
    return _evidence(text, path, rest_text.split(SEPARATOR, 1) if rest_text else [])


def _evidence(text: str, path: str, rest: list[str]) -> Evidence:
    if not path.strip():
        raise TraplineError(
            f"no path in '{text}'", hint="write PATH, PATH::SOURCETYPE or PATH::SOURCETYPE::SOURCE", code="evidence"
        )
    sourcetype, source = [*rest, "", ""][:2]
    return Evidence(path, sourcetype.strip() or None, source.strip() or None)


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # too long, or a null byte: then it is no file either
        return False
