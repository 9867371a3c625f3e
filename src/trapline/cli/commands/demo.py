"""`trapline demo`: sample logs, a hunt over them, one finding."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from trapline.cli.options import json_option


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo-out"),
    show_default=True,
    metavar="DIR",
    help="Folder for the sample logs and the report.",
)
@json_option
def command(out: Path, as_json: bool) -> None:
    """Make sample logs, hunt over them and find the one thing that is wrong.

    The logs are synthetic: some thousand benign Windows events of six hosts, and one RemCom service install (lateral
    movement) among them. The report is written beside them.

    \b
    Example:
      trapline demo --out /tmp/demo

    \b
    Exit codes: 0 exactly that was found, 1 something else was.
    """
    from trapline import app
    from trapline.cli.hunttext import Progress, print_hunt
    from trapline.cli.render import clean, print_json
    from trapline.detect import report
    from trapline.errors import TraplineError
    from trapline.ingest.intake import Evidence
    from trapline.samples.write import write

    try:
        manifest = write(out)
    except OSError as error:
        reason = f"cannot write to {out}: {error.strerror or error}"
        raise TraplineError(reason, hint="name another folder with --out DIR", code="output") from error
    content = app.content()
    if not as_json:
        hosts = len({host for one in manifest.files for host in one.hosts})
        click.echo(
            f"Wrote {manifest.events:,} synthetic events of {hosts} Windows hosts to {clean(str(manifest.logs))}."
        )
        click.echo("One of them installs RemCom's service. Hunting for it ...\n")
    with Progress() as progress:
        result = app.hunt([Evidence(str(manifest.logs))], content, app.select(content), progress=progress)
    page = out / "report.html"
    report.write(result, page)
    found = [(one.detection, entry.value) for one in result.findings for entry in one.risk_objects]
    right = len(result.findings) == 1 and [value for _, value in found] == [manifest.host]
    if as_json:
        print_json(result.to_json() | {"demo": manifest.to_json() | {"found": right, "report": str(page)}})
    else:
        print_hunt(result)
        click.echo()
        if right:
            click.secho(f"Found: {found[0][0]} on {found[0][1]}, and nothing else.", fg="green", bold=True)
            click.echo(_next(manifest.logs, page, found[0][0]))
    if not right:
        expected = f"exactly one finding, on {manifest.host}, was expected; there are {len(result.findings):,}"
        click.echo(
            f"error: {expected}\n  hint: a defect; please report it with the output of trapline demo --json", err=True
        )
        sys.exit(1)


def _next(logs: Path, page: Path, detection: str) -> str:
    from trapline.cli.render import clean

    folder = shlex.quote(str(logs))
    return f"""
Next steps
  open {clean(str(page))} in a browser
  trapline show {shlex.quote(detection)}
  trapline search --data {folder} 'EventCode=7045 | stats count by host, ServiceName, ImagePath'
  trapline hunt ./your-evidence --out report.html
  trapline hunt ./your-evidence --content ./security_content"""
