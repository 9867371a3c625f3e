"""Events of the scheduler's index: its runs, what exceptions hid of them, and for which of them events came late."""

from __future__ import annotations

import json

from trapline.detect import risk
from trapline.detect.actions import Decided
from trapline.state.journal import Run, Status
from trapline.values import Row

SCHEDULER = "_scheduler"
"""The index of the runs, as Splunk's scheduler log has them."""
EXCEPTIONS = "exceptions"
"""The sourcetype of events in that index that tell what exceptions hid."""
LATE = "late"
"""The sourcetype of those that tell for which runs events came late."""


def ran(run: Run, decided: Decided | None = None) -> Row:
    """A run as an event of the scheduler's index, with the names that Splunk's scheduler.log has."""
    fields: dict[str, str] = {
        "savedsearch_name": run.search,
        "status": "success" if run.status is Status.DONE else run.status.value,
        "scheduled_time": f"{run.scheduled:.0f}",
        "dispatch_time": f"{run.started:.0f}",
        "run_time": f"{run.seconds:.3f}",
        "result_count": str(run.rows),
        "findings": str(run.findings),
        "search_type": run.kind.value,
        "sid": run.sid,
    }
    fields |= _window(run)
    if decided is not None and (decided.held_back or decided.exempt):
        fields |= {"suppressed": str(decided.held_back), "exempt": str(decided.exempt)}
    if run.duplicates or run.capped:
        fields |= {"risk_duplicates": str(run.duplicates), "risk_capped": str(run.capped)}
    if run.reason:
        fields["reason"] = run.reason
    row: Row = {"_time": run.scheduled, "source": "scheduler.log", "sourcetype": "scheduler"}
    return row | fields | {"_raw": risk.stash(run.scheduled, fields)}


def hidden(run: Run, decided: Decided) -> list[Row]:
    """What exceptions hid of a run, an event for each."""
    made = []
    for one in decided.hidden:
        fields = {
            "exception": one.exception,
            "savedsearch_name": run.search,
            "scheduled_time": f"{run.scheduled:.0f}",
            "dispatch_time": f"{run.started:.3f}",
            "sid": run.sid,
            "hidden": str(one.count),
        }
        row: Row = {"_time": run.scheduled, "source": "exceptions.log", "sourcetype": EXCEPTIONS}
        samples = [json.dumps(sample, ensure_ascii=False) for sample in one.samples]
        made.append(row | fields | {"sample": [*samples], "_raw": risk.stash(run.scheduled, fields)})
    return made


def late(run: Run, count: int, seen: float) -> Row:
    """So many events came for a run after it: they were seen at a moment (epoch seconds)."""
    fields = {
        "savedsearch_name": run.search,
        "scheduled_time": f"{run.scheduled:.0f}",
        "sid": run.sid,
        "late": str(count),
        **_window(run),
    }
    row: Row = {"_time": seen, "source": "late.log", "sourcetype": LATE}
    return row | fields | {"_raw": risk.stash(seen, fields)}


def _window(run: Run) -> dict[str, str]:
    bounds = {"window_earliest": run.earliest, "window_latest": run.latest}
    return {name: f"{bound:.0f}" for name, bound in bounds.items() if bound is not None}
