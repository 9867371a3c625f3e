"""Where reference data beside the repository is, for tests that can use it."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
"""The repository."""

CASES = ROOT / "tests" / "cases"
_OF_CONTENT = ("testing", "validate")
"""Folders of pages about content instead of searches: runners of their own read them."""


def _find() -> Path | None:
    path = ROOT.parent / "shared"
    return path if path.is_dir() else None


SHARED: Path | None = _find()
"""The folder `shared` beside the repository, or None. Tests over it skip where it is absent."""


def shared(*parts: str) -> Path:
    """A path under `SHARED`. Skips the test, with the reason, where it does not exist."""
    if SHARED is None:
        pytest.skip("no folder 'shared' beside the repository")
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no {'/'.join(parts)} in the folder 'shared' beside the repository")
    return path


def search_pages() -> list[Path]:
    """The case files that are about searches."""
    pages = (path for path in CASES.rglob("*.md") if path.name != "README.md")
    return sorted(path for path in pages if path.relative_to(CASES).parts[0] not in _OF_CONTENT)
