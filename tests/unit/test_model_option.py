"""--model: the ONNX files that apply runs from the command line."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from click.testing import CliRunner

from trapline.cli import cli

SPL = "| makeresults | eval x=1 | apply dga"


def run(*options: str) -> str:
    return str(CliRunner().invoke(cli, ["search", *options, SPL]).exception)


@pytest.mark.parametrize("option", ["dga", "dga=", "=file.onnx", "dga=nowhere.onnx"])
def test_a_name_and_a_file_that_exists(option: str) -> None:
    assert "--model takes a name and an ONNX file that exists" in run("--model", option)


def test_a_pickle_is_never_read(tmp_path: Path) -> None:
    (tmp_path / "dga.pkl").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    assert "is not an ONNX file" in run("--model", f"dga={tmp_path / 'dga.pkl'}")


@pytest.mark.skipif(importlib.util.find_spec("onnxruntime") is not None, reason="onnxruntime is installed")
def test_what_is_missing_to_run_one(tmp_path: Path) -> None:
    (tmp_path / "dga.onnx").write_bytes(b"")
    assert "needs the package onnxruntime" in run("--model", f"dga={tmp_path / 'dga.onnx'}")


def test_without_one() -> None:
    assert "there is no model 'dga'" in run()
