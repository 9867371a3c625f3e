"""Settings of props.conf that are no rule of search time: known ones, with why they are not used, and unknown ones."""

from __future__ import annotations

import re

from trapline.errors import Warn
from trapline.knowledge.conf import Setting

_INDEX_TIME = re.compile(
    r"(SEDCMD|RULESET|METRICS|METRIC-SCHEMA-TRANSFORMS|STATSD-DIM-TRANSFORMS|SEGMENTATION|MORE_THAN|LESS_THAN)[-_].*"
    r"|CHARSET|LINE_BREAKER_\w+|MAX_\w+|EVENT_BREAKER\w*"
    r"|LB_CHUNK_BREAKER\w*|TZ_ALIAS|DETERMINE_TIMESTAMP_\w+|ADD_EXTRA_TIME_FIELDS"
    r"|FIELD_\w+|HEADER_FIELD_\w+|PREAMBLE_REGEX|TIMESTAMP_FIELDS|MISSING_VALUE_REGEX|STRUCTURED_\w+"
    r"|JSON_TRIM_\w+|SEGMENTATION|CHECK_FOR_HEADER|CHECK_METHOD|initCrcLength|PREFIX_SOURCETYPE|NO_BINARY_CHECK"
    r"|is_valid|force_local_processing|unarchive_\w+|invalid_cause|ANNOTATE_PUNCT|LEARN_\w+|maxDist|ROUTE_EVENTS_OLDER_THAN"
    r"|disabled|HEADER_MODE|given_type|TERMINATE_ON_\w+"
)
_SHOWN = frozenset({"description", "category", "pulldown_type"})
_AUTOMATIC = frozenset({"KV_TRIM_SPACES", "MATCH_LIMIT", "DEPTH_LIMIT"})


def unused(setting: Setting) -> Warn:
    """Why a setting has no effect on searches here. Codes: conf-index-time, conf-shown, conf-automatic,
    conf-unsupported, conf-unknown."""
    key = setting.key
    if key in _SHOWN:
        return Warn("conf-shown", f"{key} is for people only", where=setting.place)
    if key in _AUTOMATIC:
        return Warn(
            "conf-automatic", f"{key} is not used: fields of known formats are extracted at ingest", where=setting.place
        )
    if key == "KV_MODE":
        if setting.value.strip().lower().startswith("multi:"):
            reason = f"KV_MODE = {setting.value.strip()[:40]}: a stanza of multikv.conf is not used when logs are read"
            return Warn("conf-unsupported", reason, "| multikv takes tables apart in a search", setting.place)
        reason = f"KV_MODE is none, auto, auto_escaped, multi, json or xml, not '{setting.value.strip()[:40]}'"
        return Warn("conf-unsupported", reason, where=setting.place)
    if _INDEX_TIME.fullmatch(key):
        return Warn(
            "conf-index-time", f"{key} is a setting of index time, which ingest does not use", where=setting.place
        )
    return Warn("conf-unknown", f"{key} is not a known setting of props.conf", where=setting.place)
