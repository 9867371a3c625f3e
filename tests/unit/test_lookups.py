"""Lookup tables: matching against a plain reading of the rules, files, and what a session keeps."""

from __future__ import annotations

import gzip
import ipaddress
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trapline.content.read import load
from trapline.errors import InputError, SplError, TraplineError
from trapline.knowledge.lookups import LookupFiles, is_plain, lookup_of, read_rows, write_csv
from trapline.search import Session
from trapline.spl.lookups import Finder, Lookup, Match
from trapline.spl.matching import NONE

LETTERS = "abA\\.ø"


def all_at_once(finder: Finder, values: list[str], found: list[list[int]]) -> None:
    """Many values together find what each finds alone."""
    assert finder.is_alone
    ((_, alone),) = finder.special
    folded = finder.fold(values)
    assert alone.find_many(folded) == {place: rows for place, rows in enumerate(found) if rows}
    assert alone.first(folded).tolist() == [rows[0] if rows else NONE for rows in found]


@settings(deadline=None)
@given(
    st.lists(st.text(LETTERS + "**", max_size=8), max_size=12),
    st.lists(st.text(LETTERS, max_size=10), max_size=6),
    st.booleans(),
)
def test_wildcards_match_as_a_regular_expression_would(patterns: list[str], values: list[str], case: bool) -> None:
    table = Lookup("t", [{"k": one} for one in patterns], ("k",), {"k": Match.WILDCARD}, case_sensitive=case)
    finder = table.finder(["k"])
    flags = 0 if case else re.IGNORECASE
    regexes = [re.compile(".*".join(map(re.escape, one.split("*"))), flags) for one in patterns]
    found = [[place for place, one in enumerate(regexes) if one.fullmatch(value)] for value in values]
    assert [finder.find([value]) for value in values] == found
    all_at_once(finder, values, found)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text("ab*", max_size=90), max_size=12), st.lists(st.text("ab", max_size=99), max_size=6))
def test_long_pieces(patterns: list[str], values: list[str]) -> None:
    values += [one.replace("*", "a") for one in patterns]
    finder = Lookup("t", [{"k": one} for one in patterns], ("k",), {"k": Match.WILDCARD}).finder(["k"])
    all_at_once(finder, values, [finder.find([value]) for value in values])


ADDRESS = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


@settings(deadline=None)
@given(st.lists(st.tuples(ADDRESS, st.integers(0, 128)), max_size=12), st.lists(ADDRESS, max_size=6))
def test_networks_match_as_ipaddress_says(nets: list[tuple[Any, int]], values: list[Any]) -> None:
    cells = [f"{address}/{size % (address.max_prefixlen + 1)}" for address, size in nets]
    networks = [ipaddress.ip_network(cell, strict=False) for cell in cells]
    finder = Lookup("t", [{"k": one} for one in cells], ("k",), {"k": Match.CIDR}).finder(["k"])
    asked = [*values, *(address for address, _ in nets)]
    found = [[place for place, one in enumerate(networks) if value in one] for value in asked]
    assert [finder.find([str(value)]) for value in asked] == found
    all_at_once(finder, [*map(str, asked), "no address"], [*found, []])


@pytest.mark.parametrize("most", [1, 2])
@pytest.mark.parametrize("default", ["", "none"])
def test_of_many_matches_the_first_ones_count(most: int, default: str) -> None:
    table = {
        "rows": [{"k": "a*", "v": "1"}, {"k": "*.exe", "v": ["2", "3"]}, {"k": "b", "v": "4"}],
        "match_type": "WILDCARD(k)",
        "max_matches": most,
        "min_matches": 1,
        "default_match": default,
    }
    events = [{"k": "a.exe"}, {"k": "b"}, {"k": "x"}, {}]
    found = [
        row.get("v") for row in Session(events=events, lookups={"t": table}).run("lookup t k OUTPUT v | table v").rows
    ]
    assert found == ["1" if most == 1 else ["1", "2", "3"], "4", default or None, None]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("abcAB"), st.sampled_from("xyz")), max_size=12), st.booleans())
def test_the_join_finds_what_the_finder_finds(rows: list[tuple[str, str]], case: bool) -> None:
    table = {"rows": [{"k": k, "v": v} for k, v in rows], "case_sensitive_match": case, "fields": ["k", "v"]}
    finder = lookup_of("t", table).finder(["k"])
    events = [{"k": k} for k in "abcdAB"]
    found = Session(events=events, lookups={"t": table}).run("lookup t k OUTPUT v").rows
    for event, row in zip(events, found, strict=True):
        values = [rows[place][1] for place in finder.find([event["k"]])]
        assert row.get("v") == (values[0] if len(values) == 1 else values or None)


