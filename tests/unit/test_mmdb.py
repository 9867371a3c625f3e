"""The MaxMind reader, on files that a small writer of the format makes."""

from __future__ import annotations

import ipaddress
import random
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trapline.errors import InputError
from trapline.knowledge.mmdb import Database
from trapline.search import Session

HERE = {"city": {"names": {"en": "Linkoping"}}, "location": {"latitude": 58.5, "longitude": -15.25}}


def encoded(value: Any) -> bytes:
    """A value of the data section."""
    match value:
        case bool():
            return _head(14, int(value))
        case str():
            data = value.encode()
            return _head(2, len(data)) + data
        case float():
            return _head(3, 8) + struct.pack(">d", value)
        case bytes():
            return value
        case int():
            data = value.to_bytes((value.bit_length() + 7) // 8)
            return _head(6 if len(data) <= 4 else 9, len(data)) + data
        case list():
            return _head(11, len(value)) + b"".join(map(encoded, value))
        case dict():
            return _head(7, len(value)) + b"".join(encoded(key) + encoded(one) for key, one in value.items())
    raise TypeError(value)


def _head(kind: int, size: int) -> bytes:
    extra = b""
    if size >= 65_821:
        size, extra = 31, (size - 65_821).to_bytes(3)
    elif size >= 285:
        size, extra = 30, (size - 285).to_bytes(2)
    elif size >= 29:
        size, extra = 29, bytes([size - 29])
    return (bytes([kind << 5 | size]) if kind < 8 else bytes([size, kind - 7])) + extra


def written(networks: dict[str, Any], *, version: int = 6, size: int = 28) -> bytes:
    """A database of networks that do not overlap. A value is a record, or bytes of the data section."""
    tree: list[list[Any]] = [[None, None]]
    data = b""
    for text, record in networks.items():
        network = ipaddress.ip_network(text)
        offset = len(data)
        data += encoded(record)
        number = int(network.network_address)
        bits = [number >> place & 1 for place in range(network.max_prefixlen - 1, -1, -1)][: network.prefixlen]
        if version == 6 and network.version == 4:
            bits = [0] * 96 + bits
        node = 0
        for bit in bits[:-1]:
            if tree[node][bit] is None:
                tree.append([None, None])
                tree[node][bit] = ("node", len(tree) - 1)
            node = tree[node][bit][1]
        tree[node][bits[-1]] = ("data", offset)
    count = len(tree)
    out = b""
    for pair in tree:
        left, right = (count if one is None else one[1] if one[0] == "node" else count + 16 + one[1] for one in pair)
        match size:
            case 24 | 32:
                out += left.to_bytes(size // 8) + right.to_bytes(size // 8)
            case 28:
                out += (left & 0xFFFFFF).to_bytes(3) + bytes([left >> 24 << 4 | right >> 24])
                out += (right & 0xFFFFFF).to_bytes(3)
    facts = {"node_count": count, "record_size": size, "ip_version": version, "database_type": "Test-City"}
    return out + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + encoded(facts)


@pytest.mark.parametrize("size", [24, 28, 32])
@pytest.mark.parametrize("version", [4, 6])
def test_addresses_find_their_network(tmp_path: Path, size: int, version: int) -> None:
    networks = {"1.2.3.0/24": {"n": 1}, "9.0.0.0/8": {"n": 2}, "255.255.255.255/32": {"n": 3}}
    if version == 6:
        networks["2001:db8::/32"] = {"n": 4}
    path = tmp_path / "t.mmdb"
    path.write_bytes(written(networks, version=version, size=size))
    database = Database(path)
    expected = {"1.2.3.4": 1, "9.255.0.1": 2, "255.255.255.255": 3, "1.2.4.0": None, "0.0.0.0": None}
    expected |= {"2001:db8::5": 4 if version == 6 else None, "2001:db9::5": None}
    for address, number in expected.items():
        assert database.find(address) == (None if number is None else {"n": number})


def test_values_of_every_type(tmp_path: Path) -> None:
    long = "x" * 70_000
    record = {
        "text": "ü",
        "long": long,
        "middle": "y" * 300,
        "some": "z" * 40,
        "double": -1.5,
        "float": _head(15, 4) + struct.pack(">f", 0.5),
        "bytes": _head(4, 2) + b"\x01\xff",
        "small": 5,
        "large": 2**60,
        "zero": 0,
        "negative": _head(8, 4) + struct.pack(">i", -7),
        "yes": True,
        "list": ["a", {"b": [1]}],
        # A pointer to the first bytes of the data section: the record of the other network.
        "pointer": bytes([1 << 5, 0]),
    }
    path = tmp_path / "t.mmdb"
    path.write_bytes(written({"8.0.0.0/8": "shared", "9.0.0.0/8": record}))
    found = Database(path).find("9.1.1.1")
    assert found == record | {"float": 0.5, "bytes": "01ff", "negative": -7, "pointer": "shared"}


def test_iplocation_reads_a_file(tmp_path: Path) -> None:
    path = tmp_path / "t.mmdb"
    path.write_bytes(written({"89.160.20.112/28": HERE}))
    session = Session(events=[{"ip": "89.160.20.120"}, {"ip": "89.160.21.1"}], geoip=path)
    assert session.run("iplocation ip | table City Country lat lon").rows == [
        {"City": "Linkoping", "lat": "58.50000", "lon": "-15.25000"},
        {},
    ]


def test_files_that_are_no_database(tmp_path: Path) -> None:
    for name, body in (("empty", b""), ("text", b"hello" * 100), ("marker", b"\xab\xcd\xefMaxMind.com")):
        path = tmp_path / name
        path.write_bytes(body)
        with pytest.raises(InputError) as caught:
            Database(path)
        assert caught.value.file == str(path)
    with pytest.raises(InputError, match="cannot be read"):
        Session(events=[{"ip": "8.8.8.8"}], geoip=tmp_path / "none.mmdb").run("iplocation ip")


def test_a_record_that_multiplies_itself_ends(tmp_path: Path) -> None:
    # Lists of 28 pointers to the list before, twelve deep.
    data = [encoded(["x"])]
    offsets = [0]
    for _ in range(12):
        offsets.append(offsets[-1] + len(data[-1]))
        pointer = bytes([1 << 5 | offsets[-2] >> 8, offsets[-2] & 0xFF])
        data.append(_head(11, 28) + pointer * 28)
    path = tmp_path / "t.mmdb"
    bomb = encoded({"a": bytes([1 << 5 | offsets[-1] >> 8, offsets[-1] & 0xFF])})
    path.write_bytes(written({"8.0.0.0/8": b"".join(data), "9.0.0.0/8": bomb}))
    with pytest.raises(InputError, match="damaged"):
        Database(path).find("9.1.1.1")


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 2**32))
def test_damage_is_an_error_and_never_a_hang(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(written({"8.0.0.0/8": HERE, "9.0.0.0/8": {"a": ["b", 1.5]}}))
    for _ in range(chance.randint(1, 6)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    path = tmp_path_factory.mktemp("damaged") / "t.mmdb"
    path.write_bytes(data[: chance.randint(1, len(data))] if chance.random() < 0.2 else data)
    try:
        database = Database(path)
        for address in ("8.8.8.8", "9.9.9.9", "1.1.1.1", "2001:db8::1"):
            found = database.find(address)
            assert found is None or isinstance(found, dict)
    except InputError:
        pass
