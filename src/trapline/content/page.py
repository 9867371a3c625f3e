"""Everything about one detection in the order of its page (facts/CONTENT.md §7): gathered here, printed elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from trapline.content import enrich as enrichment
from trapline.content import yamlfile
from trapline.content.catalog import Content, calls, is_filter
from trapline.content.model import (
    DataSource,
    Deployment,
    Detection,
    DetectionTest,
    DetectionType,
    Level,
    Macro,
    Problem,
    Status,
    Story,
)
from trapline.content.read import LIBRARY
from trapline.errors import SplError, Warn
from trapline.spl.scan import COMMENT, split_pipes


@dataclass(frozen=True, slots=True)
class MacroUse:
    """A macro that the search calls, or that such a macro calls in turn."""

    key: str
    """`name` or `name(2)`, as it is looked up."""
    macro: Macro | None
    """None when nothing defines it."""
    inside: str = ""
    """The macro whose definition calls it; "" when the search does."""
    depth: int = 0
    """How many macros it is inside of."""
    own: bool = False
    """From the user's own macro file."""

    @property
    def title(self) -> str:
        """The name with the names of its arguments."""
        if self.macro is None or not self.macro.args:
            return self.key
        return f"{self.macro.name}({', '.join(self.macro.args)})"


@dataclass(frozen=True, slots=True)
class Source:
    """One row of the data source table; `known` is None for a name that the content does not define."""

    name: str
    platform: str
    known: DataSource | None


@dataclass(frozen=True, slots=True)
class TestingRow:
    """One row of the detection testing table."""

    kind: str
    status: str
    dataset: str = ""
    source: str = ""
    sourcetype: str = ""
    test: str = ""
    """The name of the test, of unit tests only."""


@dataclass(frozen=True, slots=True)
class Page:
    """A detection with all that the content and the enrichment tables say about it."""

    detection: Detection
    enriched: enrichment.Enriched
    sources: tuple[Source, ...]
    macros: tuple[MacroUse, ...]
    """Without the filter macro."""
    filter: MacroUse | None
    deployment: Deployment
    stories: tuple[tuple[str, Story | None], ...]
    tests: tuple[TestingRow, ...]
    warnings: tuple[Warn, ...]

    @property
    def search_lines(self) -> list[str]:
        return stages(self.detection.search)

    @property
    def filter_note(self) -> str:
        """What the filter macro is for, and what it does now."""
        if self.filter is None:
            return "The search calls no filter macro of its own: results can be dropped only by editing it."
        if self.filter.macro is not None and self.filter.macro.definition.strip() != "search *":
            where = f" in {self.filter.macro.file}" if self.filter.own else ""
            return f"{self.filter.key} is redefined{where}: results that do not pass it are dropped."
        return (
            f"{self.filter.key} is an empty macro by default. It is the place to drop known harmless results without "
            "editing the search: define it in a macros.conf or a YAML file of your own and give that with --macros."
        )

    @property
    def score_formula(self) -> str:
        """How the risk score comes about."""
        rba = self.detection.rba
        if rba is None:
            return ""
        if rba.confidence is not None and rba.impact is not None:
            return f"{rba.score} = round({rba.impact}*{rba.confidence}/100)"
        if any(one.finding for one in rba.risk_objects):
            return f"{rba.score}, the score of the finding"
        return f"{rba.score}, the highest of the risk objects"

    @property
    def configuration(self) -> list[tuple[str, str]]:
        """The rows of the default configuration."""
        deployment, detection = self.deployment, self.detection
        schedule, notable = deployment.schedule, deployment.notable
        rows = [
            ("Disabled", "false" if detection.enabled else "true"),
            ("Cron Schedule", schedule.cron),
            ("Earliest Time", schedule.earliest),
            ("Latest Time", schedule.latest),
            ("Schedule Window", schedule.window),
            ("Creates Notable", "Yes" if notable else "No"),
        ]
        if notable is not None:
            rows += [
                ("Rule Title", notable.title),
                ("Rule Description", notable.description),
                ("Notable Event Fields", ", ".join(notable.fields)),
            ]
        rows.append(("Creates Risk Event", "Yes" if deployment.rba else "No"))
        if detection.throttle is not None:
            rows.append(("Throttling", f"{detection.throttle.period} by {', '.join(detection.throttle.fields)}"))
        return rows

    def to_json(self) -> dict[str, Any]:
        """The page as one JSON object; keys stay the same from version to version, new ones may come."""
        detection, enriched, deployment = self.detection, self.enriched, self.deployment
        rba = detection.rba
        return {
            "name": detection.name,
            "id": detection.id,
            "version": detection.version,
            "date": detection.modified.isoformat() if detection.modified else None,
            "created": detection.created.isoformat() if detection.created else None,
            "author": detection.author,
            "status": detection.status.value,
            "type": detection.type.value,
            "products": list(detection.products),
            "category": detection.category,
            "generation": detection.generation.value,
            "file": detection.file,
            "description": detection.description,
            "search": detection.search,
            "data_source": [
                {
                    "name": one.name,
                    "platform": one.platform,
                    "source": one.known.source if one.known else None,
                    "sourcetype": one.known.sourcetype if one.known else None,
                    "supported_ta": [ta.name for ta in one.known.supported_ta] if one.known else [],
                }
                for one in self.sources
            ],
            "macros": [_macro_json(one) for one in self.macros],
            "filter_macro": None
            if self.filter is None
            else _macro_json(self.filter) | {"note": self.filter_note, "overridden": self.filter.own},
            "attack_version": enriched.attack_version,
            "attack": [
                {
                    "id": written,
                    "technique": technique.name if technique else None,
                    "technique_id": technique.id if technique else None,
                    "tactics": [tactic.name for tactic in technique.tactics] if technique else [],
                    "groups": list(technique.groups) if technique else [],
                }
                for written, technique in enriched.techniques
            ],
            "kill_chain_phases": list(enriched.kill_chain),
            "nist": list(enriched.nist),
            "cis": list(enriched.cis),
            "threat_actors": list(enriched.threat_actors),
            "annotations": enrichment.annotations_of(detection, enriched),
            "default_configuration": {
                "disabled": not detection.enabled,
                "cron_schedule": deployment.schedule.cron,
                "earliest_time": deployment.schedule.earliest,
                "latest_time": deployment.schedule.latest,
                "schedule_window": deployment.schedule.window,
                "creates_notable": deployment.notable is not None,
                "notable": None
                if deployment.notable is None
                else {
                    "rule_title": deployment.notable.title,
                    "rule_description": deployment.notable.description,
                    "nes_fields": list(deployment.notable.fields),
                },
                "creates_risk_event": deployment.rba,
                "throttling": None
                if detection.throttle is None
                else {"fields": list(detection.throttle.fields), "period": detection.throttle.period},
                "deployment": deployment.name,
                "note": deployment.description,
            },
            "how_to_implement": detection.how_to_implement,
            "known_false_positives": detection.known_false_positives,
            "analytic_story": [
                {"name": name, "description": story.description if story else None} for name, story in self.stories
            ],
            "rba": None
            if rba is None
            else {
                "message": rba.message,
                "risk_score": rba.score,
                "severity": detection.severity.value,
                "impact": rba.impact,
                "confidence": rba.confidence,
                "formula": self.score_formula,
                "risk_objects": [
                    {"field": one.field, "type": one.type, "score": one.score, "message": one.message}
                    for one in rba.risk_objects
                ],
                "threat_objects": [{"field": one.field, "type": one.type} for one in rba.threat_objects],
            },
            "references": list(detection.references),
            "tests": [
                {
                    "type": row.kind,
                    "status": row.status,
                    "dataset": row.dataset or None,
                    "source": row.source or None,
                    "sourcetype": row.sourcetype or None,
                }
                for row in self.tests
            ],
            "drilldown_searches": [
                {
                    "name": one.name,
                    "search": one.search,
                    "earliest_offset": one.earliest,
                    "latest_offset": one.latest,
                }
                for one in detection.drilldowns
            ],
            "warnings": [warn.to_json() for warn in self.warnings],
        }