# --- files ---------------------------------------------------------------------------------------------------------


def test_a_file_written_is_read_back(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"a": "1", "b": ["x", "$y;", "z\n"]}, {"b": 'ü, "q"'}, {"a": "2"}]
    for name in ("one.csv", "one.csv.gz"):
        write_csv(tmp_path / name, rows, ["a", "b"])
        assert read_rows(tmp_path / name) == (rows, ("a", "b"))
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_marks_of_windows_and_empty_cells(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b'\xef\xbb\xbfip,owner\r\n10.0.0.1,\r\n\r\n"10.0.0.2","a,b",more\r\n')
    rows, fields = read_rows(tmp_path / "a.csv")
    assert fields == ("ip", "owner")
    assert rows == [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2", "owner": "a,b"}]


def test_blanks_after_commas(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("path, found\n*/passwd*, yes\n")
    assert read_rows(tmp_path / "a.csv") == ([{"path": "*/passwd*", "found": "yes"}], ("path", "found"))


def test_a_file_that_cannot_be_read_names_itself(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read") as caught:
        read_rows(tmp_path / "none.csv")
    assert caught.value.file.endswith("none.csv")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 100)[:-20])
    with pytest.raises(InputError, match="not a CSV file"):
        read_rows(tmp_path / "cut.csv.gz")


@pytest.mark.parametrize("name", ["../a.csv", "a/b.csv", "c:\\a.csv", "", ".hidden", "a\0b", "/etc/passwd", "a\nb"])
def test_names_with_a_folder_are_no_lookup_names(name: str) -> None:
    assert not is_plain(name)


def test_settings_of_lookups_are_checked() -> None:
    with pytest.raises(TraplineError, match="max_matches lies between"):
        lookup_of("l", {"rows": [], "max_matches": 0})
    with pytest.raises(TraplineError, match="neither rows nor a file"):
        lookup_of("l", 5)
    with pytest.raises(TraplineError, match="number of seconds"):
        lookup_of("l", {"rows": [], "time_field": "t", "max_offset_secs": "long"})
    with pytest.raises(TraplineError, match="cannot be read"):
        lookup_of("l", {"rows": [], "time_field": "t", "time_format": "%Q%J"})


# --- definitions of content ----------------------------------------------------------------------------------------


def test_lookups_of_content_are_read_when_used(tmp_path: Path) -> None:
    from trapline.content.model import Lookup as Definition

    (tmp_path / "tools.csv").write_text("tool,what\n*psexec*,remote\n")
    files = LookupFiles(
        [
            Definition(
                name="attack_tools",
                kind="csv",
                filename="tools.csv",
                file=str(tmp_path / "attack_tools.yml"),
                match_type=("WILDCARD(tool)",),
                case_sensitive=False,
                min_matches=1,
                default_match="no",
            ),
            Definition(name="seen", kind="kvstore", collection="seen", fields=("user", "first"), file="x/seen.yml"),
        ]
    )
    session = Session(events=[{"p": "PSEXEC.exe"}, {"p": "cmd.exe"}], lookups=files)
    for name in ("attack_tools", "tools.csv"):
        assert [row["what"] for row in session.run(f"lookup {name} tool AS p OUTPUT what").rows] == ["remote", "no"]
    result = session.run("lookup seen user AS p OUTPUT first")
    assert result.rows == [{"p": "PSEXEC.exe"}, {"p": "cmd.exe"}]
    assert [one.reason for one in result.warnings] == [
        "the lookup seen is a KV store collection, which has no rows here"
    ]


def test_what_fills_a_table_is_told() -> None:
    from trapline.content.model import Lookup as Definition

    baselines = {"seen": ["Seen - Initial", "Seen - Update"], "made": ["Make it"]}
    files = LookupFiles(
        [Definition(name="seen", kind="kvstore", collection="seen", fields=("user",))], lambda: baselines
    )
    session = Session(events=[{"user": "a"}], lookups=files)
    told = session.run("lookup seen user").warnings
    assert told[0].reason.endswith("; it is filled by the baseline 'Seen - Initial' or 'Seen - Update'")
    with pytest.raises(
        SplError, match=r"'made' is not here, and nothing defines it: it is made by the baseline 'Make it'"
    ):
        session.run("lookup made user")


def test_the_baselines_of_content_that_write_a_table(tmp_path: Path) -> None:
    folder = tmp_path / "baselines"
    folder.mkdir()
    for name, search in (
        ("One", "search * | stats count by user | outputlookup append=t seen"),
        ("Two", "search * | outputlookup seen.csv | stats count"),
    ):
        (folder / f"{name.lower()}.yml").write_text(BASELINE.format(name=name, search=search))
    content = load(tmp_path)
    assert content.fillers() == {"seen": ["One"], "seen.csv": ["Two"]}


BASELINE = """\
name: {name}
id: 6c5f0a1e-58b0-4b4e-9e0b-6a2a1f1d2c3b
version: 1
date: '2026-01-01'
author: The tests
type: Baseline
datamodel: []
description: Remembers users.
search: '{search}'
how_to_implement: Nothing to do.
known_false_positives: None known.
references: []
tags:
  analytic_story: []
  detections: []
  product: [Splunk Enterprise]
  required_fields: []
  security_domain: endpoint
"""


# --- outputlookup --------------------------------------------------------------------------------------------------

EVENTS = [{"k": "a", "n": "1"}, {"k": "b", "n": "2"}, {"k": "a", "n": "3"}]


def rows_of(session: Session, name: str) -> list[dict[str, Any]]:
    return [dict(row) for row in session.run(f"| inputlookup {name}").rows]


def test_a_table_is_kept_for_the_session() -> None:
    session = Session(events=EVENTS)
    session.run("stats sum(n) as n by k | outputlookup totals")
    assert rows_of(session, "totals") == [{"k": "a", "n": "4"}, {"k": "b", "n": "2"}]
    assert session.run("lookup totals k OUTPUT n AS total | table total").rows[0] == {"total": "4"}


def test_a_table_is_a_file_where_there_is_a_folder(tmp_path: Path) -> None:
    session = Session(events=EVENTS, folder=tmp_path)
    result = session.run("head 2 | outputlookup seen.csv")
    assert result.warnings == ()
    assert (tmp_path / "seen.csv").read_text().splitlines() == ["k,n", "a,1", "b,2"]
    later = Session(events=EVENTS, folder=tmp_path)
    later.run("tail 1 | outputlookup append=t seen.csv")
    assert rows_of(Session(events=[], folder=tmp_path), "seen.csv") == EVENTS


def test_only_a_run_writes(tmp_path: Path) -> None:
    session = Session(events=EVENTS, folder=tmp_path)
    assert session.explain("outputlookup seen.csv").stages[0].rows == 3
    assert "seen" not in session.sql("outputlookup seen.csv")
    assert list(tmp_path.iterdir()) == []


def test_no_rows() -> None:
    session = Session(events=EVENTS, lookups={"old": [{"k": "x"}]})
    session.run('where k="none" | outputlookup override_if_empty=f old')
    assert rows_of(session, "old") == [{"k": "x"}]
    session.run('where k="none" | outputlookup create_empty=f new')
    with pytest.raises(SplError, match="does not exist"):
        session.run("| inputlookup new")
    told = session.run('where k="none" | outputlookup old').warnings
    assert told[-1].reason == "there were no rows to write: the lookup 'old' has those that came with its definition"
    assert rows_of(session, "old") == [{"k": "x"}]
    session.run('where k="none" | outputlookup create_empty=t old')
    assert rows_of(session, "old") == []
    session.run("outputlookup new")
    session.run('where k="none" | outputlookup new')
    with pytest.raises(SplError, match="does not exist"):
        session.run("| inputlookup new")


def test_a_key_field_replaces_records() -> None:
    session = Session(events=EVENTS)
    session.run("head 2 | outputlookup key_field=k store")
    session.run("tail 1 | outputlookup append=t key_field=k store")
    assert rows_of(session, "store") == [{"k": "a", "n": "3", "_key": "a"}, {"k": "b", "n": "2", "_key": "b"}]


def test_the_settings_of_a_lookup_outlive_new_rows() -> None:
    session = Session(events=EVENTS, lookups={"l": {"rows": [], "case_sensitive_match": False, "fields": ["k", "n"]}})
    session.run("head 1 | outputlookup l")
    found = session.run('| makeresults | eval k="A" | lookup l k OUTPUT n | table n').rows
    assert found == [{"n": "1"}]


def test_fields_of_events_that_hold_nothing_are_not_listed_after_a_lookup(tmp_path: Path) -> None:
    from trapline.ingest.intake import Evidence, ingest
    from trapline.store import Store

    for name, line in (("one", '{"a": "1"}'), ("two", '{"b": "2"}')):
        (tmp_path / f"{name}.json").write_text(line + "\n")
    with Store.throwaway() as store:
        ingest([Evidence(str(tmp_path / f"{name}.json"), index=name) for name in ("one", "two")], store)
        session = Session(tables=store.snapshot().tables, lookups={"l": [{"a": "1", "v": "x"}]})
        result = session.run("index=one | lookup l a OUTPUT v")
    assert result.rows[0]["v"] == "x"
    assert {"a", "v"} <= set(result.fields)
    assert "b" not in result.fields
