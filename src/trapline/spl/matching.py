"""Which cells of a table match a value, for the kinds of match that are no plain equality: WILDCARD and CIDR.

Source: Knowledge Manager Manual, "Add field matching rules to your lookup configuration".

Both answer for one value, and for many at once, which is done with arrays: a table of 100,000 patterns or networks is
then asked about a million values in seconds. What is held for that is in proportion to the table and to the values of
one call.
"""

from __future__ import annotations

import ipaddress
import socket
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

NONE = -1
"""Stands for no row."""


class Wildcards:
    """Patterns with `*`. Each is filed under the start or the end of its longest literal piece, whichever fewer
    patterns share, so that a value meets only patterns that have a piece in common with it. What they are filed under
    has few lengths, so a value is cut into few windows."""

    SIZES = (64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)

    def __init__(self, cells: Iterable[tuple[int, str]]) -> None:
        self._literal: dict[str, list[int]] = defaultdict(list)
        self._filed: dict[str, list[tuple[int, tuple[str, ...]]]] = defaultdict(list)
        self._loose: list[tuple[int, tuple[str, ...]]] = []
        several: list[tuple[int, tuple[str, ...], str, str]] = []
        for number, pattern in cells:
            pieces = tuple(pattern.split("*"))
            if len(pieces) == 1:
                self._literal[pattern].append(number)
                continue
            longest = max(pieces, key=len)
            size = next((size for size in self.SIZES if size <= len(longest)), 0)
            if not size:
                self._loose.append((number, pieces))
            else:
                several.append((number, pieces, longest[:size], longest[-size:]))
        shared = Counter(part for _, _, *ends in several for part in ends)
        for number, pieces, start, end in several:
            self._filed[min(start, end, key=shared.__getitem__)].append((number, pieces))
        self._sizes = sorted({len(part) for part in self._filed})
        self._windows: _Windows | None = None

    def find(self, value: str) -> set[int]:
        found = set(self._literal.get(value, ()))
        found.update(number for number, pieces in self._loose if _globs(pieces, value))
        filed = self._filed
        for size in self._sizes:
            for window in {value[at : at + size] for at in range(len(value) - size + 1)}:
                if window in filed:
                    found.update(number for number, pieces in filed[window] if _globs(pieces, value))
        return found

    def find_many(self, values: Sequence[str]) -> dict[int, list[int]]:
        """The rows of each value by its place, in file order; places without any are left out."""
        found: dict[int, set[int]] = {}
        for place, value in enumerate(values):
            rows = self._literal.get(value)
            if rows:
                found[place] = set(rows)
            for number, pieces in self._loose:
                if _globs(pieces, value):
                    found.setdefault(place, set()).add(number)
        if self._filed:
            if self._windows is None:
                self._windows = _Windows(self._filed)
            for place, part in self._windows.find(values):
                value = values[place]
                rows = [number for number, pieces in self._filed[part] if _globs(pieces, value)]
                if rows:
                    found.setdefault(place, set()).update(rows)
        return {place: sorted(rows) for place, rows in found.items()}

    def first(self, values: Sequence[str]) -> npt.NDArray[np.int64]:
        """The first row of each value, `NONE` where there is none."""
        import numpy as np

        result = np.full(len(values), NONE, np.int64)
        for place, rows in self.find_many(values).items():
            result[place] = rows[0]
        return result


