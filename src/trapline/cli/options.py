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


def content_option(command: Command) -> Command:
    """`--content DIR`, once or more, passed on as `folders`."""
    return click.option(
        "--content",
        "folders",
        metavar="DIR",
        multiple=True,
        help="Content folder or Splunk app on top of the built-in one and of what `content add` put into the store.",
    )(command)


def macros_option(command: Command) -> Command:
    """`--macros FILE`, once or more, passed on as `macros`."""
    return click.option(
        "--macros", metavar="FILE", multiple=True, help="Your own macros: macros.conf, YAML or a folder."
    )(command)


def json_option(command: Command) -> Command:
    """`--json`, passed on as `as_json: bool`. The answer, and an error too, is then one JSON value on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON value instead of text.")(command)


def attack_option(command: Command) -> Command:
    """`--attack VERSION`, passed on as `attack_version: str | None`."""
    return click.option(
        "--attack",
        "--attack-version",
        "attack_version",
        default=None,
        metavar="VERSION",
        help="ATT&CK version of names, tactics and groups. Default: the store's, else 18.1; 15.1 is there too.",
    )(command)


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


def schedule_options(command: Command) -> Command:
    """What is run on schedules, and by which settings: `folders`, `names`, `macros`, `addons`, `file`, and those of
    `identity_options`."""
    file = click.Path(dir_okay=False, path_type=Path)
    command = identity_options(command)
    for option in (
        click.option(
            "--settings", "file", type=file, metavar="FILE", help="Your settings. Default: trapline.yml of the store."
        ),
        click.option("--addon", "addons", metavar="DIR", multiple=True, help=ADDON_HELP),
        click.option("--macros", metavar="FILE", multiple=True, help="Your own macros: macros.conf, YAML or a folder."),
        click.option("--detection", "names", metavar="NAME|FILE", multiple=True, help="Only this one, enabled or not."),
        click.option(
            "--content", "folders", metavar="DIR", multiple=True, help="Content folder on top of the built-in one."
        ),
    ):
        command = option(command)
    return command


jobs_option = click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Processes that run searches. Default: `jobs` of the settings, else one a core, 4 at most.",
)

USER_VARIABLE = "TRAPLINE_USER"
"""Environment variable that names who changes notables and risk, where it is not the user of the system."""
WHO = f"Who you are. Default: ${USER_VARIABLE}, else the user of the system."


def me() -> str:
    """Who changes something, where nothing is said."""
    import getpass

    try:
        return os.environ.get(USER_VARIABLE) or getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
