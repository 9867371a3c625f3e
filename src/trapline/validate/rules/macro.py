"""A macro that nothing defines, in the search or in the definition of a macro that it calls.

Calls are found with the tokenizer that runs them, so that blanks in arguments, quotes and nested calls are seen;
contentctl looks at the search only (facts/CONTENT.md §1.6). A filter macro that no file defines lets everything pass.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from trapline.content.catalog import calls
from trapline.content.model import Baseline, Detection, Investigation, Macro
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.ERROR
REFUSED = True

DEEP = 30
EXTERNAL = ("drop_dm_object_name", "get_asset", "get_risk_severity", "cim_corporate_web_domain_search", "globedistance")
"""Parts of names that contentctl takes without a definition: apps beside Enterprise Security define them."""
OF_APPS = frozenset(("notable", "risk_index", "suppression", "get_notable_index", "get_event_id_meval"))
"""Macros of Enterprise Security itself."""


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if isinstance(one, Macro):
        text, path = one.definition, "definition"
    elif isinstance(one, Detection | Baseline | Investigation):
        text, path = one.search, "search"
    else:
        return
    seen: set[str] = set()
    for key, through in _missing(subject, text, (), seen):
        if isinstance(one, Macro) and through:
            continue  # told of at the macro that calls it
        if isinstance(one, Macro) and key in one.args:
            continue
        named = [known for known in subject.tree.macros if known.partition("(")[0] == key.partition("(")[0]]
        near = named or difflib.get_close_matches(key, list(subject.tree.macros), 1, 0.8)
        inside = f", which `{through[-1]}` calls," if through else ""
        hint = f"did you mean '{near[0]}'?" if near else "define it in macros/, or correct the name"
        name = key.partition("(")[0]
        if name in OF_APPS or any(part in name for part in EXTERNAL):
            reason = f"the macro '{key}'{inside} is one of Enterprise Security or the CIM add-on, and not here"
            yield Report(reason, "give its definition with --macros", path, level=Level.NOTE, refused=False)
            continue
        yield Report(f"the macro '{key}'{inside} is not defined", hint, path, refused=not through)


def _missing(
    subject: Subject, text: str, through: tuple[str, ...], seen: set[str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for call in calls(text):
        if call.key in seen or len(through) > DEEP:
            continue
        seen.add(call.key)
        macro = subject.tree.macros.get(call.key)
        if macro is None:
            yield call.key, through
        elif "`" in macro.definition:
            yield from _missing(subject, macro.definition, (*through, call.key), seen)
