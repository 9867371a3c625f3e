"""`trapline content schema`: JSON Schemas of content files."""

from __future__ import annotations

from pathlib import Path

import click

from trapline.cli.options import json_option

TESTS = "tests"
"""The kind of files of further tests."""


@click.command("schema")
@click.argument("kind", metavar="[KIND]", required=False)
@click.option(
    "--generation", type=click.Choice(["s1", "s2", "s3"], case_sensitive=False), help="Default: s2, or all with --out."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write <kind>.<generation>.json.",
)
@json_option
def schema(kind: str | None, generation: str | None, out: Path | None, as_json: bool) -> None:
    """Print the JSON Schema (2020-12) of a kind of content, or write all of them, for editors that complete YAML.

    Without KIND and --out the kinds are listed. What is in --out already under these names is replaced. The kind
    `tests` are the files of further tests, tests/**/STEM.test.yml, which have no generations.

    \b
    Examples:
      trapline content schema detections --generation s3
      trapline content schema --out ./schemas
    """
    from trapline.cli.render import clean, print_json, print_table
    from trapline.content import schemas
    from trapline.content.model import Generation
    from trapline.testing import extra

    wanted = None if generation is None else Generation(generation.upper())
    name = None if kind is None else _kind(kind)
    if name == TESTS:
        _tests(out, generation, as_json=as_json)
        return
    if out is None and name is None:
        rows = [
            {"kind": one, "generations": [made.value for made in schemas.generations(one)]}
            for one in schemas.kinds()
            if wanted is None or wanted in schemas.generations(one)
        ]
        rows += [{"kind": TESTS, "generations": []}] if wanted is None else []
        if as_json:
            print_json(rows)
        else:
            print_table(["kind", "generations"], [[one["kind"], ", ".join(one["generations"])] for one in rows])
        return
    if out is None:
        assert name is not None
        there = schemas.generations(name)
        print_json(schemas.schema(name, wanted or (Generation.S2 if Generation.S2 in there else there[0])))
        return
    chosen = [
        (one, made)
        for one in ([name] if name is not None else schemas.kinds())
        for made in ([wanted] if wanted is not None else schemas.generations(one))
        if name is not None or made in schemas.generations(one)
    ]
    files = [(out / f"{one}.{made.value.lower()}.json", schemas.schema(one, made)) for one, made in chosen]
    files += [(out / f"{TESTS}.json", extra.schema())] if name is None and wanted is None else []
    _write(files)
    if as_json:
        print_json({"files": [str(file) for file, _ in files]})
        return
    click.echo(f"wrote {len(files):,} schemas to {clean(str(out))}")
    click.echo("next: name one in the first line of a file: # yaml-language-server: $schema=<path of the schema>")


def _tests(out: Path | None, generation: str | None, *, as_json: bool) -> None:
    """The schema of files of further tests."""
    from trapline.cli.render import clean, print_json
    from trapline.testing import extra

    if generation is not None:
        raise click.UsageError(f"{TESTS} have no generations.")
    if out is None:
        print_json(extra.schema())
        return
    _write([(out / f"{TESTS}.json", extra.schema())])
    if as_json:
        print_json({"files": [str(out / f"{TESTS}.json")]})
    else:
        click.echo(f"wrote {clean(str(out / f'{TESTS}.json'))}")


def _kind(text: str) -> str:
    """A kind by its folder name, or the singular of it. What is none is told of later."""
    from trapline.content import schemas

    word = text.strip().lower().replace("-", "_").replace(" ", "_")
    return {"story": "stories"}.get(word, word if word in (*schemas.kinds(), TESTS) else f"{word}s")


def _write(files: list[tuple[Path, dict[str, object]]]) -> None:
    import json

    from trapline.errors import InputError

    for file, made in files:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", file=str(file), code="write") from None
