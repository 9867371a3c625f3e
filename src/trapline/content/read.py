"""Content folders and files -> `Content`: the built-in library, then the user's folders, then the user's macros.

Nothing here stops at a bad file: each is reported with place, reason and next step in `Content.problems`.
Only what the user named and cannot be used at all raises (a folder that is not there, a detection file that is broken).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from trapline.content import apps, conf, shapes, yamlfile
from trapline.content.catalog import Content, calls
from trapline.content.fields import Fields
from trapline.content.model import Deprecation, Detection, Item, Level, Lookup, Macro, Problem, file_stem
from trapline.content.remembered import Reading
from trapline.errors import InputError, TraplineError
from trapline.knowledge.conf import Conf

LIBRARY = Path(__file__).resolve().parents[1] / "library"
"""The built-in content."""

MAX_FILES = 100_000

_REMOVED = "removed"
"""The folder of what is no more."""
SETTINGS = frozenset(("trapline-validate.yml", "contentctl.yml"))
"""Files of a content folder that hold no content."""


def default_content(
    dirs: Sequence[str | Path] = (), overrides: Sequence[str | Path] = (), reading: Reading | None = None
) -> Content:
    """The built-in library, with the folders `dirs` on it, with the user's macros `overrides` on top.

    What is doubtful is in `Content.problems`; ask `unused_overrides` too, once all detections are there. `reading`
    reads a file, where that is to be remembered. Raises InputError for a folder that does not exist or holds no
    content, and for an override that cannot be read.
    """
    content = load(LIBRARY, reading)
    for folder in dirs:
        content.lay(load(folder, reading))
    for path in overrides:
        override(content, path)
    return content


def load(folder: str | Path, reading: Reading | None = None) -> Content:
    """All content below a folder, in the public layout (detections/, macros/, ...) or in none; and that of a Splunk
    app, of the apps in a folder, or of a savedsearches.conf (`content.apps`).

    A YAML file is read as what the nearest folder of a known name says, else as what its keys look like. What lies
    below `removed/` is kept as names and ids only. Hidden folders and everything else stay out. Raises InputError when
    the folder is absent or holds no content.
    """
    root = Path(folder)
    found = apps.apps(root)
    if not root.is_dir() and not found:
        what = "is a file" if root.is_file() else "does not exist"
        hint = (
            "give the folder that holds detections/, macros/, ..., or default/ of a Splunk app, or savedsearches.conf"
        )
        raise InputError(f"this content folder {what}", file=str(folder), hint=hint, code="content.folder")
    content = Content(roots=[root])
    for one in found:
        own = Content()
        for item in apps.read(one, own.problems):
            if _inside(item, one.root, own.problems):
                _place(own, item)
        content.problems += apps.doubles(content, own)
        content.lay(own)
    whole = any(one.root == root for one in found) and not _has_yaml(root)
    for path, kind in () if whole or root.is_file() else _files(root, [one.root for one in found]):
        if kind == _REMOVED and path.stem.lower().startswith("deprecation_mapping"):
            content.deprecations |= _deprecations(path, content.problems)
            continue
        for item in (reading or read_as)(path, kind, content.problems):
            if _inside(item, root, content.problems):
                _place(content, item)
    if not any(True for _ in content.items()) and not content.problems and not content.removed:
        raise InputError(
            "no content is below this folder",
            file=str(folder),
            hint="content files end in .yml and lie in detections/, macros/, ...; a Splunk app has default/",
            code="content.folder",
        )
    return content


def with_defaults(content: Content) -> Content:
    """The same with the deployments of ESCU where it has none of their name: what a project relies on."""
    for default in load(LIBRARY).deployments:
        if default.name not in content.deployments:
            content.deployments.put(default)
    return content


def read_detection(path: str | Path) -> tuple[Detection, list[Problem]]:
    """One detection file. Raises InputError when it holds none that can be used."""
    problems: list[Problem] = []
    found = read_as(Path(path), "detections", problems)
    for problem in problems:
        if problem.level is Level.ERROR:
            raise problem.to_error()
    for item in found:
        if isinstance(item, Detection):
            return item, problems
    raise InputError("this file holds no detection", file=str(path), code="content.empty")


def read_file(path: Path, problems: list[Problem]) -> list[Item]:
    """All objects of one file, of the kind that its folder names or its keys look like. What is wrong with it goes to
    `problems`."""
    kind = next((part for part in reversed(path.resolve().parts[:-1]) if part in shapes.KINDS), None)
    return read_as(path, kind, problems)


def find_or_read(content: Content, query: str) -> Detection:
    """The detection named by a name, an id, a file name or the path of a file, which is then added to the content.

    Raises TraplineError when there is none, InputError when its file is broken."""
    path = Path(query)
    if path.name == apps.SEARCHES and path.is_file():
        return _only(load(path), content, query)
    if path.suffix.lower() in (".yml", ".yaml") and path.is_file():
        detection, problems = read_detection(path)
        content.problems += problems
        content.put(detection)
        return detection
    try:
        return content.find(query)
    except TraplineError:
        stems = {file_stem(query.strip()), file_stem(path.stem)}
        for problem in errors(content.problems):
            if Path(problem.file).stem.lower() in stems:
                raise problem.to_error() from None
        raise


def _only(found: Content, content: Content, query: str) -> Detection:
    """The detection of a savedsearches.conf that holds one. Raises InputError for none or several."""
    detections = list(found.detections)
    if len(detections) != 1:
        wrong = errors(found.problems)
        if not detections and wrong:
            raise wrong[0].to_error()
        some = ", ".join(f"'{one.name}'" for one in detections[:3])
        reason = f"this file holds {len(detections)} detections" + (f": {some}, ..." if some else "")
        hint = f"give the file with --content {query}, and the name of one"
        raise InputError(reason, file=query, hint=hint, code="content.several")
    content.lay(found)
    return detections[0]


def override(content: Content, path: str | Path) -> None:
    """Lays the user's own macros over the content: a macros.conf, a YAML file of macros, or a folder of such files.

    Raises InputError when the path does not exist or a file cannot be read. See `unused_overrides`.
    """
    for macro in read_macros(Path(path), content.problems):
        content.put(macro)
        content.overridden[macro.key] = macro


def unused_overrides(content: Content) -> list[Problem]:
    """The user's macros that nothing calls although they look meant to be: a filter that is misspelt filters nothing.

    To be asked once all detections are read. A macro that is like none that is called is taken for the user's own.
    """
    import difflib

    if not content.overridden:
        return []
    used = {call.key for text in _texts(content) for call in calls(text)}
    found = []
    for macro in content.overridden.values():
        if macro.key in used:
            continue
        near = difflib.get_close_matches(macro.key, used, 1, 0.8)
        if near or macro.name.endswith("_filter"):
            reason = f"no search calls the macro '{macro.key}'"
            hint = f"did you mean '{near[0]}'?" if near else "the name has to be exactly as in the search"
            found.append(Problem(Level.WARNING, "unused-macro", reason, macro.file, field=macro.key, hint=hint))
    return found


def _texts(content: Content) -> Iterator[str]:
    for detection in content.detections:
        yield detection.search
    for baseline in content.baselines:
        yield baseline.search
    for macro in content.macro_defs.values():
        yield macro.definition


def read_macros(path: Path, problems: list[Problem]) -> Iterator[Macro]:
    """The macros of a macros.conf, a YAML file (one macro a document) or a folder of such files."""
    if path.is_dir():
        files = [name for name in walk(path) if name.suffix in (".yml", ".yaml") or name.name == "macros.conf"]
        # an app's local/macros.conf is meant to win over its default/
        files.sort(key=lambda name: (name.parent.name == "local", str(name)))
        if not files:
            raise InputError(
                "no macros are in this folder",
                file=str(path),
                hint="it takes macros.conf and .yml",
                code="content.macros",
            )
        for name in files:
            yield from read_macros(name, problems)
        return
    if path.suffix.lower() == ".conf":
        file = Conf()
        file.add(_text(path), str(path))
        yield from conf.macros(file, problems)
        return
    for item in _items(path, "macros", problems):
        if isinstance(item, Macro):
            yield item


def _has_yaml(root: Path) -> bool:
    """Has a folder that is an app also the folders of a content tree? An app has lookups/, too."""
    return any((root / kind).is_dir() for kind in shapes.KINDS if kind != "lookups")


def _files(root: Path, skipped: Sequence[Path] = ()) -> Iterator[tuple[Path, str | None]]:
    """The YAML files below a folder with the kind that their folder names, None when no folder does. Not those in the
    folders `skipped` below it."""
    known = any((root / kind).is_dir() for kind in shapes.KINDS)
    below = [one for one in skipped if one != root]
    for path in walk(root):
        if below and any(path.is_relative_to(one) for one in below):
            continue
        if path.suffix.lower() not in (".yml", ".yaml") or path.name in SETTINGS or path.name.endswith(".test.yml"):
            continue  # further tests (*.test.yml) are read by those who test
        parts = path.relative_to(root).parts[:-1]
        kind = next((part for part in reversed((root.name, *parts)) if part in shapes.KINDS), None)
        if _REMOVED in parts:
            yield path, _REMOVED
        elif kind is not None or not known:
            yield path, kind


def walk(root: Path) -> Iterator[Path]:
    """Files below a folder, sorted, links to folders not followed."""
    count = 0
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in sorted(files):
            count += 1
            if count > MAX_FILES:
                raise InputError(
                    f"more than {MAX_FILES} files are below this folder",
                    file=str(root),
                    hint="give the content folder itself",
                    code="content.folder",
                )
            yield Path(folder, name)


def read_as(path: Path, kind: str | None, problems: list[Problem]) -> list[Item]:
    """The objects of a file of a kind, by None of the kind that its keys look like. What is wrong with it goes to
    `problems`."""
    try:
        return list(_items(path, kind, problems))
    except InputError as error:
        problems.append(_problem(error))
        return []


def _items(path: Path, kind: str | None, problems: list[Problem]) -> Iterator[Item]:
    file = str(path)
    nodes = [node for node in yamlfile.parse(_text(path), file) if node.value is not None]
    if not nodes:
        # A file in a folder of content was to be an object; elsewhere nobody knows what it was to be.
        level = Level.WARNING if kind is None else Level.ERROR
        reason, hint = "this file is empty", "write the object, or delete the file"
        problems.append(Problem(level, "empty", reason, file, 1, hint=hint))
    for node in nodes:
        keys = Fields(node, file, problems)
        if not isinstance(node.value, dict):
            raise InputError("a content file is a mapping (key: value)", file=file, line=node.line, code="shape")
        if kind == _REMOVED:
            yield shapes.removed(keys, path.parent.name)
            continue
        what = kind or shapes.kind_of(keys)
        if what is None:
            keys.warn(
                "kind",
                "what this file holds is not known; it is left out",
                "type",
                hint="put it into the folder of its kind, such as detections/",
            )
            continue
        yield shapes.KINDS[what](keys)


def _deprecations(path: Path, problems: list[Problem]) -> dict[str, Deprecation]:
    """The entries of a deprecation mapping; what is wrong with it goes to `problems`."""
    found: dict[str, Deprecation] = {}
    try:
        for node in yamlfile.parse(_text(path), str(path)):
            if isinstance(node.value, dict):
                found |= shapes.deprecations(Fields(node, str(path), problems))
    except InputError as error:
        problems.append(_problem(error))
    return found


def _problem(error: InputError) -> Problem:
    code = error.code.removeprefix("content.")
    return Problem(Level.ERROR, code, error.reason, error.file, error.line, error.field, error.hint)


def _text(path: Path) -> str:
    """Raises InputError for a file that is absent, too big or not UTF-8."""
    try:
        with path.open("rb") as file:
            data = file.read(yamlfile.MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=str(path), code="read") from None
    if len(data) > yamlfile.MAX_BYTES:
        reason = f"larger than {yamlfile.MAX_BYTES // 1_000_000} MB, too much for a content file"
        raise InputError(reason, file=str(path), code="read")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError("not UTF-8 text", file=str(path), line=line, hint="save it as UTF-8", code="read") from None


def _inside(item: Item, root: Path, problems: list[Problem]) -> bool:
    """Does the table of a lookup lie in its folder? A link of others may lead to any file of this machine."""
    table = item.table if isinstance(item, Lookup) else None
    if table is None or table.resolve().is_relative_to(root.resolve()):
        return True
    reason, hint = f"{table.name} leads out of the content folder", "put the file itself here"
    problems.append(Problem(Level.ERROR, "lookup", reason, item.file, field="filename", hint=hint))
    return False


def _place(content: Content, item: Item) -> None:
    """Adds an object of a folder; the second of a name within the same folder is left out and reported."""
    before = content.put(item)
    if before is not None:
        content.put(before)
        content.problems.append(
            Problem(
                Level.ERROR,
                "duplicate",
                f"'{item.name}' is defined already in {before.file}; this one is left out",
                item.file,
                _name_line(item, same=item.file == before.file),
                field="name",
                hint="give it a name of its own",
            )
        )


def _name_line(item: Item, *, same: bool) -> int | None:
    """The line of the name of an object, of the last one in its file where both are in it; None in a .conf file."""
    if not item.file.lower().endswith((".yml", ".yaml")):
        return None
    try:
        nodes = yamlfile.parse(_text(Path(item.file)), item.file)
    except InputError:
        return None
    values = [node.value for node in nodes if isinstance(node.value, dict)]
    named = [value["name"] for value in values if "name" in value]
    lines = [node.line for node in named if isinstance(node.value, str) and node.value.strip() == item.name]
    return None if not lines else lines[-1 if same else 0]


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """Those that cost an object."""
    return [problem for problem in problems if problem.level is Level.ERROR]
