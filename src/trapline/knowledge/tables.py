"""The lookup tables of add-on folders: stanzas of transforms.conf with their files in lookups/.

Sources: transforms.conf.spec, "Lookup tables"; collections.conf.spec. A file is read when a search first needs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from trapline.errors import SplError
from trapline.knowledge.computed import COMPUTED
from trapline.knowledge.conf import Setting, truth
from trapline.knowledge.identities import GIVEN, not_given
from trapline.knowledge.kept import TYPES, Kept
from trapline.knowledge.lookups import is_plain, lookup_of, read_csv
from trapline.spl.lookups import Lookup

Keys = Mapping[str, Setting]

_MAKES_LOOKUP = ("filename", "collection", "external_cmd", "external_type")


class LookupTables(Mapping[str, Lookup]):
    """Tables by the name of their stanza, and files by their own. A KV store collection, an external script and a file
    that is not there are empty tables with a note. `collections`: the stanzas of collections.conf; `kept`: what the
    user has of the tables, for automatic lookups; `given`: further tables, from what the user has given."""

    def __init__(
        self,
        stanzas: Mapping[str, Keys] | None = None,
        folders: Sequence[Path] = (),
        collections: Mapping[str, Keys] | None = None,
        kept: Kept | None = None,
        given: Mapping[str, Lookup] | None = None,
    ) -> None:
        self._made = (stanzas, folders, collections)
        self._collections = collections or {}
        self._kept = kept
        self._given = given or {}
        self._stanzas = {
            name: keys for name, keys in (stanzas or {}).items() if any(one in keys for one in _MAKES_LOOKUP)
        }
        self._folders = {folder.name: folder for folder in folders}
        self._files: dict[str, Path] = {}
        for folder in folders:
            for path in sorted((folder / "lookups").glob("*.csv*")):
                if path.name.endswith((".csv", ".csv.gz")) and path.is_file():
                    self._files[path.name] = path
        self._read: dict[str, Lookup] = {}

    @property
    def stanzas(self) -> Mapping[str, Keys]:
        """The stanzas of transforms.conf that make tables."""
        return self._stanzas

    def over(self, kept: Kept | None, given: Mapping[str, Lookup]) -> LookupTables:
        """The same with what a user has."""
        return LookupTables(*self._made, kept, given)

    def __getitem__(self, name: str) -> Lookup:
        known = self._given.get(name) or self._read.get(name)
        if known is None and name in GIVEN and not self.has(name):
            known = self._read[name] = not_given(name)
        if known is None:
            if name in self._stanzas:
                known = self._table(name, self._stanzas[name])
            else:
                known = replace(read_csv(name, self._files[name]), filename=name)
            self._read[name] = known
        return known

    def __contains__(self, name: object) -> bool:
        # Without reading it.
        return name in GIVEN or (isinstance(name, str) and self.has(name))

    def has(self, name: str) -> bool:
        """Is there such a table, with rows or without? Those of assets and identities are only if they are given."""
        return name in self._stanzas or name in self._files or name in self._given

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._stanzas, *self._files, *self._given]))

    def __len__(self) -> int:
        return len(self._stanzas.keys() | self._files.keys() | self._given.keys())

    def usable(self, name: str) -> Lookup:
        """The table of an automatic lookup. Raises SplError where there is none, or nothing in it can be had."""
        if name not in self:
            raise SplError(f"the lookup {name} is no stanza of transforms.conf", code="knowledge")
        table = self[name] if self._kept is None else self._kept.current(self[name])
        if table.note or table.compute is not None:
            raise SplError(table.note or f"the lookup {name} runs for the lookup command only", code="knowledge")
        return table

    def _table(self, name: str, keys: Keys) -> Lookup:
        given: dict[str, object] = {key: one.value for key, one in keys.items()}
        note = ""
        path: Path | None = None
        if "filename" in keys:
            path = self._file(keys["filename"])
            if not is_plain(keys["filename"].value):
                shown = keys["filename"].value[:80]
                note = f"the lookup {name} names the file '{shown}', which is no plain file name: it is not used"
            elif path is None:
                note = f"the file {keys['filename'].value} of the lookup {name} is in no add-on's lookups folder"
        elif "collection" in keys or given.get("external_type") == "kvstore":
            note = f"the lookup {name} is a KV store collection, which has no rows here"
            given["collection"] = given.get("collection") or name
            own = self._collections.get(str(given["collection"]), {})
            types = {key[6:]: one.value.strip().lower() for key, one in own.items() if key.startswith("field.")}
            given["types"] = {field: kind for field, kind in types.items() if kind in TYPES}
            given["strict"] = "enforceTypes" in own and truth(own["enforceTypes"].value) is True
        elif name in COMPUTED:
            return COMPUTED[name]
        else:
            note = f"the lookup {name} runs an external program, which is not supported"
        given["rows"] = ()
        if path is not None:
            table = read_csv(name, path)
            given |= {"rows": table.rows, "fields": table.fields}
            given.pop("fields_list", None)
        found = lookup_of(name, given)
        if "filename" in keys:
            # Whole, so that what is a path is not taken for the file that it ends in.
            found = replace(found, filename=keys["filename"].value)
        return replace(found, note=note) if note else found

    def _file(self, setting: Setting) -> Path | None:
        """The file that a stanza names: of its own add-on, else of the last one that has it."""
        name = setting.value
        if not is_plain(name):
            return None
        own = self._folders.get(setting.file.partition("/")[0])
        if own is not None and (own / "lookups" / name).is_file():
            return own / "lookups" / name
        return self._files.get(name)
