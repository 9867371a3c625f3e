"""Dashboards of Dashboard Studio as views: the JSON of a dashboard in the XML that Splunk keeps it in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from trapline.content.model import Dashboard, Generation, Level, Problem
from trapline.content.yamlfile import MAX_BYTES
from trapline.splunkapp.conf import line_text
from trapline.splunkapp.knowledge import inside
from trapline.splunkapp.stories import xml_text


def view_name(one: Dashboard, label: str, form: Generation) -> str:
    """The file of the view; since S2 the label of the app stands before it."""
    return f"{one.stem}.xml".lower() if form is Generation.S1 else f"{label}__{one.stem}.xml".lower()


def view_xml(
    one: Dashboard, label: str, banner: Sequence[str], roots: Sequence[Path], problems: list[Problem]
) -> str | None:
    """The view. None, with a problem, where its JSON is absent, too large, no JSON or outside of the folders."""

    def wrong(reason: str) -> None:
        hint = "a .json of Dashboard Studio lies beside the .yml"
        problems.append(Problem(Level.ERROR, "build.dashboard", f"{reason}; it is left out", one.file, hint=hint))

    path = Path(one.definition)
    if not one.definition or not path.is_file() or not inside(path, roots):
        wrong("the definition of this dashboard is not there")
        return None
    if path.stat().st_size > MAX_BYTES:
        wrong(f"its definition is larger than {MAX_BYTES // 1_000_000} MB")
        return None
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        text = json.dumps(value, indent=4)
    except (OSError, ValueError, RecursionError) as error:
        wrong(f"its definition is no JSON: {str(error)[:80]}")
        return None
    notes = xml_text("\n".join(line_text(line) for line in banner)).replace("--", "- -")
    hidden = json.dumps({"hideEdit": False, "hideOpenInSearch": False, "hideExport": False}, indent=4)
    return (
        f'<!--\n{notes}\n-->\n<dashboard version="2" theme={quoteattr(xml_text(one.theme))}>\n'
        f"    <label>{escape(xml_text(line_text(f'{label} - {one.name}')))}</label>\n"
        f"    <description>{escape(xml_text(one.description))}</description>\n"
        f"    <definition><![CDATA[\n{_cdata(text)}\n    ]]></definition>\n"
        f'    <meta type="hiddenElements"><![CDATA[\n{hidden}\n    ]]></meta>\n</dashboard>\n'
    )


def _cdata(text: str) -> str:
    """JSON that cannot end its section: `>` as an escape, which JSON allows in its strings only, where it must be."""
    return text.replace("]]>", "]]\\u003e")
