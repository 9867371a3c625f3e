"""What a fuzzed search finds around it: a few hostile events, and something behind every name that it can ask for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.fuzz.spltext import MACROS
from trapline.engines.duckdb import DuckDB
from trapline.ingest.intake import Evidence, ingest
from trapline.search import Session
from trapline.spl.limits import Limits
from trapline.store import Store
from trapline.values import Row

NOW = 1_705_320_000.5

USERS = 'user,n\nalice,1\n"é\n",\n'
NESTED = (
    '{"a": {"b": [1, "2", null, {"c": "\\u0000"}]}, "items": [{"name": "x"}, {"name": ["y", 3]}], "": 1, "n": 1e400}'
)
XML = "<Event xmlns='http://x'><Data Name='a'>1</Data><Data Name='b'>&lt;é</Data><e/><![CDATA[z]]></Event>"
TABLE = "PID  USER   CMD\n1    root   init\n22   al ice sh -c 'x'\n\n"

EVENTS: Sequence[Mapping[str, Any]] = (
    {"_time": 1_705_312_800, "_raw": 'user=alice n=5 "a b"=7 status=404 src_ip=10.0.0.1', "user": "alice", "n": 5,
     "status": "404", "src_ip": "10.0.0.1", "host": "h1", "mv": ["a", "b", "a"], "Processes.user": "a", "a b": "7",
     "index": "main", "sourcetype": "kv", "source": "s"},
    {"_time": "1705312801.25", "_raw": NESTED, "user": "ALICE", "n": "5.0", "status": "-0", "src_ip": "::1", "mv": "a",
     "items{}.name": ["x", "y"], "host": "h2", "index": "risk", "sourcetype": "json"},
    {"_time": 1_705_312_860.999999, "_raw": XML, "user": "", "n": "1e308", "status": "0x1F", "src_ip": "999.1.1.1/99",
     "mv": [], "flag": True, "host": "h1", "index": "main", "sourcetype": "xml"},
    {"_time": 1_705_316_400, "_raw": TABLE, "user": "é\u0301𝄞\u2028", "n": "9" * 400, "status": " 12 ",
     "mv": ["", " ", "1"], "src_ip": "2001:db8::/32", "big": 1e300, "sourcetype": "table"},
    {"_time": 0, "_raw": "\x00\n\r\t\x1b[31m\x7f", "user": "a\x00b", "n": -1e308, "status": "NaN",
     "src_ip": "fe80::1%eth0", "mv": ["\x00", "\n"], "big": -1e300},
    {"_time": -1, "_raw": "", "user": None, "n": float("inf"), "status": "inf", "mv": [1, 2.5, True, None]},
    {"_time": 253_402_300_800, "_raw": "x" * 3_000 + "\n" + "a=b," * 200, "user": "*", "n": 0.1, "status": "1_000"},
    {"_time": 1e18, "_raw": '{"a": ' * 200 + "1" + "}" * 200, "user": "\\", "n": 2**63, "status": "1e999"},
    {"_time": "yesterday", "_raw": "%{x} %s %d $user$ <<FIELD>> `m` [x] | stats count", "user": '"', "n": "-1d@d"},
    {"_raw": "a,b\n1,2\n\"", "user": "'", "n": "", "status": "٣", "mv": ["3", "30", "4", "é"]},
    {"_time": 1_705_312_800, "user": {"x": [1]}, "n": [1, "x"], "status": "12abc", "mv": ["10.0.0.1", "404"] * 40},
    {},
    {"_time": 1_705_312_800, "_raw": "half \ud800", "user": "\udfff", "mv": ["a", "\ud800"], "half\ud800": "x"},
    {"_time": 1_705_312_800, "_raw": "user=alice user=bob", "user": "alice", "n": 5, "status": "404", "mv": ["b"]},
    {"_time": 1_705_312_900, "_raw": "2024-01-15 10:01:40 GET /x?q=%41%zz&user=b HTTP/1.1 200 -", "user": "bob", "n": 7,
     "status": "200", "src_ip": "10.255.0.7", "host": "h2", "mv": ["k=v", "k2=v2"], "index": "main"},
)  # fmt: skip
"""Nulls, several values, text that looks like a number, huge numbers, the marks of every language, wrong types."""

ROWS: list[Mapping[str, Any]] = [
    {"user": "alice", "dept": "it", "n": "5", "cidr": "10.0.0.0/8", "_time": "1705312800"},
    {"user": "al*", "dept": "", "n": "x", "cidr": "2001:db8::/32", "_time": "never"},
    {"user": "ALICE", "dept": ["a", "b"], "n": 7, "cidr": "nonsense", "_time": ""},
    {"user": "é", "dept": None, "n": "9" * 40, "cidr": "", "_time": "1e400"},
]

LOOKUPS: Mapping[str, Any] = {
    "users": ROWS,
    "wild": {"rows": ROWS, "match_type": "WILDCARD(user)", "max_matches": 2},
    "nets": {"rows": ROWS, "match_type": "CIDR(cidr)", "default_match": "none", "min_matches": 1},
    "empty": [],
    "http_status.csv": [{"status": "404", "status_description": "Not Found", "status_type": "é"}],
}

DATAMODELS: Mapping[str, Any] = {
    "Endpoint": {
        "Processes": {
            "search": "user=*",
            "fields": ["user", "n", "mv", "process_name"],
            "calculated": {"process_name": 'coalesce(user, "unknown")'},
        },
        "Odd": {"parent": "Processes", "search": "n>1", "fields": ["status"]},
    },
    "Given": {"Rows": {"events": [dict(row) for row in ROWS]}},
}

SAVED = {
    "plain": "search user=* | stats count by user",
    "loop": "| savedsearch loop",
    "bad": "| nonsense (",
    "empty": "",
}


class _Model:
    def __call__(self, rows: Sequence[Row], **options: object) -> list[Mapping[str, object]]:
        return [{"predicted(n)": len(row), "o": sorted(options)} for row in rows]

    def summary(self) -> list[Mapping[str, object]]:
        return [{"name": "n", "mean": 1.5}, {"name": ["o", ""], "mean": None}]


def _place(address: str) -> Mapping[str, object] | None:
    if not address.startswith("10."):
        return None
    return {"country": {"names": {"en": "é"}}, "location": {"latitude": 1.5, "longitude": "x"}, "city": None}


@dataclass(frozen=True, slots=True)
class World:
    """The sessions that a search is tried in, by name: over given rows, over the table of a store, and over tables with
    the many fields and the search-time knowledge of Windows events."""

    sessions: Mapping[str, Session]
    folder: Path
    """Where searches may write files."""

    def tidy(self) -> None:
        """Forget what a search has written, so that the next one finds the world as it was."""
        for session in self.sessions.values():
            session._tables.clear()
        for path in self.folder.iterdir():
            if path.name != "users.csv":
                path.unlink()
        (self.folder / "users.csv").write_text(USERS, encoding="utf-8")


@contextmanager
def world() -> Iterator[World]:
    """Sessions over the hostile events. They share an engine of one thread, which is fastest over a few events."""
    with TemporaryDirectory() as folder, Store.throwaway() as store:
        path = Path(folder) / "events.json"
        lines = [json.dumps(_finite(row)) for row in EVENTS if row]
        path.write_text("\n".join(lines), encoding="utf-8")
        ingest([Evidence(str(path), sourcetype="json")], store)
        plain = store.snapshot().tables
        windows = Path(folder) / "security.log"
        windows.write_text(_windows(), encoding="utf-8")
        ingest([Evidence(str(windows), sourcetype="XmlWinEventLog")], store)
        files = Path(folder) / "files"
        files.mkdir()
        whole = store.snapshot().tables
        with DuckDB(threads=1) as engine:
            sessions = {
                "rows": _session(files, engine, events=EVENTS),
                "store": _session(files, engine, tables=plain),
                "windows": _session(files, engine, tables=whole),
            }
            yield World(sessions, files)


def _session(folder: Path, engine: DuckDB, **given: Any) -> Session:
    return Session(
        engine=engine,
        macros=MACROS,
        lookups=LOOKUPS,
        datamodels=DATAMODELS,
        store=True,
        limits=Limits(subsearch=50, append=100, join=100, set=100, map=3, opentxn=20, openevents=100),
        saved_searches=SAVED,
        jobs={"job": ROWS, "admin:search:plain": []},
        folder=folder,
        writer=lambda index, rows: None,
        models={"m": _Model()},
        geoip=_place,
        **given,
    )


def _finite(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: str(value) if isinstance(value, float) and abs(value) == float("inf") else value
            for name, value in row.items()}  # fmt: skip


def _windows() -> str:
    from trapline.ingest.winxml import event_xml

    events = [
        event_xml(
            provider="Microsoft-Windows-Sysmon",
            event_id=number,
            channel="Microsoft-Windows-Sysmon/Operational",
            computer="h1",
            time="2024-01-15T10:00:00.123456Z",
            data=[("Image", "C:\\Windows\\cmd.exe"), ("CommandLine", line), ("User", "CORP\\é"), ("ProcessId", "4")],
        )
        for number, line in (("1", "cmd /c whoami"), ("1", ""), ("3", "\u2028"), ("x", "a" * 500))
    ]
    return "\n".join(events)
