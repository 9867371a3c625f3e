"""What ATT&CK, the kill chain, NIST and CIS say about a detection (facts/CONTENT.md §2, facts/ATTACK.md).

The tables are data files beside this module (`data/README.md`). Names, tactics and groups differ between versions of
ATT&CK, so the version travels with what is derived from it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from trapline.content import yamlfile
from trapline.content.model import Detection, Generation
from trapline.errors import InputError, TraplineError, Warn

DATA = Path(__file__).resolve().parent / "data"

DEFAULT_ATTACK = "18.1"


@dataclass(frozen=True, slots=True)
class Tactic:
    """`shortname` as in ATT&CK's files (defense-evasion), `kill_chain` the phase it belongs to."""

    shortname: str
    name: str
    kill_chain: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Technique:
    id: str
    name: str
    tactics: tuple[Tactic, ...]
    groups: tuple[str, ...]
    """Names of the groups known to use this very id, sorted."""


@dataclass(frozen=True, slots=True)
class Attack:
    """The techniques of one version of ATT&CK Enterprise."""

    version: str
    techniques: Mapping[str, Technique]
    retired: Mapping[str, str]
    """Old id -> the id that took its place, "" when none did."""

    def resolve(self, technique: str) -> tuple[Technique | None, Warn | None]:
        """The technique of an id; a warning when the id is revoked (then that of its successor) or not known."""
        wanted = technique.strip().upper()
        found = self.techniques.get(wanted)
        if found is not None:
            return found, None
        new = wanted
        for _ in range(8):  # a chain of successors is short; the bound is for a table that a user broke
            new = self.retired.get(new, "")
            if not new or new in self.techniques:
                break
        if new:
            found = self.techniques.get(new)
        if found is not None:
            reason = f"{technique} was revoked and is {found.id} in ATT&CK {self.version}"
            return found, Warn("content.attack-revoked", reason, f"write {found.id}")
        if wanted in self.retired:
            return None, Warn("content.attack-retired", f"{technique} is not in ATT&CK {self.version} any more")
        reason = f"{technique} is not in ATT&CK {self.version}"
        return None, Warn("content.attack-unknown", reason, "check the id, or choose another version of ATT&CK")


@dataclass(frozen=True, slots=True)
class Enriched:
    """What a detection's ids stand for. Lists are sorted and hold each entry once."""

    attack_version: str
    techniques: tuple[tuple[str, Technique | None], ...]
    """Each id as the detection writes it, with what it means."""
    threat_actors: tuple[str, ...]
    kill_chain: tuple[str, ...]
    nist: tuple[str, ...]
    cis: tuple[str, ...]
    warnings: tuple[Warn, ...] = field(default=())


def attack_versions() -> list[str]:
    """The versions there are tables of, newest first."""
    found = [path.stem.removeprefix("attack_") for path in DATA.glob("attack_[0-9]*.csv")]
    return sorted(
        found, key=lambda text: [int(part) if part.isdigit() else 0 for part in text.split(".")], reverse=True
    )


def attack(version: str | Attack = DEFAULT_ATTACK) -> Attack:
    """The table of a version that is built in; a table stays what it is. Raises TraplineError naming the versions."""
    return version if isinstance(version, Attack) else _built_in(version)


@lru_cache(maxsize=4)
def _built_in(version: str) -> Attack:
    if version not in attack_versions():
        raise unknown_version(version, attack_versions())
    return table(version, DATA / f"attack_{version}.csv", DATA / "attack_retired.csv", tactics())


def unknown_version(version: str, known: Sequence[str]) -> TraplineError:
    return TraplineError(
        f"there is no table of ATT&CK version {version}",
        hint=f"versions here: {', '.join(known)}; trapline attack update FILE adds one",
        code="content.attack-version",
    )


def table(version: str, techniques_csv: Path, retired_csv: Path, known: Mapping[str, Tactic]) -> Attack:
    """A version from its files: techniques, ids that were retired, tactics by short name. Raises InputError."""
    techniques = {}
    for row in _rows(techniques_csv):
        of = tuple(
            known.get(short) or Tactic(short, short.replace("-", " ").title(), "") for short in _parts(row["tactics"])
        )
        techniques[row["id"]] = Technique(row["id"], row["name"], of, _parts(row["groups"]))
    return Attack(version, techniques, {row["id"]: row["replaced_by"] for row in _rows(retired_csv)})


