"""Reads MaxMind database files (`.mmdb`): from an address to its record.

Source: "MaxMind DB File Format Specification", version 2.0: a binary search tree over the bits of addresses, then a
data section of typed values, then metadata after a marker. The file is mapped, not loaded; a lookup touches few pages.
"""

from __future__ import annotations

import ipaddress
import mmap
import struct
from functools import lru_cache
from pathlib import Path

from trapline.errors import InputError

_MARKER = b"\xab\xcd\xefMaxMind.com"
_TAIL = 128 * 1024
"""The metadata lies in this many bytes at the end."""
_DEPTH = 64
"""Values inside values, and pointers to pointers."""
_VALUES = 100_000
"""Values of one record: pointers could make it endless."""
_DAMAGE = (IndexError, KeyError, TypeError, ValueError, struct.error, RecursionError, OverflowError)


class Database:
    """An open file. Raises InputError where it is no such file, or damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                self._data: mmap.mmap | bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "the file is empty"
            raise InputError(
                f"the geographic database cannot be read: {reason}", file=str(path), code="geoip"
            ) from None
        try:
            self._open()
        except _DAMAGE:
            raise self._damaged() from None

    def _open(self) -> None:
        at = self._data.rfind(_MARKER, max(0, len(self._data) - _TAIL))
        if at < 0:
            raise ValueError
        start = at + len(_MARKER)
        self._left = _VALUES
        found, _ = self._value(start, start, 0)
        facts = found if isinstance(found, dict) else {}
        nodes, size, version = (facts[key] for key in ("node_count", "record_size", "ip_version"))
        if not isinstance(nodes, int) or size not in (24, 28, 32) or version not in (4, 6):
            raise ValueError
        self._nodes, self._size, self._version = nodes, int(size), int(version)
        self._base = nodes * self._size // 4 + 16
        if self._base > at:
            raise ValueError
        # An IPv4 address in an IPv6 tree is ::a.b.c.d.
        self._four = 0
        if self._version == 6:
            for _ in range(96):
                if self._four >= self._nodes:
                    break
                self._four = self._record(self._four, 0)

    def _damaged(self) -> InputError:
        return InputError(
            "this is not a MaxMind database, or it is damaged",
            file=str(self.path),
            hint="name a file in the City form, such as GeoLite2-City.mmdb",
            code="geoip",
        )

    def find(self, text: str) -> dict[str, object] | None:
        """The record of an address; None where there is none. Raises InputError, ValueError for what is no address."""
        address = ipaddress.ip_address(text)
        if address.version == 6 and self._version == 4:
            return None
        try:
            node = self._four if address.version == 4 else 0
            number = int(address)
            for bit in range(address.max_prefixlen - 1, -1, -1):
                if node >= self._nodes:
                    break
                node = self._record(node, number >> bit & 1)
            # Record values beyond the node count are offsets into the data section, plus node count and 16.
            return None if node <= self._nodes else self._at(self._base + node - self._nodes - 16)
        except _DAMAGE:
            raise self._damaged() from None

    def _record(self, node: int, side: int) -> int:
        """One of the two records of a node: another node, or where its data are."""
        data, size = self._data, self._size
        at = node * size // 4
        if at + size // 4 > self._base - 16:
            raise IndexError
        match size:
            case 24:
                return int.from_bytes(data[at + 3 * side : at + 3 * side + 3])
            case 28:
                middle = data[at + 3]
                high = middle & 0x0F if side else middle >> 4
                return high << 24 | int.from_bytes(data[at + 4 * side : at + 4 * side + 3])
        return int.from_bytes(data[at + 4 * side : at + 4 * side + 4])

    def _at(self, offset: int) -> dict[str, object] | None:
        self._left = _VALUES
        found, _ = self._value(offset, self._base, 0)
        if not isinstance(found, dict):
            raise TypeError
        return found

    def _value(self, at: int, base: int, depth: int) -> tuple[object, int]:
        """The value at a place, and where the next one is. Pointers count from `base`."""
        self._left -= 1
        if depth > _DEPTH or self._left < 0:
            raise RecursionError
        data = self._data
        control = data[at]
        kind, size, at = control >> 5, control & 0x1F, at + 1
        if kind == 1:
            wide = (size >> 3) + 1
            offset = int.from_bytes(data[at : at + wide])
            if wide < 4:
                offset += (size & 7) << 8 * wide
            offset += (0, 2048, 526_336, 0)[wide - 1]
            return self._value(base + offset, base, depth + 1)[0], at + wide
        if kind == 0:
            kind, at = data[at] + 7, at + 1
        if size > 28:
            extra = size - 28
            size = (29, 285, 65_821)[extra - 1] + int.from_bytes(data[at : at + extra])
            at += extra
        if at + (size if kind not in (7, 11, 14) else 0) > len(data):
            raise IndexError
        match kind:
            case 2:
                return data[at : at + size].decode("utf-8", "replace"), at + size
            case 3 | 15:
                return struct.unpack(">d" if kind == 3 else ">f", data[at : at + size])[0], at + size
            case 4:
                return bytes(data[at : at + size]).hex(), at + size
            case 5 | 6 | 9 | 10:
                return int.from_bytes(data[at : at + size]), at + size
            case 8:
                return int.from_bytes(data[at : at + size], signed=size == 4), at + size
            case 14:
                return bool(size), at
            case 7:
                pairs: dict[str, object] = {}
                for _ in range(size):
                    key, at = self._value(at, base, depth + 1)
                    pairs[str(key)], at = self._value(at, base, depth + 1)
                return pairs, at
            case 11:
                values: list[object] = []
                for _ in range(size):
                    value, at = self._value(at, base, depth + 1)
                    values.append(value)
                return values, at
        raise ValueError


@lru_cache(maxsize=4)
def opened(path: Path) -> Database:
    """The database of a file, opened once."""
    return Database(path)
