"""hec: each notable as an event for Splunk's HTTP Event Collector.

The event has the fields of the notable, so that a search finds them by their own names. HEC knows no idempotency key:
`event_id` of the event is the key, and `dedup event_id` in a search tells a message that came twice. Source: "Format
events for HTTP Event Collector" of Splunk's documentation (`time`, `host`, `source`, `sourcetype`, `index`, `event`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from trapline.outputs.message import Message
from trapline.outputs.options import Options, Secret
from trapline.outputs.output import Later
from trapline.outputs.wire import Poster

HELP = "events for Splunk's HTTP Event Collector (url, token, index)"
PATH = "/services/collector/event"


@dataclass(frozen=True, slots=True)
class Hec:
    poster: Poster
    token: Secret
    meta: dict[str, str]
    """`index`, `sourcetype`, `source`, `host`, as far as set."""
    channel: str | None

    @property
    def target(self) -> str:
        return self.poster.url.target

    def send(self, message: Message) -> None:
        given = message.to_json()
        event = {**given.pop("fields"), "event_id": given.pop("key")}
        for name, value in given.items():
            event.setdefault(name, value)
        meta = {"source": message.search} | self.meta
        body = {"time": round(message.time, 3), **meta, "event": event}
        answer = self.poster.post(json.dumps(body, allow_nan=False).encode(), headers(self.token, self.channel))
        taken(answer, self.target)


def headers(token: Secret, channel: str | None = None) -> dict[str, str]:
    """What a request has beside its events."""
    made = {"Authorization": f"Splunk {token.reveal()}"}
    return made | {"X-Splunk-Request-Channel": channel} if channel else made


def taken(answer: bytes, target: str) -> None:
    """Raises Later where the answer is not that of a collector which took the events: a proxy's login page is no
    Splunk."""
    try:
        code = json.loads(answer)["code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Later(f"{target} does not answer as an HTTP Event Collector") from None
    if code != 0:
        raise Later(f"{target} answered code {str(code)[:20]}")


def make(options: Options) -> Hec:
    token = options.secret("token")
    if token is None:
        options.missing("token")
    meta = {name: options.text(name) for name in ("index", "source", "host") if options.has(name)}
    meta["sourcetype"] = options.text("sourcetype", "trapline:notable")
    channel = options.text("channel", "")
    if not (channel.isascii() and channel.isprintable()):
        options.wrong("channel", "this is no channel", "a channel is a GUID")
    return Hec(Poster.of(options, PATH), token, meta, channel or None)