@lru_cache(maxsize=1)
def tactics() -> dict[str, Tactic]:
    """Tactics by short name."""
    return {
        short: Tactic(short, keys["name"], keys["kill_chain"], keys.get("id", ""))
        for short, keys in _yaml("tactics.yml").items()
    }


@lru_cache(maxsize=1)
def _frameworks() -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = _yaml("frameworks.yml")
    return found


def enrich(detection: Detection, version: str | Attack = DEFAULT_ATTACK) -> Enriched:
    """Techniques with names, tactics and groups; phases, NIST and CIS, of an app those that it says. `version`: one
    that is built in, or a table. Raises TraplineError for an unknown version."""
    table = attack(version)
    used: list[tuple[str, Technique | None]] = []
    warnings: list[Warn] = []
    for one in detection.mitre:
        technique, warn = table.resolve(one)
        used.append((one, technique))
        if warn is not None:
            warnings.append(Warn(warn.code, warn.reason, warn.hint, detection.name))
    known = [technique for _, technique in used if technique is not None]
    nist, cis = _frameworks()["nist"], _frameworks()["cis20"]
    found = Enriched(
        attack_version=table.version,
        techniques=tuple(used),
        threat_actors=_sorted(group for one in known for group in one.groups),
        kill_chain=_sorted(tactic.kill_chain for one in known for tactic in one.tactics),
        nist=tuple(nist.get(detection.type.value, nist["default"])),
        cis=tuple(cis.get(detection.security_domain, cis["default"])),
        warnings=tuple(warnings),
    )
    if detection.generation is not Generation.APP:
        return found
    said = _said(detection)
    phases = _sorted(said.get("kill_chain_phases", ())) or found.kill_chain
    return replace(found, kill_chain=phases, nist=_sorted(said.get("nist", ())), cis=_sorted(said.get("cis20", ())))


def _said(detection: Detection) -> dict[str, list[str]]:
    """What an app says of the frameworks."""
    given = {name: detection.annotations.get(name) for name in ("cis20", "kill_chain_phases", "mitre_attack", "nist")}
    return {name: [str(one) for one in value] for name, value in given.items() if isinstance(value, list) and value}


def mappings(detection: Detection, enriched: Enriched) -> dict[str, list[str]]:
    """Framework -> values, frameworks without a value left out. ATT&CK ids stay as the detection writes them. What an
    app says is as it says it."""
    if detection.generation is Generation.APP:
        return _said(detection)
    found = {
        "cis20": list(enriched.cis),
        "kill_chain_phases": list(enriched.kill_chain),
        "mitre_attack": list(detection.mitre),
        "nist": list(enriched.nist),
    }
    return {framework: values for framework, values in found.items() if values}


def annotations_of(detection: Detection, enriched: Enriched) -> dict[str, Any]:
    """What ES gets as `action.correlationsearch.annotations`, keys sorted: the mappings, story, data source, type
    (a text, and once more as a list, because only lists become frameworks), CVE ids, in S1 confidence and impact. Of an
    app: what it says, which may be nothing."""
    if detection.generation is Generation.APP:
        return dict(sorted(detection.annotations.items()))
    found: dict[str, Any] = {
        **mappings(detection, enriched),
        "analytic_story": list(detection.stories),
        "data_source": list(detection.data_source),
        "type": detection.type.value,
        "type_list": [detection.type.value],
    }
    if detection.cve:
        found["cve"] = list(detection.cve)
    if detection.rba is not None and detection.rba.confidence is not None:
        found["confidence"] = detection.rba.confidence
        found["impact"] = detection.rba.impact
    return dict(sorted(found.items()))


def _sorted(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({item for item in items if item}))


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split("|") if part)


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            found = [{key: value or "" for key, value in row.items() if key} for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"the table cannot be read: {error}", file=str(path), code="content.attack") from None
    wanted = {"id", "replaced_by"} if "retired" in path.name else {"id", "name", "tactics", "groups"}
    if found and not wanted <= found[0].keys():
        missing = ", ".join(sorted(wanted - found[0].keys()))
        raise InputError(f"the table has no column {missing}", file=str(path), line=1, code="content.attack")
    return found


def _yaml(name: str) -> Any:
    path = DATA / name
    return yamlfile.parse(path.read_text(encoding="utf-8"), str(path))[0].plain()
