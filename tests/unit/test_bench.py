"""The measures in bench/ name functions of the package by text: they must be there."""

from __future__ import annotations

from bench.hunting import parts


def test_what_the_hunt_measures_exists() -> None:
    assert all(callable(getattr(owner, name)) for owner, name, _ in parts())
