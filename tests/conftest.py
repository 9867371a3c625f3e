"""Options of the test run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# Time says nothing on a busy machine: no test fails for it.
settings.register_profile("trapline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("trapline")

# Tables fit the terminal: tests say what one of this width shows, wherever they run.
os.environ["COLUMNS"] = "120"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-cases",
        action="store_true",
        help="write the expectations of failing cases in tests/cases/**/*.md anew; review them with git diff",
    )


@pytest.fixture(autouse=True)
def own_environment() -> Iterator[None]:
    """The command sets this for the processes that it starts; those of other tests find the tests where they are."""
    before = os.environ.get("PYTHONSAFEPATH")
    yield
    if before is None:
        os.environ.pop("PYTHONSAFEPATH", None)
    else:
        os.environ["PYTHONSAFEPATH"] = before
