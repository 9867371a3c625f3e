"""What goes into a store comes out as it was."""

from __future__ import annotations

import datetime
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.storekit import T0, Event, only, portion, raws, read
from trapline.errors import InputError, TraplineError
from trapline.events import EventBatch
from trapline.store import Portion, Store
from trapline.store.wide import ROW_GROUP


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


def fields_of(row: dict[str, object]) -> dict[str, object]:
    return {name: cell for name, cell in row.items() if not name.startswith("_")}


def test_fields_of_different_shapes_read_back(store: Store) -> None:
    events: list[Event] = [
        {"EventCode": "7045", "ServiceName": "RemCom Service"},
        {"EventCode": "4688", "CommandLine": "cmd /c whoami"},
        {"EventCode": "4688", "CommandLine": None},
        {},
    ]
    assert store.append("main", [portion("f", 0, events)]) == 4
    table = only(store.snapshot())
    rows = read(table, ("EventCode", "ServiceName", "CommandLine", "unheard"))
    assert [fields_of(row) for row in rows] == [
        {"EventCode": "7045", "ServiceName": "RemCom Service"},
        {"EventCode": "4688", "CommandLine": "cmd /c whoami"},
        {"EventCode": "4688"},
        {},
    ]
    assert [row["_time"] for row in rows] == [T0 + place * 1_000_000 for place in range(4)]
    assert (table.index, table.sourcetype, table.rows) == ("main", "test", 4)
    assert (table.earliest, table.latest) == (T0, T0 + 3_000_000)


def test_names_that_differ_in_case_stay_apart(store: Store) -> None:
    events = [{"ProcessID": "4", "ProcessId": "0x1f4", "PROCESSID": "x"}, {"ProcessID": "8"}]
    store.append("main", [portion("f", 0, events, sourcetype="XmlWinEventLog")])
    table = only(store.snapshot())
    assert table.columns["ProcessId"] == "ProcessId"
    assert table.tail == {"ProcessID", "PROCESSID"}
    assert [fields_of(row) for row in read(table, ("ProcessID", "ProcessId", "PROCESSID"))] == events


def test_odd_names_and_values_read_back(store: Store) -> None:
    names = ["", " ", "a b", "a.b", "arr{}.x", 'q"uote', "q'uote", "näme", "😀", "x" * 3000, "-", "0", "host2", "Host"]
    values = ["😀", "e\u0301", "tab\tnl\n", "null\x00byte", "'; DROP", "\u202eevil", "\ufffd", " ", "0", "null"]
    event = {name: values[place % len(values)] + str(place) for place, name in enumerate(names)}
    store.append("main", [portion("f", 0, [event])])
    table = only(store.snapshot())
    (row,) = read(table, names)
    assert {name: row[name] for name in names} == event


def test_reserved_names_do_not_touch_the_event_itself(store: Store) -> None:
    event: Event = {"_fields": "f", "_mv": ["m", "n"], "_indextime": "i", "Source": "s", "_TIME": "t"}
    store.append("main", [portion("f", 0, [event])])
    table = only(store.snapshot())
    assert table.columns == {}
    assert read(table, tuple(event)) == [{"_time": T0, "_raw": "f/0/0", **event}]


def test_multivalues(store: Store) -> None:
    events: list[Event] = [
        {"name": ["a", "b"], "odd name": ["x", "y", "z"], "later": "one"},
        {"name": ["only"], "odd name": "single", "later": ["one", "two"]},
        {"name": [], "odd name": [""], "later": None},
    ]
    store.append("main", [portion("f", 0, events)])
    table = only(store.snapshot())
    assert table.multi == {"name", "odd name", "later"}
    assert [fields_of(row) for row in read(table, ("name", "odd name", "later"))] == [
        {"name": ["a", "b"], "odd name": ["x", "y", "z"], "later": "one"},
        {"name": "only", "odd name": "single", "later": ["one", "two"]},
        {},
    ]


