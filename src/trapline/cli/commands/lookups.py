"""`trapline lookups`: the lookup tables that searches see, and those that the store keeps."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trapline.cli.options import ADDON_HELP, identity_options, json_option, store_option
from trapline.cli.render import clean, count_of, print_json, print_pairs, print_table
from trapline.errors import TraplineError

if TYPE_CHECKING:
    from trapline.content.catalog import Content
    from trapline.knowledge.kept import Kept
    from trapline.knowledge.knowledge import Knowledge
    from trapline.spl.lookups import Lookup

COMING = (
    click.option("--content", "folders", metavar="DIR", multiple=True, help="Content folder: its lookups."),
    click.option("--addon", "addons", metavar="DIR", multiple=True, help=ADDON_HELP),
)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where tables come from: the options that all commands here share."""

    store: Path
    folders: tuple[str, ...]
    addons: tuple[str, ...]
    assets: Path | None
    identities: Path | None

    def open(self) -> tuple[Content, Knowledge, Kept | None]:
        from trapline import app

        kept = app.kept(self.store)
        knowledge = app.with_lookups(app.knowledge(self.addons, self.store), kept, self.assets, self.identities)
        return app.content(self.folders, store=self.store), knowledge, kept

    def table(self, name: str) -> Lookup:
        from trapline import app

        return app.lookup_table(name, *self.open())


