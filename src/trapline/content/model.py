"""Detection content in memory: one model for the three file generations of Splunk's public content, and for its apps.

The generations (facts/CONTENT.md §0) are told apart per file by `read`; everything after reading sees only this model.
All objects are immutable. A missing text is "", a missing list is (), a missing object is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trapline.errors import InputError, Warn

if TYPE_CHECKING:
    from trapline.search import Macro as SearchMacro


class Generation(StrEnum):
    """Which shape a file was written in."""

    S1 = "S1"
    """To the end of 2024: `tags.observable`, `tags.message`, `tags.impact`, `tags.confidence`."""
    S2 = "S2"
    """2025: an `rba` block."""
    S3 = "S3"
    """ESCU 6, 2026: flat keys, `finding`, `intermediate_findings`, `threat_objects`."""
    APP = "app"
    """No YAML: the .conf files of a Splunk app (savedsearches.conf, macros.conf, ...)."""


YAML = (Generation.S1, Generation.S2, Generation.S3)
"""The generations of YAML files."""


class DetectionType(StrEnum):
    TTP = "TTP"
    ANOMALY = "Anomaly"
    HUNTING = "Hunting"
    CORRELATION = "Correlation"


class Status(StrEnum):
    PRODUCTION = "production"
    EXPERIMENTAL = "experimental"
    DEPRECATED = "deprecated"
    REMOVED = "removed"


class Severity(StrEnum):
    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @classmethod
    def of(cls, score: int) -> Severity:
        """The band of a risk score: to 20, 40, 60, 80 and above (facts/CONTENT.md §1.3)."""
        for limit, band in ((20, cls.INFORMATIONAL), (40, cls.LOW), (60, cls.MEDIUM), (80, cls.HIGH)):
            if score <= limit:
                return band
        return cls.CRITICAL


_SEVERITIES = frozenset(one.value for one in Severity)


class Level(StrEnum):
    ERROR = "error"
    """The object could not be used."""
    WARNING = "warning"
    """The object is used; something about it is doubtful."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a content file: place, reason, next step. `line` is 1-based, `field` a dotted path."""

    level: Level
    code: str
    reason: str
    file: str
    line: int | None = None
    field: str | None = None
    hint: str | None = None

    @property
    def place(self) -> str:
        return self.to_error().place

    def to_error(self) -> InputError:
        return InputError(
            self.reason, file=self.file, line=self.line, field=self.field, hint=self.hint, code=f"content.{self.code}"
        )

    def to_warn(self) -> Warn:
        return Warn(f"content.{self.code}", self.reason, self.hint, self.place)

    def to_json(self) -> dict[str, Any]:
        return {"level": self.level.value} | self.to_error().to_json()


def risk_score(confidence: int, impact: int) -> int:
    """The score of an S1 detection: confidence * impact / 100, a half going to the even number as in Python."""
    return round(confidence * impact / 100)


@dataclass(frozen=True, slots=True)
class Observable:
    """S1: a field of the result, what it holds and whether it did or suffered something, as written.

    The risk and threat objects of an `Rba` are made from these; the order across both is that of the file."""

    name: str
    type: str
    role: str
    """Victim or Attacker."""


@dataclass(frozen=True, slots=True)
class RiskObject:
    """What a finding raises the risk of: the result field that names it, and by how much."""

    field: str
    type: str
    """user, system or other."""
    score: int
    message: str
    """With $field$ tokens."""
    finding: bool = False
    """S3: the entity of the finding itself, not of an intermediate finding."""


@dataclass(frozen=True, slots=True)
class ThreatObject:
    """What did it: the result field that names it and its type (ip_address, process, ...)."""

    field: str
    type: str


@dataclass(frozen=True, slots=True)
class Rba:
    """Risk-based alerting of one detection. Its deployment decides whether risk events are made (`Deployment.rba`)."""

    message: str
    risk_objects: tuple[RiskObject, ...] = ()
    threat_objects: tuple[ThreatObject, ...] = ()
    impact: int | None = None
    """S1 only, as `confidence`."""
    confidence: int | None = None
    stored_score: int | None = None
    """The score written in an S1 file; the computed one counts."""
    observables: tuple[Observable, ...] = ()
    """S1 only: what the objects were made from."""

    @property
    def score(self) -> int:
        """S1: from confidence and impact. S2: the highest of the risk objects. S3: the finding's, else the highest."""
        if self.confidence is not None and self.impact is not None:
            return risk_score(self.confidence, self.impact)
        finding = [one.score for one in self.risk_objects if one.finding]
        return max(finding or [one.score for one in self.risk_objects], default=0)