def test_nulls_inside_a_list_are_absent_values(store: Store) -> None:
    lists = pa.array([["a", None, "b"], [None, "c"], [None], [], None], pa.list_(pa.string()))
    size = len(lists)
    batch = pa.table(
        {
            "_time": pa.array([T0] * size, pa.int64()).cast(pa.timestamp("us", "UTC")),
            "_serial": pa.array(range(size), pa.int64()),
            "_raw": [str(place) for place in range(size)],
            "host": pa.nulls(size, pa.string()),
            "source": ["s"] * size,
            "mv": lists,
        }
    )
    store.append("main", [Portion("f", 0, [EventBatch("test", pa.concat_tables([batch.slice(0, 2), batch.slice(2)]))])])
    rows = read(only(store.snapshot()), ("mv",))
    assert [row.get("mv") for row in rows] == [["a", "b"], "c", None, None, None]


def test_a_field_that_turns_multivalue_later(store: Store) -> None:
    store.append("main", [portion("f", 0, [{"a": "1"}])])
    before = only(store.snapshot())
    store.append("main", [portion("f", 1, [{"a": ["2", "3"], "b": "new"}])])
    after = only(store.snapshot())
    assert before.multi == frozenset()
    assert after.multi == {"a"}
    assert [fields_of(row) for row in read(after, ("a", "b"))] == [{"a": "1"}, {"a": ["2", "3"], "b": "new"}]
    assert [fields_of(row) for row in read(before, ("a", "b"))] == [{"a": "1"}]


def test_beyond_the_bound_fields_go_to_the_tail_and_stay_there(store: Store) -> None:
    many = {f"field{place:03}": str(place) for place in range(300)}
    store.append("main", [portion("f", 0, [many])])
    store.append("main", [portion("f", 1, [{"field299": "again", "field000": "too", "late": "x"}])])
    table = only(store.snapshot())
    assert len(table.columns) == 255  # one is kept for EventCode
    assert len(table.tail) == 46
    rows = read(table, (*many, "late"))
    assert fields_of(rows[0]) == many
    assert fields_of(rows[1]) == {"field299": "again", "field000": "too", "late": "x"}


