"""Options of the test run."""

from __future__ import annotations

import os

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
