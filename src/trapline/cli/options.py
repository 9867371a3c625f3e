"""Options that several commands share, so that they are named, explained and defaulted alike."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

STORE_VARIABLE = "TRAPLINE_STORE"
"""Environment variable that names the store folder when `--store` is not given."""

STORE_FOLDER = "trapline-store"
"""Store folder in the working directory when nothing else is said."""

ADDON_HELP = "Splunk add-on folder on top of the built-in ones and those in addons/ of the store."

Command = TypeVar("Command", bound=Callable[..., Any])


def default_store() -> Path:
    """The store used without `--store`: the environment variable `TRAPLINE_STORE`, else `./trapline-store`."""
    return Path(os.environ.get(STORE_VARIABLE) or STORE_FOLDER)


def store_option(command: Command) -> Command:
    """`--store DIR`, passed on as `store: Path` (always set)."""
    return click.option(
        "--store",
        type=click.Path(file_okay=False, path_type=Path),
        default=default_store,
        metavar="DIR",
        help=f"Store folder. Default: ${STORE_VARIABLE}, else ./{STORE_FOLDER}.",
    )(command)


def json_option(command: Command) -> Command:
    """`--json`, passed on as `as_json: bool`. The answer, and an error too, is then one JSON value on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON value instead of text.")(command)


def identity_options(command: Command) -> Command:
    """`--assets FILE` and `--identities FILE`, passed on as `assets` and `identities: Path | None`."""
    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    for name, what in (("identities", "users"), ("assets", "hosts")):
        command = click.option(
            f"--{name}",
            type=file,
            metavar="FILE",
            help=f"CSV of your {what} in Enterprise Security's columns. Default: lookups/{name}.csv of the store.",
        )(command)
    return command
