"""`trapline notables`: the queue, changes with their history, suppressions."""

from __future__ import annotations

import json
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from trapline import app
from trapline.cli import main
from trapline.errors import EngineError, TraplineError
from trapline.state.journal import Journal, NewNotable, Tick
from trapline.state.notables import Conflict, Edit, Notables, Suppression
from trapline.values import Row

GUID = "0" * 32
HOSTS = ("ws1.corp.example", "ws2.corp.example", "dc1.corp.example", "esc\x1b[31m\u202e.example")
TIMES = (1_772_362_800.0, 1_772_449_200.0, 1_772_535_600.0, 1_772_622_000.0)


def event_id(number: int) -> str:
    return f"{GUID}@@notable@@{f'{number}abc'.ljust(32, 'f')}"


def new(number: int, host: str, moment: float) -> NewNotable:
    fields: Row = {"dest": host, "user": ["alice", "bob"], "port": "80.0"}
    fields |= {
        "rule_name": "Simulated Logon" if number < 4 else "Other",
        "orig_sid": "x",
        "orig_rid": "0",
        "event_id": event_id(number),
    }
    return NewNotable(
        event_id(number),
        moment,
        "ESCU - Simulated Logon - Rule" if number < 4 else "Correlation - Other - Rule",
        f"Logon to {host}",
        "high",
        "high" if number == 3 else "medium",
        host,
        "system",
        1,
        "unassigned",
        6,
        fields,
    )


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRAPLINE_STORE", str(tmp_path))
    monkeypatch.setenv("TRAPLINE_USER", "ann")
    made = [new(number, host, at) for number, (host, at) in enumerate(zip(HOSTS, TIMES, strict=True), 1)]
    Journal(app.database(tmp_path)).commit(Tick(notables=made))
    return tmp_path


