"""What tests share is made once per process; where it cannot be made, the user is told so, once."""

from __future__ import annotations

import pytest

from trapline.content.catalog import Content
from trapline.content.read import LIBRARY, load
from trapline.errors import TraplineError
from trapline.testing import pool
from trapline.testing.plan import Work


def unmade(content: Content) -> pool.Testing:
    raise ValueError("no such add-on")


def test_what_cannot_be_set_up_is_told_once() -> None:
    content = load(LIBRARY)
    works = [Work(next(iter(content.detections)))] * (pool.FEW + 1)
    with pytest.raises(TraplineError, match="cannot be set up: ValueError: no such add-on"):
        list(pool.run(works, content, unmade, 2))
