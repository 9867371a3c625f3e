"""`trapline attack`: the tables of MITRE ATT&CK that enrich detections."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trapline.cli.options import attack_option, json_option, store_option
from trapline.cli.parts import Parts

if TYPE_CHECKING:
    from trapline.content.enrich import Attack, Technique


@click.group("attack", cls=Parts, parts={"navigator": "attacknavigator"})
def command() -> None:
    """Look techniques of MITRE ATT&CK up, bring the tables up to date, export coverage.

    \b
    Examples:
      trapline attack show T1543.003
      trapline attack show T1574.002 --attack 15.1
      trapline attack update enterprise-attack.json
    """


@command.command("update")
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--as", "version", metavar="VERSION", help="Its version, where the bundle does not say it.")
@store_option
@json_option
def update(file: Path, version: str | None, store: Path, as_json: bool) -> None:
    """Take the techniques, tactics and groups of an official STIX 2.1 bundle of ATT&CK Enterprise.

    The table is kept in the folder `attack` of the store and is used from then on; --attack chooses another version.

    \b
    Examples:
      trapline attack update enterprise-attack.json
      trapline attack update enterprise-attack-19.0.json --as 19.0 --store /srv/trapline
    """
    from trapline import app
    from trapline.cli.render import clean, print_json

    table, strange = app.attack_update(store, file, version)
    groups = {group for one in table.techniques.values() for group in one.groups}
    body = {
        "attack_version": table.version,
        "techniques": len(table.techniques),
        "groups": len(groups),
        "retired": len(table.retired),
        "folder": str(store / app.ATTACK),
        "tactics_without_kill_chain": strange,
    }
    if as_json:
        print_json(body)
        return
    click.echo(
        f"ATT&CK {table.version}: {len(table.techniques):,} techniques, {len(groups):,} groups, "
        f"{len(table.retired):,} retired ids; kept in {clean(str(store / app.ATTACK))} and used from now on"
    )
    if strange:
        click.echo(f"warning: no kill chain phase is known for the tactics {clean(', '.join(strange))}", err=True)


@command.command("show")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@attack_option
@store_option
@json_option
def show(ids: tuple[str, ...], attack_version: str | None, store: Path, as_json: bool) -> None:
    """Show techniques: name, tactics, kill chain phases, groups, sub-techniques, and what took their place.

    \b
    Examples:
      trapline attack show T1543
      trapline attack show T1574.002 T1059.001 --json

    \b
    Exit codes: 0 every id is known, 1 one is not.
    """
    from trapline import app
    from trapline.cli.render import clean, print_json, print_pairs

    table = app.attack(store, attack_version)
    found = [_described(table, one) for one in ids]
    if as_json:
        print_json({"attack_version": table.version, "techniques": found})
    else:
        for place, one in enumerate(found):
            if place:
                click.echo()
            print_pairs(
                {
                    "id": one["written"] if one["id"] is None else one["id"],
                    "name": one["name"],
                    "tactics": ", ".join(f"{tactic['id']} {tactic['name']}" for tactic in one["tactics"]) or None,
                    "kill chain": ", ".join(one["kill_chain"]) or None,
                    "groups": ", ".join(one["groups"]) or ("none" if one["id"] else None),
                    "sub-techniques": ", ".join(f"{sub['id']} {sub['name']}" for sub in one["sub_techniques"]) or None,
                    "ATT&CK": table.version,
                }
            )
            if one["note"]:
                click.echo(f"note: {clean(one['note'])}")
    if any(one["id"] is None for one in found):
        raise click.exceptions.Exit(1)


def _described(table: Attack, written: str) -> dict[str, Any]:
    technique, warn = table.resolve(written)
    subs = _subs(table, technique)
    return {
        "written": written,
        "id": technique.id if technique else None,
        "name": technique.name if technique else None,
        "tactics": [
            {"id": one.id, "name": one.name, "shortname": one.shortname}
            for one in (technique.tactics if technique else ())
        ],
        "kill_chain": sorted({one.kill_chain for one in (technique.tactics if technique else ()) if one.kill_chain}),
        "groups": list(technique.groups) if technique else [],
        "sub_techniques": [{"id": one.id, "name": one.name} for one in subs],
        "note": str(warn) if warn else None,
    }


def _subs(table: Attack, technique: Technique | None) -> list[Technique]:
    if technique is None:
        return []
    return [one for id_, one in sorted(table.techniques.items()) if id_.startswith(f"{technique.id}.")]
