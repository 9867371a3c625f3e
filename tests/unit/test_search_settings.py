"""What a session sets for its searches: time zone, caps, files, saved searches, and where collect writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from trapline.errors import EngineError, SplError
from trapline.search import Session
from trapline.spl.limits import Limits
from trapline.times import floor_months, floor_time, format_time, shift, time_bound, zone

EVENTS = [
    {"_time": 1705329000 - n, "id": str(n), "user": user, "_raw": f"login {user}"} for n, user in enumerate("abca")
]


def session(**given: Any) -> Session:
    return Session(events=EVENTS, store=True, **given)


# --- time zones


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
def test_days_start_at_local_midnight(name: str) -> None:
    """Over two years in steps of seven hours and eleven minutes, among them every change of the clock."""
    tz = zone(name)
    at = datetime(2023, 1, 1, tzinfo=UTC)
    while at.year < 2025:
        epoch = at.timestamp()
        day = floor_time(epoch, 86_400, 0.0, tz)
        assert day is not None
        assert day <= epoch < day + 26 * 3600
        assert format_time(day, "%H:%M:%S", tz) == "00:00:00"
        assert format_time(day, "%F", tz) == format_time(epoch, "%F", tz)
        assert shift(epoch, "@d", tz) == day
        month = floor_months(epoch, 1, tz)
        assert month == shift(epoch, "@mon", tz)
        at += timedelta(hours=7, minutes=11)


def test_a_day_back_keeps_the_time_of_day_and_hours_do_not() -> None:
    berlin = zone("Europe/Berlin")
    monday = datetime(2024, 4, 1, 12, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    assert format_time(shift(monday, "-1d", berlin), "%F %R", berlin) == "2024-03-31 12:00"
    assert format_time(shift(monday, "-48h", berlin), "%F %R", berlin) == "2024-03-30 11:00"


def test_a_bound_in_a_zone() -> None:
    assert time_bound("01/15/2024:09:30:00", 0, what="earliest", tz=zone("America/New_York")) == 1705329000
    assert time_bound("2024-01-15T14:30:00Z", 0, what="earliest", tz=zone("America/New_York")) == 1705329000


def test_the_engine_knows_the_zone_of_the_session() -> None:
    spl = '| makeresults | eval d=strftime(1705359600, "%F"), p=strptime("2024-01-16", "%F") | table d p'
    assert session(tz="UTC").run(spl).rows == [{"d": "2024-01-15", "p": 1705363200}]
    assert session(tz="Europe/Berlin").run(spl).rows == [{"d": "2024-01-16", "p": 1705359600}]


def test_bins_of_days_cover_a_change_of_the_clock() -> None:
    days = [{"_time": datetime(2024, 3, day, 12, tzinfo=UTC).timestamp()} for day in (29, 30, 31)]
    days += [{"_time": datetime(2024, 4, day, 12, tzinfo=UTC).timestamp()} for day in (1, 3)]
    found = Session(events=days, tz="Europe/Berlin").run('timechart span=1d count | eval d=strftime(_time, "%F %R")')
    assert [row["d"] for row in found.rows] == [f"2024-{day} 00:00" for day in
                                                ("03-29", "03-30", "03-31", "04-01", "04-02", "04-03")]  # fmt: skip
    assert [row["count"] for row in found.rows] == [1, 1, 1, 1, 0, 1]


def test_a_zone_that_does_not_exist() -> None:
    with pytest.raises(SplError, match="not a time zone"):
        session(tz="../../etc/passwd").run("search *")


# --- caps


def test_caps_are_settings_and_a_cut_is_told() -> None:
    found = session(limits=Limits(subsearch=1)).run("search [search * | fields id] | table id")
    assert found.rows == [{"id": "0"}]
    assert [warning.code for warning in found.warnings] == ["subsearch-cut"]
    assert session().run("search [search * | fields id] | table id").warnings == ()


def test_searches_that_start_each_other_end() -> None:
    saved = {"a": "| savedsearch b", "b": '| makeresults | map search="| savedsearch a"'}
    with pytest.raises(SplError, match="start one another"):
        session(saved_searches=saved).run("| savedsearch a")


# --- files and events that a search writes


def test_only_a_run_writes(tmp_path: Path) -> None:
    written: list[tuple[str, Any]] = []
    given = session(folder=tmp_path, writer=lambda index, rows: written.append((index, list(rows))))
    spl = "head 1 | collect index=summary sourcetype=note | outputcsv out"
    given.explain(spl)
    given.sql(spl)
    assert written == []
    assert list(tmp_path.iterdir()) == []
    given.run(spl)
    assert [index for index, _ in written] == ["summary"]
    (event,) = written[0][1]
    assert (event["_time"], event["_raw"], event["sourcetype"]) == (1705329000, "login a", "note")
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.parametrize("name", ["../x", "a/b", "/etc/x", "..", ".x", "a\\\\b", "", "x\u0000"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    for spl in (f'outputcsv "{name}"', f'| inputcsv strict=true "{name}"'):
        with pytest.raises(SplError):
            session(folder=inside).run(spl)
    assert list(inside.iterdir()) == []
    assert list(tmp_path.iterdir()) == [inside]


# --- bounds


def test_a_long_pipeline_runs() -> None:
    spl = "head 1 | eval n=0 | " + " | ".join(["eval n=n+1 | where n>0"] * 60) + " | table n"
    assert session().run(spl).rows == [{"n": 60}]


def test_a_long_chain_of_assignments_runs() -> None:
    spl = "head 1 | eval x0=1, " + ", ".join(f"x{n + 1}=x{n}+1" for n in range(120)) + " | table x120"
    assert session().run(spl).rows == [{"x120": 121}]


@pytest.mark.parametrize("count", [99, 120, 150, 230])
def test_a_long_chain_keeps_what_it_made(count: int) -> None:
    """Also of more fields than are held without a look at what is read later, and where the chain is run in parts."""
    chain = "head 1 | eval x0=1, " + ", ".join(f"x{n + 1}=x{n}+1" for n in range(count))
    (row,) = session().run(chain).rows
    assert {name: row[name] for name in row if name.startswith("x")} == {f"x{n}": n + 1 for n in range(count + 1)}
    wide = ", ".join(f"y{n}={n}" for n in range(count))
    items = f'head 1 | eval {wide}, m=split("1,2,3", ",") | eval t=0 | foreach mode=multivalue m [eval t=t+<<ITEM>>]'
    template = "eval z0=<<ITEM>>, " + ", ".join(f"z{n}=z{n - 1}+<<ITEM>>" for n in range(1, 30))
    assert [str(one["t"]) for one in session().run(f"{items} | table t").rows] == ["6"]
    several = f'head 1 | eval {wide}, m=split("1,2,3", ",") | foreach mode=multivalue m [{template}] | table z29'
    assert [str(one["z29"]) for one in session().run(several).rows] == ["90"]


def test_too_deep_an_expression_is_an_error_of_ours() -> None:
    spl = "eval x=" + " . ".join(["_raw"] * 200)
    with pytest.raises(EngineError, match="nested too deeply"):
        session().run(spl)


@pytest.mark.parametrize(
    "value", ['x" | makeresults | eval a="', "x | makeresults", '"', "\\", '\\"', "$user$", "[search *]", "`m`"]
)
def test_a_value_never_becomes_a_command(value: str) -> None:
    """Whatever a log holds: in quotes it is compared as it is, outside of them it is refused or a term."""
    found = Session(events=[{"user": value}, {"user": "other"}], store=True).run(
        'search NOT user=other | map search="search user=\\"$user$\\" | stats count as n"'
    )
    assert found.rows == [{"n": 1}]
    assert Session(events=[{"user": value}, {"user": "other"}], store=True).run(
        "search NOT user=other | return user | eval text=search | table text"
    ).rows == [{"text": 'user="' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'}]
