"""The lookup table `mitre_attack_lookup` of the add-on `risk`, made from the tables of ATT&CK.

`python -m trapline.content.attacktable` writes it anew, after a table in `content/data` changed. It has a row per
technique id that detections may name: those of the newest version, those that only an older version has, as they were
there, and revoked ones with what took their place. `mitre_technique_id` is the id that an event has. The columns are
those of Enterprise Security; tactics are their short names, as searches of ESCU compare them.
"""

from __future__ import annotations

from pathlib import Path

from trapline.content.enrich import Technique, attack, attack_versions
from trapline.knowledge.lookups import write_csv
from trapline.values import Row, compact

FILE = Path(__file__).parents[1] / "addons" / "risk" / "lookups" / "mitre_attack_lookup.csv"
COLUMNS = ("mitre_technique_id", "mitre_technique", "mitre_tactic_id", "mitre_tactic", "mitre_threat_group_name")


def rows() -> list[Row]:
    """The rows by technique id."""
    found: dict[str, Technique] = {}
    newest, *older = [attack(version) for version in attack_versions()]
    found |= newest.techniques
    for old in newest.retired:
        successor, _ = newest.resolve(old)
        if successor is not None:
            found.setdefault(old, successor)
    for table in older:
        found = dict(table.techniques) | found
    return [_row(id_, found[id_]) for id_ in sorted(found)]


def _row(id_: str, technique: Technique) -> Row:
    cells = {
        "mitre_technique_id": id_,
        "mitre_technique": technique.name,
        "mitre_tactic_id": compact([one.id for one in technique.tactics]),
        "mitre_tactic": compact([one.shortname for one in technique.tactics]),
        "mitre_threat_group_name": compact(list(technique.groups)),
    }
    return {name: value for name, value in cells.items() if value is not None}


if __name__ == "__main__":
    write_csv(FILE, rows(), COLUMNS)
    FILE.write_bytes(FILE.read_bytes().replace(b"\r\n", b"\n"))
