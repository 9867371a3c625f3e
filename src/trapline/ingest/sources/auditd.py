"""Linux audit records: `type=SYSCALL msg=audit(1700000000.123:456): arch=c000003e ...`, one per line.

sourcetype `linux:audit`; the time is the one in `msg=audit(...)`; the host is `node=` where auditd writes it.

Fields are the `key=value` pairs: those of the kernel, those inside `msg='...'`, and the translated ones in capitals
(UID, AUID, SYSCALL, ..) that follow the separator 0x1D, also where a copy lost it (`cap_frootid=0OUID="root"`). Quotes
around a value are taken off. Hex-encoded values (proctitle, EXECVE arguments with blanks) stay as they are: the macro
`linux_auditd_normalized_proctitle_process` of ESCU decodes them itself. Repeated keys become multivalues.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trapline.ingest.eventtime import micros
from trapline.ingest.fieldset import Fields
from trapline.ingest.lines import LINE_LIMIT, Decoder, head_lines, lines
from trapline.ingest.source import Input, Sink

HELP = "Linux auditd records (type=... msg=audit(...))"

_RECORD = re.compile(r"(?:^|[\s>])type=([A-Z][A-Z0-9_\[\]]*) msg=audit\((\d{1,11}\.\d{1,9}):(\d+)\)", re.ASCII)
_TRANSLATED = (
    "(?:ARCH|SYSCALL|AUID|UID|GID|EUID|SUID|FSUID|EGID|SGID|FSGID|OUID|OGID|OAUID|IUID|IGID|ID|SADDR|OLD-AUID)="
)
_PAIR = re.compile(
    r"([A-Za-z_][A-Za-z0-9_.\-]{0,63})=(?:"
    r'"([^"]*)"'  # quoted
    r"|\{([^{}]{0,2000})\}"  # SADDR={ saddr_fam=inet .. }
    rf"|((?:(?!{_TRANSLATED})[^\s\x1d'\"])*)"  # bare, up to a translated key that lost its separator
    r")"
)


def sniff(head: bytes, name: str) -> int:
    """95 when most lines are audit records."""
    found = head_lines(head)
    hits = sum(_RECORD.search(line[:2000]) is not None for line in found)
    return 95 if hits and hits * 2 >= len(found) else 0


def read(file: Input, sink: Sink) -> None:
    fields = Fields(sink)
    decode = Decoder(sink)
    with file.open() as stream:
        for number, data in lines(stream):
            if data is None:
                sink.bad(f"line longer than {LINE_LIMIT // 2**20} MiB", f"line {number}")
                continue
            raw = decode(data).strip("\r\n ")
            if not raw:
                continue
            found = _RECORD.search(raw, 0, 2000)
            if found is None:
                if raw != "----":  # what ausearch prints between events
                    sink.keep(raw, "not an audit record", f"line {number}", "linux:audit")
                continue
            pairs = list(_pairs(raw, found))
            names, cells = fields.of(pairs)
            host = next((value for key, value in pairs[:1] if key == "node"), None)
            sink.add(names, cells, time=micros(found[2]), raw=raw, host=host, source=None, sourcetype="linux:audit")


def _pairs(raw: str, found: re.Match[str]) -> Iterator[tuple[str, str]]:
    before = raw[: found.start()]
    if node := re.search(r"(?:^|\s)node=(\S+)$", before):
        yield "node", node[1]
    yield "type", found[1]
    yield "msg", f"audit({found[2]}:{found[3]})"
    yield from _plain_pairs(raw, found.end())


def _plain_pairs(text: str, at: int = 0) -> Iterator[tuple[str, str]]:
    for pair in _PAIR.finditer(text, at):
        key, quoted, braced, bare = pair.groups()
        if braced is not None:
            yield key, braced.strip()
            yield from _plain_pairs(braced)
        elif quoted is not None:
            yield key, quoted
        elif bare:  # nothing after msg= but a quote: what is inside comes next
            yield key, bare.rstrip(",") if bare.endswith(",") else bare
