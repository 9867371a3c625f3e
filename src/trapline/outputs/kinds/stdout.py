"""stdout: each notable as a few lines, or as one line of JSON, on standard output.

What does not print (escape sequences of a terminal, newlines, marks of direction) is written as escapes.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from trapline.outputs.message import Message, shown, visible
from trapline.outputs.options import Options
from trapline.outputs.output import Later

HELP = "lines on standard output (format: text or json)"
WIDTH = 500
"""Characters of a value."""


@dataclass(frozen=True, slots=True)
class Stdout:
    json: bool
    target: str = "standard output"

    def send(self, message: Message) -> None:
        try:
            sys.stdout.write((message.dumps() if self.json else text(message)) + "\n")
            sys.stdout.flush()
        except (OSError, ValueError) as error:
            raise Later(f"standard output: {error}") from None


def make(options: Options) -> Stdout:
    return Stdout(options.choice("format", ("text", "json"), "text") == "json")


def text(message: Message) -> str:
    """The block of one message, in ASCII where the terminal takes no more."""
    lines = [f"{message.when}  {visible(message.urgency, 20).upper()}  {visible(message.title, WIDTH)}"]
    lines.append(f"  search: {visible(message.search, WIDTH)}")
    if message.entity:
        kind = f" ({visible(message.entity_type, 100)})" if message.entity_type else ""
        lines.append(f"  entity: {visible(message.entity, WIDTH)}{kind}")
    lines += [f"  {visible(name, 100)}: {shown(value, WIDTH)}" for name, value in message.body.items()]
    lines += [f"  next: {visible(one.get('search', ''), WIDTH)}" for one in message.drilldowns]
    if message.cut:
        lines.append(f"  too long to show in full: {', '.join(visible(one, 100) for one in message.cut)}")
    found = "\n".join([*lines, f"  key: {message.key}"])
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return found.encode(encoding, "backslashreplace").decode(encoding)
