"""Content -> a folder of HTML files: what is written where, and what an earlier build left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from trapline.content import enrich
from trapline.content.catalog import Content
from trapline.content.enrich import Attack
from trapline.content.model import Item
from trapline.errors import InputError, TraplineError, Warn
from trapline.site import browse, detection, kinds, matrix
from trapline.site.layout import ASSETS, Layout, asset
from trapline.site.links import Broken, check
from trapline.site.model import Model, below, gather
from trapline.site.results import Results
from trapline.site.routes import INDEX, Here, Kind

MANIFEST = "assets/files.txt"
"""The files of a build, one a line: what the next one may take away."""

Progress = Callable[[int, int], None]
"""Pages written, pages in all."""


@dataclass(frozen=True, slots=True)
class Options:
    """`base_url` ends in `/`, None: relative links. `source_url`: put before the path of a detection's file. `attack`:
    a table of ATT&CK, or the version of one that is built in."""

    title: str = "Detection content"
    base_url: str | None = None
    source_url: str | None = None
    attack: str | Attack = enrich.DEFAULT_ATTACK
    results: Results | None = None
    library: bool = True


@dataclass(slots=True)
class Built:
    """What was written."""

    pages: int = 0
    bytes: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)
    links: int = 0
    warnings: list[Warn] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "pages": self.pages,
            "bytes": self.bytes,
            **self.counts,
            "links": self.links,
            "broken_links": [one.to_json() for one in self.broken],
            "warnings": [one.to_json() for one in self.warnings],
        }


def base_url(given: str) -> str:
    """`/x`, `/x/` or `https://host/x` as it is put before paths. Raises TraplineError for anything else."""
    from urllib.parse import urlsplit

    parts = urlsplit(given)
    web = parts.scheme in ("http", "https") and bool(parts.netloc)
    plain = not parts.scheme and not parts.netloc and given.startswith("/") and not given.startswith("//")
    if not (web or plain) or parts.query or parts.fragment or any(char.isspace() for char in given):
        raise TraplineError(
            f"'{given}' is no address that a site can lie at",
            hint="give a path, /detections/, or a whole address, https://example.com/detections/",
            code="site.base-url",
        )
    return given if given.endswith("/") else f"{given}/"


def build(content: Content, out: Path, options: Options, progress: Progress | None = None) -> Built:
    """Writes the site into a folder and checks its links.

    The folder may be absent, empty, or hold an earlier build, of which the pages that are gone go; nothing else
    is touched. Raises InputError for a folder that holds something else or cannot be written, TraplineError when there
    is nothing to write."""
    before = _earlier(out)
    model = gather(
        content,
        attack=options.attack,
        results=options.results,
        base_url=options.base_url,
        library=options.library,
    )
    built = Built(warnings=list(model.warnings))
    built.counts = {
        "detections": len(model.pages),
        "stories": len(model.stories),
        "macros": len(model.macros),
        "data_sources": len(model.data_sources),
        "lookups": len(model.lookups),
        "techniques": sum(1 for kind, _ in model.routes.paths if kind is Kind.TECHNIQUE),
    }
    total = len(model.routes.paths) + 7
    written: dict[str, str] = {}
    for path, document in _documents(model, options):
        name = f"{path}{INDEX}"
        written[name] = document
        built.bytes += _write(out, name, document)
        built.pages += 1
        if progress is not None:
            progress(built.pages, total)
    files = {f"assets/{name}": asset(name) for name in ASSETS}
    files[f"assets/{browse.SEARCH_INDEX}"] = browse.search_index(model)
    if options.base_url is not None and "://" in options.base_url:
        files["sitemap.xml"] = _sitemap(options.base_url, written)
    for name, body in files.items():
        built.bytes += _write(out, name, body)
    names = sorted({*written, *files, MANIFEST})
    _write(out, MANIFEST, "\n".join(names) + "\n")
    for name in before - set(names):
        _remove(out, name)
    built.links, built.broken = check(written, set(names), options.base_url)
    return built


def _documents(model: Model, options: Options) -> Iterator[tuple[str, str]]:
    """Paths and whole pages."""
    layout = Layout(model.routes, options.title, _footer(model))

    def here(path: str) -> Here:
        return Here(model.routes, path)

    counts = f"{_count(len(model.pages), 'detection', 'detections')}, {_count(len(model.stories), 'story', 'stories')}"
    lead = f"{counts}, mapped to ATT&CK v{model.coverage.attack.version}."
    yield "", layout.document("", options.title, browse.home(model, here(""), options.title, lead), description=lead)
    path = f"{Kind.DETECTION}/"
    yield path, layout.document(path, "Detections", browse.browse(model, here(path)), scripts=(browse.SEARCH_INDEX,))
    path = f"{Kind.TECHNIQUE}/"
    yield path, layout.document(path, "ATT&CK coverage", matrix.matrix(model, here(path)))
    for title, kind, items, lead in (
        ("Stories", Kind.STORY, model.stories, "An analytic story groups the detections of one threat."),
        ("Data sources", Kind.DATA_SOURCE, model.data_sources, "What detections read, and how it is told apart."),
        ("Macros", Kind.MACRO, model.macros, "Parts of searches that have a name. Filter macros are empty by default."),
        ("Lookups", Kind.LOOKUP, model.lookups, "Tables that searches look values up in."),
    ):
        path = f"{kind}/"
        body = kinds.listing(title, kind, items, lead, model, here(path))
        yield path, layout.document(path, title, body)
        for item in items:
            own = model.routes.path(kind, item.name)
            assert own is not None
            body = _item(item, kind, model, here(own))
            yield own, layout.document(own, item.name, body, ((title, path),), item.description)
    for page in model.pages:
        one = page.detection
        own = model.routes.path(Kind.DETECTION, one.name)
        assert own is not None
        file = below(one.file, model.content)
        source = f"{options.source_url}{file}" if options.source_url and file else None
        crumbs = [("Detections", f"{Kind.DETECTION}/")]
        body = detection.body(page, here(own), source)
        yield own, layout.document(own, one.name, body, crumbs, one.description)
    for technique in model.coverage.attack.techniques.values():
        own = model.routes.path(Kind.TECHNIQUE, technique.id)
        if own is not None:
            body = matrix.technique(technique, model, here(own))
            title = f"{technique.id} {technique.name}"
            yield own, layout.document(own, title, body, (("ATT&CK", f"{Kind.TECHNIQUE}/"),))


def _item(item: Item, kind: Kind, model: Model, here: Here) -> Any:
    render: Any = {
        Kind.STORY: kinds.story,
        Kind.MACRO: kinds.macro,
        Kind.DATA_SOURCE: kinds.data_source,
        Kind.LOOKUP: kinds.lookup,
    }[kind]
    return render(item, model, here)


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _footer(model: Model) -> str:
    return f"Built with Trapline. MITRE ATT&CK® v{model.coverage.attack.version} is a work of The MITRE Corporation."


def _sitemap(base: str, written: dict[str, str]) -> str:
    from trapline.content.markup import text

    rows = "".join(f"<url><loc>{text(base + name.removesuffix(INDEX))}</loc></url>\n" for name in sorted(written))
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
    return f"{head}{rows}</urlset>\n"


def _earlier(out: Path) -> set[str]:
    """The files of an earlier build. Raises InputError for a folder that holds something else."""
    if not out.exists():
        return set()
    if not out.is_dir():
        raise InputError("this is a file, not a folder", file=str(out), hint="give a folder", code="site.out")
    manifest = out / MANIFEST
    if manifest.is_file():
        return {line for line in manifest.read_text(encoding="utf-8").splitlines() if line}
    if any(True for _ in out.iterdir()):
        raise InputError(
            "this folder is not empty and holds no earlier site",
            file=str(out),
            hint="give a new folder, or empty this one yourself",
            code="site.out",
        )
    return set()


def _write(out: Path, name: str, body: str) -> int:
    """Raises InputError."""
    path = out / name
    data = body.encode("utf-8", "replace")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", file=str(path), code="site.out") from None
    return len(data)


def _remove(out: Path, name: str) -> None:
    """A page that is gone, with its folder when that is empty. A name that leads out of the folder is left alone."""
    parts = PurePosixPath(name).parts
    path = out.joinpath(*parts)
    if not parts or ".." in parts or PurePosixPath(name).is_absolute() or path.is_symlink():
        return
    if not path.resolve().is_relative_to(out.resolve()):
        return
    path.unlink(missing_ok=True)
    if path.parent != out and path.parent.is_dir() and not any(True for _ in path.parent.iterdir()):
        path.parent.rmdir()