# Observable -> risk or threat object as contentctl 4.4.4 maps them (facts/CONTENT.md §1.3). "user name", with a blank,
# is not among the users there, so a Victim of that type is an `other`.
_VICTIM = {
    **dict.fromkeys(("user", "username", "email address"), "user"),
    **dict.fromkeys(("device", "endpoint", "hostname", "ip address"), "system"),
}
_ATTACKER = {
    **dict.fromkeys(("process name", "process"), "process"),
    **dict.fromkeys(("file name", "file", "file hash"), "file_name"),
    "ip address": "ip_address",
    **dict.fromkeys(("url string", "url"), "url"),
}


def victim_type(observable: str) -> str:
    """The risk object type of a Victim observable."""
    return _VICTIM.get(observable.lower(), "other")


def attacker_type(observable: str) -> str:
    """The threat object type of an Attacker observable; a type without a rule stays as it is, in lower case."""
    return _ATTACKER.get(observable.lower(), observable.lower())


@dataclass(frozen=True, slots=True)
class Drilldown:
    """A follow-up search offered on a notable. Its texts hold $field$ tokens and %original_detection_search%."""

    name: str
    search: str
    earliest: str = ""
    latest: str = ""


@dataclass(frozen=True, slots=True)
class AttackData:
    """A recorded data set: `data` is a URL, or a path below the content folder."""

    data: str
    source: str = ""
    sourcetype: str = ""
    index: str = ""
    host: str = ""
    update_timestamp: bool = False
    """The times of the events are to be moved to now before they are searched."""


@dataclass(frozen=True, slots=True)
class DetectionTest:
    name: str
    attack_data: tuple[AttackData, ...] = ()
    kind: str = "unit"
    """unit, manual (S1, S2: tags.manual_test) or experimental (S3); only unit tests are run."""
    note: str = ""
    """Why the test is not run."""
    expected_results: int = 1


_PERIOD = re.compile(r"(\d+)([smhd]?)\Z")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Throttle:
    """At most one alert per period for the same values of the fields."""

    fields: tuple[str, ...]
    period: str
    """`<n>[s|m|h|d]`, a bare number counts seconds."""

    @property
    def seconds(self) -> int:
        """Raises ValueError for a period that is not one; `read` reports such a file."""
        found = _PERIOD.match(self.period.strip())
        if found is None:
            raise ValueError(f"not a period: {self.period}")
        return int(found[1]) * _SECONDS[found[2]]


class Relation(StrEnum):
    """How the number of results stands to that of an alert's condition (savedsearches.conf.spec, `relation`)."""

    MORE = "greater than"
    LESS = "less than"
    SAME = "equal to"
    OTHER = "not equal to"


@dataclass(frozen=True, slots=True)
class Trigger:
    """When the results of a run are findings: by their number. Without one any result is."""

    relation: Relation
    quantity: int

    def met(self, results: int) -> bool:
        match self.relation:
            case Relation.MORE:
                return results > self.quantity
            case Relation.LESS:
                return results < self.quantity
            case Relation.SAME:
                return results == self.quantity
            case Relation.OTHER:
                return results != self.quantity


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a search runs and over what: five cron fields, Splunk time modifiers."""

    cron: str
    earliest: str
    latest: str
    window: str = "0"
    """`auto` or minutes that a run may be delayed under load; never moves the time range."""
    continuous: bool = True
    """Runs that were missed are caught up with (realtime_schedule = 0). YAML has no other."""


@dataclass(frozen=True, slots=True)
class Email:
    """The e-mail that a deployment sends."""

    to: str
    subject: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Slack:
    """The Slack message that a deployment sends."""

    channel: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Phantom:
    """What a deployment hands to SOAR (Phantom). All as written."""

    server: str = ""
    label: str = ""
    sensitivity: str = ""
    severity: str = ""
    cam_workers: str = ""


@dataclass(frozen=True, slots=True)
class Deprecation:
    """Why an object is deprecated or removed, since which version of the app, and what takes its place."""

    reason: str = ""
    removed_in_version: str = ""
    replacement_content: tuple[str, ...] = ()
    """Names of detections or stories."""


@dataclass(frozen=True, slots=True)
class Notable:
    """How a finding becomes a notable: title and description with $field$ tokens and %name%, %description%."""

    title: str
    description: str
    fields: tuple[str, ...] = ()
    severity: str = ""
    """What an app says; "" = the band of the score."""
    next_steps: str = ""
    """What an app says is to be done next, with $field$ tokens."""


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """The stanza of savedsearches.conf that an object was read from, local over default."""

    name: str
    settings: Mapping[str, str] = field(default_factory=dict, compare=False)
    """All keys, as Splunk takes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What every kind of content has."""

    name: str
    id: str = ""
    version: int = 0
    created: date | None = None
    modified: date | None = None
    """S1 and S2 have one `date`, which is both."""
    author: str = ""
    description: str = ""
    references: tuple[str, ...] = ()
    status: Status = Status.PRODUCTION
    """Production where a file has none: in S1 only detections have one."""
    deprecation: Deprecation | None = None
    """S3: `deprecation_info` of the file. In S2 it is in a mapping for all (`Content.deprecation_of` asks both)."""
    file: str = ""
    """As given or found; "" for an object made in memory."""
    generation: Generation = Generation.S1
    extra: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Keys that the model does not know, as read (`tags.x` for a key below tags)."""

    @property
    def stem(self) -> str:
        """The file name without folder and suffix, or what it would be (facts/CONTENT.md §1.1): a .conf file is named
        after none of the objects in it."""
        if self.file and self.generation is not Generation.APP:
            return self.file.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]
        return safe_stem(self.name) if self.generation is Generation.APP else file_stem(self.name)

    @property
    def published(self) -> float | None:
        """Epoch seconds of the last change, 00:00 UTC (`publish_time` of ES metadata)."""
        if self.modified is None:
            return None
        day = self.modified
        return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def file_stem(name: str) -> str:
    """The file name of an object: lower case, blanks and - . / as _."""
    return re.sub(r"[ \-./]", "_", name.lower())