@pytest.mark.parametrize(
    "when",
    [
        datetime.datetime(1601, 1, 1, tzinfo=datetime.UTC),
        datetime.datetime(1601, 1, 1, 0, 0, 0, 1, tzinfo=datetime.UTC),
        datetime.datetime(1, 1, 1, tzinfo=datetime.UTC),
        datetime.datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=datetime.UTC),
        datetime.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=datetime.UTC),
    ],
)
def test_far_times_keep_their_microsecond(store: Store, when: datetime.datetime) -> None:
    stamp = (when - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(microseconds=1)
    store.append("main", [portion("f", 0, [{"a": "1"}], time=stamp)])
    store.append("main", [portion("f", 1, [{"a": "1"}], time=T0)])
    table = only(store.snapshot())
    assert [row["_time"] for row in read(table, ())] == [stamp, T0]
    assert (table.earliest, table.latest) == (min(stamp, T0), max(stamp, T0))
    assert only(store.snapshot().between(stamp, stamp + 1)).rows >= 1


def test_a_time_that_no_calendar_has_leaves_the_range_unknown(store: Store) -> None:
    beyond = 300_000_000_000_000_000  # the year 11476
    store.append("main", [portion("f", 0, [{}], time=beyond)])
    table = only(store.snapshot())
    assert (table.earliest, table.latest) == (None, None)
    assert [row["_time"] for row in read(table, ())] == [beyond]
    assert only(store.snapshot().between(beyond, beyond + 1)).rows == 1


def test_events_without_a_time(store: Store) -> None:
    store.append("main", [portion("f", 0, [{}, {}], time=None)])
    view = store.snapshot()
    assert (only(view).earliest, only(view).latest, only(view).rows) == (None, None, 2)
    assert view.between(0, None).tables == ()
    assert view.between(None, None) == view


def test_every_sourcetype_has_a_table_and_a_path_in_it_is_only_a_name(store: Store) -> None:
    events = [{"sourcetype": name, "a": name} for name in ("XmlWinEventLog", "../../evil", "a/b:c", "é", "_x")]
    store.append("main", [portion("f", 0, events)])
    store.append("other-index", [portion("f", 0, events[:1])])
    tables = store.snapshot().tables
    assert sorted((t.index, t.sourcetype) for t in tables) == sorted(
        [("main", str(event["sourcetype"])) for event in events] + [("other-index", "XmlWinEventLog")]
    )
    for table in tables:
        assert all(Path(file).is_relative_to(store.path / table.index) for file in table.files)
        assert [row["a"] for row in read(table, ("a",))] == [table.sourcetype]
    assert [t.index for t in store.snapshot({"other-index", "unknown"}).tables] == ["other-index"]


def test_a_portion_that_is_held_is_skipped(store: Store) -> None:
    first = [portion("f", 0, [{"a": "1"}]), portion("f", 1, [{"a": "2"}, {"a": "3"}]), portion("g", 7, [{"b": "4"}])]
    assert store.append("main", first) == 4
    assert store.append("main", first) == 0
    assert store.append("main", [*first, portion("f", 2, [{"a": "5"}])]) == 1
    assert store.append("other", first) == 4
    assert raws(store) == ["f/0/0", "f/1/0", "f/1/1", "f/2/0", "g/7/0"]


def test_portions_are_counted_per_sourcetype(store: Store) -> None:
    store.append("main", [portion("f", 0, [{"sourcetype": "one"}])])
    both = [{"sourcetype": "one"}, {"sourcetype": "two"}]
    assert store.append("main", [portion("f", 0, both), portion("f", 1, both)]) == 3
    assert store.append("main", [portion("f", 0, both), portion("f", 1, both)]) == 0


def test_nothing_to_append_makes_nothing(store: Store) -> None:
    assert store.append("main", []) == 0
    assert store.append("main", [portion("f", 0, [])]) == 0
    assert store.snapshot().tables == ()


def test_a_large_append_is_sorted_by_time(store: Store) -> None:
    size = ROW_GROUP + 10
    times = [T0 + (place * 7919) % size for place in range(size)]
    table = pa.table(
        {
            "_time": pa.array(times, pa.int64()).cast(pa.timestamp("us", "UTC")),
            "_serial": pa.array(range(size), pa.int64()),
            "_raw": [str(place) for place in range(size)],
            "host": ["h"] * size,
            "source": ["s"] * size,
            "a b": [str(place) if place % 3 else None for place in range(size)],
            "mv": pa.array([["x", str(place)] if place % 2 else [str(place)] for place in range(size)]),
        }
    )
    batches = [EventBatch("test", table.slice(0, 1000)), EventBatch("test", table.slice(1000))]
    assert store.append("main", [Portion("f", 0, batches)]) == size
    found = only(store.snapshot())
    stored = pq.read_table(found.files[0])["_time"].cast(pa.int64()).to_pylist()
    assert stored == sorted(times)
    for row in read(found, ("a b", "mv")):
        place = int(row["_raw"])
        assert row["_time"] == times[place]
        assert row.get("a b") == (str(place) if place % 3 else None)
        assert row["mv"] == (["x", str(place)] if place % 2 else str(place))


names = st.sampled_from(["a", "A", "b", "a b", "", "é", "_x", "c.d"])
cells = st.one_of(st.text(max_size=4), st.lists(st.text(max_size=3), max_size=3))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(st.dictionaries(names, cells, max_size=5), max_size=5), min_size=1, max_size=4))
def test_whatever_is_appended_reads_back(appends: list[list[dict[str, str | list[str]]]]) -> None:
    with Store.throwaway() as store:
        for number, events in enumerate(appends):
            assert store.append("main", [portion("f", number, events)]) == len(events)
        expected = {}
        for number, events in enumerate(appends):
            for place, event in enumerate(events):
                row = {}
                for name, cell in event.items():
                    values = [value for value in ([cell] if isinstance(cell, str) else cell) if value]
                    if values:
                        row[name] = values[0] if len(values) == 1 else values
                expected[f"f/{number}/{place}"] = row
        wanted = ("a", "A", "b", "a b", "", "é", "_x", "c.d")
        for _ in range(2):
            found = {
                row["_raw"]: {name: cell for name, cell in row.items() if name not in ("_raw", "_time")}
                for table in store.snapshot().tables
                for row in read(table, wanted)
            }
            assert found == expected
            store.compact()


def test_other_delta_readers_see_the_same(store: Store) -> None:
    store.append("main", [portion("f", 0, [{"a.b": "1", "odd name": "2"}, {"a.b": ["3", "4"]}])])
    delta = DeltaTable(Path(only(store.snapshot()).files[0]).parent)
    rows = sorted(delta.to_pyarrow_table().to_pylist(), key=lambda row: str(row["_raw"]))
    assert [(row["a.b"], row["_fields"], row["_mv"]) for row in rows] == [
        ("1", [("odd name", "2")], None),
        (None, None, [("a.b", ["3", "4"])]),
    ]
    assert delta.metadata().name == "test"


