"""`trapline content new`: asks, and writes a detection with its filter macro and its test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trapline.cli.options import ADDON_HELP, json_option

if TYPE_CHECKING:
    from trapline.content.model import Generation, RiskObject, ThreatObject
    from trapline.content.new import Answers
    from trapline.content.tree import File
    from trapline.validate.finding import Finding

TYPES = ("TTP", "Anomaly", "Hunting", "Correlation")
DOMAINS = ("endpoint", "network", "threat", "identity", "access", "audit")
RISK_TYPES = ("user", "system", "other")


@click.command("new")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--generation",
    type=click.Choice(["s1", "s2", "s3"], case_sensitive=False),
    default="s2",
    show_default=True,
    help="s1: contentctl 4. s2: contentctl 5. s3: ESCU 6.",
)
@click.option("--name", metavar="TEXT", help="Name of the detection.")
@click.option("--type", "kind", type=click.Choice(TYPES, case_sensitive=False), help="What a finding leads to.")
@click.option("--description", metavar="TEXT", help="What it finds, and why that matters.")
@click.option("--search", metavar="SPL", help="The search. The filter macro is put at its end.")
@click.option("--risk-field", metavar="FIELD", help="Field of the rows whose risk is raised.")
@click.option("--risk-type", type=click.Choice(RISK_TYPES), help="What that field names.")
@click.option("--score", type=click.IntRange(1, 100), metavar="N", help="By how much, 1 to 100.")
@click.option("--message", metavar="TEXT", help="What the finding says, with tokens as $dest$.")
@click.option("--threat", "threats", multiple=True, metavar="FIELD:TYPE", help="What did it, as src:ip_address.")
@click.option("--data-source", "data_sources", multiple=True, metavar="NAME", help="Data source that it reads.")
@click.option("--story", "stories", multiple=True, metavar="NAME", help="Analytic story that it belongs to.")
@click.option("--mitre", multiple=True, metavar="ID", help="ATT&CK technique, as T1543.003.")
@click.option("--asset-type", metavar="TEXT", help="What it protects, as Endpoint or AWS Account.")
@click.option("--domain", type=click.Choice(DOMAINS), help="Security domain.")
@click.option("--category", metavar="NAME", help="Folder below detections/.")
@click.option("--author", metavar="NAME", help="Who wrote it.")
@click.option("--how-to-implement", metavar="TEXT", help="Which data has to be collected, and how.")
@click.option("--false-positives", metavar="TEXT", help="What is harmless and found all the same.")
@click.option("--reference", "references", multiple=True, metavar="URL", help="Where to read more.")
@click.option("--data", metavar="FILE|URL", help="Recorded attack for the test: a path below DIR, or a URL.")
@click.option("--source", metavar="TEXT", help="Source of that data.")
@click.option("--sourcetype", metavar="TEXT", help="Sourcetype of that data.")
@click.option("--no-input", is_flag=True, help="Ask nothing: take the defaults of what is not given.")
@click.option("--addon", "addons", metavar="DIR", multiple=True, help=ADDON_HELP)
@json_option
def new(folder: Path, generation: str, no_input: bool, addons: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Ask, and write a valid detection with its filter macro and its test into a content folder.

    Everything that is asked can be given as an option. Nothing is overwritten, and nothing is written that has errors
    by `trapline content validate`.

    \b
    Examples:
      trapline content new ./ours
      trapline content new ./ours --generation s3 --name "Odd Service" --type TTP
      trapline content new ./ours --no-input --name "Odd Service" --type Anomaly --risk-field dest \\
        --search '`wineventlog_system` EventCode=7045 | stats count by dest ServiceName'

    \b
    Exit codes: 0 written, 2 wrong input, or the detection would have errors.
    """
    from datetime import date

    from trapline.cli.render import clean, print_json
    from trapline.content import new as making
    from trapline.content.model import Generation

    wanted = Generation(generation.upper())
    answers = _Asker(given, ask=not no_input and not as_json).answers(wanted)
    made = making.files(answers, wanted, date.today())
    doubts = _checked(made, folder, addons)
    making.write(made, folder)
    paths = [folder / one.path for one in made]
    if as_json:
        print_json({"files": [str(one) for one in paths], "findings": [one.to_json() for one in doubts]})
        return
    for path in paths:
        click.echo(f"wrote {clean(str(path))}")
    for one in doubts:
        click.echo(clean(f"{one.level.value}: {one.field}: {one.reason}" + (f" ({one.hint})" if one.hint else "")))
    if answers.data and "://" not in answers.data and not (folder / answers.data).exists():
        click.echo(f"next: put the recorded events into {clean(str(folder / answers.data))}, then")
    else:
        click.echo("next:")
    click.echo(f"  trapline test {_quoted(paths[0])} --content {_quoted(folder)}")


def _quoted(path: Path) -> str:
    import shlex

    from trapline.cli.render import clean

    return clean(shlex.quote(str(path)))