def safe_stem(name: str) -> str:
    """The file name of an object whose name may hold anything, as in an app."""
    return re.sub(r"\W", "_", file_stem(name))[:120] or "_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment(Item):
    """Defaults for all detections of a type, or the settings of one detection."""

    type: str
    schedule: Schedule
    notable: Notable | None = None
    rba: bool = False
    """Findings become risk events."""
    email: Email | None = None
    slack: Slack | None = None
    phantom: Phantom | None = None
    tags: Mapping[str, Any] = field(default_factory=dict)
    """As written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection(Item):
    type: DetectionType
    search: str
    data_source: tuple[str, ...] = ()
    """As written; an entry may combine several sources with AND (`data_source_names`)."""
    how_to_implement: str = ""
    known_false_positives: str = ""
    explanation: str = ""
    drilldowns: tuple[Drilldown, ...] = ()
    stories: tuple[str, ...] = ()
    asset_type: str = ""
    security_domain: str = ""
    mitre: tuple[str, ...] = ()
    """ATT&CK technique ids, as written."""
    cve: tuple[str, ...] = ()
    atomic_guids: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    """Threat groups that the author names (not those of ATT&CK)."""
    required_fields: tuple[str, ...] = ()
    rba: Rba | None = None
    title: str = ""
    """S3: title of the finding, with $field$ tokens."""
    tests: tuple[DetectionTest, ...] = ()
    manual_test: str = ""
    """S1, S2: why its tests can only be made by hand; then none of them is run."""
    baselines: tuple[str, ...] = ()
    """S3: names of the baselines that it needs."""
    throttle: Throttle | None = None
    deployment: Deployment | None = None
    """Settings of its own (inline), in place of those of its type."""
    schedule_name: str = ""
    """S3: the schedule it refers to."""
    enabled: bool = False
    category: str = ""
    """endpoint, cloud, ...: the folder below detections/."""
    annotations: Mapping[str, Any] = field(default_factory=dict)
    """What an app writes as action.correlationsearch.annotations; those of a YAML file follow from its other keys."""
    trigger: Trigger | None = None
    """Of an app: the condition of its alert."""
    saved: SavedSearch | None = None

    @property
    def severity(self) -> Severity:
        """The band of the score; without rba what the notable of an app says or follows from its annotations, else
        high (facts/CONTENT.md §1.4)."""
        if self.rba is not None:
            return Severity.of(self.rba.score)
        own = self.deployment.notable if self.deployment is not None else None
        if own is not None and own.severity in _SEVERITIES:
            return Severity(own.severity)
        match self.annotations.get("confidence"), self.annotations.get("impact"):
            case int(confidence), int(impact):
                return Severity.of(risk_score(confidence, impact))
        return Severity.HIGH

    @property
    def data_source_names(self) -> tuple[str, ...]:
        """The names of data_source, combinations taken apart, each once."""
        return unique(part.strip() for entry in self.data_source for part in re.split(r"\bAND\b", entry))

    @property
    def filter_macro(self) -> str:
        """The name of the macro that is there for the user's own exceptions (facts/CONTENT.md §1.6)."""
        return f"{self.stem}_filter"

    @property
    def rule_name(self) -> str:
        """The saved search that ES has for it: `search_name` of risk events and notables."""
        return self.saved.name if self.saved is not None else f"ESCU - {self.name} - Rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro(Item):
    definition: str
    args: tuple[str, ...] = ()
    iseval: bool = False
    """The definition is an eval expression, and its result the text."""
    validation: str = ""
    """An eval expression that says whether the arguments will do; of macros.conf only."""
    errormsg: str = ""
    """What is said where it is false or null."""

    @property
    def key(self) -> str:
        """`name`, or `name(2)` for a macro with two arguments: a name may be defined once per number of arguments."""
        return macro_key(self.name, len(self.args))

    def to_search(self) -> SearchMacro:
        """The macro as a search takes it."""
        from trapline.search import Macro as SearchMacro  # the search room loads the engine: only who searches pays

        return SearchMacro(self.name, self.definition, self.args, self.iseval, self.validation, self.errormsg)


