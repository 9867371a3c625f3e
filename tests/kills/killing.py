"""One round: a store whose processes are killed at random moments, and one whose processes are not.

A store begins with the state database of an old Trapline, so that its first process has migrations to run. Then come
the ingest and the schedule, as a simulation (all must be the same, the risk rules included) or as a catching up with
outputs (a file, a web server): there each notable must have reached either, and again only under its own key.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.unit.outputkit import Web, web
from trapline import app
from trapline.state.tables import META

HOURS = 36
"""Of the schedule; something is found at each."""
FILES = 6
RULE = "Risk Threshold Exceeded For Object Over 24 Hour Period"
KINDS = ("alpha", "beta", "gamma", "delta")
DETECTION = """name: Kills {kind}
id: 00000000-0000-4000-8000-00000000000{number}
version: 1
date: '2026-01-01'
author: Trapline
type: TTP
status: production
description: Finds events of the kind {kind}.
search: 'index=main sourcetype=acme:json kind={kind} | stats count values(cmd) as cmd by user dest'
how_to_implement: none
known_false_positives: none
rba:
  message: $user$ did {kind} on $dest$
  risk_objects:
  - {{field: dest, type: system, score: 30}}
  threat_objects: []
tags:
  analytic_story: []
  asset_type: Endpoint
  mitre_attack_id: [T1059]
  product: [Splunk Enterprise]
  security_domain: endpoint
