"""Recorded events, read as `trapline ingest` reads them and kept aside, so that they can be sent on in order of time.

They lie in one temporary file, as Arrow: memory holds a time and a place for each event (24 bytes), not the events.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from trapline.events import EventBatch
from trapline.ingest.intake import Progress, ingest
from trapline.ingest.report import IngestReport
from trapline.knowledge.indextime import IndexTime
from trapline.store import Portion, Store

_TIME = "_time"


class _Spool(Store):
    """A store that writes what is appended to one file, without a time or place of its own."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.pieces: list[tuple[str, int, int, int]] = []
        """Sourcetype, place in the file, bytes, rows."""
        self.file: BinaryIO | None = None

    def append(self, index: str, portions: Sequence[Portion]) -> int:
        assert self.file is not None
        rows = 0
        for portion in portions:
            for batch in portion.batches:
                start = self.file.tell()
                with pa.ipc.new_stream(self.file, batch.table.schema) as writer:
                    writer.write_table(batch.table.combine_chunks())
                self.pieces.append((batch.sourcetype, start, self.file.tell() - start, batch.table.num_rows))
                rows += batch.table.num_rows
        return rows

    def seen(self, index: str, file_id: str) -> bool:
        return False

    def finish(self, index: str, file_id: str, label: str, events: int) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Recorded:
    """Events that were read. Usable as long as the block of `recorded` lasts."""

    report: IngestReport
    times: pa.Array
    """Microseconds since 1970 of all events, ascending."""
    _order: pa.Array
    """The place of each of them, counted over all pieces."""
    _starts: Sequence[int]
    _pieces: Sequence[EventBatch]

    @property
    def events(self) -> int:
        return len(self.times)

    @property
    def earliest(self) -> int | None:
        return self.times[0].as_py() if self.events else None

    @property
    def latest(self) -> int | None:
        return self.times[-1].as_py() if self.events else None

    def part(self, start: int, end: int, shift: int = 0) -> list[EventBatch]:
        """The events from `start` to before `end` in order of time, each sourcetype and shape a batch that is in order
        itself. `shift`: microseconds that their times are moved by."""
        order = self._order.slice(start, end - start)
        places = order.to_pylist()
        rows: dict[int, list[int]] = {}
        for place in places:
            piece = _piece(self._starts, place)
            rows.setdefault(piece, []).append(place - self._starts[piece])
        found = []
        for piece, taken in rows.items():
            batch = self._pieces[piece]
            found.append(EventBatch(batch.sourcetype, _moved(batch.table.take(pa.array(taken, pa.int64())), shift)))
        return found


def _piece(starts: Sequence[int], place: int) -> int:
    from bisect import bisect_right

    return bisect_right(starts, place) - 1


def _moved(table: pa.Table, micros: int) -> pa.Table:
    if not micros:
        return table
    at = table.schema.get_field_index(_TIME)
    times = table.column(at)
    later = pc.add(times.cast(pa.int64()), pa.scalar(micros, pa.int64())).cast(times.type)
    return table.set_column(at, table.schema.field(at), later)


@contextmanager
def recorded(
    paths: Collection[str],
    *,
    source: str | None = None,
    sourcetype: str | None = None,
    host: str | None = None,
    format_name: str | None = None,
    rules: IndexTime | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Iterator[Recorded]:
    """Read paths as `ingest` does. What could not be read is in the report. Raises what `ingest` raises."""
    with Store.throwaway() as aside:
        spool = _Spool(aside.path)
        place = aside.path / "events.arrow"
        with place.open("wb") as file:
            spool.file = file
            report = ingest(
                paths,
                spool,
                source=source,
                sourcetype=sourcetype,
                host=host,
                format=format_name,
                again=True,
                progress=progress,
                rules=rules,
            )
            spool.close()
        yield _sorted(report, place, spool.pieces)


def _sorted(report: IngestReport, place: Path, pieces: Sequence[tuple[str, int, int, int]]) -> Recorded:
    if not pieces:
        none = pa.array([], pa.int64())
        return Recorded(report, none, none, (), ())
    whole = pa.memory_map(str(place), "r").read_buffer()
    starts: list[int] = []
    batches: list[EventBatch] = []
    times: list[pa.Array] = []
    count = 0
    for sourcetype, start, size, rows in pieces:
        table = pa.ipc.open_stream(pa.BufferReader(whole.slice(start, size))).read_all()
        starts.append(count)
        batches.append(EventBatch(sourcetype, table))
        times += table.column(_TIME).cast(pa.int64()).chunks
        count += rows
    micros = pa.concat_arrays(times)
    # Events of one time stay as they were met: the places are the second key.
    both = pa.table({"time": micros, "place": pa.array(range(count), pa.int64())})
    order = pc.sort_indices(both, sort_keys=[("time", "ascending"), ("place", "ascending")])
    return Recorded(report, micros.take(order), order.cast(pa.int64()), starts, batches)
