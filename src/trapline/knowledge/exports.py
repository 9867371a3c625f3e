"""What an add-on keeps to itself on a Splunk server: `metadata/default.meta` and `local.meta`.

Source: default.meta.conf.spec. There an object is seen from other apps only with `export = system`: in a stanza of
its own (`[eventtypes/<name>]`), of its kind (`[eventtypes]`) or of the whole app (`[]`), the narrowest first. Here an
add-on is given by name and all of it is used, as if it were exported; what would be seen only from within it is told by
`trapline addons check`, for a search in another app (Enterprise Security, say) goes without it there. An add-on without
these files says nothing of it and nothing is told. `access` names roles, and there are none here. Settings of index
time hold for all anyhow.
"""

from __future__ import annotations

import urllib.parse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from trapline.errors import Warn
from trapline.knowledge.conf import Conf, add_file

_LAYERS = ("default", "local")
_KINDS = {
    "props": "default/props.conf",
    "transforms": "default/transforms.conf",
    "eventtypes": "default/eventtypes.conf",
    "tags": "default/tags.conf",
    "macros": "default/macros.conf",
    "savedsearches": "default/savedsearches.conf",
    "collections": "default/collections.conf",
    "lookups": "lookups",
    "datamodels": "default/data/models",
}
"""Kinds of objects, and what of an add-on holds them (`local/` likewise)."""
_MOST = 100
"""Objects that are told one by one."""


def private(folder: Path) -> Iterator[Warn]:
    """What of an add-on is not exported, a warning for a kind, and one for each object that its kind is not like."""
    meta = Conf()
    for layer in _LAYERS:
        name = f"metadata/{layer}.meta"
        add_file(meta, folder / name, f"{folder.name}/{name}")
    yield from meta.problems
    exports = {stanza: keys["export"] for stanza, keys in meta.stanzas.items() if "export" in keys}
    if not meta.stanzas:
        return
    whole = exports.get("")
    hidden: set[str] = set()
    for kind, held in _KINDS.items():
        setting = exports.get(kind, whole)
        if (setting is not None and _is_shared(setting.value)) or not _has(folder, held):
            continue
        hidden.add(kind)
        single = Counter(one.partition("/")[0] for one, export in exports.items() if _is_shared(export.value))[kind]
        single -= kind in exports and _is_shared(exports[kind].value)
        but = f" but for {single}" if single else ""
        yield Warn(
            "conf-private",
            f"the {kind} of {folder.name} are not exported{but}: on a Splunk server only searches in that app see "
            "them, here all do",
            "export = system",
            setting.place if setting is not None else f"{folder.name}/metadata/default.meta",
        )
    told = 0
    for stanza, setting in exports.items():
        kind, slash, name = stanza.partition("/")
        if not slash or kind in hidden or _is_shared(setting.value) or told >= _MOST:
            continue
        told += 1
        shown = "/".join(urllib.parse.unquote(part) for part in name.split("/"))
        reason = f"{kind} {shown[:200]} is not exported: on a Splunk server only searches in {folder.name} see it"
        yield Warn("conf-private", f"{reason}, here all do", "export = system", setting.place)


def _is_shared(value: str) -> bool:
    return value.strip().lower() == "system"


def _has(folder: Path, held: str) -> bool:
    paths = [folder / held, folder / held.replace("default/", "local/", 1)]
    return any(path.is_file() or (path.is_dir() and any(path.iterdir())) for path in paths)
