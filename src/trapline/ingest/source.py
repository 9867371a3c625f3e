"""What a log source is: one module in `ingest/sources/` with `HELP`, `sniff` and `read`. The file name is its name
(and the value of `--format`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from trapline.events import Cell, Layout

HEAD = 65_536
"""Bytes of a file that `sniff` sees."""


class Input(Protocol):
    """One file (or archive member) to read. Decompression has been dealt with, and is bounded."""

    name: str
    """How the file is called towards the user: `logs.zip!Security.evtx`. Never used as a path."""
    head: bytes
    """The first `HEAD` bytes."""
    mtime: float
    """Modification time, epoch seconds."""

    def open(self) -> BinaryIO:
        """The bytes from the start, forward only."""
        ...

    def path(self) -> Path:
        """A file on disk with the bytes, for parsers that need random access (archive members are spooled)."""
        ...


class Sink(Protocol):
    """Where a source puts what it finds. Batching, defaults and user overrides (host, source, sourcetype, index) are
    the intake's concern."""

    named: bool
    """The sourcetype is given by the user or by a `[source::...]` stanza, not told by the content."""
    escaped: bool
    r"""KV_MODE = auto_escaped: `\"` and `\\` within quoted values of pairs are a quote and a backslash."""

    def add(
        self,
        names: tuple[str, ...],
        values: Sequence[Cell],
        *,
        time: int | None,
        raw: str,
        host: str | None,
        source: str | None,
        sourcetype: str,
        empties: bool = False,
    ) -> None:
        """One event. `time`: microseconds since 1970 UTC, None = not in the event. `source` None = the file's name.
        `names` unique, the same tuple object for equal shapes (it is a dict key). Empty values are null, unless
        `empties`."""
        ...

    def put(self, layout: Layout, texts: Sequence[str | None], raw: str) -> None:
        """One event by the texts captured from it, for sources that make columns themselves (`events.Layout`).
        Windows event XML gets here through `winxml.add_event`."""
        ...

    def bad(self, reason: str, where: str, count: int = 1) -> None:
        """A record was lost. `reason` is a short constant text (it is counted by reason), `where` e.g. "line 7"."""
        ...

    def keep(self, raw: str, reason: str, where: str, sourcetype: str) -> None:
        """A record that is text and could not be parsed: it becomes an event without fields, so that a search of its
        text finds it. `reason` and `where` as for `bad`. `sourcetype`: where no event of the file came before it, whose
        sourcetype it gets. One longer than `lines.LINE_LIMIT` is lost.
        Source: Getting Data In, "Configure event line breaking": lines make events, whatever is in them."""
        ...

    def warn(self, reason: str) -> None:
        """Something doubtful that lost nothing."""
        ...


class SourceModule(Protocol):
    """The shape of a module in `ingest/sources/`."""

    HELP: str
    """One line for `trapline ingest --help`."""

    def sniff(self, head: bytes, name: str) -> int:
        """How sure the module is that the file is its own, by content: 0 not at all, 100 a magic number. The highest
        wins, ties go to the name that sorts first."""
        ...

    def read(self, file: Input, sink: Sink) -> None:
        """Read the whole file. Corrupt records are told to the sink and cost themselves only. Raises InputError when
        the file as a whole is not readable in this format."""
        ...
