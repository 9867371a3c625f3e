"""The `trapline` command. Each module of `cli.commands` is one command: its file name is its registration."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import pkgutil
import re
import signal
import sys
import threading
from importlib.abc import InspectLoader
from typing import Any

import click

from trapline.cli import commands
from trapline.errors import TraplineError

_HELP = re.compile(r'^def command\([^"]*?"""(.*?)(?:"""|\n\s*\n)', re.MULTILINE | re.DOTALL)


class _Group(click.Group):
    """Finds commands by file name and imports only the one that runs. `command` in each module is the click command."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(module.name for module in pkgutil.iter_modules(commands.__path__))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"{commands.__name__}.{name}")
        found: click.Command = module.command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, each with the first sentence of its help, read from its file: to import all of them
        takes as long as everything else."""
        names = self.list_commands(ctx)
        room = formatter.width - 6 - max(map(len, names))
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._listed(ctx, name).get_short_help_str(room)) for name in names])

    def _listed(self, ctx: click.Context, name: str) -> click.Command:
        """The command as far as the list needs it; all of it where its file does not tell."""
        spec = importlib.util.find_spec(f"{commands.__name__}.{name}")
        loader = spec.loader if spec is not None else None
        text = loader.get_source(spec.name) if isinstance(loader, InspectLoader) and spec is not None else None
        found = _HELP.search(text or "")
        command = click.Command(name, help=found[1]) if found is not None else self.get_command(ctx, name)
        assert command is not None
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], self.list_commands(ctx), 1)
            tail = f"Did you mean '{near[0]}'?" if near else "Run 'trapline --help' for the list."
            ctx.fail(f"No such command '{args[0]}'. {tail}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="trapline", prog_name="trapline")
def cli() -> None:
    """Run Splunk detection content without Splunk: raw logs in, findings and risk out.

    \b
    Start here:
      trapline demo                        hunt over sample logs and see one finding
      trapline hunt ./evidence             a folder of logs in, findings and ranked hosts out
      trapline search --data ./evidence 'EventCode=7045 | stats count by ServiceName'
    """


def main(argv: list[str] | None = None) -> None:
    """Entry point. Exit codes: 0 done, 1 the answer is no, 2 wrong input or usage, 3 something outside failed."""
    args = sys.argv[1:] if argv is None else argv
    told: list[bool] = []  # to end, by a signal
    # The folder where the user is may hold evidence: no process that is started looks for Python there.
    os.environ["PYTHONSAFEPATH"] = "1"
    if threading.current_thread() is threading.main_thread():
        # As an interrupt does: a hunt that is told to end takes its throwaway store along.
        def end(*_: object) -> None:
            told.append(True)
            sys.exit(143)

        signal.signal(signal.SIGTERM, end)
    try:
        code = cli.main(args=args, prog_name="trapline", standalone_mode=False)
        if isinstance(code, int) and code:
            sys.exit(code)
    except TraplineError as error:
        _report(error, as_json="--json" in args)
        sys.exit(error.exit_code)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(143 if told else 130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


def _report(error: TraplineError, *, as_json: bool) -> None:
    body: dict[str, Any] = {"error": error.to_json()}
    if as_json:
        click.echo(json.dumps(body, ensure_ascii=False))
    click.echo(error.render(), err=True)


if __name__ == "__main__":
    main()
