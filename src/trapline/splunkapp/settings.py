"""What the app is called: read from the project's own contentctl.yml (S1, S2) or build.yml (S3), or from app.conf."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trapline.content import apps, yamlfile
from trapline.content.stanza import joined
from trapline.content.yamlfile import Node
from trapline.errors import InputError
from trapline.knowledge.conf import Conf

CONTENTCTL = "contentctl.yml"
BUILD = "build.yml"
APP_CONF = "app.conf"
ESCU_UID = 3449
"""The number of ESCU on Splunkbase: only this app asks there for updates."""

_APP_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\Z")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,63}\Z")


@dataclass(frozen=True, slots=True)
class AppSettings:
    """The names of an app. Defaults are those of a project without a settings file."""

    appid: str = "trapline_content"
    title: str = "Detection content"
    version: str = "0.0.1"
    label: str = "ESCU"
    """What every saved search begins with: `<label> - <name> - Rule`."""
    description: str = "Detection content."
    author: str = ""
    email: str = ""
    company: str = ""
    uid: int = 0
    """Its number on Splunkbase, 0 when it has none."""

    @property
    def updates(self) -> bool:
        return self.uid == ESCU_UID


def read_settings(roots: Sequence[Path], *, label: str | None = None, version: str | None = None) -> AppSettings:
    """The settings of the last root that has a contentctl.yml or build.yml, or is an app, with `label` and `version`
    over them.

    Raises InputError for a file that cannot be used, and for an app id or version that is none: both become names of
    files."""
    found = AppSettings()
    file = ""
    for root in roots:
        for name, reader in ((BUILD, _build), (CONTENTCTL, _contentctl)):
            path = root / name
            if path.is_file():
                file = str(path)
                found = reader(_mapping(path))
                break
        else:
            if (one := apps.app(root)) is not None and (said := one.conf(APP_CONF)).stanzas:
                file = str(root / APP_CONF)
                found = _app(said)
    if label is not None:
        found = replace(found, label=label)
    if version is not None:
        found = replace(found, version=version)
    _check(found, file)
    return found


def _check(found: AppSettings, file: str) -> None:
    if not _APP_ID.match(found.appid) or ".." in found.appid:
        raise InputError(
            f"'{found.appid[:60]}' cannot be the id of an app",
            file=file,
            field="appid",
            hint="letters, digits, _ and -",
            code="build.appid",
        )
    if not _VERSION.match(found.version) or ".." in found.version:
        raise InputError(
            f"'{found.version[:60]}' is not a version",
            file=file or "--version",
            field="version",
            hint="write it as 4.42.0",
            code="build.version",
        )
    if not found.label.strip() or any(mark in found.label for mark in "[]\r\n"):
        raise InputError(
            f"'{found.label[:60]}' cannot begin the name of a saved search",
            file=file or "--label",
            field="label",
            hint="a word such as ESCU",
            code="build.label",
        )


def _mapping(path: Path) -> dict[str, Node]:
    try:
        data = path.read_bytes()[: yamlfile.MAX_BYTES + 1]
        documents = yamlfile.parse(data.decode("utf-8-sig"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"it cannot be read: {error}", file=str(path), code="build.settings") from None
    value = documents[0].value if documents else {}
    if not isinstance(value, dict):
        raise InputError("it is a mapping (key: value)", file=str(path), line=1, code="build.settings")
    return value


def _text(keys: dict[str, Node], key: str, default: str) -> str:
    node = keys.get(key)
    return node.value.strip() if node is not None and isinstance(node.value, str) else default


def _contentctl(keys: dict[str, Node]) -> AppSettings:
    node = keys.get("app")
    app = node.value if node is not None and isinstance(node.value, dict) else keys
    plain = AppSettings()
    uid = _text(app, "uid", "0")
    return AppSettings(
        appid=_text(app, "appid", plain.appid),
        title=_text(app, "title", plain.title),
        version=_text(app, "version", plain.version),
        label=_text(app, "label", plain.label),
        description=_text(app, "description", plain.description),
        author=_text(app, "author_name", ""),
        email=_text(app, "author_email", ""),
        company=_text(app, "author_company", ""),
        uid=int(uid) if uid.isascii() and uid.isdigit() and len(uid) < 12 else 0,
    )


def _app(said: Conf) -> AppSettings:
    """Of an app: what its app.conf says (app.conf.spec)."""
    plain = AppSettings()

    def text(default: str, *places: tuple[str, str]) -> str:
        given = (said.stanzas.get(stanza, {}).get(key) for stanza, key in places)
        return next((joined(one.value) for one in given if one is not None and one.value), default)

    appid = text(plain.appid, ("package", "id"), ("id", "name"))
    author = text("", ("launcher", "author"))
    return AppSettings(
        appid=appid,
        title=text(plain.title, ("ui", "label")),
        version=text(plain.version, ("launcher", "version"), ("id", "version")),
        description=text(plain.description, ("launcher", "description")),
        author=author,
        company=author,
        uid=ESCU_UID if appid == "DA-ESS-ContentUpdate" else 0,
    )


def _build(keys: dict[str, Node]) -> AppSettings:
    plain = AppSettings()
    prefix = _text(keys, "content_prefix", plain.label)
    appid = _text(keys, "id", plain.appid)
    author = _text(keys, "author", "")
    return AppSettings(
        appid=appid,
        title=_text(keys, "label", plain.title),
        version=_text(keys, "app_version", plain.version),
        label=prefix.removesuffix("-").strip(),
        description=_text(keys, "description", plain.description),
        author=author,
        email=_text(keys, "author_email", ""),
        company=author,
        uid=ESCU_UID if appid == "DA-ESS-ContentUpdate" else 0,
    )
