"""A schedule that is not there or cannot be read, so that the detection never runs, or two of them.

Its own one, else that of its type (facts/CONTENT.md §3): five fields of cron, time modifiers. Where `schedule` and
`custom_schedule` are both given, one would be left out without a word (facts/CONTENT.md §1.5).
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from trapline.content.model import Baseline, Deployment, Detection
from trapline.detect import cron
from trapline.errors import TraplineError
from trapline.times import time_bound
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.ERROR
REFUSED = True


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if isinstance(one, Deployment):
        found: Deployment | None = one
    elif isinstance(one, Detection | Baseline):
        found = one.deployment
        try:
            subject.tree.content.deployment_of(one)
        except TraplineError as error:
            yield Report(error.reason, error.hint, "schedule" if one.schedule_name else "type")
    else:
        return
    if subject.flat and subject.source.has("schedule") and subject.source.has("custom_schedule"):
        reason = "schedule and custom_schedule are both given: there can be one schedule only"
        yield Report(reason, "take one of the two out", "custom_schedule")
    if found is None:
        return
    path = "deployment.scheduling" if not isinstance(one, Deployment) else ("" if subject.flat else "scheduling")
    if not isinstance(one, Deployment) and subject.flat:
        path = "custom_schedule"
    schedule = found.schedule
    try:
        cron.parse(schedule.cron)
    except TraplineError as error:
        yield Report(error.reason, error.hint, f"{path}.cron_schedule".lstrip("."))
    for key, text in (("earliest_time", schedule.earliest), ("latest_time", schedule.latest)):
        try:
            time_bound(text or None, time.time(), what=key)
        except TraplineError as error:
            yield Report(error.reason, error.hint, f"{path}.{key}".lstrip("."))