def _checked(made: Sequence[File], folder: Path, addons: tuple[str, ...]) -> list[Finding]:
    """What `content validate` says of the new files, laid over what is in the folder. Raises TraplineError for
    errors."""
    import tempfile

    from trapline import app
    from trapline.cli.options import default_store
    from trapline.content.tree import put
    from trapline.errors import TraplineError
    from trapline.validate import check
    from trapline.validate.finding import Level

    with tempfile.TemporaryDirectory(prefix="trapline-") as aside:
        root = Path(aside)
        for one in made:
            put(one, root)
        held = folder.is_dir() and any(True for _ in folder.rglob("*.yml"))
        folders = [*([str(folder)] if held else []), aside]
        names = [str(root / one.path) for one in made]
        tree, ignores, asked = app.validation(folders, (), addons, names, app.attack(default_store()), check.Asked())
        found = check.validate(tree, asked, ignores).findings
    own = [one for one in found if Path(one.file).is_relative_to(root) or Path(one.file).is_relative_to(root.resolve())]
    wrong = [one for one in own if one.level is Level.ERROR]
    if wrong:
        told = "; ".join(f"{one.field}: {one.reason}" for one in wrong[:5])
        raise TraplineError(
            f"nothing was written: {told}", hint=wrong[0].hint or "change the answer", code="content.new"
        )
    return own


class _Asker:
    """Takes each answer from the options, else asks, else takes the default."""

    def __init__(self, given: dict[str, Any], *, ask: bool) -> None:
        self._given = given
        self._ask = ask

    def answers(self, generation: Generation) -> Answers:
        from trapline.cli.options import me
        from trapline.content import new as making
        from trapline.content.model import DetectionType, file_stem

        name = self._text("name", "Name of the detection")
        kind = DetectionType(self._choice("kind", "Type", TYPES, "TTP"))
        description = self._text("description", "What does it find", name)
        search = self._text("search", "Search (SPL, on one line)")
        risky = making.wants_risk(kind, generation)
        # A Correlation names whom its drilldowns are about, even where it raises no risk.
        risk = self._risk(name, risky) if risky or kind is DetectionType.CORRELATION else []
        domain = self._choice("domain", "Security domain", DOMAINS, "endpoint")
        category = self._text("category", "Folder below detections/", domain)
        stem = file_stem(name.strip())
        return making.Answers(
            name=name,
            type=kind,
            description=description,
            search=search,
            author=self._text("author", "Author", me()),
            risk=risk,
            threats=self._threats() if risky else [],
            data_sources=self._many("data_sources", "Data sources (names, commas between)"),
            stories=self._many("stories", "Analytic stories (names, commas between)"),
            mitre=self._many("mitre", "ATT&CK techniques (ids, commas between)"),
            asset_type=self._text("asset_type", "Asset type", "Endpoint"),
            security_domain=domain,
            category=category,
            how_to_implement=self._text(
                "how_to_implement", "How to implement it", "Collect the data sources that are named."
            ),
            known_false_positives=self._text("false_positives", "Known false positives", "None are known yet."),
            references=self._many("references", "References (URLs, commas between)"),
            data=self._text(
                "data",
                "Recorded attack for the test (path below the folder, or URL)",
                f"tests/{category}/{stem}/attack.log",
            ),
            source=self._text("source", "Source of that data", stem),
            sourcetype=self._text("sourcetype", "Sourcetype of that data", stem),
        )

    def _risk(self, name: str, whole: bool) -> list[RiskObject]:
        from trapline.content.model import RiskObject

        field = self._text("risk_field", "Whom is it about (field of the rows)", "dest")
        if not whole:
            return [RiskObject(field, "", 0, "")]
        kind = self._choice("risk_type", "What does it name", RISK_TYPES, "user" if "user" in field else "system")
        score = self._given["score"]
        if score is None:
            score = 50
            if self._ask:
                score = click.prompt("By how much is its risk raised", type=click.IntRange(1, 100), default=score)
        message = self._text("message", "What does the finding say", f"{name.strip()} on ${field}$")
        return [RiskObject(field, kind, score, message)]

    def _threats(self) -> list[ThreatObject]:
        from trapline.content.model import ThreatObject

        found = []
        for one in self._many("threats", "What did it (field:type as src:ip_address, commas between)"):
            field, colon, kind = one.partition(":")
            if not colon or not field.strip() or not kind.strip():
                raise click.UsageError(f"'{one}' is no threat object; write field:type, as src:ip_address.")
            found.append(ThreatObject(field.strip(), kind.strip()))
        return found

    def _text(self, key: str, question: str, default: str | None = None) -> str:
        given = self._given[key]
        if given is not None:
            return str(given)
        if self._ask:
            return str(click.prompt(question, default=default))
        if default is None:
            raise click.UsageError(f"--{key.replace('_', '-')} is missing.")
        return default

    def _choice(self, key: str, question: str, known: Sequence[str], default: str) -> str:
        given = self._given[key]
        if given is not None:
            return str(given)
        if not self._ask:
            return default
        return str(click.prompt(question, type=click.Choice(known, case_sensitive=False), default=default))

    def _many(self, key: str, question: str) -> list[str]:
        given = self._given[key]
        if given:
            return list(given)
        if not self._ask:
            return []
        text = str(click.prompt(question, default="", show_default=False))
        return [part.strip() for part in text.split(",") if part.strip()]