@pytest.fixture
def notables(store: Path) -> Notables:
    return app.notables(store)


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = 0
    try:
        main(["notables", *words])
    except SystemExit as end:
        code = int(end.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def data(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    code, out, err = call(capsys, *words, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def ids(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The first characters of the ids in the queue, the newest first."""
    return "".join(one["id"][0] for one in data(capsys, "list", *words)["notables"])


def test_the_queue(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "list")
    assert code == 0
    assert out.splitlines()[-1] == "4 notables"
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "esc\\x1b[31m\\u202e.example" in out
    assert ids(capsys) == "4321"
    assert ids(capsys, "--limit", "2") == "43"
    assert ids(capsys, "--urgency", "HIGH") == "3"
    assert ids(capsys, "--entity", "WS*.corp.example") == "21"
    assert ids(capsys, "--search", "simulated*") == "321"
    assert ids(capsys, "--search", "*other*") == "4"
    assert ids(capsys, "--earliest", "1772449200", "--latest", "1772535600") == "2"
    assert ids(capsys, "--status", "new") == "4321"
    assert ids(capsys, "--status", "closed") == ""
    assert ids(capsys, "--owner", "Unassigned") == "4321"


def test_ids(notables: Notables, capsys: pytest.CaptureFixture[str]) -> None:
    assert notables.get("3").event_id == event_id(3)
    assert notables.get("3abc").event_id == event_id(3)
    assert notables.get(event_id(2)).event_id == event_id(2)
    for text, reason in ((GUID[:8], "begins the ids of several"), ("", "no notable"), ("abc", "no"), ("%", "no")):
        with pytest.raises(TraplineError, match=reason):
            notables.get(text)
    code, _, err = call(capsys, "show", "9")
    assert code == 2
    assert "there is no notable '9'" in err
    assert "trapline notables list" in err


def test_changes_and_their_history(notables: Notables, capsys: pytest.CaptureFixture[str]) -> None:
    assert data(capsys, "assign", "1", "2")["notables"][0]["owner"] == "ann"
    data(capsys, "comment", "1", "asked the owner")
    closed = data(capsys, "close", "1", "--disposition", "true positive", "--comment", "reimaged")
    assert (closed["notables"][0]["status"], closed["notables"][0]["disposition"]) == (5, 1)
    assert ids(capsys) == "432"
    assert ids(capsys, "--all") == "4321"
    assert ids(capsys, "--owner", "ann") == "2"
    history = [(one.who, dict(one.changes), one.comment) for one in notables.history(event_id(1))]
    assert history == [
        ("ann", {"owner": ("unassigned", "ann")}, ""),
        ("ann", {}, "asked the owner"),
        ("ann", {"status": (1, 5), "disposition": (6, 1)}, "reimaged"),
    ]
    assert notables.get("1").version == 3
    data(capsys, "reopen", "1")
    data(capsys, "edit", "1", "--urgency", "critical", "--status", "pending")
    one = notables.get("1")
    assert (one.status, one.urgency, one.disposition, one.version) == (3, "critical", 6, 5)
    data(capsys, "edit", "1", "--status", "pending")  # it is so already
    assert notables.get("1").version == 5


def test_what_is_refused(notables: Notables, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "assign", "1", "--as", "bob")
    code, out, err = call(capsys, "close", "1", "2")
    assert code == 1
    assert out.startswith("2abcffff")
    assert "bob has it" in err
    assert "--force" in err
    assert (notables.get("1").status, notables.get("2").status) == (1, 5)
    assert call(capsys, "close", "2")[0] == 1
    assert call(capsys, "reopen", "3")[0] == 1
    assert call(capsys, "close", "1", "--force")[0] == 0
    # an id that is none stops it before anything is changed
    assert call(capsys, "assign", "3", "9")[0] == 2
    assert notables.get("3").owner == "unassigned"
    for words in (("edit", "3"), ("edit", "3", "--status", "7"), ("edit", "3", "--urgency", "unknown")):
        assert call(capsys, *words)[0] == 2
    assert call(capsys, "comment", "3", " ")[0] == 2


def test_two_analysts(notables: Notables, capsys: pytest.CaptureFixture[str]) -> None:
    seen = notables.get("1").version
    notables.change("1", Edit(urgency="low"), who="bob", now=time.time(), expected=seen)
    code, _, err = call(capsys, "edit", "1", "--urgency", "high", "--expect", str(seen))
    assert code == 1
    assert "it is at version 1, not 0: bob changed it last" in err
    assert notables.get("1").urgency == "low"
    won: list[str] = []

    def take(name: str) -> None:
        own = Notables(notables.database)
        try:
            own.change("2", Edit(owner=name), who=name, now=time.time(), owners=["unassigned", name])
            won.append(name)
        except Conflict:
            pass

    threads = [threading.Thread(target=take, args=(f"analyst{at}",)) for at in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [notables.get("2").owner] == won
    assert len(notables.history(event_id(2))) == 1


def test_a_change_holds_with_its_record_or_not_at_all(notables: Notables) -> None:
    with pytest.raises(EngineError):  # the record cannot be written, after the change was
        notables.change("1", Edit(owner="x"), who="ann", now=1.0, comment=object())  # type: ignore[arg-type]
    assert (notables.get("1").owner, notables.get("1").version) == ("unassigned", 0)


def test_suppression(store: Path, notables: Notables, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("suppress", "--search", "*logon*", "--field", "dest=WS*", "--reason", "lab", "--name", "lab")
    made = data(capsys, *words, "--expires", "+30d")
    assert (made["hides"], made["owner"], made["active"]) == (2, "ann", True)
    assert ids(capsys) == "43"
    _, out, _ = call(capsys, "list")
    assert out.splitlines()[-1] == "2 notables; 2 hidden (--suppressed)"
    hidden = data(capsys, "list", "--suppressed")["notables"]
    assert [(one["id"][0], one["suppressed_by"]) for one in hidden] == [("2", ["lab"]), ("1", ["lab"])]
    # those to come
    Journal(app.database(store)).commit(Tick(notables=[new(0, "ws9.corp.example", TIMES[3] + 1)]))
    assert ids(capsys) == "43"
    code, _, err = call(capsys, *words)
    assert code == 2
    assert "there is a suppression 'lab' already" in err
    data(capsys, "unsuppress", "lab")
    assert ids(capsys) == "04321"
    rules = data(capsys, "list", "--suppressions")["suppressions"]
    assert [(one["name"], one["active"], one["ended_by"]) for one in rules] == [("lab", False, "ann")]
    assert data(capsys, "unsuppress", "lab") == {"ended": [], "refused": []}


def test_unsuppress_ends_what_it_knows_and_tells_the_rest(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        data(capsys, "suppress", "--search", "*logon*", "--name", name, "--reason", "r")
    assert ids(capsys) == "4"
    code, out, err = call(capsys, "unsuppress", "a", "no\x1bsuch", "b", "--as", "bob")
    assert (code, out) == (2, "a has ended\nb has ended\n")
    assert err == ("there is no suppression 'no\\x1bsuch'\n  hint: trapline notables list --suppressions shows them\n")
    assert ids(capsys) == "4321"
    _, out, _ = call(capsys, "list", "--suppressions", "--json")
    assert [one["ended_by"] for one in json.loads(out)["suppressions"]] == ["bob", "bob"]
    code, out, _ = call(capsys, "unsuppress", "nosuch", "a", "--json")
    assert (code, json.loads(out)["ended"], json.loads(out)["refused"][0]["name"]) == (2, [], "nosuch")


def test_a_refusal_shows_its_hint_on_a_line_of_its_own(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "assign", "4")
    code, _, err = call(capsys, "assign", "4", "--as", "bob")
    assert code == 1
    first, second = err.splitlines()
    assert first.endswith("  not changed: ann has it")
    assert second == "  hint: talk to them, or take it over with --force"


def test_what_a_suppression_matches(notables: Notables, capsys: pytest.CaptureFixture[str]) -> None:
    def hides(**given: Any) -> str:
        asked: dict[str, Any] = {"search": "", "fields": {}, "earliest": None, "latest": None, "expires": None} | given
        one = notables.suppress(Suppression("", owner="ann", reason="r", created=1.0, **asked))
        found = ids(capsys, "--suppressed")
        notables.unsuppress(one.name, "ann", 2.0)
        return found

    assert hides(search="ESCU - Simulated Logon - Rule") == "321"
    assert hides(fields={"user": "BOB"}) == "4321"  # any value
    assert hides(fields={"user": "bo"}) == ""
    assert hides(fields={"port": "80"}) == "4321"  # a number
    assert hides(fields={"dest": "*.corp.*", "user": "a*"}) == "321"
    assert hides(fields={"dest": "ws?.corp.example"}) == ""
    assert hides(fields={"absent": "*"}) == ""
    assert hides(fields={"user": "bob"}, earliest=TIMES[1], latest=TIMES[2]) == "2"
    assert hides(fields={"user": "bob"}, expires=time.time() + 60) == "4321"
    assert hides(fields={"user": "bob"}, expires=time.time() - 60) == ""


def test_suppress_like_a_notable(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = data(capsys, "suppress", "--like", "3", "--field", "dest", "--reason", "retired")
    assert made["name"] == "suppression-1"
    assert made["fields"] == {"dest": "dc1.corp.example"}
    assert made["search"] == "ESCU - Simulated Logon - Rule"
    assert ids(capsys) == "421"
    for words in (
        ("--reason", "all of them"),
        ("--search", "**", "--reason", "all of them"),
        ("--like", "3", "--field", "nothing", "--reason", "r"),
        ("--like", "3", "--field", "user", "--reason", "r"),  # several values, of which a rule would take one
        ("--field", "dest", "--reason", "r"),
        ("--search", "x", "--expires", "-1d", "--reason", "r"),
        ("--search", "x"),
    ):
        assert call(capsys, "suppress", *words)[0] == 2, words


def test_suppress_like_a_notable_hides_no_more_than_it_says(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "suppress", "--like", "3", "--field", "user", "--reason", "r")
    assert code == 2
    assert "several values of 'user': alice, bob" in err
    assert "--field 'user=alice'" in err
    assert data(capsys, "suppress", "--like", "3", "--field", "user=bob", "--reason", "r")["fields"] == {"user": "bob"}
    Journal(app.database(store)).commit(Tick(notables=[new(0, "a*b", TIMES[3] + 1)]))
    code, _, err = call(capsys, "suppress", "--like", event_id(0), "--field", "dest", "--reason", "r")
    assert code == 2
    assert "stands for anything in a suppression: a*b" in err


def test_show(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "assign", "4", "--comment", "mine \x1b[2J")
    code, out, _ = call(capsys, "show", "4")
    assert code == 0
    assert "\x1b" not in out
    assert "ann: owner unassigned -> ann - mine \\x1b[2J" in out
    assert re.search(r"^  user +alice, bob$", out, re.MULTILINE)
    shown = data(capsys, "show", "4")
    assert shown["fields"]["dest"] == HOSTS[3]
    assert [one["who"] for one in shown["history"]] == ["ann"]
    assert (shown["drilldowns"], shown["contributing"]) == ([], [])
    code, _, err = call(capsys, "show", "4", "--run", "1")
    assert code == 2
    assert "it has 0 drilldowns" in err


def test_where_nothing_was_scheduled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "list", "--store", str(tmp_path / "none"))
    assert code == 2
    assert "trapline run" in err
    assert not (tmp_path / "none").exists()
