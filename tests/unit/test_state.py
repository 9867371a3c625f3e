"""The state database: collections of documents, also under two writers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from trapline.errors import EngineError, TraplineError
from trapline.state import State

WRITER = """
import sys
from pathlib import Path
from trapline.state import State
state = State.file(Path(sys.argv[1]))
for at in range(40):
    state.put("c", [{"_key": f"{sys.argv[2]}-{at}", "n": at}, {"_key": "both", "n": at}])
"""


def test_documents_keep_their_order_and_are_replaced_by_key(tmp_path: Path) -> None:
    state = State.file(tmp_path / "state.db")
    state.put("c", [{"_key": "b", "n": 1}, {"_key": "a", "v": ["x", 2, True]}])
    state.put("c", [{"_key": "c"}, {"_key": "b", "n": 2}])
    assert state.documents("c") == [{"_key": "b", "n": 2}, {"_key": "a", "v": ["x", 2, True]}, {"_key": "c"}]
    state.put("c", [{"_key": "b", "n": 3}, {"_key": "d"}, {"_key": "d", "n": 4}], update=False)
    assert [one["_key"] for one in state.documents("c")] == ["b", "a", "c", "d"]
    assert state.documents("c")[0] == {"_key": "b", "n": 2}
    assert state.documents("c")[3] == {"_key": "d"}
    state.replace("c", [{"n": 1}, {"n": 2}])
    assert [one["n"] for one in state.documents("c")] == [1, 2]
    assert len({one["_key"] for one in state.documents("c")}) == 2


def test_every_write_makes_another_version(tmp_path: Path) -> None:
    state = State.file(tmp_path / "state.db")
    assert state.version("c") is None
    seen = []
    for write in (lambda: state.put("c", []), lambda: state.replace("c", [{}]), lambda: state.delete("c")):
        write()
        seen.append(state.version("c"))
    assert seen[0] is not None
    assert seen[1] is not None
    assert seen[0] != seen[1]
    assert seen[2] is None
    assert state.delete("c") is False
    assert state.collections() == []


def test_more_documents_than_one_query_takes(tmp_path: Path) -> None:
    state = State.file(tmp_path / "state.db")
    for turn in range(2):
        state.put("c", [{"_key": str(at), "n": turn} for at in range(2_500)])
    found = state.documents("c")
    assert [one["_key"] for one in found] == [str(at) for at in range(2_500)]
    assert {one["n"] for one in found} == {1}
    assert state.collections()[0].documents == 2_500


def test_two_processes_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in "ab"]
    assert [one.wait() for one in writers] == [0, 0]
    assert len(State.file(path).documents("c")) == 81


def test_what_is_no_database_says_so(tmp_path: Path) -> None:
    with pytest.raises(TraplineError, match="cannot be used"):
        State("nonsense")
    (tmp_path / "state.db").write_text("this is no database, however long it may be " * 50)
    with pytest.raises(EngineError, match="not a database"):
        State.file(tmp_path / "state.db")