def _macro_json(use: MacroUse) -> dict[str, Any]:
    return {
        "name": use.macro.name if use.macro else use.key.partition("(")[0],
        "arguments": list(use.macro.args) if use.macro else [],
        "value": use.macro.definition if use.macro else None,
        "defined_in": place(use.macro) if use.macro else None,
        "called_by": use.inside or None,
    }


def place(macro: Macro) -> str:
    """Where a macro is defined, in words."""
    if not macro.file:
        return "automatic"
    path = Path(macro.file)
    return f"built in: {path.relative_to(LIBRARY).as_posix()}" if path.is_relative_to(LIBRARY) else macro.file


def describe(
    content: Content, detection: Detection, attack_version: str | enrichment.Attack = enrichment.DEFAULT_ATTACK
) -> Page:
    """The page of a detection. Raises TraplineError when there is no deployment for it or no such ATT&CK version."""
    enriched = enrichment.enrich(detection, attack_version)
    uses, own_filter = _macros(content, detection)
    sources = tuple(
        Source(name, platform(name), content.data_sources.get(name)) for name in detection.data_source_names
    )
    stories = tuple((name, content.stories.get(name)) for name in detection.stories)
    problems = [problem for problem in content.problems if problem.file == detection.file]
    warnings = [
        *(problem.to_warn() for problem in problems),
        *(problem.to_warn() for problem in content.problems if problem.code == "unused-macro"),
        *enriched.warnings,
        *_undefined(detection, uses, sources, stories),
    ]
    return Page(
        detection=detection,
        enriched=enriched,
        sources=sources,
        macros=tuple(uses),
        filter=own_filter,
        deployment=content.deployment_of(detection),
        stories=stories,
        tests=tuple(_tests(content, detection, uses, problems)),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _macros(content: Content, detection: Detection) -> tuple[list[MacroUse], MacroUse | None]:
    """The macros of the search in the order of the calls, each once and followed by those it calls; and the filter."""
    found: dict[str, MacroUse] = {}
    own_filter = None
    waiting = [(call.key, "", 0) for call in calls(detection.search)]
    while waiting:
        key, inside, depth = waiting.pop(0)
        if key in found or (own_filter is not None and own_filter.key == key):
            continue
        macro = content.macro(key)
        if macro is None and is_filter(detection, key):  # a detection that was read but not added to the content
            macro = Macro(name=key, definition="search *")
        use = MacroUse(key, macro, inside, depth, key in content.overridden)
        if is_filter(detection, key):
            own_filter = use
        else:
            found[key] = use
        if macro is not None:
            waiting[:0] = [(inner.key, key, depth + 1) for inner in calls(macro.definition)]
    return list(found.values()), own_filter


def _undefined(
    detection: Detection,
    macros: list[MacroUse],
    sources: tuple[Source, ...],
    stories: tuple[tuple[str, Story | None], ...],
) -> list[Warn]:
    """Names that the detection uses and nothing defines."""
    where = detection.name
    found = []
    for use in macros:
        if use.macro is None:
            reason = f"the macro {use.key} is not defined: the search cannot run"
            found.append(Warn("content.unknown-macro", reason, "define it in a file given with --macros", where))
    found += [
        Warn("content.unknown-data-source", f"the data source '{one.name}' is not defined", None, where)
        for one in sources
        if one.known is None
    ]
    found += [
        Warn("content.unknown-story", f"the analytic story '{name}' is not defined", None, where)
        for name, story in stories
        if story is None
    ]
    return found


def _tests(content: Content, detection: Detection, macros: list[MacroUse], problems: list[Problem]) -> list[TestingRow]:
    broken = [use.key for use in macros if use.macro is None]
    bad = [problem for problem in problems if problem.level is Level.ERROR]
    rows = [TestingRow("Validation", "Failing" if broken or bad else "Passing", "N/A", "N/A", "N/A")]
    skipped = _skipped(detection)
    for test in detection.tests:
        status = skipped or _skipped_test(test) or "Not run"
        for data in test.attack_data:
            local = "://" not in data.data and content.data_path(data.data) is None
            dataset = f"{data.data} (not found)" if local else data.data
            rows.append(TestingRow("Unit", status, dataset, data.source, data.sourcetype, test.name))
        if not test.attack_data:
            rows.append(TestingRow("Unit", status, "N/A", "N/A", "N/A", test.name))
    if not detection.tests:
        rows.append(TestingRow("Unit", skipped or "No test", "N/A", "N/A", "N/A"))
    rules = detection.type in (DetectionType.HUNTING, DetectionType.CORRELATION)
    integration = f"Skipped: type {detection.type.value}" if rules else skipped or "Not run"
    rows.append(TestingRow("Integration", integration, "N/A", "N/A", "N/A"))
    return rows


def _skipped(detection: Detection) -> str:
    """Why a detection is not tested (facts/CONTENT.md §1.6)."""
    if detection.status is not Status.PRODUCTION:
        return f"Skipped: {detection.status.value}"
    if detection.type is DetectionType.CORRELATION:
        return "Skipped: type Correlation"
    return ""


def _skipped_test(test: DetectionTest) -> str:
    if test.kind == "unit":
        return ""
    return f"Skipped, {test.kind}: {test.note}" if test.note else f"Skipped: {test.kind}"


def stages(search: str) -> list[str]:
    """A search as lines, one per stage, for reading. One that has lines already keeps them."""
    if "\n" in search.strip():
        return search.strip().splitlines()
    masked = _mask(search)
    try:
        spans = split_pipes(masked, 0, len(masked))
    except SplError:
        return [search]
    texts = [search[span.start : span.end] for span in spans]
    lines = [text if at == 0 else f"| {text}" for at, text in enumerate(texts)]
    return lines if lines[0] else lines[1:]


def _mask(search: str) -> str:
    """The search with comments and macro calls blotted out, so that a pipe within them ends no stage."""
    text = search
    at = text.find(COMMENT)
    while at >= 0:
        end = text.find(COMMENT, at + 3)
        end = len(text) if end < 0 else end + 3
        text = text[:at] + "-" * (end - at) + text[end:]
        at = text.find(COMMENT, end)
    for call in calls(search):
        text = text[: call.start] + "-" * (call.end - call.start) + text[call.end :]
    return text


@lru_cache(maxsize=1)
def _platforms() -> list[tuple[str, str]]:
    path = enrichment.DATA / "platforms.yml"
    entries = yamlfile.parse(path.read_text(encoding="utf-8"), str(path))[0].plain()
    return [(entry["starts"].lower(), entry["platform"]) for entry in entries]


def platform(data_source: str) -> str:
    """The platform of a data source, by the beginning of its name; "" when the table has none."""
    name = data_source.lower()
    return next((shown for start, shown in _platforms() if name.startswith(start)), "")
