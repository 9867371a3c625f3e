"""Windows event log files (.evtx). Each record becomes the XML that Windows would print for it (`ingest.winxml`).

A damaged record or chunk costs itself only: the parser goes on behind it and the loss is counted (facts/DATA.md §0-1
lists files of that kind).
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from trapline.errors import InputError
from trapline.ingest.evtxparse import DIED, Damage, parsed
from trapline.ingest.source import Input, Sink
from trapline.ingest.winxml import LEARN_AFTER, WindowsEvents

HELP = "Windows event log files, also damaged ones"

MAGIC = b"ElfFile\x00"
_HEADER = 4096
_CHUNK = 65_536
_CHUNK_HEADER = 512

_events = WindowsEvents(rendered=True, learn_after=LEARN_AFTER)


def sniff(head: bytes, name: str) -> int:
    """The magic number of the file header."""
    return 100 if head.startswith(MAGIC) else 0


def read(file: Input, sink: Sink) -> None:
    """See `source.SourceModule.read`."""
    path = file.path()
    size = path.stat().st_size
    if not file.head.startswith(MAGIC):
        raise InputError("not an EVTX file", file=file.name, hint="An EVTX file starts with 'ElfFile'.")
    with _filled_up(path, size) as whole:
        _read(file, whole, size, sink)
    missing = _missing_chunks(file.head, size)
    if missing:
        sink.bad("chunks missing, the file is cut off", f"byte {size}", missing)


@contextlib.contextmanager
def _filled_up(path: Path, size: int) -> Iterator[Path]:
    """The file, or, where it ends within a chunk, a copy with that chunk filled up: the parser leaves a chunk that is
    not whole, and with it the records that are."""
    rest = (size - _HEADER) % _CHUNK
    if size <= _HEADER or rest <= _CHUNK_HEADER:
        yield path
        return
    with tempfile.NamedTemporaryFile(suffix=".evtx") as copy:
        with path.open("rb") as original:
            shutil.copyfileobj(original, copy, 1 << 20)
        copy.write(bytes(_CHUNK - rest))
        copy.flush()
        yield Path(copy.name)


def _read(file: Input, path: Path, size: int, sink: Sink) -> None:
    try:
        found = parsed(path)
    except (RuntimeError, OSError, ValueError) as error:
        raise InputError(
            f"the file header is damaged: {_short(str(error))}",
            file=file.name,
            hint="An EVTX file is a header of 4096 bytes and chunks of 65536; this is cut off or something else.",
        ) from error
    number = 0
    failures = 0
    # No file has more records than room for their headers: a parser that never came to an end would stop here
    most_failures = size // 24 + 1024
    take = _events.take
    for one in found:
        if isinstance(one, Damage):
            failures += 1
            sink.bad(_reason(one.message), _place(one.message, number))
            if failures > most_failures:
                sink.warn("too many damaged records, the rest of the file was left")
                break
            continue
        number += 1
        reason = take(one, sink)
        if reason is not None:
            sink.bad(reason, _record(one, number))


def _missing_chunks(head: bytes, size: int) -> int:
    """How many chunks that the file header counts, or that are there in part, are not whole. (The count has 16 bits,
    and the file may have room for more chunks than are in use.)"""
    counted = int.from_bytes(head[42:44], "little")
    whole, rest = divmod(max(0, size - _HEADER), _CHUNK)
    return max(counted - whole, 1 if rest else 0)


_KINDS = (
    (DIED.message, "the rest of the file: the parser died"),
    ("chunk header", "damaged chunk"),
    ("parse chunk", "damaged chunk"),
    ("record header", "damaged record header"),
    ("record data size", "damaged record size"),
    ("NullType", "damaged record"),
    ("parse record", "damaged record"),
    ("deserialize", "damaged record"),
)


def _reason(message: str) -> str:
    for part, reason in _KINDS:
        if part in message:
            return reason
    return "damaged record"


def _place(message: str, number: int) -> str:
    found = re.search(r"(chunk|record)(?: number| id)? (\d+)", message)
    return f"{found[1]} {found[2]}" if found else f"after {number} records"


def _record(text: str, number: int) -> str:
    found = re.search(r"<EventRecordID>(\d+)<", text)
    return f"record {found[1]}" if found else f"event {number}"


def _short(message: str) -> str:
    return message if len(message) <= 160 else message[:157] + "..."
