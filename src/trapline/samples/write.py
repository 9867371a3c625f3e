"""Writes the sample logs into a folder, with a manifest that says what is in them and that they are synthetic."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trapline.samples import windows
from trapline.samples.event import Event, classic, evtx_json, numbered, xml

SEED = 7045
LOGS = "logs"
"""Folder of the log files, so that what describes them is no evidence itself."""


@dataclass(frozen=True, slots=True)
class LogFile:
    name: str
    format: str
    """The log source that reads it, in words."""
    events: int
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was written, and the one thing that is there to be found."""

    folder: Path
    """Holds README.txt, manifest.json and the logs in logs/."""
    seed: int
    files: tuple[LogFile, ...]
    host: str
    """Where RemCom's service was installed."""
    time: float
    """When, epoch seconds."""
    service: str

    @property
    def logs(self) -> Path:
        return self.folder / LOGS

    @property
    def events(self) -> int:
        return sum(one.events for one in self.files)

    def to_json(self) -> dict[str, Any]:
        """The manifest as it is written, without the folder (which differs from machine to machine)."""
        return {
            "synthetic": True,
            "note": "Made by trapline from a seed. No event comes from a real machine.",
            "seed": self.seed,
            "events": self.events,
            "files": [
                {"name": one.name, "format": one.format, "events": one.events, "hosts": list(one.hosts)}
                for one in self.files
            ],
            "remcom_install": {
                "host": self.host,
                "time": windows.REMCOM_TIME.isoformat(),
                "EventCode": windows.SERVICE_INSTALL.id,
                "ServiceName": self.service,
            },
        }


_FORMATS: dict[str, tuple[str, Callable[[Event], str]]] = {
    "xml": ("XmlWinEventLog text", xml),
    "classic": ("classic WinEventLog text", classic),
    "jsonl": ("evtx_dump JSON lines", evtx_json),
}

_FILES = {
    "DC01-xmlwineventlog.log": ("xml", windows.DC01),
    "FS02-xmlwineventlog.log": ("xml", windows.FS02),
    "SQL03-wineventlog-system.log": ("classic", windows.SQL03),
    "WS-101-xmlwineventlog.log": ("xml", windows.WS101),
    "WS-102-xmlwineventlog.log": ("xml", windows.WS102),
    "WS-103-evtx.jsonl": ("jsonl", windows.WS103),
}

_README = """\
Sample logs, synthetic

Trapline made these files from a seed ({seed}). No event comes from a real machine: hosts are below corp.example,
addresses are documentation ranges. They hold {events:,} events of {hosts} hosts over {days} days. One of them is the
install of "{service}" on {host} ({time}), in the shape of a real event 7045;
a few events around it belong to it (the remote logon, the file, the processes). Everything else is benign.

The same seed makes the same files. manifest.json says the same for programs.
"""


def write(folder: Path, *, seed: int = SEED) -> Manifest:
    """Write README.txt, manifest.json and logs/ into `folder`, which is made if need be. Files of the same names are
    replaced, others are left alone. Raises OSError."""
    (folder / LOGS).mkdir(parents=True, exist_ok=True)
    by_host: dict[str, list[Event]] = {}
    for event in numbered(list(windows.Domain(seed).events())):
        by_host.setdefault(event.host, []).append(event)
    files = []
    for name, (form, host) in _FILES.items():
        title, render = _FORMATS[form]
        lines = [render(event) for event in by_host[host.fqdn]]
        _write(folder / LOGS / name, "\n".join(lines) + "\n")
        files.append(LogFile(name, title, len(lines), (host.fqdn,)))
    manifest = Manifest(
        folder, seed, tuple(files), windows.REMCOM_HOST.fqdn, windows.REMCOM_TIME.timestamp(), windows.REMCOM_SERVICE
    )
    _write(folder / "manifest.json", json.dumps(manifest.to_json(), indent=2) + "\n")
    _write(
        folder / "README.txt",
        _README.format(
            seed=seed,
            events=manifest.events,
            hosts=len(windows.HOSTS),
            days=windows.DAYS,
            service=manifest.service,
            host=manifest.host,
            time=f"{windows.REMCOM_TIME:%Y-%m-%d %H:%M:%S} UTC",
        ),
    )
    return manifest


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8"))
