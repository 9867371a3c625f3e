"""Splunk's .conf files: text to stanzas of settings, every setting with its file and line.

Rules (Admin Manual, "Configuration file structure" and "Configuration file precedence"): `[stanza]`, then
`key = value`; settings before the first stanza belong to `[default]`; a line that starts with `#` is a comment; a value
whose line ends in a backslash goes on in the next line; of equal keys in a stanza the last one counts. A stronger file
overrides a weaker one key by key; which one is stronger is in `knowledge.precedence`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from trapline.errors import Warn
from trapline.knowledge.precedence import LAYERS, Layer

DEFAULT = "default"
"""The stanza whose settings hold for all."""

MAX_BYTES = 64 * 2**20
"""A .conf file larger than that is refused: real ones have some 100 kB."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One `key = value`. `file` as given, `line` counts from 1."""

    stanza: str
    key: str
    value: str
    file: str
    line: int

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(slots=True)
class Conf:
    """The settings of one kind of file (props.conf, ...) over all add-ons: stanza -> key -> setting.

    Stanzas and keys keep the order in which they were first seen. `problems`: lines that could not be read.
    """

    stanzas: dict[str, dict[str, Setting]] = field(default_factory=dict)
    problems: list[Warn] = field(default_factory=list)
    heads: dict[str, Setting] = field(default_factory=dict)
    """The first [stanza] of each name. Settings below a head that is none belong to a stanza without one."""
    repeated: list[Setting] = field(default_factory=list)
    """Settings that stand once more in their stanza of the same file: they count, the one before does not."""

    def add(self, text: str, file: str) -> None:
        """Lay a file over what is there."""
        for setting in parse(text, file, self.problems):
            keys = self.stanzas.setdefault(setting.stanza, {})
            if not setting.key:
                self.heads.setdefault(setting.stanza, setting)
                continue
            before = keys.get(setting.key)
            if before is not None and before.file == file:
                self.repeated.append(setting)
            keys[setting.key] = setting


def load(addons: Iterable[Path], name: str) -> Conf:
    """The file `name` of every add-on folder, default/ then local/, each over the one before."""
    return load_layers(((addon, layer) for addon in addons for layer in LAYERS), name)


def load_layers(layers: Iterable[Layer], name: str) -> Conf:
    """The file `name` of each layer, over the one before. One that cannot be read is a problem, no error."""
    conf = Conf()
    for addon, layer in layers:
        add_file(conf, addon / layer / name, f"{addon.name}/{layer}/{name}")
    return conf


def add_file(conf: Conf, path: Path, shown: str) -> None:
    """Lay a file over what is there, nothing where there is none. `shown`: how it is called towards the user."""
    if not path.is_file():
        return
    try:
        if path.stat().st_size > MAX_BYTES:
            raise OSError(f"larger than {MAX_BYTES // 2**20} MiB")
        data = path.read_bytes()
    except OSError as error:
        conf.problems.append(Warn("conf", f"this file cannot be read: {error.strerror or error}", where=shown))
        return
    text = data.decode("utf-8-sig", "replace")
    if "\ufffd" in text:
        conf.problems.append(Warn("conf", "this file is not UTF-8; what is not was replaced", where=shown))
    conf.add(text, shown)


def parse(text: str, file: str, problems: list[Warn]) -> Iterator[Setting]:
    """The settings of a file in order; a stanza head gives one with an empty key, so that empty stanzas exist."""
    stanza = DEFAULT
    for line, row in _lines(text):
        stripped = row.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if stripped.startswith("["):
            close = stripped.rfind("]")
            if close < 0 or stripped[close + 1 :].strip():
                problems.append(Warn("conf", "a stanza is [name] on a line of its own", where=f"{file}:{line}"))
                # Its settings must not end up in the stanza before.
                stanza = stripped if close < 0 else stripped[1:close]
                continue
            stanza = stripped[1:close]
            if not stanza.strip() and not str(file).endswith(".meta"):  # there it is the whole app
                problems.append(Warn("conf", "a stanza needs a name", "[name]", f"{file}:{line}"))
            yield Setting(stanza, "", "", file, line)
            continue
        key, equals, value = row.partition("=")
        key = key.strip()
        if not equals or not key:
            problems.append(Warn("conf", "neither [stanza] nor key = value", where=f"{file}:{line}"))
            continue
        yield Setting(stanza, key, value.strip(), file, line)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with the number of their first one; continued lines are joined by a newline. Comments are not continued."""
    held: list[str] = []
    first = 1
    # Not splitlines(): a value may hold characters that only it takes for line ends.
    for number, row in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not held:
            first = number
            if row.lstrip().startswith("#"):
                continue
        if row.endswith("\\"):
            held.append(row[:-1])
            continue
        yield first, "\n".join([*held, row])
        held = []
    if held:
        yield first, "\n".join(held)


def truth(value: str) -> bool | None:
    """A Splunk boolean; None for anything else."""
    match value.strip().lower():
        case "1" | "true" | "t" | "yes" | "y" | "enabled":
            return True
        case "0" | "false" | "f" | "no" | "n" | "disabled":
            return False
    return None
