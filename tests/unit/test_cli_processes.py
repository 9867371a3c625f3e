"""Processes that a command starts: they find no Python in the folder where the user is, which may hold evidence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from trapline.cli import main


def test_a_process_finds_no_python_where_the_user_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "multiprocessing.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONSAFEPATH", "")
    command = [sys.executable, "-c", "import multiprocessing.spawn"]  # how a spawned process starts
    assert subprocess.run(command).returncode == 9
    main(["--version"])
    assert subprocess.run(command).returncode == 0
