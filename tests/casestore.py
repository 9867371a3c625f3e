"""Cases over a store in a folder: files of evidence, and what the scheduler makes of them."""

from __future__ import annotations

import atexit
import base64
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.casefile import Block, Case, CaseError, Outcome
from trapline import app
from trapline.content.catalog import Content
from trapline.detect.drilldown import contributing, drilldowns
from trapline.detect.scheduler import Scheduler
from trapline.detect.settings import read, write_switches
from trapline.ingest.intake import Evidence, ingest
from trapline.state.notables import Notables, Wanted
from trapline.store import Store
from trapline.values import Row

MTIME = 1_700_000_000
"""Modification time of the files of a case: what an event without a time of its own gets."""

FILE_WORDS = frozenset({"name", "index", "sourcetype", "source", "host", "format", "encoding"})


def evidence(case: Case, block: Block, folder: Path) -> Evidence:
    """A file of a case, written into a folder."""
    path = folder / name_of(case, block)
    path.write_bytes(bytes_of(case, block))
    os.utime(path, (MTIME, MTIME))
    words = block.attributes
    return Evidence(
        str(path),
        sourcetype=words.get("sourcetype"),
        source=words.get("source"),
        host=words.get("host"),
        index=words.get("index"),
    )


def scheduled(case: Case) -> Outcome:
    """Ingest, run, backfill in the order of the steps of a case; then its search runs over the store."""
    given = (case.file, tuple(one.text for one in [*case.files(), *case.content()]), case.trapline, case.exceptions)
    key = (given, str(case.settings.get("enable")), str(case.settings["steps"]))
    if key not in _LAST:
        _forget()
        made = _LAST[key] = _Scheduled(case)
        try:
            made.run()
        except BaseException:
            _forget()
            raise
    return _LAST[key].outcome(case)


_LAST: dict[object, _Scheduled] = {}
"""The last store: cases of a page that differ in their searches only share it."""


@atexit.register
def _forget() -> None:
    for one in _LAST.values():
        shutil.rmtree(one.folder, ignore_errors=True)
    _LAST.clear()


class _Scheduled:
    """A store in a folder, step by step."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.folder = Path(tempfile.mkdtemp(prefix="trapline-case-"))
        self.said: list[str] = []
        self.store = self.folder / "store"
        self.content = self._content()
        self.files = {name_of(case, block): block for block in case.files()}

    def run(self) -> None:
        """All the steps."""
        Store.open(self.store).close()
        write_switches(self.store / "enabled.yml", {str(one): True for one in self.case.settings.get("enable", [])})
        (self.store / "trapline.yml").write_text(self.case.trapline, encoding="utf-8")
        (self.store / "exceptions.yml").write_text(self.case.exceptions, encoding="utf-8")
        steps = [str(one).split() for one in self.case.settings["steps"]]
        later = {words[1] for words in steps if words[0] == "ingest"}
        for name in self.files:
            if name not in later:
                self._ingest(name)
        for words in steps:
            match words:
                case ["ingest", name] if name in self.files:
                    self._ingest(name)
                case ["run", span]:
                    start, end = _span(span)
                    with self._scheduler() as scheduler:
                        scheduler.begin(start)
                        scheduler.advance(end)
                case ["backfill", span, *again]:
                    start, end = _span(span)
                    with self._scheduler() as scheduler:
                        scheduler.late()
                        scheduler.backfill(scheduler.missing(start, end, again=again == ["again"]))
                case _:
                    known = "ingest NAME, run FROM..TO, backfill FROM..TO [again]"
                    raise CaseError(f"{self.case.place}: '{' '.join(words)}' is no step; there are {known}")

    def outcome(self, case: Case) -> Outcome:
        """What the search of a case gives, or the drilldowns if it is about them."""
        times: dict[str, Any] = {name: case.settings.get(name) for name in ("earliest", "latest", "now")}
        with self._session() as session:
            result = session.run(case.spl, **times)
        rows = result.rows
        if "drilldowns" in case.settings:
            rows = self._drilldowns(str(case.settings["drilldowns"]))
        return Outcome(result.fields, rows, [*self.said, *map(str, result.warnings)])

    def _drilldowns(self, spl: str) -> list[Row]:
        """For each notable, the oldest first, the rows of its drilldowns and of the search for its risk events: each
        with what it is of, and what `spl` makes of it."""
        found: list[Row] = []
        known = {one.rule_name: one for one in self.content.detections}
        notables = sorted(Notables(app.database(self.store)).find(Wanted()), key=lambda one: one.time)
        with self._session() as session:
            for one in notables:
                for ready in [
                    *drilldowns(one.fields, one.time),
                    contributing(one.fields, one.time, known[one.search]),
                ]:
                    bounds: Mapping[str, Any] = {"earliest": ready.earliest, "latest": ready.latest, "now": ready.now}
                    found += [
                        {"notable": one.title, "drilldown": ready.name} | row
                        for row in session.run(f"{ready.search} {spl}", **bounds).rows
                    ]
        return found

    def _content(self) -> Content:
        own = self.folder / "content"
        for block in self.case.content():
            path = own / block.attributes["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text + "\n", encoding="utf-8")
        return app.content([own] if own.is_dir() else [])

    def _ingest(self, name: str) -> None:
        block = self.files[name]
        with Store.open(self.store) as store:
            report = ingest([evidence(self.case, block, self.folder)], store, format=block.attributes.get("format"))
        self.said += [f"{one.name}: {one.note}" for one in report.files if one.note]

    @contextmanager
    def _scheduler(self) -> Iterator[Scheduler]:
        settings = read(self.store / "trapline.yml")
        with app.scheduler(
            self.content,
            app.knowledge(),
            store=self.store,
            kept=app.kept(self.store),
            settings=settings,
            simulated=True,
        ) as (scheduler, _):
            yield scheduler

    @contextmanager
    def _session(self) -> Iterator[Any]:
        with app.session(self.content, app.knowledge(), store=self.store, kept=app.kept(self.store)) as (session, _):
            yield session


def _span(text: str) -> tuple[float, float]:
    first, _, last = text.partition("..")
    start, end = (datetime.fromisoformat(one).replace(tzinfo=UTC).timestamp() for one in (first, last))
    return start, end


def name_of(case: Case, block: Block) -> str:
    place = f"{case.file}:{block.first + 1}"
    unknown = sorted(set(block.attributes) - FILE_WORDS)
    if unknown:
        raise CaseError(f"{place}: a file block has no {', '.join(unknown)}; known are {', '.join(sorted(FILE_WORDS))}")
    name = block.attributes.get("name", "")
    if not name or Path(name).name != name:
        raise CaseError(f"{place}: a file block needs name=, a plain file name")
    return name


def bytes_of(case: Case, block: Block) -> bytes:
    match block.attributes.get("encoding"):
        case None:
            return (block.text + "\n").encode()
        case "base64":
            return base64.b64decode(block.text, validate=False)
        case other:
            raise CaseError(f"{case.file}:{block.first + 1}: encoding={other} is not known; base64 is")
