"""Parsing EVTX in a process of its own: while one core turns binary records into XML, another makes fields of them.

`python -P -m trapline.ingest.evtxparse FILE` writes frames on standard output: a kind (one byte), a length (four bytes,
big endian), that many bytes. Kind E: event texts, UTF-8, with `SEPARATOR` between them (a byte that UTF-8 never has).
Kind D: what is said of a damaged record or chunk, in its place among the events. Kind Z: the end; without it the parser
died.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

SEPARATOR = b"\xff"
EVENTS, DAMAGE, END = b"E", b"D", b"Z"
FRAME_EVENTS = 256
"""Events in a frame."""
LARGE = 24 << 20
"""Bytes of a file from which a process of its own pays: starting it costs as much as parsing some megabytes."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A record or chunk that the parser could not read: what it says of it."""

    message: str


DIED = Damage("the parser ended before the file did")

Parsed = str | Damage


def parsed(path: Path) -> Generator[Parsed, None, None]:
    """The events of a file as the parser prints them, and what is damaged, in the order of the file.

    Raises RuntimeError, OSError or ValueError when the header of the file cannot be read."""
    from evtx import PyEvtxParser

    records = iter(PyEvtxParser(str(path)).records())
    if path.stat().st_size >= LARGE and sys.executable:
        return _piped(path)
    return _here(records)


def _here(records: Any) -> Generator[Parsed, None, None]:
    while True:
        try:
            record = next(records)
        except StopIteration:
            return
        except (RuntimeError, OSError, ValueError) as error:
            yield Damage(str(error))
        else:
            yield record["data"]


def _piped(path: Path) -> Generator[Parsed, None, None]:
    # -P: the folder where the user is may hold evidence, no Python of its own is to be found there.
    command = [sys.executable, "-P", "-m", __name__, str(path)]
    with subprocess.Popen(  # noqa: S603 - this interpreter and this module; the path is an argument, there is no shell
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        assert child.stdout is not None
        try:
            while (frame := _frame(child.stdout)) is not None:
                kind, body = frame
                if kind == END:
                    return
                if kind == DAMAGE:
                    yield Damage(body.decode("utf-8", "replace"))
                    continue
                for text in body.split(SEPARATOR):
                    yield text.decode("utf-8", "replace")
            yield DIED
        finally:
            child.kill()


def _frame(stream: IO[bytes]) -> tuple[bytes, bytes] | None:
    head = stream.read(5)
    if len(head) < 5:
        return None
    length = int.from_bytes(head[1:], "big")
    body = stream.read(length)
    return None if len(body) < length else (head[:1], body)


def main(path: str) -> None:
    """Write the frames of a file."""
    from evtx import PyEvtxParser

    out = sys.stdout.buffer
    waiting: list[bytes] = []

    def send(kind: bytes, body: bytes) -> None:
        out.write(kind + len(body).to_bytes(4, "big"))
        out.write(body)

    def flush() -> None:
        if waiting:
            send(EVENTS, SEPARATOR.join(waiting))
            waiting.clear()

    for one in _here(iter(PyEvtxParser(path).records())):
        if isinstance(one, Damage):
            flush()
            send(DAMAGE, one.message.encode("utf-8", "replace"))
            continue
        waiting.append(one.encode("utf-8", "replace"))
        if len(waiting) >= FRAME_EVENTS:
            flush()
    flush()
    send(END, b"")
    out.flush()


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except BrokenPipeError:
        sys.stderr.close()