def macro_key(name: str, args: int) -> str:
    return f"{name}({args})" if args else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup(Item):
    """A lookup definition. `kind` is csv, kvstore or mlmodel."""

    kind: str
    filename: str = ""
    """csv and mlmodel: the file beside the definition."""
    collection: str = ""
    fields: tuple[str, ...] = ()
    default_match: str = ""
    match_type: tuple[str, ...] = ()
    """`WILDCARD(field)` or `CIDR(field)`; a field without one matches exactly."""
    min_matches: int | None = None
    max_matches: int | None = None
    case_sensitive: bool = True
    case_given: bool = False
    """`case_sensitive` is written in the file, not merely the default."""
    filter: str = ""
    folder: str = ""
    """Where the table is; "" = beside the definition."""

    @property
    def table(self) -> Path | None:
        """The file with its rows, whether it is there or not; None for a collection."""
        if not self.file or not self.filename or self.kind == "kvstore":
            return None
        return Path(self.folder or Path(self.file).parent, self.filename.replace("\\", "/").rpartition("/")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Story(Item):
    """An analytic story: what belongs together. Its members are the detections that name it."""

    narrative: str = ""
    category: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    usecase: str = ""
    cve: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SupportedTa:
    name: str
    url: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource(Item):
    """What a detection reads: source, sourcetype and how one kind of event is told from the others."""

    source: str = ""
    sourcetype: str = ""
    separator: str = ""
    separator_value: str = ""
    configuration: str = ""
    supported_ta: tuple[SupportedTa, ...] = ()
    fields: tuple[str, ...] = ()
    output_fields: tuple[str, ...] = ()
    mitre_components: tuple[str, ...] = ()
    field_mappings: tuple[Mapping[str, Any], ...] = ()
    convert_to: tuple[Mapping[str, Any], ...] = ()
    example_log: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline(Item):
    """A search that prepares what a detection needs, mostly a lookup."""

    search: str
    how_to_implement: str = ""
    known_false_positives: str = ""
    stories: tuple[str, ...] = ()
    detections: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    required_fields: tuple[str, ...] = ()
    security_domain: str = ""
    deployment: Deployment | None = None
    schedule_name: str = ""
    """S3: the schedule it refers to."""
    saved: SavedSearch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Investigation(Item):
    """A search with $token$ inputs that helps to look into a finding (S1 only)."""

    search: str
    how_to_implement: str = ""
    known_false_positives: str = ""
    stories: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    required_fields: tuple[str, ...] = ()
    security_domain: str = ""
    saved: SavedSearch | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of its $token$ inputs, each once, in order."""
        return unique(re.findall(r"\$([^\s$]+)\$", self.search))


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook(Item):
    """A SOAR playbook: kept and shown, never run. Its .json and .py lie beside it under the same name."""

    type: str
    """Investigation or Response."""
    how_to_implement: str = ""
    playbook: str = ""
    app_list: tuple[str, ...] = ()
    platform_tags: tuple[str, ...] = ()
    playbook_type: str = ""
    vpe_type: str = ""
    playbook_fields: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    use_cases: tuple[str, ...] = ()
    defend_technique_ids: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    playbook_outputs: tuple[str, ...] = ()
    stories: tuple[str, ...] = ()
    detections: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """Paths of those files beside it that are there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard(Item):
    """A dashboard of Dashboard Studio: kept and shipped. Its definition is a .json beside it under the same name."""

    theme: str = "light"
    """light or dark."""
    definition: str = ""
    """Path of the .json, "" where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed(Item):
    """What was once content (below removed/): its name and id stay taken. Nothing else of it is used."""

    kind: str
    """The folder below removed/: detections, baselines, ..."""


def unique(items: Iterable[str]) -> tuple[str, ...]:
    """Each non-empty text once, in order."""
    return tuple(dict.fromkeys(item for item in items if item))
