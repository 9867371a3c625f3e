"""jsonl: each notable as one line of JSON, appended to a file and on the disk before it counts as sent.

A message whose key is in the end of the file already is not written again (a crash between writing and marking); an
older one could be. A line that a crash cut off stays, and the next one begins on a line of its own.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

from trapline.outputs.message import Message
from trapline.outputs.options import Options
from trapline.outputs.output import Later

HELP = "lines of JSON appended to a file (path)"
TAIL = 1_000_000
"""Bytes at the end of the file that are looked through for the key."""


@dataclass(frozen=True, slots=True)
class JsonLines:
    path: Path

    @property
    def target(self) -> str:
        return str(self.path)

    def send(self, message: Message) -> None:
        try:
            file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                size = os.fstat(file).st_size
                tail = os.pread(file, TAIL, max(0, size - TAIL))
                if _holds(tail, message.key):
                    return
                line = message.dumps().encode() + b"\n"
                if tail and not tail.endswith(b"\n"):
                    line = b"\n" + line
                while line:
                    line = line[os.write(file, line) :]
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise Later(f"{self.path}: {error.strerror}") from None


def make(options: Options) -> JsonLines:
    return JsonLines(options.path("path"))


def _holds(tail: bytes, key: str) -> bool:
    # `Message.dumps` writes the key first. Only a line that is whole counts.
    start = b'{"key": ' + json.dumps(key).encode() + b","
    return any(line.startswith(start) and line.endswith(b"}") for line in tail.split(b"\n")[:-1])
