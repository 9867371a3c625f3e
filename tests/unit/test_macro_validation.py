"""The validation of a macro's arguments comes with it from macros.conf, of content and of an add-on alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from trapline import app
from trapline.content.conf import macros
from trapline.content.model import Problem
from trapline.errors import SplError
from trapline.knowledge.conf import Conf
from trapline.search import Session

CONF = """
[least(1)]
args = level
definition = status>=$level$
validation = isnum($level$)
errormsg = level must be a number
"""


def _content(tmp_path: Path) -> Session:
    file = tmp_path / "macros.conf"
    file.write_text(CONF, encoding="utf-8")
    return Session(macros=app.content(macros=[file]).macros())


def _addon(tmp_path: Path) -> Session:
    folder = tmp_path / "addon" / "default"
    folder.mkdir(parents=True)
    (folder / "macros.conf").write_text(CONF, encoding="utf-8")
    return Session(knowledge=app.knowledge([tmp_path / "addon"]))


@pytest.mark.parametrize("session", [_content, _addon])
def test_a_macro_of_a_file_is_validated(session: object, tmp_path: Path) -> None:
    assert callable(session)
    opened: Session = session(tmp_path)
    assert opened.run("| makeresults | eval status=404 | search `least(400)`").rows
    with pytest.raises(SplError, match="level must be a number"):
        opened.run("| makeresults | search `least(high)`")


def test_a_file_without_validation_takes_anything(tmp_path: Path) -> None:
    problems: list[Problem] = []
    file = Conf()
    file.add("[a]\ndefinition = x", "macros.conf")
    (plain,) = macros(file, problems)
    assert (plain.validation, plain.errormsg, problems) == ("", "", [])
