"""The tables of ATT&CK that a user keeps: those made of bundles, in a folder, and which version is used.

`attack_<version>.csv`, `retired_<version>.csv` and `tactics_<version>.csv` are in the form of the tables that are built
in (`data/README.md`); `selected.yml` names the version that is used where none is asked for.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trapline.content import yamlfile
from trapline.content.attackbundle import Found
from trapline.content.enrich import (
    DEFAULT_ATTACK,
    Attack,
    Tactic,
    attack,
    attack_versions,
    table,
    tactics,
    unknown_version,
)
from trapline.errors import InputError

SELECTED = "selected.yml"
_FILE = re.compile(r"attack_(\d{1,3}(?:\.\d{1,3}){0,2})\.csv\Z")


@dataclass(frozen=True, slots=True)
class Kept:
    """A folder of tables; it need not be there."""

    folder: Path

    def versions(self) -> list[str]:
        """Those of the folder and those built in, newest first."""
        own = [found[1] for path in self.folder.glob("attack_*.csv") if (found := _FILE.match(path.name))]
        return sorted({*own, *attack_versions()}, key=lambda one: [int(part) for part in one.split(".")], reverse=True)

    def selected(self) -> str:
        """The version used without another word. Raises InputError for a file that does not say it."""
        path = self.folder / SELECTED
        if not path.is_file():
            return DEFAULT_ATTACK
        nodes = yamlfile.parse(path.read_text(encoding="utf-8"), str(path))
        value = nodes[0].value if nodes else None
        node = value.get("version") if isinstance(value, dict) else None
        if node is None or not isinstance(node.value, str):
            raise InputError("'version' is missing", file=str(path), hint='write version: "19.0"', code="attack")
        return node.value.strip()

    def table(self, version: str | None = None) -> Attack:
        """The table of a version, of the selected one where None. Raises TraplineError naming the versions."""
        wanted = version or self.selected()
        if wanted not in self.versions():
            raise unknown_version(wanted, self.versions())
        path = self.folder / f"attack_{wanted}.csv"
        if not path.is_file():
            return attack(wanted)
        known = dict(tactics())
        for short, name, number in self._tactics(wanted):
            before = known.get(short)
            known[short] = Tactic(short, name, before.kill_chain if before else "", number)
        return table(wanted, path, self.folder / f"retired_{wanted}.csv", known)

    def _tactics(self, version: str) -> list[tuple[str, str, str]]:
        path = self.folder / f"tactics_{version}.csv"
        if not path.is_file():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            return [(row["shortname"], row["name"], row["id"]) for row in csv.DictReader(file)]

    def put(self, found: Found) -> list[str]:
        """Keeps a table and selects it; the short names of tactics whose kill chain phase is not known. Raises
        InputError where it cannot be written."""
        rows = ((number, name, "|".join(of), "|".join(groups)) for number, name, of, groups in found.techniques)
        files = {
            f"attack_{found.version}.csv": _csv(("id", "name", "tactics", "groups"), rows),
            f"retired_{found.version}.csv": _csv(("id", "replaced_by"), found.retired.items()),
            f"tactics_{found.version}.csv": _csv(
                ("shortname", "name", "id"), ((short, *names) for short, names in sorted(found.tactics.items()))
            ),
            SELECTED: f'version: "{found.version}"\n',
        }
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for name, text in files.items():  # the selection last: until then nothing has changed
                part = self.folder / f".{name}.part"
                part.write_text(text, encoding="utf-8", newline="")
                os.replace(part, self.folder / name)  # noqa: PTH105  atomic
        except OSError as error:
            reason = f"cannot be written: {error.strerror or error}"
            raise InputError(reason, file=str(self.folder), code="attack.write") from None
        used = {short for _, _, of, _ in found.techniques for short in of}
        return sorted(short for short in used if short not in tactics())


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()
