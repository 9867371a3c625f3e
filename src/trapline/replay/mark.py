"""How far a replay has come, in a file: an interrupted one goes on there.

The file says what was acknowledged, so a batch whose answer was not seen is sent again: at least once, never left out.
It is of one replay: other data, another target or other labels are refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trapline.errors import InputError, TraplineError
from trapline.replay.recorded import Recorded

LARGEST = 10_000
"""Bytes; a larger file is none of ours."""


@dataclass(frozen=True, slots=True)
class Reached:
    """`sent`: so many events, the first in order of time, were acknowledged. `shift`: microseconds that times are moved
    by."""

    sent: int
    shift: int


class Mark:
    def __init__(self, path: Path, events: Recorded, about: Sequence[object]) -> None:
        """`about`: what else makes it another replay: target, index, labels."""
        self.path = path
        self.key = _key(events, about)
        self.most = events.events

    def read(self) -> Reached | None:
        """None where nothing was sent yet. Raises InputError for a file that is of another replay, or none."""
        try:
            if self.path.stat().st_size > LARGEST:
                raise ValueError
            body = json.loads(self.path.read_bytes())
            found = Reached(int(body["sent"]), int(body["shift"]))
            key = str(body["replay"])
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"it cannot be read: {error.strerror}", file=str(self.path), code="replay.state") from None
        except (ValueError, KeyError, TypeError):
            raise InputError(
                "this is no state of a replay", file=str(self.path), hint="name another file", code="replay.state"
            ) from None
        if key != self.key or not 0 <= found.sent <= self.most:
            raise InputError(
                "this is the state of another replay: the data, the target or a label differ",
                file=str(self.path),
                hint="delete it to begin anew, or name another file",
                code="replay.state",
            )
        return found

    def write(self, reached: Reached) -> None:
        """Raises TraplineError."""
        body = {"replay": self.key, "sent": reached.sent, "of": self.most, "shift": reached.shift}
        aside = self.path.with_name(f".{self.path.name}.new")
        try:
            aside.write_text(json.dumps(body) + "\n", encoding="utf-8")
            aside.replace(self.path)
        except OSError as error:
            reason = f"the state {self.path} cannot be written: {error.strerror}"
            raise TraplineError(reason, hint="name another file with --state", code="replay.state") from None

    def done(self) -> None:
        """All is sent: the same replay would begin anew."""
        self.path.unlink(missing_ok=True)


def _key(events: Recorded, about: Sequence[object]) -> str:
    found = hashlib.sha256(repr(tuple(about)).encode("utf-8", "surrogatepass"))
    found.update(repr([(one.name, one.events) for one in events.report.files]).encode("utf-8", "surrogatepass"))
    found.update(memoryview(events.times.to_numpy(zero_copy_only=False)).cast("B"))
    return found.hexdigest()
