"""`trapline attack navigator`: which techniques the detections cover, as a layer of the ATT&CK Navigator."""

from __future__ import annotations

from pathlib import Path

import click

from trapline.cli.options import attack_option, json_option, store_option


@click.command("navigator")
@click.option("--content", "folders", metavar="DIR", multiple=True, help="Count its detections, not the built-in ones.")
@click.option("--out", metavar="FILE", help="Write the layer here instead of to stdout.")
@click.option("--enabled", "only", is_flag=True, help="Only detections that run in the store.")
@store_option
@click.option("--type", "types", metavar="TYPE", multiple=True, help="Only TTP, Anomaly, Hunting or Correlation.")
@click.option("--deprecated", is_flag=True, help="Deprecated detections too.")
@click.option("--name", default="Detections", show_default=True, metavar="TEXT", help="The name of the layer.")
@attack_option
@json_option
def navigator(
    folders: tuple[str, ...],
    out: str | None,
    only: bool,
    store: Path,
    types: tuple[str, ...],
    deprecated: bool,
    name: str,
    attack_version: str | None,
    as_json: bool,
) -> None:
    """Export which techniques the detections cover, as a layer of the ATT&CK Navigator.

    The score of a technique is the number of detections that name it; its comment and its metadata name them. With
    --out, --json prints what was written; without, stdout is the layer. With --content, only the detections of those
    folders count.

    \b
    Examples:
      trapline attack navigator --out layer.json
      trapline attack navigator --content ~/security_content --type TTP --attack 15.1 --out ttp.json
      trapline attack navigator --enabled --store ./trapline-store --name "What runs here" --out enabled.json
    """
    from trapline import app
    from trapline.cli.render import clean, print_json
    from trapline.errors import InputError
    from trapline.site.coverage import coverage, layer

    content = app.content(folders)
    chosen = app.below(app.select(content, (), types, deprecated=deprecated or only), folders)
    if only:
        on = {one["name"] for one in app.listed(content, store, types) if one["enabled"]}
        chosen = [one for one in chosen if one.name in on]
    found = coverage(chosen, app.attack(store, attack_version))
    what = f"{len(chosen):,} {'enabled ' if only else ''}detections, {len(found.detections):,} techniques"
    made = layer(found, name, f"{what} of ATT&CK v{found.attack.version}. Score: number of detections.")
    for warn in found.warnings:
        click.echo(f"warning: {clean(str(warn))}", err=True)
    if out is None:
        print_json(made)
        return
    import json

    try:
        Path(out).write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", file=out) from None
    if as_json:
        print_json(
            {
                "file": out,
                "detections": len(chosen),
                "techniques": len(found.detections),
                "attack_version": found.attack.version,
                "warnings": [one.to_json() for one in found.warnings],
            }
        )
    else:
        click.echo(f"{what}: {clean(out)}")