def _sources(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `Sources`, given to the command as one `sources`."""

    @wraps(command)
    def run(**given: Any) -> Any:
        sources = Sources(**{one.name: given.pop(one.name) for one in fields(Sources)})
        return command(sources=sources, **given)

    gathered: Callable[..., Any] = run
    for option in (json_option, *COMING, identity_options, store_option):
        gathered = option(gathered)
    return gathered


@click.group()
def command() -> None:
    """Show, bring in, give out and delete lookup tables.

    Tables come with content and add-ons. Those of your own are kept by the store: CSV files in its folder `lookups`,
    which take the place of files of the same name, and collections (the KV store) in its state database. Content and
    add-ons are never written to.

    \b
    Examples:
      trapline lookups list --content ~/security_content
      trapline lookups import assets.csv hosts.csv
      trapline lookups show previously_seen_running_windows_services --content ~/security_content
    """


@command.command("list")
@_sources
def listed(
    sources: Sources,
    as_json: bool,
) -> None:
    """Name, kind and origin of every lookup table; rows of those that the store keeps.

    \b
    Example:
      trapline lookups list --content ~/security_content --json
    """
    content, knowledge, kept = sources.open()
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    for lookup in content.lookups:
        seen |= {lookup.name, lookup.filename}
        kind, keeper = ("collection", lookup.collection) if lookup.kind == "kvstore" else (lookup.kind, lookup.filename)
        found.append({"name": lookup.name, "kind": kind, "of": "content", "kept_in": keeper})
    for name in knowledge.lookups:
        if name not in seen:
            table = knowledge.lookups[name]
            seen |= {name, table.filename}
            kind = "collection" if table.collection else "csv"
            found.append(
                {
                    "name": name,
                    "kind": kind,
                    "of": "add-on",
                    "kept_in": table.collection or table.filename,
                    "rows": None,
                }
            )
    if kept is not None:
        found += (
            {"name": name, "kind": "csv", "of": "store", "kept_in": name} for name in kept.files() if name not in seen
        )
    _count(found, kept)
    found.sort(key=lambda one: str(one["name"]).lower())
    if as_json:
        print_json({"store": str(sources.store), "lookups": found})
        return
    rows: list[Sequence[object]] = [
        (clean(one["name"]), one["kind"], one["of"], clean(one["kept_in"]), "" if one["rows"] is None else one["rows"])
        for one in found
    ]
    print_table(("name", "kind", "from", "kept in", "own rows"), rows, right={"own rows"})


def _count(found: Sequence[dict[str, Any]], kept: Kept | None) -> None:
    """Fill in the rows of what the store keeps."""
    from trapline.knowledge.lookups import read_rows

    state = kept.state(create=False) if kept is not None else None
    documents = {one.name: one.documents for one in state.collections()} if state is not None else {}
    for one in found:
        path = kept.file(str(one["kept_in"])) if kept is not None else None
        if one["kind"] == "collection":
            one["rows"] = documents.get(one["kept_in"])
        else:
            one["rows"] = len(read_rows(path)[0]) if path is not None else None


@command.command()
@click.argument("name")
@click.option(
    "--limit", type=click.IntRange(0), default=20, show_default=True, metavar="N", help="Rows shown; 0 = all."
)
@_sources
def show(
    name: str,
    limit: int,
    sources: Sources,
    as_json: bool,
) -> None:
    """The settings and the first rows of a table, as a search sees it.

    \b
    Example:
      trapline lookups show loldrivers --content ~/security_content --limit 5
    """
    table = sources.table(name)
    rows = table.rows if not limit else table.rows[:limit]
    settings: dict[str, Any] = {
        "name": table.name,
        "kept_in": f"collection {table.collection}" if table.collection else table.filename,
        "rows": len(table.rows),
        "match_type": [f"{match}({field})" for field, match in table.match.items()],
        "case_sensitive_match": table.case_sensitive,
        "max_matches": table.max_matches,
        "min_matches": table.min_matches,
        "default_match": table.default_match,
        "filter": table.filter,
        "note": table.note,
    }
    if as_json:
        print_json(settings | {"fields": list(table.fields), "shown": [dict(row) for row in rows]})
        return
    print_pairs({key: clean(_text(value)) for key, value in settings.items() if value not in ("", [])})
    if rows:
        click.echo()
        print_table(table.fields, [[clean(_text(row.get(field, ""))) for field in table.fields] for row in rows])


def _text(value: object) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)


@command.command("import")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--append", is_flag=True, help="Add the rows to those of the table, instead of replacing them.")
@click.option("--key", metavar="FIELD", help="The field with the key of a record: its record is replaced.")
@_sources
def brought(
    name: str,
    file: Path,
    append: bool,
    key: str | None,
    sources: Sources,
    as_json: bool,
) -> None:
    """Make the rows of a CSV FILE the table NAME of the store. The store is made if there is none.

    NAME is a lookup of the content or of an add-on, or a new one. With `assets.csv` and `identities.csv` it is your
    assets and identities.

    \b
    Examples:
      trapline lookups import identities.csv users.csv
      trapline lookups import previously_seen_cloud_regions seen.csv --content ~/security_content --append
    """
    from trapline import app
    from trapline.knowledge import identities as entities
    from trapline.knowledge import lookups
    from trapline.spl.keeping import Put
    from trapline.spl.lookups import Lookup

    if not lookups.is_plain(name):
        raise TraplineError(f"'{name[:80]}' is not the name of a lookup: it is a plain file name", code="lookup")
    rows, columns = lookups.read_rows(file)
    if name in (entities.ASSETS, entities.IDENTITIES):
        entities.tables(file if name == entities.ASSETS else None, file if name == entities.IDENTITIES else None)
    app.kept(sources.store, create=True)
    content, knowledge, kept = sources.open()
    assert kept is not None
    try:
        table = app.lookup_table(name, content, knowledge, None)
    except TraplineError:
        table = Lookup(name, ())
    how = Put(append=append or key is not None, key=key, create_empty=True, single=False)
    told = kept.save(table, rows, columns, how)
    if as_json:
        print_json({"name": table.name, "rows": len(rows), "warnings": list(told)})
        return
    click.echo(f"{count_of(len(rows), 'row')} for {clean(table.name)}")
    for one in told:
        click.echo(f"warning: {clean(one)}", err=True)


@command.command()
@click.argument("name")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write to a CSV file.")
@_sources
def export(
    name: str,
    out: Path | None,
    sources: Sources,
    as_json: bool,
) -> None:
    """The rows of a table as CSV, as a search sees them. --json prints them as JSON.

    \b
    Example:
      trapline lookups export previously_seen_cloud_regions --content ~/security_content --out seen.csv
    """
    import csv

    from trapline.knowledge.lookups import write_csv
    from trapline.values import value_text

    table = sources.table(name)
    if out is not None:
        write_csv(out, table.rows, table.fields)
        click.echo(f"wrote {clean(str(out))}", err=True)
    elif as_json:
        print_json({"name": table.name, "fields": list(table.fields), "rows": [dict(row) for row in table.rows]})
    else:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(table.fields)
        writer.writerows(
            [value_text(row[field]) if field in row else "" for field in table.fields] for row in table.rows
        )


@command.command()
@click.argument("name")
@_sources
def delete(
    name: str,
    sources: Sources,
    as_json: bool,
) -> None:
    """Delete what the store keeps of a table. What came with content or an add-on is then seen again.

    \b
    Example:
      trapline lookups delete previously_seen_cloud_regions --content ~/security_content
    """
    content, knowledge, kept = sources.open()
    from trapline import app

    found = app.lookup_table(name, content, knowledge, None if kept is None else kept)
    if kept is None or not kept.delete(found):
        raise TraplineError(
            f"the store keeps nothing of the lookup '{name}'", hint="trapline lookups list", code="lookup"
        )
    if as_json:
        print_json({"name": found.name, "deleted": True})
    else:
        click.echo(f"deleted {clean(found.name)} from the store")