def test_the_ledger_knows_whole_files(store: Store) -> None:
    assert not store.seen("main", "f")
    store.append("main", [portion("f", 0, [{}])])
    assert not store.seen("main", "f")
    store.finish("main", "f", "logs.zip!näme\udc80", 1)
    store.finish("main", "f", "again", 1)
    assert store.seen("main", "f")
    assert not store.seen("main", "g")
    assert not store.seen("other", "f")
    store.close()
    assert Store.open(store.path).seen("main", "f")


def test_a_wrong_index_is_refused_everywhere(store: Store) -> None:
    for call in (
        lambda: store.append("../x", [portion("f", 0, [{}])]),
        lambda: store.seen("../x", "f"),
        lambda: store.finish("../x", "f", "f", 1),
    ):
        with pytest.raises(TraplineError, match="cannot be an index name"):
            call()
    assert sorted(path.name for path in store.path.iterdir()) == ["trapline-store.json"]


@pytest.mark.parametrize(
    "files",
    [
        ["trapline.yml", "team/exceptions.yml", "README.md"],  # settings name files of any name
        ["enabled.yml", "exceptions.yml", ".git/config"],
        ["content/ours/content.yml", "attack/techniques.csv", "state.db", "state.db-wal", "addons/x", "lookups/y"],
    ],
)
def test_a_store_begins_with_its_settings(tmp_path: Path, files: list[str]) -> None:
    for one in files:
        (tmp_path / one).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / one).write_text("")
    with Store.open(tmp_path) as store:
        store.append("main", [])
    Store.open(tmp_path, create=False).close()


def test_opening_what_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no store here"):
        Store.open(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="a file, not a store"):
        Store.open(tmp_path / "file")
    with pytest.raises(InputError, match="not a store and is not empty"):
        Store.open(tmp_path)
    with pytest.raises(InputError, match="backslash"):
        Store.open(tmp_path / "a%3Ab")
    store = Store.open(tmp_path / "new" / "store")
    mark = store.path / "trapline-store.json"
    mark.write_text('{"trapline_store": 99}')
    with pytest.raises(InputError, match="form 99"):
        Store.open(store.path)
    mark.write_text("[]")
    with pytest.raises(InputError, match="damaged"):
        Store.open(store.path)


def test_a_full_disk_is_an_error_and_leaves_nothing_half(store: Store) -> None:
    store.append("main", [portion("f", 0, [{"a": "1"}])])
    code = f"""
import resource
from tests.unit.storekit import portion
from trapline.errors import EngineError
from trapline.store import Store
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    Store.open({str(store.path)!r}).append("main", [portion("f", 1, [{{"a": str(hash((1, x)))}} for x in range(9999)])])
except EngineError as error:
    print(error.render())
"""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, text=True, capture_output=True, check=True)
    assert "cannot be read or written" in done.stdout
    assert "hint: check the disk" in done.stdout
    assert raws(store) == ["f/0/0"]
    assert len(list(store.path.rglob("part-*.parquet"))) == 1
    assert store.append("main", [portion("f", 1, [{"a": "2"}])]) == 1


def test_a_folder_with_odd_characters(tmp_path: Path) -> None:
    with Store.open(tmp_path / "my [1] * é 😀 100% #x ?q" / "s") as store:
        store.append("main", [portion("f", 0, [{"a": "1"}])])
        store.append("main", [portion("f", 1, [{"a": "2"}])])
        assert raws(store) == ["f/0/0", "f/1/0"]


@pytest.mark.parametrize("leave", [None, ValueError, KeyboardInterrupt])
def test_a_throwaway_store_leaves_nothing(leave: type[BaseException] | None) -> None:
    paths = []
    with pytest.raises(leave) if leave else nullcontext(), Store.throwaway() as store:
        paths.append(store.path)
        store.append("main", [portion("f", 0, [{"a": "1"}])])
        store.finish("main", "f", "f", 1)
        assert store.path.is_dir()
        if leave is not None:
            raise leave
    (path,) = paths
    assert not path.parent.exists()
