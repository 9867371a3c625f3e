"""Keys of savedsearches.conf that no object has a place for: what they would do, and whether that has to be told.

The lists are data (`data/savedsearches_keys.yml`). Source: savedsearches.conf.spec.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from trapline.content import yamlfile
from trapline.content.model import Relation, Trigger
from trapline.content.stanza import Stanza
from trapline.knowledge.conf import truth

TAKEN = frozenset(("correlationsearch", "email", "escu", "notable", "risk", "sendtophantom", "slack"))
"""Actions that are read."""
_NO_ALERT = frozenset(("escu", "lookup", "populate_lookup", "summary_index"))
_ACTION = re.compile(r"action\.([^.]+)\Z")
_CONDITION = (
    *("counttype", "relation", "quantity", "alert_condition"),
    *("alert_type", "alert_comparator", "alert_threshold", "alert.digest_mode"),
)
"""Keys of an alert's condition; the second line by the names that they have in REST."""


def on(keys: Stanza, action: str) -> bool:
    """Is the action switched on, by its own key or in the list `actions`?"""
    listed = [one.strip() for one in keys.text("actions").split(",")]
    return keys.flag(f"action.{action}", action in listed)


def alerts(keys: Stanza) -> bool:
    """Does something come of its rows?"""
    names = _named(keys) - _NO_ALERT
    track = keys.text("alert.track").strip().lower()
    return (
        any(on(keys, name) for name in names) or keys.flag("action.correlationsearch.enabled") or truth(track) is True
    )


def _named(keys: Stanza) -> set[str]:
    """The actions that have a key of their own, on or off, or stand in the list."""
    listed = {one.strip() for one in keys.text("actions").split(",")} - {""}
    return listed | {found[1] for key in keys.settings if (found := _ACTION.match(key))}


def condition(keys: Stanza) -> Trigger | None:
    """How many results make an alert; None where any does. A condition that cannot be followed is told."""
    keys.setting("alert.digest_mode")

    def said(*names: str) -> str:
        return next((text for name in names if (text := keys.text(name).strip())), "")

    kind, relation = said("counttype", "alert_type").lower(), said("relation", "alert_comparator").lower()
    quantity, search = said("quantity", "alert_threshold"), said("alert_condition")
    hint = "write the condition into the search: | where ..."
    if search and kind in ("", "custom"):
        keys.warn("condition", "a condition that is a search over the results is not followed", _at(keys), hint)
        return None
    if kind in ("", "always") or not (relation or quantity):
        return None
    known = next((one for one in Relation if one.value == relation), None)
    if kind != "number of events" or known is None or not (quantity.isascii() and quantity.isdigit()):
        whole = f"{kind} {relation} {quantity}"[:80]
        keys.warn("condition", f"the condition '{whole}' is not followed: any result is a finding", _at(keys), hint)
        return None
    found = Trigger(known, int(quantity[:18]))
    if found.met(0):
        keys.warn("condition", "where nothing is found this alerts in Splunk, and raises nothing here", _at(keys), hint)
    return None if found == Trigger(Relation.MORE, 0) else found


def _at(keys: Stanza) -> str:
    return next((one for one in _CONDITION if keys.given(one)), "")


def silent(keys: Stanza) -> None:
    """Passes over what says when a search alerts and what comes of it, for one that does not alert."""
    keys.asked.update(key for key in keys.settings if key in _CONDITION or key.startswith(("alert.", "action.")))


def unscheduled(keys: Stanza) -> None:
    """Passes over what says when a search runs, for one that nothing runs."""
    keys.asked.update(("cron_schedule", "schedule_window", "realtime_schedule"))
    keys.asked.update(("dispatch.earliest_time", "dispatch.latest_time"))


def rest(keys: Stanza) -> dict[str, Any]:
    """The keys that nobody asked for and that would have an effect in Splunk, with their values; each is told."""
    for key in ("disabled", "enableSched", "actions", "search", "action.correlationsearch.enabled", "action.escu.eli5"):
        keys.setting(key)
    found: dict[str, Any] = {}
    for name in sorted(_named(keys) - TAKEN):
        if on(keys, name):
            key = f"action.{name}"
            found[key] = "1"
            keys.warn(
                "action",
                f"the action '{name[:40]}' is not taken here",
                key,
                "an output can do it from here: docs/outputs.md",
            )
    for key, setting in keys.unread().items():
        action = key.split(".")[1] if key.startswith("action.") else ""
        if action and (action not in TAKEN or not on(keys, action)):
            continue  # told of with its action, or of one that is off
        if _quiet().match(key):
            continue
        found[key] = setting.value
        reason = next((why for pattern, why in _unsupported() if pattern.match(key)), None)
        if reason is not None:
            if setting.value.strip():
                keys.warn(
                    "unsupported",
                    f"{key.rpartition('.')[2][:40]} has no effect: {reason}",
                    key,
                    "delete the key, or leave it for Splunk",
                )
            continue
        near = difflib.get_close_matches(key, keys.asked, 1, 0.8)
        hint = f"did you mean '{near[0]}'?" if near else "correct the key, or leave it for Splunk"
        keys.warn("unknown-key", "this key is not known; it is kept but has no effect", key, hint)
    return found


@lru_cache(maxsize=1)
def _lists() -> Mapping[str, Any]:
    path = Path(__file__).resolve().parent / "data" / "savedsearches_keys.yml"
    found: Mapping[str, Any] = yamlfile.parse(path.read_text(encoding="utf-8"), str(path))[0].plain()
    return found


@lru_cache(maxsize=1)
def _quiet() -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(one) for one in _lists()["quiet"]))


@lru_cache(maxsize=1)
def _unsupported() -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(fnmatch.translate(key)), why) for key, why in _lists()["unsupported"].items()]
