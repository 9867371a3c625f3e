"""What an output is: a module in `outputs/kinds/` with `HELP` and `make`. The file name is its `kind`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from trapline.outputs.message import Message
from trapline.outputs.options import Options
from trapline.values import value_text

ATTEMPTS = 20
"""Attempts at most, unless the settings say another number: about half a day."""


class Undelivered(Exception):
    """A message was not taken. `reason` is shown to people: it holds no secret."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Later(Undelivered):
    """The endpoint is down, busy, or does not let us in: the same message may go through later, and other messages to
    it would not now. `after`: seconds that it asks us to wait. `status`: that of an HTTP answer."""

    def __init__(self, reason: str, after: float | None = None, status: int | None = None) -> None:
        super().__init__(reason)
        self.after = after
        self.status = status


class Refused(Undelivered):
    """The endpoint does not want this very message, and never will."""


class Sender(Protocol):
    """One endpoint, set up."""

    @property
    def target(self) -> str:
        """Where it sends to, for people: no secret in it."""
        ...

    def send(self, message: Message) -> str | None:
        """Send one message; returns once the endpoint has taken it. A text is a doubt about a message that was taken.
        Raises Later or Refused, and nothing else."""
        ...


class OutputModule(Protocol):
    """The shape of a module in `outputs/kinds/`."""

    HELP: str
    """One line for the list of kinds."""

    def make(self, options: Options) -> Sender:
        """The endpoint that the settings describe. Sends nothing. Raises InputError."""
        ...


@dataclass(frozen=True, slots=True)
class Output:
    """An output of the settings. `only`: what a message has to be like, field -> values in lower case."""

    name: str
    kind: str
    sender: Sender = field(repr=False)
    only: Mapping[str, frozenset[str]] = field(default_factory=dict)
    fields: tuple[str, ...] | None = None
    attempts: int = ATTEMPTS
    suppressed: bool = False
    """It has notables, too, that a suppression hides."""

    def wants(self, message: Message) -> bool:
        """Is the message for this output? Every field of `only` has one of its values; case does not matter."""
        own = {"severity": message.severity, "urgency": message.urgency, "search": message.search}
        own |= {"entity": message.entity or "", "entity_type": message.entity_type or ""}
        for name, values in self.only.items():
            value = own.get(name, message.body.get(name, ""))
            many = value if isinstance(value, list) else [value]
            if not any(value_text(one).lower() in values for one in many):
                return False
        return True

    def send(self, message: Message) -> str | None:
        """As `Sender.send`, with the fields that the settings name."""
        return self.sender.send(message if self.fields is None else message.only(self.fields))