"""
TOLD = {
    "events": "index=main | stats count by kind cmd user dest",
    "risk": "index=risk {when}| stats count by search_name risk_object risk_score info_min_time info_max_time user",
    "notables": "index=notable {when}| stats count by search_name dest user rule_title severity urgency info_min_time",
    "runs": "index=_scheduler sourcetype=scheduler scheduled_time>{start} scheduled_time<={end} "
    "| stats count by savedsearch_name scheduled_time findings status",
}
"""What must be the same in both stores."""


@dataclass(slots=True)
class Tally:
    """Kills by what was killed, and what was wrong afterwards."""

    kills: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    """Processes that had ended before their moment came."""
    answers: int = 0
    """Of the crew."""
    wrong: list[str] = field(default_factory=list)


@dataclass
class Round:
    """A round with so many `kills`; `simulated` or with outputs. `folder`: for all that it writes."""

    folder: Path
    chance: random.Random
    jobs: int
    kills: int
    simulated: bool
    tally: Tally

    def run(self) -> None:
        now = time.time()
        self.end = (now - 3600) // 3600 * 3600
        self.start = self.end - HOURS * 3600
        self.content, self.events = self.folder / "content", self.folder / "events"
        self._write()
        with web((200, {}, b"")) as whole, web((200, {}, b"")) as torn:
            self._store("whole", whole, kills=0)
            self._store("torn", torn, kills=self.kills)
            self._compare(whole, torn)
        log = self.folder / "crew"
        self.tally.answers += len(log.read_text().splitlines()) if log.exists() else 0

    def _write(self) -> None:
        detections = self.content / "detections" / "endpoint"
        detections.mkdir(parents=True)
        self.events.mkdir()
        for number, kind in enumerate(KINDS):
            text = DETECTION.format(kind=kind, number=number)
            (detections / f"kills_{kind}.yml").write_text(text, encoding="utf-8")
        numbers = iter(range(10**6))
        moments = [self.start + hour * 3600 + self.chance.uniform(0, 2400) for hour in range(-1, HOURS - 1)]
        for at in range(FILES):
            lines = []
            for moment in moments[at::FILES]:
                for other in range(60):
                    number = next(numbers)
                    kind = KINDS[other % 4] if other < 6 else "other"
                    lines.append({
                        "time": round(moment + other, 3), "kind": kind, "user": f"u{self.chance.randrange(6)}",
                        "dest": f"d{self.chance.randrange(5)}", "cmd": f"c{number}",
                    })  # fmt: skip
            text = "".join(json.dumps(one) + "\n" for one in lines)
            (self.events / f"{at}.jsonl").write_text(text, encoding="utf-8")

    def _store(self, name: str, endpoint: Web, *, kills: int) -> None:
        store = self.folder / name
        store.mkdir()
        engine = sa.create_engine(f"sqlite:///{store / app.STATE}")
        META.tables["collections"].create(engine)
        engine.dispose()
        names = [f"Kills {kind}" for kind in KINDS] + ([RULE] if self.simulated else [])
        self._one(store, "content", "enable", "--content", str(self.content), *names)
        detections = "".join(f"  Kills {kind}: {{notable: true}}\n" for kind in KINDS)
        settings = f"schedule: {{lookback: 90d}}\ndetections:\n{detections}"
        if not self.simulated:
            settings += f"outputs:\n  web: {{kind: webhook, url: '{endpoint.url}'}}\n"
            settings += "  file: {kind: jsonl, path: sent.jsonl}\n"
        (store / "trapline.yml").write_text(settings, encoding="utf-8")
        running = ("run", "--content", str(self.content), "--jobs", str(self.jobs))
        first = (*running, "--clock", f"{_iso(self.start - 7200)}..{_iso(self.start)}")
        ingesting = ("ingest", str(self.events), "--sourcetype", "acme:json", "--host", "h")
        schedule: tuple[str, ...] = (*running, "--once")
        if self.simulated:
            schedule = (*running, "--clock", f"{_iso(self.start)}..{_iso(self.end)}")
        shares = (kills * 15 // 100, kills * 25 // 100)
        for words, share in zip((first, ingesting, schedule), (*shares, kills - sum(shares)), strict=True):
            for _ in range(share):
                self._killed(store, words)
            self._one(store, *words)

    def _begin(self, store: Path, words: Sequence[str]) -> subprocess.Popen[str]:
        command = [sys.executable, str(Path(__file__).with_name("eager.py")), *words, "--store", str(store), "--json"]
        surroundings = dict(os.environ, TRAPLINE_CREW=str(self.folder / "crew"))
        with (self.folder / "said").open("w") as said:
            return subprocess.Popen(
                command, stdout=said, stderr=said, text=True, env=surroundings, start_new_session=True
            )

    def _one(self, store: Path, *words: str) -> None:
        """A process that is left in peace."""
        code = self._begin(store, words).wait()
        if code:
            raise RuntimeError(f"{' '.join(words)}: exit {code}: {(self.folder / 'said').read_text()[-2000:]}")

    def _killed(self, store: Path, words: Sequence[str]) -> None:
        """A process that is killed some time after it began to write; or one of its crew, and then all."""
        before = _written(store)
        process = self._begin(store, words)
        if self.chance.random() < 0.85:
            while process.poll() is None and _written(store) == before:
                time.sleep(0.005)
        time.sleep(self.chance.choice((0.05, 0.6, 2.0)) * self.chance.random())
        if words[0] == "run" and self.jobs > 1 and self.chance.random() < 0.5:
            for pid in _children(process.pid)[:1]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    self.tally.kills["crew"] += 1
            time.sleep(self.chance.uniform(0, 1.5))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            self.tally.kills[words[0]] += 1
        else:
            self.tally.missed += 1
            if process.returncode:
                said = (self.folder / "said").read_text()[-500:]
                self.tally.wrong.append(f"{self.folder.name}: {words[0]} ended with {process.returncode}: {said}")
        process.wait()

    def _compare(self, whole: Web, torn: Web) -> None:
        for what, spl in TOLD.items():
            text = spl.format(start=int(self.start), end=int(self.end), when="")
            one, other = (self._rows(self.folder / name, text) for name in ("whole", "torn"))
            self._same(what, one, other)
            if not one:
                self._wrong(f"{what}: there are none")
        for name, endpoint in (("whole", whole), ("torn", torn)):
            store = self.folder / name
            rows = self._rows(store, "index=notable | stats count by event_id")
            ids = {dict(row)["event_id"] for row in rows}
            if any(dict(row)["count"] != "1" for row in rows):
                self._wrong(f"{name}: an event_id more than once")
            if self.simulated:
                continue
            sent = [json.loads(body)["key"] for _, _, body in endpoint.got]
            lines = [json.loads(line)["key"] for line in (store / "sent.jsonl").read_text().splitlines() if line]
            for output, keys, again in (("webhook", sent, self.kills if name == "torn" else 0), ("jsonl", lines, 0)):
                if set(keys) != ids or len(keys) > len(ids) + again:
                    self._wrong(
                        f"{name}: {output}: {len(ids)} notables, {len(set(keys))} of them sent, {len(keys)} times"
                    )

    def _same(self, what: str, one: Counter[Any], other: Counter[Any]) -> None:
        lost, more = one - other, other - one
        if lost or more:
            first = dict(next(iter(lost or more)))
            self._wrong(f"{what}: {lost.total()} are missing, {more.total()} are too many, as {first}")

    def _wrong(self, text: str) -> None:
        self.tally.wrong.append(f"{self.folder.name}: {text}")

    def _rows(self, store: Path, spl: str) -> Counter[tuple[tuple[str, str], ...]]:
        with app.session(app.content(), app.knowledge(), store=store) as (session, _):
            return Counter(
                tuple(sorted((name, str(value)) for name, value in row.items())) for row in session.run(spl).rows
            )


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def _written(folder: Path) -> list[tuple[str, int]]:
    """Another value when something was written to a store."""
    found = []
    for one in folder.rglob("*"):
        if one.suffix in (".db", ".db-wal", ".json", ".parquet"):
            with suppress(FileNotFoundError):  # it has gone meanwhile
                found.append((str(one), one.stat().st_mtime_ns))
    return sorted(found)


def _children(pid: int) -> list[int]:
    """The processes that one has started; [] where the system does not tell."""
    found: list[int] = []
    for one in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name of a process, in parentheses, may have anything in it.
            if int(one.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(one.parent.name))
    return found
