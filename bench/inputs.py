"""Inputs of the benchmarks, made in a temporary folder: large logs of the project's own making, and, where recorded
events are at hand beside the repository, large EVTX files made of their chunks."""

from __future__ import annotations

from pathlib import Path

from trapline.samples.event import numbered, xml
from trapline.samples.windows import Domain

HEADER = 4096
CHUNK = 65_536
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
CONTENT = SHARED.parent / "content" / "security_content"
"""Public detection content, where it is at hand."""


def xml_text(path: Path, size: int) -> int:
    """An XmlWinEventLog text file of about `size` bytes, one event a line, from many seeds; how many events."""
    events = written = seed = 0
    blocks: list[tuple[bytes, int]] = []
    with path.open("wb") as out:
        while written < size:
            if seed < 8:
                lines = [xml(event) for event in numbered(list(Domain(seed).events()))]
                blocks.append((("\n".join(lines) + "\n").encode(), len(lines)))
            data, count = blocks[seed % 8]
            out.write(data)
            written += len(data)
            events += count
            seed += 1
    return events


def evtx(path: Path, size: int, *, least: int = 0) -> bool:
    """An EVTX file of about `size` bytes from the chunks of recorded files of at least `least` bytes; False where there
    are none."""
    chunks: list[bytes] = []
    header = b""
    for file in sorted(SHARED.glob("**/*.evtx")) if SHARED.is_dir() else ():
        if file.stat().st_size < least:
            continue
        data = file.read_bytes()
        if data[:8] != b"ElfFile\0":
            continue
        header = header or data[:HEADER]
        pieces = (data[at : at + CHUNK] for at in range(HEADER, len(data) - CHUNK + 1, CHUNK))
        chunks += [piece for piece in pieces if piece[:8] == b"ElfChnk\0"]
    if not chunks:
        return False
    with path.open("wb") as out:
        out.write(header)
        written = 0
        while written < size:
            for chunk in chunks:
                out.write(chunk)
                written += CHUNK
    return True
