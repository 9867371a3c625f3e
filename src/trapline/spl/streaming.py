"""Which commands are streaming: they work on one row at a time.

Source: Search Reference, "Command types" (distributable streaming). multisearch takes nothing else; union interleaves
datasets that are made of nothing else.
"""

from __future__ import annotations

from trapline.spl.command import Pipeline

_STREAMING = """
    addinfo addtotals bin bucket convert eval extract fieldformat fields fillnull foreach highlight iplocation kv lookup
    makemv multikv mvexpand nomv rangemap regex rename replace rex search spath strcat tags typer where xmlkv xpath
    xmlunescape fromjson tojson reltime
"""
STREAMING = frozenset(_STREAMING.split())

SOURCES = frozenset({"search", "from", "datamodel"})
"""What a streaming search of events may start with."""


def first_not_streaming(pipeline: Pipeline) -> str | None:
    """The name of the first command that is not streaming, None if all are."""
    for place, stage in enumerate(pipeline.stages):
        if stage.name not in STREAMING and not (place == 0 and stage.name in SOURCES):
            return stage.name
    return None