class _Windows:
    """Finds which of many pieces of text are in which of many values: the pieces of one length and all windows of that
    length are compared by a hash, first through a table of bits."""

    BITS = 22
    _BASE = 0x9E3779B97F4A7C15
    _MASK = 2**64 - 1

    def __init__(self, parts: Iterable[str]) -> None:
        import numpy as np

        by_size: dict[int, list[tuple[bytes, str]]] = defaultdict(list)
        for part in parts:
            coded = part.encode("utf-8", "surrogatepass")
            by_size[len(coded)].append((coded, part))
        self._sizes: list[tuple[int, npt.NDArray[np.bool_], npt.NDArray[np.uint64], list[list[str]]]] = []
        for size, pairs in sorted(by_size.items()):
            hashes: dict[int, list[str]] = defaultdict(list)
            for coded, part in pairs:
                hashes[self._hash(coded)].append(part)
            keys = np.array(sorted(hashes), np.uint64)
            bits = np.zeros(2**self.BITS, np.bool_)
            bits[self._slots(keys)] = True
            self._sizes.append((size, bits, keys, [hashes[int(key)] for key in keys]))

    def find(self, values: Sequence[str]) -> list[tuple[int, str]]:
        """(place of a value, piece that is probably in it)."""
        import numpy as np

        coded = [value.encode("utf-8", "surrogatepass") for value in values]
        starts = np.array([0, *accumulate(map(len, coded))], np.int64)
        length = int(starts[-1])
        longest = self._sizes[-1][0]
        buffer = np.zeros(length + 2 * longest, np.uint64)
        buffer[:length] = np.frombuffer(b"".join(coded), np.uint8)
        powers = {1: buffer + np.uint64(1)}
        found: list[tuple[int, str]] = []
        for size, bits, keys, parts in self._sizes:
            hashes = self._of(size, powers, length)
            at = np.flatnonzero(bits[self._slots(hashes)])
            if not len(at):
                continue
            near = np.searchsorted(keys, hashes[at])
            near[near == len(keys)] = 0
            hit = keys[near] == hashes[at]
            at, near = at[hit], near[hit]
            places = np.searchsorted(starts, at, side="right") - 1
            inside = at + size <= starts[places + 1]
            pairs = np.unique(np.stack([places[inside], near[inside]]), axis=1)
            found += ((place, part) for place, key in zip(*pairs.tolist(), strict=True) for part in parts[key])
        return found

    def _of(self, size: int, powers: dict[int, Any], length: int) -> Any:
        """The hashes of the windows of a size, by the place where they start: of halves, put together."""
        import numpy as np

        done, have, step = 0, None, 1
        while step <= size:
            if step not in powers:
                half = powers[step // 2]
                kept = len(half) - step // 2
                powers[step] = half[:kept] * np.uint64(self._power(step // 2)) + half[step // 2 :][:kept]
            if size & step:
                now = powers[step]
                have = now[:length] if have is None else have * np.uint64(self._power(step)) + now[done:][:length]
                done += step
            step *= 2
        return have

    def _power(self, exponent: int) -> int:
        return pow(self._BASE, exponent, 2**64)

    def _hash(self, coded: bytes) -> int:
        value = 0
        for byte in coded:
            value = (value * self._BASE + byte + 1) & self._MASK
        return value

    def _slots(self, hashes: Any) -> Any:
        import numpy as np

        return hashes >> np.uint64(64 - self.BITS)


def _globs(pieces: Sequence[str], value: str) -> bool:
    """Does a pattern, cut at its `*`, match the whole value? Linear: each piece is taken where it first fits."""
    head, *middle, tail = pieces
    if not value.startswith(head) or len(value) < len(head) + len(tail) or not value.endswith(tail):
        return False
    at, end = len(head), len(value) - len(tail)
    for piece in middle:
        place = value.find(piece, at, end)
        if place < 0:
            return False
        at = place + len(piece)
    return True


class Networks:
    """Networks in CIDR notation, by version and prefix length. A cell that is none matches nothing."""

    def __init__(self, cells: Iterable[tuple[int, str]]) -> None:
        self._by_size: dict[tuple[int, int], dict[int, list[int]]] = {}
        self._arrays: dict[tuple[int, int], tuple[Any, Any, list[list[int]]]] = {}
        for number, text in cells:
            network = _network(text)
            if network is not None:
                size = (network.version, network.prefixlen)
                known = self._by_size.setdefault(size, {})
                known.setdefault(int(network.network_address), []).append(number)

    def find(self, value: str) -> set[int]:
        """The networks that hold an address or a network."""
        try:
            # Most values are addresses of version 4, for which the general reader is slow.
            version, own, most = 4, 32, 32
            address = int.from_bytes(socket.inet_pton(socket.AF_INET, value))
        except (OSError, ValueError):
            network = _network(value)
            if network is None:
                return set()
            version, own, most = network.version, network.prefixlen, network.max_prefixlen
            address = int(network.network_address)
        found: set[int] = set()
        for (of, size), known in self._by_size.items():
            if of == version and size <= own:
                shift = most - size
                found.update(known.get(address >> shift << shift, ()))
        return found

    def find_many(self, values: Sequence[str]) -> dict[int, list[int]]:
        """The rows of each value by its place, in file order; places without any are left out."""
        found: dict[int, list[int]] = {}
        places, addresses = _addresses(values)
        for (version, size), (keys, _, rows) in self._index().items():
            if version == 4 and len(keys):
                near, hit = _among(keys, _masked(addresses, size))
                for place, key in zip(places[hit].tolist(), near[hit].tolist(), strict=True):
                    found.setdefault(place, []).extend(rows[key])
        for place in set(range(len(values))).difference(places.tolist()):
            if others := self.find(values[place]):
                found[place] = list(others)
        return {place: sorted(set(rows)) for place, rows in found.items()}

    def first(self, values: Sequence[str]) -> npt.NDArray[np.int64]:
        """The first row of each value, `NONE` where there is none."""
        import numpy as np

        most = np.iinfo(np.int64).max
        result = np.full(len(values), most, np.int64)
        places, addresses = _addresses(values)
        order = np.argsort(addresses)  # neighbours are then looked for one after the other, which is faster
        places, addresses = places[order], addresses[order]
        for (version, size), (keys, firsts, _) in self._index().items():
            if version == 4 and len(keys):
                near, hit = _among(keys, _masked(addresses, size))
                at = places[hit]
                result[at] = np.minimum(result[at], firsts[near[hit]])
        for place in set(range(len(values))).difference(places.tolist()):
            if others := self.find(values[place]):
                result[place] = min(others)
        result[result == most] = NONE
        return result

    def _index(self) -> dict[tuple[int, int], tuple[Any, Any, list[list[int]]]]:
        """Of networks of version 4, by version and size: addresses in order, the first row of each, and all rows."""
        import numpy as np

        if not self._arrays:
            for (version, size), known in self._by_size.items():
                if version == 4:
                    ordered = sorted(known.items())
                    keys = np.array([address for address, _ in ordered], np.uint32)
                    firsts = np.array([min(rows) for _, rows in ordered], np.int64)
                    self._arrays[version, size] = (keys, firsts, [rows for _, rows in ordered])
        return self._arrays


def _addresses(values: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32]]:
    """The places of the values that are addresses of version 4, and the addresses."""
    import numpy as np

    parse = socket.inet_pton
    places: Sequence[int] = range(len(values))
    try:
        packed = [parse(socket.AF_INET, value) for value in values]
    except (OSError, ValueError):
        packed, places = [], []
        for place, value in enumerate(values):
            try:
                packed.append(parse(socket.AF_INET, value))
            except (OSError, ValueError):
                continue
            places.append(place)
    return np.array(places, np.int64), np.frombuffer(b"".join(packed), ">u4").astype(np.uint32)


def _masked(addresses: Any, size: int) -> Any:
    import numpy as np

    return addresses & np.uint32((0xFFFFFFFF << (32 - size)) & 0xFFFFFFFF)


def _among(keys: Any, wanted: Any) -> tuple[Any, Any]:
    """Where each is among sorted keys, and whether it is."""
    import numpy as np

    near = np.searchsorted(keys, wanted)
    near[near == len(keys)] = 0
    return near, keys[near] == wanted


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None
