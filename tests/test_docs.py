"""Nothing public without an entry in the documentation, and nothing in the documentation that does not exist."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from tests import casefile
from tests.shared import CASES, ROOT
from trapline.cli import cli
from trapline.cli import commands as cli_commands
from trapline.ingest import sources
from trapline.spl import commands as spl_commands
from trapline.spl.functions import registry

PAGES = sorted({"README.md", "CONTRIBUTING.md"} | {str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md")})


def members(family: ModuleType) -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(family.__path__))


def pages(folder: str) -> list[str]:
    return sorted(path.stem for path in (CASES / folder).glob("*.md"))


def searches(folder: str) -> str:
    found = [case.spl for path in sorted((CASES / folder).glob("*.md")) for case in casefile.read(path).cases]
    return "\n".join(found)


@pytest.mark.parametrize("name", sorted({*members(spl_commands), *pages("commands")}))
def test_spl_command_and_its_page(name: str) -> None:
    assert name in members(spl_commands), f"tests/cases/commands/{name}.md is about a command that does not exist"
    path = CASES / "commands" / f"{name}.md"
    assert path.exists(), f"write tests/cases/commands/{name}.md, the manual page of the command"
    page = casefile.read(path)
    assert page.title == name
    assert len(page.cases) >= 3
    assert any(block.kind == "error" for case in page.cases for block in case.blocks), "show an error"
    module = importlib.import_module(f"{spl_commands.__name__}.{name}")
    for alias in getattr(module, "ALIASES", ()):
        assert re.search(rf"`{alias}`", path.read_text(encoding="utf-8")), f"name the alias {alias}"


@pytest.mark.parametrize("name", sorted(registry()))
def test_eval_function_has_a_case(name: str) -> None:
    assert re.search(rf"(?i)\b{re.escape(name)}\s*\(", searches("functions")), (
        f"show {name}() in a case of a page in tests/cases/functions/ (it is of the topic {registry()[name].topic})"
    )


@pytest.mark.parametrize("page", pages("functions"))
def test_function_page_is_about_functions(page: str) -> None:
    shown = "\n".join(case.spl for case in casefile.read(CASES / "functions" / f"{page}.md").cases)
    assert any(re.search(rf"\b{re.escape(name)}\(", shown) for name in registry())


@pytest.mark.parametrize("name", pages("sources"))
def test_source_page_has_a_source(name: str) -> None:
    assert name in members(sources)


def cli_paths() -> Iterator[str]:
    """Every command of the command line as it is called, those within groups too."""
    for name in members(cli_commands):
        command = importlib.import_module(f"{cli_commands.__name__}.{name}").command
        yield name
        yield from (
            f"{name} {inner}"
            for inner in (command.list_commands(click.Context(command)) if isinstance(command, click.Group) else ())
        )


@pytest.mark.parametrize("path", list(cli_paths()))
def test_cli_command_has_help_an_example_and_json(path: str) -> None:
    shown = CliRunner().invoke(cli, [*path.split(), "--help"], terminal_width=80)
    assert shown.exit_code == 0, shown.output
    assert re.search(rf"^ +(.*\| )?trapline {path}\b", shown.output, re.MULTILINE), (
        "help needs an example that calls it"
    )
    is_group = any(other.startswith(f"{path} ") for other in cli_paths())
    assert is_group or "--json" in shown.output


@pytest.mark.parametrize("name", members(cli_commands))
def test_the_list_of_commands_tells_what_each_says_of_itself(name: str) -> None:
    """It is read from the files, without their commands."""
    context = click.Context(cli)
    command = cli.get_command(context, name)
    assert command is not None
    listed = cli._listed(context, name)
    assert listed is not command
    assert listed.get_short_help_str(60) == command.get_short_help_str(60) != ""


def code(path: Path) -> Iterator[tuple[int, str]]:
    """The code of a Markdown page, by line: fenced blocks and `spans`."""
    fence = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        mark = re.match(r"\s*(`{3,}|~{3,})", line)
        if mark and (not fence or line.strip() == fence):
            fence = "" if fence else mark[1]
        elif fence:
            yield number, line
        else:
            for span in re.findall(r"`([^`]+)`", line):
                yield number, span


@pytest.mark.parametrize("page", PAGES)
def test_pages_name_only_what_exists(page: str) -> None:
    path = ROOT / page
    assert path.exists(), f"write {page}"
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    known = set(members(cli_commands))
    for number, text in code(path):
        for name in re.findall(r"(?:^|[|$;&(] *|-m )trapline ([a-z][a-z-]*)\b(?!\.)", text):
            assert name in known, f"{page}:{number}: there is no command 'trapline {name}'"
        for name in re.findall(r"(?:^|[$;&] *)make ([a-z]+)\b", text):
            assert name in targets, f"{page}:{number}: the Makefile has no target '{name}'"


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_repository_lead_somewhere(page: str) -> None:
    path = ROOT / page
    assert path.exists(), f"write {page}"
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target and not target.startswith("mailto:"):
            assert (path.parent / target).exists(), f"{page}: the link to {target} leads nowhere"
