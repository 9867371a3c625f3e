"""analyticstories.conf, and what ES shows of response tasks: panels and links (facts/CONTENT.md §4.4)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from trapline.content.enrich import mappings
from trapline.content.model import Detection, Generation, Investigation, Story
from trapline.splunkapp import derive, flat
from trapline.splunkapp.conf import Stanza, compact_text, json_text, line_text
from trapline.splunkapp.searches import Place

_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def rule(one: Detection, place: Place, form: Generation) -> Stanza:
    """What a story tells of a detection."""
    if form is Generation.S3:
        return flat.story_rule(one, place)
    out = Stanza(f"savedsearch://{derive.rule_stanza(place.label, one)}")
    out.add("type", "detection")
    out.add("asset_type", one.asset_type)
    out.add("confidence", "medium")
    plain = one.explanation or one.description
    out.add("explanation", plain if form is Generation.S1 else derive.warned(one, "detection"))
    out.add("how_to_implement", one.how_to_implement or "none")
    out.add("annotations", json_text(mappings(one, derive.enriched(one, place.attack))))
    out.add("known_false_positives", one.known_false_positives)
    used = derive.technologies(one.search)
    out.add("providing_technologies", json_text(used) if used else "null")
    return out


def task(one: Investigation, place: Place) -> Stanza:
    out = Stanza(f"savedsearch://{derive.task_stanza(place.label, one)}")
    out.add("type", "investigation")
    out.add("explanation", "none")
    out.add("how_to_implement", one.how_to_implement or "none")
    out.add("known_false_positives", "not defined")
    out.add("earliest_time_offset", 14400)
    out.add("latest_time_offset", 0)
    return out


def story(one: Story, searches: Sequence[str], form: Generation) -> Stanza:
    """`searches`: the stanzas of its members."""
    author, _, company = (part.strip() for part in one.author.partition(","))
    maintainer = {"company": company or "no", "email": "-", "name": author or "no"}
    text = compact_text if form is Generation.S3 else json_text
    names = sorted(searches) if form is Generation.S3 else list(searches)
    out = Stanza(f"analytic_story://{one.name}")
    out.add("category", one.category[0] if one.category else "Uncategorized")
    out.add("last_updated", one.modified.isoformat() if one.modified else "")
    out.add("version", one.version)
    out.add("references", text(list(one.references)))
    out.add("maintainers", text([maintainer]))
    out.add("spec_version", 3)
    out.add("searches", text(names))
    out.add("description", one.description if form is Generation.S1 else derive.warned(one, "story"))
    out.add("narrative", one.narrative)
    return out


_VALUES = {"user": "identity", "dest": "asset"}


def panel_name(one: Investigation) -> str:
    return f"workbench_panel_{one.stem}___response_task"


def panel(one: Investigation) -> Stanza:
    """es_investigations.conf: the panel of a task in the workbench, and what its tokens stand for."""
    tokens: dict[str, Any] = {
        name: {
            "valuePrefix": '"',
            "valueSuffix": '"',
            "delimiter": f" OR {name}=",
            "valueType": "primitive",
            "value": _VALUES.get(name, "file"),
            "default": "null",
        }
        for name in one.inputs
    }
    out = Stanza(f"panel://{panel_name(one)}")
    out.add("label", one.name)
    out.add("description", one.description)
    out.add("disabled", 0)
    out.add("tokens", compact_text(tokens))
    return out


def xml_text(text: str) -> str:
    """The text without characters that no XML may hold."""
    return _NOT_XML.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))


def panel_xml(one: Investigation, banner: Sequence[str]) -> str:
    notes = xml_text("\n".join(line_text(line) for line in banner)).replace("--", "- -")
    return (
        f"<!--\n{notes}\n-->\n<panel>\n  <table>\n    <search>\n      <query>{escape(xml_text(one.search))}</query>\n"
        '    </search>\n    <option name="drilldown">cell</option>\n    <option name="wrap">false</option>\n'
        "  </table>\n</panel>\n"
    )


def link(one: Investigation) -> Stanza | None:
    """workflow_actions.conf: a task with one input is offered in the menu of that field."""
    inputs = one.inputs
    if len(inputs) != 1:
        return None
    kind = "identity" if inputs[0] == "user" else "asset"
    out = Stanza(panel_name(one))
    out.add("label", f"Workbench - {one.name}")
    out.add("type", "link")
    out.add("fields", inputs[0])
    out.add("display_location", "field_menu")
    out.add(
        "link.uri",
        f"/app/$@namespace$/ess_workbench_panel?type_{kind}=$@field_value$&panel={panel_name(one)}"
        "&drilldown_field=$@field_name$&use_drilldown_time=true",
    )
    out.add("link.target", "blank")
    out.add("link.method", "get")
    return out
