"""What `trapline test` runs: once, or again and again as files are saved."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trapline.errors import InputError, TraplineError

if TYPE_CHECKING:
    from trapline.content.catalog import Content
    from trapline.content.remembered import Reading
    from trapline.testing.affected import Changes
    from trapline.testing.model import Tested

FILES_SHOWN = 3
WAITING = "\nwatching; Ctrl-C ends"


@dataclass(frozen=True, slots=True)
class Asking:
    """What the user asks for. `how`: arguments of `app.run_tests`. `since`: a ref of git."""

    names: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    macros: tuple[str, ...] = ()
    store: Path | None = None
    since: str | None = None
    outs: tuple[Path, ...] = ()
    verbose: bool = False
    as_json: bool = False
    how: Mapping[str, Any] = field(default_factory=dict)

    def content(self, reading: Reading | None = None) -> Content:
        from trapline import app

        return app.content(app.content_folders(self.names, self.folders), self.macros, self.store, reading)

    def places(self, content: Content) -> Iterator[Path]:
        """The folders and files that tests depend on."""
        yield from content.roots
        yield from map(Path, (*self.macros, *self.how.get("addons", ()), *self.how.get("data", ())))
        yield from (Path(one) for one in self.names if Path(one).is_file())
        if self.how.get("mapping") is not None:
            yield self.how["mapping"]

    def _own(self, content: Content) -> list[Path]:
        """The folders of the user. Raises InputError where there are none."""
        from trapline import app
        from trapline.content.read import LIBRARY

        given = [Path(one) for one in app.content_folders(self.names, self.folders)]
        found = given or [one for one in content.roots if one != LIBRARY]
        if not found:
            raise InputError(
                "nothing but the built-in content is there, and that does not change",
                file="--changed",
                hint="give your content folder with --content DIR",
                code="testing.changed",
            )
        return found

    def run(self, content: Content, changes: Changes | None = None) -> int:
        """Test, tell, write the reports; the exit code. Without `changes` those since the ref, if there is one. Raises
        TraplineError."""
        from trapline import app
        from trapline.cli.hunttext import Progress
        from trapline.testing import affected, reports

        detections = app.to_test(content, self.names, self.folders, self.types)
        if changes is None and self.since is not None:
            changes = affected.since(self._own(content), self.since)
        with Progress() as line:
            found = app.run_tests(
                content,
                detections,
                mode="selected" if self.names else "all",
                folders=self.folders,
                changes=changes,
                progress=line,
                **self.how,
            )
        found = replace(found, since=self.since or "")
        for out in self.outs:
            reports.write(found, out)
        self._tell(found)
        return _code(found)

    def _tell(self, found: Tested) -> None:
        from trapline.cli.render import print_json
        from trapline.cli.searching import print_warnings
        from trapline.cli.testtext import print_tested

        if self.as_json:
            print_json(found.to_json())
        else:
            print_tested(found, verbose=self.verbose)
            print_warnings(found.warnings)


def _code(found: Tested) -> int:
    from trapline.testing.model import Kind, Status

    if not found.success:
        return 3 if found.outside else 1
    if found.chosen is not None and not found.results:
        return 0
    ran = any(t.status is not Status.SKIP for one in found.results for t in one.tests if t.kind is not Kind.VALIDATION)
    return 0 if ran else 1


def watch(asking: Asking, reading: Reading) -> int:
    """Test, and test again what a saved file touches, until Ctrl-C; the exit code of the last run. What cannot be read
    while it is being written is told, and waited for."""
    from trapline.testing import watch as files

    content = asking.content(reading)
    try:
        code = asking.run(content)
    except TraplineError as error:
        if not error.code.startswith("content.") or error.code == "content.unknown-detection":
            raise
        click.echo(error.render(), err=True)
        code = error.exit_code
    places = list(asking.places(content))

    def again(changed: frozenset[Path]) -> None:
        nonlocal code, content
        _say(asking, f"\n{time.strftime('%H:%M:%S')} saved: {_few(changed)}")
        changes = files.changes(content, changed)
        try:
            content = asking.content(reading)
            code = asking.run(content, changes)
        except TraplineError as error:
            click.echo(error.render(), err=True)
            code = error.exit_code
        _say(asking, WAITING)

    with suppress(KeyboardInterrupt):
        _say(asking, WAITING)
        files.follow(places, again, _pause)
    return code


def _pause() -> bool:
    from trapline.testing import watch as files

    time.sleep(files.EVERY)
    return True


def _say(asking: Asking, text: str) -> None:
    from trapline.cli.render import clean

    click.echo("\n".join(map(clean, text.split("\n"))), err=asking.as_json)


def _few(changed: frozenset[Path]) -> str:
    from trapline.testing.affected import shown

    names = [shown(one) for one in sorted(changed)]
    more = f" and {len(names) - FILES_SHOWN:,} more" if len(names) > FILES_SHOWN else ""
    return ", ".join(names[:FILES_SHOWN]) + more
