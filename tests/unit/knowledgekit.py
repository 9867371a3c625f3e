"""Add-ons and events for the tests of search-time knowledge: both are written to disk and read by the real parts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trapline.ingest.intake import Evidence, ingest
from trapline.knowledge import Knowledge
from trapline.search import Session
from trapline.store import Store

XML = """<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>\
<Provider Name='{provider}' Guid='{{555908d1-a6d7-4695-8e1e-26931d2012f4}}'/><EventID{qualifiers}>{code}</EventID>\
<Version>0</Version><Level>4</Level><Task>0</Task><Opcode>0</Opcode><Keywords>{keywords}</Keywords>\
<TimeCreated SystemTime='2026-03-04T10:11:25.483986Z'/><EventRecordID>4711</EventRecordID><Correlation/>\
<Execution ProcessID='720' ThreadID='1234'/><Channel>{channel}</Channel>\
<Computer>{computer}</Computer><Security{user}/></System><EventData>{data}</EventData></Event>"""

SYSMON = "Microsoft-Windows-Sysmon/Operational"


def xml(
    channel: str,
    code: int,
    computer: str = "ws1.lab.example",
    keywords: str = "0x8000000000000000",
    provider: str = "A Provider",
    qualifiers: str = "",
    user: str = " UserID='S-1-5-18'",
    **data: str,
) -> str:
    """A Windows event as its channel writes it. Values are not escaped."""
    values = "".join(f"<Data Name='{name}'>{value}</Data>" for name, value in data.items())
    return XML.format(
        provider=provider,
        qualifiers=qualifiers,
        code=code,
        keywords=keywords,
        channel=channel,
        computer=computer,
        user=user,
        data=values,
    )


def addon(folder: Path, name: str = "my_addon", layer: str = "default", **files: str) -> Path:
    """An add-on folder with the files given by their names without .conf. A file that ends in _csv is a lookup."""
    for file, text in files.items():
        base = folder / name / ("lookups" if file.endswith("_csv") else layer)
        base.mkdir(parents=True, exist_ok=True)
        path = base / (file.removesuffix("_csv") + (".csv" if file.endswith("_csv") else ".conf"))
        path.write_text(text, encoding="utf-8")
    return folder / name


@contextmanager
def session(
    folder: Path,
    events: Sequence[Mapping[str, Any] | str],
    knowledge: Knowledge | None = None,
    sourcetype: str | None = None,
    source: str | None = None,
    host: str | None = None,
) -> Iterator[Session]:
    """A session over events in a throwaway store: JSON objects, or Windows event XML."""
    lines = [
        one if isinstance(one, str) else json.dumps({"time": 1_772_619_085 + at} | dict(one))
        for at, one in enumerate(events)
    ]
    path = folder / "events.log"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with Store.throwaway() as store:
        report = ingest([Evidence(str(path), sourcetype=sourcetype, source=source, host=host)], store)
        assert sum(one.events for one in report.files) == len(events), [one.note for one in report.files]
        yield Session(tables=store.snapshot().tables, knowledge=knowledge)
