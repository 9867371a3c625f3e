"""A Windows event, and how it is written in three of the forms it is met in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape, quoteattr

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"


@dataclass(frozen=True, slots=True)
class Kind:
    """What all events of one id have in common: the constant part of <System>."""

    channel: str
    provider: str
    guid: str
    id: int
    version: int
    level: int
    task: int
    opcode: int
    keywords: str
    pid: int
    """Of the process that logs it (services.exe, lsass.exe, ...)."""
    qualifiers: int | None = None
    """Given for classic providers, whose <Provider> also names an EventSourceName."""


@dataclass(frozen=True, slots=True)
class Event:
    time: int
    """Microseconds since 1970 UTC."""
    host: str
    kind: Kind
    data: tuple[tuple[str, str], ...]
    user_sid: str | None = None
    thread: int = 0
    record: int = 0
    binary: str = ""
    """Content of <Binary>, hexadecimal."""

    @property
    def moment(self) -> datetime:
        return _EPOCH + timedelta(microseconds=self.time)


def xml(event: Event) -> str:
    """The event as Splunk's XmlWinEventLog input writes it: one line (but for line breaks inside values), attributes in
    single quotes, seven digits of the second."""
    kind = event.kind
    provider = f"<Provider Name={_attribute(kind.provider)} Guid={_attribute(kind.guid)}"
    number = f"<EventID>{kind.id}</EventID>"
    if kind.qualifiers is not None:
        provider += f" EventSourceName={_attribute(kind.provider)}"
        number = f"<EventID Qualifiers='{kind.qualifiers}'>{kind.id}</EventID>"
    user = f" UserID={_attribute(event.user_sid)}" if event.user_sid else ""
    data = "".join(f"<Data Name={_attribute(name)}>{escape(value)}</Data>" for name, value in event.data)
    binary = f"<Binary>{event.binary}</Binary>" if event.binary else ""
    return (
        f"<Event xmlns='{_NAMESPACE}'><System>{provider}/>{number}<Version>{kind.version}</Version>"
        f"<Level>{kind.level}</Level><Task>{kind.task}</Task><Opcode>{kind.opcode}</Opcode>"
        f"<Keywords>{kind.keywords}</Keywords><TimeCreated SystemTime='{event.moment:%Y-%m-%dT%H:%M:%S.%f}0Z'/>"
        f"<EventRecordID>{event.record}</EventRecordID><Correlation/>"
        f"<Execution ProcessID='{kind.pid}' ThreadID='{event.thread}'/><Channel>{kind.channel}</Channel>"
        f"<Computer>{escape(event.host)}</Computer><Security{user}/></System>"
        f"<EventData>{data}{binary}</EventData></Event>"
    )


def _attribute(text: str) -> str:
    quoted = quoteattr(text, {"'": "&apos;"})
    return f"'{quoted[1:-1]}'"


_MESSAGES = {
    7036: "The {param1} service entered the {param2} state.",
    7040: "The start type of the {param1} service was changed from {param2} to {param3}.",
    7045: "A service was installed in the system.\r\n\r\nService Name:  {ServiceName}\r\n"
    "Service File Name:  {ImagePath}\r\nService Type:  {ServiceType}\r\n"
    "Service Start Type:  {StartType}\r\nService Account:  {AccountName}",
}
"""The rendered texts of the System events that are written as classic text."""


def classic(event: Event) -> str:
    """The event as Splunk's classic WinEventLog input writes it (facts/DATA.md §1.2): the time, key=value lines, at
    last the message, whose inner lines end in CRLF. Service Control Manager events only."""
    kind = event.kind
    sid = ""
    if event.user_sid:
        sid = f"User=NOT_TRANSLATED\nSid={event.user_sid}\nSidType=0\n"
    return (
        f"{event.moment:%m/%d/%Y %I:%M:%S %p}\nLogName={kind.channel}\n"
        f"SourceName=Microsoft-Windows-{kind.provider}\nEventCode={kind.id}\nEventType=4\nType=Information\n"
        f"ComputerName={event.host}\n{sid}TaskCategory=None\nOpCode=The operation completed successfully.\n"
        f"RecordNumber={event.record}\nKeywords=Classic\nMessage={_MESSAGES[kind.id].format(**dict(event.data))}"
    )


_DIGITS = re.compile(r"(?:0|[1-9]\d{0,17})\Z")


def evtx_json(event: Event) -> str:
    """The event as evtx_dump -o jsonl writes it: numbers as numbers, attributes below #attributes."""
    kind = event.kind
    provider = {"Name": kind.provider, "Guid": kind.guid.strip("{}").upper()}
    number: object = kind.id
    if kind.qualifiers is not None:
        provider["EventSourceName"] = kind.provider
        number = {"#attributes": {"Qualifiers": kind.qualifiers}, "#text": kind.id}
    body: dict[str, object] = {name: int(value) if _DIGITS.match(value) else value for name, value in event.data}
    if event.binary:
        body["Binary"] = event.binary
    record = {
        "Event": {
            "#attributes": {"xmlns": _NAMESPACE},
            "System": {
                "Provider": {"#attributes": provider},
                "EventID": number,
                "Version": kind.version,
                "Level": kind.level,
                "Task": kind.task,
                "Opcode": kind.opcode,
                "Keywords": kind.keywords,
                "TimeCreated": {"#attributes": {"SystemTime": f"{event.moment:%Y-%m-%dT%H:%M:%S.%f}Z"}},
                "EventRecordID": event.record,
                "Correlation": None,
                "Execution": {"#attributes": {"ProcessID": kind.pid, "ThreadID": event.thread}},
                "Channel": kind.channel,
                "Computer": event.host,
                "Security": {"#attributes": {"UserID": event.user_sid}} if event.user_sid else None,
            },
            "EventData": body,
        }
    }
    return json.dumps(record, ensure_ascii=False)


def numbered(events: list[Event]) -> Iterator[Event]:
    """The events in order of time, with record numbers that count per host and channel."""
    last: dict[tuple[str, str], int] = {}
    for event in sorted(events, key=lambda one: one.time):
        key = (event.host, event.kind.channel)
        last[key] = last.get(key, 1000 + 37 * len(last)) + 1
        yield replace(event, record=last[key])
