"""What of an object is compared between two trees: the same words for all generations, so that a file that was only
rewritten in another generation has not changed.

Values are texts, numbers and lists of texts. Runs of blanks in prose do not count.
"""

from __future__ import annotations

import hashlib
import re
from typing import TypeAlias

from trapline.content.catalog import Content
from trapline.content.model import (
    Baseline,
    DataSource,
    Deployment,
    Detection,
    Investigation,
    Item,
    Lookup,
    Macro,
    Playbook,
    Schedule,
    Story,
)
from trapline.errors import TraplineError
from trapline.splunkapp.knowledge import inside, usable_file
from trapline.splunkapp.spltext import canonical

Value: TypeAlias = str | int | tuple[str, ...] | None
View: TypeAlias = dict[str, Value]

PROSE = frozenset(
    (
        "id",
        "version",
        "author",
        "created",
        "modified",
        "description",
        "references",
        "how to implement",
        "known false positives",
        "explanation",
        "narrative",
        "tests",
        "analytic stories",
        "status",
        "ATT&CK",
        "CVE",
        "threat groups",
        "atomic tests",
        "products",
        "asset type",
        "usecase",
        "category",
        "deprecation",
    )
)
"""Keys that change neither which events are found nor what is raised of them. `status` is told apart elsewhere."""

MAX_TABLE = 64_000_000


def view(one: Item, content: Content) -> View:
    """All that is compared of an object, its search left out (`search_of`)."""
    found: View = {
        "id": one.id.lower(),
        "version": one.version,
        "author": one.author,
        "status": one.status.value,
        "created": one.created.isoformat() if one.created else None,
        "modified": one.modified.isoformat() if one.modified else None,
        "description": _prose(one.description),
        "references": one.references,
    }
    why = content.deprecation_of(one)
    if why is not None:
        found["deprecation"] = f"{why.removed_in_version}: {_prose(why.reason)}".strip(": ")
    match one:
        case Detection():
            found |= _detection(one, content)
        case Baseline():
            found |= _schedule(_effective(one, content)) | {
                "how to implement": _prose(one.how_to_implement),
                "known false positives": _prose(one.known_false_positives),
                "analytic stories": _sorted(one.stories),
                "detections": _sorted(one.detections),
            }
        case Investigation():
            found |= {"analytic stories": _sorted(one.stories), "inputs": one.inputs}
        case Macro():
            found |= {"arguments": one.args}
        case Lookup():
            found |= _lookup(one, content)
        case Story():
            found |= {
                "narrative": _prose(one.narrative),
                "category": one.category,
                "usecase": one.usecase,
                "products": _sorted(one.products),
                "CVE": _sorted(one.cve),
            }
        case DataSource():
            found |= {
                "source": one.source,
                "sourcetype": one.sourcetype,
                "separator": one.separator,
                "separator value": one.separator_value,
                "fields": _sorted(one.fields),
                "output fields": _sorted(one.output_fields),
                "add-ons": tuple(f"{ta.name} {ta.version}".strip() for ta in one.supported_ta),
            }
        case Deployment():
            found |= _deployment(one)
        case Playbook():
            found |= {"type": one.type, "analytic stories": _sorted(one.stories)}
        case _:
            pass
    return {key: value for key, value in found.items() if value not in (None, "", ())}


def search_of(one: Item) -> str | None:
    """The SPL of an object; None for one that has none."""
    match one:
        case Detection() | Baseline() | Investigation():
            return one.search
        case Macro():
            return one.definition
        case _:
            return None


def digest(one: Item, content: Content) -> str:
    """12 hexadecimal digits that are the same as long as the object does the same, whatever its file looks like."""
    seen = {key: value for key, value in view(one, content).items() if key not in PROSE}
    search = search_of(one)
    text = repr((sorted(seen.items()), None if search is None else canonical(search)))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def _prose(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _sorted(items: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(items))


def _effective(one: Detection | Baseline, content: Content) -> Deployment | None:
    try:
        return content.deployment_of(one)
    except TraplineError:
        return None


def _schedule(found: Deployment | None) -> View:
    schedule: Schedule | None = found.schedule if found is not None else None
    if schedule is None:
        return {}
    return {
        "cron schedule": schedule.cron,
        "earliest time": schedule.earliest,
        "latest time": schedule.latest,
        "schedule window": schedule.window,
        "missed runs": None if schedule.continuous else "left out",
    }


def _detection(one: Detection, content: Content) -> View:
    deployment = _effective(one, content)
    rba = one.rba
    throttle = one.throttle
    found: View = {
        "type": one.type.value,
        "data source": _sorted(one.data_source),
        "how to implement": _prose(one.how_to_implement),
        "known false positives": _prose(one.known_false_positives),
        "explanation": _prose(one.explanation),
        "analytic stories": _sorted(one.stories),
        "ATT&CK": _sorted(one.mitre),
        "CVE": _sorted(one.cve),
        "threat groups": _sorted(one.groups),
        "atomic tests": _sorted(one.atomic_guids),
        "asset type": one.asset_type,
        "security domain": one.security_domain,
        "products": _sorted(one.products),
        "throttling": None if throttle is None else f"{throttle.period} by {', '.join(throttle.fields)}",
        "drilldowns": tuple(f"{_prose(drill.name)}: {' | '.join(canonical(drill.search))}" for drill in one.drilldowns),
        "tests": tuple(data.data for test in one.tests for data in test.attack_data),
        "enabled by default": "yes" if one.enabled else "no",
        "condition": None if one.trigger is None else f"results {one.trigger.relation} {one.trigger.quantity}",
    }
    if rba is not None:
        found |= {
            "risk message": _prose(rba.message),
            "risk score": rba.score,
            "risk objects": tuple(f"{risk.field} ({risk.type}) {risk.score}" for risk in rba.risk_objects),
            "threat objects": tuple(f"{threat.field} ({threat.type})" for threat in rba.threat_objects),
        }
    if deployment is not None:
        found |= _schedule(deployment) | {
            "creates notable": "yes" if deployment.notable is not None else "no",
            "creates risk": "yes" if deployment.rba else "no",
        }
        message = "" if one.rba is None else one.rba.message  # which is the title where none is given
        if deployment.notable is not None and one.title not in ("", message):
            found["title"] = _prose(one.title)
    return found


def _deployment(one: Deployment) -> View:
    notable = one.notable
    found: View = {"type": one.type, "creates risk": "yes" if one.rba else "no", **_schedule(one)}
    if notable is not None:
        found |= {"rule title": notable.title, "rule description": notable.description, "fields": notable.fields}
    if one.email is not None:
        found["e-mail to"] = one.email.to
    if one.slack is not None:
        found["Slack channel"] = one.slack.channel
    return found


def _lookup(one: Lookup, content: Content) -> View:
    found: View = {
        "kind": one.kind,
        "filename": one.filename,
        "collection": one.collection,
        "fields": one.fields,
        "default match": one.default_match,
        "match type": _sorted(one.match_type),
        "min matches": one.min_matches,
        "max matches": one.max_matches,
        "case sensitive": "yes" if one.case_sensitive else "no",
        "filter": one.filter,
    }
    path = one.table
    if path is not None and usable_file(one.filename) and path.is_file() and inside(path, content.roots):
        size = path.stat().st_size
        if size <= MAX_TABLE:
            data = path.read_bytes().replace(b"\r\n", b"\n")
            rows = data.rstrip(b"\n").count(b"\n")
            found["table"] = f"{rows:,} rows, {hashlib.sha256(data).hexdigest()[:12]}"
    return found
